"""Rows as XML: where they end, and what hears of their texts and links."""

import re

import polars as pl

from prelo.core.table import Column, Kind
from prelo.formats.stream import Field
from prelo.formats.xlsx.groups import Grouped, Grouping
from prelo.formats.xlsx.rows import Rows, RowStyles


def field(name: str, kind: str, **column: object) -> Field:
    return Field(name, Column(title=name, kind=Kind.parse(kind), **column))


class Table:
    """Texts as numbers of a table: "a" is 0; a column with a "?" stays inline."""

    def indices(self, column: object, values: pl.Series) -> pl.Expr | None:  # noqa: ARG002
        if (values == "?").any():
            return None
        return pl.lit(values.str.to_integer(base=36) - 10)


class Heard:
    def __init__(self) -> None:
        self.calls: list[tuple[str, list[int], list[str]]] = []

    def add(self, letter: str, rows: pl.Series, values: pl.Series) -> int:
        assert rows.dtype == pl.Int64
        self.calls.append((letter, rows.to_list(), values.to_list()))
        return 1


def test_texts_may_stand_in_a_table_and_links_hear_of_their_rows():
    fields = (field("t", "text"), field("u", "link"), field("g", "text"))
    data = pl.DataFrame({"t": ["a", None, "c"], "u": ["?", "?", "b"], "g": ["a", "a", "b"]})
    styles = (' s="1"', "", ' s="3"', ' s="4"')
    plain = Rows(fields, styles, [10.0] * 3, letters=("B", "C", "D", "F"), strings=Table())
    levels = RowStyles(styles, styles, (styles,), (styles,))
    grouping = Grouping(fields[2:], lambda values, _: values)
    under = Grouped(fields, grouping, levels, [10.0] * 3, ("B", "C", "D", "F"), Table())
    for writer, rows in ((plain, [5, 6, 7]), (under, [6, 7, 9])):
        writer.links = Heard()
        xml = b"".join(writer.write(data, 5, 100).xml).decode()
        assert f'<c r="B{rows[0]}" s="1" t="s"><v>0</v></c><c r="C{rows[0]}" t="inlineStr">' in xml
        assert f'<c r="B{rows[1]}" s="1"/>' in xml
        assert xml.count('" s="4"/></row>') == xml.count("<row")
        assert writer.links.calls == [("C", rows, ["?", "?", "b"])]
        assert [(w.column, w.type, w.count) for w in writer.warnings()] == [("u", "link-left", 1)]


def test_plain_rows_end_where_the_sheet_does():
    data = pl.DataFrame({"v": range(10)})
    writer = Rows((field("v", "integer", total="sum"),), ("",), [10.0])
    pages: list[list[str]] = []
    while data.height:
        written = writer.write(data, 5, 3, 10)
        assert written.taken == written.used == min(data.height, 3)
        pages.append(re.findall(r'<c r="A(\d+)"><v>(\d+)</v>', b"".join(written.xml).decode()))
        data = data[written.taken :]
    assert pages[1] == [("5", "3"), ("6", "4"), ("7", "5")]
    assert [len(page) for page in pages] == [3, 3, 3, 1]
    assert writer.write(pl.DataFrame({"v": [1]}), 5, 3, 0) == ([], 0, 0)
    assert writer.end(6) == ((), 0, 0)
    assert writer.totals[0].cached() == "45"
    writer.restart()
    assert writer.totals[0].cached() == "0"
