"""What the desk of dead letters is asked over a door, and what is seen there."""

from datetime import datetime
from typing import Annotated, Any, Literal, Self
from uuid import UUID

from pydantic import AwareDatetime, Field, model_validator

from prelo.core.job import State
from prelo.core.model import Model
from prelo.core.records import DeadFilter, Doing, Fate
from prelo.core.view import JobView, Time, View

MOST = 1000  # jobs of one call
_LARGEST = 2**31 - 1  # a store's integer


class Chosen(Model):
    """By what marks jobs are chosen: every mark that is given must fit. `error` is the type of the last one;
    `since` and `until` say when the job ended. `fate`: lost (its workers were), spent (its attempts), late
    (its deadline came).
    """

    state: Literal["dead", "failed"] = "dead"
    report: str | None = None
    version: Annotated[int, Field(ge=0, le=_LARGEST)] | None = None
    tenant: str | None = None
    error: str | None = None
    since: AwareDatetime | None = None
    until: AwareDatetime | None = None
    fate: Fate | None = None

    @property
    def filter(self) -> DeadFilter:
        return DeadFilter(
            state=State.DEAD if self.state == "dead" else State.FAILED,
            tenant=self.tenant,
            report=self.report,
            version=self.version,
            error=self.error,
            since=milliseconds(self.since),
            until=milliseconds(self.until),
            fate=self.fate,
        )


class Errand(Chosen):
    """Jobs to replay or to drop: by their `ids`, by marks, or `all` of them. `dry_run`: only say how many.
    `rate`: jobs per second; `most`: jobs of this call. Repeat the call with `until` of its answer while
    something is `left`.
    """

    ids: Annotated[tuple[UUID, ...], Field(max_length=MOST)] = ()
    all: bool = False
    dry_run: bool = False
    rate: Annotated[float, Field(ge=0.1, le=1000)] | None = None
    most: Annotated[int, Field(ge=1, le=MOST)] = 100

    @model_validator(mode="after")
    def _chosen_on_purpose(self) -> Self:
        marks = self.model_fields_set & {"ids", *Chosen.model_fields} - {"state"}
        if not self.all and not any(getattr(self, mark) for mark in marks):
            raise ValueError("say which jobs: by ids, by a mark such as report or error, or by all")
        return self

    @property
    def filter(self) -> DeadFilter:
        return super().filter.model_copy(update={"ids": tuple(map(str, self.ids))})


class ChangeView(View):
    """One line of a job's transition log."""

    at: Time
    generation: int
    attempt: int
    fence: int
    before: State | None
    after: State
    owner: str | None


class DeadView(JobView):
    """A job that was given up. `history`, where one job is shown: all it went through."""

    tenant: str
    lane: str
    lost_count: int
    fate: Fate
    history: tuple[ChangeView, ...] = ()


class DeadPage(View):
    """Jobs, the last that ended first. `next` is the cursor of the page after this one, if there is one."""

    jobs: tuple[DeadView, ...]
    next: str | None = None


class CountView(View):
    report: str
    error: str | None
    count: int


class ErrandView(View):
    """`counts`: what there was to do, before anything was done. `until` closes the choice: what dies later is
    not in it.
    """

    dry_run: bool
    done: int
    left: int
    until: Time | None
    counts: tuple[CountView, ...]


class NotedView(View):
    """An entry of the audit. `generation` is the job's after a replay, and its last one before a drop.
    `job_id` is empty for what concerns no job.
    """

    number: int
    at: Time
    actor: str
    action: Doing
    tenant: str
    job_id: str
    generation: int
    detail: dict[str, Any]


class AuditPage(View):
    """Entries, newest first. `next` is the cursor of the page after this one, if there is one."""

    entries: tuple[NotedView, ...]
    next: str | None = None


def milliseconds(time: datetime | None) -> int | None:
    """Since 1970. Rounded: a time of whole milliseconds is no whole number of them as a float."""
    return None if time is None else round(time.timestamp() * 1000)
