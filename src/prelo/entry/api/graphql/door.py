"""The schema, and how it answers over HTTP and on a WebSocket."""

import json
from collections.abc import Mapping
from contextlib import suppress
from datetime import timedelta
from typing import Any

from fastapi import Request, Response, WebSocket, WebSocketDisconnect
from graphql import GraphQLError
from pydantic_core import from_json
from strawberry.fastapi import GraphQLRouter
from strawberry.http.ides import get_graphql_ide_html
from strawberry.schema.config import StrawberryConfig
from strawberry.schema.exceptions import CannotGetOperationTypeError, InvalidOperationTypeError
from strawberry.subscriptions import GRAPHQL_TRANSPORT_WS_PROTOCOL
from strawberry.subscriptions.protocols.graphql_transport_ws.handlers import (
    BaseGraphQLTransportWSHandler,
)
from strawberry.subscriptions.protocols.graphql_transport_ws.types import SubscribeMessage
from strawberry.types.graphql import OperationType

from prelo.core.errors import PreloError
from prelo.core.request import Caller
from prelo.entry.api.graphql import Question
from prelo.entry.api.graphql.asking import Asking
from prelo.entry.api.graphql.cost import TooCostly
from prelo.entry.api.graphql.fields import Mutation, Query, Subscription
from prelo.entry.api.graphql.refusals import Limits, Problems, Schema, told
from prelo.entry.api.graphql.types import SCALARS
from prelo.entry.api.reading import House
from prelo.entry.sockets import DEAF, Deaf

_ANSWER = "application/graphql-response+json"
_OVER_HTTP = (OperationType.QUERY, OperationType.MUTATION)
_GREETING = timedelta(seconds=10)  # for the first word on a WebSocket
_MOST_AT_ONCE = 50  # operations on a WebSocket
_MAX_ID = 64
_BUSY = TooCostly(
    f"{_MOST_AT_ONCE} operations are under way on this connection, which is the most; "
    "end one of them, or open another connection"
)

# Limits is within Problems: what it refuses is told as all else is.
schema = Schema(
    Query,
    Mutation,
    Subscription,
    extensions=[Problems, Limits],
    config=StrawberryConfig(scalar_map=SCALARS),
)


async def answer(question: Question, request: Request, here: House, who: Caller) -> Response:
    """As GraphQL over HTTP wants it: 200 whatever is said, unless the caller knows the media type of answers;
    then what was not begun is 400.
    """
    body = await _executed(question, Asking(here, who, request))
    knows = _ANSWER in request.headers.get("accept", "")
    status = 400 if knows and "data" not in body else 200
    headers = {"Vary": "Accept", "Cache-Control": "no-store"}
    media_type = _ANSWER if knows else "application/json"
    content = json.dumps(body, ensure_ascii=False, separators=(",", ":"))
    return Response(content, status, headers, f"{media_type}; charset=utf-8")


async def _executed(question: Question, asking: Asking) -> dict[str, Any]:
    try:
        result = await schema.execute(
            question.query,
            question.variables,
            asking,
            operation_name=question.operation_name,
            allowed_operation_types=_OVER_HTTP,
        )
    except (CannotGetOperationTypeError, InvalidOperationTypeError) as error:
        return {"errors": [told(GraphQLError("", original_error=error)).formatted]}
    if not result.errors:
        return {"data": result.data}
    errors = [error.formatted for error in result.errors]
    begun = result.data is not None or any("path" in error for error in errors)
    return {"errors": errors} | ({"data": result.data} if begun else {})


class _Talk(BaseGraphQLTransportWSHandler[Asking, None]):
    """The library's, which expects every message to be of the right form."""

    async def handle_message(self, message: Any) -> None:
        if not _is_sound(message):
            await self.handle_invalid_message("This is no message of graphql-transport-ws")
        elif message["type"] == "subscribe" and len(self.operations) >= _MOST_AT_ONCE:
            payload: Any = [told(GraphQLError("", original_error=_BUSY)).formatted]
            await self.send_message({"id": message["id"], "type": "error", "payload": payload})
        else:
            await super().handle_message(message)

    async def handle_subscribe(self, message: SubscribeMessage) -> None:
        if self.connection_acknowledged:
            try:
                await self.context.let_in_again()
            except PreloError as error:
                said = [told(GraphQLError("", original_error=error)).formatted]
                await self.send_message({"id": message["id"], "type": "error", "payload": said})
                return
        await super().handle_subscribe(message)


def _is_sound(message: Any) -> bool:
    """Ids are short, as the library quotes them where there is little room."""
    match message:
        case {"type": "connection_init" | "ping" | "pong"}:
            return True
        case {"type": "complete", "id": str(key)}:
            return len(key) <= _MAX_ID
        case {"type": "subscribe", "id": str(key), "payload": {"query": str(query), **rest}}:
            return 0 < len(key) <= _MAX_ID and bool(query) and _are_sound(rest)
        case _:
            return False


def _are_sound(rest: Mapping[str, Any]) -> bool:
    variables, name = rest.get("variables"), rest.get("operationName")
    return isinstance(variables, dict | None) and isinstance(name, str | None)


class _View(GraphQLRouter[Asking, None]):
    graphql_transport_ws_handler_class = _Talk

    def decode_json(self, data: str | bytes) -> object:
        try:
            return from_json(data, allow_inf_nan=False)
        except ValueError as error:
            raise json.JSONDecodeError(str(error), "", 0) from error


_view = _View(
    schema,
    graphql_ide=None,
    subscription_protocols=[GRAPHQL_TRANSPORT_WS_PROTOCOL],
    connection_init_wait_timeout=_GREETING,
    max_subscriptions_per_connection=None,  # _Talk counts, and says it as a problem
)


async def converse(socket: WebSocket, here: House, who: Caller) -> None:
    """Until the other side, or this process, ends it."""
    try:
        await _view.run(socket, Asking(here, who, socket), None)
    except Deaf:
        here.ports.observer.event("live.dropped", tenant=who.tenant, detail=DEAF)
        with suppress(WebSocketDisconnect, RuntimeError):  # it may be gone meanwhile
            await socket.close(1013, DEAF)


def page() -> str:
    return get_graphql_ide_html("graphiql")
