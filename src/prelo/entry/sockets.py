"""WebSockets of which each takes little memory, however slowly it is read."""

import asyncio
import socket
from typing import Any, cast

from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

# Of what is sent and not yet read: enough for a hundred events, and a thousand of such connections.
_KERNEL = 64 * 1024
_OURS = 64 * 1024
MOST_SAID = 64 * 1024  # bytes of a message from a client
_LINGER = 5.0  # seconds for one that does not read to hear why it is sent away


class Sockets(WebSocketsSansIOProtocol):
    """uvicorn's, with bounded buffers. One that does not read is closed all the same: behind what it has not
    read stands why, and after a while the connection is cut.
    """

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self.transport.set_write_buffer_limits(_OURS)
        line = cast("socket.socket | None", transport.get_extra_info("socket"))
        if line is not None:
            line.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _KERNEL)

    async def send(self, message: Any) -> None:
        if message["type"] == "websocket.close" and not self.writable.is_set():
            self.writable.set()
            self.loop.call_later(_LINGER, self.transport.abort)
        await super().send(message)
