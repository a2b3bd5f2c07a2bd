"""What listeners are told of a job: its states, its progress and its end; and the marks by which a listener
that comes back says what it knows.
"""

import re
from typing import Literal, NamedTuple, Self

from prelo.core.job import Job, Progress, State
from prelo.core.model import Model
from prelo.core.records import Change

Kind = Literal["state", "progress", "end"]
_MARK = re.compile(r"(\d{1,9})\.(\d{1,9})\.(\d{1,18})", re.ASCII)


class Mark(NamedTuple):
    """A state of a job as an event's id says it: the same in every process, and after a restart."""

    generation: int
    fence: int
    number: int

    def __str__(self) -> str:
        return f"{self.generation}.{self.fence}.{self.number}"

    @classmethod
    def read(cls, text: str | None) -> Self | None:
        """None for what is no mark of ours: whoever shows it is told everything."""
        match = _MARK.fullmatch(text or "")
        return cls(*map(int, match.groups())) if match else None


class Standing(Model):
    """A job as it is, and the number of its last line in the transition log."""

    job: Job
    number: int

    @property
    def mark(self) -> Mark:
        return Mark(self.job.generation, self.job.fence, self.number)

    @property
    def way(self) -> tuple[Progress, int | None]:
        """What changes between two transitions."""
        return self.job.progress, self.job.cancel_requested_at


def kind_of(now: Standing, seen: Mark | None, before: Standing | None = None) -> Kind | None:
    """What it is to somebody who has seen the state of that mark, and the job as it was `before`; None for no
    news. Of progress a listener that comes back knows nothing, so that it is told the newest.
    """
    if now.mark != seen:
        return "end" if now.job.state.ended else "state"
    if now.job.state is not State.RUNNING or (before is not None and before.way == now.way):
        return None
    return "progress"


class LogFilter(Model):
    """Which lines of a tenant's log, from after the number `after` on. `limit` is of the lines that are
    looked through; of a `scope` or `report` there may be fewer among them.
    """

    tenant: str
    scope: str | None = None
    report: str | None = None
    after: int = 0
    limit: int = 500


class Log(Model):
    """Lines of the log. `reached`: how far it was looked through; `more`: there is more behind that."""

    changes: tuple[Change, ...]
    reached: int
    more: bool
