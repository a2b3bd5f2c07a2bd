"""The connection that publishes."""

import asyncio
import json
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import aio_pika
from aio_pika.abc import AbstractChannel, AbstractConnection, AbstractExchange
from aio_pika.exceptions import CONNECTION_EXCEPTIONS, DeliveryError, PublishError

from prelo.adapters.broker_rabbitmq.server import SECONDS, Server, is_blocked
from prelo.core.errors import Misconfigured, PreloError, Unavailable
from prelo.core.records import Bell, Obituary

_GLANCE_SECONDS = (
    0.1  # between looks whether the broker has stopped reading, while a confirm is due
)
_AGAIN_SECONDS = 1.0  # after a failure to connect

MEDIA_TYPE = "application/cloudevents+json"
BELL, OBITUARY = "prelo.bell", "prelo.obituary"
BYTES = 1024  # the longest message
_SPARE = ("traceparent", "tenant")  # left out of one that would be longer, until it fits


@dataclass(frozen=True, eq=False)
class _Line:
    """What a message goes out by."""

    connection: AbstractConnection
    channel: AbstractChannel
    exchange: AbstractExchange


class Ringer:
    """Opened when it is needed, and after every doubt anew; for one exchange, so that trouble with one keeps
    no message from the other.
    """

    def __init__(self, server: Server, exchange: str) -> None:
        self._server = server
        self._exchange = exchange
        self._turn = asyncio.Lock()
        self._line: _Line | None = None
        self._failure: tuple[float, str] | None = None

    async def check(self) -> None:
        """Only who publishes is told that the broker is short of memory."""
        if self._line is not None and await is_blocked(self._line.connection):
            raise self._server.blocked()

    async def close(self) -> None:
        self._give_up(self._line)

    async def ring(self, bell: Bell) -> None:
        """See the port."""
        body = _body(BELL, _fresh(), bell.job_id, bell.model_dump(exclude_none=True))
        await self._confirmed(body, bell.lane)

    async def bury(self, obituary: Obituary) -> None:
        """See the port. Repeated copies are the same event, by the same id."""
        same = f"{obituary.job_id}.{obituary.generation}"
        said = obituary.model_dump(exclude={"number"})
        await self._confirmed(_body(OBITUARY, same, obituary.job_id, said), "")

    async def _confirmed(self, body: bytes, key: str) -> None:
        try:
            with self._server.told():
                async with asyncio.timeout(SECONDS):
                    await self._publish(_message(body), key, await self._opened())
        except Misconfigured as error:
            raise Unavailable(error.detail, 30) from error

    async def _opened(self) -> _Line:
        now = asyncio.get_running_loop().time
        async with self._turn:
            if self._line is not None and not self._line.channel.is_closed:
                return self._line
            self._give_up(self._line)
            if self._failure and now() < self._failure[0] + _AGAIN_SECONDS:
                raise Unavailable(self._failure[1])  # a hundred that wait try only once
            try:
                with self._server.told():
                    self._line = await self._open()
            except PreloError as error:
                self._failure = (now(), error.detail)
                raise
            return self._line

    async def _open(self) -> _Line:
        connection = await self._server.open("prelo rings")
        try:
            await self._server.declare(connection)
            # By default a message that no queue wants is handed back as if all were well.
            channel = await connection.channel(publisher_confirms=True, on_return_raises=True)
            exchange = await channel.get_exchange(self._exchange, ensure=False)
        except BaseException:
            self._server.discard(connection)
            raise
        return _Line(connection, channel, exchange)

    async def _publish(self, message: aio_pika.Message, key: str, line: _Line) -> None:
        if await is_blocked(line.connection):
            raise self._server.blocked()
        publishing = asyncio.ensure_future(line.exchange.publish(message, key))
        try:
            while not publishing.done():
                await asyncio.wait({publishing}, timeout=_GLANCE_SECONDS)
                # The broker says so only after the message, and no event of the library passes it on.
                if not publishing.done() and await is_blocked(line.connection):
                    raise self._server.blocked()
            publishing.result()
        except (asyncio.CancelledError, *CONNECTION_EXCEPTIONS) as error:
            if isinstance(error, PublishError) or not isinstance(error, DeliveryError):
                self._give_up(line)  # no way, lost, or not confirmed in time
            raise
        finally:
            publishing.cancel()

    def _give_up(self, line: _Line | None) -> None:
        if line is not None and line is self._line:
            self._server.discard(line.connection)
            self._line = None


def _fresh() -> str:
    return str(uuid.uuid4())


def _body(kind: str, event_id: str, job_id: str, said: Mapping[str, Any]) -> bytes:
    """A CloudEvent."""
    data = dict(said)
    event = {
        "specversion": "1.0", "id": event_id, "source": "prelo", "type": kind, "subject": job_id,
        "datacontenttype": "application/json", "data": data,
    }  # fmt: skip
    body = _json(event)
    for spare in _SPARE:
        if len(body) > BYTES:
            data.pop(spare, None)
            body = _json(event)
    return body


def _json(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False).encode()


def _message(body: bytes) -> aio_pika.Message:
    return aio_pika.Message(
        body,
        # A new name each time: of two in flight by the same name, the library would mix up the confirms.
        message_id=_fresh(),
        content_type=MEDIA_TYPE,
        delivery_mode=aio_pika.DeliveryMode.PERSISTENT,
    )
