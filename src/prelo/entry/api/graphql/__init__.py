"""POST /graphql, and a WebSocket there for subscriptions.

The library behind it is loaded when somebody first asks: a server that nobody asks need not have it.
"""

import asyncio
from functools import cache
from importlib import import_module
from typing import Annotated, Any

from fastapi import APIRouter, Request, Response, WebSocket
from fastapi.responses import HTMLResponse
from pydantic import Field

from prelo.core.model import Model
from prelo.entry.api import problems
from prelo.entry.api.openapi import describe
from prelo.entry.api.problems import HttpRefused
from prelo.entry.api.reading import Here, Who, read

PATH = "/graphql"
_ANSWERS = "application/json application/graphql-response+json"


_READS: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {
            "application/json": {
                "schema": {
                    "type": "object",
                    "required": ["query"],
                    "properties": {
                        "query": {"type": "string"},
                        "variables": {"type": ["object", "null"]},
                        "operationName": {"type": ["string", "null"]},
                    },
                },
                "examples": {
                    "a question": {"value": {"query": "{jobs(first: 10) {nodes {id state links}}}"}}
                },
            }
        },
    }
}


class NotInstalled(HttpRefused):
    type = "not-installed"
    title = "This server cannot do that"
    status = 501


class Question(Model):
    """The body of a POST, as GraphQL over HTTP has it."""

    query: Annotated[str, Field(min_length=1)]
    variables: dict[str, Any] | None = None
    operation_name: Annotated[str | None, Field(alias="operationName")] = None
    extensions: dict[str, Any] | None = None


def mounted(*, graphiql: bool) -> APIRouter:
    """The routes. With `graphiql` there is a page to try them on."""
    router = APIRouter(tags=["graphql"])
    described = describe("Ask by GraphQL", (f"200:{_ANSWERS}",), (400, 401, 413, 415, 422, 429))
    router.add_api_route(PATH, ask, methods=["POST"], openapi_extra=_READS, **described)
    router.add_api_websocket_route(PATH, listen)
    if graphiql:
        router.add_api_route(PATH, page, methods=["GET"], include_in_schema=False)
    return router


async def ask(request: Request, here: Here, who: Who) -> Response:
    """Queries and mutations: what /v1 has, with the same errors in `extensions`. The schema can be asked
    for; docs/graphql.md has examples. Subscriptions go over a WebSocket at this address.
    """
    door = await opened()
    question, _ = await read(request, here.config.max_body, Question)
    return await door.answer(question, request, here, who)


async def listen(socket: WebSocket, here: Here, who: Who) -> None:
    """A WebSocket that speaks graphql-transport-ws."""
    try:
        door = await opened()
    except NotInstalled as error:
        await socket.send_denial_response(problems.answer(error.problem(), error.status))
        return
    await door.converse(socket, here, who)


async def page() -> Response:
    return HTMLResponse((await opened()).page())


async def opened() -> Any:
    """What answers. Loading it takes half a second, in which others are served. Raises NotInstalled."""
    return loaded() if loaded.cache_info().currsize else await asyncio.to_thread(loaded)


@cache
def loaded() -> Any:
    try:
        return import_module("prelo.entry.api.graphql.door")
    except ModuleNotFoundError as error:
        if (error.name or "").startswith("prelo"):
            raise
        raise NotInstalled(
            f"GraphQL needs the package '{error.name}' on the server; "
            "whoever runs it installs it by: pip install 'prelo[graphql]'"
        ) from error
