"""Events as lines on standard error: JSON for machines, or a short text for people.

A reader of the log that stands still must not stop the service: a thread writes the lines, and those it
cannot keep up with are dropped. The next line that gets through says how many: `dropped`.
"""

import atexit
import contextlib
import json
import os
import sys
from datetime import UTC, datetime
from functools import cache
from queue import Queue
from threading import Lock, Thread

from prelo.core.job import Job

_ROOM = 10_000  # lines; a few megabytes
_LAST_WAIT = 1.0  # seconds that the end of the process waits for lines to be written

Facts = dict[str, object]


class _LogObserver:
    def event(self, name: str, job: Job | None = None, **fields: object) -> None:
        _log().put(_facts(name, job, fields), self)

    def line(self, facts: Facts) -> str:
        raise NotImplementedError  # each of the two below has its own


class JsonObserver(_LogObserver):
    """One JSON object a line: time, event, the job's identity, and the event's own fields."""

    def line(self, facts: Facts) -> str:
        return json.dumps(facts, default=str, ensure_ascii=False)


class TextObserver(_LogObserver):
    """One line for people: the time, the event, and what matters of the job."""

    def line(self, facts: Facts) -> str:
        rest = " ".join(f"{key}={facts[key]}" for key in facts if key not in {"time", "event"})
        return f"{datetime.now().astimezone():%H:%M:%S}  {facts['event']:<18} {rest}"


def _facts(name: str, job: Job | None, fields: Facts) -> Facts:
    facts: Facts = {"time": datetime.now(UTC).isoformat(timespec="milliseconds"), "event": name}
    if job is not None:
        facts |= {
            "job_id": job.id, "tenant": job.tenant, "report": job.report, "format": job.format,
            "state": job.state, "attempt": job.attempt, "fence": job.fence, "trace_id": job.trace,
        }  # fmt: skip
        if job.error is not None:
            facts |= {"error": job.error.type, "detail": job.error.detail}
    return {key: value for key, value in (facts | fields).items() if value is not None}


class _Log:
    """Lines on their way to standard error, from any thread."""

    def __init__(self) -> None:
        self._lines: Queue[str] = Queue(_ROOM)
        self._lock = Lock()
        self._dropped = 0
        Thread(target=self._write_all, name="log", daemon=True).start()
        atexit.register(self._finish)

    def put(self, facts: Facts, observer: _LogObserver) -> None:
        with self._lock:
            if self._lines.full():
                self._dropped += 1
                return
            if self._dropped:
                facts["dropped"], self._dropped = self._dropped, 0
            self._lines.put_nowait(observer.line(facts))

    def _write_all(self) -> None:
        while True:
            _write(self._lines.get() + "\n")
            self._lines.task_done()

    def _finish(self) -> None:
        with (done := self._lines.all_tasks_done):
            done.wait_for(lambda: not self._lines.unfinished_tasks, _LAST_WAIT)


_log = cache(_Log)  # one a process, as standard error is; begun by its first line


def _write(line: str) -> None:
    """Not by sys.stderr.write: who waits in there holds a lock that the end of the process needs.
    None: the process was started without, and 2 may be the number of any other file.
    """
    rest = memoryview(line.encode(errors="backslashreplace"))
    with contextlib.suppress(OSError, ValueError):  # nobody reads our log; the work goes on
        while rest and sys.__stderr__:
            rest = rest[os.write(sys.__stderr__.fileno(), rest) :]
