"""A catalog kept as a folder."""

import sys
import traceback
from pathlib import Path

import pytest

from prelo.adapters.catalog_folder import load_catalog, load_layout
from prelo.core.errors import Misconfigured
from prelo.core.report import Report

GOOD = "name: good\nsource: {query: select 1}\n"
FUNCTION = """
from dataclasses import dataclass
from datetime import date
import prelo

@dataclass
class Helper:
    value: "int"

@prelo.report(title="Made {start}")
def made_here(start: date, *, sources):
    return []

@prelo.report(name="second")
def another():
    return []
"""


def folder(tmp_path: Path, **files: str) -> Path:
    for name, text in files.items():
        (tmp_path / name.replace("__", ".")).write_text(text, encoding="utf-8")
    return tmp_path


def test_yaml_documents_and_python_functions_are_reports(tmp_path: Path):
    place = folder(
        tmp_path,
        a__yaml=GOOD + "---\nname: two\nsource: {file: x.csv}\n---\n",
        b__yml="name: three\ntitle: Dreißig\nsource: {query: select 1}\n",
        c__py=FUNCTION,
        _draft__yaml="not: [read",
        notes__md="# no report",
    )
    catalog = load_catalog(place)
    assert [report.name for report in catalog] == ["good", "made-here", "second", "three", "two"]
    assert catalog.get("three").title == "Dreißig"
    assert catalog.get("made-here").source.python == "c.py:made_here"


def test_a_changed_function_makes_another_report(tmp_path: Path):
    yaml = "name: y\nsource: {python: 'c.py:another'}\n"
    before = load_catalog(folder(tmp_path, c__py=FUNCTION, y__yaml=yaml))
    again = load_catalog(tmp_path)
    after = load_catalog(folder(tmp_path, c__py=FUNCTION.replace("[]", "[{'a': 1}]")))
    for name in ("made-here", "y"):
        assert before.get(name).digest == again.get(name).digest
        assert before.get(name).digest != after.get(name).digest


def test_loading_leaves_no_trace_on_the_path(tmp_path: Path):
    before = list(sys.path)
    load_catalog(folder(tmp_path, json__py=FUNCTION))
    assert sys.path == before
    assert sys.modules["json"].__name__ == "json"


def test_versions_of_a_report_live_together(tmp_path: Path):
    catalog = load_catalog(folder(tmp_path, a__yaml=GOOD, b__yaml=GOOD + "version: 2\n"))
    assert catalog.get("good").version == 2
    assert catalog.get("good", 1).version == 1


@pytest.mark.parametrize(
    ("file", "text", "said"),
    [
        ("a.yaml", "name: x\n  bad: [1\n", r"a\.yaml, line 2: .*mend the YAML"),
        ("a.yaml", "name: x\nname: y\n", r"a\.yaml, line 2: 'name' stands here twice"),
        ("a.yaml", "- a\n- b\n", r"a\.yaml, line 1: a report is a mapping"),
        ("a.yaml", "just text\n", r"line 1: a report is a mapping"),
        ("a.yaml", GOOD + "---\nname: x\n", r"line 4, source: it must be given"),
        ("a.yaml", GOOD + "titel: x\n", r"line 3, titel: there is no such setting"),
        (
            "a.yaml",
            GOOD + "columns:\n  a: integer\n  b: {kind: mony}\n",
            r"line 5, columns\.b\.kind: 'mony' is no kind",
        ),
        ("a.yaml", GOOD + "limits: {rows: -1}\n", r"line 3, limits\.rows: it should be greater"),
        ("a.yaml", GOOD + "formats: [xlsx, doc]\n", r"line 3, formats\.1: it should be 'xlsx'"),
        ("a.yaml", "name: x\nsource: {python: 'no.py:f'}\n", r"line 1: .*'no\.py' cannot be read"),
        ("a.yaml", "name: x\nsource: {}\n", r"line 2, source: a source is exactly one"),
        ("b.py", "def f(:\n", r"b\.py, line 1: SyntaxError"),
        ("b.py", "\n\n1 / 0\n", r"b\.py, line 3: ZeroDivisionError"),
        ("b.py", "import prelo\n@prelo.report()\ndef f(a): ...\n", r"line 2: .*'a' needs a type"),
    ],
)
def test_a_broken_file_is_said_with_its_place(tmp_path: Path, file: str, text: str, said: str):
    (tmp_path / file).write_text(text)
    with pytest.raises(Misconfigured, match=said):
        load_catalog(tmp_path)


def test_bytes_that_are_no_text_are_said(tmp_path: Path):
    (tmp_path / "a.yaml").write_bytes(b"name: \xff\n")
    with pytest.raises(Misconfigured, match=r"a\.yaml: the file cannot be read as YAML"):
        load_catalog(tmp_path)


def test_the_same_report_twice_names_both_files(tmp_path: Path):
    with pytest.raises(Misconfigured, match=r"b\.yaml: .*'good', version 1.* a\.yaml"):
        load_catalog(folder(tmp_path, a__yaml=GOOD, b__yaml=GOOD))


def test_no_folder_and_an_empty_folder(tmp_path: Path):
    assert len(load_catalog(tmp_path)) == 0
    with pytest.raises(Misconfigured, match="is no folder"):
        load_catalog(tmp_path / "nowhere")


PNG = b"\x89PNG\r\n\x1a\n"
FRAMED = """name: framed
source: {python: '_own.py:another'}
logo: !file logo.png
xlsx: {template: !file frames/orders.xlsx, password: !file password.txt}
pdf: {password: !file opens.txt, owner_password: !file owns.txt, fonts: [!file own.ttf]}
sheets:
  More:
    source: {python: '_more.py:another'}
"""


FILES = {
    "logo.png": PNG,
    "frames/orders.xlsx": b"a book",
    "password.txt": b"geheim\n",
    "opens.txt": "Schlüssel\r\n".encode(),
    "owns.txt": b" owner ",
    "own.ttf": b"a font",
    "_own.py": FUNCTION.encode(),
    "_more.py": FUNCTION.encode(),
}


def framed(tmp_path: Path, **changed: bytes) -> Report:
    """The report of a catalog with files beside it; `changed` has the content of some of them."""
    (tmp_path / "frames").mkdir(exist_ok=True)
    for name, content in (FILES | changed).items():
        (tmp_path / name).write_bytes(content)
    return load_catalog(folder(tmp_path, a__yaml=FRAMED)).get("framed")


def test_a_file_beside_the_catalog_is_part_of_the_report(tmp_path: Path):
    report = framed(tmp_path)
    assert (report.logo, report.xlsx.template) == (PNG, b"a book")
    words = (report.xlsx.password, report.pdf.password, report.pdf.owner_password)
    assert [word and word.get_secret_value() for word in words] == [
        "geheim", "Schlüssel", " owner ",
    ]  # fmt: skip
    assert report.pdf.fonts == (b"a font",)
    assert not [secret for secret in ("geheim", "Schlüssel", "owner ") if secret in repr(report)]


@pytest.mark.parametrize(
    ("file", "content"),
    [
        ("logo.png", PNG + b"other"), ("frames/orders.xlsx", b"another book"),
        ("password.txt", b"other\n"), ("opens.txt", b"other"), ("owns.txt", b"other"),
        ("_own.py", b"# changed"), ("_more.py", b"# changed"),
    ],
)  # fmt: skip
def test_a_changed_file_makes_another_report(tmp_path: Path, file: str, content: bytes):
    before = framed(tmp_path).digest
    assert framed(tmp_path).digest == before
    assert framed(tmp_path, **{file: content}).digest != before


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("none.png", r"line 2: the file 'none\.png' cannot be read: No such file"),
        ("../logo.png", r"line 2: the file '\.\./logo\.png' cannot be read: it is not in "),
        ("/etc/passwd", r"line 2: the file '/etc/passwd' cannot be read: it is not in "),
        ("[a, b]", r"line 2: the file '' cannot be read"),
    ],
)
def test_a_file_that_cannot_be_read_is_said_with_its_line(tmp_path: Path, name: str, said: str):
    (tmp_path / "logo.png").write_bytes(PNG)
    (tmp_path / "below").mkdir()
    with pytest.raises(Misconfigured, match=said):
        load_catalog(folder(tmp_path / "below", a__yaml=f"name: x\nlogo: !file {name}\n"))


@pytest.mark.parametrize(
    ("file", "option"),
    [
        ("password.txt", "xlsx.password"),
        ("opens.txt", "pdf.password"),
        ("owns.txt", "pdf.owner_password"),
    ],
)
def test_a_password_file_that_is_no_text_is_refused(tmp_path: Path, file: str, option: str):
    with pytest.raises(Misconfigured, match=rf"a\.yaml, line 1: {option}: .*no text in UTF-8") as e:
        framed(tmp_path, **{file: b"%b\xff" % FILES["password.txt"]})
    assert "geheim" not in "".join(traceback.format_exception(e.value))


@pytest.mark.parametrize(
    ("form", "wrong"),
    [
        ("xlsx", "tabel: yes"), ("xlsx", "zebra: odd"), ("xlsx", "freeze_columns: [1]"),
        ("pdf", "owner_password: [geheim]"), ("pdf", "margin: wide"), ("pdf", "archive: 2b"),
    ],
)  # fmt: skip
def test_a_password_is_in_no_error_and_not_in_what_led_to_it(tmp_path: Path, form: str, wrong: str):
    text = f"name: x\nsource: {{query: q}}\n{form}:\n  password: geheim\n  {wrong}\n"
    sheets = "sheets: {s: {source: {query: q}, xlsx: {password: geheim}}}\n"
    for content in (text, GOOD + sheets, GOOD + "xlsx: {password: [geheim]}\n"):
        with pytest.raises(Misconfigured) as caught:
            load_catalog(folder(tmp_path, a__yaml=content))
        assert "geheim" not in "".join(traceback.format_exception(caught.value))
        assert "line" in str(caught.value)


def test_a_report_crosses_to_the_press_as_json_with_its_files_and_its_password(tmp_path: Path):
    report = framed(tmp_path)
    back = Report.model_validate_json(report.model_dump_json())
    assert back == report
    assert back.digest == report.digest
    assert back.xlsx.password
    assert back.xlsx.password.get_secret_value() == "geheim"
    assert "geheim" not in repr(report) + str(report)


SHOWN = "title: Top\ncolumns: {a: integer}\nxlsx: {sheet: First}\n"


def test_a_layout_of_its_own_says_how_known_rows_look(tmp_path: Path):
    path = folder(tmp_path, look__yaml=SHOWN + "sheets: {More: {title: Second}}\n") / "look.yaml"
    known = {
        "name": "file",
        "source": {"file": "a.csv"},
        "sheets": {"More": {"source": {"file": "b.csv"}}, "Last": {"source": {"file": "c.csv"}}},
    }
    report = load_layout(path, known)
    assert (report.title, report.xlsx.sheet, report.source.file) == ("Top", "First", "a.csv")
    assert [(n, s.title, s.source.file) for n, s in report.sheets.items()] == [
        ("More", "Second", "b.csv"), ("Last", "", "c.csv"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", r"look\.yaml: .* how one report looks .*; it has 0"),
        ("title: a\n---\ntitle: b\n", r"; it has 2"),
        ("- a\n", r"line 1: a report is a mapping"),
        ("title: a\ncolums: {}\n", r"line 2, colums: there is no such setting"),
        ("title: [a\n", r"line 2: .*mend the YAML"),
    ],
)
def test_a_wrong_layout_is_said_with_its_line(tmp_path: Path, text: str, said: str):
    path = folder(tmp_path, look__yaml=text) / "look.yaml"
    with pytest.raises(Misconfigured, match=said):
        load_layout(path, {"name": "file", "source": {"file": "a.csv"}})
    with pytest.raises(Misconfigured, match="cannot be read: No such file"):
        load_layout(tmp_path / "none.yaml", {})
