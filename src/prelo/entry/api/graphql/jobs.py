"""The fields of reports and jobs."""

import time
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from datetime import datetime
from typing import Annotated, Any

import strawberry

from prelo.app import intake
from prelo.app.listener import Closing, Event
from prelo.app.outlook import queue_of
from prelo.core import request as core
from prelo.core.job import Job, State
from prelo.core.view import CheckedView, JobView, ReportView, StatusView
from prelo.entry.api.graphql.asking import (
    Asking,
    Connection,
    Id,
    Info,
    asks,
    body,
    cursor,
    first_of,
    key_of,
    or_null,
    page,
    uuid_of,
)
from prelo.entry.api.graphql.cost import FIRST, MAX_FIRST
from prelo.entry.api.graphql.types import JOB_INPUT, Long, asked, named, shown
from prelo.entry.api.jobs import Listing, checked, page_of
from prelo.entry.api.paging import placed
from prelo.entry.api.reading import MAX_WAIT
from prelo.entry.api.status import status_view
from prelo.entry.api.views import job_view, report_view

JOB = or_null(shown(JobView))
JOBS = or_null(Connection[shown(JobView)])
REPORT = or_null(shown(ReportView))
REPORTS = or_null(list[shown(ReportView)])
STATUS = or_null(shown(StatusView))
CHECKED = or_null(shown(CheckedView))
STATES = or_null(list[named("State", tuple(state.value for state in State))])
_IDLE = 15.0  # seconds; how long a job may be quiet before its looker is asked whether it is still there

Input = Annotated[
    object, strawberry.argument(name="input", graphql_type=asked(core.Request, JOB_INPUT))
]
Wait = Annotated[
    int, strawberry.argument(description=f"Seconds to wait for the end, at most {MAX_WAIT}.")
]


@strawberry.type(description="`replayed`: the key was known, and this is its first answer's job.")
class CreatedJob:
    job: JobView = strawberry.field(graphql_type=shown(JobView))
    replayed: bool


@strawberry.type
class Query:
    @strawberry.field(graphql_type=REPORTS, description="Every report, in its newest version.")
    async def reports(self, info: Info) -> list[ReportView]:
        here, who = asks(info, "GET /v1/reports")
        seen = here.ports.catalog.seen_by(who.permissions)
        return [report_view(report, seen) for report in seen]

    @strawberry.field(graphql_type=REPORT, description="A report, in its newest version or that.")
    async def report(self, info: Info, name: str, version: Long | None = None) -> ReportView:
        here, who = asks(info, "GET /v1/reports/{name}")
        seen = here.ports.catalog.seen_by(who.permissions)
        return report_view(seen.get(name, version), seen)

    @strawberry.field(graphql_type=JOB, description="A job as it is.")
    async def job(self, info: Info, job_id: Id) -> JobView:
        here, who = asks(info, "GET /v1/jobs/{job_id}")
        job = await intake.find(uuid_of("job", job_id), who, here.ports)
        return job_view(job, await queue_of(job, int(time.time() * 1000), here.ports))

    @strawberry.field(
        graphql_type=JOBS, description=f"The jobs, newest first; `first` is at most {MAX_FIRST}."
    )
    async def jobs(
        self,
        info: Info,
        state: Annotated[Sequence[Any] | None, strawberry.argument(graphql_type=STATES)] = None,
        report: str | None = None,
        created_after: datetime | None = None,
        first: int = FIRST,
        after: str | None = None,
    ) -> Connection[JobView]:
        here, who = asks(info, "GET /v1/jobs")
        query = Listing(
            state=[State(one.value) for one in state or ()],
            report=report,
            created_after=created_after,
            cursor=cursor(after),
            limit=first_of(first),
        )
        return page(await page_of(query, here, who), after, placed, job_view)

    @strawberry.field(
        graphql_type=STATUS, description="Work by lane; health: anything but 0 is an alert."
    )
    async def status(self, info: Info) -> StatusView:
        here, _ = asks(info, "GET /v1/status")
        return await status_view(here)

    @strawberry.field(
        graphql_type=CHECKED, description="What a request would be; nothing is stored."
    )
    async def check_job(self, info: Info, request: Input) -> CheckedView:
        here, who = asks(info, "POST /v1/jobs")
        wanted, _ = body(core.Request, request)
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
        here, who = asks(info, "POST /v1/jobs")
        wanted, digest = body(core.Request, request)
        submitted = await intake.submit(
            wanted,
            who,
            here.ports,
            key=key_of(idempotency_key, digest),
            max_queued=here.config.max_queued,
        )
        here.note(who, "ask", submitted.job, fresh=submitted.fresh)
        job = await _waited(submitted.job, info.context, wait)
        return CreatedJob(job=job, replayed=submitted.replayed)

    @strawberry.mutation(
        graphql_type=JOB, description="Stop a job; a running one stops when its worker has heard."
    )
    async def cancel_job(self, info: Info, job_id: Id) -> JobView:
        here, who = asks(info, "POST /v1/jobs/{job_id}:cancel")
        return job_view(await intake.cancel(uuid_of("job", job_id), who, here.ports))

    @strawberry.mutation(graphql_type=JOB, description="Run a job without a file again.")
    async def retry_job(self, info: Info, job_id: Id, wait: Wait = 0) -> JobView:
        here, who = asks(info, "POST /v1/jobs/{job_id}:retry")
        job = await intake.retry(uuid_of("job", job_id), who, here.ports)
        return await _waited(job, info.context, wait)

    @strawberry.mutation(
        graphql_type=JOB,
        description="The same report with today's data: a new job, or the one under way.",
    )
    async def refresh_job(self, info: Info, job_id: Id, wait: Wait = 0) -> JobView:
        here, who = asks(info, "POST /v1/jobs/{job_id}:refresh")
        submitted = await intake.refresh(uuid_of("job", job_id), who, here.ports)
        here.note(who, "ask", submitted.job, fresh=submitted.fresh, refresh=True)
        return await _waited(submitted.job, info.context, wait)

    @strawberry.mutation(description="Delete an ended job and its file. Answers its id.")
    async def forget_job(self, info: Info, job_id: Id) -> strawberry.ID | None:
        here, who = asks(info, "DELETE /v1/jobs/{job_id}")
        await intake.forget(uuid_of("job", job_id), who, here.ports)
        return job_id


@strawberry.type
class Subscription:
    @strawberry.subscription(
        graphql_type=JOB, description="The job now and at each change, until it has ended."
    )
    async def job_changed(self, info: Info, job_id: Id) -> AsyncGenerator[JobView]:
        asks(info, "GET /v1/jobs/{job_id}/events")
        async with aclosing(_followed(uuid_of("job", job_id), info.context)) as views:
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
