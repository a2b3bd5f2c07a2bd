"""`prelo render`, option by option: workbooks read back by others, and mistakes as sentences."""

import io
import json
import os
import pty
import select
import subprocess
import sys
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msoffcrypto
import openpyxl
import pytest
from PIL import Image

from tests import forks

CITIES = [("Bern", 134_000), ("Genf", 204_000), ("Zürich", 448_000)]
LAYOUT = """
title: From the layout
columns: {people: {title: People, kind: integer, total: sum}}
logo: !file logo.png
sheets:
  offices: {title: Our offices, columns: {code: code}}
"""
REPORTS = """
name: split
source: {names: [a], rows: [[1], [2]]}
overflow: split_files
---
name: plain
source: {names: [a], rows: [[1], [2]]}
"""


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with data, a layout, a logo, a template and a catalog."""
    folder = tmp_path_factory.mktemp("home")
    lines = ["name,people", *(f"{name},{people}" for name, people in CITIES)]
    (folder / "cities.csv").write_text("\n".join(lines), encoding="utf-8")
    (folder / "offices.csv").write_text("code,office\n0017,Bern\n")
    (folder / "Cities.jsonl").write_text('{"a": 1}\n')
    (folder / "elsewhere").mkdir()
    (folder / "elsewhere/more.csv").write_text("a\n1\n")
    (folder / "look.yaml").write_text(LAYOUT)
    (folder / "wrong.yaml").write_text("title: Wrong\ncolums: {}\n")
    Image.new("RGB", (40, 20), "red").save(folder / "logo.png")
    book = openpyxl.Workbook()
    sheet = book.worksheets[0]
    sheet["A1"], sheet["A2"], sheet["B2"] = "{{title}}", "{{rows}}{{name}}", "{{people}}"
    book.save(folder / "frame.xlsx")
    (folder / "reports").mkdir()
    (folder / "reports/all.yaml").write_text(REPORTS)
    return folder


def command(*words: str) -> list[str]:
    return [sys.executable, "-m", "prelo", "render", *words]


def environment() -> dict[str, str]:
    return {k: v for k, v in os.environ.items() if not k.startswith("PRELO_")} | {"COLUMNS": "300"}


def render(home: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return forks.prelo(["render", *words], home, environment())


def made(home: Path, target: Path, *words: str) -> Any:
    """The workbook that these words make."""
    ran = render(home, *words, "-o", str(target))
    assert ran.returncode == 0, ran.stderr
    return openpyxl.load_workbook(target)


def cells(sheet: Any) -> list[list[Any]]:
    rows = [[cell for cell in row if cell is not None] for row in sheet.iter_rows(values_only=True)]
    return [row for row in rows if row]


def test_several_inputs_are_several_sheets_with_a_layout_for_each(home: Path, tmp_path: Path):
    book = made(home, tmp_path / "made.xlsx", "cities.csv", "offices.csv", "--layout", "look.yaml")
    assert book.sheetnames == ["cities", "offices"]
    cities, offices = book
    assert cells(cities)[:3] == [["From the layout"], ["name", "People"], ["Bern", 134_000]]
    assert cells(offices) == [["Our offices"], ["code", "office"], ["0017", "Bern"]]
    assert len(cities._images) == 1


def test_an_option_counts_more_than_the_layout(home: Path, tmp_path: Path):
    words = ["cities.csv", "offices.csv", "--layout", "look.yaml", "--title", "Mine"]
    words += ["--label", "people=Heads", "--sheet", "All of them"]
    book = made(home, tmp_path / "made.xlsx", *words)
    assert book.sheetnames == ["All of them", "offices"]
    assert cells(book["All of them"])[:2] == [["Mine"], ["name", "Heads"]]
    assert "SUBTOTAL" in str(cells(book["All of them"])[-1])


def test_a_table_a_logo_and_a_sheet_about_the_workbook(home: Path, tmp_path: Path):
    words = ["cities.csv", "--table", "--info", "--logo", "logo.png", "--title", "Cities"]
    book = made(home, tmp_path / "made.xlsx", *words)
    cities, about = book
    assert [table.ref for table in cities.tables.values()] != []
    assert len(cities._images) == 1
    assert ["Title", "Cities"] in cells(about)


def test_a_template_is_filled(home: Path, tmp_path: Path):
    words = ["cities.csv", "--template", "frame.xlsx", "--title", "Cities"]
    book = made(home, tmp_path / "made.xlsx", *words)
    assert cells(book.worksheets[0]) == [["Cities"], *map(list, CITIES)]


@pytest.mark.parametrize("words", [["cities.csv"], ["-r", "split"]])
def test_a_zip_holds_workbooks(home: Path, tmp_path: Path, words: list[str]):
    target = tmp_path / "made.zip"
    ran = render(home, *words, "-o", str(target), "--json")
    assert json.loads(ran.stdout)["manifest"]["format"] == "xlsx", ran.stderr
    with zipfile.ZipFile(target) as files:
        assert [name.endswith("1.xlsx") for name in files.namelist()] == [True]
        assert openpyxl.load_workbook(io.BytesIO(files.read(files.namelist()[0])))


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["cities.csv", "none.csv", "-o", "x.xlsx"], 3, "there is no file none.csv"),
        (["cities.csv", "elsewhere/more.csv", "-o", "x.xlsx"], 2, "must be in one folder"),
        (["cities.csv", "Cities.jsonl", "-o", "x.xlsx"], 2, "two sheets would be named 'Cities'"),
        (["cities.csv", "offices.csv", "-o", "x.pdf"], 2, "a .pdf holds one INPUT"),
        (["cities.csv", "-r", "plain", "-o", "x.xlsx"], 2, "give either an INPUT file or"),
        (["cities.csv", "-o", "x.xlsx", "--layout", "no.yaml"], 2, "no.yaml: the file cannot be"),
        (
            ["cities.csv", "-o", "x.xlsx", "--layout", "wrong.yaml"],
            2,
            "line 2, colums: there is no",
        ),
        (["cities.csv", "-o", "x.xlsx", "--layout", "look.yaml"], 2, "sheets.offices.source: it"),
        (["-r", "plain", "-o", "x.xlsx", "--layout", "look.yaml"], 2, "is for INPUT files"),
        (["cities.csv", "-o", "x.xlsx", "--template", "no.xlsx"], 3, "cannot read no.xlsx"),
        (
            ["cities.csv", "-o", "x.xlsx", "--template", "logo.png"],
            1,
            "the template is no workbook",
        ),
        (["cities.csv", "-o", "x.csv", "--template", "frame.xlsx"], 2, "is for workbooks, and"),
        (["cities.csv", "-o", "x.xlsx", "--logo", "no.png"], 3, "cannot read no.png: No such file"),
        (["cities.csv", "-o", "x.xlsx", "--logo", "cities.csv"], 2, "logo: the file is no image"),
        (["cities.csv", "-o", "x.xlsx", "--overflow", "maybe"], 2, "overflow: should be 'split_sh"),
        (["cities.csv", "-o", "x.xlsx", "--overflow", "split_files"], 2, "name it x.zip"),
        (["-r", "split", "-o", "x.xlsx"], 2, "name it x.zip"),
        (["cities.csv", "-o", "x.zip", "--overflow", "fail"], 2, "end 'x.zip' in .xlsx"),
        (["cities.csv", "-o", "x.csv", "--info"], 2, "is for workbooks, and 'x.csv' is none"),
        (["cities.csv", "-o", "x.xlsx", "--password"], 2, "asks on a terminal, and there is none"),
        (["cities.csv", "-o", "x.xlsx", "--sheet", "a/b"], 1, "cannot be named 'a/b'"),
    ],
)
def test_a_mistake_is_one_sentence_and_leaves_nothing(
    home: Path, words: list[str], code: int, said: str
):
    ran = render(home, *words)
    assert said in ran.stderr
    assert (ran.returncode, ran.stdout) == (code, "")
    assert "Traceback" not in ran.stderr
    assert [path.name for path in home.iterdir() if path.name.startswith(("x.", ".x"))] == []


def typed(home: Path, words: Sequence[str], answers: Sequence[str]) -> tuple[int, str]:
    """Run on a terminal, and type each of the answers when it is asked for; the exit code and the screen."""
    ours, theirs = pty.openpty()
    with subprocess.Popen(
        command(*words), cwd=home, env=environment(), stdin=theirs, stdout=theirs, stderr=theirs,
        start_new_session=True,
    ) as run:  # fmt: skip
        os.close(theirs)
        screen, waiting = b"", list(answers)
        # The space comes last: what is typed before it would be thrown away.
        while piece := _heard(ours):
            screen += piece
            if waiting and screen.endswith(b": "):
                os.write(ours, waiting.pop(0).encode() + b"\n")
        os.close(ours)  # whoever still waits for an answer is hung up on
        code = run.wait(30)
    assert waiting == []
    return code, screen.decode()


def _heard(terminal: int) -> bytes:
    ready, _, _ = select.select([terminal], [], [], 20)
    try:
        return os.read(terminal, 4096) if ready else b""
    except OSError:  # on Linux, how a terminal says that nobody holds its other end
        return b""


def test_a_password_is_asked_for_twice_and_never_shown(home: Path, tmp_path: Path):
    target = tmp_path / "made.xlsx"
    words = ["cities.csv", "-o", str(target), "--password"]
    answers = ["tresor", "tressor", "schlüssel 1", "schlüssel 1"]
    code, screen = typed(home, words, answers)
    assert code == 0, screen
    assert "do not match" in screen
    assert not [answer for answer in answers if answer in screen]
    office = msoffcrypto.OfficeFile(io.BytesIO(target.read_bytes()))
    office.load_key(password="schlüssel 1")
    office.decrypt(opened := io.BytesIO())
    assert cells(openpyxl.load_workbook(opened).worksheets[0])[1:] == [list(c) for c in CITIES]
