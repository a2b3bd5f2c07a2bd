"""`make bench`: the writers and the service against their peers, in one run.

    python -m bench [--quick] [--only TEXT] [--json FILE] [--docs FOLDER]

Compare ratios, not seconds: a shared machine is not always equally fast.
"""

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.markdown import Markdown

from bench import service, tables, variants
from bench.contests import PDFS, WORKBOOKS, fight, memory
from bench.data import LINEITEM

CONSOLE = Console(width=150)
VENDORS = (
    "polars",
    "isal",
    "xlsxturbo",
    "duckdb",
    "xlsxwriter",
    "pyexcelerate",
    "openpyxl",
    "reportlab",
    "typst",
    "weasyprint",
)


def main() -> None:
    parser = argparse.ArgumentParser(prog="bench", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a tenth of the rows, once")
    parser.add_argument(
        "--only", default="", help="contests whose title has this text; the rest of DOCS stays"
    )
    parser.add_argument("--json", type=Path, default=Path("bench/results.json"))
    parser.add_argument(
        "--docs", type=Path, help="write README.md, results.json and chart.svg there"
    )
    options = parser.parse_args()
    scale = 0.1 if options.quick else 1.0
    chosen = [c for c in (*WORKBOOKS, *PDFS) if options.only in c.title]
    found: dict[str, Any] = {}
    with CONSOLE.status("") as status:
        found["contests"] = [fight(contest, scale, status.update) for contest in chosen]
        if options.only in variants.TITLE:
            found["variants"] = variants.compare(scale, status.update)
        if not options.only:
            found = {**_machine(), **found, **_rest(scale, status.update)}
    if options.only:
        CONSOLE.print(Markdown("\n".join(tables.contests(found))))
        if not options.docs:
            return
        found = _among(found, json.loads((options.docs / "results.json").read_text()))
    text = tables.markdown(found)
    CONSOLE.print(Markdown(text))
    written = json.dumps(found, indent=1) + "\n"
    options.json.write_text(written)
    if options.docs:
        options.docs.mkdir(parents=True, exist_ok=True)
        (options.docs / "README.md").write_text(text)
        (options.docs / "results.json").write_text(written)
        for name, contest in (("chart", WORKBOOKS[0]), ("pdf", PDFS[0])):
            drawn = next(c for c in found["contests"] if c["title"] == contest.title)
            (options.docs / f"{name}.svg").write_text(tables.svg(drawn))


def _among(found: dict[str, Any], before: dict[str, Any]) -> dict[str, Any]:
    """The results of a whole run, with those of this one in place of theirs."""
    new = {contest["title"]: contest for contest in found["contests"]}
    contests = [new.get(contest["title"], contest) for contest in before["contests"]]
    return {**before, **found, "contests": contests}


def _machine() -> dict[str, Any]:
    return {
        "python": platform.python_version(),
        "machine": platform.machine(),
        "cores": os.cpu_count(),
        "versions": ", ".join(f"{name} {version(name)}" for name in VENDORS),
    }


def _rest(scale: float, told: Any) -> dict[str, Any]:
    found: dict[str, Any] = {}
    found["memory"] = memory(scale, told)
    told("where the time goes")
    for form in ("xlsx", "pdf"):
        found[f"shares_{form}"] = _child("bench.shares", form, int(LINEITEM.rows * scale))
    told("50 rows")
    found["small"] = _child("bench.small", int(200 * scale))
    told("the service")
    times = [seconds * 1000 for seconds in service.latencies(100)]
    p95 = statistics.quantiles(times, n=20)[-1]
    found["service"] = {"median": statistics.median(times), "p95": p95, "target": service.TARGET_MS}
    return found


def _child(module: str, *args: object) -> dict[str, Any]:
    done = subprocess.run(
        [sys.executable, "-m", module, *map(str, args)],
        check=True,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "POLARS_MAX_THREADS": "1"},
    )
    return json.loads(done.stdout)


if __name__ == "__main__":
    main()
