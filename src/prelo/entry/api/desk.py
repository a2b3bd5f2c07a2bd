"""The routes of the desk: list, show, replay, drop, and the audit."""

import time
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Request, Response
from pydantic import AwareDatetime, Field

from prelo.app import desk
from prelo.core import desk as core
from prelo.core.job import Job
from prelo.core.model import Model
from prelo.core.records import AuditFilter, Change, fate
from prelo.entry.api.jobs import shown
from prelo.entry.api.openapi import describe, get, reads
from prelo.entry.api.paging import cursor_of, link, place_of
from prelo.entry.api.problems import BadHeader
from prelo.entry.api.reading import Here, Who, read
from prelo.entry.api.views import job_view, moment
from prelo.ports import Ports

router = APIRouter(prefix="/v1/dead", tags=["dead letters"])
_SECONDS = 5.0  # then a call ends with what is left: no proxy waits for minutes
_MAX_ACTOR = 255
_CLI = "prelo-cli"  # how the command line calls itself

Do = Callable[[desk.Errand, Ports], AsyncGenerator[Job]]


@dataclass(frozen=True, slots=True)
class Operator:
    """Who works at the desk, and by which door."""

    actor: str
    door: str


async def operator(request: Request, who: Who) -> Operator:
    """The desk is everybody's jobs: when callers have rights, the one to be here is checked here.

    `From` (RFC 9110 section 10.1.2) names the person behind a program; a word, and no proof.
    """
    named = request.headers.get("from", who.tenant)
    if not 0 < len(named) <= _MAX_ACTOR or not named.isprintable():
        raise BadHeader(f"From must be 1 to {_MAX_ACTOR} printable characters, as user@host")
    agent = request.headers.get("user-agent", "").partition("/")[0]
    return Operator(named, "cli" if agent == _CLI else "http")


At = Annotated[Operator, Depends(operator)]


class Listing(core.Chosen):
    """The query of a listing. Pages are reached by the `cursor` of the page before."""

    cursor: str | None = None
    limit: Annotated[int, Field(ge=1, le=200)] = 50


@get(router, "", **describe("List dead jobs", ("200:DeadPage",), (422, 503)))
async def listing(query: Annotated[Listing, Query()], here: Here, _: At) -> Response:
    """The jobs of all tenants that were given up (or, by `state`, that failed), the last first. The `Link`
    header with `rel="next"`, and `next` in the body, lead to the next page.
    """
    before = place_of(query.cursor)
    jobs = await desk.listing(query.filter, here.ports, query.limit + 1, before)
    page = jobs[: query.limit]
    last = page[-1] if len(jobs) > query.limit else None
    cursor = last and cursor_of(last.finished_at, last.id)
    answer = shown(core.DeadPage(jobs=tuple(map(_view, page)), next=cursor))
    return link(answer, "/v1/dead", query, cursor)


class Reading(Model):
    """The query of the audit."""

    job: UUID | None = None
    actor: str | None = None
    since: AwareDatetime | None = None
    cursor: Annotated[int, Field(ge=1)] | None = None
    limit: Annotated[int, Field(ge=1, le=200)] = 50


@get(router, "/audit", **describe("Who did what", ("200:AuditPage",), (422, 503)))
async def audit(query: Annotated[Reading, Query()], here: Here, _: At) -> Response:
    """Every replay and every drop, newest first. An entry is never changed, and outlives its job."""
    chosen = AuditFilter(
        job_id=query.job and str(query.job),
        actor=query.actor,
        since=core.milliseconds(query.since),
        before=query.cursor,
        limit=query.limit + 1,
    )
    found = await desk.audit(chosen, here.ports)
    entries = tuple(
        core.NotedView(**one.model_dump(exclude={"at"}), at=moment(one.at))
        for one in found[: query.limit]
    )
    cursor = str(entries[-1].number) if len(found) > query.limit else None
    answer = shown(core.AuditPage(entries=entries, next=cursor))
    return link(answer, "/v1/dead/audit", query, cursor)


@get(router, "/{job_id:uuid}", **describe("Look at a dead job", ("200:DeadView",), (404, 409, 503)))
async def show(job_id: UUID, here: Here, _: At) -> Response:
    """The job, why it was given up, and all it went through. 409 for one that is neither dead nor failed."""
    job, history = await desk.show(str(job_id), here.ports)
    return shown(_view(job, history))


@router.post(
    "/replay",
    **describe("Run dead jobs again", ("200:ErrandView",), (400, 413, 415, 422, 503)),
    openapi_extra=reads("Errand"),
)
async def replay(request: Request, here: Here, at: At) -> Response:
    """Queue them again, each as a new generation with all its attempts. No job is ever run again twice:
    repeat the call, with `until` of its answer, while something is `left`; and after any doubt.

    A call ends after a few seconds, whatever its `most` and `rate`. `From` names the person for the audit.
    """
    return await _errand(desk.replay, request, here, at)


@router.post(
    "/drop",
    **describe("Drop dead jobs", ("200:ErrandView",), (400, 413, 415, 422, 503)),
    openapi_extra=reads("Errand"),
)
async def drop(request: Request, here: Here, at: At) -> Response:
    """Delete them for good; what they went through, and this, stays on record. Otherwise as a replay."""
    return await _errand(desk.drop, request, here, at)


async def _errand(do: Do, request: Request, here: Here, at: Operator) -> Response:
    asked, _ = await read(request, here.config.max_body, core.Errand)
    chosen, tally = await desk.counted(asked.filter, here.ports)
    done, left = 0, sum(one.count for one in tally)
    if not asked.dry_run and left:
        errand = desk.Errand(chosen, at.actor, at.door, asked.most, asked.rate)
        done = await _done(do(errand, here.ports))
        _, after = await desk.counted(chosen, here.ports)
        left = sum(one.count for one in after)
    return shown(
        core.ErrandView(
            dry_run=asked.dry_run,
            done=done,
            left=left,
            until=None if chosen.until is None else moment(chosen.until),
            counts=tuple(core.CountView.model_validate(one.model_dump()) for one in tally),
        )
    )


async def _done(jobs: AsyncGenerator[Job]) -> int:
    """How many it was before the time was over."""
    end, done = time.monotonic() + _SECONDS, 0
    async with aclosing(jobs) as doing:
        async for _ in doing:
            done += 1
            if time.monotonic() >= end:
                break
    return done


def _view(job: Job, history: Sequence[Change] = ()) -> core.DeadView:
    return core.DeadView(
        **dict(job_view(job)),
        tenant=job.tenant,
        lane=job.lane,
        lost_count=job.lost_count,
        fate=fate(job),
        history=tuple(
            core.ChangeView(**change.model_dump(exclude={"at", "job_id"}), at=moment(change.at))
            for change in history
        ),
    )
