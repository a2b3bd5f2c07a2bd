"""The connection that consumes: while somebody takes, and one message in each hand."""

import asyncio
import contextlib
import json
import random
from collections.abc import Collection
from dataclasses import dataclass
from functools import partial
from typing import Any

from aio_pika.abc import AbstractChannel, AbstractConnection, AbstractIncomingMessage, AbstractQueue
from aio_pika.exceptions import CONNECTION_EXCEPTIONS

from prelo.adapters.broker_rabbitmq.ringing import BELL, BYTES
from prelo.adapters.broker_rabbitmq.server import SECONDS, Server
from prelo.core.errors import PreloError, Unavailable
from prelo.core.report import Lane
from prelo.handover import Handover
from prelo.ports import LANES, Bell

_LINGER_SECONDS = 0.1  # a consumer outlives a taker that got nothing: that is back within a moment
_KEPT_SECONDS = 5.0  # then nobody is going to acknowledge
_WATCH_SECONDS = 15.0
_MISSES = 2  # of the watchdog in a row, before all is built anew
_READY_SECONDS = 20.0  # to declare all that is missing, on a cluster with slow disks, too
_AGAIN_SECONDS = (0.5, 5.0)  # the first and the longest pause before connecting again


@dataclass(eq=False, slots=True)
class _Hand:
    """A consumer, which holds at most one message at a time (prefetch 1)."""

    lane: Lane
    queue: AbstractQueue
    tag: str = ""
    live: bool = True  # False: cancelled, and kept only for the message in it
    message: AbstractIncomingMessage | None = None
    bell: Bell | None = None
    since: float = 0.0
    over: bool = False  # whoever took the bell is done with it

    @property
    def free(self) -> bool:
        return self.live and self.message is None


class Hearer:
    """One task speaks with the broker; whoever takes or acknowledges only wakes it."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._bells = Handover()
        self._hands: list[_Hand] = []
        self._left: dict[Lane, float] = dict.fromkeys(LANES, 0.0)
        self._stirred = asyncio.Event()
        self._lost = False
        self._closing = False
        self._task: asyncio.Task[None] | None = None

    def waiting(self, lane: Lane) -> int:
        """How many bells are in hand and not taken."""
        return self._bells.waiting(lane)

    async def take(self, lanes: Collection[Lane], seconds: float) -> Bell | None:
        """See the port."""
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._run())
        self._stirred.set()  # the task looks when this one waits
        bell = None
        try:
            bell = await self._bells.take(lanes, seconds)
            return bell
        finally:
            if bell is None:
                self._left |= dict.fromkeys(lanes, _now())
            self._stirred.set()

    def ack(self, bell: Bell) -> None:
        for hand in self._hands:
            if hand.bell == bell and not hand.over:
                hand.over = True
                self._stirred.set()
                return

    async def close(self) -> None:
        """What is acknowledged is told to the broker first; what is not, it gives to others."""
        self._closing = True
        self._stirred.set()
        if self._task is not None:
            await asyncio.wait({self._task}, timeout=1)
            self._task.cancel()
            await asyncio.wait({self._task})

    async def _run(self) -> None:
        pause = _AGAIN_SECONDS[0]
        while not self._closing:
            began = _now()
            with contextlib.suppress(PreloError), self._server.told():
                await self._hear()
            if self._closing:
                return
            if _now() - began > SECONDS:
                pause = _AGAIN_SECONDS[0]
            # Spread, so that a restarted broker is not met by all at once.
            await asyncio.sleep(pause * random.uniform(0.5, 1))  # noqa: S311  # no secret in it
            pause = min(2 * pause, _AGAIN_SECONDS[1])

    async def _hear(self) -> None:
        """Until the connection is lost, or it is time to close."""
        self._lost = False
        connection = await self._server.open("prelo hears")
        try:
            async with asyncio.timeout(_READY_SECONDS):
                await self._server.declare(connection)
                channel = await connection.channel(publisher_confirms=False)
                await channel.set_qos(prefetch_count=1)
            channel.close_callbacks.add(self._mark_lost)
            under = await channel.get_underlay_channel()
            under.on_consumer_cancel_callbacks.add(self._mark_lost)
            await self._serve(connection, channel)
        finally:
            for hand in self._hands:
                hand.live = False  # should a message come late, it must not pass for a consumer
                if hand.bell is not None:
                    self._bells.forget(hand.bell)  # it comes again
            self._hands.clear()
            self._server.discard(connection)

    def _mark_lost(self, *_: object) -> None:
        """The broker took the channel or a consumer away, as when its queue was deleted."""
        self._lost = True
        self._stirred.set()

    async def _serve(self, connection: AbstractConnection, channel: AbstractChannel) -> None:
        misses, look = 0, _now() + _WATCH_SECONDS
        while not self._lost:
            self._stirred.clear()
            await self._put_down()
            if self._closing:
                return
            await self._reach_out(channel)
            if _now() >= look:
                misses = 0 if await self._heard_there(connection) else misses + 1
                look = _now() + _WATCH_SECONDS
            if misses == _MISSES:
                break
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout_at(min(look, self._next())):
                    await self._stirred.wait()
        raise Unavailable("what consumed is not known to the broker any more")

    async def _put_down(self) -> None:
        """Acknowledge what somebody is done with, and what nobody cares for."""
        for hand in [*self._hands]:
            message, bell = hand.message, hand.bell
            if message is None or bell is None or not (hand.over or _now() >= _until(hand)):
                continue
            if not hand.over:
                self._bells.forget(bell)
            # Before the acknowledgement: after it, the next message would come into an idle hand.
            if hand.live and (not self._bells.wanted(hand.lane) or self._free(hand.lane)):
                await self._withdraw(hand)
            hand.message, hand.bell, hand.over = None, None, False
            if not hand.live:
                self._hands.remove(hand)
            with contextlib.suppress(*CONNECTION_EXCEPTIONS):  # lost: then it comes again
                await message.ack()

    async def _reach_out(self, channel: AbstractChannel) -> None:
        """One free hand in each lane that somebody waits for, and none in the others."""
        for lane in LANES:
            free = self._free(lane)
            if self._bells.wanted(lane) and not free:
                queue = await channel.get_queue(self._server.queue(lane), ensure=False)
                hand = _Hand(lane, queue)
                self._hands.append(hand)  # before the answer: a message may come with it
                hand.tag = await queue.consume(partial(self._heard, hand), timeout=SECONDS)
            elif (
                free
                and not self._bells.wanted(lane)
                and _now() >= self._left[lane] + _LINGER_SECONDS
            ):
                for hand in free:
                    await self._withdraw(hand)
                    if hand.message is None:
                        self._hands.remove(hand)

    async def _withdraw(self, hand: _Hand) -> None:
        hand.live = False
        # With its answer: a message that crosses it must find the consumer, or it would be stuck.
        await hand.queue.cancel(hand.tag, timeout=SECONDS)

    async def _heard(self, hand: _Hand, message: AbstractIncomingMessage) -> None:
        bell = _read(message.body, hand.lane)
        if bell is None:
            with contextlib.suppress(*CONNECTION_EXCEPTIONS):
                await message.reject(requeue=False)  # on to the dead letters
            return
        hand.message, hand.bell, hand.since = message, bell, _now()
        if hand not in self._hands:
            self._hands.append(hand)  # its last message, which crossed the end of the consumer
        self._bells.give(bell)
        self._stirred.set()

    async def _heard_there(self, connection: AbstractConnection) -> bool:
        """Whether the broker knows of our consumers, asked on another channel."""
        try:
            async with asyncio.timeout(SECONDS):
                for lane in LANES:
                    ours = sum(hand.live for hand in self._hands if hand.lane == lane)
                    _, known = await self._server.counts(connection, lane)
                    if known < ours:
                        return False
        except CONNECTION_EXCEPTIONS:
            return False
        return True

    def _free(self, lane: Lane) -> list[_Hand]:
        return [hand for hand in self._hands if hand.lane == lane and hand.free]

    def _next(self) -> float:
        """When there is something to do though nothing stirs."""
        times = [_until(hand) for hand in self._hands if hand.message]
        times += [
            self._left[hand.lane] + _LINGER_SECONDS
            for hand in self._hands
            if hand.free and not self._bells.wanted(hand.lane)
        ]
        return min(times, default=float("inf"))


def _now() -> float:
    return asyncio.get_running_loop().time()


def _until(hand: _Hand) -> float:
    return hand.since + _KEPT_SECONDS


def _read(body: bytes, lane: Lane) -> Bell | None:
    """The bell; None if it is none of ours, or in the wrong lane. Fields of later versions are left out."""
    if len(body) > BYTES:
        return None
    try:
        event: Any = json.loads(body)
        data: Any = event["data"] if event["type"] == BELL else {}
        bell = Bell.model_validate({name: data[name] for name in Bell.model_fields if name in data})
    except (ValueError, TypeError, LookupError, RecursionError):
        return None
    return bell if bell.lane == lane else None
