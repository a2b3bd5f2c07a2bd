"""The client for programs that block."""

import io
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
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


class Client:
    """Talks to a Prelo server. Use it as a context manager, or close() it; threads may share it.

    `key`: an API key, or a token of the issuer. `timeout`: seconds without a byte after which a connection
    counts as broken. `agent`: as what the program makes itself known. Whatever can be repeated safely is
    repeated a few times. Errors of the server come as the errors of prelo (NotFound, Invalid, Conflict,
    KeyReused, Gone, TooLarge, Unauthenticated, Forbidden, Refused); Unavailable when it cannot be reached,
    or has no room, for longer than the repeats take.
    """

    def __init__(
        self, url: str, key: str | None = None, *, timeout: float = 30, agent: str | None = None
    ) -> None:
        headers = steps.known_by(key, agent)
        self._timeout = timeout
        self._http = httpx.Client(
            base_url=steps.address(url), headers=headers, timeout=timeout, follow_redirects=True
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self._http.close()

    def report(
        self,
        report: str,
        parameters: Mapping[str, Any] | None = None,
        **options: Unpack[Patience],
    ) -> "ReportFile":
        """Ask for a report and wait until it is made. Raises JobFailed, NotFinished.

        With `wait=False` it returns at once, and the file is waited for when it is first used.
        """
        body = steps.body_of(report, parameters, options)
        return ReportFile(self, self._run(steps.making(body, options)))

    def rows(
        self, columns: ColumnsLike, rows: Sequence[Sequence[Any]], **options: Unpack[Patience]
    ) -> "ReportFile":
        """As `report`, of rows of your own: `columns` are names, or name to kind, or InlineColumns."""
        body = steps.inline_body(columns, rows, options)
        return ReportFile(self, self._run(steps.making(body, options)))

    def upload(self, path: str | Path, *, header: bool | None = None) -> DatasetView:
        """Upload a file of CSV, Parquet, Arrow or JSON lines, to report on. `header`: whether CSV has one."""
        return self._run(uploading(path, header))

    def dataset(
        self, dataset: str, columns: ColumnsLike | None = None, **options: Unpack[Patience]
    ) -> "ReportFile":
        """As `rows`, of a dataset that was uploaded: all of it, or these columns."""
        body = steps.dataset_body(dataset, columns, options)
        return ReportFile(self, self._run(steps.making(body, options)))

    def submit(
        self,
        report: str,
        parameters: Mapping[str, Any] | None = None,
        **options: Unpack[Options],
    ) -> JobView:
        """Ask for a report; the job as it is now. Each call has an idempotency key of its own."""
        body = steps.body_of(report, parameters, options)
        return self._run(steps.submitting(body, options.get("idempotency_key")))

    def job(self, job_id: str) -> JobView:
        return self._run(steps.looking(job_id))

    def wait(
        self, job_id: str, timeout: float | None = None, on_progress: OnProgress | None = None
    ) -> JobView:
        """The job when it has ended, however. Raises NotFinished after `timeout` seconds."""
        return self._run(steps.waiting(job_id, timeout, on_progress))

    def events(self, job_id: str) -> Iterator[JobEvent]:
        """What happens to the job from now on, up to its end; goes on by itself after a broken connection."""
        following = Following(job_id)
        while not following.over:
            try:
                with self._http.stream(**following.asked(self._timeout)) as answer:
                    if not answer.is_success:
                        answer.read()
                    following.answered(answer)
                    for piece in answer.iter_bytes() if answer.is_success else ():
                        yield from following.heard(piece)
            except httpx.TransportError as error:
                following.lost(steps.broken(error, self._http.base_url))
            if not following.over:
                time.sleep(following.pause())

    def jobs(self, **filters: Unpack[steps.Filters]) -> Iterator[JobView]:
        """All jobs that fit, newest first, fetched page by page."""
        for page in self._pages(steps.page, steps.query_of(filters)):
            yield from page.jobs

    def cancel(self, job_id: str) -> JobView:
        return self._run(steps.acting(job_id, ":cancel"))

    def retry(self, job_id: str) -> JobView:
        """Run a job that ended without a file again, under the same id."""
        return self._run(steps.acting(job_id, ":retry"))

    def refresh(self, job_id: str) -> JobView:
        """The same report with today's data: the new job."""
        return self._run(steps.acting(job_id, ":refresh"))

    def forget(self, job_id: str) -> None:
        """Delete an ended job and its file."""
        self._run(steps.forgetting(job_id))

    def dead_jobs(self, **marks: Unpack[desk.DeadMarks]) -> Iterator[DeadView]:
        """The jobs of all tenants that were given up (or failed), the last first, page by page."""
        for page in self._pages(desk.page, desk.query_of(marks)):
            yield from page.jobs

    def dead_job(self, job_id: str) -> DeadView:
        """A dead or failed job with its history. Raises Conflict for any other state."""
        return self._run(desk.looking(job_id))

    def replay(self, errand: Errand, by: str | None = None) -> ErrandView:
        """Run dead jobs again: one call's worth of them. `by`: who wants it, for the audit."""
        return self._run(desk.sending("replay", errand, by))

    def drop(self, errand: Errand, by: str | None = None) -> ErrandView:
        """Delete dead jobs: one call's worth of them."""
        return self._run(desk.sending("drop", errand, by))

    def dead_audit(self, **marks: Unpack[desk.AuditMarks]) -> Iterator[NotedView]:
        """Who replayed and dropped what, newest first, page by page."""
        for page in self._pages(desk.desk_audit, desk.query_of(marks)):
            yield from page.entries

    def audit(self, **marks: Unpack[desk.AuditMarks]) -> Iterator[NotedView]:
        """Who did what, newest first, page by page. Needs a key with the scope admin."""
        for page in self._pages(desk.audit, desk.query_of(marks)):
            yield from page.entries

    def create_schedule(
        self, name: str, cron: str, request: Mapping[str, Any], **timing: Unpack[timetable.Timing]
    ) -> ScheduleView:
        """Have a report made again and again. `request` is what a job is asked for by, as
        {"report": "orders", "parameters": {"day": "{{ today - 1 day }}"}}. Raises Invalid for what could not
        fire.
        """
        plan = timetable.plan_of(name, cron, request, timing)
        return self._run(timetable.creating(plan))

    def preview_schedule(
        self, name: str, cron: str, request: Mapping[str, Any], **timing: Unpack[timetable.Timing]
    ) -> tuple[UpcomingView, ...]:
        """When it would fire next, and the parameters it would ask for then; nothing is stored."""
        plan = timetable.plan_of(name, cron, request, timing)
        return self._run(timetable.previewing(plan)).upcoming

    def schedules(self, limit: int = 50) -> Iterator[ScheduleView]:
        """All schedules, newest first, page by page. `limit`: the size of a page."""
        for page in self._pages(timetable.page, {"limit": limit}):
            yield from page.schedules

    def schedule(self, schedule_id: str) -> ScheduleView:
        """With the next times at which it fires."""
        return self._run(timetable.looking(schedule_id))

    def change_schedule(self, schedule_id: str, changes: Mapping[str, Any]) -> ScheduleView:
        """Those names of its plan, as {"cron": "0 8 * * *"}; None takes a name away."""
        return self._run(timetable.changing(schedule_id, changes))

    def pause_schedule(self, schedule_id: str, until: datetime | None = None) -> ScheduleView:
        """Until it is resumed, or until then."""
        return self._run(timetable.pausing(schedule_id, until))

    def resume_schedule(self, schedule_id: str) -> ScheduleView:
        return self._run(timetable.resuming(schedule_id))

    def run_schedule(self, schedule_id: str) -> FiringView:
        """Fire once, now. Raises Conflict if no job was accepted."""
        return self._run(timetable.running(schedule_id))

    def delete_schedule(self, schedule_id: str) -> None:
        """With its history; its jobs stay."""
        self._run(timetable.deleting(schedule_id))

    def upcoming(self, schedule_id: str, limit: int = 5) -> tuple[UpcomingView, ...]:
        """When a schedule fires next, and the parameters it will ask for then."""
        return self._run(timetable.coming(schedule_id, limit)).upcoming

    def firings(self, schedule_id: str, limit: int = 50) -> Iterator[FiringView]:
        """What became of its times, newest first, page by page."""
        for page in self._pages(timetable.firings(schedule_id), {"limit": limit}):
            yield from page.firings

    def manifest(self, job_id: str) -> Manifest:
        """What is in a finished job's file, and what it took to make it."""
        return self._run(steps.reading_manifest(job_id))

    def reports(self) -> list[ReportView]:
        """The catalog."""
        return self._run(steps.catalog())

    def file(self, job: JobView) -> "ReportFile":
        """The file of a job."""
        return ReportFile(self, job)

    def fetch(self, job: JobView, into: Incoming) -> None:
        """Stream a finished job's file. Raises JobFailed, Damaged."""
        self._run(steps.fetching(job, into))

    def _pages(
        self, ask: Callable[[Mapping[str, Any]], Steps[desk.Page]], query: dict[str, Any]
    ) -> Iterator[desk.Page]:
        while True:
            page = self._run(ask(query))
            yield page
            if page.next is None:
                return
            query["cursor"] = page.next

    def do(self, doing: Steps[T]) -> T:
        """Ask what prelo.client.webhooks describes."""
        return self._run(doing)

    def _run(self, doing: Steps[T]) -> T:
        answer: steps.Answer = None
        try:
            while True:
                step = doing.send(answer)
                if isinstance(step, Pause):
                    time.sleep(step.seconds)
                answer = self._answer(step) if isinstance(step, Call) else None
        except StopIteration as done:
            return done.value

    def _answer(self, call: Call) -> httpx.Response | Broken:
        try:
            with self._http.stream(**steps.as_httpx(call, self._timeout)) as answer:
                if call.into is None or not answer.is_success:
                    answer.read()
                    return answer
                if answer.status_code != HTTPStatus.PARTIAL_CONTENT:
                    call.into.restart()
                for piece in answer.iter_raw():
                    call.into.write(piece)
                return answer
        except httpx.TransportError as error:
            return steps.broken(error, self._http.base_url)


class ReportFile:
    """A report that is, or will be, a file. `job` is as it was last seen."""

    def __init__(self, client: Client, job: JobView) -> None:
        self.job = job
        self._client = client

    def save(self, path: str | Path) -> Path:
        """Stream the file to `path`: whole and checked, or not at all. Raises JobFailed, Damaged."""
        artifact = self._finished()
        target = Path(path)
        with beside(target) as file:
            self._client.fetch(self.job, Incoming(file, artifact))
        return target

    def bytes(self) -> bytes:
        """The file, in memory."""
        artifact = self._finished()
        file = io.BytesIO()
        self._client.fetch(self.job, Incoming(file, artifact))
        return file.getvalue()

    def _finished(self) -> steps.ArtifactView:
        if not self.job.state.ended:
            self.job = self._client.wait(self.job.id)
        return steps.made(self.job)
