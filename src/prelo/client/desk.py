"""What a client asks the desk of dead letters, and how it reads the answers; see steps.py."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Literal, TypedDict, TypeVar
from urllib.parse import quote

from prelo.client.steps import Call, Steps, ask
from prelo.core.desk import AuditPage, DeadPage, DeadView, Errand, ErrandView
from prelo.core.records import Deed, Doing
from prelo.core.schedule_view import FiringPage, SchedulePage
from prelo.core.view import JobPage

Page = TypeVar("Page", JobPage, DeadPage, AuditPage, SchedulePage, FiringPage)
_PATIENCE = 20  # seconds that a call may take beyond the usual: it paces itself


class DeadMarks(TypedDict, total=False):
    """Which jobs to list; `limit` is the size of a page."""

    state: Literal["dead", "failed"]
    report: str
    version: int
    tenant: str
    error: str
    since: datetime
    until: datetime
    fate: Literal["lost", "spent", "late"]
    limit: int


class AuditMarks(TypedDict, total=False):
    """Which entries of the audit to list; `act` is what was done, `limit` the size of a page."""

    tenant: str
    job: str
    actor: str
    act: Doing | Sequence[Doing]
    since: datetime
    until: datetime
    limit: int


def query_of(marks: DeadMarks | AuditMarks) -> dict[str, Any]:
    """Times with their zone: one without is local."""
    return {
        name: value.astimezone().isoformat() if isinstance(value, datetime) else value
        for name, value in marks.items()
    }


def page(query: Mapping[str, Any]) -> Steps[DeadPage]:
    answer = yield from ask(Call("GET", "/v1/dead", params=query))
    return DeadPage.model_validate_json(answer.content)


def looking(job_id: str) -> Steps[DeadView]:
    answer = yield from ask(Call("GET", f"/v1/dead/{quote(job_id, safe='')}"))
    return DeadView.model_validate_json(answer.content)


def sending(deed: Deed, errand: Errand, by: str | None) -> Steps[ErrandView]:
    """After a lost answer it is not repeated: together both would do more than `most`."""
    headers = {"Content-Type": "application/json"} | ({"From": by} if by else {})
    body = errand.model_dump_json(exclude_defaults=True).encode()
    call = Call("POST", f"/v1/dead/{deed}", body, headers=headers, again=False, wait=_PATIENCE)
    return ErrandView.model_validate_json((yield from ask(call)).content)


def audit(query: Mapping[str, Any]) -> Steps[AuditPage]:
    answer = yield from ask(Call("GET", "/v1/audit", params=query))
    return AuditPage.model_validate_json(answer.content)


def desk_audit(query: Mapping[str, Any]) -> Steps[AuditPage]:
    """Its part that is the desk's, for which less is needed."""
    answer = yield from ask(Call("GET", "/v1/dead/audit", params=query))
    return AuditPage.model_validate_json(answer.content)
