"""News between processes by Redis's pub/sub, and what they keep for each other. A Redis that is away, empty,
out of date or slow costs callers some time and the store some looks, and never a job.
"""

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

from redis.asyncio import BlockingConnectionPool, Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import (
    AuthenticationError,
    BusyLoadingError,
    NoPermissionError,
    RedisError,
    ResponseError,
)

from prelo.audience import Audience
from prelo.core.errors import Misconfigured, Unavailable
from prelo.ports import Watch

_SECONDS = 0.5  # that anybody waits for an answer
_QUIET_SECONDS = 2.0  # after one did not come, nothing is said
_AGAIN_SECONDS = 0.5  # between attempts to hear again
_PROBE_SECONDS = 5.0  # without a word: is anybody still there?
_CONNECTIONS = 8  # that words are said on
_VENDOR = (RedisError, OSError)  # TimeoutError is an OSError


class RedisCache:
    """Port Cache, for one event loop. `url`: redis://user:password@host:6379/0, rediss:// with TLS.

    Channels and keys are prelo:<database>:<name>: to Redis itself, pub/sub is the same in all databases.
    """

    shared = True

    def __init__(self, url: str) -> None:
        try:
            self._pool = BlockingConnectionPool.from_url(
                url, max_connections=_CONNECTIONS, timeout=_SECONDS, socket_timeout=_SECONDS,
                socket_connect_timeout=_SECONDS, retry=Retry(NoBackoff(), 0), protocol=2,
            )  # fmt: skip
            self._pool.make_connection()  # connects nowhere yet, but refuses options that there are not
            given: dict[str, Any] = self._pool.connection_kwargs
            self._database = int(given.get("db") or 0)
            self._name = f"{given.get('host', 'localhost')}:{int(given.get('port', 6379))}"
        except (ValueError, TypeError):
            # What it raises may hold the password, so it is not even kept as the cause.
            raise Misconfigured(
                "PRELO_CACHE is no address of a Redis server; write redis://user:password@host:6379/0, "
                "with %XX for what an address cannot hold"
            ) from None
        self._client: Any = Redis(connection_pool=self._pool)
        self._audience = Audience()
        self._ear = _Ear(self._pool, self._audience, self._channel(""))
        self._silent_until = 0.0

    async def check(self) -> None:
        """As one who works: somebody who may only say PING is of no use."""
        name = self._channel("check")
        try:
            async with asyncio.timeout(2 * _SECONDS):
                await self._client.publish(name, "")
                await self._client.pipeline().set(name, 0, px=1).incr(name).get(name).execute()
        except _VENDOR as error:
            raise self._sentence(error) from error

    async def close(self) -> None:
        await self._ear.close()
        with contextlib.suppress(*_VENDOR):
            await self._pool.disconnect()

    async def publish(self, topic: str, message: str) -> None:
        await self._asked(lambda: self._client.publish(self._channel(topic), message))

    async def keep(self, name: str, text: str, seconds: float, *, over: bool = False) -> None:
        key, span = self._channel(name), _span(seconds)
        await self._asked(lambda: self._client.set(key, text, px=span, nx=not over))

    async def recall(self, name: str) -> str | None:
        text: bytes | None = await self._asked(lambda: self._client.get(self._channel(name)))
        return None if text is None else text.decode(errors="replace")

    async def count(self, name: str, seconds: float, times: int = 1) -> int | None:
        key = self._channel(name)
        # One transaction, and so one window: a key that was counted up without an end would stay for ever.
        counted = self._client.pipeline().set(key, 0, px=_span(seconds), nx=True).incr(key, times)
        said = await self._asked(counted.execute)
        return None if said is None else int(said[1])

    async def _asked(self, call: Callable[[], Awaitable[Any]]) -> Any:
        """What Redis says; None when it does not, or has not for a while."""
        now = asyncio.get_running_loop().time()
        if now < self._silent_until:
            return None
        if self._silent_until:  # it failed before: one tries for all
            self._silent_until = now + _QUIET_SECONDS
        try:
            async with asyncio.timeout(_SECONDS):
                said = await call()
        except ResponseError:
            said = None  # no, which is an answer, too: it may be full, and still pass on words
        except Exception:  # noqa: BLE001  whatever it is, nobody's work depends on it
            self._silent_until = asyncio.get_running_loop().time() + _QUIET_SECONDS
            return None
        self._silent_until = 0.0
        return said

    @asynccontextmanager
    async def listen(self, topic: str, only: str | None = None) -> AsyncGenerator[Watch]:
        try:
            with self._audience.place(topic, only) as place:
                await self._ear.attend(topic)
                yield place
        finally:
            self._ear.left(topic)

    def _channel(self, topic: str) -> str:
        return f"prelo:{self._database}:{topic}"

    def _sentence(self, error: Exception) -> Unavailable:
        """By kind: what redis-py itself says may hold parts of the address."""
        server = f"the Redis server at {self._name}"
        if isinstance(error, NoPermissionError):
            return Unavailable(
                f"{server} does not let this user work; grant it +publish +subscribe +unsubscribe +ping "
                "+get +set +incrby +multi +exec ~prelo:* &prelo:*",
                30,
            )
        if isinstance(error, AuthenticationError) or "NOAUTH" in str(error):
            return Unavailable(f"{server} refuses the user or the password; check PRELO_CACHE", 30)
        if isinstance(error, BusyLoadingError):
            return Unavailable(f"{server} is still loading its data; ask again", 5)
        if isinstance(error, ResponseError):
            return Unavailable(
                f"{server} does not work with database {self._database}, or is no Redis; check PRELO_CACHE",
                30,
            )
        if isinstance(error, TimeoutError) or "Timeout" in type(error).__name__:
            said = f"did not answer within {2 * _SECONDS:g} s"
        elif "certificate" in str(error):
            said = "shows no certificate that is trusted here; check ssl_ca_certs in PRELO_CACHE"
        else:
            said = "cannot be reached; is it running?"
        return Unavailable(f"{server} {said}")


def _span(seconds: float) -> int:
    return max(1, int(1000 * seconds))


class _Ear:
    """The one connection that hears for all listeners of this process; made anew whenever it is lost."""

    def __init__(self, pool: Any, audience: Audience, prefix: str) -> None:
        self._pool = pool
        self._audience = audience
        self._prefix = prefix
        self._task: asyncio.Task[None] | None = None
        self._change = asyncio.Event()  # of the audience's topics
        self._asked: set[str] = set()  # of the server, on the present connection
        self._sure: dict[str, asyncio.Event] = {}  # set while the server has confirmed the topic
        self._deaf = False

    async def attend(self, topic: str) -> None:
        """Until what is said about the topic will be heard; where Redis does not answer, not for long."""
        if self._task is None:
            self._task = asyncio.create_task(self._always())
        self._change.set()
        sure = self._sure.setdefault(topic, asyncio.Event())
        if self._deaf:
            return
        try:
            async with asyncio.timeout(_SECONDS):
                await sure.wait()
        except TimeoutError:
            self._deaf = True  # until the next word: nobody else waits in vain

    def left(self, topic: str) -> None:
        """A listener did; the server is told when it was the last one."""
        if topic not in self._audience.topics:
            self._change.set()
            if topic not in self._asked:
                self._sure.pop(topic, None)

    async def close(self) -> None:
        while self._task and not self._task.done():
            self._task.cancel()  # more than once: redis-py may swallow one while it connects
            await asyncio.wait({self._task}, timeout=_SECONDS)

    async def _always(self) -> None:
        while True:
            line: Any = self._pool.make_connection()
            try:
                await line.connect()
                # Its writes would go through asyncio.wait_for, which in Python 3.11 may swallow a cancel.
                line.socket_timeout = None
                await self._hear(line)
            except Exception:  # noqa: BLE001  a line that is cut raises all sorts of things in redis-py
                self._deaf = True
            finally:
                await line.disconnect(nowait=True)
                self._forget()
            await asyncio.sleep(_AGAIN_SECONDS)

    def _forget(self) -> None:
        """The next connection begins with no topics."""
        self._asked.clear()
        for topic, sure in list(self._sure.items()):
            sure.clear()
            if topic not in self._audience.topics:
                del self._sure[topic]

    async def _hear(self, line: Any) -> None:
        """Raises when the line is lost, or nothing came for so long that it must be."""
        self._change.set()
        asking = asyncio.create_task(self._ask(line))
        try:
            while word := await line.read_response(timeout=_PROBE_SECONDS + 2 * _SECONDS):
                self._deaf = False
                match word:
                    case [b"message", bytes(channel), bytes(message)]:
                        self._audience.tell(self._topic(channel), message.decode(errors="replace"))
                    case [b"subscribe", bytes(channel), _]:
                        self._confirmed(self._topic(channel))
                    case _:  # the answer to a probe, or to giving up a topic
                        pass
        finally:
            await line.disconnect(nowait=True)
            asking.cancel()
            await asyncio.wait({asking})
        raise TimeoutError

    async def _ask(self, line: Any) -> None:
        """Tell the server which topics are wanted, and make it say something now and then."""
        with contextlib.suppress(*_VENDOR):  # the line is lost: whoever hears on it notices
            while line.is_connected:  # else redis-py would connect it again, without its topics
                try:
                    async with asyncio.timeout(_PROBE_SECONDS):
                        await self._change.wait()
                except TimeoutError:
                    await line.send_command("PING")
                    continue
                self._change.clear()
                wanted = set(self._audience.topics)
                await self._send(line, "SUBSCRIBE", wanted - self._asked)
                # Not before its confirmation: a late one would pass for that of a second SUBSCRIBE.
                gone = {topic for topic in self._asked - wanted if self._sure[topic].is_set()}
                await self._send(line, "UNSUBSCRIBE", gone)

    async def _send(self, line: Any, command: str, topics: set[str]) -> None:
        if not topics:
            return
        if command == "SUBSCRIBE":
            self._asked |= topics
        else:
            self._asked -= topics
            for topic in topics:
                del self._sure[topic]
        await line.send_command(command, *(self._prefix + topic for topic in topics))

    def _confirmed(self, topic: str) -> None:
        self._sure[topic].set()
        if topic not in self._audience.topics:  # its listener has left meanwhile
            self._change.set()

    def _topic(self, channel: bytes) -> str:
        return channel.decode(errors="replace").removeprefix(self._prefix)
