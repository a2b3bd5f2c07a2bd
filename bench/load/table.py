"""What the load has shown, as Markdown."""

import statistics
from collections.abc import Callable, Sequence
from typing import Any

MB = 1_000_000
_ASKED = {"big_seconds": 10, "small_ms": 500}


_INTRODUCTION = (
    "Made by `make bench-service`; compare the ratios, not the seconds. Callers, the programs, PostgreSQL, "
    "RabbitMQ, Redis and Ceph's S3 share one machine. A small report reads 50 rows from PostgreSQL and "
    "becomes a workbook in a bucket. The program beside Prelo is what people write themselves: FastAPI, "
    "Celery with late acknowledgements, psycopg pools, XlsxWriter, boto3 (`bench/load/baseline.py`). It "
    "loses and doubles reports where Prelo does not."
)


def markdown(found: dict[str, Any]) -> str:
    out = [
        "# What the service takes",
        "",
        _INTRODUCTION,
        "",
        f"Python {found['python']}, {found['machine']}, {found['cores']} cores.",
        "",
    ]
    if "load" in found:
        out += _load(found["load"])
    if "sizes" in found:
        out += _sizes(found["sizes"])
    if "big" in found:
        out += _big(found["big"])
    if "memory" in found:
        out += _memory(found["memory"])
    if "callers" in found:
        out += _callers(found["callers"])
    return "\n".join(out) + "\n"


def _load(load: dict[str, list[dict[str, Any]]]) -> list[str]:
    def median(name: str, pick: Callable[[dict[str, Any]], float]) -> float:
        return statistics.median(map(pick, load[name]))

    def row(title: str, pick: Callable[[dict[str, Any]], float], *, more: bool, asked: str) -> str:
        ours, theirs = median("Prelo", pick), median("Celery", pick)
        ratio = ours / theirs if more else theirs / ours
        return f"| {title} | {ours:,.1f} | {theirs:,.1f} | {ratio:.2f} | {asked} |"

    out = [
        f"## Small reports, 16 callers, medians of {len(load['Prelo'])} turns",
        "",
        "| | Prelo | Celery | Prelo is better | asked |",
        "| --- | --: | --: | --: | --: |",
        row("reports a second, end to end", lambda t: t["rate"], more=True, asked="1.5"),
    ]
    for part, when in (("submit_ms", "at full load"), ("steady_ms", "at 70 % of its own rate")):
        for cut in ("p50", "p95", "p99"):
            asked = "2" if cut == "p50" else ""
            title = f"submit, {cut}, {when}, ms"
            out.append(row(title, lambda t, p=part, c=cut: t[p][c], more=False, asked=asked))
    out += ["", "CPU milliseconds a report, by kind of process: " + "; ".join(_cpu(load)) + ".", ""]
    return out


def _cpu(load: dict[str, list[dict[str, Any]]]) -> list[str]:
    return [
        f"{name} "
        + ", ".join(
            f"{kind} {statistics.median(t['cpu_ms'][kind] for t in turns):.1f}"
            for kind in turns[0]["cpu_ms"]
        )
        for name, turns in load.items()
    ]


def _sizes(sizes: dict[str, dict[str, list[float]]]) -> list[str]:
    turns = min(len(rates["Prelo"]) for rates in sizes.values())
    out = [
        "## Reports of more rows",
        "",
        f"Reports a second, asked for by 16 callers at once; medians of {turns} turns.",
        "",
        "| rows | Prelo | Celery | Prelo is better |",
        "| --: | --: | --: | --: |",
    ]
    for rows, rates in sizes.items():
        ours, theirs = (statistics.median(rates[name]) for name in ("Prelo", "Celery"))
        out.append(f"| {int(rows):,} | {ours:,.1f} | {theirs:,.1f} | {ours / theirs:.1f} |")
    return [*out, ""]


def _big(turns: Sequence[dict[str, Any]]) -> list[str]:
    seconds = statistics.median(turn["seconds"] for turn in turns)
    p95 = statistics.median(turn["small_ms"]["p95"] for turn in turns)
    said = (
        "A million rows of 16 columns from PostgreSQL to a workbook on S3: "
        f"{seconds:.1f} s from the request to the end (asked: under {_ASKED['big_seconds']}). Small reports "
        f"that were asked for meanwhile, five a second, took {p95:.0f} ms at p95 (asked: under "
        f"{_ASKED['small_ms']}). Medians of {len(turns)} turns."
    )
    return ["## A big report beside small ones", "", said, ""]


def _memory(memory: dict[str, dict[str, int]]) -> list[str]:
    out = [
        "## Memory",
        "",
        "Resident, with children, after 500 reports and after 5,000 (asked: within 5 %).",
        "",
        "| process | after 500, MB | after 5,000, MB | more |",
        "| --- | --: | --: | --: |",
    ]
    for name, of in memory.items():
        more = of["last"] / of["first"] - 1
        out.append(f"| {name} | {of['first'] / MB:.0f} | {of['last'] / MB:.0f} | {more:+.1%} |")
    return [*out, ""]


def _callers(callers: dict[str, dict[str, float]]) -> list[str]:
    out = [
        "## Knowing who asks",
        "",
        "One caller, twenty asks a second: p95 with a key, quotas, audit, and without (asked: 1.3 times).",
        "",
        "| | without, ms | with, ms | times |",
        "| --- | --: | --: | --: |",
    ]
    for name, of in callers.items():
        times = of["with"] / of["without"]
        out.append(f"| `{name}` | {of['without']:.1f} | {of['with']:.1f} | {times:.2f} |")
    return [*out, ""]
