"""Native charts as openpyxl reads them and LibreOffice draws them."""

import re
from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from drawn import SHEET, fields, opened, parts, printed, workbook
from openpyxl.chart import (
    AreaChart,
    BarChart,
    DoughnutChart,
    LineChart,
    PieChart,
    ScatterChart,
)  # fmt: skip
from xlsxwriter import Workbook
from xlsxwriter.worksheet import Worksheet

from prelo.core.errors import ColumnMissing, FormatFailed
from prelo.core.workbook import Chart
from prelo.formats.xlsx.charts import PALETTE, draw_charts, keep_sizes
from prelo.formats.xlsx.place import Place

FIELDS = fields(
    ("region", "text"), ("sales", "money:USD"), ("cost", "money:USD"), ("margin", "percent(1)"),
    ("day", "date"), ("orders", "integer"),
)  # fmt: skip
ROWS = [
    ("North", 120.5, 90, 0.25, date(2026, 1, 1), 10),
    ("South", 95, 97, -0.02, date(2026, 1, 8), 14),
    ("West", 180, 100, 0.44, date(2026, 2, 1), 9),
]


def a(**values: Any) -> Chart:
    return Chart.model_validate(values)


def book_of(*charts: Chart, last: int = 0, locale: str = "en-US") -> bytes:
    def draw(book: Workbook, sheet: Worksheet, place: Place) -> None:
        draw_charts(book, sheet, place, charts, 7, locale=locale)

    return workbook(draw, FIELDS, ROWS, last)


def read(*charts: Chart) -> list[Any]:
    return list(opened(book_of(*charts))._charts)  # pyright: ignore[reportUnknownMemberType, reportAttributeAccessIssue, reportUnknownVariableType, reportUnknownArgumentType]


def xml_of(chart: Chart, **more: Any) -> str:
    return parts(book_of(chart, **more))["xl/charts/chart1.xml"]


def ranged(column: str, first: int = 4, last: int = 6) -> str:
    name = SHEET.replace("'", "''")
    return f"'{name}'!${column}${first}:${column}${last}"


@pytest.mark.parametrize(
    ("form", "read_as", "direction"),
    [
        ("column", BarChart, "col"), ("bar", BarChart, "bar"), ("line", LineChart, None),
        ("area", AreaChart, None), ("pie", PieChart, None), ("doughnut", DoughnutChart, None),
    ],
)  # fmt: skip
def test_a_chart_reads_its_categories_and_values_from_the_rows(
    form: Any, read_as: type[Any], direction: str | None
):
    (chart,) = read(a(type=form, x="region", y="sales"))
    assert isinstance(chart, read_as)
    assert getattr(chart, "barDir", None) == direction
    (series,) = chart.ser
    assert series.val.numRef.f == ranged("B")
    assert series.cat.strRef.f == ranged("A")
    assert series.tx.strRef.f == ranged("B", 3, 3).partition(":")[0]


def test_a_scatter_chart_sets_numbers_against_numbers():
    (chart,) = read(a(type="scatter", x="cost", y=("sales", "orders")))
    assert isinstance(chart, ScatterChart)
    assert [series.xVal.numRef.f for series in chart.ser] == [ranged("C")] * 2
    assert [series.yVal.numRef.f for series in chart.ser] == [ranged("B"), ranged("F")]


def test_lines_stand_over_columns_on_an_axis_of_their_own():
    xml = xml_of(a(x="region", y=("sales", "cost"), lines="margin"))
    columns, lines = (
        re.search(r"<c:barChart>.*?</c:barChart>", xml),
        re.search(r"<c:lineChart>.*?</c:lineChart>", xml),
    )
    assert columns
    assert lines
    assert "$D$4:$D$6" in lines[0]
    assert "$D$4:$D$6" not in columns[0]
    axes = [re.findall(r'<c:axId val="(\d+)"/>', found[0]) for found in (columns, lines)]
    assert set(axes[0]).isdisjoint(axes[1])
    assert 'formatCode="0.0%"' in xml.split("<c:valAx>")[2]


@pytest.mark.parametrize("form", ["column", "bar", "line", "area"])
def test_values_stack_or_fill_to_the_whole(form: Any):
    chart = a(type=form, x="region", y=("sales", "cost"), stacked=True)
    assert read(chart)[0].grouping == "stacked"
    whole = a(type=form, x="region", y=("sales", "cost"), stacked="percent")
    assert read(whole)[0].grouping == "percentStacked"
    assert 'formatCode="0%"' in xml_of(whole)


def test_bars_begin_at_the_top_like_the_rows():
    xml = xml_of(a(type="bar", x="region", y="sales", x_title="Region", y_title="Dollars"))
    category, value = xml.split("<c:catAx>")[1].split("</c:catAx>")
    assert '<c:orientation val="maxMin"/>' in category
    assert '<c:crosses val="max"/>' in value
    assert "Region" in category
    assert "Dollars" in value


def test_days_keep_their_distances_under_a_line_and_stand_side_by_side_under_columns():
    line, column = (xml_of(a(type=t, x="day", y="sales")) for t in ("line", "column"))
    assert "<c:dateAx>" in line
    assert "<c:dateAx>" not in column
    assert 'formatCode="m/d/yyyy"' in line
    assert 'formatCode="m/d/yyyy"' in column
    assert 'formatCode="dd/mm/yyyy"' in xml_of(a(type="line", x="day", y="sales"), locale="pt-BR")


def test_an_axis_of_money_has_no_cents_and_names_the_currency():
    assert 'formatCode="&quot;$&quot;#,##0"' in xml_of(a(x="region", y="sales"))


def test_a_legend_appears_with_the_second_series_only_or_with_slices():
    assert "<c:legend>" not in xml_of(a(x="region", y="sales"))
    assert '<c:legendPos val="b"/>' in xml_of(a(x="region", y=("sales", "cost")))
    assert '<c:legendPos val="b"/>' in xml_of(a(x="region", y="sales", lines="margin"))
    assert "<c:legendPos" in xml_of(a(type="pie", x="region", y="sales"))


def test_series_have_the_colours_of_the_house_in_order():
    xml = xml_of(a(x="region", y=("sales", "cost"), lines=("margin", "orders")))
    series = re.findall(r"<c:ser>.*?</c:ser>", xml)
    first = [re.findall(r'srgbClr val="(\w+)"', one)[0] for one in series]
    assert [f"#{color}" for color in first] == list(PALETTE[:4])


@pytest.mark.parametrize("text", ["Wow!A1", "=Sheet1!$A$1", "a < b & \"c\" 'd'", "=1+1", "A\nB"])
def test_a_title_is_a_text_whatever_it_looks_like(text: str):
    (chart,) = read(a(x="region", y="sales", title=text, x_title=text, y_title=text))
    titles = [chart.title, chart.x_axis.title, chart.y_axis.title]
    said = ["".join(run.t for part in t.tx.rich.p for run in part.r) for t in titles]
    assert said == [text] * 3


def test_a_chart_without_a_title_has_none_of_excels_making():
    assert '<c:autoTitleDeleted val="1"/>' in xml_of(a(x="region", y="sales"))


def corners(drawing: str) -> list[tuple[int, int]]:
    found = re.findall(r"<xdr:from><xdr:col>(\d+)</xdr:col>.*?<xdr:row>(\d+)</xdr:row>", drawing)
    return [(int(column), int(row)) for column, row in found]


def test_charts_stand_right_of_the_table_one_below_the_other():
    charts = [a(x="region", y="sales", height=h) for h in (340, 100, 205)]
    drawing = parts(book_of(*charts))["xl/drawings/drawing1.xml"]
    assert corners(drawing) == [(7, 2), (7, 20), (7, 26)]
    assert drawing.count('editAs="oneCell"') == 3


def test_a_chart_keeps_its_size_over_rows_of_any_height():
    charts = [
        a(x="region", y="sales", width=500, height=300, title="A"),
        a(x="day", y="cost"),
    ]
    drawing = parts(book_of(*charts))["xl/drawings/drawing1.xml"]
    kept = keep_sizes(drawing, charts)
    assert corners(kept) == corners(drawing)
    assert "twoCellAnchor" not in kept
    assert re.findall(r'<xdr:ext cx="(\d+)" cy="(\d+)"/>', kept) == [
        ("4762500", "2857500"), ("6096000", "3238500"),
    ]  # fmt: skip
    assert kept.count("<xdr:graphicFrame") == 2
    assert keep_sizes(kept, charts) == kept


@pytest.mark.parametrize(
    ("chart", "error", "sentence"),
    [
        (a(x="nowhere", y="sales"), ColumnMissing, "'nowhere', which the sheet does not show"),
        (a(x="region", y="nothing"), ColumnMissing, "'nothing'"),
        (a(x="day", y="region"), FormatFailed, "'region', which is a text"),
        (a(x="day", y="sales", lines="region"), FormatFailed, "'region', which is a text"),
        (a(type="scatter", x="region", y="sales"), FormatFailed, "'region', which is a text"),
    ],
)  # fmt: skip
def test_a_chart_over_a_column_it_cannot_show_is_refused(
    chart: Chart, error: type[Exception], sentence: str
):
    with pytest.raises(error, match=sentence):
        book_of(chart)


EVERY: Sequence[Chart] = (
    a(x="region", y=("sales", "cost"), title="Column", lines="margin"),
    a(type="bar", x="region", y="sales", title="Bar"),
    a(type="line", x="day", y=("sales", "cost"), title="Line"),
    a(type="area", x="day", y=("sales", "cost"), stacked=True, title="Area"),
    a(type="pie", x="region", y="sales", title="Pie"),
    a(type="doughnut", x="region", y="orders", title="Doughnut"),
    a(type="scatter", x="cost", y="sales", title="Scatter"),
)


def test_nothing_of_the_data_and_no_clock_is_in_a_chart():
    first, again = (parts(book_of(*EVERY, last=999_999)) for _ in range(2))
    assert first == again
    charts = [text for name, text in first.items() if name.startswith("xl/charts/")]
    assert len(charts) == len(EVERY)
    assert not any("North" in text or "120.5" in text for text in charts)


def test_every_chart_is_drawn_with_its_title_and_its_categories(tmp_path: Path):
    text = printed(book_of(*EVERY), tmp_path)
    for chart in EVERY:
        assert chart.title in text
    assert text.count("North") >= 4  # the cell, and the axes and legends of four charts
