"""What stands around the rows of a PDF: running lines, facts, headings, totals of pages, leads to groups."""

import re
from datetime import UTC, datetime
from decimal import Decimal
from itertools import pairwise
from pathlib import Path
from typing import Any

import polars as pl
import pypdf
import pytest
from conftest import Run
from pdfs import boxes, numbered, pages, reader, saved, write

from prelo.core.errors import FormatFailed

NOON = datetime(2026, 11, 25, 12, 30, tzinfo=UTC)


def sales(rows: int = 200) -> pl.DataFrame:
    return pl.DataFrame(
        {
            "region": ["North"] * (rows // 2) + ["South"] * (rows // 2),
            "city": [f"City {i * 8 // rows}" for i in range(rows)],
            "item": [f"item-{i}" for i in range(rows)],
            "amount": [Decimal(i) / 4 for i in range(rows)],
        },
        schema_overrides={"amount": pl.Decimal(12, 2)},
    )


GROUPED = {"region": {"hidden": True}, "city": {"hidden": True}, "amount": {"total": "sum"}}


def test_header_and_footer_have_three_places_and_their_marks():
    stamp = {"report": "sales", "user": "ana@example.com", "made": NOON}
    file, _ = write(
        numbered(200),
        title="Sales {page}",
        stamp=stamp,
        locale="pt-BR",
        timezone="America/Sao_Paulo",
        pdf={"header": "{report}|{title}|{date} {time}", "footer": "{user}||{page}/{pages}"},
    )
    texts = pages(file)
    assert len(texts) > 2
    for number, text in enumerate(texts, 1):
        assert "sales" in text
        assert "Sales {page}" in text  # a title is no mark
        assert "25/11/2026 09:30" in text
        assert f"{number}/{len(texts)}" in text
        assert "ana@example.com" in text


def test_the_places_of_a_running_line_are_left_middle_and_right(pdftotext: Run, tmp_path: Path):
    file, _ = write(numbered(3), pdf={"header": "leftmost|central|rightmost", "footer": ""})
    found = {b[0]: b for b in boxes(pdftotext, saved(file, tmp_path))}
    assert found["leftmost"][1] == pytest.approx(36, abs=0.5)
    assert (found["central"][1] + found["central"][3]) / 2 == pytest.approx(595.28 / 2, abs=0.5)
    assert found["rightmost"][3] == pytest.approx(595.28 - 36, abs=0.5)
    assert found["leftmost"][4] < found["name"][2]  # the table begins below it
    assert "Page" not in "".join(pages(file))


def test_without_a_date_on_the_page_no_clock_is_in_the_file():
    assert write(numbered(3), title="T")[0] == write(numbered(3), title="T")[0]
    dated = {"pdf": {"footer": "{date}"}, "stamp": {"made": NOON}}
    assert write(numbered(3), **dated)[0] == write(numbered(3), **dated)[0]


def test_running_lines_too_long_for_the_page_stay_on_it(pdftotext: Run, tmp_path: Path):
    file, _ = write(numbered(3), pdf={"footer": "word " * 60 + "|" + "middle " * 30 + "|end"})
    found = boxes(pdftotext, saved(file, tmp_path))
    assert {"word", "middle", "end"} <= {b[0] for b in found}
    assert all(b[1] >= 35 and b[3] <= 595.28 - 35 for b in found)


def test_facts_stand_under_the_title(pdftotext: Run, tmp_path: Path):
    facts = {"Region": "All", "From": "2026-01-01", "To": "2026-06-30", "Currency": "EUR"}
    file, _ = write(numbered(3), title="Sales", subtitle="of May", facts=facts)
    found = {b[0]: b for b in boxes(pdftotext, saved(file, tmp_path))}
    for label, text in (("Region", "All"), ("Currency", "EUR")):
        assert found[label][2] == pytest.approx(found[text][2], abs=0.2)
        assert found[label][3] < found[text][1]
    assert found["May"][4] <= found["Region"][2] + 2
    assert found["Region"][4] < found["name"][2]


def test_a_heading_stands_over_the_columns_that_share_it(pdftotext: Run, tmp_path: Path):
    data = pl.DataFrame({name: [f"{name}value"] for name in ("a", "b", "c")})
    columns = {"b": {"heading": "Both"}, "c": {"heading": "Both"}}
    found = {b[0]: b for b in boxes(pdftotext, saved(write(data, columns=columns)[0], tmp_path))}
    middle = (found["Both"][1] + found["Both"][3]) / 2
    assert found["b"][1] <= middle <= found["cvalue"][3]
    assert found["Both"][4] <= found["b"][2] + 1
    assert found["a"][3] < found["Both"][1]


def test_each_page_adds_up_its_own_rows():
    file, _ = write(sales(), columns={"amount": {"total": "sum"}}, pdf={"page_totals": True})
    texts = pages(file)
    assert len(texts) > 2
    for text in texts:
        rows = [Decimal(a) for a in re.findall(r"item-\d+\s+(\d+\.\d+)", text)]
        (total,) = re.findall(r"This page\s+([\d,.]+)", text)
        assert Decimal(total.replace(",", "")) == sum(rows)


@pytest.mark.parametrize("rows", [1, 57, 58, 59, 116, 10_000, 10_001])
def test_totals_of_pages_add_up_to_the_total_however_pages_and_frames_end(rows: int):
    file, _ = write(
        pl.DataFrame({"n": range(rows)}),
        columns={"n": {"total": "sum", "width": 12}},
        pdf={"page_totals": True, "size": "A5"},
    )
    text = "\n".join(pages(file))
    shown = [int(n.replace(",", "")) for n in re.findall(r"This page\s+([\d,]+)", text)]
    assert sum(shown) == sum(range(rows))
    assert 1 <= len(shown) <= len(pages(file))


def outline(file: bytes) -> list[tuple[int, str, int]]:
    """The bookmarks: level, words, page."""
    document = reader(file)

    def below(entries: list[Any], level: int) -> list[tuple[int, str, int]]:
        out: list[tuple[int, str, int]] = []
        for entry in entries:
            if isinstance(entry, list):
                out += below(entry, level + 1)
            else:
                page = document.get_destination_page_number(entry)
                assert page is not None
                out.append((level, str(entry.title), page))
        return out

    return below(document.outline, 0)


def test_groups_are_bookmarks_that_lead_to_their_page():
    file, _ = write(sales(), group_by=["region", "city"], columns=GROUPED)
    texts, found = pages(file), outline(file)
    assert [(level, words) for level, words, _ in found if level == 0] == [
        (0, "region: North"),
        (0, "region: South"),
    ]
    assert [words for level, words, _ in found if level == 1] == [
        f"city: City {i}" for i in range(8)
    ]
    assert all(words in texts[page] for _, words, page in found)


def test_a_list_of_contents_stands_in_front_and_knows_the_pages():
    file, manifest = write(
        sales(), title="Sales", group_by=["region", "city"], columns=GROUPED, pdf={"contents": True}
    )
    texts = pages(file)
    assert manifest.pages == len(texts)
    assert "Contents" in texts[0]
    for region in ("North", "South"):
        (page,) = re.findall(rf"region: {region}\s*(\d+)", texts[0])
        assert f"region: {region}" in texts[int(page) - 1]
        assert f"Page {page} of {len(texts)}" in texts[int(page) - 1]
    document = reader(file)
    links: Any = document.pages[0]["/Annots"]
    for region, link in zip(("North", "South"), links, strict=True):
        goal = document.get_page_number(link.get_object()["/Dest"][0].get_object())
        assert goal is not None
        assert f"region: {region}" in texts[goal]


def test_a_group_that_goes_on_says_on_which_page_even_behind_contents():
    file, _ = write(sales(), group_by="region", pdf={"contents": True})
    texts = pages(file)
    for number, (text, after) in enumerate(pairwise(texts), 1):
        assert (f"continued on page {number + 1}" in text) == ("(continued)" in after)
    assert any("continued on" in text for text in texts)


def links(file: bytes) -> list[tuple[int, str, list[float]]]:
    found: list[tuple[int, str, list[float]]] = []
    for number, page in enumerate(reader(file).pages):
        annotations: Any = page.get("/Annots", [])
        for annotation in annotations:
            link = annotation.get_object()
            found.append((number, link["/A"]["/URI"], [float(x) for x in link["/Rect"]]))
    return found


def test_addresses_can_be_clicked_where_they_stand(pdftotext: Run, qpdf: Run, tmp_path: Path):
    data = pl.DataFrame(
        {
            "n": range(150),
            "web": [f"https://example.com/(a)/{i}" for i in range(147)]
            + ["javascript:alert(1)", "no address", "https://example.com/ü?q=é"],
        }
    )
    file, _ = write(data, columns={"web": "link"})
    path = saved(file, tmp_path)
    found = links(file)
    assert [uri for _, uri, _ in found] == [
        *(f"https://example.com/(a)/{i}" for i in range(147)),
        "https://example.com/%C3%BC?q=%C3%A9",
    ]
    assert "no address" in "".join(pages(file))
    height = 841.89
    for page in range(len(reader(file).pages)):
        words = boxes(pdftotext, path, page + 1)
        for _, uri, (left, bottom, right, top) in [
            f for f in found if f[0] == page and "ü" not in f[1]
        ]:
            at = [b for b in words if b[0] == uri]
            for _, a, up, b, down in at:
                assert left - 0.5 <= a
                assert b <= right + 0.5
                assert height - top - 2 <= up
                assert down <= height - bottom + 2
    qpdf("--check", path)


def test_a_page_from_the_right_is_mirrored(pdftotext: Run, tmp_path: Path):
    data = pl.DataFrame({"first": ["aaa", "b"], "n": [1, 22], "last": ["ccc", "d"]})
    file, _ = write(data, title="Title", pdf={"rtl": True, "size": "A5"})
    found = {b[0]: b for b in boxes(pdftotext, saved(file, tmp_path))}
    right = 419.53 - 36
    assert found["Title"][3] == pytest.approx(right, abs=1)
    assert found["first"][1] > found["n"][3] > found["n"][1] > found["last"][3]
    assert found["first"][3] == pytest.approx(found["aaa"][3], abs=0.5)
    assert found["aaa"][3] == pytest.approx(found["b"][3], abs=0.5)
    assert found["1"][3] == pytest.approx(found["22"][3], abs=0.5)
    assert "Page" in {b[0] for b in found.values() if b[1] < 100}


def test_an_arabic_locale_begins_at_the_right_and_a_side_that_is_said_stays(
    pdftotext: Run, tmp_path: Path
):
    data = pl.DataFrame({"a": ["left", "l"], "b": ["right", "r"]})
    file, _ = write(data, locale="ar-EG", columns={"a": {"align": "left", "width": 20}})
    found = {b[0]: b for b in boxes(pdftotext, saved(file, tmp_path))}
    assert found["a"][1] > found["b"][1]
    assert found["left"][1] == pytest.approx(found["l"][1], abs=0.5)
    assert found["right"][3] == pytest.approx(found["r"][3], abs=0.5)


WIDE = pl.DataFrame(
    {"id": [f"r{i}" for i in range(60)], **{f"c{k}": range(k, k + 60) for k in range(300)}}
)


def test_three_hundred_columns_are_refused_with_the_ways_out():
    with pytest.raises(FormatFailed, match=r"301 columns need .* points .* wide: pages"):
        write(WIDE)
    with pytest.raises(FormatFailed, match=r"take a larger page .* wide: fit"):
        write(WIDE, pdf={"wide": "fail"})


def test_three_hundred_columns_go_on_on_the_pages_beside():
    file, manifest = write(WIDE, columns={"c0": {"total": "sum"}}, pdf={"wide": "pages"})
    texts = pages(file)
    assert manifest.pages == len(texts)
    assert len(texts) % 2 == 0
    across = [text for text in texts if "r0" in text.split()]
    heads = [name for text in across for name in re.findall(r"\bc\d+\b", text)]
    assert heads == [f"c{k}" for k in range(300)]
    assert all({f"r{i}" for i in range(20)} <= set(text.split()) for text in across)
    assert f"Page 2 of {len(texts)}" in texts[1]
    assert sum("Total" in text for text in texts) == len(across)


def test_a_column_wider_than_the_page_gives_way_or_is_refused_as_asked():
    data = pl.DataFrame({"t": ["some words to read"], "n": [1]})
    file, _ = write(data, columns={"t": {"width": 255}})
    assert "some words to read" in pages(file)[0]
    with pytest.raises(FormatFailed, match="2 columns need"):
        write(data, columns={"t": {"width": 255}}, pdf={"wide": "fail"})


def test_weights_share_what_the_others_leave(pdftotext: Run, tmp_path: Path):
    data = pl.DataFrame({"a": ["a1"], "b": ["b1"], "n": ["n1"]})
    columns = {"a": {"weight": 3}, "b": {"weight": 1}, "n": {"width": 10}}
    found = {b[0]: b for b in boxes(pdftotext, saved(write(data, columns=columns)[0], tmp_path))}
    wide, narrow = found["b1"][1] - found["a1"][1], found["n1"][1] - found["b1"][1]
    assert wide / narrow == pytest.approx(3, rel=0.1)
    assert found["n1"][1] + 10 * 0.572 * 8 == pytest.approx(595.28 - 36 - 4, abs=1)


def test_a_text_ends_in_an_ellipsis_or_shrinks_where_that_is_asked(pdftotext: Run, tmp_path: Path):
    text = "a long text that has no room in so narrow a column"
    data = pl.DataFrame({"dots": [text, "short"], "thin": [text, "short"]})
    columns = {"dots": {"fit": "ellipsis", "width": 12}, "thin": {"fit": "shrink", "width": 30}}
    file, manifest = write(data, columns=columns)
    found = boxes(pdftotext, saved(file, tmp_path))
    assert "a long text…" in pages(file)[0] or "a long text t…" in pages(file)[0]
    assert pages(file)[0].count(text) == 1
    (line,) = {round(b[2]) for b in found if b[0] in {"narrow", "column"}}
    (dots,) = [b for b in found if b[0].endswith("…")]
    assert abs(dots[2] - line) < 2
    left = next(b[1] for b in found if b[0] == "dots")
    assert dots[3] <= left + 12 * 0.572 * 8 + 0.5
    (warning,) = manifest.warnings
    assert (warning.column, warning.type, warning.count) == ("dots", "text-cut", 1)


def test_margins_and_sizes_of_ones_own_hold(pdftotext: Run, tmp_path: Path):
    file, _ = write(numbered(400), title="T", pdf={"size": [300, 400], "margin": [50, 40, 30, 20]})
    box = reader(file).pages[0].mediabox
    assert (float(box.width), float(box.height)) == (300, 400)
    found = boxes(pdftotext, saved(file, tmp_path))
    assert min(b[1] for b in found) == pytest.approx(20, abs=0.5)
    assert max(b[3] for b in found) <= 260.5
    assert min(b[2] for b in found) >= 47  # the room above capitals may stand out
    assert max(b[4] for b in found) <= 373


def test_margins_without_room_between_them_are_refused():
    with pytest.raises(FormatFailed, match="margins leave no room"):
        write(numbered(3), pdf={"size": "A5", "margin": 250})


def content_of(page: pypdf.PageObject) -> bytes:
    contents = page.get_contents()
    assert contents is not None
    return contents.get_data()


def test_a_watermark_stands_once_on_each_page_below_lines_and_text():
    options = {"watermark": "Draft", "rules": "grid", "summaries": [{"by": "region"}]}
    summary, *table = map(content_of, reader(write(sales(), pdf=options)[0]).pages)
    assert summary.count(b"/Watermark Do") == 1
    for content in table:
        assert content.count(b"/Watermark Do") == 1
        assert content.index(b"/Watermark Do") < content.index(b" RG 30 w")
        assert content.index(b"/Watermark Do") < content.index(b"/Header0 Do")


def test_what_no_font_has_outside_the_rows_is_told_as_one_place():
    lost = "\ue000"
    layout = {"title": lost, "facts": {"Fact": lost, lost: "x"}, "columns": {"n": {"title": lost}}}
    _, manifest = write(numbered(1), **layout, pdf={"header": lost})
    (told,) = manifest.warnings
    assert (told.column, told.type) == ("(titles and headings)", "characters-missing")


@pytest.mark.parametrize("rows", [2, 40, 120])
def test_groups_that_begin_on_the_last_page_are_in_the_list_and_the_bookmarks(rows: int):
    file, manifest = write(sales(rows), group_by="item", pdf={"contents": True})
    marks = outline(file)
    assert [words for _, words, _ in marks] == [f"item: item-{n}" for n in range(rows)]
    assert marks[-1][2] == (manifest.pages or 0) - 1
    listed = " ".join(pages(file)[: marks[0][2]])
    assert re.findall(r"item: (item-\d+)", listed) == [f"item-{n}" for n in range(rows)]
