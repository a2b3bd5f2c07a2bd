"""Notices are brought to their receivers: many at once, no host's slowness another's, each recorded once.

A notice is taken under a lease before its try and settled after it. Whoever dies between the two has perhaps
told the receiver already: it is told again, with the same id.
"""

import asyncio
import random
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

from prelo.core.breaker import Breaker, BreakerPolicy, BreakerState
from prelo.core.errors import Misconfigured, PreloError
from prelo.core.job import Job, State
from prelo.core.notice import SCHEDULE, Answer, Notice, NoticeState
from prelo.core.webhook import Webhook, signing
from prelo.couriers import COURIER_SECONDS, Attachment, Parcel
from prelo.ports import Ports

_LEASE_MS = 60_000  # longer than any try
_FEWEST_SECONDS = 0.2  # between looks: doorbells wake this, too, and are many
_AGAIN_SECONDS = 2.0  # after the store could not be reached
_MOST_HOSTS = 10_000
_CHANGED = {
    BreakerState.OPEN: "breaker.opened",
    BreakerState.HALF_OPEN: "breaker.half_open",
    BreakerState.CLOSED: "breaker.closed",
}
_LOST = Answer(
    ok=False, final=True, detail="its tries ended without a word: nobody came back from them"
)


@dataclass(frozen=True, slots=True)
class Pace:
    """Tries at once of one process: in all, and of one host. `look`: seconds between looks, as nobody says
    when a later try is due. `grace`: seconds that tries have to end at a drain.
    """

    most: int = 32
    per_host: int = 4
    look: float = 1.0
    grace: float = 5.0
    breaker: BreakerPolicy = field(default_factory=BreakerPolicy)


class Hosts:
    """What this process knows of hosts: how many tries are under way, and which rest."""

    def __init__(self, pace: Pace, clock: Callable[[], float] = time.monotonic) -> None:
        self._pace, self._clock = pace, clock
        self._under_way: Counter[str] = Counter()
        self._breakers: dict[str, Breaker] = {}

    def busy(self) -> dict[str, int]:
        """How many tries each has; one that rests has as many as it may."""
        now = self._now()
        rests = {
            host: self._pace.per_host
            for host, breaker in self._breakers.items()
            if breaker.state is BreakerState.OPEN and breaker.until > now
        }
        return dict(self._under_way) | rests

    def begin(self, host: str) -> tuple[int, int]:
        """When this try begins, by this clock; and how long in ms it must wait instead, 0 for not at all."""
        now = self._now()
        breaker, wait = self._of(host).ask(now, random.random())  # noqa: S311  jitter, not a secret
        if not wait:
            self._put(host, breaker)
            self._under_way[host] += 1
        return now, wait

    def end(self, host: str, begun: int, answer: Answer | None) -> BreakerState | None:
        """A try ended, with an answer or without having shown anything. The state of the host's breaker, if
        this changed it.
        """
        self._under_way[host] -= 1
        if not self._under_way[host]:
            del self._under_way[host]
        before = self._of(host)
        if answer is None:
            after = before.release(begun=begun)
        else:
            after = before.report(self._now(), begun=begun, failed=answer.trouble)
        self._put(host, after)
        return after.state if after.state is not before.state else None

    def _now(self) -> int:
        return int(self._clock() * 1000)

    def _of(self, host: str) -> Breaker:
        return self._breakers.get(host) or Breaker(self._pace.breaker)

    def _put(self, host: str, breaker: Breaker) -> None:
        self._breakers[host] = breaker
        if len(self._breakers) > _MOST_HOSTS:
            self._breakers = {
                name: kept
                for name, kept in self._breakers.items()
                if kept.state is not BreakerState.CLOSED
            }


class Deliveries:
    """One process's tries."""

    def __init__(self, ports: Ports, pace: Pace | None = None) -> None:
        self._ports = ports
        self._pace = pace or Pace()
        self._hosts = Hosts(self._pace)
        self._tasks: set[asyncio.Task[None]] = set()

    async def run(self, stop: asyncio.Event) -> None:
        """Until `stop`; then tries that are under way end, or are given up and repeated by somebody else."""
        stopping = asyncio.create_task(stop.wait())
        while not stop.is_set():
            pause = self._pace.look
            try:
                if await self.turn():
                    pause = 0.0
            except PreloError as error:
                self._ports.observer.event("upkeep.failed", duty="deliver", detail=error.detail)
                pause = _AGAIN_SECONDS
            await self._rest(pause, stopping)
        if self._tasks:
            _, late = await asyncio.wait(self._tasks, timeout=self._pace.grace)
            for task in late:
                task.cancel()
            if late:
                await asyncio.wait(late)

    async def turn(self) -> int:
        """Begin what is due and has room; how many."""
        free = self._pace.most - len(self._tasks)
        if free <= 0:
            return 0
        taken = await self._ports.notices.take(
            tuple(self._ports.couriers),
            free,
            _LEASE_MS,
            per_host=self._pace.per_host,
            busy=self._hosts.busy(),
        )
        for notice in taken:
            # Counted here and not in the task, which has not begun when the next look asks who is busy.
            begun, wait = self._hosts.begin(notice.host)
            task = asyncio.create_task(self._try(notice, begun, wait))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        return len(taken)

    async def idle(self) -> None:
        """When nothing is under way."""
        while self._tasks:
            await asyncio.wait(set(self._tasks))

    async def _rest(self, seconds: float, stopping: "asyncio.Task[bool]") -> None:
        """Until something may have become due, or a try has made room."""
        if seconds <= 0:
            await asyncio.sleep(0)
            return
        news = asyncio.ensure_future(self._ports.store.stirred(seconds))
        await asyncio.wait({news, stopping, *self._tasks}, return_when=asyncio.FIRST_COMPLETED)
        # A try that ended has made room. News are mostly of doorbells, and many: not each is looked at.
        if news.done() and not stopping.done():
            await asyncio.wait({stopping}, timeout=min(_FEWEST_SECONDS, seconds))
        news.cancel()

    async def _try(self, notice: Notice, begun: int, wait: int) -> None:
        try:
            if wait:
                await self._ports.notices.give_back(notice, wait)
                return
            await self._settle(notice, await self._answer(notice, begun))
        except PreloError as error:
            # The store is away: the lease lapses, and the notice is tried again.
            self._ports.observer.event("notice.unsettled", notice=notice.id, detail=error.detail)

    async def _answer(self, notice: Notice, begun: int) -> Answer:
        try:
            answer = await attempt(notice, self._ports)
        except BaseException:  # the store is away, or this process ends: nothing was shown
            self._end(notice, begun, None)
            raise
        self._end(notice, begun, answer)
        return answer

    def _end(self, notice: Notice, begun: int, answer: Answer | None) -> None:
        changed = self._hosts.end(notice.host, begun, answer)
        if changed:
            self._ports.observer.event(_CHANGED[changed], of=f"notices to {notice.host}")

    async def _settle(self, notice: Notice, answer: Answer) -> None:
        chance = random.random()  # noqa: S311  jitter, not a secret
        after = await self._ports.notices.settle(notice, answer, chance)
        if after is None:
            name = "notice.refused"
        elif after.state is NoticeState.WAITING:
            name = "notice.failed"
        else:
            name = f"notice.{after.state.value}"
        self._ports.observer.event(
            name, notice=notice.id, job_id=notice.job_id, kind=notice.kind, said=notice.event,
            attempt=notice.attempts, status=answer.status, ms=answer.ms, detail=answer.detail or None,
        )  # fmt: skip
        if answer.gone:
            self._ports.observer.event("webhook.disabled", webhook=notice.target)


async def attempt(notice: Notice, ports: Ports) -> Answer:
    """One try; what it needs is fetched now, as it is now. Raises what the store raises, nothing else."""
    if notice.attempts > len(SCHEDULE):  # who takes it dies of it
        return _LOST
    began = time.monotonic()
    try:
        async with asyncio.timeout(COURIER_SECONDS + 5):
            if notice.kind == "webhook":
                answer = await _to_webhook(notice, ports)
            else:
                answer = await ports.couriers["email"].carry(await _mail(notice, ports))
    except (
        Misconfigured
    ) as error:  # the key of the vault: the operator's, and mended by the operator
        answer = Answer(ok=False, detail=error.detail)
    except TimeoutError:
        answer = Answer(ok=False, trouble=True, detail="the try took too long and was given up")
    except PreloError:
        raise
    except Exception as error:  # noqa: BLE001  a mistake of ours with one notice ends none of the others
        ports.observer.event("notice.broken", notice=notice.id, detail=repr(error)[:500])
        answer = Answer(
            ok=False, detail="the server made a mistake with this notice, and has logged it"
        )
    return answer.model_copy(update={"ms": int(1000 * (time.monotonic() - began))})


async def _to_webhook(notice: Notice, ports: Ports) -> Answer:
    webhook = await ports.notices.webhook(notice.target)
    if webhook is None or webhook.tenant != notice.tenant:
        return Answer(ok=False, final=True, detail="the webhook was deleted")
    if not webhook.enabled:
        detail = f"the webhook is not enabled: {webhook.why or 'its owner said so'}"
        return Answer(ok=False, final=True, detail=detail)
    parcel = Parcel(notice=notice, url=webhook.url, secrets=_secrets(webhook, ports))
    return await ports.couriers["webhook"].carry(parcel)


def _secrets(webhook: Webhook, ports: Ports) -> tuple[str, ...]:
    kept = signing(webhook, int(time.time() * 1000))
    return tuple(ports.vault.unseal(sealed, webhook.id) for sealed in kept)


async def _mail(notice: Notice, ports: Ports) -> Parcel:
    """A mail for a person: the report's title, the language of the order, the file if it may fit."""
    job = await ports.store.get(notice.job_id or "", notice.tenant, with_order=True)
    if job is None or notice.facts is None:
        return Parcel(notice=notice, title=notice.facts.report if notice.facts else "")
    same = job.generation == notice.generation and job.state is State.SUCCEEDED
    file = job.artifact if same and notice.event == "succeeded" else None
    fits = file is not None and file.size <= ports.couriers["email"].room
    return Parcel(
        notice=notice,
        title=_title(job, ports) or notice.facts.report,
        locale=job.order.locale if job.order else "en",
        timezone=job.order.timezone if job.order else "UTC",
        size=file.size if file else None,
        attachment=await _attachment(job, ports) if fits else None,
    )


def _title(job: Job, ports: Ports) -> str:
    if job.order is None:
        return ""
    try:
        return job.order.layout(job.order.report_from(ports.catalog)).title
    except PreloError:  # the catalog has lost it
        return ""


async def _attachment(job: Job, ports: Ports) -> Attachment | None:
    """The file, whole; None if it is gone, or storage is away: then a link must do."""
    if job.artifact is None:
        return None
    try:
        pieces = [piece async for piece in ports.files.read(job.artifact.key)]
    except PreloError as error:
        ports.observer.event("notice.without_file", job, detail=error.detail)
        return None
    file = job.artifact
    return Attachment(name=file.name, media_type=file.media_type, content=b"".join(pieces))
