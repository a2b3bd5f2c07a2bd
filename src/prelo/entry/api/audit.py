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
from prelo.entry.api.paging import link
from prelo.entry.api.reading import Here
from prelo.entry.api.views import moment

router = APIRouter(prefix="/v1/audit", tags=["audit"])


class Reading(Model):
    """The query of the audit. `actor`: who, as `key:…` or `oidc:…`; `act`: what, once or more often."""

    tenant: str | None = None
    actor: str | None = None
    act: list[Doing] = []
    job: UUID | None = None
    since: AwareDatetime | None = None
    until: AwareDatetime | None = None
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
    """One page of it. `chosen` asks for one entry more than is to be shown."""
    found = await here.ports.store.audit(chosen)
    entries = tuple(
        core.NotedView(**one.model_dump(exclude={"at"}), at=moment(one.at))
        for one in found[: chosen.limit - 1]
    )
    cursor = str(entries[-1].number) if len(found) >= chosen.limit else None
    return link(shown(core.AuditPage(entries=entries, next=cursor)), path, query, cursor)
