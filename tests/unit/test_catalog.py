"""A catalog kept as a folder."""

import sys
from pathlib import Path

import pytest

from prelo.adapters.catalog_folder import load_catalog
from prelo.core.errors import Misconfigured

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
