"""The way out: a name is resolved once, every address it has must be public, and the connection goes to one
of those that were checked. What the name says a moment later changes nothing.
"""

import asyncio
import socket
from collections.abc import Awaitable, Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, cast

import httpcore

from prelo.core.receiver import refusal

Resolve = Callable[[str, int], Awaitable[Sequence[str]]]
_RESOLVERS = 128  # names at once; one whose nameserver hangs holds its thread longer than its try


class Refused(Exception):
    """Nothing is sent there."""


class Unresolved(Exception):
    """The name has no address, or nobody says."""


class Resolver:
    """The machine's own, on threads of our own: nobody else waits for a nameserver that does not answer."""

    def __init__(self) -> None:
        self._threads = ThreadPoolExecutor(_RESOLVERS, "resolve")

    async def __call__(self, host: str, port: int) -> Sequence[str]:
        asked = self._threads.submit(socket.getaddrinfo, host, port, type=socket.SOCK_STREAM)
        try:
            found = await asyncio.wrap_future(asked)
        except (OSError, UnicodeError) as error:
            raise Unresolved(f"the name {host} cannot be resolved") from error
        return list(dict.fromkeys(str(address[0]) for *_, address in found))


class Guard(httpcore.AsyncNetworkBackend):
    """Connects to what `resolve` says, if all of it may be reached. TLS checks the name, not the address."""

    def __init__(self, resolve: Resolve, *, local: bool) -> None:
        self._resolve, self._local = resolve, local
        self._network = cast("httpcore.AsyncNetworkBackend", httpcore.AnyIOBackend())

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109  httpcore's
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        addresses = await self._resolve(host, port)
        for address in addresses:
            refused = refusal(address, local=self._local)
            if refused:
                raise Refused(refused)
        failure: Exception = Unresolved(f"the name {host} has no address")
        for address in addresses:
            try:
                return await self._network.connect_tcp(
                    address, port, timeout, local_address, socket_options
                )
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                failure = error
        raise failure

    async def connect_unix_socket(self, *_: Any, **__: Any) -> httpcore.AsyncNetworkStream:
        raise Refused("webhooks are sent to public addresses only")

    async def sleep(self, seconds: float) -> None:
        await self._network.sleep(seconds)
