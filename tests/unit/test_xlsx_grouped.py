"""Grouped rows as XML, whatever the keys, the frames and the ends of sheets."""

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from itertools import groupby
from typing import Any
from xml.etree import ElementTree as ET

import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from prelo.core.table import Column, Kind
from prelo.formats.stream import Field
from prelo.formats.xlsx.groups import Grouped, Grouping
from prelo.formats.xlsx.rows import RowStyles

Key = tuple[str, ...]


def field(name: str, kind: str, **column: Any) -> Field:
    return Field(name, Column(title=name.title(), kind=Kind.parse(kind), **column))


def shown(values: pl.Series, _field: Field) -> pl.Series:
    return values.cast(pl.String).fill_null("")


def grouped(fields: tuple[Field, ...], groups: tuple[Field, ...], **grouping: Any) -> Grouped:
    styles = RowStyles(
        data=tuple(' s="1"' for _ in fields),
        total=tuple(' s="2"' for _ in fields),
        headings=tuple(tuple(f' s="{10 + level}"' for _ in fields) for level in range(len(groups))),
        subtotals=tuple(tuple(f' s="{20 + level}"' for _ in fields) for level in range(len(groups))),
    )  # fmt: skip
    return Grouped(fields, Grouping(groups, shown, **grouping), styles, [10.0] * len(fields))


@dataclass(frozen=True)
class Row:
    number: int
    attributes: dict[str, str]
    cells: dict[str, tuple[str | None, str | None]]
    """By letter, the value and the formula of each cell that has one."""

    @property
    def level(self) -> int:
        return int(self.attributes.get("outlineLevel", 0))


def parsed(xml: bytes) -> list[Row]:
    rows: list[Row] = []
    for row in ET.fromstring(b"<d>" + xml + b"</d>"):  # noqa: S314  our own
        number = int(row.attrib.pop("r"))
        cells: dict[str, tuple[str | None, str | None]] = {}
        for cell in row:
            letter = cell.attrib["r"].rstrip("0123456789")
            assert cell.attrib["r"] == f"{letter}{number}"
            value = cell.findtext("v") or cell.findtext("is/t")
            if value is not None:
                cells[letter] = (value, cell.findtext("f"))
        rows.append(Row(number, row.attrib, cells))
    return rows


@dataclass(frozen=True)
class Limits:
    """The rows in a frame, on a sheet, and of data on a sheet."""

    frame: int
    room: int
    most: int


EASY = Limits(1000, 10_000, 10_000)
FIRST = 3


def sheets(writer: Grouped, data: pl.DataFrame, limits: Limits) -> Iterator[list[Row]]:
    """As a workbook does it: until a sheet takes no more rows of data, then the next."""
    xml, row, count = b"", FIRST, 0
    for frame in data.iter_slices(limits.frame):
        left = frame
        while left.height:
            room = FIRST + limits.room - row
            written = writer.write(left, row, room, limits.most - count)
            assert written.used <= room
            xml, row, count = xml + b"".join(written.xml), row + written.used, count + written.taken
            left = left[written.taken :]
            if left.height:
                assert count, "a sheet without data"
                yield parsed(xml)
                writer.turn(FIRST)
                xml, row, count = b"", FIRST, 0
    ended = writer.end(row)
    assert row + ended.used <= FIRST + limits.room
    yield parsed(xml + b"".join(ended.xml))


LEVELS = 3
NAMES = ("region", "city", "street")
GROUPS = tuple(field(name, "text", hidden=True) for name in NAMES)
FIELDS = (
    field("id", "integer"),
    field("amount", "decimal(2)", total="sum"),
    field("weight", "number", total="mean"),
    field("low", "integer", total="min"),
    field("note", "text", total="count"),
)
keys = st.lists(st.tuples(*[st.sampled_from(["a", "b", "c"])] * LEVELS), min_size=1, max_size=60)
limits = st.builds(Limits, st.integers(1, 25), st.integers(3 * LEVELS + 1, 40), st.integers(1, 30))


def table(sorted_keys: list[Key]) -> pl.DataFrame:
    count = range(len(sorted_keys))
    return pl.DataFrame(
        {
            "id": [*count],
            "amount": pl.Series([Decimal(i * 7919 % 1000) / 100 for i in count], dtype=pl.Decimal(20, 2)),
            "weight": [None if i % 5 == 0 else i * 0.25 for i in count],
            "low": [i * 31 % 17 - 8 for i in count],
            "note": [None if i % 3 else "n" for i in count],
            **{name: [key[n] for key in sorted_keys] for n, name in enumerate(NAMES)},
        }
    )  # fmt: skip


def is_data(row: Row) -> bool:
    return row.level == LEVELS


def label(row: Row) -> str:
    return row.cells["A"][0] or ""


@settings(deadline=None, max_examples=80)
@given(keys, limits)
def test_the_rows_of_data_are_the_data_and_every_group_has_its_subtotal(
    unsorted: list[Key], limit: Limits
):
    data = table(sorted(unsorted))
    pages = list(sheets(grouped(FIELDS, GROUPS), data, limit))
    for page in pages:
        assert [row.number for row in page] == list(range(FIRST, FIRST + len(page)))
        assert sum(map(is_data, page)) <= limit.most
    rows = [row for page in pages for row in page]
    assert [int(label(row)) for row in rows if is_data(row)] == data["id"].to_list()
    for level in range(LEVELS):
        by = list(NAMES[: level + 1])
        want = data.group_by(by, maintain_order=True).agg(
            pl.sum("amount"), pl.mean("weight"), pl.min("low"), pl.count("note")
        )
        got = [row for row in rows if row.level == level and label(row).startswith("Total ")]
        assert [label(row) for row in got] == [f"Total {v}" for v in want[NAMES[level]]]
        assert [Decimal(row.cells["B"][0] or "") for row in got] == want["amount"].to_list()
        means = [float(row.cells["C"][0] or "") if "C" in row.cells else None for row in got]
        assert means == want["weight"].to_list()
        assert [int(row.cells["D"][0] or "") for row in got] == want["low"].to_list()
        assert [int(row.cells["E"][0] or "") for row in got] == want["note"].to_list()


@settings(deadline=None, max_examples=80)
@given(keys, limits, st.sampled_from([FIELDS, FIELDS[:1]]))
def test_every_row_of_data_stands_under_the_headings_of_its_groups(
    unsorted: list[Key], limit: Limits, fields: tuple[Field, ...]
):
    data = table(sorted(unsorted))
    begun: set[Key] = set()
    for page in sheets(grouped(fields, GROUPS), data, limit):
        under: list[str] = []
        for row in page:
            if is_data(row):
                key = data.select(NAMES).row(int(label(row)))
                assert tuple(under) == key
                begun |= {key[: n + 1] for n in range(LEVELS)}
            elif label(row).startswith("Total "):
                del under[row.level :]
            else:
                title, _, rest = label(row).partition(": ")
                assert title == NAMES[row.level].title()
                value, _, again = rest.partition(" ")
                under[row.level :] = [value]
                assert (tuple(under) in begun) == (again == "(continued)")


@settings(deadline=None, max_examples=80)
@given(keys, limits)
def test_a_formula_is_over_the_rows_of_its_group_and_only_where_all_are_on_its_sheet(
    unsorted: list[Key], limit: Limits
):
    data = table(sorted(unsorted))
    pages = list(sheets(grouped(FIELDS, GROUPS), data, limit))
    sheet_of = {int(label(row)): n for n, page in enumerate(pages) for row in page if is_data(row)}
    for level in range(LEVELS):
        owned = [
            [i for i, _ in its]
            for _, its in groupby(enumerate(data.select(NAMES[: level + 1]).rows()), lambda r: r[1])
        ]
        subtotals = [
            (n, row)
            for n, page in enumerate(pages)
            for row in page
            if row.level == level and label(row).startswith("Total ")
        ]
        for ids, (page, row) in zip(owned, subtotals, strict=True):
            formula = row.cells["B"][1]
            here = {sheet_of[i] for i in ids} == {page}
            assert bool(formula) == here
            if here:
                first, last = (formula or "")[len("SUBTOTAL(9,") : -1].split(":")
                inside = [r for r in pages[page] if int(first[1:]) <= r.number <= int(last[1:])]
                assert [int(label(r)) for r in inside if is_data(r)] == ids
                assert is_data(inside[0])
                assert is_data(inside[-1])


@settings(deadline=None, max_examples=60)
@given(keys, st.integers(1, 25))
def test_folded_sheets_show_the_outermost_groups_and_mark_the_row_below_each_fold(
    unsorted: list[Key], frame: int
):
    for fields in (FIELDS, FIELDS[:1]):
        writer = grouped(fields, GROUPS, folded=True)
        (page,) = sheets(writer, table(sorted(unsorted)), Limits(frame, 10_000, 10_000))
        assert all((row.attributes.get("hidden") == "1") == (row.level > 0) for row in page)
        levels = [0, *(row.level for row in page)]
        folds = [before > row.level for before, row in zip(levels, page, strict=False)]
        assert [row.attributes.get("collapsed") == "1" for row in page] == folds
        assert folds[-1]


G = (field("g", "text"),)


def only_page(
    fields: tuple[Field, ...], data: pl.DataFrame, frame: int = 2, **more: Any
) -> list[Row]:
    (page,) = sheets(grouped(fields, G, **more), data, Limits(frame, 10_000, 10_000))
    return page


def totals(page: list[Row], letter: str) -> list[str | None]:
    found = [row for row in page if any(formula for _, formula in row.cells.values())]
    return [row.cells.get(letter, (None, None))[0] for row in found]


def test_sums_are_exact_whatever_frames_they_come_in():
    fields = (
        field("g", "text"),
        field("d", "decimal(10)", total="sum"),
        field("i", "integer", total="sum"),
    )
    data = pl.DataFrame(
        {
            "g": ["a"] * 5,
            "d": pl.Series([Decimal("99999999999999999999.0000000001")] * 5, dtype=pl.Decimal(38, 10)),
            "i": [10**15 - 1] * 5,
        }
    )  # fmt: skip
    page = only_page(fields, data)
    assert totals(page, "B") == ["499999999999999999995.0000000005"]
    assert totals(page, "C") == ["4999999999999995"]


def test_what_is_no_number_in_the_file_is_no_part_of_a_subtotal():
    fields = (
        field("g", "text"),
        field("f", "number", total="mean"),
        field("n", "number", total="count"),
        field("i", "integer", total="max"),
        field("d", "date", total="min"),
        field("e", "number", total="max"),
    )
    nan, inf = float("nan"), float("inf")
    data = pl.DataFrame(
        {
            "g": ["a", "a", "a", "a"],
            "f": [nan, 1.0, inf, 2.0],
            "n": [nan, 1.0, None, 2.0],
            "i": [10**15, 5, -(10**16), 7],
            "d": ["0001-01-01", "2026-01-02", "2026-01-01", None],
            "e": [nan, None, inf, -inf],
        }
    ).with_columns(pl.col("d").str.to_date())
    for frame in (1, 2, 4):
        page = only_page(fields, data, frame)
        found = [totals(page, letter) for letter in "BCDEF"]
        assert found == [["1.5"], ["2"], ["7"], ["46023"], [None]]


def test_a_sum_past_the_floats_is_the_error_that_a_spreadsheet_shows():
    data = pl.DataFrame({"g": ["a", "a", "b"], "f": [1e308, 1e308, 1.0]})
    fields = (field("g", "text"), field("f", "number", total="sum"))
    xml = b"".join(grouped(fields, G).write(data, 1, 100).xml).decode()
    assert '<c r="B4" s="20" t="e"><f>SUBTOTAL(9,B2:B3)</f><v>#NUM!</v></c>' in xml
    page = only_page(fields, data)
    assert totals(page, "B") == ["#NUM!", "1.0"]


def test_the_first_column_counts_no_headings():
    data = pl.DataFrame({"t": ["x", "y", None], "g": ["a", "a", "b"]})
    fields = (field("t", "text", total="count"),)
    page = only_page(fields, data)
    assert [row.cells["A"] for row in page if row.level == 0] == [
        ("G: a", None), ("2", None), ("G: b", None), ("0", None),
    ]  # fmt: skip
    assert all(formula is None for row in page for _, formula in row.cells.values())


def test_texts_of_groups_are_never_markup_and_fit_a_cell():
    names = ["<b>&", "_x0041_\b", "a\nb", "", "x" * 40_000]
    data = pl.DataFrame({"i": range(5), "g": names})
    writer = grouped((field("i", "integer", total="sum"), field("j", "text")), G)
    data = data.with_columns(j=pl.lit("j"))
    xml = b"".join(writer.write(data, 1, 100).xml).decode()
    assert "G: &lt;b&gt;&amp;<" in xml
    assert "G: _x005F_x0041__x0008_<" in xml
    assert "G: a b<" in xml
    assert "G: \N{EN DASH}<" in xml
    page = parsed(xml.encode())
    assert max(len(label(row)) for row in page) == 32_767
    assert [(w.column, w.type, w.count) for w in writer.warnings()] == [("g", "text-cut", 1)]


def test_nothing_is_a_group_of_its_own_and_nan_is_one():
    data = pl.DataFrame({"v": range(6), "g": [None, None, 1.0, float("nan"), float("nan"), None]})
    groups = (field("g", "number"),)
    fields = (field("v", "integer"),)
    (page,) = sheets(grouped(fields, groups), data, Limits(1, 100, 100))
    assert [label(row) for row in page if row.level == 0] == [
        "G: \N{EN DASH}",
        "G: 1.0",
        "G: NaN",
        "G: \N{EN DASH}",
    ]


def test_a_deeper_outline_than_excel_has_is_as_deep_as_it_can_be():
    names = [f"g{n}" for n in range(9)]
    data = pl.DataFrame({"v": [1], **{name: ["x"] for name in names}})
    groups = tuple(field(name, "text") for name in names)
    (page,) = sheets(grouped((field("v", "integer"),), groups), data, Limits(1, 100, 100))
    assert [row.level for row in page] == [0, 1, 2, 3, 4, 5, 6, 7, 7, 7]


def test_words_are_those_of_the_language():
    data = pl.DataFrame({"v": [1, 2, 3], "t": ["x"] * 3, "g": ["a"] * 3})
    fields = (field("t", "text"), field("v", "integer", total="sum"))
    first, second = sheets(grouped(fields, G, locale="de-DE"), data, Limits(10, 100, 2))
    assert [label(row) for row in first] == ["G: a", "x", "x"]
    assert [label(row) for row in second] == ["G: a (Fortsetzung)", "x", "Summe a"]


def test_a_group_that_ends_with_the_rows_of_a_sheet_has_its_subtotal_there():
    data = pl.DataFrame({"t": ["x"] * 4, "v": [1, 2, 3, 4], "g": ["a", "a", "b", "b"]})
    fields = (field("t", "text"), field("v", "integer", total="sum"))
    first, second = sheets(grouped(fields, G), data, Limits(4, 100, 2))
    assert [label(row) for row in first] == ["G: a", "x", "x", "Total a"]
    assert [label(row) for row in second] == ["G: b", "x", "x", "Total b"]
