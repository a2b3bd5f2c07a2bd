"""What was measured, as Markdown and as a drawing."""

from typing import Any
from xml.sax.saxutils import escape

from bench import contestants, pdf, typesetters

TITLES = {**contestants.TITLES, **pdf.TITLES, **typesetters.TITLES}
_BAR, _GAP, _LEFT, _WIDE, _TOP = 20, 9, 260, 380, 58
_FONT = 'font-family="sans-serif" font-size="13"'
_OURS, _PEERS, _INK = "#1F3A5F", "#B8C2CF", "#24292F"

_INTRODUCTION = (
    "Made by `make bench`; compare the ratios, not the seconds. Every run is a process of its own; those of "
    "a table take turns. Seconds are medians, from Parquet to the closed file; where they are far above the "
    "CPU's, something else was running. Peers that would take minutes "
    "write fewer rows, as the table says. Each contestant's first file was read back: a workbook by calamine "
    "(the number of rows, and every cell of the first and the last), a PDF by pypdf (the first and the last "
    "page with their rows, titles and page numbers, and the embedded font). Peak memory is that of a process "
    "or of its child, whichever took more."
)
_STEPS = {
    "xlsx": (
        "Lineitem on one core and one thread, CPU seconds. `kernels` make the XML; `rest` brings the data to "
        "its kinds and draws the frame. The limit is ISA-L's deflate, level 1, of the same XML, nothing else."
    ),
    "pdf": (
        "Lineitem as a PDF, 9 columns, the same way. `layout` measures, breaks and places the texts of whole "
        "columns; `pages` cuts them into pages; `rest` brings the data to its kinds and draws the frame."
    ),
}


def markdown(found: dict[str, Any]) -> str:
    out = [
        "# What the writers take",
        "",
        _INTRODUCTION,
        "",
        f"Python {found['python']}, {found['machine']}, {found['cores']} cores; {found['versions']}.",
        "",
        "![Rows of a workbook a second](chart.svg)",
        "",
        "![Rows of a PDF a second](pdf.svg)",
        "",
        *contests(found),
    ]
    out += _memory(found["memory"])
    out += _shares("xlsx", found["shares_xlsx"]) + _shares("pdf", found["shares_pdf"])
    out += _small(found["small"]) + _service(found["service"])
    return "\n".join(out) + "\n"


def contests(found: dict[str, Any]) -> list[str]:
    out: list[str] = []
    for contest in found["contests"]:
        out += contest_table(contest)
    return out + (_variants(found["variants"]) if "variants" in found else [])


def contest_table(contest: dict[str, Any]) -> list[str]:
    out = [
        f"## {contest['title']}",
        "",
        "| | rows | runs | seconds | CPU | rows/s | peak MB | file MB | Prelo is faster | asked |",
        "| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | --- |",
    ]
    for r in contest["results"]:
        ours = "times_faster" not in r
        title = f"**{TITLES[r['name']]}**" if ours else TITLES[r["name"]]
        ratio = "" if ours else f"{r['times_faster']:.1f} times"
        asked = ("memory" if ours else f"{r['target']:g} times") + f": {_said(r)}"
        out.append(
            f"| {title} | {r['rows']:,} | {len(r['runs'])} | {r['seconds']:.2f} | {r['cpu']:.2f} | "
            f"{r['rows_per_second']:,.0f} | {r['peak_mb']:.0f} | {r['bytes'] / 1e6:.1f} | {ratio} | {asked} |"
        )
    out.append("")
    for name, what in contest["left_out"].items():
        out += [f"{TITLES[name]} was left out: {what} is not installed.", ""]
    return out


def _variants(found: dict[str, Any]) -> list[str]:
    out = [
        f"## {found['title']}",
        "",
        "They take turns; speeds are compared within a turn, and the median of these ratios counts.",
        "",
        "| | rows | runs | seconds | rows/s | peak MB | file MB | speed | asked | memory | asked |",
        "| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | --- | ---: | --- |",
    ]
    first = found["results"][0]
    for r in found["results"]:
        speed = memory = fast = ""
        if r is not first:
            speed, memory = f"{r['share']:.0%}", f"{r['growth']:+.0%}"
            fast = f"{r['least']:.0%}: {_word(r['fast'])}"
        small = ("+10 % at most, " if r["flat"] else "") + f"below 400 MB: {_word(r['small'])}"
        out.append(
            f"| {r['title']} | {r['rows']:,} | {len(r['runs'])} | {r['seconds']:.2f} | "
            f"{r['rows_per_second']:,.0f} | {r['peak_mb']:.0f} | {r['bytes'] / 1e6:.1f} | {speed} | {fast} | "
            f"{memory} | {small} |"
        )
    out.append("")
    for title, why in found["failed"].items():
        out += [f"**Missed**: {title}. {why}", ""]
    return out


def _said(result: dict[str, Any]) -> str:
    return _word(result["kept"])


def _word(kept: bool) -> str:  # noqa: FBT001  it is what is said
    return "kept" if kept else "**missed**"


def _memory(found: dict[str, Any]) -> list[str]:
    small, large = found["peak_mb"]
    return [
        "## Memory",
        "",
        (
            f"Peak {small[1]:.0f} MB at {small[0]:,} rows, {large[1]:.0f} MB at {large[0]:,} (five sheets): "
            f"{found['growth']:+.0%}; at most +10 % asked: {_said(found)}."
        ),
        "",
    ]


def _shares(form: str, found: dict[str, float]) -> list[str]:
    total = sum(found.values())
    parts = sorted(found.items(), key=lambda item: -item[1])
    limit = total / found["deflate"]
    said = f"**{limit:.1f} times the limit** (at most 3 asked)" if form == "xlsx" else "**100%**"
    return [
        f"## Where the time goes: {form.upper()}",
        "",
        _STEPS[form],
        "",
        "| | seconds | share |",
        "| --- | ---: | ---: |",
        *(f"| {name} | {seconds:.2f} | {seconds / total:.0%} |" for name, seconds in parts),
        f"| **all** | {total:.2f} | {said} |",
        "",
    ]


def _small(found: dict[str, dict[str, float]]) -> list[str]:
    plain, chart = found["plain"], found["chart"]
    return [
        "## 50 rows",
        "",
        "In one warm process, median milliseconds.",
        "",
        "| | 50 rows | with a chart |",
        "| --- | ---: | ---: |",
        *(
            f"| {name} | {plain[name]:.1f} | {f'{chart[name]:.1f}' if name in chart else ''} |"
            for name in plain
        ),
        "",
    ]


def _service(found: dict[str, float]) -> list[str]:
    return [
        "## A small job through the whole service",
        "",
        (
            f"10 rows, POST to finished, warm press: median {found['median']:.1f} ms, 95 % "
            f"{found['p95']:.1f} ms (asked: {found['target']:.0f} ms)."
        ),
    ]


def svg(contest: dict[str, Any]) -> str:
    """Rows a second as bars, the longest first."""
    results = sorted(contest["results"], key=lambda r: -r["rows_per_second"])
    most = results[0]["rows_per_second"]
    height = _TOP + len(results) * (_BAR + _GAP) + 8
    out = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 760 {height}" fill="{_INK}" {_FONT}>',
        f'<rect width="760" height="{height}" fill="#fff"/>',
        f'<text x="16" y="24" font-size="16" font-weight="bold">{escape(contest["title"])}</text>',
        '<text x="16" y="43" fill="#57606A">thousand rows a second; longer is faster</text>',
    ]
    for i, r in enumerate(results):
        y = _TOP + i * (_BAR + _GAP)
        speed = f"{r['rows_per_second'] / 1000:,.{0 if r['rows_per_second'] > 9500 else 1}f}"
        length = max(2.0, r["rows_per_second"] / most * _WIDE)
        fill = _PEERS if "times_faster" in r else _OURS
        ratio = f" ({r['times_faster']:.1f} times slower)" if "times_faster" in r else ""
        out += [
            f'<text x="{_LEFT - 8}" y="{y + 15}" text-anchor="end">{escape(TITLES[r["name"]])}</text>',
            f'<rect x="{_LEFT}" y="{y}" width="{length:.1f}" height="{_BAR}" rx="3" fill="{fill}"/>',
            f'<text x="{_LEFT + length + 7:.1f}" y="{y + 15}">{speed}{ratio}</text>',
        ]
    return "\n".join([*out, "</svg>", ""])
