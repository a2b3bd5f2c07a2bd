"""A storm over real servers and processes: who is killed or stopped, and when, all from one seed."""

import asyncio
import contextlib
import itertools
import signal
from collections import Counter
from contextlib import ExitStack
from dataclasses import dataclass
from random import Random

from tests.faults.plant import Plant, Started, Up
from tests.servers.postgresql import Postgresql
from tests.servers.rabbitmq import Rabbitmq
from tests.servers.redis import Redis
from tests.servers.run import listens

Seconds = tuple[float, float]  # at least, and at most


@dataclass(frozen=True)
class Member:
    """A process of a crew that is up."""

    role: str
    up: Up
    process: Started


class Crew:
    """The processes of a plant, of which some are killed and replaced. `happened`: what, how often."""

    def __init__(self, plant: Plant, stack: ExitStack) -> None:
        self._plant, self._stack = plant, stack
        self.members: list[Member] = []
        self.happened = Counter[str]()

    async def join(self, role: str) -> Member:
        """One more, as soon as it is up."""
        process = self._stack.enter_context(self._plant.process(role))
        port = await asyncio.to_thread(self._plant.ready, process)
        member = Member(role, Up(process.pid, port), process)
        self.members.append(member)
        return member

    async def replace(self, role: str, chance: Random) -> None:
        """Kill one of this role, and start another one."""
        self.all_live()
        victim = chance.choice([one for one in self.members if one.role == role])
        self.members.remove(victim)
        victim.process.send_signal(signal.SIGKILL)
        await self._plant.killed(victim.process)
        self.happened[f"{role}: killed"] += 1
        await self.join(role)
        self.happened[f"{role}: started again"] += 1

    def all_live(self) -> None:
        """Nobody has ended but those that were killed."""
        dead = {
            one.role: one.process.poll() for one in self.members if one.process.poll() is not None
        }
        assert not dead, f"ended by themselves: {dead}\n{self._plant.log()}"

    async def end(self) -> None:
        """All drain, and end well."""
        self.all_live()
        for one in self.members:
            one.process.terminate()
        codes = [await asyncio.to_thread(one.process.wait, 30) for one in self.members]
        assert set(codes) == {0}, f"exit codes {codes}\n{self._plant.log()}"


class Storm:
    """What goes wrong. Each kind has a chance of its own, so that none moves another's times."""

    def __init__(self, crew: Crew, seed: int) -> None:
        self._crew, self._seed = crew, seed

    def chance(self, kind: str) -> Random:
        return Random(f"{self._seed} {kind}")

    async def killing(self, role: str, pause: Seconds, least: int, over: asyncio.Event) -> None:
        """Kill one of the role after such a pause, again and again, until the rest of the storm is over."""
        chance = self.chance(role)
        for number in itertools.count():
            if over.is_set() and number >= least:
                return
            await self._crew.replace(role, chance)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(over.wait(), chance.uniform(*pause))

    async def postgresql(self, server: Postgresql, times: int, pause: Seconds) -> None:
        """Each time stopped or killed, one or the other at least once, and away for up to two seconds."""
        chance = self.chance("PostgreSQL")
        ends = ["stop", "kill", *(chance.choice(["stop", "kill"]) for _ in range(times - 2))]
        chance.shuffle(ends)
        for end in ends:
            await asyncio.sleep(chance.uniform(*pause))
            await self._away(server, end, chance.uniform(0.2, 2))

    async def rabbitmq(self, server: Rabbitmq, pause: Seconds, lease: float) -> None:
        """Twice, the second time for longer than a lease."""
        chance = self.chance("RabbitMQ")
        for seconds in (0.5, lease + 0.5):
            await asyncio.sleep(chance.uniform(*pause))
            await self._away(server, "stop", seconds)

    async def redis(self, server: Redis, pause: Seconds) -> None:
        chance = self.chance("Redis")
        await asyncio.sleep(chance.uniform(*pause))
        await self._away(server, "kill", 1)

    async def _away(self, server: Postgresql | Rabbitmq | Redis, end: str, seconds: float) -> None:
        await asyncio.to_thread(getattr(server, end))
        assert not listens(server.port), "the fault did not happen"
        await asyncio.sleep(seconds)
        await asyncio.to_thread(server.start)
        self._crew.happened[f"{type(server).__name__}: {end}"] += 1
