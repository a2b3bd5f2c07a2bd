"""Progress while something is made: bars on standard error, and nothing at all in a pipe."""

from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from prelo.entry.cli import say

if TYPE_CHECKING:
    from rich.progress import Progress

    from prelo.client import JobView


def progress() -> "Progress":
    """An empty set of bars: what, how far, rows, pages, rows/s, time."""
    from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    return Progress(
        SpinnerColumn(finished_text="[green]✓"),
        TextColumn("{task.description}", markup=False),
        BarColumn(bar_width=20),
        TextColumn("{task.fields[said]}", style="cyan", markup=False),
        TimeElapsedColumn(),
        console=say.err,
        disable=not say.err.is_terminal,
        transient=True,
    )


def said(rows: int, pages: int, speed: float | None) -> str:
    """`412,000 rows · 235,000/s · 41 pages`, as far as it is known."""
    parts = [say.count(rows, "row")] if rows else []
    parts += [f"{speed:,.0f}/s"] if rows and speed else []
    parts += [say.count(pages, "page")] if pages else []
    return " · ".join(parts)


def of_job(job: "JobView", elapsed: float) -> dict[str, Any]:
    """What a bar shows of a job as it is now."""
    rows, pages = job.progress.rows, job.progress.pages
    shown = said(rows, pages, rows / elapsed if elapsed else None)
    return {
        "said": shown or job.phase or str(job.state),
        "completed": rows,
        "total": job.progress.rows_expected,
    }


@contextmanager
def rows(what: str) -> Generator[Callable[[int, int], None]]:
    """One bar of unknown length, moved by `heard(rows, pages)`."""
    with progress() as bar:
        task = bar.add_task(what, total=None, said="")

        def heard(rows: int, pages: int) -> None:
            elapsed = bar.tasks[task].elapsed or 0.0
            bar.update(task, said=said(rows, pages, rows / elapsed if elapsed else None))

        yield heard
