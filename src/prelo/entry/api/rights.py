"""Which scope each route needs, and who is let in. A route that is not placed here lets in nobody whom it
would have to ask.
"""

from typing import Annotated

from fastapi import Depends
from starlette.requests import HTTPConnection

from prelo.app import rates
from prelo.core.access import Scope
from prelo.core.errors import Forbidden
from prelo.core.request import Caller
from prelo.entry.api.house import House

# For whoever comes: they say nothing of any tenant. So do /openapi.json and addresses that do not exist.
OPEN = {"GET /", "GET /docs", "GET /livez", "GET /readyz"}
NEEDS: dict[str, Scope] = {
    "GET /v1/reports": "reports:read",
    "GET /v1/reports/{name}": "reports:read",
    "GET /v1/reports/{name}/versions/{number}": "reports:read",
    "POST /v1/jobs": "jobs:write",
    "GET /v1/jobs": "jobs:read",
    "GET /v1/jobs/{job_id}": "jobs:read",
    "GET /v1/jobs/{job_id}/file": "jobs:read",
    "GET /v1/jobs/{job_id}/manifest": "jobs:read",
    "GET /v1/jobs/{job_id}/events": "jobs:read",
    "POST /v1/jobs/{job_id}:cancel": "jobs:write",
    "POST /v1/jobs/{job_id}:retry": "jobs:write",
    "POST /v1/jobs/{job_id}:refresh": "jobs:write",
    "DELETE /v1/jobs/{job_id}": "jobs:write",
    "POST /v1/schedules": "jobs:write",
    "GET /v1/schedules": "jobs:read",
    "GET /v1/schedules/{schedule_id}": "jobs:read",
    "PATCH /v1/schedules/{schedule_id}": "jobs:write",
    "DELETE /v1/schedules/{schedule_id}": "jobs:write",
    "POST /v1/schedules/{schedule_id}:pause": "jobs:write",
    "POST /v1/schedules/{schedule_id}:resume": "jobs:write",
    "POST /v1/schedules/{schedule_id}:run": "jobs:write",
    "GET /v1/schedules/{schedule_id}/firings": "jobs:read",
    "GET /v1/schedules/{schedule_id}/upcoming": "jobs:read",
    "POST /v1/webhooks": "jobs:write",
    "GET /v1/webhooks": "jobs:read",
    "GET /v1/webhooks/{webhook_id}": "jobs:read",
    "PATCH /v1/webhooks/{webhook_id}": "jobs:write",
    "DELETE /v1/webhooks/{webhook_id}": "jobs:write",
    "POST /v1/webhooks/{webhook_id}:rotate": "jobs:write",
    "POST /v1/webhooks/{webhook_id}:enable": "jobs:write",
    "POST /v1/webhooks/{webhook_id}:test": "jobs:write",
    "GET /v1/webhooks/{webhook_id}/deliveries": "jobs:read",
    "POST /v1/webhooks/{webhook_id}/deliveries:replay": "jobs:write",
    "POST /v1/webhooks/{webhook_id}/deliveries/{notice_id}:replay": "jobs:write",
    "GET /v1/jobs/{job_id}/notices": "jobs:read",
    "WS /v1/live": "jobs:read",
    "POST /v1/datasets": "jobs:write",
    "GET /v1/datasets": "jobs:read",
    "GET /v1/datasets/{dataset}": "jobs:read",
    "DELETE /v1/datasets/{dataset}": "jobs:write",
    "GET /v1/dead": "dead:write",
    "GET /v1/dead/{job_id}": "dead:write",
    "GET /v1/dead/audit": "dead:write",
    "POST /v1/dead/replay": "dead:write",
    "POST /v1/dead/drop": "dead:write",
    "GET /v1/audit": "admin",
    "GET /v1/status": "admin",
}


# Whoever comes must be known, and each field asks for the scope that its route would need.
BY_FIELD = {"GET /graphql", "POST /graphql", "WS /graphql"}


async def guard(connection: HTTPConnection) -> None:
    """Before every route. Raises Unauthenticated, Forbidden, TooManyRequests."""
    place = _place(connection)
    if place in OPEN:
        return
    house: House = connection.app.state.house
    who = connection.state.caller = await house.doorman.caller(shown_by(connection))
    connection.state.quota = quota = await house.rates.taken(who.tenant)
    rates.check(quota)
    if place not in BY_FIELD:
        may(house, who, place)


def shown_by(connection: HTTPConnection) -> str | None:
    """What somebody shows of who they are."""
    return connection.headers.get("authorization")


def may(house: House, who: Caller, place: str) -> None:
    """Raises Forbidden for who lacks what this place needs."""
    if house.doorman.asks:
        _check(who, NEEDS.get(place))


def _place(connection: HTTPConnection) -> str:
    """As it stands above: HEAD is GET, and a path's parameters have no types."""
    method = connection.scope.get("method", "WS")
    path: str = connection.scope["route"].path_format
    return f"{'GET' if method == 'HEAD' else method} {path}"


def _check(who: Caller, scope: Scope | None) -> None:
    if scope is None:
        raise Forbidden("nobody has said who may do this; it is a fault of Prelo")
    if not who.has(scope):
        has = ", ".join(sorted(who.scopes)) or "none"
        raise Forbidden(f"this needs the scope {scope}; yours are: {has}", scope)


async def caller(connection: HTTPConnection) -> Caller:
    """Who asks, of a route that is not open."""
    return connection.state.caller


Who = Annotated[Caller, Depends(caller)]
