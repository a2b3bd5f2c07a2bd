"""A notice: the news of a job's end for one channel, and the only ways it may change.

It is written in the transaction that ends the job, and tried until the receiver has it or the schedule is
over. Every try has the same id and says the same: a receiver that knows the id has had it before.

    waiting ──take──▶ waiting (leased) ──settle──▶ sent, dead, or waiting again
       ▲                                             │
       └───────────────── replay ────────────────────┘
"""

import hashlib
import json
import uuid
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, Literal

from prelo.core.channel import Kind
from prelo.core.job import Job, State
from prelo.core.model import Model

JobEvent = Literal["succeeded", "failed", "dead", "cancelled", "expired"]
Event = JobEvent | Literal["ping"]
EVENTS: tuple[JobEvent, ...] = ("succeeded", "failed", "dead", "cancelled", "expired")
MEDIA_TYPE = "application/cloudevents+json"
MAIL_HOST = "@"  # whatever their addresses, all mails go by one server

_HOUR = 3_600
# Seconds before each try, as Standard Webhooks 1.0 proposes: three days and a few hours in all.
SCHEDULE = (0, 5, 300, 1_800, 2 * _HOUR, 5 * _HOUR, 10 * _HOUR, 14 * _HOUR, 20 * _HOUR, 24 * _HOUR)
LONGEST_MS = 24 * _HOUR * 1_000  # what a Retry-After may ask for
_SPREAD = 0.2


def delay(attempt: int, chance: float, retry_after_ms: int = 0) -> int | None:
    """Milliseconds until the try after try number `attempt` (1 is the first); None: that was the last.

    `chance` in [0, 1) spreads it by a tenth to both sides. A Retry-After is a lower bound, up to a day.
    """
    if attempt >= len(SCHEDULE):
        return None
    planned = SCHEDULE[attempt] * 1_000 * (1 - _SPREAD / 2 + _SPREAD * chance)
    return max(int(planned), min(retry_after_ms, LONGEST_MS))


class NoticeState(StrEnum):
    """WAITING for its next try, or under way; SENT: the receiver has it; DEAD: given up, unless replayed."""

    WAITING = "waiting"
    SENT = "sent"
    DEAD = "dead"


class Facts(Model):
    """What a notice says of its job, as it was when it ended. No data of the report is in it."""

    report: str
    version: int
    format: str
    state: State
    completeness: str | None = None
    rows: int | None = None
    error: str | None = None
    finished_at: int = 0


class Notice(Model):
    """The row. Times are milliseconds since 1970 by the store's clock.

    `target`: the webhook's id, or the mail address. `attempts` counts the tries since it was last (re)played,
    and is raised before any work. `fence`: the number of the last one who took it. `status`, `detail`: of the
    last try.
    """

    id: str
    tenant: str
    kind: Kind
    target: str
    host: str
    job_id: str | None = None
    generation: int | None = None
    event: Event
    facts: Facts | None = None
    state: NoticeState = NoticeState.WAITING
    due_at: int = 0
    attempts: int = 0
    fence: int = 0
    lease_until: int | None = None
    created_at: int = 0
    settled_at: int | None = None
    status: int | None = None
    detail: str = ""


class Answer(Model):
    """What came of one try, which took `ms`. `final`: the same try would fail again. `gone`: the receiver
    wants nothing more. `trouble`: the host's, not the receiver's alone. `excerpt`: the first of what it said.
    """

    ok: bool
    final: bool = False
    gone: bool = False
    trouble: bool = False
    status: int | None = None
    detail: str = ""
    excerpt: str = ""
    retry_after_ms: int = 0
    ms: int = 0


class Tried(Model):
    """A line of the delivery log."""

    notice_id: str
    attempt: int
    at: int
    ms: int
    ok: bool
    status: int | None
    detail: str
    excerpt: str


def notice_id(job_id: str, generation: int, event: Event, kind: Kind, target: str) -> str:
    """The one id of this news on this channel, wherever it is computed (UUIDv8, RFC 9562 section 5.8)."""
    of = "\0".join((job_id, str(generation), event, kind, target))
    number = int.from_bytes(hashlib.sha256(of.encode()).digest()[:16])
    number = number & ~(0xF << 76) | 8 << 76  # version 8
    return str(uuid.UUID(int=number & ~(0b11 << 62) | 0b10 << 62))  # variant of RFC 9562


def told(ended: Job, kind: Kind, target: str, host: str, now: int) -> Notice:
    """The notice of a job that has ended as it stands."""
    event: Any = ended.state.value
    return Notice(
        id=notice_id(ended.id, ended.generation, event, kind, target),
        tenant=ended.tenant,
        kind=kind,
        target=target,
        host=host,
        job_id=ended.id,
        generation=ended.generation,
        event=event,
        facts=_facts(ended, now),
        due_at=now,
        created_at=now,
    )


def _facts(ended: Job, now: int) -> Facts:
    made = ended.manifest
    return Facts(
        report=ended.report,
        version=ended.version,
        format=ended.format,
        state=ended.state,
        completeness=made.completeness.value if made else None,
        rows=made.rows if made else None,
        error=ended.error.type if ended.error else None,
        finished_at=now if ended.state is State.EXPIRED else ended.finished_at or now,
    )


def take(notice: Notice, now: int, lease_ms: int) -> Notice | None:
    """Try it: ours until the lease ends. None if it is not due, or somebody else's still."""
    held = notice.lease_until is not None and notice.lease_until > now
    if notice.state is not NoticeState.WAITING or notice.due_at > now or held:
        return None
    return notice.model_copy(
        update={
            "attempts": notice.attempts + 1,
            "fence": notice.fence + 1,
            "lease_until": now + lease_ms,
        }
    )


def settle(notice: Notice, now: int, answer: Answer, chance: float) -> Notice:
    """What a try's answer makes of it."""
    wait = delay(notice.attempts, chance, answer.retry_after_ms)
    ended: dict[str, Any] = {}
    if answer.ok:
        ended = {"state": NoticeState.SENT, "settled_at": now}
    elif answer.final or answer.gone or wait is None:
        ended = {"state": NoticeState.DEAD, "settled_at": now}
    else:
        ended = {"due_at": now + wait}
    said = {"status": answer.status, "detail": answer.detail, "lease_until": None}
    return notice.model_copy(update=ended | said)


def give_back(notice: Notice, now: int, delay_ms: int) -> Notice:
    """Untried, which costs nothing: its host rests, or this process ends."""
    return notice.model_copy(
        update={
            "attempts": notice.attempts - 1,
            "due_at": now + delay_ms,
            "lease_until": None,
        }
    )


def replay(notice: Notice, now: int) -> Notice | None:
    """Send it again, under the same id and with all its tries. None while a try is under way."""
    if notice.lease_until is not None and notice.lease_until > now:
        return None
    return notice.model_copy(
        update={
            "state": NoticeState.WAITING,
            "due_at": now,
            "attempts": 0,
            "lease_until": None,
            "settled_at": None,
        }
    )


def event_of(notice: Notice, base: str) -> bytes:
    """The body: a CloudEvents 1.0 event in structured mode, so that a signature covers all of it. Thin: who
    wants more asks for it, with rights of their own. `base`: the address that links begin with, or "".
    """
    name = "prelo.ping" if notice.event == "ping" else f"prelo.job.{notice.event}"
    at = notice.facts.finished_at if notice.facts else notice.created_at
    event: dict[str, Any] = {
        "specversion": "1.0",
        "id": notice.id,
        "source": f"{base}/v1/jobs",
        "type": name,
        **({"subject": notice.job_id} if notice.job_id else {}),
        "time": _rfc3339(at),
        "datacontenttype": "application/json",
        "data": _data(notice, base),
    }
    return json.dumps(event, ensure_ascii=False, separators=(",", ":")).encode()


def _data(notice: Notice, base: str) -> dict[str, Any]:
    facts = notice.facts
    if facts is None:
        return {"webhook": notice.target}
    said = facts.model_dump(mode="json", exclude={"finished_at"}, exclude_none=True)
    return {
        "job": notice.job_id,
        "generation": notice.generation,
        **said,
        "links": links(notice, base),
    }


def links(notice: Notice, base: str) -> dict[str, str]:
    """Where the job and its file are. No link is signed: whoever follows one needs rights of their own."""
    job = f"{base}/v1/jobs/{notice.job_id}"
    if notice.event != "succeeded":
        return {"job": job}
    return {"job": job, "file": f"{job}/file", "manifest": f"{job}/manifest"}


def _rfc3339(ms: int) -> str:
    text = datetime.fromtimestamp(ms / 1000, UTC).isoformat(timespec="milliseconds")
    return text.replace("+00:00", "Z")
