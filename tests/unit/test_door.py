"""write_xlsx, write_pdf, write_csv: targets, options and errors. The files' content is tests/golden's."""

import base64
import io
import zipfile
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

PNG = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)
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
def test_a_bytearray_gets_the_whole_file_in_the_place_of_what_it_had(form: str):
    target, out = bytearray(b"old"), io.BytesIO()
    WRITERS[form](FRAME, target)
    WRITERS[form](FRAME, out)
    assert bytes(target) == out.getvalue()


def breaking() -> Iterator[pl.DataFrame]:
    yield FRAME
    raise OSError("the network is gone")


@each
def test_data_that_breaks_half_way_leaves_a_bytearray_as_it_was(form: str):
    target = bytearray(b"old")
    with pytest.raises(prelo.SourceInvalid, match="after row 2"):
        WRITERS[form](breaking(), target)
    assert target == b"old"


@each
def test_data_that_breaks_half_way_leaves_the_old_file_as_it_was(form: str, tmp_path: Path):
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
        ({"titel": "x"}, "write_xlsx has no option 'titel'; it has about, author, autofilter"),
        ({"delimiter": ";"}, "write_xlsx has no option 'delimiter'"),
        ({"zebra": "odd"}, "^zebra: "),
        ({"columns": ["a"]}, "^columns: must be a dict, as"),
        ({"columns": {"a": {"kid": "date"}}}, r"^columns\.a\.kid: there is no such option"),
        ({"title": 5}, "^title: must be text"),
        ({"columns": {"amount": "mony"}}, "columns.amount.*'mony' is no kind"),
        ({"columns": {"amount": {"widht": 3}}}, "columns.amount.widht"),
        ({"timezone": "Mars/Base"}, "'Mars/Base' is no IANA time zone"),
        ({"locale": "?"}, "is no language tag"),
        ({"logo": "no/logo.png"}, "^logo: cannot read no/logo.png: No such file"),
        ({"logo": b"GARBAGE"}, "^logo: the file is no image"),
        ({"template": Path("none.xlsx")}, "^template: cannot read none.xlsx: No such file"),
        ({"password": ["a"]}, "^password: must be text"),
        ({"facts": {"Year": 2026}}, r"^facts\.Year: must be text"),
    ],
)
def test_a_wrong_option_is_refused_in_words(options: dict[str, Any], said: str, tmp_path: Path):
    with pytest.raises(prelo.Invalid, match=said):
        prelo.write_xlsx(FRAME, tmp_path / "made.xlsx", **options)
    assert left_in(tmp_path) == []


SHEETS: dict[str, Any] = {"Main": FRAME, "Costs": FRAME}


@pytest.mark.parametrize(
    ("its", "said"),
    [
        (
            {"columns": {"amount": {"kid": "date"}}},
            r"^sheets\.Costs\.columns\.amount\.kid: there is no",
        ),
        (
            {"columns": {"amount": "mony"}},
            r"^sheets\.Costs\.columns\.amount\.kind: 'mony' is no kind",
        ),
        ({"titel": "x"}, r"^sheets\.Costs\.titel: there is no such option"),
        ({"zebra": "odd"}, r"^sheets\.Costs\.(xlsx\.)?zebra: "),
        ({"charts": [{"x": "city"}]}, r"^sheets\.Costs\.(xlsx\.)?charts\.0\.y: "),
        ({"logo": "none.png"}, "logo: cannot read none.png"),
        ({"password": "x"}, "the sheet 'Costs' has no .*password of its own: it is the workbook's"),
        ("Costs", r"^sheets\.Costs: "),
    ],
)
def test_a_wrong_option_of_a_sheet_is_named_with_its_place(its: Any, said: str):
    target = bytearray(b"old")
    with pytest.raises(prelo.Invalid, match=said):
        prelo.write_xlsx(SHEETS, target, sheets={"Costs": its})
    assert target == b"old"


def test_the_keywords_of_a_sheet_are_those_of_the_workbook():
    target = bytearray()
    its: dict[str, Any] = {
        "title": "What it cost", "columns": {"amount": prelo.Column("Paid", kind="money:EUR")},
        "freeze_columns": 1, "logo": PNG,
    }  # fmt: skip
    prelo.write_xlsx(SHEETS, target, title="All", sheets={"Costs": its})
    book = openpyxl.load_workbook(io.BytesIO(target))
    main, costs = book["Main"], book["Costs"]
    assert {"All", "city"} <= words(main)
    assert {"What it cost", "Paid"} <= words(costs)
    assert main.freeze_panes != costs.freeze_panes


def words(sheet: Any) -> set[Any]:
    return {cell.value for row in sheet.iter_rows() for cell in row}


def test_a_logo_and_a_template_are_paths_or_bytes(tmp_path: Path):
    def made(data: object, **options: Any) -> bytes:
        target = bytearray()
        prelo.write_xlsx(data, target, **options)
        return bytes(target)

    book = openpyxl.Workbook()
    sheet = book.worksheets[0]
    sheet["A1"], sheet["B1"] = "{{rows}}{{city}}", "{{amount}}"
    book.save(tmp_path / "frame.xlsx")
    (tmp_path / "logo.png").write_bytes(PNG)
    for option, name in (("logo", "logo.png"), ("template", "frame.xlsx")):
        path = tmp_path / name
        by_bytes = made(FRAME, **{option: path.read_bytes()})
        assert by_bytes == made(FRAME, **{option: path}) == made(FRAME, **{option: str(path)})
        assert by_bytes != made(FRAME)


def test_attachments_and_fonts_are_paths_or_bytes(tmp_path: Path):
    path = tmp_path / "note.txt"
    path.write_bytes(b"a note")
    for content in (b"a note", bytearray(b"a note"), path, str(path)):
        made = io.BytesIO()
        prelo.write_pdf(FRAME, made, attachments={"note.txt": content})
        assert pypdf.PdfReader(made).attachments == {"note.txt": [b"a note"]}
    wrong: list[dict[str, Any]] = [{"attachments": {"a": "no.txt"}}, {"fonts": ["no.txt"]}]
    for options in wrong:
        with pytest.raises(
            prelo.Invalid, match=r"^(attachments\.a|fonts): cannot read no\.txt: No"
        ):
            prelo.write_pdf(FRAME, bytearray(), **options)
    with pytest.raises(prelo.Invalid, match="attachments: must be a dict"):
        prelo.write_pdf(FRAME, bytearray(), attachments=[str(path)])  # pyright: ignore[reportArgumentType]  the point


def test_documents_that_are_files_of_their_own_are_named_as_a_zip(tmp_path: Path):
    (tmp_path / "page.html").write_text("<p>{{ group.city }}</p>")
    options: Any = {"document": tmp_path / "page.html", "per": "city", "files": "zip"}
    with pytest.raises(prelo.Invalid, match=r"makes a ZIP of documents: name it made\.zip"):
        prelo.write_pdf(FRAME, tmp_path / "made.pdf", **options)
    prelo.write_pdf(FRAME, tmp_path / "made.zip", **options)
    with zipfile.ZipFile(tmp_path / "made.zip") as files:
        assert files.namelist() == ["Köln.pdf", "Zürich.pdf"]


def test_workbooks_split_into_files_are_named_as_a_zip(tmp_path: Path):
    for name in ("made.xlsx", "made"):
        with pytest.raises(prelo.Invalid, match=r"makes a ZIP of workbooks: name it made\.zip"):
            prelo.write_xlsx(FRAME, tmp_path / name, overflow="split_files")
    assert left_in(tmp_path) == []
    out = io.BytesIO()
    for target in (tmp_path / "made.ZIP", str(tmp_path / "made.zip"), out):
        prelo.write_xlsx(FRAME, target, overflow="split_files", rows_per_sheet=1)
    for target in (tmp_path / "made.ZIP", tmp_path / "made.zip", out):
        with zipfile.ZipFile(target) as files:
            assert len(files.namelist()) == 2
    prelo.write_csv(FRAME, tmp_path / "made.csv", overflow="split_files")


def test_a_dict_of_columns_is_refused_with_what_to_do(tmp_path: Path):
    columns = {"city": ["Bern", "Genf"], "amount": [1, 2]}
    for writer in WRITERS.values():
        with pytest.raises(prelo.PreloError, match=r"polars\.DataFrame\("):
            writer(columns, tmp_path / "made")
    assert left_in(tmp_path) == []


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"kind": "money"}, "^kind: 'money': money, and only money, names its currency"),
        ({"widht": 3}, "^a column has no option 'widht'"),
        ({"highlight": {"show": "cell"}}, r"^highlight\.0: 'cell' needs a 'when'"),
    ],
)
def test_a_wrong_column_is_refused_in_words(options: dict[str, Any], said: str):
    with pytest.raises(prelo.Invalid, match=said):
        prelo.Column("Paid", **options)


def test_a_password_is_in_no_error():
    secret = "geheim"
    wrongs: list[dict[str, Any]] = [
        {"zebra": "odd"},
        {"password": [secret]},
        {"sheets": {"Costs": {"password": secret}}},
    ]
    for wrong in wrongs:
        options: dict[str, Any] = {"password": secret} | wrong
        with pytest.raises(prelo.Invalid) as caught:
            prelo.write_xlsx(SHEETS, bytearray(), **options)
        assert secret not in str(caught.value)


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
