"""Several sheets: of data, of summaries, about the file; and rows that are split over files."""

import io
import itertools
import zipfile
from decimal import Decimal
from typing import Any

import openpyxl
import polars as pl
import pytest
import python_calamine as calamine
from hypothesis import given, settings
from hypothesis import strategies as st
from openpyxl.workbook import Workbook

from prelo import write_xlsx
from prelo.core.errors import FormatFailed, RowLimit, SourceInvalid
from prelo.core.table import Completeness, Manifest

SALES = pl.DataFrame(
    {
        "region": ["North", "South", "North", None],
        "amount": [Decimal("10.10"), Decimal("20.20"), Decimal("0.30"), Decimal("5.00")],
        "units": [1, 2, 3, None],
    }
)
COSTS = pl.DataFrame({"item": ["rent"], "cost": [7.5]})


def book(data: Any, **options: Any) -> tuple[Workbook, Manifest]:
    out = bytearray()
    manifest = write_xlsx(data, out, **options)
    return openpyxl.load_workbook(io.BytesIO(out)), manifest


def values(made: Workbook, sheet: str) -> list[tuple[Any, ...]]:
    return list(made[sheet].iter_rows(values_only=True))


def test_each_table_of_a_dict_is_a_sheet_with_a_layout_of_its_own():
    made, manifest = book(
        {"Sales": SALES, "Costs": COSTS},
        columns={"amount": {"total": "sum"}},
        sheets={
            "Costs": {"title": "What it cost", "columns": {"cost": "money:EUR"}, "zebra": True}
        },
    )
    assert made.sheetnames == ["Sales", "Costs"]
    assert values(made, "Sales")[-1] == ("Total", "=SUBTOTAL(109,B2:B5)", None)
    assert values(made, "Costs")[0] == ("What it cost", None)
    assert "€" in made["Costs"]["B4"].number_format
    assert [(sheet.name, sheet.rows) for sheet in manifest.sheets] == [("Sales", 4), ("Costs", 1)]
    assert manifest.rows == 5


def test_a_sheet_without_data_is_refused_and_so_are_two_of_one_name():
    with pytest.raises(
        SourceInvalid, match="no data for the sheet 'Costs'; there is some for Sales"
    ):
        book({"Sales": SALES}, sheets={"Costs": {}})
    with pytest.raises(SourceInvalid, match="no data for the sheet 'Costs'"):
        book(SALES, sheets={"Costs": {}})
    with pytest.raises(FormatFailed, match="two sheets would be named 'SALES'"):
        book({"Sales": SALES, "SALES": COSTS})
    with pytest.raises(SourceInvalid, match="empty dict"):
        book({})


def test_a_wrong_value_says_which_sheet_it_was_on_in_the_manifest():
    _, manifest = book({"A": COSTS, "B": pl.DataFrame({"x": [float("nan")]})})
    assert [(w.column, w.count) for w in manifest.warnings] == [("B!x", 1)]


def test_a_summary_adds_up_each_group_exactly():
    made, manifest = book(
        SALES,
        summaries=[{"by": "region", "values": {"amount": ["sum", "mean"], "units": "count"}}],
    )
    assert values(made, "Summary") == [
        ("region", "amount (sum)", "amount (mean)", "units (count)"),
        ("North", 10.4, 5.2, 2),
        ("South", 20.2, 20.2, 1),
        (None, 5, 5, 0),
        ("Total", "=SUBTOTAL(109,B2:B4)", None, "=SUBTOTAL(109,D2:D4)"),
    ]
    assert manifest.rows == 4
    assert [sheet.name for sheet in manifest.sheets] == ["Report", "Summary"]


def test_a_summary_keeps_the_largest_and_counts_rows_where_no_value_is_asked_for():
    top = {"by": "region", "values": {"units": "max"}, "sort": "value", "top": 1, "sheet": "Best"}
    made, _ = book(SALES, summaries=[top, {"by": ["region"], "sort": "data", "title": "How many"}])
    assert values(made, "Best") == [("region", "units (highest)"), ("North", 3)]
    assert values(made, "Summary")[2:] == [
        ("region", "Rows"),
        ("North", 2),
        ("South", 1),
        (None, 1),
        ("Total", "=SUBTOTAL(109,B4:B6)"),
    ]


def test_a_summary_may_use_hidden_columns_and_says_what_it_cannot_add():
    made, _ = book(
        SALES,
        columns={"region": {"hidden": True}},
        summaries=[{"by": "region", "values": {"amount": "sum"}}],
    )
    assert values(made, "Report")[0] == ("amount", "units")
    assert values(made, "Summary")[1][0] == "North"
    with pytest.raises(FormatFailed, match="sum of the column 'region', which is a text"):
        book(SALES, summaries=[{"by": "units", "values": {"region": "sum"}}])


@settings(max_examples=25, deadline=None)
@given(
    rows=st.lists(
        st.tuples(st.sampled_from("abc"), st.none() | st.integers(-(10**6), 10**6)), max_size=40
    ),
    cuts=st.lists(st.integers(0, 40), max_size=3),
)
def test_a_summary_is_the_same_however_the_rows_arrive(
    rows: list[tuple[str, int | None]], cuts: list[int]
):
    data = pl.DataFrame(rows, schema={"k": pl.String, "v": pl.Int64}, orient="row")
    edges = sorted({0, data.height, *(cut for cut in cuts if cut < data.height)})
    parts = [data[a:b] for a, b in itertools.pairwise(edges)] or [data]
    made, _ = book(iter(parts), summaries=[{"by": "k", "values": {"v": ["sum", "min", "count"]}}])
    wanted = data.group_by("k").agg(
        pl.col("v").sum().alias("s"), pl.col("v").min().alias("m"), pl.col("v").count().alias("c")
    )
    assert values(made, "Summary")[1 : 1 + wanted.height] == wanted.sort("k").rows()


def test_the_sheet_about_the_file_says_what_was_asked_and_what_was_changed():
    made, _ = book(
        pl.DataFrame({"x": [1.5, float("inf")]}),
        title="Values", facts={"Region": "North"}, about={"Owner": "Finance"}, info=True,
        locale="de-DE",
    )  # fmt: skip
    told = dict(row for row in values(made, "Info")[3:])
    assert (told["Region"], told["Owner"]) == ("North", "Finance")
    assert "Finance" not in str(values(made, "Values"))
    assert (told["Zeilen"], told["Zustand"]) == ("2", "vollständig")
    assert told["Geänderte Werte"] == "x (1): NaN and infinity are written as empty cells"


def test_facts_stand_under_the_title():
    made, _ = book(COSTS, title="Costs", facts={"Region": "North & South", "Year": "2026"})
    sheet = made["Costs"]
    assert [sheet.cell(row, 1).value for row in range(1, 6)] == [
        "Costs", "Region:  North & South", "Year:  2026", None, "item",
    ]  # fmt: skip


def zipped(data: Any, **options: Any) -> tuple[dict[str, bytes], Manifest]:
    out = bytearray()
    manifest = write_xlsx(data, out, overflow="split_files", **options)
    with zipfile.ZipFile(io.BytesIO(out)) as package:
        assert package.testzip() is None
        return {name: package.read(name) for name in package.namelist()}, manifest


def test_rows_are_split_over_files_that_each_add_up_their_own():
    data = pl.DataFrame({"n": range(25), "s": ["x"] * 25, "secret": [0] * 25})
    files, manifest = zipped(
        data, title="All: of it", rows_per_sheet=10,
        columns={"n": {"total": "sum"}, "secret": {"hidden": True}},
    )  # fmt: skip
    assert list(files) == ["All  of it 1.xlsx", "All  of it 2.xlsx", "All  of it 3.xlsx"]
    assert (manifest.rows, manifest.completeness) == (25, Completeness.SPLIT)
    assert [sheet.rows for sheet in manifest.sheets] == [10, 10, 5]
    numbers: list[Any] = []
    for content in files.values():
        rows = calamine.CalamineWorkbook.from_filelike(io.BytesIO(content)).get_sheet_by_index(0)
        table = rows.to_python()
        assert table[2] == ["n", "s"]
        found: list[Any] = [row[0] for row in table[3:-1]]
        assert table[-1][0] == sum(found)
        numbers += found
    assert numbers == list(range(25))


def test_a_hidden_column_that_a_summary_needs_is_hidden_in_every_file():
    data = pl.DataFrame({"n": [1, 2, 3], "team": ["a", "a", "b"]})
    files, _ = zipped(
        data, rows_per_sheet=2, columns={"team": {"hidden": True}}, summaries=[{"by": "team"}]
    )
    for content in files.values():
        made = openpyxl.load_workbook(io.BytesIO(content))
        assert values(made, "Report")[0] == ("n",)
        assert values(made, "Summary")[0] == ("team", "Rows")


def test_rows_that_fit_one_file_are_still_a_zip_as_its_name_says():
    files, manifest = zipped(COSTS)
    assert list(files) == ["Report 1.xlsx"]
    assert manifest.completeness is Completeness.COMPLETE


def test_a_sheet_ends_where_the_caller_says():
    made, manifest = book(pl.DataFrame({"n": range(5)}), rows_per_sheet=2, sheet="N")
    assert made.sheetnames == ["N", "N (2)", "N (3)"]
    assert [row for name in made.sheetnames for (row,) in values(made, name)[1:]] == [0, 1, 2, 3, 4]
    assert manifest.completeness is Completeness.SPLIT


def test_the_addresses_of_all_sheets_have_one_bound(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("prelo.formats.xlsx.table._MOST_LINK_BYTES", 60)
    data = pl.DataFrame({"web": [f"https://a.example/{i:02}" for i in range(4)]})  # 20 bytes each
    made, manifest = book(data, columns={"web": "link"}, rows_per_sheet=2)
    linked = [
        cell.hyperlink is not None for sheet in made for (cell,) in sheet.iter_rows(min_row=2)
    ]
    assert linked == [True, True, True, False]
    assert [(w.type, w.count) for w in manifest.warnings] == [("link-left", 1)]


def test_a_thousand_sheets_are_the_most():
    with pytest.raises(RowLimit, match="more than 1,000 sheets; raise rows_per_sheet"):
        book(pl.DataFrame({"n": range(1001)}), rows_per_sheet=1)


def test_split_sheets_take_no_name_that_another_sheet_has():
    data = {"N": pl.DataFrame({"n": [1, 2]}), "N (2)": pl.DataFrame({"n": [3]})}
    made, _ = book(data, rows_per_sheet=1)
    assert made.sheetnames == ["N", "N (3)", "N (2)"]


def test_equal_input_makes_equal_bytes():
    def once() -> bytes:
        out = bytearray()
        write_xlsx(
            {"Sales": SALES, "Costs": COSTS}, out, info=True, rows_per_sheet=2, facts={"a": "b"},
            summaries=[{"by": "region"}],
        )  # fmt: skip
        return bytes(out)

    assert once() == once()
