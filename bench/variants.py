"""Prelo's PDF against itself, all in one run: a million rows, rows that wrap, texts in Arabic.

They take turns, and speeds are compared within a turn: the machine is not equally fast from one minute to
the next, by more than what is to be seen here.
"""

from collections.abc import Callable
from dataclasses import dataclass
from statistics import median
from typing import Any

from bench.data import ARABIC, LINEITEM, WRAPPING, Shape
from bench.run import run

TITLE = "PDF: more rows and other rows, one core"
MOST_MB, MOST_GROWTH = 400, 0.1
TURNS = 9


@dataclass(frozen=True)
class Variant:
    """`least`: the share of the first one's rows a second that is asked. `flat`: so is its memory."""

    title: str
    shape: Shape
    rows: int
    least: float
    flat: bool = False


VARIANTS = (
    Variant("lineitem, 9 columns", LINEITEM, 100_000, 1),
    Variant("a million rows", LINEITEM, 1_000_000, 1, flat=True),
    Variant(WRAPPING.title, WRAPPING, 100_000, 1 / 3),
    Variant(ARABIC.title, ARABIC, 100_000, 1 / 2),
)


def compare(scale: float, told: Callable[[str], None]) -> dict[str, Any]:
    """Medians of the turns. One that cannot be written (a font is missing) says why."""
    runs: dict[str, list[dict[str, Any]]] = {variant.title: [] for variant in VARIANTS}
    failed: dict[str, str] = {}
    for turn in range(TURNS if scale == 1 else 1):
        for variant in VARIANTS:
            if variant.title not in failed:
                told(f"{TITLE}: {variant.title}, {turn + 1} of {TURNS}")
                rows = int(variant.rows * scale)
                try:
                    done = run("prelo pdf", variant.shape.key, rows, check=turn == 0)
                except RuntimeError as error:
                    failed[variant.title] = str(error).splitlines()[-1]
                else:
                    runs[variant.title].append(done)
    results = [_result(v, int(v.rows * scale), runs[v.title]) for v in VARIANTS if runs[v.title]]
    _judge(results)
    return {"title": TITLE, "results": results, "failed": failed}


def _result(variant: Variant, rows: int, runs: list[dict[str, Any]]) -> dict[str, Any]:
    seconds = median(r["seconds"] for r in runs)
    return {
        "title": variant.title,
        "rows": rows,
        "least": variant.least,
        "flat": variant.flat,
        "seconds": seconds,
        "cpu": median(r["cpu"] for r in runs),
        "rows_per_second": rows / seconds,
        "peak_mb": max(r["peak_mb"] for r in runs),
        "bytes": runs[0]["bytes"],
        "runs": runs,
    }


def _judge(results: list[dict[str, Any]]) -> None:
    first = results[0]
    for result in results:
        turns = zip(first["runs"], result["runs"], strict=True)
        ratios = [a["seconds"] / first["rows"] / (b["seconds"] / result["rows"]) for a, b in turns]
        result["share"] = median(ratios)
        result["growth"] = result["peak_mb"] / first["peak_mb"] - 1
        result["fast"] = result["share"] >= result["least"]
        result["small"] = result["peak_mb"] < MOST_MB and (
            result["growth"] <= MOST_GROWTH or not result["flat"]
        )
