"""Workbooks read back by openpyxl and calamine: values, types, formats, layout."""

import io
import re
import zipfile
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any
from xml.etree import ElementTree as ET

import openpyxl
import polars as pl
import pytest
import python_calamine as calamine
from openpyxl.worksheet.worksheet import Worksheet

from prelo.core.errors import ColumnMissing, FormatFailed, Permanent, SourceInvalid
from prelo.core.table import Completeness, Layout, Manifest
from prelo.formats.xlsx import Xlsx


def ignore_progress(rows: int, pages: int) -> None:
    """Nobody listens."""


def write(data: object, **layout: Any) -> tuple[bytes, Manifest]:
    out = io.BytesIO()
    manifest = Xlsx().write(data, out, Layout.model_validate(layout), ignore_progress)
    return out.getvalue(), manifest


def opened(file: bytes) -> Worksheet:
    sheet = openpyxl.load_workbook(io.BytesIO(file)).active
    assert isinstance(sheet, Worksheet)
    return sheet


def by_calamine(file: bytes) -> list[list[Any]]:
    return calamine.load_workbook(io.BytesIO(file)).get_sheet_by_index(0).to_python()


def column(sheet: Worksheet, first: int = 2) -> list[Any]:
    return [row[0] for row in sheet.iter_rows(min_row=first, values_only=True)]


KINDS: list[tuple[str, pl.Series, list[Any], str]] = [
    ("integer", pl.Series([1, -2, None, 10**15 - 1]), [1, -2, None, 10**15 - 1], "#,##0"),
    (
        "decimal(3)",
        pl.Series([Decimal("0.001"), Decimal("-5.500"), None]),
        [0.001, -5.5, None],
        "#,##0.000",
    ),
    ("number", pl.Series([0.1, 1e300, 5e-324, -0.5]), [0.1, 1e300, 5e-324, -0.5], "General"),
    ("money:EUR", pl.Series([1.5, None]), [1.5, None], '"€"#,##0.00'),
    ("money:JPY", pl.Series([1500]), [1500], '"¥"#,##0'),
    ("percent", pl.Series([0.25]), [0.25], "0.0%"),
    ("percent(2)", pl.Series([0.25]), [0.25], "0.00%"),
    ("scientific", pl.Series([1234.5]), [1234.5], "0.00E+00"),
    ("boolean", pl.Series([True, False, None]), [True, False, None], '"Yes";"Yes";"No"'),
    (
        "date",
        pl.Series([date(1900, 3, 1), date(2026, 2, 28), date(9999, 12, 31), None]),
        [datetime(1900, 3, 1), datetime(2026, 2, 28), datetime(9999, 12, 31), None],
        "m/d/yyyy",
    ),
    (
        "datetime",
        pl.Series([datetime(2026, 1, 1, 8, 30, 15), datetime(1969, 12, 31, 23, 59, 59)]),
        [datetime(2026, 1, 1, 8, 30, 15), datetime(1969, 12, 31, 23, 59, 59)],
        "m/d/yyyy hh:mm:ss",
    ),
    (
        "time",
        pl.Series([time(8, 30), time(23, 59, 59)]),
        [time(8, 30), time(23, 59, 59)],
        "hh:mm:ss",
    ),
    (
        "duration",
        pl.Series([timedelta(hours=49, minutes=5)]),
        [timedelta(hours=49, minutes=5)],
        "[h]:mm:ss",
    ),
    ("text", pl.Series(["a", None, "ü 山 😀"]), ["a", None, "ü 山 😀"], "General"),
    ("code", pl.Series(["007", "12"]), ["007", "12"], "@"),
    (
        "link",
        pl.Series(["https://example.com/?a=1&b=2"]),
        ["https://example.com/?a=1&b=2"],
        "General",
    ),
]


@pytest.mark.parametrize(
    ("kind", "values", "expected", "form"), KINDS, ids=[kind for kind, *_ in KINDS]
)
def test_every_kind_has_its_type_and_number_format(
    kind: str, values: pl.Series, expected: list[Any], form: str
):
    file, manifest = write(values.alias("v").to_frame(), columns={"v": kind})
    sheet = opened(file)
    assert column(sheet) == expected
    assert sheet["A2"].number_format == form
    assert manifest.rows == len(values)
    assert not manifest.warnings


def test_calamine_reads_the_same_types():
    row = {
        "i": 7, "d": Decimal("1.25"), "b": True, "t": "x", "day": date(2026, 5, 4),
        "at": datetime(2026, 5, 4, 3, 2, 1), "for": timedelta(hours=30),
    }  # fmt: skip
    file, _ = write([row])
    assert by_calamine(file)[1] == [7.0, 1.25, True, "x", *list(row.values())[4:]]


def test_a_decimal_keeps_its_digits_in_the_file():
    value = "12345678901234567.8901"
    file, manifest = write(pl.DataFrame({"v": [Decimal(value), Decimal("100.0000")]}))
    assert f"<v>{value}</v>" in part(file, "xl/worksheets/sheet1.xml")
    assert [(w.column, w.type, w.count) for w in manifest.warnings] == [("v", "long-decimal", 1)]


def test_integers_of_more_than_15_digits_are_text_and_counted():
    values = [1, 10**15, -(10**15), 2**63 - 1, -(2**63), None]
    file, manifest = write(pl.DataFrame({"v": values}))
    assert column(opened(file)) == [1, *(str(v) for v in values[1:-1]), None]
    assert [(w.type, w.count) for w in manifest.warnings] == [("large-integer", 4)]
    file, _ = write(pl.DataFrame({"v": pl.Series([2**64 - 1], dtype=pl.UInt64)}))
    assert column(opened(file)) == ["18446744073709551615"]


def test_nan_and_infinity_are_empty_and_counted():
    values = [1.5, float("nan"), float("inf"), float("-inf"), None, 2.5]
    file, manifest = write(pl.DataFrame({"v": values}), columns={"v": {"total": "sum"}})
    assert column(opened(file))[:6] == [1.5, None, None, None, None, 2.5]
    assert [(w.type, w.count) for w in manifest.warnings] == [("not-a-number", 3)]
    assert by_calamine(file)[-1] == [4.0]


def test_dates_that_excel_does_not_have_are_text_and_counted():
    days = [date(1900, 2, 28), date(1900, 3, 1), date(1, 1, 1)]
    times = [datetime(1899, 12, 31, 23, 59, 59), datetime(1900, 3, 1), None]
    file, manifest = write(pl.DataFrame({"d": days, "t": times}))
    rows = list(opened(file).iter_rows(min_row=2, values_only=True))
    assert [r[0] for r in rows] == ["1900-02-28", datetime(1900, 3, 1), "0001-01-01"]
    assert [r[1] for r in rows] == ["1899-12-31 23:59:59", datetime(1900, 3, 1), None]
    assert [(w.column, w.count) for w in manifest.warnings] == [("d", 2), ("t", 1)]


def test_times_with_a_zone_are_shown_in_the_zone_of_the_report():
    at = pl.Series([datetime(2026, 1, 1, 12)]).dt.replace_time_zone("UTC")
    file, _ = write(pl.DataFrame({"at": at}), timezone="America/Sao_Paulo")
    assert column(opened(file)) == [datetime(2026, 1, 1, 9)]


HARD_TEXTS = [
    "=1+1", "+1", "-1", "@x", " lead", "trail ", "a\nb", "a\tb", "a\rb", "\x08", "\x00\x1f", "",
    "a&b<c>d]]>", '"quoted"', "'", "_x0041_", "_x0041_x0042_", "_x0041\r", "_x005F_", "max_x",
    "_X0041_", "\r\n", "  ", "é山😀",
]  # fmt: skip


def test_text_comes_back_as_it_was_and_is_never_a_formula():
    file, manifest = write(pl.DataFrame({"t": HARD_TEXTS}))
    assert [row[0] for row in by_calamine(file)[1:]] == HARD_TEXTS
    assert all(
        cell.data_type in {"s", "inlineStr"} for (cell,) in opened(file).iter_rows(min_row=2)
    )
    assert "<f>" not in part(file, "xl/worksheets/sheet1.xml")
    assert not manifest.warnings


def test_a_text_longer_than_a_cell_is_cut_by_utf16_units_and_counted():
    texts = ["x" * 32_767, "y" * 40_000, "😀" * 16_384, "山" * 32_767, "&" * 33_000]
    file, manifest = write(pl.DataFrame({"t": texts}))
    read = [row[0] for row in by_calamine(file)[1:]]
    assert read == [texts[0], "y" * 32_767, "😀" * 16_383, texts[3], "&" * 32_767]
    assert [(w.type, w.count) for w in manifest.warnings] == [("text-cut", 3)]


def test_title_header_freeze_filter_and_properties_stand_around_the_rows():
    data = pl.DataFrame({"a": [1, 2], "b": ["x", "y"]})
    titles = {"a": {"title": "Amount <&>"}, "b": {"title": "Name"}}
    file, _ = write(data, title="Q1 & Q2", subtitle="=all", author="Ana", columns=titles)
    book = openpyxl.load_workbook(io.BytesIO(file))
    sheet = book.worksheets[0]
    assert [sheet["A1"].value, sheet["A2"].value, sheet["A3"].value] == ["Q1 & Q2", "=all", None]
    assert [cell.value for cell in sheet[4]] == ["Amount <&>", "Name"]
    assert [cell.value for cell in sheet[5]] == [1, "x"]
    assert sheet.freeze_panes == "A5"
    assert sheet.auto_filter.ref == "A4:B6"
    assert sheet.print_title_rows == "$4:$4"
    assert sheet.page_setup.fitToHeight == 0
    assert (book.properties.title, book.properties.creator) == ("Q1 & Q2", "Ana")
    assert sheet["A4"].alignment.horizontal == "right"
    assert sheet["B4"].alignment.horizontal == "left"
    assert sheet["A4"].font.b
    names = part(file, "xl/workbook.xml")
    assert "$A$4:$B$6" in names
    assert "1048575" not in names


def test_options_of_the_sheet_are_followed():
    options = {
        "freeze_header": False,
        "autofilter": False,
        "zebra": True,
        "landscape": True,
        "sheet": "It's",
    }
    file, manifest = write(pl.DataFrame({"a": [1, 2, 3]}), xlsx=options)
    sheet = opened(file)
    assert sheet.freeze_panes is None
    assert sheet.auto_filter.ref is None
    assert sheet.page_setup.orientation == "landscape"
    assert [str(area.sqref) for area in sheet.conditional_formatting] == ["A2:A4"]
    assert (sheet.title, manifest.sheets[0].name) == ("It's", "It's")


def test_columns_take_width_alignment_wrapping_and_format():
    data = pl.DataFrame({"a": [1.5], "b": ["word " * 30], "c": [1], "gone": [2]})
    columns = {
        "a": {"format": '0.0 "kg"', "width": 30, "align": "center"},
        "b": {"wrap": True, "width": 20},
        "gone": {"hidden": True},
    }
    file, manifest = write(data, columns=columns)
    sheet = opened(file)
    assert sheet["A2"].number_format == '0.0 "kg"'
    assert sheet["A2"].alignment.horizontal == "center"
    assert sheet["B2"].alignment.wrap_text
    assert 30 <= sheet.column_dimensions["A"].width < 31
    assert sheet.row_dimensions[2].height >= 60
    assert sheet.max_column == 3
    assert manifest.columns == ("a", "b", "c")


def test_widths_fit_the_titles_and_the_values_as_they_are_shown():
    data = pl.DataFrame(
        {"short": [1], "amount": [123456789], "text": ["x" * 30], "long": ["y" * 500]}
    )
    file, _ = write(data, columns={"amount": "money:BRL"}, locale="pt-BR")
    width = {key: opened(file).column_dimensions[key].width for key in "ABCD"}
    assert width["A"] < 13
    assert width["B"] > len("R$ 123.456.789,00")
    assert 27 < width["C"] < 36
    assert 50 < width["D"] < 60


def test_totals_are_formulas_with_a_right_cached_value():
    data = pl.DataFrame(
        {
            "label": ["a", "b", None, "d"],
            "sum": [Decimal("0.10"), Decimal("0.20"), None, Decimal("99999999.99")],
            "mean": [1, 2, None, 6],
            "min": [date(2026, 1, 2), date(2026, 1, 1), None, date(2026, 3, 1)],
            "max": [1.5, -2.5, None, 0.0],
            "count": ["x", None, "", "z"],
        }
    )
    columns = {name: {"total": name} for name in data.columns[1:]}
    file, _ = write(data, columns=columns, title="T")
    formulas = [cell.value for cell in opened(file)[8]]
    assert formulas == [
        "Total", "=SUBTOTAL(109,B4:B7)", "=SUBTOTAL(101,C4:C7)", "=SUBTOTAL(105,D4:D7)",
        "=SUBTOTAL(104,E4:E7)", "=SUBTOTAL(103,F4:F7)",
    ]  # fmt: skip
    assert by_calamine(file)[-1] == ["Total", 100000000.29, 3.0, date(2026, 1, 1), 1.5, 3.0]
    assert "<v>100000000.29</v>" in part(file, "xl/worksheets/sheet1.xml")


def test_totals_add_up_over_many_frames():
    n = 25_000
    data = pl.DataFrame({"k": ["x"] * n, "v": range(n), "w": [0.5] * n})
    file, manifest = write(data, columns={"v": {"total": "sum"}, "w": {"total": "mean"}})
    assert by_calamine(file)[-1] == ["Total", n * (n - 1) / 2, 0.5]
    assert manifest.rows == n


def test_a_total_that_its_kind_cannot_have_is_refused_with_a_sentence():
    with pytest.raises(FormatFailed, match="'t' is a text, which has no sum"):
        write(pl.DataFrame({"t": ["x"]}), columns={"t": {"total": "sum"}})
    with pytest.raises(FormatFailed, match="'d' is a date, which has no sum"):
        write(pl.DataFrame({"d": [date(2026, 1, 1)]}), columns={"d": {"total": "sum"}})


@pytest.mark.parametrize(
    "name", ["", "x" * 32, "a/b", "a[b", "'a", "a'", "History", "  ", "a\x00b"]
)
def test_a_sheet_name_that_excel_refuses_is_refused(name: str):
    with pytest.raises(FormatFailed, match="the sheet cannot be named"):
        write(pl.DataFrame({"a": [1]}), xlsx={"sheet": name})


@pytest.mark.parametrize(
    ("title", "name"),
    [
        ("", "Report"),
        ("A/B: [c]", "A B   c"),
        ("x" * 40, "x" * 31),
        ("😀" * 20, "😀" * 15),
        ("'q'", "q"),
    ],
)
def test_a_sheet_is_named_by_the_title_made_fit(title: str, name: str):
    file, manifest = write(pl.DataFrame({"a": [1]}), title=title)
    assert opened(file).title == name == manifest.sheets[0].name


def test_no_rows_still_make_a_workbook_with_its_header():
    file, manifest = write(
        pl.DataFrame(schema={"a": pl.Int64, "b": pl.String}),
        title="T",
        columns={"a": {"total": "sum"}},
    )
    sheet = opened(file)
    assert [cell.value for cell in sheet[3]] == ["a", "b"]
    assert sheet.max_row == 3
    assert (manifest.rows, manifest.completeness) == (0, Completeness.EMPTY)


def test_300_columns_and_rows_of_nulls_come_back():
    data = pl.DataFrame({f"c{i}": [i, None, i * 2] for i in range(300)})
    sheet = opened(write(data)[0])
    rows = list(sheet.iter_rows(min_row=2, values_only=True))
    assert rows == [tuple(range(300)), (None,) * 300, tuple(i * 2 for i in range(300))]


def test_openpyxl_in_its_read_only_mode_sees_every_row():
    file, _ = write(pl.DataFrame({"v": range(12_345)}))
    book = openpyxl.load_workbook(io.BytesIO(file), read_only=True)
    assert [row[0] for row in book.worksheets[0].iter_rows(min_row=2, values_only=True)] == list(
        range(12_345)
    )


def test_data_that_does_not_fit_is_refused_with_its_place():
    with pytest.raises(ColumnMissing, match="'nope'"):
        write(pl.DataFrame({"a": [1]}), columns={"nope": "integer"})
    with pytest.raises(SourceInvalid, match="column 'a', row 2"):
        write(pl.DataFrame({"a": ["1", "x"]}), columns={"a": "integer"})
    with pytest.raises(Permanent, match=r"every column.* hidden"):
        write(pl.DataFrame({"a": [1]}), columns={"a": {"hidden": True}})


def test_every_part_is_well_formed_and_equal_input_gives_equal_bytes():
    def made() -> bytes:
        data = pl.DataFrame({"t": HARD_TEXTS, "n": range(len(HARD_TEXTS))})
        return write(data, title="T", xlsx={"zebra": True}, columns={"n": {"total": "sum"}})[0]

    file = made()
    with zipfile.ZipFile(io.BytesIO(file)) as package:
        assert package.testzip() is None
        for name in package.namelist():
            ET.fromstring(package.read(name))  # noqa: S314  our own file
        listed = set(
            re.findall(r'PartName="/([^"]+)"', package.read("[Content_Types].xml").decode())
        )
        assert listed <= set(package.namelist())
        assert "xl/worksheets/sheet1.xml" in listed
    assert made() == file


def part(file: bytes, name: str) -> str:
    with zipfile.ZipFile(io.BytesIO(file)) as package:
        return package.read(name).decode()
