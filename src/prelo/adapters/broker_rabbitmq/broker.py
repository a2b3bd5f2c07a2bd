"""The port, put together."""

from collections.abc import Collection

from prelo.adapters.broker_rabbitmq.hearing import Hearer
from prelo.adapters.broker_rabbitmq.ringing import Ringer
from prelo.adapters.broker_rabbitmq.server import Server
from prelo.core.records import Bell, Obituary
from prelo.core.report import Lane


class RabbitmqBroker:
    """Port Broker. `url`: amqp://user:password@host:5672/virtual-host, or amqps:// for TLS. `?prefix=` is
    what the names of the exchanges and queues begin with, `prelo` if it is not given.
    """

    def __init__(self, url: str) -> None:
        self._server = Server(url)
        self._ringer = Ringer(self._server, self._server.work)
        self._burier = Ringer(self._server, self._server.dead)
        self._hearer = Hearer(self._server)

    async def check(self) -> None:
        """Raises Misconfigured for a wrong password, a wrong virtual host and queues that are not ours."""
        await self._ringer.check()
        async with self._server.visit() as connection:
            await self._server.declare(connection, strict=True)

    async def close(self) -> None:
        await self._hearer.close()
        await self._ringer.close()
        await self._burier.close()
        await self._server.closed()

    async def ring(self, bell: Bell) -> None:
        await self._ringer.ring(bell)

    async def bury(self, obituary: Obituary) -> None:
        await self._burier.bury(obituary)

    async def take(self, lanes: Collection[Lane], seconds: float) -> Bell | None:
        return await self._hearer.take(lanes, seconds)

    async def ack(self, bell: Bell) -> None:
        """Never waits and never raises: whoever acknowledges has a claimed job in hand."""
        self._hearer.ack(bell)

    async def depth(self, lane: Lane) -> int:
        async with self._server.visit() as connection:
            ready, _ = await self._server.counts(connection, lane)
        return ready + self._hearer.waiting(lane)
