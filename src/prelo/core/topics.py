"""What words between processes are about."""


def job_topic(job_id: str) -> str:
    """Where news of a job is published."""
    return f"job:{job_id}"


def cancel_topic(job_id: str) -> str:
    """Where a running job's worker listens for a wish to stop."""
    return f"cancel:{job_id}"
