"""Where RabbitMQ is, what must be declared there, and what its errors mean."""

import asyncio
import contextlib
import logging
from collections.abc import AsyncGenerator, Generator, Sequence
from contextlib import asynccontextmanager, contextmanager
from functools import partial
from typing import Any, Protocol
from urllib.parse import parse_qsl, unquote, urlencode, urlsplit

import aio_pika
from aio_pika.abc import AbstractChannel, AbstractConnection
from aio_pika.connection import make_url
from aio_pika.exceptions import (
    CONNECTION_EXCEPTIONS,
    ChannelClosed,
    ChannelNotFoundEntity,
    ChannelPreconditionFailed,
    DeliveryError,
    PublishError,
)

from prelo.core.errors import Misconfigured, PreloError, Unavailable
from prelo.core.report import Lane
from prelo.ports import LANES

SECONDS = 5.0  # for one exchange of words with the broker, opening a connection included
_CLOSE_SECONDS = 2.0
_REFUSED = "ACCESS_REFUSED"  # what the broker's answer begins with
_PORTS = {"amqp": 5672, "amqps": 5671}
# Limits that an operator may want to change belong into a policy: arguments can never be changed.
_WORK_QUEUE: dict[str, Any] = {
    "x-queue-type": "quorum", "x-overflow": "reject-publish", "x-delivery-limit": 20,
    "x-dead-letter-strategy": "at-least-once",
}  # fmt: skip

# They shout into stderr at each attempt to connect; what is wrong is said once, as an error of ours.
for _name in ("aio_pika", "aiormq"):
    logging.getLogger(_name).setLevel(logging.CRITICAL)


class Server:
    """The broker of a URL."""

    def __init__(self, url: str) -> None:
        try:
            parts = urlsplit(url)
            host, port = parts.hostname, parts.port or _PORTS[parts.scheme]
        except (ValueError, KeyError):
            host, port, parts = None, 0, urlsplit("")
        if not host:
            # Without a cause: that would quote the URL, and with it the password.
            raise Misconfigured(
                "PRELO_BROKER is no address of RabbitMQ; write amqp://user:password@host:5672/virtual-host"
            )
        given = dict(parse_qsl(parts.query))
        prefix = given.pop("prefix", "prelo")
        # A peer that is gone without a word is noticed after three of them.
        query = urlencode({"heartbeat": "10", **given})
        self._url = parts._replace(query=query).geturl()
        self._where = f"RabbitMQ at {host}:{port}"
        self._virtual_host = unquote(parts.path[1:]) or "/"
        self.work, self.dead = f"{prefix}.work", f"{prefix}.dead"
        self._closing: set[asyncio.Task[None]] = set()

    def queue(self, lane: Lane) -> str:
        """The name of a lane's queue."""
        return f"{self.work}.{lane}"

    async def open(self, name: str) -> AbstractConnection:
        """A new connection; `name` is what the broker's own tools show."""
        connection = aio_pika.Connection(
            make_url(self._url), client_properties={"connection_name": name}
        )
        try:
            # Around the library's own limit, which leaves a part of the opening out.
            async with asyncio.timeout(SECONDS):
                await connection.connect(timeout=SECONDS)
        except BaseException:
            await (
                connection.close()
            )  # or the library closes it when it is collected: with no loop left
            raise
        return connection

    def discard(self, connection: AbstractConnection | None) -> None:
        """Close it without waiting: with a peer that is gone, that takes as long as it is allowed to."""
        if connection is not None:
            closing = asyncio.create_task(_close(connection))
            self._closing.add(closing)
            closing.add_done_callback(self._closing.discard)

    async def closed(self) -> None:
        """Until all that was discarded is closed."""
        if self._closing:
            await asyncio.wait(self._closing, timeout=2 * _CLOSE_SECONDS)

    @asynccontextmanager
    async def visit(self) -> AsyncGenerator[AbstractConnection]:
        """A connection for one question."""
        with self.told():
            async with asyncio.timeout(SECONDS):
                connection = await self.open("prelo asks")
                try:
                    yield connection
                finally:
                    self.discard(connection)

    async def counts(self, connection: AbstractConnection, lane: Lane) -> tuple[int, int]:
        """How many messages wait there, and how many consumers."""
        channel = await connection.channel(publisher_confirms=False)
        queue = await channel.declare_queue(self.queue(lane), passive=True, timeout=SECONDS)
        await channel.close()
        found = queue.declaration_result
        return found.message_count or 0, found.consumer_count or 0

    async def declare(self, connection: AbstractConnection, *, strict: bool = False) -> None:
        """Make what is missing, and bind all: what is there may just have been made by somebody who has not
        come to that yet. It stays as it is; if `strict`, it must be as this version would make it.
        """
        complete = True
        for thing in self._things():
            there = await _there(connection, thing)
            complete = complete and there
            if strict or not there:
                try:
                    await thing(await connection.channel(publisher_confirms=False), passive=False)
                except ChannelClosed as error:
                    if not there or _REFUSED not in str(error):
                        raise  # else an operator has made it, and lets nobody else change anything
        try:
            await self._bind(connection)
        except ChannelClosed as error:
            if not complete or _REFUSED not in str(error):
                raise  # else an operator has bound them

    async def _bind(self, connection: AbstractConnection) -> None:
        channel = await connection.channel(publisher_confirms=False)
        for lane in LANES:
            queue = await channel.get_queue(self.queue(lane), ensure=False)
            await queue.bind(self.work, lane, timeout=SECONDS)
        dead = await channel.get_queue(self.dead, ensure=False)
        await dead.bind(self.dead, timeout=SECONDS)
        await channel.close()

    def _things(self) -> Sequence["_Thing"]:
        work = _WORK_QUEUE | {"x-dead-letter-exchange": self.dead}
        return (
            partial(_exchange, self.dead, "fanout"),
            partial(_queue, self.dead, {"x-queue-type": "quorum"}),
            partial(_exchange, self.work, "direct"),
            *(partial(_queue, self.queue(lane), work) for lane in LANES),
        )

    @contextmanager
    def told(self) -> Generator[None]:
        """Turn the library's exceptions into a sentence."""
        try:
            yield
        except asyncio.CancelledError as error:
            # A connection that goes down also "cancels" whoever waits for one of its answers.
            task = asyncio.current_task()
            if task is not None and task.cancelling():
                raise
            raise Unavailable(f"the connection to {self._where} was lost") from error
        except CONNECTION_EXCEPTIONS as error:
            raise self._sentence(error) from error

    def blocked(self) -> Unavailable:
        """Said of a broker that does not read."""
        return Unavailable(
            f"{self._where} is short of memory or disk space and takes no messages; see rabbitmqctl status"
        )

    def _sentence(self, error: BaseException) -> PreloError:
        said = str(error)
        if isinstance(error, PublishError):
            return Unavailable(f"{self._where} had no queue for a message; it will be made anew")
        if isinstance(error, DeliveryError):
            return Unavailable(
                f"{self._where} refused a message: the queue is full or without a leader"
            )
        if isinstance(error, ChannelPreconditionFailed):
            return Misconfigured(
                f"on {self._where} something exists in another form than Prelo's ({said}); delete it there, "
                "or add ?prefix= with another name to PRELO_BROKER"
            )
        if _REFUSED in said:
            return Misconfigured(
                f"{self._where} refuses the user of PRELO_BROKER: its name or password is wrong, or it has "
                f"no permission for '{self.work}' in the virtual host '{self._virtual_host}'"
            )
        if "NOT_ALLOWED" in said or "Connection.OpenOk" in said:
            # The library does not pass the reason on: it only says that it was not let in.
            return Misconfigured(
                f"{self._where} has no virtual host '{self._virtual_host}' for the user of PRELO_BROKER, or "
                "no room for another connection; make it by rabbitmqctl add_vhost and set_permissions, or "
                "name another one"
            )
        cause = error.__cause__
        reason = (isinstance(cause, OSError) and cause.strerror) or "it does not answer"
        return Unavailable(
            f"{self._where} cannot be reached ({reason}); see whether it runs, and what PRELO_BROKER says"
        )


async def is_blocked(connection: AbstractConnection) -> bool:
    """Whether the broker has told this connection that it reads nothing more from it."""
    transport = connection.transport
    if transport is None:
        return False
    try:
        # The library keeps the state to itself; but its ready() returns at once, or only when it is over.
        async with asyncio.timeout(0):
            await transport.ready()
    except TimeoutError:
        return True
    return False


class _Thing(Protocol):
    """Declares an exchange or a queue."""

    async def __call__(self, channel: AbstractChannel, *, passive: bool) -> object: ...


async def _exchange(name: str, kind: str, channel: AbstractChannel, *, passive: bool) -> object:
    return await channel.declare_exchange(
        name, kind, durable=True, passive=passive, timeout=SECONDS
    )


async def _queue(
    name: str, arguments: dict[str, Any], channel: AbstractChannel, *, passive: bool
) -> object:
    return await channel.declare_queue(
        name, durable=True, passive=passive, arguments=arguments, timeout=SECONDS
    )


async def _there(connection: AbstractConnection, thing: _Thing) -> bool:
    """Asked passively: whoever may not create anything can work with what an operator made."""
    try:
        channel = await connection.channel(publisher_confirms=False)
        await thing(channel, passive=True)
    except ChannelNotFoundEntity:
        return False  # that has closed the channel, too
    await channel.close()
    return True


async def _close(connection: AbstractConnection) -> None:
    with contextlib.suppress(*CONNECTION_EXCEPTIONS, asyncio.CancelledError):
        async with asyncio.timeout(_CLOSE_SECONDS):
            await connection.close()
