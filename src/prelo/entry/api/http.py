"""The HTTP door: the application, the catalog, and how the house is doing."""

import asyncio
from collections.abc import Awaitable, Sequence

from fastapi import APIRouter, Depends, FastAPI, Response
from fastapi.routing import APIRoute

from prelo.config import Config
from prelo.core.errors import NotFound, PreloError, Unavailable
from prelo.entry.api import (
    audit,
    datasets,
    desk,
    file,
    graphql,
    jobs,
    live,
    openapi,
    page,
    problems,
    schedules,
    sockets,
    webhooks,
)
from prelo.entry.api.fields import RateLimitFields
from prelo.entry.api.house import house_of
from prelo.entry.api.jobs import shown
from prelo.entry.api.openapi import describe, get
from prelo.entry.api.reading import Here, Who, legible
from prelo.entry.api.rights import guard
from prelo.entry.api.status import VERSION, status_view
from prelo.entry.api.views import report_view
from prelo.ports import Ports

_PATIENCE = 2.0  # seconds for a part of the house to say that it is well

catalog = APIRouter(prefix="/v1/reports", tags=["reports"])
house = APIRouter(tags=["house"])
_DOORS = (jobs, file, live, datasets, schedules, webhooks, desk, audit)


def create_app(ports: Ports, config: Config, roles: Sequence[str] = ("api",)) -> FastAPI:
    """The application over these ports. `app.state.house.draining` is filled when it is to go unready."""
    app = FastAPI(
        title="Prelo",
        version=VERSION,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        dependencies=[Depends(guard), Depends(legible)],
    )
    app.state.house = house_of(ports, config, tuple(roles))
    app.add_middleware(RateLimitFields, queued=config.max_queued_per_tenant)
    app.state.routes = []
    for router in (catalog, *(door.router for door in _DOORS), house, page.router):
        app.state.routes += [route for route in router.routes if isinstance(route, APIRoute)]
        app.include_router(router)
    app.include_router(sockets.router)
    asking = graphql.mounted(graphiql=config.graphiql)
    app.state.routes += [route for route in asking.routes if isinstance(route, APIRoute)]
    app.include_router(asking)
    problems.install(app)
    openapi.install(app, VERSION)
    return app


@get(catalog, "", **describe("The catalog", ("200:ReportPage",)))
async def reports(here: Here, who: Who) -> Response:
    """Every report you may ask for, in its newest version: what it is called, what it asks for, what it can
    be made as.
    """
    seen = here.ports.catalog.seen_by(who.permissions)
    views = (report_view(report, seen).model_dump_json() for report in seen)
    return Response(f'{{"reports":[{",".join(views)}]}}', media_type="application/json")


@get(catalog, "/{name}", **describe("A report", ("200:ReportView",), (404,)))
async def report(name: str, here: Here, who: Who) -> Response:
    """The report in its newest version."""
    seen = here.ports.catalog.seen_by(who.permissions)
    return shown(report_view(seen.get(name), seen))


@get(
    catalog,
    "/{name}/versions/{number}",
    **describe("A report's version", ("200:ReportView",), (404,)),
)
async def report_version(name: str, number: str, here: Here, who: Who) -> Response:
    """The report as it was in that version."""
    if not number.isascii() or not number.isdecimal():
        raise NotFound(f"'{number}' is no version; versions are numbers, as 1")
    seen = here.ports.catalog.seen_by(who.permissions)
    return shown(report_view(seen.get(name, int(number[:9])), seen))


@get(house, "/v1/status", **describe("How the house is doing", ("200:StatusView",), (503,)))
async def status(here: Here) -> Response:
    """Work by lane, and the invariants as numbers: anything but 0 in `health` is an alert."""
    return shown(await status_view(here))


@get(house, "/livez", **describe("Alive", ("200:application/json",)))
async def livez() -> Response:
    """200 as long as the process answers at all."""
    return Response('{"alive":true}', media_type="application/json")


@get(house, "/readyz", **describe("Ready for requests", ("200:application/json",), (503,)))
async def readyz(here: Here) -> Response:
    """200 when what this process needs answers, the store, the files and, for work and upkeep, the broker;
    else a problem that names who does not.
    """
    if here.draining:
        raise Unavailable("this process is draining; ask another one")
    ports = here.ports
    asked = [_well("store", ports.store.check()), _well("storage", ports.files.check())]
    if set(here.roles) != {
        "api"
    }:  # which never speaks with the broker, and takes requests without it
        asked.append(_well("broker", ports.broker.check()))
    said = await asyncio.gather(*asked)
    wrong = [sentence for sentence in said if sentence]
    if wrong:
        raise Unavailable("; ".join(wrong))
    return Response('{"ready":true}', media_type="application/json")


async def _well(name: str, check: Awaitable[None]) -> str | None:
    try:
        async with asyncio.timeout(_PATIENCE):
            await check
    except PreloError as error:
        return f"the {name} is not well: {error.detail}"
    except TimeoutError:
        return f"the {name} has not answered within {_PATIENCE:g} s"
    return None
