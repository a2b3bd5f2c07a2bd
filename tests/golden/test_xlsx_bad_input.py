"""What cannot be a workbook is refused with a sentence, and leaves nothing behind."""

import io
import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow as pa
import pytest
from books import LOGO, by_calamine, image, made, opened, parts_of
from disks import assert_old_file_stays
from office import faults
from templates import small

from prelo import write_xlsx
from prelo.core.errors import FormatFailed, Invalid, PreloError, SourceInvalid

DATA = pl.DataFrame({"k": ["x", "y"], "v": [1, 2], "w": [3.5, 4.5]})
BAD: dict[str, tuple[dict[str, Any], type[PreloError], str]] = {
    "no image": ({"logo": b"hello"}, Invalid, "logo: the file is no image"),
    "drawn image": ({"logo": b"<svg/>"}, FormatFailed, "the logo is an SVG, which a workbook does not hold"),
    "image cut": ({"logo": LOGO[:60]}, FormatFailed, "the logo is a damaged image"),
    "image head": ({"logo": LOGO[:8]}, FormatFailed, "the logo is a damaged image"),
    "jpeg head": ({"logo": b"\xff\xd8\xff"}, FormatFailed, "the logo is a damaged image"),
    "gif head": ({"logo": b"GIF89a"}, FormatFailed, "the logo is a damaged image"),
    "bmp of nothing": ({"logo": b"BM" + bytes(100)}, FormatFailed, "the logo is a damaged image"),
    "no such image": ({"logo": "/no/such.png"}, Invalid, "logo: cannot read /no/such.png: No such"),
    "password": ({"password": ""}, FormatFailed, "password is empty"),
    "chart of texts": (
        {"charts": [{"x": "v", "y": "k"}]},
        FormatFailed,
        "'k', which is a text; it needs a column of numbers",
    ),
    "table of groups": (
        {"group_by": "k", "table": True},
        FormatFailed,
        "'table' is for rows without headings",
    ),
    "chart of groups": (
        {"group_by": "k", "charts": [{"x": "k", "y": "v"}]},
        FormatFailed,
        "'charts' is for rows without headings",
    ),
    "property name": ({"properties": {"": "v"}}, FormatFailed, "the property '' must have a name"),
    "long property": ({"properties": {"k": "v" * 256}}, FormatFailed, "at most 255 characters"),
    "property": ({"properties": {"k": "\x08"}}, FormatFailed, "'k' has a control character"),
    "format": (
        {"columns": {"v": {"format": "0\x08"}}},
        FormatFailed,
        "the format of the column 'v' is none",
    ),
    "long format": (
        {"columns": {"v": {"format": "0" * 256}}},
        FormatFailed,
        "it must have at most 255 characters",
    ),
    "title": ({"title": "a\ud800"}, Invalid, "half a character"),
    "facts": ({"facts": {"k": "\udfff"}}, Invalid, "half a character"),
    "title of a column": (
        {"columns": {"v": {"title": "\ud800"}}},
        Invalid,
        "half a character",
    ),
    "sheet of a sheet": (
        {"sheets": {"x": {"rows_per_sheet": 3}}},
        Invalid,
        "^the sheet 'x' has no xlsx.rows_per_sheet of its own",
    ),
    "no rows a sheet": ({"rows_per_sheet": 0}, Invalid, "rows_per_sheet: should be greater"),
    "template": ({"template": b"PK\3\4xx"}, FormatFailed, "the template is no workbook"),
    "no template": ({"template": "/no/such.xlsx"}, Invalid, "template: cannot read /no/such.xlsx"),
    "template and chart": (
        {"template": small({"A1": "{{k}}"}), "charts": [{"x": "k", "y": "v"}]},
        FormatFailed,
        "a template has no place for 'charts'",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", list(BAD))
def test_wrong_options_are_refused_with_a_sentence_and_no_file(name: str, tmp_path: Path):
    options, error, sentence = BAD[name]
    target = tmp_path / "out.xlsx"
    with pytest.raises(error, match=sentence):
        write_xlsx(DATA, target, **options)
    assert list(tmp_path.iterdir()) == []


STRANGE: dict[str, tuple[Any, str]] = {
    "nothing": (None, "the data is None, and no table"),
    "an empty list": ([], "neither rows nor columns"),
    "no columns": (pl.DataFrame(), "neither rows nor columns"),
    "rows without columns": ([{}], "neither rows nor columns"),
    "no tables": ({}, "empty dict"),
    "a sheet named by a number": ({1: DATA}, "a sheet is named by a text, and 1 is none"),
    "a name twice": (
        pa.table([pa.array([1]), pa.array([2])], names=["a", "a"]),
        "two columns named 'a'; rename one",
    ),
    "bytes": (pa.table({"b": pa.array([b"x"])}), "the column 'b' is binary, which no cell can show"),
    "a list of bytes": (pa.table({"b": pa.array([[b"x"]])}), "the column 'b' has the type list"),
    "a view of lists": (
        pa.table({"b": pa.array([[1]], pa.list_view(pa.int64()))}),
        "the column 'b' has the type list_view",
    ),
    "another type": (
        iter([pl.DataFrame({"a": [1]}), pl.DataFrame({"a": ["x"]})]),
        "column 'a', after row 1: ",
    ),
    "another column": (
        iter([pl.DataFrame({"a": [1]}), pl.DataFrame({"b": [1]})]),
        "after row 1, there is a new column 'b'",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", list(STRANGE))
def test_what_is_no_table_is_refused_with_a_sentence_and_no_file(name: str, tmp_path: Path):
    data, sentence = STRANGE[name]
    with pytest.raises(SourceInvalid, match=sentence):
        write_xlsx(data, tmp_path / "out.xlsx")
    assert list(tmp_path.iterdir()) == []


NAMES = [
    "",
    "v",
    "V",
    "line\nbreak",
    "x" * 300,
    "_x0041_",
    "<&>\"'",
    "a]b[c#@'",
    " v ",
    "\x08tab\t",
]


@pytest.mark.parametrize("table", [False, True])
def test_titles_of_any_length_and_likeness_make_a_file_that_opens(table: bool, tmp_path: Path):  # noqa: FBT001
    columns = {f"c{i}": {"title": title, "total": "sum"} for i, title in enumerate(NAMES)}
    data = pl.DataFrame({f"c{i}": [i] for i in range(len(NAMES))})
    file, _ = made(data, columns=columns, table=table)
    assert faults(file, tmp_path) == []
    titles = by_calamine(file)["Report"][0]
    if not table:
        assert titles == NAMES
        return
    assert len({str(title).casefold() for title in titles}) == len(NAMES)
    (listed,) = opened(file).worksheets[0].tables.values()
    xml = parts_of(file)["xl/tables/table1.xml"].decode()
    assert xml.count("_x005F_x0041_") >= 1
    assert listed.column_names[1] == titles[1] == "v"
    assert listed.column_names[0] == titles[0] == "Column 1"


def test_a_title_longer_than_a_cell_is_cut():
    file, _ = made(DATA, title="t" * 40_000, columns={"v": {"title": "😀" * 40_000}},
                   facts={"k" * 40_000: "😀" * 40_000})  # fmt: skip
    rows = by_calamine(file)["t" * 31]
    assert 10_000 < len(str(rows[0][0])) <= 32_767
    assert "😀" in str(rows[1][0])
    assert max(len(str(v).encode("utf-16-le")) // 2 for row in rows for v in row) <= 32_767


@pytest.mark.parametrize("name", ["B1000001, x", "A1", "R1C1", "x'y", "日本 & <1>", "1000001"])
def test_a_sheet_of_an_odd_name_is_still_referred_to(name: str, tmp_path: Path):
    file, _ = made(DATA, sheet=name, charts=[{"x": "k", "y": "v"}], table=name == "A1",
                   sparklines=[{"title": "S", "first": "v", "last": "w"}])  # fmt: skip
    assert faults(file, tmp_path) == []
    sheet: Any = opened(file)[name]
    quoted = name.replace("'", "''")
    assert sheet._charts[0]._charts[0].series[0].val.numRef.f == f"'{quoted}'!$B$2:$B$3"
    assert sheet.print_title_rows == "$1:$1"


def breaking(error: Exception) -> Iterator[pl.DataFrame]:
    for _ in range(4):
        yield pl.DataFrame({"v": range(10_000), "t": ["text"] * 10_000})
    raise error


@pytest.mark.parametrize("more", [{}, {"password": "x"}, {"overflow": "split_files"}])
def test_a_source_that_breaks_leaves_what_was_there(more: dict[str, Any], tmp_path: Path):
    target = tmp_path / ("out.zip" if "overflow" in more else "out.xlsx")
    target.write_bytes(b"old")
    array = bytearray(b"old")
    stream = io.BytesIO()
    for place in (target, array, stream):
        with pytest.raises(ConnectionResetError, match="gone"):
            write_xlsx(breaking(ConnectionResetError("gone")), place, **more)
    assert target.read_bytes() == b"old"
    assert array == b"old"
    assert list(tmp_path.iterdir()) == [target]
    assert b"PK\5\6" not in stream.getvalue()


def test_a_source_that_breaks_leaves_no_new_file(tmp_path: Path):
    with pytest.raises(ValueError, match="odd"):
        write_xlsx(breaking(ValueError("odd")), tmp_path / "out.xlsx")
    assert list(tmp_path.iterdir()) == []


def test_a_disk_that_fills_is_told_as_a_limit_and_leaves_the_old_file(tmp_path: Path):
    assert_old_file_stays("write_xlsx", tmp_path / "out.xlsx")


def test_a_full_device_that_the_caller_opened_tells_by_its_own_error():
    device = Path("/dev/full")
    with device.open("wb", buffering=0) as full, pytest.raises(OSError, match="No space left"):
        write_xlsx(DATA, full)


@pytest.mark.parametrize(
    ("place", "sentence"),
    [
        ("none/out.xlsx", "there is no folder"), ("file/out.xlsx", "there is no folder"),
        ("", "it is a folder; add a file name"), ("x" * 300 + ".xlsx", "File name too long"),
        ("pipe", "it is no file; open it for bytes"),
    ],
)  # fmt: skip
def test_a_place_that_takes_no_file_is_refused(place: str, sentence: str, tmp_path: Path):
    (tmp_path / "file").touch()
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(Invalid, match=sentence):
        write_xlsx(DATA, tmp_path / place)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file", "pipe"]
    assert stat.S_ISFIFO((tmp_path / "pipe").stat().st_mode)


def test_a_folder_of_the_system_is_refused():
    with pytest.raises(Invalid, match="cannot write /proc/out"):
        write_xlsx(DATA, "/proc/out.xlsx")


def test_a_file_may_have_the_longest_name_there_is(tmp_path: Path):
    target = tmp_path / ("山" * 83 + ".xlsx")
    write_xlsx(DATA, target)
    assert by_calamine(target.read_bytes())["Report"][1:] == [["x", 1, 3.5], ["y", 2, 4.5]]


def test_a_dict_of_tables_is_not_split_over_files_but_one_in_a_dict_is():
    with pytest.raises(FormatFailed, match="split_files is for one table"):
        made({"A": DATA, "B": DATA}, overflow="split_files", rows_per_sheet=1)
    file, manifest = made({"A": DATA}, overflow="split_files", rows_per_sheet=1)
    assert manifest.rows == 2
    read = [by_calamine(book) for book in parts_of(file).values()]
    assert read == [
        {"A": [["k", "v", "w"], ["x", 1, 3.5]]},
        {"A": [["k", "v", "w"], ["y", 2, 4.5]]},
    ]


def test_a_target_that_is_none_is_refused():
    for target in (3, None, io.StringIO()):
        with pytest.raises(Invalid, match="the target is"):
            write_xlsx(DATA, target)  # pyright: ignore[reportArgumentType]


def test_a_logo_of_one_pixel_is_drawn(tmp_path: Path):
    assert faults(made(DATA, logo=image("png", 1, 1))[0], tmp_path) == []
