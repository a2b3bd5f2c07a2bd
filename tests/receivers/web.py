"""A receiver of webhooks that keeps what it gets, and answers, fails, hangs or streams as it is told."""

import asyncio
import ssl
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any, Self

Out = asyncio.StreamWriter
Behaviour = Callable[[Out], Awaitable[None]]


@dataclass(frozen=True)
class Got:
    """One request."""

    line: str
    headers: dict[str, str]
    body: bytes

    @property
    def id(self) -> str:
        return self.headers["webhook-id"]


def status(code: int, body: bytes = b"", **headers: str) -> Behaviour:
    """An answer. `retry_after` becomes Retry-After."""

    async def answer(out: Out) -> None:
        lines = [f"HTTP/1.1 {code} Said", f"Content-Length: {len(body)}"]
        lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
        out.write("\r\n".join([*lines, "", ""]).encode() + body)
        await out.drain()

    return answer


async def hang(out: Out) -> None:
    """Says nothing, for longer than anybody waits."""
    await asyncio.sleep(60)


async def stream(out: Out) -> None:
    """An answer that never ends."""
    out.write(b"HTTP/1.1 500 Said\r\nTransfer-Encoding: chunked\r\n\r\n")
    while True:
        out.write(b"1000\r\n" + b"x" * 4096 + b"\r\n")
        await out.drain()


async def drip(out: Out) -> None:
    """A header a moment, for ever."""
    out.write(b"HTTP/1.1 200 Said\r\n")
    while True:
        out.write(b"X-More: yes\r\n")
        await out.drain()
        await asyncio.sleep(0.02)


async def nonsense(out: Out) -> None:
    out.write(b"SSH-2.0-OpenSSH\r\n")
    await out.drain()


async def cut(out: Out) -> None:
    """Ends the connection."""


def slowly(seconds: float, then: Behaviour) -> Behaviour:
    async def answer(out: Out) -> None:
        await asyncio.sleep(seconds)
        await then(out)

    return answer


@dataclass
class Receiver:
    """Listens while it is open. `answers` are used up one by one, then `usually`. `touched`: connections."""

    usually: Behaviour = field(default_factory=lambda: status(204))
    tls: ssl.SSLContext | None = None
    answers: list[Behaviour] = field(default_factory=list[Behaviour])
    got: list[Got] = field(default_factory=list[Got])
    touched: int = 0
    at_once: int = 0
    most: int = 0
    port: int = 0

    async def __aenter__(self) -> Self:
        self._tasks: set[asyncio.Task[Any]] = set()
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.port, ssl=self.tls)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        for task in self._tasks:
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/hook"

    @property
    def ids(self) -> list[str]:
        return [got.id for got in self.got]

    async def _serve(self, reader: asyncio.StreamReader, out: Out) -> None:
        task = asyncio.current_task()
        assert task
        self._tasks.add(task)
        self.touched += 1
        self.at_once += 1
        self.most = max(self.most, self.at_once)
        try:
            await self._request(reader, out)
        except (OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass
        finally:
            self.at_once -= 1
            self._tasks.discard(task)
            out.close()

    async def _request(self, reader: asyncio.StreamReader, out: Out) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        headers = {
            name.lower(): value.strip()
            for name, _, value in (line.partition(":") for line in head[1:] if line)
        }
        body = await reader.readexactly(int(headers.get("content-length", "0")))
        self.got.append(Got(head[0], headers, body))
        await (self.answers.pop(0) if self.answers else self.usually)(out)
