"""Callers: HTTP/1.1 on connections that stay open, with as little work of their own as can be."""

import asyncio
import functools
import json
import operator
import time
from collections.abc import AsyncGenerator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit


@dataclass
class Line:
    """One connection."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    host: str
    key: str = ""

    async def post(self, path: str, body: dict[str, Any]) -> float:
        """Seconds until the answer, which must be 202."""
        seconds, _ = await self.ask("POST", path, body)
        return seconds

    async def ask(
        self, method: str, path: str, body: dict[str, Any] | None = None
    ) -> tuple[float, dict[str, Any]]:
        """Seconds until the answer, which must be 200 or 202, and what it says."""
        data = b"" if body is None else json.dumps(body).encode()
        who = f"Authorization: Bearer {self.key}\r\n" if self.key else ""
        head = (
            f"{method} {path} HTTP/1.1\r\nHost: {self.host}\r\nContent-Type: application/json\r\n{who}"
            f"Content-Length: {len(data)}\r\n\r\n"
        )
        began = time.perf_counter()
        self.writer.write(head.encode() + data)
        answer = await self.reader.readuntil(b"\r\n\r\n")
        seconds = time.perf_counter() - began
        length = int(answer.lower().partition(b"content-length:")[2].partition(b"\r")[0])
        said = await self.reader.readexactly(length)
        if answer.split(b" ", 2)[1] not in {b"200", b"202"}:
            raise RuntimeError(f"{answer.decode()}{said.decode()}")
        return seconds, json.loads(said)


class Callers:
    """So many callers of one server."""

    def __init__(self, url: str, path: str, number: int = 16, key: str = "") -> None:
        self._place = urlsplit(url)
        self._path = path
        self.number = number
        self._key = key

    async def together(self, bodies: Iterator[dict[str, Any]]) -> list[float]:
        """Each asks again as soon as it is answered, until there is nothing left to ask."""

        async def one() -> list[float]:
            async with self.line() as line:
                return [await line.post(self._path, body) for body in bodies]

        return functools.reduce(
            operator.iadd, await asyncio.gather(*(one() for _ in range(self.number))), []
        )

    async def steadily(self, bodies: Iterator[dict[str, Any]], rate: float) -> list[float]:
        """So many a second, whether or not the last one is answered. A caller who finds no line free waits,
        and the wait counts: seconds are from when the request was due.
        """
        free: asyncio.Queue[Line] = asyncio.Queue()
        began = time.perf_counter()

        async def one(number: int, body: dict[str, Any]) -> float:
            due = began + number / rate
            await asyncio.sleep(max(0, due - time.perf_counter()))
            line = await free.get()
            await line.post(self._path, body)
            free.put_nowait(line)
            return time.perf_counter() - due

        async with self._lines(free):
            return await asyncio.gather(*(one(*numbered) for numbered in enumerate(bodies)))

    @asynccontextmanager
    async def _lines(self, free: "asyncio.Queue[Line]") -> AsyncGenerator[None]:
        lines = [await self._open() for _ in range(self.number)]
        for line in lines:
            free.put_nowait(line)
        yield
        for line in lines:
            line.writer.close()

    @asynccontextmanager
    async def line(self) -> AsyncGenerator[Line]:
        line = await self._open()
        yield line
        line.writer.close()

    async def _open(self) -> Line:
        host, port = self._place.hostname or "", self._place.port or 80
        return Line(*await asyncio.open_connection(host, port), f"{host}:{port}", self._key)
