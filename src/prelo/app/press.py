"""The child's half of an attempt: source -> writer -> storage, straight through, holding one batch."""

import hashlib
import math
import platform
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache, partial
from importlib.metadata import version

from prelo.app.tables import count_rows, open_tables
from prelo.core.canonical import canonical
from prelo.core.errors import FileLimit, RowLimit
from prelo.core.job import Artifact, Progress
from prelo.core.parameters import typed
from prelo.core.report import Report
from prelo.core.rules import whose
from prelo.core.table import Manifest
from prelo.ports import Kit, Pressed, Sink, Task

_SHORT = 0.5  # seconds of a report of which nobody needs to know how far it is


def press(task: Task, kit: Kit, heard: Callable[[Progress], None]) -> Pressed:
    """Render one task into storage under its key; nothing is left there if this raises.

    `heard` is told of the progress after each batch. Raises a Failure that says what ended it.
    """
    report, order = task.report, task.order
    writer = kit.writer(order.format)
    parameters = typed(report.parameters, order.parameters)
    began, as_of = time.perf_counter(), datetime.now(UTC)
    layout = order.layout(report, as_of)
    media_type = writer.media_type(layout)
    heard(Progress(phase="reading"))
    count = partial(count_rows, report, parameters, kit.sources, many=writer.many)
    told = _Told(heard, task, count, began + _SHORT)
    with (
        open_tables(report, parameters, kit.sources, many=writer.many) as data,
        kit.files.create(task.key, media_type) as sink,
    ):
        out = _Measured(sink, task)
        manifest = writer.write(data, out, layout, told.rendering)
        told.say("storing", manifest.rows, manifest.pages or 0)
    return Pressed(
        artifact=Artifact(
            key=task.key,
            name=task.name,
            media_type=media_type,
            size=out.size,
            sha256=out.digest.hexdigest(),
        ),
        manifest=_signed(manifest, task, as_of, time.perf_counter() - began),
    )


class _Measured:
    """A sink that knows the size and the checksum of what went through."""

    def __init__(self, sink: Sink, task: Task) -> None:
        self._sink = sink
        self._limit = task.limits.file_size
        self._whose = whose("file_size", task.limits, task.report.limits)
        self.size = 0
        self.digest = hashlib.sha256()

    def write(self, data: bytes | bytearray | memoryview, /) -> None:
        self.size += memoryview(data).nbytes
        if self.size > self._limit:
            raise FileLimit(f"the file grew beyond {self._limit:,} bytes, {self._whose}")
        self.digest.update(data)
        self._sink.write(data)


@dataclass(slots=True)
class _Told:
    """Progress on its way to whoever waits; too many rows end the attempt here.

    The rows to come are counted once it is `late`: a short report would be done by then.
    """

    heard: Callable[[Progress], None]
    task: Task
    count: Callable[[], int | None]
    late: float
    expected: int | None = None

    def rendering(self, rows: int, pages: int) -> None:
        limits = self.task.limits
        if rows > limits.rows:
            said = whose("rows", limits, self.task.report.limits)
            raise RowLimit(f"the data has more than {limits.rows:,} rows, {said}")
        if time.perf_counter() > self.late:
            self.expected, self.late = self.count(), math.inf
        self.say("rendering", rows, pages)

    def say(self, phase: str, rows: int, pages: int) -> None:
        self.heard(Progress(phase=phase, rows=rows, pages=pages, rows_expected=self.expected))


def _signed(manifest: Manifest, task: Task, as_of: datetime, seconds: float) -> Manifest:
    """The writer's manifest with what only an attempt knows: what was asked, when, and by which code."""
    return manifest.model_copy(
        update={
            "report": task.report.name,
            "report_version": task.report.version,
            "parameters": task.order.parameters,
            "data_as_of": as_of,
            "query_digest": _query_digest(task.report),
            "seconds": round(seconds, 3),
            "versions": _versions(),
        }
    )


@cache
def _versions() -> dict[str, str]:
    return {"prelo": version("prelo"), "python": platform.python_version()}


def _query_digest(report: Report) -> str:
    sources = {"": report.source} | {name: sheet.source for name, sheet in report.sheets.items()}
    specs = {
        name: source.model_dump(mode="json", exclude={"rows", "names"})
        for name, source in sources.items()
    }
    return hashlib.sha256(canonical(specs if report.sheets else specs[""])).hexdigest()
