"""What the fault tests did, as a table: each ledger check left a line, each test becomes a row.

TESTS_FAULTS=lines.jsonl … pytest …
python -m tests.faults.table lines.jsonl docs/faults.md
"""

import json
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

_HEAD = """# What was done to Prelo, and what it did

Written by `make faults`, from the ledger check with which each test ends: real processes, and real
servers where one is named. A row is a test, its plants and variants added up. *Faults*: how often the
fault was injected; with a `+` at least so often: a run that did not count has seen it. *Rendered*:
attempts that were begun, more than one for a job whose worker was lost. *Twice*: requests with more than
one end, which must be 0. *Refused*: what a worker wanted to write too late, or again, and might not.
*Seconds*: of all runs of the test.

| Fault | Faults | Accepted | Finished | Rendered | Twice | Refused | Seconds |
| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |
"""
_SUMS = ("faults", "accepted", "finished", "rendered", "twice", "refused", "seconds")


def table(lines: Iterable[str]) -> str:
    """The page, in Markdown. Of a test that was run again the last run counts."""
    last = {line["test"]: line for line in map(json.loads, lines)}
    rows: dict[str, list[dict[str, Any]]] = {}
    for test in sorted(last):
        rows.setdefault(test.partition("[")[0], []).append(last[test])
    return _HEAD + "".join(_row(test, runs) for test, runs in rows.items())


def _row(test: str, runs: list[dict[str, Any]]) -> str:
    sums = {name: sum(run[name] or 0 for run in runs) for name in _SUMS}
    uncounted = sum(run["faults"] is None for run in runs)
    cells = {name: f"{number:,.0f}" for name, number in sums.items()}
    if uncounted:
        cells["faults"] = f"{sums['faults'] + uncounted:,}+"
    sentence = test.rpartition("::")[2].removeprefix("test_").replace("_", " ").capitalize()
    return f"| {sentence} | " + " | ".join(cells[name] for name in _SUMS) + " |\n"


if __name__ == "__main__":
    page = table(Path(sys.argv[1]).read_text().splitlines())
    Path(sys.argv[2]).write_text(page)
    print(page)
