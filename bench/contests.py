"""Who runs against whom, how often, and what is asked of Prelo. All of a contest is measured in one run."""

from collections.abc import Callable
from dataclasses import dataclass
from statistics import median
from typing import Any

from bench.data import FIVE_SHEETS, LINEITEM, OTHERS, Shape
from bench.run import run
from bench.typesetters import missing

TIMES = 5


@dataclass(frozen=True)
class Entry:
    """A contestant: what part of the rows it writes, and how often. Who would take minutes writes fewer, as
    peers take as long for each row, however many there are. `target`: how many times faster Prelo must be.
    """

    name: str
    part: float = 1
    times: int = TIMES
    target: float = 1
    cores: int = 1


@dataclass(frozen=True)
class Contest:
    title: str
    shape: Shape
    rows: int
    entries: tuple[Entry, ...]
    ours: str = "prelo"
    memory_mb: float = 350


_SLOW = (
    Entry("pyexcelerate", 0.02, 1),
    Entry("openpyxl", 0.02, 1),
    Entry("polars", 0.02, 1),
)
_PEERS = (
    Entry("prelo"),
    Entry("xlsxturbo", 0.2),
    Entry("duckdb", 0.2),
    Entry("xlsxwriter", 0.02, 3),
    *_SLOW,
)
WORKBOOKS = (
    Contest(
        f"{LINEITEM.title}, one core",
        LINEITEM,
        LINEITEM.rows,
        (
            Entry("prelo"),
            Entry("xlsxturbo", target=4),
            Entry("duckdb", target=4),
            Entry("xlsxwriter", 0.1, 3, target=25),
            *_SLOW,
        ),
    ),
    Contest(
        f"{LINEITEM.title}, a second core for deflate",
        LINEITEM,
        LINEITEM.rows,
        (Entry("prelo", cores=2), Entry("xlsxwriter", 0.1, 3, target=35)),
    ),
    *(Contest(f"{s.rows:,} rows of {s.title}, one core", s, s.rows, _PEERS) for s in OTHERS),
)
PDFS = (
    Contest(
        "PDF: 9 columns, one core",
        LINEITEM,
        100_000,
        (
            Entry("prelo pdf"),
            Entry("reportlab canvas", times=2, target=20),
            Entry("wkhtmltopdf", 0.2, 2, target=50),
            Entry("typst", 0.2, 2, target=50),
            Entry("reportlab LongTable", 0.2, 1, target=150),
            Entry("weasyprint", 0.02, 1, target=800),
        ),
        ours="prelo pdf",
    ),
)


def fight(contest: Contest, scale: float, told: Callable[[str], None]) -> dict[str, Any]:
    """Medians of each contestant's runs. They take turns, as the machine is not always equally fast.

    Who lacks a program is left out, and the contest says so.
    """
    entries = [entry for entry in contest.entries if not missing(entry.name)]
    left_out = {e.name: missing(e.name) for e in contest.entries if e not in entries}
    runs: dict[str, list[dict[str, Any]]] = {entry.name: [] for entry in entries}
    shape = contest.shape.key
    for turn in range(TIMES if scale == 1 else 1):
        for entry in entries:
            if turn < entry.times:
                told(f"{contest.title}: {entry.name}, {turn + 1} of {entry.times}")
                rows = _rows(contest, entry, scale)
                done = run(entry.name, shape, rows, cores=entry.cores, check=turn == 0)
                runs[entry.name].append(done)
    results = [_result(e, _rows(contest, e, scale), runs[e.name]) for e in entries]
    _judge(contest, results)
    return {
        "title": contest.title,
        "rows": contest.rows,
        "results": results,
        "left_out": left_out,
    }


def _rows(contest: Contest, entry: Entry, scale: float) -> int:
    return max(1000, int(contest.rows * entry.part * scale))


def _result(entry: Entry, rows: int, runs: list[dict[str, Any]]) -> dict[str, Any]:
    seconds = median(r["seconds"] for r in runs)
    return {
        "name": entry.name,
        "rows": rows,
        "cores": entry.cores,
        "target": entry.target,
        "seconds": seconds,
        "cpu": median(r["cpu"] for r in runs),
        "rows_per_second": rows / seconds,
        "peak_mb": max(r["peak_mb"] for r in runs),
        "bytes": runs[0]["bytes"],
        "runs": runs,
    }


def _judge(contest: Contest, results: list[dict[str, Any]]) -> None:
    ours = next(r for r in results if r["name"] == contest.ours)
    for result in results:
        if result is ours:
            result["kept"] = ours["peak_mb"] < contest.memory_mb
        else:
            result["times_faster"] = ours["rows_per_second"] / result["rows_per_second"]
            result["kept"] = result["times_faster"] >= result["target"]


def memory(scale: float, told: Callable[[str], None]) -> dict[str, Any]:
    """Peak memory at a million rows and at five, which must be within a tenth."""
    peaks: list[tuple[int, float]] = []
    for rows in (LINEITEM.rows, FIVE_SHEETS.rows):
        told(f"memory at {rows:,} rows")
        peaks.append((rows, run("prelo", FIVE_SHEETS.key, int(rows * scale))["peak_mb"]))
    (_, small), (_, large) = peaks
    return {"peak_mb": peaks, "growth": large / small - 1, "kept": large <= small * 1.1}
