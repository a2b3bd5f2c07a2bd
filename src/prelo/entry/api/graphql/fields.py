"""What can be asked by GraphQL: each field is one use case, as each route of REST is."""

import time
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from datetime import datetime
from typing import Annotated, Any, Optional
from uuid import UUID

import strawberry
from fastapi.requests import HTTPConnection
from strawberry.fastapi import BaseContext

from prelo.app import intake, rates
from prelo.app.listener import Closing, Event
from prelo.app.outlook import queue_of
from prelo.app.rates import Quota
from prelo.core import request as core
from prelo.core.errors import FieldError, Invalid, NotFound
from prelo.core.job import Job, State
from prelo.core.request import Caller
from prelo.core.view import CheckedView, JobView, ReportView, StatusView
from prelo.entry.api.graphql.cost import FIRST, MAX_FIRST
from prelo.entry.api.graphql.types import Long, asked, given, named, shown
from prelo.entry.api.jobs import Listing, checked, page_of
from prelo.entry.api.paging import cursor_of, place_of
from prelo.entry.api.reading import KEYS, MAX_WAIT, House, digest_of, is_key, validated
from prelo.entry.api.rights import may, shown_by
from prelo.entry.api.status import status_view
from prelo.entry.api.views import job_view, report_view
from prelo.ports import IdempotencyKey


# A field that was refused is null beside its error: what others of the same question did is still told.
def _or_null(kind: Any) -> Any:
    return Optional[kind]  # noqa: UP045  | knows no such types


JOB = _or_null(shown(JobView))
REPORT = _or_null(shown(ReportView))
REPORTS = _or_null(list[shown(ReportView)])
STATUS = _or_null(shown(StatusView))
CHECKED = _or_null(shown(CheckedView))
STATES = _or_null(list[named("State", tuple(state.value for state in State))])
_IDLE = 15.0  # seconds; how long a job may be quiet before its looker is asked whether it is still there

Input = Annotated[
    object, strawberry.argument(name="input", graphql_type=asked(core.Request, "JobInput"))
]
Id = Annotated[strawberry.ID, strawberry.argument(name="id")]
Wait = Annotated[
    int, strawberry.argument(description=f"Seconds to wait for the end, at most {MAX_WAIT}.")
]


class Asking(BaseContext):
    """Who asks and by what they show it, what is left of their requests, and what the fields work with."""

    def __init__(self, here: House, who: Caller, connection: HTTPConnection) -> None:
        super().__init__()
        self.here, self.who = here, who
        self.quota: Quota | None = connection.state.quota
        self._shown = shown_by(connection)

    async def let_in_again(self) -> None:
        """A connection lives longer than a key may, and asks more than once."""
        self.who = await self.here.doorman.caller(self._shown)
        self.quota = await self.here.rates.taken(self.who.tenant)
        rates.check(self.quota)


Info = strawberry.Info[Asking, None]


def _asks(info: Info, place: str) -> tuple[House, Caller]:
    """What the field works with; it needs what the route at `place` does. Raises Forbidden."""
    here, who = info.context.here, info.context.who
    may(here, who, place)
    return here, who


@strawberry.type
class PageInfo:
    has_next_page: bool
    has_previous_page: bool
    start_cursor: str | None
    end_cursor: str | None


@strawberry.type
class JobEdge:
    cursor: str
    node: JobView = strawberry.field(graphql_type=shown(JobView))


@strawberry.type(
    description="A page of jobs, newest first. `after` its `endCursor` comes the next one."
)
class JobConnection:
    edges: list[JobEdge]
    nodes: list[JobView] = strawberry.field(graphql_type=list[shown(JobView)])
    page_info: PageInfo


@strawberry.type(description="`replayed`: the key was known, and this is its first answer's job.")
class CreatedJob:
    job: JobView = strawberry.field(graphql_type=shown(JobView))
    replayed: bool


@strawberry.type
class Query:
    @strawberry.field(graphql_type=REPORTS, description="Every report, in its newest version.")
    async def reports(self, info: Info) -> list[ReportView]:
        here, who = _asks(info, "GET /v1/reports")
        seen = here.ports.catalog.seen_by(who.permissions)
        return [report_view(report, seen) for report in seen]

    @strawberry.field(graphql_type=REPORT, description="A report, in its newest version or that.")
    async def report(self, info: Info, name: str, version: Long | None = None) -> ReportView:
        here, who = _asks(info, "GET /v1/reports/{name}")
        seen = here.ports.catalog.seen_by(who.permissions)
        return report_view(seen.get(name, version), seen)

    @strawberry.field(graphql_type=JOB, description="A job as it is.")
    async def job(self, info: Info, job_id: Id) -> JobView:
        here, who = _asks(info, "GET /v1/jobs/{job_id}")
        job = await intake.find(_id(job_id), who, here.ports)
        return job_view(job, await queue_of(job, int(time.time() * 1000), here.ports))

    @strawberry.field(description=f"The jobs, newest first; `first` is at most {MAX_FIRST}.")
    async def jobs(
        self,
        info: Info,
        state: Annotated[Sequence[Any] | None, strawberry.argument(graphql_type=STATES)] = None,
        report: str | None = None,
        created_after: datetime | None = None,
        first: int = FIRST,
        after: str | None = None,
    ) -> JobConnection | None:
        here, who = _asks(info, "GET /v1/jobs")
        query = Listing(
            state=[State(one.value) for one in state or ()],
            report=report,
            created_after=created_after,
            cursor=_cursor(after),
            limit=_first(first),
        )
        jobs, following = await page_of(query, here, who)
        edges = [JobEdge(cursor=_place(job), node=job_view(job)) for job in jobs]
        return JobConnection(
            edges=edges,
            nodes=[edge.node for edge in edges],
            page_info=PageInfo(
                has_next_page=following is not None,
                has_previous_page=after is not None,
                start_cursor=edges[0].cursor if edges else None,
                end_cursor=edges[-1].cursor if edges else None,
            ),
        )

    @strawberry.field(
        graphql_type=STATUS, description="Work by lane; health: anything but 0 is an alert."
    )
    async def status(self, info: Info) -> StatusView:
        here, _ = _asks(info, "GET /v1/status")
        return await status_view(here)

    @strawberry.field(
        graphql_type=CHECKED, description="What a request would be; nothing is stored."
    )
    async def check_job(self, info: Info, request: Input) -> CheckedView:
        here, who = _asks(info, "POST /v1/jobs")
        wanted, _ = _request(request)
        return await checked(wanted, info.context.quota, here, who)


@strawberry.type
class Mutation:
    @strawberry.mutation(
        description="Ask for a report. An equal request is answered by the job that is there."
    )
    async def create_job(
        self,
        info: Info,
        request: Input,
        idempotency_key: str | None = None,
        wait: Wait = 0,
    ) -> CreatedJob | None:
        here, who = _asks(info, "POST /v1/jobs")
        wanted, digest = _request(request)
        submitted = await intake.submit(
            wanted,
            who,
            here.ports,
            key=_key(idempotency_key, digest),
            max_queued=here.config.max_queued,
        )
        here.note(who, "ask", submitted.job, fresh=submitted.fresh)
        job = await _waited(submitted.job, info.context, wait)
        return CreatedJob(job=job, replayed=submitted.replayed)

    @strawberry.mutation(
        graphql_type=JOB, description="Stop a job; a running one stops when its worker has heard."
    )
    async def cancel_job(self, info: Info, job_id: Id) -> JobView:
        here, who = _asks(info, "POST /v1/jobs/{job_id}:cancel")
        return job_view(await intake.cancel(_id(job_id), who, here.ports))

    @strawberry.mutation(graphql_type=JOB, description="Run a job without a file again.")
    async def retry_job(self, info: Info, job_id: Id, wait: Wait = 0) -> JobView:
        here, who = _asks(info, "POST /v1/jobs/{job_id}:retry")
        job = await intake.retry(_id(job_id), who, here.ports)
        return await _waited(job, info.context, wait)

    @strawberry.mutation(
        graphql_type=JOB,
        description="The same report with today's data: a new job, or the one under way.",
    )
    async def refresh_job(self, info: Info, job_id: Id, wait: Wait = 0) -> JobView:
        here, who = _asks(info, "POST /v1/jobs/{job_id}:refresh")
        submitted = await intake.refresh(_id(job_id), who, here.ports)
        here.note(who, "ask", submitted.job, fresh=submitted.fresh, refresh=True)
        return await _waited(submitted.job, info.context, wait)

    @strawberry.mutation(description="Delete an ended job and its file. Answers its id.")
    async def forget_job(self, info: Info, job_id: Id) -> strawberry.ID | None:
        here, who = _asks(info, "DELETE /v1/jobs/{job_id}")
        await intake.forget(_id(job_id), who, here.ports)
        return job_id


@strawberry.type
class Subscription:
    @strawberry.subscription(
        graphql_type=JOB, description="The job now and at each change, until it has ended."
    )
    async def job_changed(self, info: Info, job_id: Id) -> AsyncGenerator[JobView]:
        _asks(info, "GET /v1/jobs/{job_id}/events")
        async with aclosing(_followed(_id(job_id), info.context)) as views:
            async for view in views:
                yield view


async def _followed(job_id: str, asking: Asking) -> AsyncGenerator[JobView]:
    """The job as its callers see it, whenever that has changed: a beat alone is no news."""
    live, last = asking.here.live, None
    async with live.listener(asking.who) as listener:
        await live.follow(listener, {job_id: None})
        while True:
            try:
                news = await listener.next(_IDLE)
            except Closing:  # this process ends; another one knows as much
                return
            if not isinstance(news, Event):
                continue
            view = news.told and job_view(news.told.standing.job)
            if view is not None and view != last:
                last = view
                yield view
            if news.kind in {"end", "gone"}:
                return


async def _waited(job: Job, asking: Asking, seconds: int) -> JobView:
    if seconds > 0 and not job.state.ended:
        most = min(seconds, MAX_WAIT)
        job = await intake.wait(job.id, asking.who, asking.here.ports, most)
    return job_view(job)


def _request(value: object) -> tuple[core.Request, str]:
    wanted = given(core.Request, value)
    return validated(core.Request, wanted), digest_of(wanted)


def _key(key: str | None, digest: str) -> IdempotencyKey | None:
    if key is None:
        return None
    if not is_key(key):
        raise _wrong("idempotencyKey", f"must be {KEYS}")
    return IdempotencyKey(key=key, digest=digest)


def _id(text: str) -> str:
    try:
        return str(UUID(text))
    except ValueError as error:
        raise NotFound(f"there is no job '{text[:100]}'; the id of a job is a UUID") from error


def _first(count: int) -> int:
    if not 1 <= count <= MAX_FIRST:
        raise _wrong("first", f"must be 1 to {MAX_FIRST}")
    return count


def _cursor(after: str | None) -> str | None:
    try:
        place_of(after)
    except Invalid as error:
        said = "is no cursor of ours; take it from the 'endCursor' of the page before"
        raise _wrong("after", said) from error
    return after


def _place(job: Job) -> str:
    return cursor_of(job.created_at, job.id)


def _wrong(argument: str, said: str) -> Invalid:
    return Invalid(f"{argument} {said}", (FieldError(pointer=f"/{argument}", detail=said),))
