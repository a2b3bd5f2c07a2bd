"""The main job, end to end: a server, four requests over HTTP, their files in demo/.

    make demo          (or: python examples/demo.py [FOLDER [SCALE]])

Ends with an error if anything is not as promised.
"""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from rich.console import Console
from rich.panel import Panel
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table
from sample import sample

import prelo
from prelo.client import JobView

HERE = Path(__file__).parent
LINE_ITEMS = {0.1: 600_572, 0.01: 60_175}  # of TPC-H, by scale
BROKEN = """
name: broken
title: A report that cannot work
source: {query: "select l_orderkey, l_prize from lineitem"}
"""
console = Console(highlight=False)


@dataclass(frozen=True)
class Made:
    """One finished file, its job, and how long the caller waited for it."""

    what: str
    path: Path
    job: JobView
    manifest: prelo.Manifest
    seconds: float


def main(folder: Path, scale: float = 0.1) -> None:
    began = time.perf_counter()
    catalog = prepared(folder)
    with console.status("Making the sample database (once) …"):
        database = sample(folder, scale)
    console.print(f"[green]✓[/] the sample database: {shown(database)}")
    with server(folder, catalog, database) as url, prelo.Client(url) as client:
        console.print(f"[green]✓[/] prelo serve is ready at {url}")
        wide = make(client, "line-items", "xlsx", folder / "line-items.xlsx")
        grouped = make(client, "sales-by-nation", "pdf", folder / "sales-by-nation.pdf")
        again = make(client, "line-items", "xlsx", folder / "line-items-2.xlsx")
        problem = fail(client)
    promise(wide.manifest.rows == LINE_ITEMS[scale], "the workbook has every line item")
    check(wide, grouped, again)
    console.print()
    console.print(table([wide, grouped, again]))
    console.print()
    console.print(
        f"[green]✓[/] Asked again, the same file came at once: {again.seconds:.2f} s, "
        f"not {wide.seconds:.2f} s.\n  Job {again.job.id}, made once."
    )
    console.print(told(problem))
    console.print(f"[bold green]All as promised[/] in {time.perf_counter() - began:.1f} s.")


def prepared(folder: Path) -> Path:
    """A clean folder (the sample database stays), and the example catalog with one broken report."""
    for leftover in ("data", "reports"):
        shutil.rmtree(folder / leftover, ignore_errors=True)
    catalog = folder / "reports"
    shutil.copytree(HERE / "reports", catalog, ignore=shutil.ignore_patterns("__pycache__"))
    (catalog / "broken.yaml").write_text(BROKEN, encoding="utf-8")
    return catalog


@contextmanager
def server(folder: Path, catalog: Path, database: Path) -> Generator[str]:
    """`prelo serve` on a free port; drained in the end, as an operator would by SIGTERM."""
    log = folder / "serve.log"
    command = [sys.executable, "-m", "prelo", "serve", "--json", "--port", "0"]
    places = ["--data", str(folder / "data"), "--catalog", str(catalog)]
    settings = {"PRELO_CONNECTION_DEFAULT": f"sqlite:///{database.resolve()}"}
    with log.open("wb") as events:
        serving = subprocess.Popen(
            [*command, *places],
            stdout=subprocess.PIPE,
            stderr=events,
            env={**os.environ, **settings},
        )
        try:
            ready = serving.stdout.readline() if serving.stdout else b""
            promise(bool(ready), f"prelo serve starts; see {log}")
            yield json.loads(ready)["url"]
            serving.send_signal(signal.SIGTERM)
            promise(serving.wait(30) == 0, "the server drains and ends well")
        finally:
            serving.kill()
            serving.wait()


def make(client: prelo.Client, report: str, form: Literal["xlsx", "pdf"], path: Path) -> Made:
    """Ask for a report, follow it with a live bar, and save its file."""
    began = time.perf_counter()
    with bar() as progress:
        task = progress.add_task(path.name, total=None, said="asked")

        def heard(job: JobView) -> None:
            said = [f"{job.progress.rows:,} rows"] if job.progress.rows else [str(job.phase)]
            said += [f"{job.progress.pages:,} pages"] if job.progress.pages else []
            rows, expected = job.progress.rows, job.progress.rows_expected
            progress.update(task, said=" · ".join(said), completed=rows, total=expected)

        file = client.report(report, format=form, on_progress=heard)
        seconds = time.perf_counter() - began
        file.save(path)
        progress.update(task, total=1, completed=1, said=size(path))
    return Made(report, path, file.job, client.manifest(file.job.id), seconds)


def bar() -> Progress:
    return Progress(
        SpinnerColumn(finished_text="[green]✓"),
        TextColumn("{task.description:<24}"),
        BarColumn(bar_width=24),
        TextColumn("[cyan]{task.fields[said]}"),
        TimeElapsedColumn(),
        console=console,
    )


def fail(client: prelo.Client) -> prelo.JobFailed:
    """A report that cannot work must say so, once, and not be tried again."""
    try:
        client.report("broken", format="xlsx")
    except prelo.JobFailed as problem:
        return problem
    raise SystemExit("The broken report was made all the same.")


def told(problem: prelo.JobFailed) -> Panel:
    """The problem as a caller gets it: stable words for programs, a sentence for people."""
    reason = problem.reason
    if reason is None or reason.retryable:
        raise SystemExit("Not as promised: a report that fails for good says so.")
    facts = f"type {reason.type}, attempt {reason.attempt}, not tried again\njob {problem.job_id}"
    return Panel(
        f"{reason.detail}\n\n[dim]{facts}", title=reason.title, border_style="red", width=80
    )


def check(wide: Made, grouped: Made, again: Made) -> None:
    """What this demo promises."""
    promise((grouped.manifest.pages or 0) > 1, "the PDF has pages")
    promise(again.job.id == wide.job.id, "the same request has the same job")
    promise(again.job.finished_at == wide.job.finished_at, "it was made once")
    promise(again.path.read_bytes() == wide.path.read_bytes(), "the same file came again")


def promise(kept: bool, what: str) -> None:  # noqa: FBT001
    if not kept:
        raise SystemExit(f"Not as promised: {what}.")


def table(made: list[Made]) -> Table:
    made_table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False)
    made_table.add_column("File", style="green", no_wrap=True)
    for name in ("Rows", "Pages", "Waited", "Made in", "Size", "Memory"):
        made_table.add_column(name, justify="right", no_wrap=True)
    for one in made:
        made_table.add_row(
            shown(one.path),
            f"{one.manifest.rows:,}",
            f"{one.manifest.pages:,}" if one.manifest.pages else "-",
            f"{one.seconds:.2f} s",
            f"{one.manifest.seconds or 0:.2f} s",
            size(one.path),
            f"{(one.manifest.peak_memory_bytes or 0) / 1e6:.0f} MB",
        )
    return made_table


def size(path: Path) -> str:
    count = path.stat().st_size
    return f"{count / 1e6:.1f} MB" if count >= 1e6 else f"{count / 1e3:.0f} kB"


def shown(path: Path) -> str:
    path = path.resolve()
    return str(path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path)


if __name__ == "__main__":
    main(Path(sys.argv[1] if sys.argv[1:] else "demo"), float((sys.argv[2:] or ["0.1"])[0]))
