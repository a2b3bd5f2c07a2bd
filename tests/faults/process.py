"""A real Prelo process whose ports are wrapped, so that it kills itself at a named call.

    python -m tests.faults.process '{"config": {…}, "roles": ["work"], "crash": {…}}'

`crash`: {"at": "store.move", "when": "before" | "after", "nth": 1}; at "commit" it dies before the n-th
commit reaches the database; at "heard" it dies when its press says the phase named in "phase".
With "stop" in it, the process stops itself there (SIGSTOP), and goes on when it is told.
With `"bells": path`, every doorbell taken and acknowledged is written there, a line each. With
`"careless": path`, one doorbell in five never rings and the others do five times, in any order.
"""

import asyncio
import contextlib
import dataclasses
import json
import os
import random
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, event

from prelo.config import Config
from prelo.core.job import Progress
from prelo.entry.roles import on_a_loop, run, serve
from prelo.ports import Ports
from prelo.wiring import opened


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def stop() -> None:
    os.kill(os.getpid(), signal.SIGSTOP)


class Countdown:
    """Dies at the n-th call."""

    def __init__(self, nth: int, end: Callable[[], None] = die) -> None:
        self.left, self._end = nth, end

    def __call__(self, *_: Any) -> None:
        self.left -= 1
        if self.left == 0:
            self._end()


class Crashing:
    """A port that kills its process before or after the n-th call of one method that brought something."""

    def __init__(self, port: Any, method: str, when: str, countdown: Countdown) -> None:
        self._port, self._method, self._when = port, method, when
        self._countdown = countdown

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._port, name)
        return self._wrapped(found) if name == self._method else found

    def _wrapped(self, method: Callable[..., Any]) -> Callable[..., Any]:
        async def call(*args: Any, **named: Any) -> Any:
            if self._when == "before":
                self._countdown()
            answer = await method(*args, **named)
            if self._when == "after" and answer is not False:
                brings = self._method in {"claim", "take", "bells"}
                if answer or not brings:
                    self._countdown()
            return answer

        return call


class DyingWhenHeard:
    """Presses that kill the parent when their child says a phase; or, with `child`, the child itself."""

    def __init__(self, presses: Any, phase: str, end: Callable[[], None], *, child: bool) -> None:
        self._presses, self._phase, self._end, self._child = presses, phase, end, child

    async def start(self) -> Any:
        self._press = await self._presses.start()
        return self

    async def render(self, task: Any, heard: Callable[[Progress], None]) -> Any:
        def hear(progress: Progress) -> None:
            heard(progress)
            if progress.phase == self._phase:
                if not self._child:
                    self._end()
                    return
                child = self._press._child.result()  # the one inside of our own adapter
                with contextlib.suppress(ProcessLookupError):
                    os.kill(child.pid, signal.SIGKILL)

        return await self._press.render(task, hear)

    async def close(self) -> None:
        await self._press.close()


class Noted:
    """A broker that writes down which doorbells were taken and acknowledged."""

    def __init__(self, broker: Any, path: Path) -> None:
        self._broker, self._path = broker, path

    def __getattr__(self, name: str) -> Any:
        return getattr(self._broker, name)

    def _note(self, what: str) -> None:
        with self._path.open("a") as notes:
            notes.write(f"{what}\n")

    async def take(self, lanes: Any, seconds: float) -> Any:
        self._note("wait")
        bell = await self._broker.take(lanes, seconds)
        if bell is not None:
            self._note("take")
        return bell

    async def ack(self, bell: Any) -> None:
        await self._broker.ack(bell)
        self._note("ack")


class Careless:
    """A broker that confirms every doorbell; it has lost some, and repeats and shuffles the others."""

    def __init__(self, broker: Any, path: Path) -> None:
        self._broker, self._path = broker, path
        self._chance = random.Random(13)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._broker, name)

    async def ring(self, bell: Any) -> None:
        times = 0 if self._chance.random() < 0.2 else 5
        with self._path.open("a") as notes:
            notes.write("rung\n" * times or "dropped\n")
        await asyncio.gather(*(self._late(bell) for _ in range(times)))

    async def _late(self, bell: Any) -> None:
        await asyncio.sleep(self._chance.random())
        await self._broker.ring(bell)


def wrapped(ports: Ports, crash: dict[str, Any]) -> Ports:
    at, nth = crash["at"], crash.get("nth", 1)
    end = stop if crash.get("stop") else die
    if at == "commit":
        event.listen(Engine, "commit", Countdown(nth))
        return ports
    if at == "heard":
        dying = DyingWhenHeard(ports.presses, crash["phase"], end, child=crash.get("child", False))
        return dataclasses.replace(ports, presses=dying)
    port, _, method = at.partition(".")
    crashing = Crashing(getattr(ports, port), method, crash["when"], Countdown(nth, end))
    return dataclasses.replace(ports, **{port: crashing})


def ready(port: int) -> None:
    print(f"ready {port}", flush=True)


async def main(told: dict[str, Any]) -> None:
    config = Config(**told["config"])
    if not told.keys() & {"bells", "careless", "crash"}:
        await serve(config, told["roles"], ready)  # the product as it is: it waits for its servers
        return
    async with opened(config, migrate=True) as opened_ports:
        ports = opened_ports
        if told.get("bells"):
            noted: Any = Noted(ports.broker, Path(told["bells"]))
            ports = dataclasses.replace(ports, broker=noted)
        if told.get("careless"):
            careless: Any = Careless(ports.broker, Path(told["careless"]))
            ports = dataclasses.replace(ports, broker=careless)
        if told.get("crash"):
            ports = wrapped(ports, told["crash"])
        await run(config, ports, told["roles"], ready)


def begin(told: dict[str, Any]) -> None:
    on_a_loop(main(told))


if __name__ == "__main__":
    begin(json.loads(sys.argv[1]))
