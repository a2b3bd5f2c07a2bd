"""Events as lines on standard error: JSON for machines, or a short text for people."""

import json
import sys
from datetime import UTC, datetime

from prelo.core.job import Job


class JsonObserver:
    """One JSON object a line: time, event, the job's identity, and the event's own fields."""

    def event(self, name: str, job: Job | None = None, **fields: object) -> None:
        _write(json.dumps(_facts(name, job, fields), default=str, ensure_ascii=False))


class TextObserver:
    """One line for people: the time, the event, and what matters of the job."""

    def event(self, name: str, job: Job | None = None, **fields: object) -> None:
        facts = _facts(name, job, fields)
        rest = " ".join(
            f"{key}={value}" for key, value in facts.items() if key not in {"time", "event"}
        )
        _write(f"{datetime.now().astimezone():%H:%M:%S}  {name:<18} {rest}")


def _facts(name: str, job: Job | None, fields: dict[str, object]) -> dict[str, object]:
    facts: dict[str, object] = {
        "time": datetime.now(UTC).isoformat(timespec="milliseconds"),
        "event": name,
    }
    if job is not None:
        facts |= {
            "job_id": job.id,
            "tenant": job.tenant,
            "report": job.report,
            "format": job.format,
            "state": job.state,
            "attempt": job.attempt,
            "fence": job.fence,
            "trace_id": job.trace,
        }
        if job.error is not None:
            facts |= {"error": job.error.type, "detail": job.error.detail}
    facts |= fields
    return {key: value for key, value in facts.items() if value is not None}


def _write(line: str) -> None:
    try:
        sys.stderr.write(line + "\n")
        sys.stderr.flush()
    except (OSError, ValueError):
        return  # nobody reads our log; the work goes on
