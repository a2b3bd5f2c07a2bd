"""What words between processes are about."""

CANCELS = "cancels"
"""Where workers listen for wishes to stop: a word is a job's id. One topic for all, since a topic for each
attempt would be two round trips for each, and wishes are few.
"""


def job_topic(job_id: str) -> str:
    """Where news of a job is published."""
    return f"job:{job_id}"
