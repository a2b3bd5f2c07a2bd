"""Dates of a PDF in a column's own spreadsheet format."""

from datetime import date, datetime

import polars as pl
import pytest
from pdfs import pages, write

from prelo.core.table import Kind
from prelo.formats.pdf.locale import locale_of
from prelo.formats.pdf.text import as_text

MOMENT = datetime(2026, 3, 7, 16, 5, 9)


@pytest.mark.parametrize(
    ("form", "locale", "shown"),
    [
        ("yyyy-mm-dd", "en-US", "2026-03-07"),
        ("d.m.yy", "en-US", "7.3.26"),
        ("mmmm yyyy", "en-US", "March 2026"),
        ("mmmm yyyy", "de-DE", "März 2026"),
        ("LLLL", "en-US", "3/7/2026 4:05:09 PM"),
        ("d mmmm yyyy", "pl-PL", "7 marca 2026"),
        ("mmmm yyyy", "pl-PL", "marzec 2026"),
        ("dddd, d. mmm", "pt-BR", "sábado, 7. mar."),
        ("ddd hh:mm", "en-US", "Sat 16:05"),
        ("h:mm AM/PM", "en-US", "4:05 PM"),
        ("mm:ss", "en-US", "05:09"),
        (r'"Week of" dd\.mm\.', "de-DE", "Week of 07.03."),
        ("YYYY/MM/DD", "en-US", "2026/03/07"),
        ("[h]:mm", "en-US", "3/7/2026 4:05:09 PM"),
        ("0.00", "en-US", "3/7/2026 4:05:09 PM"),
    ],
)
def test_a_date_follows_its_format_and_a_strange_format_its_locale(
    form: str, locale: str, shown: str
):
    values = pl.Series([MOMENT, None])
    text = as_text(values, Kind.parse("datetime"), locale_of(locale), form)
    assert [x.replace("\u202f", " ") for x in text] == [shown, ""]


def test_totals_and_headings_follow_the_format_too():
    data = pl.DataFrame(
        {"month": [date(2026, 3, 1)] * 2, "day": [date(2026, 3, 5), date(2026, 3, 9)]}
    )
    columns = {
        "month": {"format": "mmmm yyyy", "hidden": True},
        "day": {"format": "yyyy-mm-dd", "total": "max"},
    }
    lines = pages(write(data, columns=columns, group_by="month")[0])[0]
    assert "month: March 2026" in lines
    assert "Total March 2026" in lines
    assert lines.count("2026-03-09") == 3  # the row, the group, the whole


def test_a_table_without_rows_may_have_formats():
    data = pl.DataFrame(schema={"day": pl.Date})
    assert "No data" in pages(write(data, columns={"day": {"format": "mmmm yyyy"}})[0])[0]
