"""Presses as child processes: spawned, kept warm, replaced when they have grown, killed when they must.

The two sides speak JSON, one object a line: down a task, up progress and one last word. The child's
half is prelo.entry.press.
"""

import asyncio
import contextlib
import os
import signal
from collections.abc import Callable, Sequence

from prelo.core.errors import (
    Failure,
    OutOfMemory,
    PressLost,
    Problem,
    SourceUnavailable,
    TimeLimit,
    Unavailable,
    failures,
)
from prelo.core.job import Progress
from prelo.core.model import Model
from prelo.ports import Pressed, Task

_LINE = 64 << 20  # the longest line; a task may carry inline rows, a manifest hundreds of columns
_START = 60.0  # seconds for a child to say that it is there
_LOOK = 1.0  # seconds between looks whether a quiet child still lives


class _Word(Model):
    """A line from the child: progress, or else its last word on a task."""

    progress: Progress | None = None
    pressed: Pressed | None = None
    failed: Problem | None = None
    source: str = ""
    memory: int = 0
    spent: bool = False


class ProcessPresses:
    """`command` starts a child; `hello` is the first line it gets: its settings, as JSON.

    A child is replaced after `jobs` tasks, or when it holds more than `memory` bytes.
    """

    def __init__(self, command: Sequence[str], hello: str, *, jobs: int, memory: int) -> None:
        self.command, self.hello, self.jobs, self.memory = command, hello, jobs, memory

    async def start(self) -> "ProcessPress":
        press = ProcessPress(self)
        await press.warm()
        return press


class ProcessPress:
    """One child at a time; a new one is started in the background when the old one is spent."""

    def __init__(self, kind: ProcessPresses) -> None:
        self._kind = kind
        self._child: asyncio.Task[asyncio.subprocess.Process] | None = None
        self._done = 0

    async def warm(self) -> None:
        await self._ready()

    async def render(self, task: Task, heard: Callable[[Progress], None]) -> Pressed:
        child = await self._ready()
        try:
            word = await self._converse(child, task, heard)
        except BaseException as error:
            await _kill(child)
            self._spent()
            if isinstance(error, ValueError):
                raise PressLost("the press said what nobody understands") from error
            raise
        self._done += 1
        if self._done >= self._kind.jobs or word.memory > self._kind.memory or word.spent:
            await _kill(child)
            self._spent()
        if word.pressed is None:
            raise _failure(word)
        return word.pressed

    async def _converse(
        self, child: asyncio.subprocess.Process, task: Task, heard: Callable[[Progress], None]
    ) -> _Word:
        """Raises ValueError for a line that is too long, or no word."""
        assert child.stdin  # noqa: S101  opened as a pipe in _spawn
        with contextlib.suppress(ConnectionError):  # a dead child shows below: it has no last word
            child.stdin.write(task.model_dump_json().encode() + b"\n")
            await child.stdin.drain()
        while line := await _line(child):
            word = _Word.model_validate_json(line)
            if word.progress is None:
                return word
            heard(word.progress)
        raise _died(await _ended(child))

    async def _ready(self) -> asyncio.subprocess.Process:
        """The running child, started if there is none."""
        if self._child is not None and self._child.done():
            failed = self._child.cancelled() or self._child.exception() is not None
            if failed or self._child.result().returncode is not None:
                self._spent(again=False)
        if self._child is None:
            self._child = asyncio.create_task(self._spawn())
        return await asyncio.shield(self._child)

    def _spent(self, *, again: bool = True) -> None:
        self._done = 0
        self._child = asyncio.create_task(self._spawn()) if again else None

    async def _spawn(self) -> asyncio.subprocess.Process:
        try:
            child = await self._begin()
        except OSError as error:
            raise Unavailable(f"no press can be started: {error.strerror or error}") from error
        assert child.stdin  # noqa: S101
        try:
            child.stdin.write(self._kind.hello.encode() + b"\n")
            await _greeted(child)
        except BaseException:
            await _kill(child)
            raise
        return child

    async def _begin(self) -> asyncio.subprocess.Process:
        return await asyncio.create_subprocess_exec(
            *self._kind.command,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            limit=_LINE,
            start_new_session=True,  # Ctrl-C is for the parent, and the whole group can be killed
        )

    async def close(self) -> None:
        if self._child is None:
            return
        with contextlib.suppress(Unavailable, OSError):
            await _kill(await self._child)
        self._child = None


async def _greeted(child: asyncio.subprocess.Process) -> None:
    try:
        async with asyncio.timeout(_START):
            line = await _line(child)
    except TimeoutError as error:
        raise Unavailable(f"the press did not start within {_START:g} s") from error
    if not line:
        how = _how(await _ended(child))
        raise Unavailable(
            f"the press did not start ({how}); its messages on standard error say why"
        )


async def _line(child: asyncio.subprocess.Process) -> bytes:
    """The child's next line; empty when it has ended, even if what it started holds the pipe open."""
    assert child.stdout  # noqa: S101
    while True:
        alive = child.returncode is None
        if not alive:
            _kill_group(child)
        try:
            async with asyncio.timeout(_LOOK):
                return await child.stdout.readline()
        except TimeoutError:
            if not alive:
                return b""


async def _ended(child: asyncio.subprocess.Process) -> int:
    """The exit code of a child that speaks no more, killed if it lingers."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(_LOOK):
            await child.wait()
    await _kill(child)
    return -signal.SIGKILL if child.returncode is None else child.returncode


async def _kill(child: asyncio.subprocess.Process) -> None:
    """Kill the child and all that it started."""
    _kill_group(child)
    if child.stdin:
        child.stdin.close()
    with contextlib.suppress(TimeoutError):
        # asyncio waits for the pipes, too, and what left the group may keep them open for ever
        async with asyncio.timeout(_LOOK):
            await child.wait()


def _kill_group(child: asyncio.subprocess.Process) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(child.pid, signal.SIGKILL)


def _died(code: int) -> Failure:
    if code == -signal.SIGXCPU:
        return TimeLimit("the report used more processor time than its limit allows")
    if code == -signal.SIGABRT:  # how native allocators end a process that hit its memory limit
        return OutOfMemory(
            "the press was aborted, most likely at its memory limit; ask for less, or raise limits.memory"
        )
    return PressLost(f"the press died in the middle of the report ({_how(code)})")


def _how(code: int) -> str:
    if code >= 0:
        return f"exit code {code}"
    name = signal.Signals(-code).name
    return f"{name}; perhaps the machine ran out of memory" if -code == signal.SIGKILL else name


def _failure(word: _Word) -> Failure:
    problem = word.failed
    if problem is None:
        return PressLost("the press ended its report without saying how")
    kind = failures().get(problem.type, Failure)
    failure = kind(problem.detail, problem.errors)
    if isinstance(failure, SourceUnavailable):
        failure.source = word.source
    return failure
