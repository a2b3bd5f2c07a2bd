"""Connections of which each takes little memory, however slowly it is read; none is kept that is not."""

import asyncio
import socket
from collections.abc import Awaitable
from functools import lru_cache
from typing import Any, cast

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.frames import Frame, Opcode
from websockets.protocol import State

# Of what is sent and not yet read: enough for a hundred events, and a thousand of such connections.
_KERNEL = 64 * 1024
_OURS = 64 * 1024
MOST_SAID = 64 * 1024  # bytes of a message from a client
_PATIENCE = 20.0  # seconds for what is sent to be taken
_LINGER = 5.0  # seconds for one that does not read to hear why it is sent away
DEAF = "you do not read what is sent to you; connect again"
LINE = "prelo.line"  # among the extensions of a request's scope: its connection


class Deaf(Exception):
    """Who listens does not read."""


async def taken(sending: Awaitable[object]) -> None:
    """Raises Deaf where it is not within `_PATIENCE`."""
    try:
        async with asyncio.timeout(_PATIENCE):
            await sending
    except TimeoutError:  # an OSError, which Starlette takes for one that has left
        raise Deaf(DEAF) from None


def bound(transport: asyncio.Transport) -> None:
    """What waits in it, here and in the kernel."""
    transport.set_write_buffer_limits(_OURS)
    line = cast("socket.socket | None", transport.get_extra_info("socket"))
    if line is not None:
        line.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _KERNEL)


class Streams(HttpToolsProtocol):
    """uvicorn's, which a stream of events finds in its scope: it would keep what nobody reads for ever."""

    def on_message_begin(self) -> None:
        super().on_message_begin()
        cast("dict[str, Any]", self.scope)["extensions"] = {LINE: self}

    def last_words(self, text: str) -> asyncio.TimerHandle:
        """A chunk behind all that is not read yet; and the connection is cut, if that helps nothing."""
        said = text.encode()
        self.transport.write(b"%x\r\n%b\r\n" % (len(said), said))
        return self.loop.call_later(_LINGER, self.transport.abort)


class Sockets(WebSocketsSansIOProtocol):
    """uvicorn's, with bounded buffers. One that does not read is closed all the same: behind what it has not
    read stands why, and after a while the connection is cut.
    """

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        bound(self.transport)

    async def send(self, message: Any) -> None:
        if not self.writable.is_set():  # a timer for those only who have to wait
            if message["type"] == "websocket.close":
                self.writable.set()
                self._cut_soon()
            else:
                await self._wait()
        text = message.get("text")
        if text is not None and self.handshake_complete and self.conn.state is State.OPEN:
            self.transport.write(_framed(text))
        else:
            await super().send(message)

    async def _wait(self) -> None:
        try:
            await taken(self.writable.wait())
        except Deaf:  # whatever becomes of it above
            self._cut_soon()
            raise

    def keepalive_timeout(self) -> None:
        super().keepalive_timeout()
        self._cut_soon()  # uvicorn waits for what is not read to be read

    def _cut_soon(self) -> None:
        self.loop.call_later(_LINGER, self.transport.abort)


@lru_cache(maxsize=16)
def _framed(text: str) -> bytes:
    """The same for all who are told the same: what a server says is not masked, nor compressed here."""
    return Frame(Opcode.TEXT, text.encode()).serialize(mask=False)
