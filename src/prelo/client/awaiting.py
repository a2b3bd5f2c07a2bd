"""The client for programs that await; see blocking.py for what its methods promise."""

import asyncio
import io
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from datetime import datetime
from http import HTTPStatus
from pathlib import Path
from typing import Any, Self, Unpack

import httpx

from prelo.client import desk, steps, timetable
from prelo.client.download import Incoming, beside
from prelo.client.events import Following, JobEvent
from prelo.client.steps import (
    Broken,
    Call,
    ColumnsLike,
    OnProgress,
    Options,
    Patience,
    Pause,
    Steps,
    T,
)
from prelo.client.upload import uploading
from prelo.core.desk import DeadView, Errand, ErrandView, NotedView
from prelo.core.schedule_view import FiringView, ScheduleView, UpcomingView
from prelo.core.table import Manifest
from prelo.core.view import DatasetView, JobView, ReportView


class AsyncClient:
    """Client, with await."""

    def __init__(
        self, url: str, key: str | None = None, *, timeout: float = 30, agent: str | None = None
    ) -> None:
        headers = steps.known_by(key, agent)
        self._timeout = timeout
        self._http = httpx.AsyncClient(
            base_url=steps.address(url), headers=headers, timeout=timeout, follow_redirects=True
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self) -> None:
        await self._http.aclose()

    async def report(
        self,
        report: str,
        parameters: Mapping[str, Any] | None = None,
        **options: Unpack[Patience],
    ) -> "AsyncReportFile":
        body = steps.body_of(report, parameters, options)
        return AsyncReportFile(self, await self._run(steps.making(body, options)))

    async def rows(
        self, columns: ColumnsLike, rows: Sequence[Sequence[Any]], **options: Unpack[Patience]
    ) -> "AsyncReportFile":
        body = steps.inline_body(columns, rows, options)
        return AsyncReportFile(self, await self._run(steps.making(body, options)))

    async def upload(self, path: str | Path, *, header: bool | None = None) -> DatasetView:
        return await self._run(uploading(path, header))

    async def dataset(
        self, dataset: str, columns: ColumnsLike | None = None, **options: Unpack[Patience]
    ) -> "AsyncReportFile":
        body = steps.dataset_body(dataset, columns, options)
        return AsyncReportFile(self, await self._run(steps.making(body, options)))

    async def submit(
        self,
        report: str,
        parameters: Mapping[str, Any] | None = None,
        **options: Unpack[Options],
    ) -> JobView:
        body = steps.body_of(report, parameters, options)
        return await self._run(steps.submitting(body, options.get("idempotency_key")))

    async def job(self, job_id: str) -> JobView:
        return await self._run(steps.looking(job_id))

    async def wait(
        self,
        job_id: str,
        timeout: float | None = None,  # noqa: ASYNC109  as Client
        on_progress: OnProgress | None = None,
    ) -> JobView:
        return await self._run(steps.waiting(job_id, timeout, on_progress))

    async def events(self, job_id: str) -> AsyncIterator[JobEvent]:
        following = Following(job_id)
        while not following.over:
            try:
                async with self._http.stream(**following.asked(self._timeout)) as answer:
                    if not answer.is_success:
                        await answer.aread()
                    following.answered(answer)
                    if answer.is_success:
                        async for piece in answer.aiter_bytes():
                            for event in following.heard(piece):
                                yield event
            except httpx.TransportError as error:
                following.lost(steps.broken(error, self._http.base_url))
            if not following.over:
                await asyncio.sleep(following.pause())

    async def jobs(self, **filters: Unpack[steps.Filters]) -> AsyncIterator[JobView]:
        async for page in self._pages(steps.page, steps.query_of(filters)):
            for job in page.jobs:
                yield job

    async def cancel(self, job_id: str) -> JobView:
        return await self._run(steps.acting(job_id, ":cancel"))

    async def retry(self, job_id: str) -> JobView:
        return await self._run(steps.acting(job_id, ":retry"))

    async def refresh(self, job_id: str) -> JobView:
        return await self._run(steps.acting(job_id, ":refresh"))

    async def forget(self, job_id: str) -> None:
        await self._run(steps.forgetting(job_id))

    async def dead_jobs(self, **marks: Unpack[desk.DeadMarks]) -> AsyncIterator[DeadView]:
        async for page in self._pages(desk.page, desk.query_of(marks)):
            for job in page.jobs:
                yield job

    async def dead_job(self, job_id: str) -> DeadView:
        return await self._run(desk.looking(job_id))

    async def replay(self, errand: Errand, by: str | None = None) -> ErrandView:
        return await self._run(desk.sending("replay", errand, by))

    async def drop(self, errand: Errand, by: str | None = None) -> ErrandView:
        return await self._run(desk.sending("drop", errand, by))

    async def dead_audit(self, **marks: Unpack[desk.AuditMarks]) -> AsyncIterator[NotedView]:
        async for page in self._pages(desk.desk_audit, desk.query_of(marks)):
            for entry in page.entries:
                yield entry

    async def audit(self, **marks: Unpack[desk.AuditMarks]) -> AsyncIterator[NotedView]:
        async for page in self._pages(desk.audit, desk.query_of(marks)):
            for entry in page.entries:
                yield entry

    async def create_schedule(
        self, name: str, cron: str, request: Mapping[str, Any], **timing: Unpack[timetable.Timing]
    ) -> ScheduleView:
        plan = timetable.plan_of(name, cron, request, timing)
        return await self._run(timetable.creating(plan))

    async def preview_schedule(
        self, name: str, cron: str, request: Mapping[str, Any], **timing: Unpack[timetable.Timing]
    ) -> tuple[UpcomingView, ...]:
        plan = timetable.plan_of(name, cron, request, timing)
        return (await self._run(timetable.previewing(plan))).upcoming

    async def schedules(self, limit: int = 50) -> AsyncIterator[ScheduleView]:
        async for page in self._pages(timetable.page, {"limit": limit}):
            for schedule in page.schedules:
                yield schedule

    async def schedule(self, schedule_id: str) -> ScheduleView:
        return await self._run(timetable.looking(schedule_id))

    async def change_schedule(self, schedule_id: str, changes: Mapping[str, Any]) -> ScheduleView:
        return await self._run(timetable.changing(schedule_id, changes))

    async def pause_schedule(self, schedule_id: str, until: datetime | None = None) -> ScheduleView:
        return await self._run(timetable.pausing(schedule_id, until))

    async def resume_schedule(self, schedule_id: str) -> ScheduleView:
        return await self._run(timetable.resuming(schedule_id))

    async def run_schedule(self, schedule_id: str) -> FiringView:
        return await self._run(timetable.running(schedule_id))

    async def delete_schedule(self, schedule_id: str) -> None:
        await self._run(timetable.deleting(schedule_id))

    async def upcoming(self, schedule_id: str, limit: int = 5) -> tuple[UpcomingView, ...]:
        return (await self._run(timetable.coming(schedule_id, limit))).upcoming

    async def firings(self, schedule_id: str, limit: int = 50) -> AsyncIterator[FiringView]:
        async for page in self._pages(timetable.firings(schedule_id), {"limit": limit}):
            for firing in page.firings:
                yield firing

    async def manifest(self, job_id: str) -> Manifest:
        """What is in a finished job's file, and what it took to make it."""
        return await self._run(steps.reading_manifest(job_id))

    async def reports(self) -> list[ReportView]:
        return await self._run(steps.catalog())

    def file(self, job: JobView) -> "AsyncReportFile":
        return AsyncReportFile(self, job)

    async def fetch(self, job: JobView, into: Incoming) -> None:
        await self._run(steps.fetching(job, into))

    async def _pages(
        self, ask: Callable[[Mapping[str, Any]], Steps[desk.Page]], query: dict[str, Any]
    ) -> AsyncIterator[desk.Page]:
        while True:
            page = await self._run(ask(query))
            yield page
            if page.next is None:
                return
            query["cursor"] = page.next

    async def do(self, doing: Steps[T]) -> T:
        """Ask what prelo.client.webhooks describes."""
        return await self._run(doing)

    async def _run(self, doing: Steps[T]) -> T:
        answer: steps.Answer = None
        try:
            while True:
                step = doing.send(answer)
                if isinstance(step, Pause):
                    await asyncio.sleep(step.seconds)
                answer = await self._answer(step) if isinstance(step, Call) else None
        except StopIteration as done:
            return done.value

    async def _answer(self, call: Call) -> httpx.Response | Broken:
        asked = steps.as_httpx(call, self._timeout)
        if isinstance(call.content, Iterable) and not isinstance(call.content, bytes):
            asked["content"] = _awaited(call.content)
        try:
            async with self._http.stream(**asked) as answer:
                if call.into is None or not answer.is_success:
                    await answer.aread()
                    return answer
                if answer.status_code != HTTPStatus.PARTIAL_CONTENT:
                    call.into.restart()
                async for piece in answer.aiter_raw():
                    await asyncio.to_thread(call.into.write, piece)
                return answer
        except httpx.TransportError as error:
            return steps.broken(error, self._http.base_url)


async def _awaited(pieces: Iterable[bytes]) -> AsyncIterator[bytes]:
    """A file's pieces, read on a thread."""
    waiting = iter(pieces)
    while piece := await asyncio.to_thread(next, waiting, b""):
        yield piece


class AsyncReportFile:
    """A report that is, or will be, a file. `job` is as it was last seen."""

    def __init__(self, client: AsyncClient, job: JobView) -> None:
        self.job = job
        self._client = client

    async def save(self, path: str | Path) -> Path:
        artifact = await self._finished()
        target = Path(path)
        with beside(target) as file:
            await self._client.fetch(self.job, Incoming(file, artifact))
        return target

    async def bytes(self) -> bytes:
        artifact = await self._finished()
        file = io.BytesIO()
        await self._client.fetch(self.job, Incoming(file, artifact))
        return file.getvalue()

    async def _finished(self) -> steps.ArtifactView:
        if not self.job.state.ended:
            self.job = await self._client.wait(self.job.id)
        return steps.made(self.job)
