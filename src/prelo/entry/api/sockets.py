"""Many jobs as they go on, over one WebSocket: `/v1/live`. See docs/live.md."""

import asyncio
import json
from collections.abc import Mapping
from contextlib import suppress
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit
from uuid import UUID

from fastapi import APIRouter, WebSocket, WebSocketDisconnect
from pydantic import Field, TypeAdapter, ValidationError

from prelo.app.listener import Closing, Event, Listener, Told
from prelo.app.live import Live
from prelo.core.errors import Invalid, PreloError, Refused
from prelo.core.model import Model
from prelo.core.news import Mark
from prelo.core.records import Change
from prelo.entry.api import problems
from prelo.entry.api.live import IDLE, come_back_ms, drawn
from prelo.entry.api.problems import field_errors
from prelo.entry.api.reading import Here, Who
from prelo.entry.api.views import moment
from prelo.entry.sockets import DEAF, Deaf

router = APIRouter()
BACKLOG = 2_000  # events that wait for a listener: more than the jobs it may name
_MOST_JOBS = 1_000  # that a connection names
_MOST_REPORTS = 100
_MOST_WRONG = 5  # messages that nobody understands
_LAST_WORDS = 0.2  # seconds for what was answered to be sent
_LONGEST = 120  # bytes of a reason

Name = Annotated[str, Field(max_length=64)]


class _Message(Model):
    id: Annotated[str, Field(max_length=64)] | int | None = None


class _Choice(_Message):
    """Which jobs: those of these ids, those of a report, or all."""

    jobs: tuple[UUID, ...] = ()
    report: Name | None = None
    all: bool = False


class _Subscribe(_Choice):
    """`seen`: the marks of what is known of these jobs already."""

    type: Literal["subscribe"]
    seen: dict[str, str] = {}


class _Unsubscribe(_Choice):
    type: Literal["unsubscribe"]


class _Replay(_Message):
    type: Literal["replay"]
    cursor: Annotated[str, Field(pattern=r"^[0-9]{1,18}$")] = "0"
    limit: Annotated[int, Field(ge=1, le=1_000)] = 200
    report: Name | None = None


class _Ping(_Message):
    type: Literal["ping"]


_Said = Annotated[_Subscribe | _Unsubscribe | _Replay | _Ping, Field(discriminator="type")]
_SAID: TypeAdapter[_Subscribe | _Unsubscribe | _Replay | _Ping] = TypeAdapter(_Said)


@router.websocket("/v1/live")
async def live(socket: WebSocket, here: Here, who: Who) -> None:
    """Until the client leaves, or is sent away: 1008 for nonsense, 1012 when the process ends, 1013 for one
    that does not read.
    """
    try:
        _same_house(socket)
        async with here.live.listener(who, BACKLOG) as listener:
            await socket.accept()
            line = _Line(socket, here.live, listener)
            code, reason = await line.until_it_ends()
            if code == _SLOW[0]:
                here.ports.observer.event("live.dropped", tenant=who.tenant, detail=reason)
            with suppress(WebSocketDisconnect, RuntimeError):  # it may be gone meanwhile
                await socket.close(code, reason[:_LONGEST])
    except PreloError as error:
        answer = problems.answer(error.problem(), problems.status_of(error))
        await socket.send_denial_response(answer)


_SLOW = (1013, f"{DEAF}, and follow less or read faster")


def _same_house(socket: WebSocket) -> None:
    """Browsers let any page open a WebSocket anywhere, and say whose page it is: only ours may."""
    origin = socket.headers.get("origin")
    if origin is not None and urlsplit(origin).netloc != socket.headers.get("host"):
        raise _Foreign(f"a page of {origin} may not follow the jobs of this server")


class _Foreign(problems.HttpRefused):
    type = "origin-refused"
    title = "A page of another server asked"
    status = 403


class _Line:
    """One connection: what it says is answered in order, and what goes on is told as fast as it is read."""

    def __init__(self, socket: WebSocket, live: Live, listener: Listener) -> None:
        self._socket, self._live, self._listener = socket, live, listener
        self._wrong = 0

    async def until_it_ends(self) -> tuple[int, str]:
        """The code and the reason to close it with."""
        reading = asyncio.create_task(self._read())
        telling = asyncio.create_task(self._tell())
        over = asyncio.create_task(self._listener.over.wait())
        tasks = {reading, telling, over}
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            if self._listener.closing:
                return await self._farewell(telling)
            if reading.done():
                await asyncio.wait({telling}, timeout=_LAST_WORDS)
                return reading.result()
            return telling.result() if telling.done() else _SLOW
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.wait(tasks)

    async def _farewell(self, telling: "asyncio.Task[tuple[int, str]]") -> tuple[int, str]:
        """When to come back is the last thing it is told, unless it does not read."""
        await asyncio.wait({telling}, timeout=1)
        pause = come_back_ms()
        if telling.done():
            with suppress(WebSocketDisconnect, RuntimeError, TimeoutError, Deaf):
                async with asyncio.timeout(1):
                    await self._socket.send_text(f'{{"type":"bye","retry":{pause}}}')
        return 1012, f"the server restarts; come back in {pause} ms"

    async def _tell(self) -> tuple[int, str]:
        try:
            await self._send(
                f'{{"type":"hello","heartbeat":{int(IDLE * 1000)},"retry":{come_back_ms()}}}'
            )
            while True:
                news = await self._listener.next(IDLE)
                await self._send(self._written(news))
        except Deaf:
            return _SLOW
        except Closing:
            return 1012, ""
        except (WebSocketDisconnect, RuntimeError):  # what Starlette raises for one that has left
            return 1001, ""

    async def _send(self, text: str) -> None:
        await self._socket.send_text(text)

    def _written(self, news: Event | str | None) -> str:
        if news is None:
            cursor = self._live.cursor(self._listener)
            return _json("heartbeat", **({} if cursor is None else {"cursor": str(cursor)}))
        if isinstance(news, str):
            return news
        if news.told is None:
            return _json("gone", job={"id": news.job_id})
        return _message(news.kind, news.told)

    async def _read(self) -> tuple[int, str]:
        while self._wrong < _MOST_WRONG:
            try:
                text = await self._socket.receive_text()
            except WebSocketDisconnect:
                return 1001, ""
            except KeyError:  # Starlette's, for a message of bytes
                text = ""
            await self._heard(text)
        return 1008, f"{_MOST_WRONG} messages that nobody understands; see docs/live.md"

    async def _heard(self, text: str) -> None:
        """Do what a message says, and answer it; a wrong one changes nothing."""
        said = None
        try:
            said = _understood(text)
            await self._done(said)
        except Refused as error:
            self._wrong += 1
            await self._refuse(said, text, error)
        except PreloError as error:  # the store's trouble, and not the caller's
            await self._refuse(said, text, error)

    async def _refuse(self, said: _Message | None, text: str, error: PreloError) -> None:
        number = said.id if said else _id_in(text)
        document = problems.document(error.problem(), problems.status_of(error))
        await self._listener.answer(_json("error", number, error=document))

    async def _done(self, said: _Message) -> None:
        if isinstance(said, _Subscribe):
            await self._subscribe(said)
        elif isinstance(said, _Unsubscribe):
            self._unsubscribe(said)
            await self._listener.answer(_json("unsubscribed", said.id))
        elif isinstance(said, _Replay):
            await self._replay(said)
        else:
            await self._listener.answer(_json("pong", said.id))

    async def _subscribe(self, said: _Subscribe) -> None:
        wanted = {str(job_id): Mark.read(said.seen.get(str(job_id))) for job_id in said.jobs}
        if len(self._listener.jobs | set(wanted)) > _MOST_JOBS:
            raise Invalid(
                f"a connection follows at most {_MOST_JOBS} jobs by their ids; follow all of them, "
                "or those of a report"
            )
        if said.report and len(self._listener.reports | {said.report}) > _MOST_REPORTS:
            raise Invalid(f"a connection follows at most {_MOST_REPORTS} reports; follow all jobs")
        wide = said.all or said.report is not None
        if wide:  # what may fail comes first: a subscription is made as a whole, or not at all
            await self._live.ready_for_all(self._listener)
        await self._live.follow(self._listener, wanted)
        if wide:
            self._live.follow_all(self._listener, None if said.all else said.report)
        cursor = self._live.cursor(self._listener)
        more = {} if cursor is None else {"cursor": str(cursor)}
        await self._listener.answer(_json("subscribed", said.id, jobs=list(wanted), **more))

    def _unsubscribe(self, said: _Unsubscribe) -> None:
        self._live.unfollow(self._listener, {str(job_id) for job_id in said.jobs})
        if said.report is not None or said.all:
            self._live.unfollow_all(self._listener, None if said.all else said.report)

    async def _replay(self, said: _Replay) -> None:
        found = await self._live.replay(
            self._listener.caller, int(said.cursor), said.limit, said.report
        )
        changes = [_change(one) for one in found.changes]
        answer = _json(
            "replayed", said.id, changes=changes, cursor=str(found.reached), more=found.more
        )
        await self._listener.answer(answer)


def _message(kind: str, told: Told) -> str:
    """One text for all who are told, which `Sockets` frames once, too."""
    text = told.drawn.get(kind)
    if text is None:
        job = drawn(told, "progress" if kind == "progress" else "job")
        text = told.drawn[kind] = f'{{"type":"{kind}","event":"{told.standing.mark}","job":{job}}}'
    return text


def _understood(text: str) -> _Message:
    """Raises Invalid."""
    try:
        said = _SAID.validate_json(text)
    except ValidationError as error:
        found = field_errors(error.errors(include_url=False, include_input=False))
        detail = "; ".join(f"{e.pointer or 'the message'}: {e.detail}" for e in found)
        raise Invalid(f"the message is not understood: {detail}", found) from error
    if isinstance(said, _Choice) and not (said.jobs or said.all or said.report is not None):
        raise Invalid("say which jobs: 'jobs' (their ids), 'report' (its name) or 'all': true")
    return said


def _id_in(text: str) -> Any:
    """Of a message that is wrong otherwise."""
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return None
    number: Any = found.get("id") if isinstance(found, dict) else None
    return number if isinstance(number, str | int) and len(str(number)) <= _MOST_ID else None


_MOST_ID = 64


def _change(change: Change) -> Mapping[str, Any]:
    return {
        "job": change.job_id,
        "event": str(Mark(change.generation, change.fence, change.number)),
        "report": change.report,
        "before": change.before,
        "after": change.after,
        "attempt": change.attempt,
        "at": moment(change.at).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
    }


def _json(kind: str, number: str | int | None = None, **rest: Any) -> str:
    named = {} if number is None else {"id": number}
    return json.dumps({"type": kind, **named, **rest}, ensure_ascii=False, separators=(",", ":"))
