"""A proxy between a client and a server that does what networks and busy servers do."""

import asyncio
import socket
import struct
from collections.abc import AsyncGenerator, Callable, Generator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import asynccontextmanager, contextmanager

_SAID = b"<Error><Code>SlowDown</Code></Error>"
_BUSY = b"HTTP/1.1 503 Slow Down\r\nContent-Length: %d\r\nConnection: close\r\n\r\n%b" % (
    len(_SAID),
    _SAID,
)


class Proxy:
    """In the test's event loop. `stalled`: nothing passes on. `busy`: so many requests are answered by 503.
    `cut_after`: so many bytes from the server, then a connection is broken. `cut_at`: of the messages with
    these bytes every `cut_every`-th is the last of its connection; it gets there if `cut_answer`, and its
    answer is lost. `counted`: what it did of these.
    """

    def __init__(self, port: int) -> None:
        self._upstream = port
        self.port = 0
        self.stalled = asyncio.Event()
        self.busy = 0
        self.cut_after: int | None = None
        self.cut_upload_after: int | None = None
        self.cut_at, self.cut_every, self.cut_answer = b"", 0, False
        self.counted = {"stalled": 0, "busy": 0, "cut": 0}
        self._seen = 0
        self._tasks: set[asyncio.Task[None]] = set()

    async def talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection of a client."""
        task = asyncio.current_task()
        assert task
        self._tasks.add(task)
        up: asyncio.StreamWriter | None = None
        cutting = _Cutting(self)
        try:
            first = await reader.read(65536)
            if self.busy > 0 and first:
                await self._refuse(writer)
                return
            await self._stall()
            answers, up = await asyncio.open_connection("127.0.0.1", self._upstream)
            up.write(first)
            async with asyncio.TaskGroup() as both:
                both.create_task(self._pump(reader, up, self.cut_upload_after, cutting.asked))
                both.create_task(self._pump(answers, writer, self.cut_after, cutting.answered))
        except (OSError, ExceptionGroup, asyncio.CancelledError):
            pass  # asyncio's streams have no use for a handler that was cancelled
        finally:
            for end in (writer, up):
                if end:
                    _reset(end)
            self._tasks.discard(task)

    async def _refuse(self, writer: asyncio.StreamWriter) -> None:
        self.busy -= 1
        self.counted["busy"] += 1
        writer.write(_BUSY)
        await writer.drain()
        await asyncio.sleep(0.05)  # before the reset, which would overtake the answer

    async def _stall(self) -> None:
        if self.stalled.is_set():
            self.counted["stalled"] += 1
            await asyncio.Event().wait()

    def strikes(self, data: bytes) -> bool:
        """Whether this message is the last one of its connection."""
        if not self.cut_at or self.cut_at not in data:
            return False
        self._seen += 1
        return self._seen % self.cut_every == 0

    async def _pump(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        limit: int | None,
        cutting: Callable[[bytes], bool],
    ) -> None:
        passed = 0
        while data := await reader.read(65536):
            await self._stall()
            passed += len(data)
            if cutting(data) or (limit is not None and passed > limit):
                self.counted["cut"] += 1
                raise ConnectionResetError
            writer.write(data)
            await writer.drain()
        raise ConnectionResetError  # the other end closed: so does this one

    async def break_all(self) -> None:
        """Every connection ends; there may be new ones."""
        for task in self._tasks:
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks)


class _Cutting:
    """What becomes of one connection when its message is the one."""

    def __init__(self, proxy: Proxy) -> None:
        self._proxy = proxy
        self._doomed = False

    def asked(self, data: bytes) -> bool:
        struck = self._proxy.strikes(data)
        self._doomed = self._doomed or struck
        return struck and not self._proxy.cut_answer

    def answered(self, _: bytes) -> bool:
        return self._doomed


def _reset(writer: asyncio.StreamWriter) -> None:
    taken = writer.get_extra_info("socket")
    if taken is not None and taken.fileno() >= 0:
        taken.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


@asynccontextmanager
async def proxy(port: int) -> AsyncGenerator[Proxy]:
    """One that listens on a free port."""
    made = Proxy(port)
    server = await asyncio.start_server(made.talk, "127.0.0.1", 0)
    made.port = server.sockets[0].getsockname()[1]
    try:
        yield made
    finally:
        server.close()
        await made.break_all()


@contextmanager
def proxy_aside(port: int) -> Generator[Proxy]:
    """The same on a thread of its own: it goes on while the test waits for a process to end."""
    ready: Future[tuple[Proxy, asyncio.AbstractEventLoop]] = Future()
    end = asyncio.Event()

    async def serve() -> None:
        async with proxy(port) as made:
            ready.set_result((made, asyncio.get_running_loop()))
            await end.wait()

    with ThreadPoolExecutor(1) as thread:
        serving = thread.submit(lambda: asyncio.run(serve()))
        made, loop = ready.result(10)
        try:
            yield made
        finally:
            loop.call_soon_threadsafe(end.set)
            serving.result(10)
