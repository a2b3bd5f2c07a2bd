"""write_xlsx, write_pdf, write_csv: targets, options and errors. The files' content is tests/golden's."""

import io
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, get_args

import openpyxl
import polars as pl
import pypdf
import pytest

import prelo
from prelo.core.errors import FileLimit
from prelo.core.table import CsvOptions, Layout, Overflow, PdfOptions
from prelo.core.workbook import XlsxOptions
from prelo.formats import door

FRAME = pl.DataFrame({"city": ["Köln", "Zürich"], "amount": [1.5, 2.25]})
WRITERS: dict[str, Callable[..., prelo.Manifest]] = {
    "xlsx": prelo.write_xlsx,
    "pdf": prelo.write_pdf,
    "csv": prelo.write_csv,
}
each = pytest.mark.parametrize("form", WRITERS)


def left_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


@each
def test_a_path_gets_the_whole_file_and_nothing_beside_it(form: str, tmp_path: Path):
    made = WRITERS[form](FRAME, tmp_path / f"made.{form}", title="Cities")
    assert (made.rows, made.format) == (2, form)
    assert left_in(tmp_path) == [f"made.{form}"]


@each
def test_a_file_open_for_bytes_gets_the_same_as_a_path(form: str, tmp_path: Path):
    out = io.BytesIO()
    WRITERS[form](FRAME, out)
    WRITERS[form](FRAME, str(tmp_path / "made"))
    assert len(out.getvalue()) == (tmp_path / "made").stat().st_size > 0


@each
def test_data_that_breaks_half_way_leaves_the_old_file_as_it_was(form: str, tmp_path: Path):
    def breaking() -> Iterator[pl.DataFrame]:
        yield FRAME
        raise OSError("the network is gone")

    target = tmp_path / "made"
    target.write_bytes(b"old")
    with pytest.raises(prelo.SourceInvalid, match="after row 2: the network is gone"):
        WRITERS[form](breaking(), target)
    assert target.read_bytes() == b"old"
    assert left_in(tmp_path) == ["made"]


@each
def test_a_disk_that_is_full_is_a_sentence(form: str):
    with (
        pytest.raises((prelo.Invalid, FileLimit, OSError)) as caught,
        Path("/dev/full").open("wb", 0) as full,
    ):
        WRITERS[form](FRAME, full)
    assert "No space left" in str(caught.value)


@pytest.mark.parametrize(
    ("target", "said"),
    [
        ("no/such/folder/made.csv", "there is no folder no/such/folder"),
        (".", "it is a folder"),
        (io.StringIO(), "open it for bytes"),
        (42, "the target is of type int"),
    ],
)
def test_a_wrong_target_is_refused_in_words(target: Any, said: str):
    with pytest.raises(prelo.Invalid, match=said):
        prelo.write_csv(FRAME, target)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"titel": "x"}, "write_xlsx has no option 'titel'; it has author, autofilter, charts"),
        ({"delimiter": ";"}, "write_xlsx has no option 'delimiter'"),
        ({"zebra": "odd"}, "^zebra: "),
        ({"columns": ["a"]}, "^columns: must be a dict, as"),
        ({"columns": {"a": {"kid": "date"}}}, r"^columns\.a\.kid: there is no such option"),
        ({"title": 5}, "^title: must be text"),
        ({"columns": {"amount": "mony"}}, "columns.amount.*'mony' is no kind"),
        ({"columns": {"amount": {"widht": 3}}}, "columns.amount.widht"),
        ({"timezone": "Mars/Base"}, "'Mars/Base' is no IANA time zone"),
        ({"locale": "?"}, "is no language tag"),
    ],
)
def test_a_wrong_option_is_refused_in_words(options: dict[str, Any], said: str, tmp_path: Path):
    with pytest.raises(prelo.Invalid, match=said):
        prelo.write_xlsx(FRAME, tmp_path / "made.xlsx", **options)
    assert left_in(tmp_path) == []


def test_a_column_that_the_data_does_not_have_is_refused(tmp_path: Path):
    with pytest.raises(prelo.ColumnMissing, match=r"'price'.*it has: city, amount"):
        prelo.write_xlsx(FRAME, tmp_path / "made.xlsx", columns={"price": "integer"})
    assert left_in(tmp_path) == []


def test_columns_are_told_as_column_dict_or_kind(tmp_path: Path):
    headed = pl.DataFrame({"a": [1], "b": [2], "c": [3]})
    columns = {"a": prelo.Column("First", total="sum"), "b": {"title": "Second"}, "c": "money:EUR"}
    prelo.write_xlsx(headed, tmp_path / "made.xlsx", columns=columns, sheet="Here", title="Top")
    sheet = openpyxl.load_workbook(tmp_path / "made.xlsx")["Here"]
    rows = [tuple(row) for row in sheet.iter_rows(values_only=True)]
    assert ("First", "Second", "c") in rows
    assert any(
        cell.value == 3 and "€" in cell.number_format for row in sheet.iter_rows() for cell in row
    )


def test_group_by_takes_one_name_or_several(tmp_path: Path):
    for groups in ("city", ["city"]):
        prelo.write_pdf(FRAME, tmp_path / "made.pdf", group_by=groups)
        assert "Zürich" in pypdf.PdfReader(tmp_path / "made.pdf").pages[0].extract_text()


def test_progress_is_told_the_rows():
    heard: list[int] = []
    prelo.write_csv(FRAME, io.BytesIO(), progress=lambda rows, _: heard.append(rows))
    assert heard[-1] == 2


@pytest.mark.parametrize(
    ("keywords", "options"),
    [
        (door.XlsxKeywords, XlsxOptions),
        (door.PdfKeywords, PdfOptions),
        (door.CsvKeywords, CsvOptions),
    ],
)
def test_the_keywords_are_the_fields_of_layout_and_options(keywords: Any, options: Any):
    formats = {"xlsx", "pdf", "csv"}
    layout = set(Layout.model_fields) - formats
    assert set(keywords.__annotations__) == layout | set(options.model_fields) | {"progress"}


def test_no_option_of_a_format_is_called_like_one_of_the_layout():
    common = set(Layout.model_fields)
    assert not common & {
        *XlsxOptions.model_fields,
        *PdfOptions.model_fields,
        *CsvOptions.model_fields,
    }


def test_the_words_for_overflow_are_those_of_the_core():
    literal = get_args(door.LayoutKeywords.__annotations__["overflow"])[1]
    assert set(get_args(literal)) == {word.value for word in Overflow}
