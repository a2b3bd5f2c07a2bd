"""What leads a reader through a PDF: tags, bookmarks, and the word across the page."""

from pathlib import Path
from typing import Any

import pytest
from conftest import Run, find, run
from drafts import Draft
from hypothesis import given, settings
from hypothesis import strategies as st
from pdfs import catalog, reader, saved

from prelo.formats.pdf.file.outline import Outline


@pytest.fixture
def pdfinfo() -> Run:
    program = find("pdfinfo", "poppler-utils")
    return lambda *arguments: run(program, *arguments)


def test_a_page_is_read_aloud_in_order_and_without_its_frame(pdfinfo: Run, tmp_path: Path):
    draft = Draft.of(pdf={"watermark": "x"})
    draft.page("first", title="The title")
    draft.page("second")
    draft.page("contents", front=True)
    read = pdfinfo("-struct-text", saved(draft.finished(), tmp_path)).split()
    assert [word for word in read if word != "(block)"] == [
        "Document", "P", '"contents"', "H1", '"The', 'title"', "P", '"first"', "P", '"second"',
    ]  # fmt: skip


def test_each_page_knows_its_elements():
    draft = Draft.of()
    draft.page("first", title="The title")
    for _ in range(40):
        draft.page("more")
    document = reader(draft.finished())
    root = catalog(document)
    assert root["/MarkInfo"]["/Marked"]
    numbers = root["/StructTreeRoot"]["/ParentTree"]["/Nums"]
    parents = dict(zip(numbers[::2], numbers[1::2], strict=True))
    assert len(parents) == 41
    assert list(parents) == sorted(parents)
    for page in document.pages:
        elements = [e.get_object() for e in parents[page["/StructParents"]]]
        assert [e["/K"] for e in elements] == list(range(len(elements)))
        assert {e["/Pg"].get_object()["/StructParents"] for e in elements} == {
            page["/StructParents"]
        }


def test_a_file_without_tags_does_not_say_it_has_some():
    draft = Draft.of()
    draft.tree.add(b"%d 0 R" % draft.file.stream(b""))
    assert "/StructTreeRoot" not in catalog(reader(draft.finished()))


def drawn(outline: list[Any], level: int = 0) -> list[tuple[str, int]]:
    """Titles and levels of an outline as pypdf has it: lists in lists."""
    found: list[tuple[str, int]] = []
    for entry in outline:
        if isinstance(entry, list):
            found += drawn(entry, level + 1)
        else:
            found.append((entry.title, level))
    return found


def test_bookmarks_lead_to_their_places():
    draft = Draft.of()
    entries = [("Nord (a)", 0), ("Zürich", 1), ("deep", 3), ("Bern", 1), ("Süd", 0)]
    for title, level in entries:
        page = draft.page(title)
        draft.outline.add(title, level, page, 70_050)
    document = reader(draft.finished())
    # A level that is left out is none of its own.
    levels = [("Nord (a)", 0), ("Zürich", 1), ("deep", 2), ("Bern", 1), ("Süd", 0)]
    assert drawn(document.outline) == levels
    flat = _flat(document.outline)
    assert [document.get_destination_page_number(e) for e in flat] == [0, 1, 2, 3, 4]
    assert {float(e.top) for e in flat} == {700.5}
    root = catalog(document)
    assert root["/PageMode"] == "/UseOutlines"
    first = root["/Outlines"]["/First"]
    assert (root["/Outlines"]["/Count"], first["/Count"]) == (2, -2)  # closed below the first level


def _flat(outline: list[Any]) -> list[Any]:
    return [e for o in outline for e in (_flat(o) if isinstance(o, list) else [o])]


@given(st.lists(st.integers(0, 4), max_size=40), st.integers(1, 30))
@settings(max_examples=60, deadline=None)
def test_an_outline_past_its_bound_loses_its_deepest_levels(levels: list[int], most: int):
    draft = Draft.of()
    draft.outline = Outline(most)
    page = draft.page("x")
    for place, level in enumerate(levels):
        draft.outline.add(str(place), level, page, 0)
    kept = [int(title) for title, _ in drawn(reader(draft.finished()).outline)]
    assert len(kept) == len(levels) - draft.outline.dropped <= most
    assert kept == sorted(kept)
    if kept and len(kept) < len(levels):
        # A level is kept whole, but for the outermost, whose end is missing.
        lost = set(range(len(levels))) - set(kept)
        shallow = min(levels)
        deepest = max(levels[k] for k in kept)
        assert all(levels[k] > deepest or levels[k] == deepest == shallow for k in lost)


def test_a_level_that_is_not_taken_need_not_be_made():
    outline = Outline(most=2)
    for level in (0, 1, 0):
        outline.add("x", level, 1, 0)
    assert [outline.takes(level) for level in (0, 1)] == [True, False]
    outline.drop(3)
    assert outline.dropped == 4


def inked(file: bytes, folder: Path, page: int = 1) -> list[list[int]]:
    """The grey values of a page, at 18 dots per inch."""
    stem = folder / "page"
    run("pdftoppm", "-r", "18", "-gray", "-singlefile", "-f", str(page), saved(file, folder), stem)
    raw = (folder / "page.pgm").read_bytes()
    _, width, height, _, data = raw.split(maxsplit=4)
    w = int(width)
    assert len(data) == w * int(height)
    return [list(data[i : i + w]) for i in range(0, len(data), w)]


@pytest.mark.parametrize("text", ["DRAFT", "X", "Entwurf, nicht zur Weitergabe an Dritte bestimmt"])
def test_a_watermark_stands_across_the_page_in_light_grey(text: str, tmp_path: Path):
    find("pdftoppm", "poppler-utils")
    draft = Draft.of(pdf={"watermark": text})
    draft.page("")
    rows = inked(draft.finished(), tmp_path)
    height, width = len(rows), len(rows[0])
    marked = [
        (x, y) for y, row in enumerate(rows[: height - 20]) for x, v in enumerate(row) if v < 240
    ]
    assert min(rows[y][x] for x, y in marked) > 180
    left, right = min(x for x, _ in marked), max(x for x, _ in marked)
    top, bottom = min(y for _, y in marked), max(y for _, y in marked)
    assert left > 2, "nothing is cut off"
    assert right < width - 2
    # In the middle of the page, and rising from left to right.
    assert abs(left + right - width) < width * 0.12
    assert abs(top + bottom - height) < height * 0.12
    if len(text) > 1:
        lower = [x for x, y in marked if y > (top + bottom) / 2]
        upper = [x for x, y in marked if y < (top + bottom) / 2]
        assert sum(lower) / len(lower) < width / 2 < sum(upper) / len(upper)


def resources(page: Any) -> Any:
    return page["/Resources"]


def test_a_watermark_is_one_object_and_no_part_of_what_is_read(pdfinfo: Run, tmp_path: Path):
    draft = Draft.of(pdf={"watermark": "Draft (ü)"})
    for number in range(5):
        draft.page(f"page {number}")
    file = draft.finished()
    forms = {str(resources(page)["/XObject"].raw_get("/Watermark")) for page in reader(file).pages}
    assert len(forms) == 1
    assert "Draft" not in pdfinfo("-struct-text", saved(file, tmp_path))
