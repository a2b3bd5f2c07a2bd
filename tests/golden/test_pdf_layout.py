"""How the PDF writer lays out: wrapping, page breaks, groups, totals; read back by pypdf and poppler."""

import re
from collections.abc import Iterable, Sequence
from decimal import Decimal
from itertools import groupby
from pathlib import Path
from typing import Any

import polars as pl
from conftest import Run
from hypothesis import given, settings
from hypothesis import strategies as st
from pdfs import boxes, pages, saved, squeezed, write

NO_VALUE = "\N{EN DASH}"
Row = tuple[str, str | None, Decimal]


def words(text: str) -> list[str]:
    return text.split()


def test_long_text_wraps_in_its_column_and_keeps_every_word():
    text = " ".join(f"w{i}" for i in range(300))
    data = pl.DataFrame({"a": ["first", text, "last"], "n": [1, 2, 3]})
    file, manifest = write(data, columns={"a": {"width": 30}})
    found = [w for w in words(pages(file)[0]) if re.fullmatch(r"w\d+|first|last", w)]
    assert found == ["first", *text.split(), "last"]
    assert manifest.warnings == ()


def test_wrapped_cells_stay_inside_their_column(pdftotext: Run, tmp_path: Path):
    data = pl.DataFrame({"a": ["lorem ipsum dolor " * 8], "b": ["x" * 150], "c": ["tall " * 40]})
    columns = {name: {"width": 20} for name in "ab"} | {"c": {"width": 20, "align": "right"}}
    found = boxes(pdftotext, saved(write(data, columns=columns)[0], tmp_path))
    width = 20 * 0.572 * 8
    for name, letters in {"a": "loremipsud", "b": "x"}.items():
        (start,) = [b[1] for b in found if b[0] == name]
        inside = [b for b in found if len(b[0]) > 3 and set(b[0]) <= set(letters)]
        assert len(inside) > 3
        assert all(start - 0.1 <= b[1] and b[3] <= start + width + 0.1 for b in inside)
    (right,) = [b[3] for b in found if b[0] == "c"]
    ends = [
        max(b[3] for b in line)
        for _, line in groupby((b for b in found if b[0] == "tall"), lambda b: b[2])
    ]
    assert len(ends) > 3
    assert all(abs(end - right) < 1 for end in ends)


def test_columns_stand_apart_and_fill_the_page_where_they_nearly_do(pdftotext: Run, tmp_path: Path):
    """A right-aligned column never touches the left-aligned one after it."""
    page, em = 595.28 - 2 * 36, 8
    for letters, full in ((18, True), (2, False)):
        data = pl.DataFrame({"n": [111], "t": ["l" * letters], "m": [222], "d": ["i" * letters]})
        columns = {name: {"width": 20} for name in data.columns} if full else {}
        found = {
            b[0]: b for b in boxes(pdftotext, saved(write(data, columns=columns)[0], tmp_path))
        }
        assert found["l" * letters][1] - found["111"][3] >= 2 * em
        assert (found["i" * letters][1] > page * 0.7) is full


def test_rows_below_a_high_row_do_not_overlap_it(pdftotext: Run, tmp_path: Path):
    data = pl.DataFrame({"a": ["one two three four five six seven eight nine ten", "below"]})
    found = boxes(pdftotext, saved(write(data, columns={"a": {"width": 8}})[0], tmp_path))
    by_word = {b[0]: b for b in found}
    assert by_word["ten"][2] > by_word["one"][2] + 20  # several lines
    assert by_word["below"][2] >= by_word["ten"][4] - 2


def test_a_row_is_never_cut_at_the_end_of_a_page():
    data = pl.DataFrame({"t": [" ".join(f"r{i}w{k}" for k in range(40)) for i in range(200)]})
    file, manifest = write(data, columns={"t": {"width": 30}})
    texts = pages(file)
    assert len(texts) > 5
    for row in range(200):
        assert sum(f"r{row}w0" in words(t) for t in texts) == 1
        (page,) = [t for t in texts if f"r{row}w0" in words(t)]
        assert all(f"r{row}w{k}" in words(page) for k in range(40))
    assert manifest.warnings == ()


def test_a_row_higher_than_a_page_flows_over_and_keeps_every_word():
    said = " ".join(f"w{i}" for i in range(9_000))
    data = pl.DataFrame({"t": ["before", said, "after"], "n": [77, 8888, 99]})
    file, manifest = write(data, columns={"t": {"width": 20}, "n": {"total": "sum"}})
    texts = pages(file)
    found = [w for t in texts for w in words(t) if re.fullmatch(r"w\d+|before|after", w)]
    assert found == ["before", *said.split(), "after"]
    assert len(texts) > 10
    assert sum(words(t).count("8,888") for t in texts) == 1
    assert manifest.warnings == ()


def test_numbers_never_break_but_are_condensed(pdftotext: Run, tmp_path: Path):
    data = pl.DataFrame({"n": [123456789012345678, 1], "m": [5, 6]})
    found = boxes(pdftotext, saved(write(data, columns={"n": {"width": 8}})[0], tmp_path))
    (number,) = [b for b in found if b[0] == "123,456,789,012,345,678"]
    (title,) = [b for b in found if b[0] == "n"]
    assert number[3] - number[1] <= 8 * 0.572 * 8 + 0.5
    assert abs(number[3] - title[3]) < 1  # right-aligned, as the title of a number is


def test_numbers_stand_right_and_text_left(pdftotext: Run, tmp_path: Path):
    data = pl.DataFrame({"n": [7, 22, 333_333], "t": ["a", "bb", "ccc"]})
    found = {b[0]: b for b in boxes(pdftotext, saved(write(data)[0], tmp_path))}
    rights, lefts = (
        [found[w][3] for w in ("7", "22", "333,333")],
        [found[w][1] for w in ("a", "bb", "ccc")],
    )
    assert max(rights) - min(rights) < 0.3
    assert max(lefts) - min(lefts) < 0.3


_groups = st.lists(
    st.tuples(
        st.sampled_from("AB"), st.sampled_from(["x", "y", None]), st.integers(-(10**15), 10**15)
    ),
    min_size=1,
    max_size=120,
)


def _expected(rows: Sequence[Row]) -> list[str]:
    """The lines of the table, written in the plainest way."""
    out: list[str] = []

    def shown(values: Iterable[Decimal]) -> str:
        return f"{sum(values):,.2f}"

    for outer, group in groupby(rows, key=lambda row: row[0]):
        members = list(group)
        out.append(f"o: {outer}")
        for inner, group_inner in groupby(members, key=lambda row: row[1]):
            values = [row[2] for row in group_inner]
            out += [f"i: {inner or NO_VALUE}", *(f"{v:,.2f}" for v in values)]
            out.append(f"Total {inner or NO_VALUE} {shown(values)}")
        out.append(f"Total {outer} {shown(row[2] for row in members)}")
    return [*out, f"Total {shown(row[2] for row in rows)}"]


def _lines(texts: list[str]) -> list[str]:
    """The lines of all pages without header, footer and lines of continued groups."""
    out: list[str] = []
    for text in texts:
        lines = [" ".join(line.split()) for line in text.splitlines()]
        out += [
            x for x in lines if x and not re.search(r"^(v|Label v|v Label)$|^Page |continued", x)
        ]
    return out


def _grouped(rows: Sequence[Row], **more: Any) -> bytes:
    data = pl.DataFrame(
        {
            "o": [r[0] for r in rows],
            "i": [r[1] for r in rows],
            "s": [""] * len(rows),
            "v": [r[2] for r in rows],
        },
        schema={"o": pl.String, "i": pl.String, "s": pl.String, "v": pl.Decimal(20, 2)},
    )
    columns = {
        "o": {"hidden": True},
        "i": {"hidden": True},
        "s": {"title": "Label", "width": 20},
        "v": {"total": "sum"},
    }
    return write(data, group_by=("o", "i"), columns=columns, **more)[0]


@settings(max_examples=40, deadline=None)
@given(_groups)
def test_groups_have_headings_subtotals_and_exact_totals(
    numbers: list[tuple[str, str | None, int]],
):
    numbers.sort(key=lambda row: (row[0], row[1] or ""))
    rows = [(o, i, Decimal(n).scaleb(-2)) for o, i, n in numbers]
    assert squeezed("".join(_lines(pages(_grouped(rows))))) == squeezed("".join(_expected(rows)))


def test_groups_that_go_on_over_frames_are_one_group(pdftotext: Run, tmp_path: Path):
    rows = (
        [("A", "x", Decimal("0.01"))] * 9_990
        + [("A", "y", Decimal("0.02"))] * 10_020
        + [("B", "y", Decimal(1))] * 5
    )
    text = pdftotext("-layout", saved(_grouped(rows), tmp_path), "-")
    assert [x for x in _lines(text.split("\f")) if not re.fullmatch(r"[\d.]+", x)] == [
        "o: A", "i: x", "Total x 99.90", "i: y", "Total y 200.40", "Total A 300.30",
        "o: B", "i: y", "Total y 5.00", "Total B 5.00", "Total 305.30",
    ]  # fmt: skip


def test_a_heading_stays_with_its_first_row_and_a_total_with_its_last():
    rows = [("A", f"g{i:03}", Decimal(k)) for i in range(150) for k in range(i % 7 + 1)]
    for text in pages(_grouped(rows)):
        lines = [x for x in (" ".join(line.split()) for line in text.splitlines()) if x]
        body = [x for x in lines if not x.startswith(("Page", "Label")) and x != "v"]
        assert not body[-1].startswith(("i: ", "o: "))
        assert not body[0].startswith("Total")


def test_the_last_totals_never_stand_on_a_page_alone():
    turned = 0
    for count in range(45, 60):
        last = pages(_grouped([("A", "x", Decimal(1))] * count))[-1]
        assert re.search(r"^ *1\.00$", last, re.MULTILINE), count
        turned += "continued" in last
    assert (
        0 < turned < 15
    )  # both: totals on the first page, and rows that went with them to the next


def test_a_page_inside_a_group_says_which_group_goes_on():
    rows = [("A", "x", Decimal(1))] * 200 + [("B", None, Decimal(1))] * 200
    texts = pages(_grouped(rows, locale="en-US"))
    assert "o: A \u203a i: x (continued)" in texts[1]
    assert "o: B \u203a i: \u2013 (continued)" in texts[-1]
    assert "continued on page 2" in texts[0]
    assert "(continued)" not in texts[0]
    assert "continued on" not in texts[-1]


def test_totals_of_every_sort():
    data = pl.DataFrame(
        {
            "s": [1, 2, 4],
            "c": ["a", None, "b"],
            "lo": [3, 1, 2],
            "hi": [3.5, 9.25, 1.0],
            "m": [1, 2, 2],
        }
    )
    columns = {"s": "sum", "c": "count", "lo": "min", "hi": "max", "m": "mean"}
    file, _ = write(data, columns={k: {"total": v} for k, v in columns.items()})
    after = pages(file)[0].split("Total")[1].split("Page")[0]
    assert after.split() == ["7", "2", "1", "9.25", "1.67"]


def test_sums_of_integers_and_decimals_do_not_overflow_or_round():
    data = pl.DataFrame(
        {"i": [2**63 - 1] * 3, "d": [Decimal("99999999999999999.99")] * 3},
        schema={"i": pl.Int64, "d": pl.Decimal(19, 2)},
    )
    file, _ = write(data, columns={"i": {"total": "sum"}, "d": {"total": "sum"}})
    found = squeezed(pages(file)[0])
    assert f"{3 * (2**63 - 1):,}" in found
    assert "299,999,999,999,999,999.97" in found
