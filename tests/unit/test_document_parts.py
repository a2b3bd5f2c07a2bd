"""Parts of PDF documents that need no page: groups over frames, files and their names, missing packages."""

import sys
from importlib import import_module
from itertools import pairwise
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from prelo.core.errors import FormatFailed
from prelo.core.page import Document, PdfOptions
from prelo.formats.pdf.document import needed
from prelo.formats.pdf.document.folder import Folder
from prelo.formats.pdf.document.names import FileNames
from prelo.formats.pdf.document.parts import parted

rows = st.lists(st.tuples(st.integers(0, 2) | st.none(), st.sampled_from("ab")), max_size=30)


@settings(deadline=None)
@given(rows=rows, cuts=st.lists(st.integers(0, 30)), per=st.sampled_from([(), ("n",), ("n", "t")]))
def test_documents_are_the_runs_of_equal_values_however_the_frames_are_cut(
    rows: list[tuple[int | None, str]], cuts: list[int], per: tuple[str, ...]
):
    whole = pl.DataFrame(rows, schema={"n": pl.Int64, "t": pl.String}, orient="row")
    bounds = sorted({0, len(rows), *(cut for cut in cuts if cut < len(rows))})
    frames = [whole[start:end] for start, end in pairwise(bounds)]
    expected: list[list[tuple[int | None, str]]] = []
    keys: list[object] = []
    for row in rows:
        key = row[: len(per)]
        if not keys or keys[-1] != key:
            expected.append([])
            keys.append(key)
        expected[-1].append(row)
    assert [part.rows() for part in parted(iter(frames), per)] == expected


@given(st.lists(st.text(), max_size=20))
def test_names_of_files_are_safe_and_no_two_alike(texts: list[str]):
    names = FileNames()
    found = [names.take(text) for text in texts]
    assert len({name.casefold() for name in found}) == len(found)
    for name in found:
        assert not set(name) & set('<>|":*?/\\\0\n\u202e')
        assert name == name.strip(" ")
        assert not name.startswith(".")
        assert len(name.encode()) < 200


@pytest.mark.parametrize("device", ["con", "NUL", "com1", "lpt9.x"])
def test_names_that_a_system_keeps_for_itself_are_changed(device: str):
    assert FileNames().take(device) == f"_{device}.pdf"


def test_a_template_is_its_folder_and_its_name(tmp_path: Path):
    made = PdfOptions.model_validate({"document": "letters/one.html", "cover": Path("cover.html")})
    assert made.document == Document(template="one.html", folder="letters")
    assert made.cover == Document(template="cover.html", folder=".")
    with pytest.raises(ValidationError, match="a finished PDF can be a cover or an annex"):
        PdfOptions.model_validate({"document": "letters/one.pdf"})


def test_files_too_large_links_in_circles_and_folders_are_no_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    folder = Folder(str(tmp_path))
    (tmp_path / "round").symlink_to("round")
    (tmp_path / "sub").mkdir()
    assert folder.find("round") is None
    assert folder.find("sub") is None
    assert folder.find("x" * 5000) is None
    (tmp_path / "big.png").write_bytes(b"123")
    assert folder.read("big.png") == b"123"
    monkeypatch.setattr("prelo.formats.pdf.document.folder.MOST_BYTES", 2)
    with pytest.raises(FormatFailed, match=r"'big\.png' is larger than"):
        folder.read("big.png")


def test_a_missing_package_is_named_with_the_way_to_install_it(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(sys.modules, "pikepdf", None)
    said = r"need the package 'pikepdf'.* pip install 'prelo\[pdf-html\]'"
    with pytest.raises(FormatFailed, match=said), needed():
        import_module("pikepdf")
    with pytest.raises(ModuleNotFoundError), needed():
        import_module("nothing_of_this_name")


def test_weasyprint_without_pango_names_the_libraries(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    from prelo.formats.pdf.document import engine

    class Broken:
        def find_spec(self, name: str, *_: object) -> None:
            if name == "prelo.formats.pdf.document.weasy":
                raise OSError("cannot load library 'libpango-1.0-0'")

    monkeypatch.delitem(sys.modules, "prelo.formats.pdf.document.weasy", raising=False)
    monkeypatch.setattr(sys, "meta_path", [Broken(), *sys.meta_path])
    with pytest.raises(FormatFailed, match=r"finds no Pango.*apt-get install libpango"):
        engine.engine_of(Document(template="x.html"), Folder(str(tmp_path)), shared=False)
