"""The fields of the desk of dead letters, and of the audit."""

from dataclasses import replace
from typing import Annotated, Any

import strawberry

from prelo.app import desk
from prelo.core import desk as core
from prelo.core.records import AuditFilter
from prelo.entry.api import audit
from prelo.entry.api.desk import (
    Do,
    Listing,
    Operator,
    Reading,
    dead_view,
    ended,
    errand,
    operator,
    page_of,
)
from prelo.entry.api.graphql.asking import (
    Connection,
    Id,
    Info,
    asks,
    body,
    changes,
    cursor,
    first_of,
    number,
    or_null,
    page,
    uuid_of,
)
from prelo.entry.api.graphql.cost import FIRST, MAX_FIRST
from prelo.entry.api.graphql.types import asked, shown
from prelo.entry.api.house import House
from prelo.entry.api.paging import numbered
from prelo.entry.api.reading import validated

DEAD = or_null(shown(core.DeadView))
DEADS = or_null(Connection[shown(core.DeadView)])
ERRAND = or_null(shown(core.ErrandView))
AUDIT = or_null(Connection[shown(core.NotedView)])
Input = Annotated[
    object, strawberry.argument(name="input", graphql_type=asked(core.Errand, "ErrandInput"))
]
_CHOSEN = or_null(asked(core.Chosen, "DeadFilter"))
_MARKS = or_null(asked(audit.Marks, "AuditFilter"))
Chosen = Annotated[object, strawberry.argument(name="filter", graphql_type=_CHOSEN)]
Marks = Annotated[object, strawberry.argument(name="filter", graphql_type=_MARKS)]


@strawberry.type
class Query:
    @strawberry.field(
        graphql_type=DEAD, description="A job that was given up, and all it went through."
    )
    async def dead_job(self, info: Info, job_id: Id) -> core.DeadView:
        here, at = await _at(info, "GET /v1/dead/{job_id}")
        return dead_view(*await desk.show(uuid_of("job", job_id), here.ports, at.only))

    @strawberry.field(
        graphql_type=DEADS,
        description="The jobs that were given up (or, by `state`, that failed), the last first; "
        f"`first` is at most {MAX_FIRST}.",
    )
    async def dead_jobs(
        self, info: Info, chosen: Chosen = None, first: int = FIRST, after: str | None = None
    ) -> Connection[core.DeadView]:
        here, at = await _at(info, "GET /v1/dead")
        wanted = _marks(core.Chosen, chosen) | {"cursor": cursor(after), "limit": first_of(first)}
        found = await page_of(validated(Listing, wanted), here, at)
        return page(found, after, ended, dead_view)

    @strawberry.field(
        graphql_type=AUDIT, description="Every replay and every drop at the desk, newest first."
    )
    async def dead_audit(
        self, info: Info, marks: Marks = None, first: int = FIRST, after: str | None = None
    ) -> Connection[core.NotedView]:
        here, at = await _at(info, "GET /v1/dead/audit")
        wanted = _marks(audit.Marks, marks) | {"cursor": number(after), "limit": first_of(first)}
        query = validated(Reading, wanted)
        chosen = query.filter.model_copy(update={"tenant": at.tenant(query.tenant)})
        return await _noted(chosen, after, here)

    @strawberry.field(graphql_type=AUDIT, description="Who did what, newest first.")
    async def audit(
        self, info: Info, marks: Marks = None, first: int = FIRST, after: str | None = None
    ) -> Connection[core.NotedView]:
        here, _ = asks(info, "GET /v1/audit")
        wanted = _marks(audit.Marks, marks) | {"cursor": number(after), "limit": first_of(first)}
        return await _noted(validated(audit.Reading, wanted).filter, after, here)


@strawberry.type
class Mutation:
    @strawberry.mutation(
        graphql_type=ERRAND,
        description="Queue dead jobs again, each as a new generation; a few seconds at a time.",
    )
    async def replay_dead(self, info: Info, wanted: Input) -> core.ErrandView:
        return await _done(desk.replay, wanted, info, "POST /v1/dead/replay")

    @strawberry.mutation(
        graphql_type=ERRAND, description="Delete dead jobs for good; otherwise as a replay."
    )
    async def drop_dead(self, info: Info, wanted: Input) -> core.ErrandView:
        return await _done(desk.drop, wanted, info, "POST /v1/dead/drop")


async def _at(info: Info, place: str) -> tuple[House, Operator]:
    here, who = asks(info, place)
    return here, replace(await operator(info.context.connection, who), door="graphql")


async def _done(do: Do, wanted: object, info: Info, place: str) -> core.ErrandView:
    here, at = await _at(info, place)
    return await errand(do, body(core.Errand, wanted)[0], here, at)


async def _noted(chosen: AuditFilter, after: str | None, here: House) -> Connection[core.NotedView]:
    return page(await audit.page_of(chosen, here), after, numbered, lambda one: one)


def _marks(model: type[core.Chosen | audit.Marks], given: object) -> dict[str, Any]:
    return {} if given is None else changes(model, given)
