"""The route of the audit: who did what."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Response
from pydantic import AwareDatetime, Field

from prelo.core import desk as core
from prelo.core.model import Model
from prelo.core.records import AuditFilter, Doing
from prelo.entry.api.jobs import shown
from prelo.entry.api.openapi import describe, get
from prelo.entry.api.paging import cut, link, numbered
from prelo.entry.api.reading import Here, House
from prelo.entry.api.views import moment

router = APIRouter(prefix="/v1/audit", tags=["audit"])


class Marks(Model):
    """What entries are looked for. `actor`: who, as `key:…` or `oidc:…`; `act`: what, once or more often."""

    tenant: str | None = None
    actor: str | None = None
    act: list[Doing] = []
    job: UUID | None = None
    since: AwareDatetime | None = None
    until: AwareDatetime | None = None


class Reading(Marks):
    """The query of the audit. `actor`: who, as `key:…` or `oidc:…`; `act`: what, once or more often."""

    cursor: Annotated[int, Field(ge=1, le=2**53)] | None = None
    limit: Annotated[int, Field(ge=1, le=200)] = 50

    @property
    def filter(self) -> AuditFilter:
        """One entry more than is shown tells whether there is a next page."""
        return AuditFilter(
            job_id=self.job and str(self.job),
            tenant=self.tenant,
            actor=self.actor,
            actions=tuple(self.act),
            since=core.milliseconds(self.since),
            until=core.milliseconds(self.until),
            before=self.cursor,
            limit=self.limit + 1,
        )


@get(router, "", **describe("The audit", ("200:AuditPage",), (422, 503)))
async def audit(query: Annotated[Reading, Query()], here: Here) -> Response:
    """Who asked, downloaded, cancelled, retried, forgot, replayed, dropped, and who made, rotated and
    revoked keys, newest first. An entry is never changed, and outlives its job.
    """
    return await paged("/v1/audit", query, query.filter, here)


async def paged(path: str, query: Model, chosen: AuditFilter, here: Here) -> Response:
    """One page of it."""
    entries, cursor = await page_of(chosen, here)
    return link(shown(core.AuditPage(entries=entries, next=cursor)), path, query, cursor)


async def page_of(
    chosen: AuditFilter, here: House
) -> tuple[tuple[core.NotedView, ...], str | None]:
    """The entries of a page, of which `chosen` asks for one more, and the cursor of the next."""
    found = await here.ports.store.audit(chosen)
    rows, cursor = cut(found, chosen.limit - 1, numbered)
    views = (core.NotedView(**one.model_dump(exclude={"at"}), at=moment(one.at)) for one in rows)
    return tuple(views), cursor
