"""The sheets that a workbook will have: those of the data, their summaries, and the one about it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from typing import Any, cast

import polars as pl

from prelo.core.errors import FormatFailed, SourceInvalid
from prelo.core.table import Layout, Stamp
from prelo.formats.running import marks_of
from prelo.formats.stream import Field, Stream, flat, open_stream
from prelo.formats.summary import Summing
from prelo.formats.words import words_of
from prelo.formats.xlsx.about import about_layout
from prelo.formats.xlsx.drawing import SheetSpec, filtered, headed
from prelo.formats.xlsx.looks import fit, header_lines, label_width
from prelo.formats.xlsx.names import Names, sheet_name
from prelo.formats.xlsx.shown import shown
from prelo.formats.xlsx.summary import summary_layout

_PORTRAIT = 130  # characters that an upright page still shows in a legible size
_PIXELS = 7  # in the width of a character
_SPARKLINE_WIDTH = 18.0
_MOST_COLUMNS = 16_384


@dataclass(slots=True)
class Plan:
    """One table of the workbook. `open` gives its rows when its turn has come: those of a summary are
    known when the data has gone by. `own`: it is data, and no summary of it.
    """

    spec: SheetSpec
    widths: list[float]
    open: Callable[[], Stream]
    summings: tuple[Summing, ...] = ()
    own: bool = True


def plan(data: object, layout: Layout, names: Names) -> list[Plan]:
    """What the workbook will hold. Raises what open_stream raises, and FormatFailed for what cannot be."""
    plans: list[Plan] = []
    for name, table, its in _tables(data, layout):
        lines = [its.xlsx.header or "", its.xlsx.footer or ""]
        # Only what the pages say, so that the frame of a report is the same for every job.
        update: dict[str, Any] = {"stamp": Stamp(marks=marks_of(its, lines))}
        if name:
            update["xlsx"] = its.xlsx.model_copy(update={"sheet": name})
        chosen = its.model_copy(update=update)
        plans += _with_summaries(table, chosen, names)
    return plans


def about_plan(layout: Layout, names: Names, rows: Callable[[], pl.DataFrame]) -> Plan:
    """The sheet about the workbook, whose `rows` are known last."""
    its = about_layout(layout)
    empty = pl.DataFrame(schema={"fact": pl.String, "value": pl.String})
    stream = open_stream(empty, its)
    made = _plan(stream, its, names, lambda: open_stream(rows(), its))
    made.own = False
    return made


def _tables(data: object, layout: Layout) -> list[tuple[str | None, object, Layout]]:
    """The tables with their names and layouts: the first is the report's own."""
    if not isinstance(data, Mapping):
        if layout.sheets:
            raise SourceInvalid(
                f"there is no data for the sheet '{min(layout.sheets)}'; give a dict of tables by the "
                "names of their sheets"
            )
        return [(None, data, layout)]
    tables = cast("Mapping[str, Any]", data)
    if missing := [name for name in layout.sheets if name not in tables]:
        raise SourceInvalid(
            f"there is no data for the sheet '{missing[0]}'; there is some for {', '.join(tables)}"
        )
    if not tables:
        raise SourceInvalid(
            "the data is an empty dict; give at least one table by its sheet's name"
        )
    if wrong := [name for name in cast("Mapping[Any, Any]", data) if not isinstance(name, str)]:
        raise SourceInvalid(f"a sheet is named by a text, and {wrong[0]!r} is none")
    out: list[tuple[str | None, object, Layout]] = []
    for name, table in tables.items():
        _refuse_column(table)
        usual = Layout() if out else layout
        its = layout.sheets.get(name, usual)
        update: dict[str, Any] = {
            "locale": layout.locale, "timezone": layout.timezone, "stamp": layout.stamp,
        }  # fmt: skip
        update |= {"author": its.author or layout.author, "sheets": {}}
        out.append((name or None, table, its.model_copy(update=update)))
    return out


def _refuse_column(table: Any) -> None:
    """A dict of columns looks much like a dict of tables."""
    first: Any = next(iter(table), None) if isinstance(table, list | tuple) else None
    scalar = isinstance(first, str | int | float | date | Decimal)
    if scalar or type(table).__name__ == "Series":
        raise SourceInvalid(
            "a dict holds several sheets, each a table by its name; a dict of columns becomes a table by "
            "polars.DataFrame(data)"
        )


def _with_summaries(data: object, layout: Layout, names: Names) -> list[Plan]:
    shown = layout if headed(layout) else flat(layout)
    keep = [n for summary in layout.xlsx.summaries for n in (*summary.by, *summary.values)]
    stream = open_stream(data, shown, keep)
    if not stream.fields:
        raise FormatFailed("every column is hidden; a sheet needs at least one to show")
    for name in ("table", "charts") if headed(layout) else ():
        if getattr(layout.xlsx, name):
            raise FormatFailed(
                f"the option '{name}' is for rows without headings of groups, whose subtotals would stand "
                "among them; choose groups: flat, or a chart over a summary"
            )
    summings = tuple(Summing(summary, stream) for summary in layout.xlsx.summaries)
    first = _plan(stream, shown, names, lambda: stream)
    first.summings = summings
    return [first, *(_summary_plan(summing, layout, names) for summing in summings)]


def _summary_plan(summing: Summing, around: Layout, names: Names) -> Plan:
    its = summary_layout(summing, around)
    stream = open_stream(summing.result(), its)
    made = _plan(stream, its, names, lambda: open_stream(summing.result(), its))
    made.own = False
    return made


def _plan(stream: Stream, layout: Layout, names: Names, opened: Callable[[], Stream]) -> Plan:
    fields = stream.fields
    if len(fields) > _MOST_COLUMNS:
        raise FormatFailed(
            f"the data has {len(fields):,} columns, and a sheet has room for {_MOST_COLUMNS:,}"
        )
    wanted = sheet_name(layout)
    name = names.take(wanted) if layout.xlsx.sheet else names.free(wanted)
    widths = fitted(stream, layout)
    lines = header_lines(fields, widths[: len(fields)], filtered=filtered(layout))
    charts = max((chart.width for chart in layout.xlsx.charts), default=0)
    wide = sum(widths) + charts / _PIXELS > _PORTRAIT
    groups: tuple[Field, ...] = ()
    if headed(layout):
        groups = tuple(stream.field(group) for group in layout.group_by)
    given = layout.xlsx.landscape
    spec = SheetSpec(
        name=name, layout=layout, fields=fields, groups=groups, lines=lines,
        landscape=wide if given is None else given,
    )  # fmt: skip
    return Plan(spec, widths, opened)


def fitted(stream: Stream, layout: Layout) -> list[float]:
    """The widths of a sheet's columns, by the first rows, with those of its sparklines."""
    widths = fit(stream.fields, stream.first, layout.locale, filtered=filtered(layout))
    first = stream.fields[0].column
    if headed(layout) and not first.total and first.width is None:
        widths[0] = max(widths[0], _subtotal_width(stream, layout))
    return widths + [_SPARKLINE_WIDTH] * len(layout.xlsx.sparklines)


def _subtotal_width(stream: Stream, layout: Layout) -> float:
    """What the longest of the first rows' groups needs in the label of its subtotal."""
    if not any(field.column.total for field in stream.fields):
        return 0
    words = words_of(layout.locale).total_of
    named = [
        shown(stream.first[name], stream.field(name), layout.locale) for name in layout.group_by
    ]
    longest = [text for group in named for text in group.top_k_by(group.str.len_chars(), 1)]
    return max((label_width(words.format(group=text)) for text in longest), default=0)


def named(spec: SheetSpec, name: str) -> SheetSpec:
    """The same sheet under another name: more rows of the same table."""
    return replace(spec, name=name)
