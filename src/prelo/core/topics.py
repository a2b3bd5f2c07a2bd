"""What words between processes are about."""

CANCELS = "cancels"
"""Where workers listen for wishes to stop: a word is a job's id. One topic for all, since a topic for each
attempt would be two round trips for each, and wishes are few.
"""


def news_topic(tenant: str) -> str:
    """Where it is said that a tenant's job has changed: a word is the job's id. One topic for all of them, so
    that who follows many hears of them by one subscription; who wants one job's words only says so.
    """
    return f"news:{tenant}"
