"""Server-sent events of a job, read as the standard says, and followed over broken connections."""

import json
import random
from collections.abc import Iterator
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Literal, cast

import httpx

from prelo.client import steps
from prelo.core.errors import Unavailable
from prelo.core.view import JobView

Kind = Literal["state", "progress", "end"]
_TRIES = 6  # without a word between them
_LONGEST = 30.0  # seconds of a pause
_QUIET = 45.0  # seconds; a server that lives says something every 15
_KINDS = {"state", "progress", "end"}


@dataclass(frozen=True, slots=True)
class JobEvent:
    """What happened, and the job as it is then. `end` is the last one."""

    kind: Kind
    job: JobView


class Following:
    """What is known of a job that is followed, from one connection to the next."""

    def __init__(self, job_id: str) -> None:
        self.path = steps.path(job_id, "/events")
        self.over = False
        self._seen = ""
        self._job: JobView | None = None
        self._failures = 0
        self._retry = 1.0
        self._rest = b""
        self._event: dict[str, str] = {}

    def asked(self, timeout: float) -> dict[str, Any]:
        """The arguments of httpx's `stream`, for the next connection."""
        self._rest, self._event = b"", {}
        return {
            "method": "GET",
            "url": self.path,
            "headers": {"Accept": "text/event-stream"}
            | ({"Last-Event-ID": self._seen} if self._seen else {}),
            "timeout": httpx.Timeout(timeout, read=max(timeout, _QUIET)),
        }

    def answered(self, answer: httpx.Response) -> None:
        """Raises the error that an answer tells of, unless it passes. That of an error has been read."""
        if answer.status_code == HTTPStatus.NO_CONTENT:
            self.over = True
        elif not answer.is_success:
            error = steps.error_of(answer)
            if not isinstance(error, Unavailable):
                raise error
            self._failed(error)
            self._retry = max(self._retry, error.retry_after)

    def lost(self, error: steps.Broken) -> None:
        """The connection was. Raises Unavailable when it was so too often."""
        self._failed(Unavailable(str(error)))

    def pause(self) -> float:
        """Seconds to wait before the next connection."""
        chance = random.uniform(0.5, 1)  # noqa: S311  not a secret
        grown = min(0.1 * 2**self._failures, _LONGEST)
        return max(grown * chance, min(self._retry, _LONGEST) if self._failures <= 1 else 0)

    def heard(self, data: bytes) -> Iterator[JobEvent]:
        """The events that are complete with these bytes."""
        self._failures = 0
        # Not str.splitlines: a text may hold other ends of lines, which are none to the standard.
        *lines, self._rest = (self._rest + data).replace(b"\r\n", b"\n").split(b"\n")
        for line in lines:
            event = self._line(line.decode(errors="replace"))
            if event is not None:
                self.over = self.over or event.kind == "end"
                yield event

    def _line(self, line: str) -> JobEvent | None:
        if not line:
            told, self._event = self._event, {}
            self._seen = told.get(
                "id", self._seen
            )  # not before: an event that is cut has not been heard
            return self._told(told) if "data" in told else None
        name, _, value = line.partition(":")
        value = value.removeprefix(" ")
        if name == "data":
            before = self._event.get("data")
            self._event["data"] = value if before is None else f"{before}\n{value}"
        elif name == "id" and "\0" not in value:
            self._event["id"] = value
        elif name == "retry" and value.isascii() and value.isdecimal():
            self._retry = int(value) / 1000
        elif name == "event":
            self._event["event"] = value
        return None

    def _told(self, told: dict[str, str]) -> JobEvent | None:
        kind = told.get("event", "message")
        if kind not in _KINDS:  # of a newer server
            return None
        news = json.loads(told["data"])
        known = self._job.model_dump(mode="json") if kind == "progress" and self._job else {}
        self._job = JobView.model_validate({**known, **news})
        return JobEvent(cast("Kind", kind), self._job)

    def _failed(self, error: Unavailable) -> None:
        self._failures += 1
        if self._failures >= _TRIES:
            raise error
