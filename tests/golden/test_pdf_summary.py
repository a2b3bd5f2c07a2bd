"""Pages of summaries: key figures, tables and charts before the rows of a PDF."""

import random
import re
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from conftest import Run
from papers import Paper

from prelo.core.errors import ColumnMissing, FormatFailed
from prelo.core.table import Layout
from prelo.core.workbook import Summary
from prelo.formats.pdf.charts import Setting
from prelo.formats.pdf.locale import locale_of
from prelo.formats.pdf.summary import Room, key_figures, summary_pages, summed
from prelo.formats.stream import open_stream
from prelo.formats.summary import Summing

ROWS, CITIES = 2000, 50
_chance = random.Random(7)
DATA = pl.DataFrame(
    {
        "country": [_chance.choice(["Spain", "Norway", "Portugal"]) for _ in range(ROWS)],
        "city": [f"city-{_chance.randrange(CITIES):02}" for _ in range(ROWS)],
        "day": [date(2026, 1, 1) + timedelta(days=_chance.randrange(300)) for _ in range(ROWS)],
        "amount": [Decimal(_chance.randrange(100, 100_000)) / 100 for _ in range(ROWS)],
        "pieces": [_chance.randrange(1, 9) for _ in range(ROWS)],
    }
)
COLUMNS = {
    "amount": {"title": "Revenue", "kind": "money:EUR", "total": "sum"},
    "pieces": {"total": "mean"},
}
ROOM = Room(width=52_300, top=80_600, bottom=5_600, first=74_000)


class Made:
    """Pages of summaries in a file of their own."""

    def __init__(
        self,
        *summaries: dict[str, Any],
        data: pl.DataFrame = DATA,
        locale: str = "en-US",
        room: Room = ROOM,
    ) -> None:
        layout = Layout.model_validate({"columns": COLUMNS, "locale": locale})
        stream = open_stream(data, layout)
        summings = [Summing(Summary.model_validate(summary), stream) for summary in summaries]
        for frame in stream.frames:
            for summing in summings:
                summing.add(frame)
        paper = Paper()
        setting = Setting(paper.fonts, locale_of(locale))
        totals = {"amount": pl.Series([data["amount"].sum()], dtype=pl.Decimal(38, 2)),
                  "pieces": pl.Series([data["pieces"].mean()], dtype=pl.Float64)}  # fmt: skip
        figures = key_figures(totals, stream.fields, data.height, setting)
        done = [summed(summing, locale, "UTC") for summing in summings]
        self.contents = summary_pages(figures, done, room, setting, paper.assets)
        for content in self.contents:
            paper.page(b"1 0 0 1 3600 0 cm\n" + content)
        self.file = paper.pdf(595.28, 841.89)

    def texts(self, pdftotext: Run, folder: Path) -> list[str]:
        (folder / "summary.pdf").write_bytes(self.file)
        return pdftotext("-layout", folder / "summary.pdf", "-").split("\f")[:-1]


def by(name: str, **more: Any) -> dict[str, Any]:
    return {"by": name, "values": {"amount": "sum"}, **more}


def test_key_figures_stand_at_the_top_as_kind_and_locale_say(pdftotext: Run, tmp_path: Path):
    total, mean = DATA["amount"].sum(), DATA["pieces"].mean()
    assert isinstance(mean, float)
    (text,) = Made(locale="de-DE").texts(pdftotext, tmp_path)
    german = f"{total:,.2f} €".translate(str.maketrans(",.", ".,"))
    assert all(
        word in text for word in ("Zeilen", "2.000", "Revenue", german, "pieces (Mittelwert)")
    )
    assert f"{mean:.2f}".replace(".", ",") in text


def test_a_summary_has_its_title_rows_total_and_chart(pdftotext: Run, tmp_path: Path):
    chart = {"x": "country", "y": "amount", "type": "bar", "title": "The chart"}
    (text,) = Made(by("country", title="By country", charts=[chart])).texts(pdftotext, tmp_path)
    sums = DATA.group_by("country").agg(pl.col("amount").sum())
    for country, amount in sums.iter_rows():
        assert re.search(rf"{country} +€{amount:,}", text)
    assert re.search(rf"Total +€{DATA['amount'].sum():,}", text)
    assert text.index("By country") < text.index("The chart")


def test_what_has_no_room_is_counted_and_the_total_is_that_of_all(pdftotext: Run, tmp_path: Path):
    chart = {"x": "city", "y": "amount"}
    for locale, more in (("en-US", "and {} more"), ("fr-FR", "et {} de plus")):
        made = Made(by("city", charts=[chart]), locale=locale)
        text = "".join(made.texts(pdftotext, tmp_path))
        rows = len(re.findall(r"^ *city-\d\d +\S*\d", text, re.MULTILINE))
        assert 5 < rows < CITIES
        assert more.format(CITIES - rows) in text
    total = f"{DATA['amount'].sum():,}".replace(",", " ").replace(".", ",")
    assert total in text.replace("\N{NARROW NO-BREAK SPACE}", " ")


def test_without_a_chart_all_rows_stand_that_a_page_has_room_for(pdftotext: Run, tmp_path: Path):
    text = "".join(Made(by("city")).texts(pdftotext, tmp_path))
    assert sorted(re.findall(r"city-\d\d", text)) == [f"city-{n:02}" for n in range(CITIES)]
    days = "".join(Made(by("day")).texts(pdftotext, tmp_path))
    shown = len(re.findall(r"\d+/\d+/2026", days))
    assert f"and {DATA['day'].n_unique() - shown} more" in days


def test_pages_follow_each_other_and_nothing_stands_outside_of_them(pdftotext: Run, tmp_path: Path):
    sorts = ("column", "pie", "bar", "line")
    charts = [{"x": "city", "y": "amount", "type": t, "title": f"<{t}>"} for t in sorts]
    summaries = [by("city", title=f"<{n}>", charts=charts) for n in range(4)]
    made = Made(*summaries)
    texts = made.texts(pdftotext, tmp_path)
    assert len(texts) == len(made.contents) > 2
    whole = "".join(texts)
    assert re.findall(r"<\d>", whole) == [f"<{n}>" for n in range(4)]
    assert all(whole.count(f"<{t}>") == 4 for t in sorts)
    boxes = pdftotext("-bbox", tmp_path / "summary.pdf", "-")
    for left, top, right, bottom in re.findall(
        r'word xMin="([\d.-]+)" yMin="([\d.-]+)" xMax="([\d.-]+)" yMax="([\d.-]+)"', boxes
    ):
        assert 33 <= float(left) <= float(right) <= 562
        assert 33 <= float(top) <= float(bottom) <= 789
    first = re.search(r'page width.*?yMin="([\d.]+)"', boxes, re.DOTALL)
    assert first
    assert float(first[1]) > 841.89 - 740 - 1  # the title of the report stands above


@pytest.mark.parametrize("width", [20_000, 52_300, 110_000])
def test_pages_of_any_width_are_sound(qpdf: Run, tmp_path: Path, width: int):
    wide = {"by": ["country", "city"], "values": {"amount": ["sum", "mean", "min", "max", "count"]}}
    chart = {"x": "country", "y": ["amount sum", "amount mean"], "width": 3000, "height": 3000}
    made = Made(wide | {"charts": [chart]}, by("country"), room=Room(width, 50_000, 5_000, 45_000))
    (tmp_path / "summary.pdf").write_bytes(made.file)
    assert "No syntax or stream encoding errors" in qpdf("--check", tmp_path / "summary.pdf")


def test_no_rows_and_no_names_make_no_error(pdftotext: Run, tmp_path: Path):
    chart = {"x": "country", "y": "amount", "title": "C"}
    (text,) = Made(by("country", title="T", charts=[chart]), data=DATA.clear()).texts(
        pdftotext, tmp_path
    )
    assert "No data" in text
    unnamed = DATA.with_columns(country=pl.lit(None, pl.String))
    (text,) = Made(by("country", charts=[chart]), data=unnamed).texts(pdftotext, tmp_path)
    assert re.search("^ *\N{EN DASH} +€", text, re.MULTILINE)


def test_nothing_to_say_makes_no_page():
    setting = Setting(Paper().fonts, locale_of("en-US"))
    assert summary_pages([], [], ROOM, setting, Paper().assets) == []


def test_equal_summaries_give_equal_bytes():
    chart = {"x": "country", "y": "amount", "type": "doughnut"}
    one, other = (Made(by("country", charts=[chart])) for _ in range(2))
    assert one.file == other.file


def test_very_many_groups_stay_few_operators(pdftotext: Run, tmp_path: Path):
    data = pl.DataFrame({"country": [f"c{i}" for i in range(60_000)], "pieces": [1] * 60_000})
    data = data.with_columns(amount=pl.col("pieces").cast(pl.Decimal(12, 2)))
    chart = {"x": "country", "y": "amount", "type": "line"}
    made = Made(by("country", charts=[chart]), data=data)
    assert sum(map(len, made.contents)) < 200_000
    assert re.search(r"and 59,9\d\d more", "".join(made.texts(pdftotext, tmp_path)))


@pytest.mark.parametrize(
    ("chart", "error"),
    [
        ({"x": "country", "y": "city"}, ColumnMissing),
        ({"x": "amount", "y": "country"}, FormatFailed),
    ],
)
def test_a_chart_that_cannot_be_drawn_is_refused_before_any_row_is_read(
    chart: dict[str, Any], error: type
):
    stream = open_stream(DATA, Layout())
    summing = Summing(Summary.model_validate(by("country", charts=[chart])), stream)
    with pytest.raises(error, match="chart"):
        summed(summing, "en-US", "UTC")
