"""`make bench`: the writers and the service against their peers, in one run; a table and a JSON file.

    python -m bench [--quick] [--json FILE]

Every contestant runs in a process of its own, one after the other; Prelo's runs three times (median),
before and after its peer, since times on a shared machine are noisy. Compare ratios, not seconds.
"""

import argparse
import json
import platform
import statistics
import subprocess
import sys
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from bench import service
from bench.data import lineitem

CONSOLE = Console(width=110)


@dataclass(frozen=True)
class Duel:
    """A contestant of ours against a peer, and what the ratio of rows per second must be."""

    title: str
    ours: str
    peer: str
    rows: int
    peer_rows: int
    target: float
    memory_mb: float


DUELS = [
    Duel(
        "XLSX, 16 columns",
        "prelo xlsx",
        "xlsxwriter constant_memory",
        1_000_000,
        1_000_000,
        18,
        400,
    ),
    Duel("PDF, 9 columns", "prelo pdf", "reportlab canvas by hand", 100_000, 100_000, 12, 350),
    Duel("PDF, 9 columns", "prelo pdf", "reportlab LongTable", 100_000, 20_000, 100, 350),
]


def run(name: str, rows: int) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as folder:
        done = subprocess.run(
            [sys.executable, "-m", "bench.contestants", name, str(rows), f"{folder}/out"],
            check=True,
            capture_output=True,
            text=True,
        )
    return json.loads(done.stdout)


def fight(duel: Duel, scale: float) -> dict[str, Any]:
    rows, peer_rows = int(duel.rows * scale), int(duel.peer_rows * scale)
    ours = [run(duel.ours, rows)]
    peer = run(duel.peer, peer_rows)
    ours += [run(duel.ours, rows), run(duel.ours, rows)]
    median = sorted(ours, key=lambda r: r["seconds"])[1]
    ratio = (rows / median["seconds"]) / (peer_rows / peer["seconds"])
    return {
        **asdict(duel),
        "rows": rows,
        "peer_rows": peer_rows,
        "ours_runs": ours,
        "ours_median": median,
        "peer_run": peer,
        "ratio": ratio,
        "kept": ratio >= duel.target and median["peak_mb"] < duel.memory_mb,
    }


def show(results: list[dict[str, Any]]) -> None:
    table = Table(title="Writers", show_lines=False)
    for name in ("what", "rows", "seconds", "rows/s", "peak MB", "MB", "ratio", "target", ""):
        table.add_column(name, justify="left" if name == "what" else "right")
    for r in results:
        ours, peer = r["ours_median"], r["peer_run"]
        _row(table, f"{r['title']}: {r['ours']}", r["rows"], ours)
        _row(
            table,
            f"  {r['peer']}",
            r["peer_rows"],
            peer,
            f"{r['ratio']:.1f} x",
            f"{r['target']:g} x, {r['memory_mb']:g} MB",
            "kept" if r["kept"] else "MISSED",
        )
    CONSOLE.print(table)


def _row(table: Table, what: str, rows: int, run: dict[str, Any], *rest: str) -> None:
    table.add_row(
        what,
        f"{rows:,}",
        f"{run['seconds']:.2f}",
        f"{rows / run['seconds']:,.0f}",
        f"{run['peak_mb']:.0f}",
        f"{run['bytes'] / 1e6:.1f}",
        *rest,
    )


def main() -> None:
    parser = argparse.ArgumentParser(prog="bench", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a tenth of the rows")
    parser.add_argument("--json", type=Path, default=Path("bench/results.json"))
    options = parser.parse_args()
    lineitem()
    results = [fight(duel, 0.1 if options.quick else 1) for duel in DUELS]
    show(results)
    latency = service.latencies(100)
    median = statistics.median(latency) * 1000
    p95 = statistics.quantiles(latency, n=20)[-1] * 1000
    kept = "kept" if median < service.TARGET_MS else "MISSED"
    CONSOLE.print(
        f"Small job (10 rows, XLSX) through the whole service, POST to finished with wait, warm press: "
        f"median {median:.1f} ms, 95 % {p95:.1f} ms (target {service.TARGET_MS} ms: {kept})"
    )
    options.json.write_text(
        json.dumps(
            {
                "python": platform.python_version(),
                "machine": platform.machine(),
                "writers": results,
                "small_job_ms": {"median": median, "p95": p95, "all": [s * 1000 for s in latency]},
            },
            indent=1,
        )
    )
    CONSOLE.print(f"written to {options.json}")


if __name__ == "__main__":
    main()
