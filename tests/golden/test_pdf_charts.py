"""Charts in PDF: what is drawn where, as poppler and pypdf read it."""

import io
import math
import re
from collections.abc import Sequence
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from itertools import pairwise
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import numpy as np
import polars as pl
import pytest
import weasyprint
from conftest import Run
from hypothesis import given, settings
from hypothesis import strategies as st
from papers import of_drawing, operators, seen
from reportlab.graphics.shapes import Drawing

from prelo.core.errors import ColumnMissing, FormatFailed
from prelo.core.table import Layout
from prelo.core.workbook import Chart
from prelo.formats.palette import PALETTE
from prelo.formats.pdf.charts import Setting, draw, thin
from prelo.formats.pdf.drawn.markup import svg
from prelo.formats.pdf.font import Font, Typeface
from prelo.formats.pdf.locale import locale_of
from prelo.formats.stream import open_stream

SALES = pl.DataFrame(
    {
        "country": ["Germany", "Spain", "Portugal", "Norway"],
        "revenue": [Decimal(6_714_000), Decimal(5_599_000), Decimal(4_758_000), None],
        "cost": [4_000_000, 3_599_000, -1_758_000, 2_139_000],
        "rate": [0.5, 0.25, 0.75, 0.1],
        "day": [date(2026, 1, 1), date(2026, 1, 2), date(2026, 3, 1), date(2026, 12, 31)],
    }
)
TYPES = ["column", "bar", "line", "area", "pie", "doughnut", "scatter"]
SIZE = (480, 255)


def drawing(data: pl.DataFrame, locale: str = "en-US", **chart: Any) -> Drawing:
    columns = chart.pop("columns", {})
    size = chart.pop("size", SIZE)
    stream = open_stream(data, Layout(columns=columns, locale=locale))
    rows = pl.concat(list(stream.frames)) if data.height else stream.first
    typeface = Typeface()
    fonts = (Font("R", "Regular", typeface), Font("B", "Bold", typeface))
    setting = Setting(fonts, locale_of(locale))
    return draw(Chart.model_validate(chart), rows, stream.fields, size, setting)


def rectangles(file: bytes, color: str) -> list[tuple[int, int, int, int]]:
    """x, y, width and height of what is filled with a colour of the palette."""
    wanted = " ".join(
        f"{int(color[i : i + 2], 16) / 255:.3f}".rstrip("0").rstrip(".") for i in (1, 3, 5)
    )
    fill, out = "", list[tuple[int, int, int, int]]()
    for line in operators(file).splitlines():
        if line.endswith(" rg"):
            fill = line[:-3]
        box = re.fullmatch(r"(-?\d+) (-?\d+) (-?\d+) (-?\d+) re f[*]?", line)
        if box and fill == wanted:
            x, y, width, height = map(int, box.groups())
            out.append((x, y, width, height))
    return out


def words(pdftotext: Run, file: bytes, folder: Path) -> str:
    (folder / "words.pdf").write_bytes(file)
    return pdftotext("-layout", folder / "words.pdf", "-")


def boxes(
    pdftotext: Run, file: bytes, folder: Path
) -> list[tuple[float, float, float, float, str]]:
    (folder / "boxes.pdf").write_bytes(file)
    found = re.findall(
        r'<word xMin="([\d.-]+)" yMin="([\d.-]+)" xMax="([\d.-]+)" yMax="([\d.-]+)">(.*?)</word>',
        pdftotext("-bbox", folder / "boxes.pdf", "-"),
    )
    return [(*map(float, box), text) for *box, text in found]  # pyright: ignore[reportReturnType]  four numbers and a text


@settings(max_examples=40, deadline=None)
@given(
    values=st.lists(st.one_of(st.none(), st.floats(-1e9, 1e9)), min_size=1, max_size=12),
    form=st.sampled_from(["column", "bar"]),
)
def test_bars_are_as_long_as_their_values(values: list[float | None], form: str):
    data = pl.DataFrame({"x": [f"c{i}" for i in range(len(values))], "y": values}, strict=False)
    data = data.cast({"y": pl.Float64})
    found = rectangles(of_drawing(drawing(data, type=form, x="x", y="y")), PALETTE[0])
    lengths = [height if form == "column" else width for _, _, width, height in found]
    largest = max((abs(v) for v in values if v), default=0)
    shown = [abs(v) for v in values if v and abs(v) > largest / 200]
    # What is less than half a hundredth of a point is no rectangle any more.
    drawn = [length for length in lengths if length > max(lengths) / 201]
    assert len(drawn) == len(shown)
    for value, length in zip(shown, drawn, strict=True):
        assert length == pytest.approx(value / largest * max(lengths), abs=2)


def test_negative_values_go_the_other_way_from_the_same_line():
    file = of_drawing(drawing(SALES, x="country", y="cost"))
    bars = rectangles(file, PALETTE[0])
    (below,) = [bar for bar in bars if bar[1] < min(b[1] for b in bars if b != bar) - 10]
    assert below == bars[2]
    assert {bar[1] for bar in bars if bar != below} == {below[1] + below[3]}


@pytest.mark.parametrize("form", ["column", "bar"])
def test_stacked_bars_stand_on_each_other_and_of_percent_all_are_full(form: str):
    data = SALES.with_columns(revenue=pl.col("revenue").fill_null(1), cost=pl.col("cost").abs())
    for stacked, column in (("percent", True), (True, False)):
        chart = drawing(data, type=form, x="country", y=["revenue", "cost"], stacked=stacked)
        file = of_drawing(chart)
        first, second = (
            rectangles(file, color)[1:] for color in PALETTE[:2]
        )  # without the legend's
        at, length = (1, 3) if form == "column" else (0, 2)
        wholes: list[int] = []
        for low, high in zip(first, second, strict=True):
            assert high[at] == pytest.approx(low[at] + low[length], abs=1)
            wholes.append(low[length] + high[length])
        assert (max(wholes) - min(wholes) < 3) is column


@pytest.mark.parametrize("form", TYPES)
def test_every_sort_has_its_title_names_and_numbers(pdftotext: Run, tmp_path: Path, form: str):
    x = "rate" if form == "scatter" else "country"
    chart = {"type": form, "x": x, "y": "revenue", "title": "Revenue & more", "columns": {
        "revenue": {"kind": "money:EUR", "title": "Revenue"}, "rate": "percent"}}  # fmt: skip
    text = words(pdftotext, of_drawing(drawing(SALES, "de-DE", **chart)), tmp_path)
    assert "Revenue & more" in text
    if form == "scatter":
        assert "80 %" in text
    else:
        assert all(name in text for name in ("Germany", "Spain", "Portugal"))
    assert ("33 %" if form in {"pie", "doughnut"} else "6.000.000 €") in text


def test_a_legend_stands_only_where_there_are_several_series(pdftotext: Run, tmp_path: Path):
    columns = {
        "revenue": {"title": "Revenue"},
        "cost": {"title": "Cost"},
        "rate": {"title": "Rate"},
    }
    one = drawing(SALES, x="country", y="revenue", columns=columns)
    assert "Revenue" not in words(pdftotext, of_drawing(one), tmp_path)
    several = drawing(SALES, x="country", y=["revenue", "cost"], lines="rate", columns=columns)
    text = words(pdftotext, of_drawing(several), tmp_path)
    assert re.search(r"Revenue +Cost +Rate", text)
    assert text.count("Rate") == 2  # over the axis of its own, too


@pytest.mark.parametrize("form", ["column", "bar", "line", "area", "pie", "doughnut"])
def test_labels_never_touch_each_other(pdftotext: Run, tmp_path: Path, form: str):
    for count, length in ((3, 30), (12, 4), (12, 25), (60, 12), (400, 8)):
        data = pl.DataFrame(
            {"x": [f"n{i:03}".ljust(length, "x") for i in range(count)],
             "y": [float(1 + i % 7) for i in range(count)]}
        )  # fmt: skip
        for size in (SIZE, (240, 130)):
            file = of_drawing(drawing(data, type=form, x="x", y="y", size=size))
            found = boxes(pdftotext, file, tmp_path)
            assert len(found) > 3
            upright = [b for b in found if not re.match(r"n\d|…", b[4]) or form != "column"]
            for number, one in enumerate(upright if form in {"bar", "pie", "doughnut"} else []):
                for other in upright[number + 1 :]:
                    across = min(one[2], other[2]) - max(one[0], other[0])
                    down = min(one[3], other[3]) - max(one[1], other[1])
                    # The boxes of words are as high as their lines, which may be close.
                    assert across < 0.5 or down < 3.5, (one, other)
            for x, y, x2, y2, _ in found:
                assert -2 <= x <= x2 <= size[0] + 2
                assert -3 <= y <= y2 <= size[1] + 3  # the boxes are higher than the letters


def test_dates_thin_out_and_names_turn(pdftotext: Run, tmp_path: Path):
    days = pl.DataFrame({"x": [date(2026, 1, 1) + timedelta(days=i) for i in range(60)]})
    data = days.with_columns(y=pl.lit(1.0), name=pl.col("x").dt.strftime("Name of %d %m"))
    upright = boxes(pdftotext, of_drawing(drawing(data, x="x", y="y")), tmp_path)
    dates = sorted(b for b in upright if "/2026" in b[4])
    assert 4 < len(dates) < 60
    assert all(a[2] < b[0] for a, b in pairwise(dates))
    turned = operators(of_drawing(drawing(data, x="name", y="y")))
    assert turned.count("0.70711 0.70711 -0.70711 0.70711") > 10


def test_lines_over_dates_keep_the_distances_of_time(tmp_path: Path):
    data = pl.DataFrame(
        {"d": [date(2026, 1, 1), date(2026, 1, 11), date(2026, 2, 10)], "v": [1.0, 5.0, 2.0]}
    )
    for shuffled in (data, data.reverse()):
        file = of_drawing(drawing(shuffled, type="line", x="d", y="v"))
        line = re.search(r"(\d+) \d+ m (\d+) \d+ l (\d+) \d+ l S", operators(file))
        assert line
        first, second, third = map(int, line.groups())
        assert (second - first) / (third - first) == pytest.approx(0.25, abs=0.002)


def test_a_gap_in_the_data_is_a_gap_in_the_line():
    data = pl.DataFrame({"x": list("abcdefg"), "y": [1.0, 2, None, math.nan, 3, math.inf, 4]})
    text = operators(of_drawing(drawing(data, type="line", x="x", y="y")))
    width = text.index("\n160 w")  # of the line
    (line,) = re.findall(r"^(\d+ \d+) m (\d+ \d+) l S$", text[width:], re.MULTILINE)[:1]
    assert line[0] != line[1]
    dots = re.findall(r"^(\d+ \d+) m \1 l S$", text, re.MULTILINE)
    assert len(dots) == 2  # 3 and 4 stand alone


def test_a_line_of_many_points_looks_the_same_with_few(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    count = 10_000
    wave = [math.sin(i / 300) * 5 + ((i * 7919) % 1000) / 300 for i in range(count)]
    wave[4321] = 60.0  # one point that must not be lost
    start = datetime(2026, 1, 1)
    data = pl.DataFrame({"t": [start + timedelta(minutes=i) for i in range(count)], "y": wave})
    chart = drawing(data, type="line", x="t", y="y")
    file = of_drawing(chart)
    assert len(operators(file)) < 60_000
    found = np.asarray(seen(file, tmp_path))
    monkeypatch.setattr(thin, "_FINE", 1e-9)
    whole = of_drawing(drawing(data, type="line", x="t", y="y"))
    assert len(operators(whole)) > 100_000
    assert np.abs(found.astype(int) - np.asarray(seen(whole, tmp_path)).astype(int)).mean() < 1
    assert (found[: found.shape[0] // 4] < 100).any()  # the lonely peak


@pytest.mark.parametrize("form", TYPES)
def test_very_many_rows_stay_a_small_drawing(form: str):
    count = 50_000
    x = "n" if form == "scatter" else "c"
    data = pl.DataFrame({"n": range(count), "c": [f"c{i}" for i in range(count)]}).with_columns(
        y=(pl.col("n") * 7919 % 1000).cast(pl.Float64)
    )
    file = of_drawing(drawing(data, type=form, x=x, y="y"))
    assert len(operators(file)) < (3_000_000 if form == "scatter" else 400_000)


def test_a_pie_has_eight_slices_and_the_others_together(pdftotext: Run, tmp_path: Path):
    data = pl.DataFrame(
        {"x": [f"n{i:02}" for i in range(20)], "y": [float(i + 1) for i in range(20)]}
    )
    text = words(pdftotext, of_drawing(drawing(data, "pt-BR", type="pie", x="x", y="y")), tmp_path)
    names = re.findall(r"n\d\d|Outros", text)
    assert names == [f"n{i}" for i in range(12, 20)] + ["Outros"]
    shares = [int(n) for n in re.findall(r"(?:n\d\d|Outros) +(\d+)%", text)]
    assert shares == [round(100 * v / 210) for v in [*range(13, 21), sum(range(1, 13))]]


def test_what_is_negative_has_no_slice_and_is_told(pdftotext: Run, tmp_path: Path):
    text = words(pdftotext, of_drawing(drawing(SALES, type="pie", x="country", y="cost")), tmp_path)
    assert re.search(r"Portugal +-1,758,000", text)
    assert re.search(r"Germany +41%", text)


ODD = {
    "none": [], "one": [3.0], "nothing": [None, None], "zeros": [0.0, 0.0], "equal": [5.0] * 4,
    "negative": [-1.0, -2.0], "tiny": [1e-12, 3e-12], "huge": [1e200, -1e200], "beyond": [1e308, -1e308, 1.0],
    "nan": [math.nan, math.inf], "close": [1_000_000.0, 1_000_001.0], "wide": [0.001, 1e15],
}  # fmt: skip


@pytest.mark.parametrize("form", TYPES)
@pytest.mark.parametrize("values", ODD.values(), ids=ODD.keys())
@pytest.mark.parametrize("size", [SIZE, (75, 60)])
def test_odd_values_make_no_odd_file(
    tmp_path: Path, qpdf: Run, form: str, values: list[float | None], size: tuple[int, int]
):
    data = pl.DataFrame({"x": [f"c{i}" for i in range(len(values))], "y": values},
                        schema={"x": pl.String, "y": pl.Float64})  # fmt: skip
    data = data.with_columns(n=pl.col("y"))
    x = "n" if form == "scatter" else "x"
    for y in (["y"], ["y", "n"]) if form not in {"pie", "doughnut"} else (["y"],):
        file = of_drawing(drawing(data, type=form, x=x, y=y, size=size, title="T"))
        (tmp_path / "odd.pdf").write_bytes(file)
        qpdf("--check", tmp_path / "odd.pdf")
        assert "nan" not in operators(file)
        assert "inf" not in operators(file)


KINDS: list[tuple[str, Sequence[object]]] = [
    ("date", [date(2026, 1, 1), date(2026, 6, 1), None]),
    ("datetime", [datetime(2026, 1, 1, 5), datetime(2026, 1, 1, 9, 30), None]),
    ("time", [time(5), time(9, 30), None]),
    ("duration", [timedelta(hours=5), timedelta(days=3), None]),
    ("boolean", [True, False, None]),
    ("percent(1)", [0.1, 0.25, None]),
    ("scientific", [1e-5, 3e-5, None]),
    ("code", ["007", "008", None]),
]


@pytest.mark.parametrize(("kind", "values"), KINDS, ids=[kind for kind, _ in KINDS])
@pytest.mark.parametrize("form", ["column", "bar", "line", "area", "pie"])
def test_categories_and_values_of_every_kind(
    kind: str, values: Sequence[object], form: str, tmp_path: Path, pdftotext: Run
):
    data = pl.DataFrame({"k": values, "n": [3.0, 4.0, 5.0]})
    text = words(
        pdftotext, of_drawing(drawing(data, type=form, x="k", y="n", columns={"k": kind})), tmp_path
    )
    assert "nan" not in text.lower()
    if kind not in {"boolean", "code"}:
        of_drawing(drawing(data, type=form, x="n", y="k", columns={"k": kind}))


@pytest.mark.parametrize("locale", ["ar-EG", "hi-IN", "ja-JP", "fr-FR"])
def test_charts_are_written_in_the_words_of_their_locale(locale: str):
    of_drawing(drawing(SALES, locale, type="line", x="day", y=["revenue", "cost"]))


@pytest.mark.parametrize("days", [1, 9, 40, 200, 900, 4000, 100_000])
def test_an_axis_of_time_names_a_few_moments_in_order(pdftotext: Run, tmp_path: Path, days: int):
    moments = [date(1999, 12, 30), date(1999, 12, 30) + timedelta(days=days)]
    data = pl.DataFrame({"d": moments, "v": [1.0, 2.0]})
    found = boxes(pdftotext, of_drawing(drawing(data, type="line", x="d", y="v")), tmp_path)
    lowest = max(box[3] for box in found)
    labels = sorted(box for box in found if box[3] > lowest - 2)
    assert 1 <= len(labels) <= 24
    assert all(a[2] < b[0] for a, b in pairwise(labels))


@pytest.mark.parametrize("form", TYPES)
def test_equal_charts_give_equal_bytes(form: str):
    chart = {"type": form, "x": "rate" if form == "scatter" else "country", "y": "revenue"}
    assert of_drawing(drawing(SALES, **chart)) == of_drawing(drawing(SALES, **chart))


@pytest.mark.parametrize("form", TYPES)
def test_a_chart_for_a_document_is_an_svg_with_its_texts_as_text(form: str):
    chart: dict[str, Any] = {
        "type": form,
        "x": "rate" if form == "scatter" else "country",
        "y": "revenue",
    }
    text = svg(drawing(SALES, title="<b>A & B</b>", **chart))
    assert text == svg(drawing(SALES, title="<b>A & B</b>", **chart))
    root = ET.fromstring(text)  # noqa: S314  ours
    texts = [node.text for node in root.iter("{http://www.w3.org/2000/svg}text")]
    assert "<b>A & B</b>" in texts
    assert root.get("font-family") == "Prelo Sans"
    if form != "scatter":
        assert "Germany" in texts


def test_an_svg_looks_like_the_page(tmp_path: Path):
    chart = drawing(
        SALES, x="country", y=["revenue", "cost"], stacked=True, columns={"cost": "decimal(0)"}
    )
    style = "@page{size:480pt 255pt;margin:0}body{margin:0}svg{display:block}"
    out = io.BytesIO()
    weasyprint.HTML(string=f"<style>{style}</style>{svg(chart)}").write_pdf(out)
    one, other = seen(out.getvalue(), tmp_path), seen(of_drawing(chart), tmp_path)
    assert one.size == other.size
    dark = [np.asarray(image.convert("L")) < 100 for image in (one, other)]
    assert (dark[0] & dark[1]).sum() > 0.9 * dark[1].sum()


@pytest.mark.parametrize(
    ("chart", "error", "said"),
    [
        ({"x": "nowhere", "y": "cost"}, ColumnMissing, "names the column 'nowhere'.*it shows: country"),
        ({"x": "country", "y": "nowhere"}, ColumnMissing, "'nowhere'"),
        ({"x": "cost", "y": "country"}, FormatFailed, "'country', which is a text; it needs"),
        ({"x": "country", "y": "cost", "type": "scatter"}, FormatFailed, "'country'"),
    ],
)  # fmt: skip
def test_a_chart_that_cannot_be_drawn_says_why(chart: dict[str, Any], error: type, said: str):
    with pytest.raises(error, match=said):
        drawing(SALES, **chart)
