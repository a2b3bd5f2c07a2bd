"""The routes of the desk: list, show, replay, drop, and the audit."""

import time
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Request, Response
from fastapi.requests import HTTPConnection
from pydantic import Field

from prelo.app import desk
from prelo.core import desk as core
from prelo.core.errors import Forbidden
from prelo.core.job import Job
from prelo.core.records import Change, DeadFilter, Deed, fate
from prelo.entry.api import audit
from prelo.entry.api.jobs import shown
from prelo.entry.api.openapi import describe, get, header, reads
from prelo.entry.api.paging import cursor_of, cut, link, place_of
from prelo.entry.api.problems import BadHeader
from prelo.entry.api.reading import Here, House, Who, read
from prelo.entry.api.views import job_view, moment
from prelo.ports import Ports

router = APIRouter(prefix="/v1/dead", tags=["dead letters"])
_SECONDS = 5.0  # then a call ends with what is left: no proxy waits for minutes
_MAX_ACTOR = 255
_FROM = header("From", "Who it is for, for the audit: a word, and no proof.", "ana@example.com")
_CALLED: dict[str, Any] = {"openapi_extra": {"parameters": [_FROM]}}
_CLI = "prelo-cli"  # how the command line calls itself

Do = Callable[[desk.Errand, Ports], AsyncGenerator[Job]]


@dataclass(frozen=True, slots=True)
class Operator:
    """Who works at the desk, by which door, and the only tenant whose jobs they may see; None: any."""

    actor: str
    door: str
    named: str | None
    only: str | None

    def tenant(self, asked: str | None) -> str | None:
        """The tenant to look at. Raises Forbidden for one that is not the operator's."""
        if self.only is not None and asked not in {None, self.only}:
            raise Forbidden("jobs of another tenant need the scope admin", "admin")
        return self.only or asked

    def chosen(self, chosen: DeadFilter) -> DeadFilter:
        return chosen.model_copy(update={"tenant": self.tenant(chosen.tenant)})


async def operator(request: HTTPConnection, who: Who) -> Operator:
    """The desk is everybody's jobs, for whoever has the scope admin; else those of one's tenant.

    `From` (RFC 9110 section 10.1.2) names the person behind a program; a word, and no proof.
    """
    named = request.headers.get("from")
    if named is not None and (not 0 < len(named) <= _MAX_ACTOR or not named.isprintable()):
        raise BadHeader(f"From must be 1 to {_MAX_ACTOR} printable characters, as user@host")
    agent = request.headers.get("user-agent", "").partition("/")[0]
    return Operator(
        actor=who.subject or named or who.tenant,
        door="cli" if agent == _CLI else "http",
        named=named if who.subject else None,
        only=None if who.has("admin") else who.tenant,
    )


At = Annotated[Operator, Depends(operator)]


class Listing(core.Chosen):
    """The query of a listing. Pages are reached by the `cursor` of the page before."""

    cursor: str | None = None
    limit: Annotated[int, Field(ge=1, le=200)] = 50


@get(router, "", **describe("List dead jobs", ("200:DeadPage",), (400, 403, 422, 503)), **_CALLED)
async def listing(query: Annotated[Listing, Query()], here: Here, at: At) -> Response:
    """The jobs that were given up (or, by `state`, that failed), the last first. The `Link`
    header with `rel="next"`, and `next` in the body, lead to the next page.
    """
    page, cursor = await page_of(query, here, at)
    answer = shown(core.DeadPage(jobs=tuple(map(dead_view, page)), next=cursor))
    return link(answer, "/v1/dead", query, cursor)


async def page_of(query: Listing, here: House, at: Operator) -> tuple[Sequence[Job], str | None]:
    """The jobs of a page, and the cursor of the next one if there is one."""
    before = place_of(query.cursor)
    jobs = await desk.listing(at.chosen(query.filter), here.ports, query.limit + 1, before)
    return cut(jobs, query.limit, ended)


def ended(job: Job) -> str:
    return cursor_of(job.finished_at, job.id)


class Reading(audit.Reading):
    """The query of the desk's part of the audit."""

    act: list[Deed] = ["replay", "drop"]  # pyright: ignore[reportIncompatibleVariableOverride]  fewer of them


@get(
    router,
    "/audit",
    **describe("Who did what here", ("200:AuditPage",), (400, 403, 422, 503)),
    **_CALLED,
)
async def noted(query: Annotated[Reading, Query()], here: Here, at: At) -> Response:
    """Every replay and every drop, newest first. An entry is never changed, and outlives its job."""
    chosen = query.filter.model_copy(update={"tenant": at.tenant(query.tenant)})
    return await audit.paged("/v1/dead/audit", query, chosen, here)


@get(
    router,
    "/{job_id:uuid}",
    **describe("Look at a dead job", ("200:DeadView",), (400, 403, 404, 409, 503)),
    **_CALLED,
)
async def show(job_id: UUID, here: Here, at: At) -> Response:
    """The job, why it was given up, and all it went through. 409 for one that is neither dead nor failed."""
    job, history = await desk.show(str(job_id), here.ports, at.only)
    return shown(dead_view(job, history))


@router.post(
    "/replay",
    **describe("Run dead jobs again", ("200:ErrandView",), (400, 403, 413, 415, 422, 503)),
    openapi_extra=reads("Errand") | {"parameters": [_FROM]},
)
async def replay(request: Request, here: Here, at: At) -> Response:
    """Queue them again, each as a new generation with all its attempts. No job is ever run again twice:
    repeat the call, with `until` of its answer, while something is `left`; and after any doubt.

    A call ends after a few seconds, whatever its `most` and `rate`. `From` names the person for the audit.
    """
    asked, _ = await read(request, here.config.max_body, core.Errand)
    return shown(await errand(desk.replay, asked, here, at))


@router.post(
    "/drop",
    **describe("Drop dead jobs", ("200:ErrandView",), (400, 403, 413, 415, 422, 503)),
    openapi_extra=reads("Errand") | {"parameters": [_FROM]},
)
async def drop(request: Request, here: Here, at: At) -> Response:
    """Delete them for good; what they went through, and this, stays on record. Otherwise as a replay."""
    asked, _ = await read(request, here.config.max_body, core.Errand)
    return shown(await errand(desk.drop, asked, here, at))


async def errand(do: Do, asked: core.Errand, here: House, at: Operator) -> core.ErrandView:
    """Do it for a few seconds, or only say how many jobs it is about."""
    chosen, tally = await desk.counted(at.chosen(asked.filter), here.ports)
    done, left = 0, sum(one.count for one in tally)
    if not asked.dry_run and left:
        wanted = desk.Errand(chosen, at.actor, at.door, asked.most, asked.rate, at.named)
        done = await _done(do(wanted, here.ports))
        _, after = await desk.counted(chosen, here.ports)
        left = sum(one.count for one in after)
    return core.ErrandView(
        dry_run=asked.dry_run,
        done=done,
        left=left,
        until=None if chosen.until is None else moment(chosen.until),
        counts=tuple(core.CountView.model_validate(one.model_dump()) for one in tally),
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


def dead_view(job: Job, history: Sequence[Change] = ()) -> core.DeadView:
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
