"""Colours of cells: drawn by poppler, and looked at where poppler says the words are."""

from collections.abc import Callable
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from conftest import Run
from pdfs import Picture, boxes, pages, saved, write

from prelo.core.errors import FileLimit, FormatFailed

RED, GREEN = "#FF0000", "#00CC00"
Look = Callable[..., tuple[Picture, dict[str, tuple[float, float, float, float]]]]


@pytest.fixture
def look(pdftotext: Run, pdftoppm: Run, qpdf: Run, tmp_path: Path) -> Look:
    """Write a table, and give back its first page and where each word stands."""

    def looked(data: pl.DataFrame, columns: Any, **layout: Any) -> Any:
        layout = {"pdf": {"rules": "plain"}} | layout
        path = saved(write(data, columns=columns, **layout)[0], tmp_path)
        qpdf("--check", path)
        return Picture(pdftoppm, path), {b[0]: b[1:] for b in boxes(pdftotext, path, 1)}

    return looked


def ground(picture: Picture, word: tuple[float, float, float, float]) -> tuple[int, int, int]:
    """What lies just left of a word."""
    return picture.at(word[0] - 1.5, (word[1] + word[3]) / 2)


def inked(picture: Picture, word: tuple[float, float, float, float]) -> set[tuple[int, int, int]]:
    return picture.colours(*word)


def test_a_columns_own_colours(look: Look):
    data = pl.DataFrame({"a": ["one"], "b": ["two"]})
    columns = {"a": {"color": RED, "fill": "#FFFF00"}, "b": {"bold": True}}
    picture, words = look(data, columns)
    assert ground(picture, words["one"]) == (255, 255, 0)
    assert (255, 0, 0) in inked(picture, words["one"])
    assert ground(picture, words["two"]) == (255, 255, 255)
    assert (255, 0, 0) not in inked(picture, words["two"])


def test_a_bold_column_is_set_in_the_bold_face():
    data = pl.DataFrame({"a": ["wide words"], "b": ["wide words"]})
    file, _ = write(data, columns={"b": {"bold": True, "title": "b"}, "a": {"title": "b"}})
    assert pages(file)[0].count("wide words") == 2


CASES: list[tuple[Any, dict[str, Any], list[bool]]] = [
    ([1, 5, None, 9], {"when": ">", "value": 4}, [False, True, False, True]),
    ([1, 5, None, 9], {"when": "<=", "value": 5}, [True, True, False, False]),
    ([1, 5, None, 9], {"when": "between", "value": 5, "other": 9}, [False, True, False, True]),
    ([1, 5, None, 9], {"when": "not between", "value": 2, "other": 6}, [True, False, False, True]),
    ([1, 5, None, 9], {"when": "!=", "value": 5}, [True, False, False, True]),
    (
        [1.5, float("nan"), 2.5, float("inf")],
        {"when": ">", "value": 2},
        [False, False, True, False],
    ),
    (["b", "B", "c", ""], {"when": "=", "value": "b"}, [True, True, False, False]),
    (["xAy", "b", "", None], {"when": "contains", "value": "a"}, [True, False, False, False]),
    (["xay", "b", "", "c"], {"when": "not contains", "value": "A"}, [False, True, False, True]),
    (["abc", "cab", "a.c", "x"], {"when": "begins with", "value": "A"}, [True, False, True, False]),
    (["abc", "cab", "a.c", "x"], {"when": "ends with", "value": "C"}, [True, False, True, False]),
    (["a", " ", "", None], {"when": "blank"}, [False, True, True, True]),
    (["a", " ", "", None], {"when": "not blank"}, [True, False, False, False]),
    ([True, False, None, True], {"when": "=", "value": "true"}, [True, False, False, True]),
    (
        [date(2026, 1, d) for d in (1, 2, 3, 4)],
        {"when": ">=", "value": "2026-01-03"},
        [False, False, True, True],
    ),
    (
        [datetime(2026, 1, 1, h) for h in (1, 2, 3, 4)],
        {"when": "<", "value": "2026-01-01 02:30"},
        [True, True, False, False],
    ),
    ([time(h) for h in (1, 2, 3, 4)], {"when": ">", "value": "2:30"}, [False, False, True, True]),
    (
        [timedelta(hours=h) for h in (1, 2, 30, 40)],
        {"when": ">", "value": "29:59:59"},
        [False, False, True, True],
    ),
]


@pytest.mark.parametrize(("values", "rule", "held"), CASES)
def test_a_rule_colours_the_cells_it_holds_for(
    look: Look, values: list[Any], rule: dict[str, Any], held: list[bool]
):
    data = pl.DataFrame({"key": [f"key{i}" for i in range(4)], "v": values}, strict=False)
    columns = {
        "v": {"highlight": {"show": "cell", "fill": RED, **rule}, "width": 30, "align": "left"}
    }
    picture, words = look(data, columns)
    left = words["v"][0]
    rows = [words[f"key{i}"] for i in range(4)]
    found = [picture.at(left - 1.5, (r[1] + r[3]) / 2) == (255, 0, 0) for r in rows]
    assert found == held


def test_the_first_rule_goes_before_the_others_and_cells_lie_over_rows(look: Look):
    data = pl.DataFrame({"n": [1, 2, 3], "t": ["x", "y", "z"]})
    rules = [
        {"show": "cell", "when": ">", "value": 2, "fill": RED},
        {"show": "cell", "when": ">", "value": 1, "fill": GREEN},
        {"show": "row", "when": "=", "value": 3, "fill": "#0000FF", "color": "#FFFFFF"},
    ]
    picture, words = look(data, {"n": {"highlight": rules}})
    grounds = [ground(picture, words[word]) for word in ("1", "2", "3", "x", "y", "z")]
    white, blue = (255, 255, 255), (0, 0, 255)
    assert grounds == [white, (0, 204, 0), (255, 0, 0), white, white, blue]
    assert white in inked(picture, words["z"])


def test_a_hidden_column_may_colour_whole_rows(look: Look):
    data = pl.DataFrame({"state": ["late", "ok"], "t": ["x", "y"]})
    rule = {"show": "row", "when": "=", "value": "late", "fill": RED}
    picture, words = look(data, {"state": {"hidden": True, "highlight": rule}})
    assert ground(picture, words["x"]) == (255, 0, 0)
    assert ground(picture, words["y"]) == (255, 255, 255)
    assert "late" not in words


def test_rules_colour_and_embolden_the_text_of_wrapped_and_condensed_cells(look: Look):
    data = pl.DataFrame({"t": ["several words that wrap", "plain"], "n": [123456789012, 7]})
    rule = {"show": "row", "when": "contains", "value": "wrap", "color": RED, "bold": True}
    columns = {"t": {"width": 9, "highlight": rule}, "n": {"width": 6}}
    picture, words = look(data, columns)
    for word in ("several", "wrap", "123,456,789,012"):
        assert (255, 0, 0) in inked(picture, words[word])
    for word in ("plain", "7"):
        assert not [c for c in inked(picture, words[word]) if c[0] > 200 and c[1] < 50]


def test_a_scale_shades_from_the_lowest_to_the_highest_of_all_pages(look: Look):
    data = pl.DataFrame({"n": [*range(50), *([50] * 400), 100]})
    columns = {"n": {"highlight": {"show": "scale", "colors": ["#000000", "#FFFFFF"]}, "width": 9}}
    picture, words = look(data, columns)
    assert ground(picture, words["0"]) == (0, 0, 0)
    for n in (10, 20, 49):
        shade = ground(picture, words[str(n)])
        assert shade == pytest.approx((n * 2.55,) * 3, abs=2)


def test_a_bar_is_as_long_as_its_value(look: Look):
    data = pl.DataFrame({"n": [10, 20, 40, 0], "t": ["a", "b", "c", "d"]})
    columns = {"n": {"highlight": {"show": "bar", "colors": [GREEN]}, "width": 40, "align": "left"}}
    picture, words = look(data, columns)
    left = words["n"][0] - 4
    lengths: list[int] = []
    for word in "abcd":
        y = words[word][3] - 0.4
        row = [picture.at(left + x / 2, y) for x in range(420)]
        lengths.append(sum(colour == (0, 204, 0) for colour in row))
    assert lengths[3] == 0
    assert lengths[1] == pytest.approx(2 * lengths[0], abs=3)
    assert lengths[2] == pytest.approx(4 * lengths[0], abs=4)


def test_negative_bars_go_the_other_way_from_the_axis(look: Look):
    data = pl.DataFrame({"n": [-10, 30], "t": ["a", "b"]})
    columns = {"n": {"highlight": {"show": "bar", "colors": [GREEN]}, "width": 40, "align": "left"}}
    picture, words = look(data, columns)
    left = words["n"][0] - 4
    spans: dict[str, list[int]] = {}
    for word in "ab":
        y = words[word][3] - 0.4
        row = [picture.at(left + x / 2, y) for x in range(400)]
        spans[word] = [i for i, c in enumerate(row) if c[1] - c[2] > 10 or c[0] - c[1] > 20]
    assert max(spans["a"]) <= min(spans["b"]) + 2
    assert len(spans["b"]) == pytest.approx(3 * len(spans["a"]), rel=0.1)


@pytest.mark.parametrize("icons", ["3_arrows", "4_traffic_lights", "5_quarters"])
def test_icons_have_room_beside_the_text_and_colours_by_level(look: Look, icons: str):
    data = pl.DataFrame({"n": [0, 50, 100], "t": ["a", "b", "c"]})
    columns = {"n": {"highlight": {"show": "icons", "icons": icons}, "title": "number"}}
    picture, words = look(data, columns)
    seen: list[Any] = []
    for word in ("0", "50", "100"):
        left, top, _, bottom = words[word]
        found = {c for c in picture.colours(30, top, left - 1, bottom) if min(c) < 200}
        assert found
        seen.append(frozenset(c for c in found if max(c) - min(c) > 60))
    assert seen[0] != seen[2]


def test_what_ranks_a_whole_column_is_left_out_and_told():
    data = pl.DataFrame({"n": [1, 2]})
    rule = {"show": "cell", "when": "top", "value": 1, "fill": RED}
    _, manifest = write(data, columns={"n": {"highlight": rule}})
    (warning,) = manifest.warnings
    assert (warning.column, warning.type) == ("n", "highlight-left")
    assert "'top'" in warning.detail


@pytest.mark.parametrize(
    ("values", "rule", "told"),
    [
        ([1], {"when": ">", "value": "many"}, "compares it with 'many', which is none"),
        ([date(2026, 1, 1)], {"when": ">", "value": "soon"}, "is a date"),
        ([time(1)], {"when": ">", "value": "25:00"}, "is a time"),
    ],
)
def test_a_value_that_the_kind_cannot_have_is_refused(values: Any, rule: Any, told: str):
    columns = {"v": {"highlight": {"show": "cell", "fill": RED, **rule}}}
    with pytest.raises(FormatFailed, match=told):
        write(pl.DataFrame({"v": values}), columns=columns)


def test_scales_need_numbers_or_dates():
    with pytest.raises(FormatFailed, match="needs numbers or dates"):
        write(pl.DataFrame({"t": ["x"]}), columns={"t": {"highlight": "scale"}})


def test_colours_make_equal_bytes_over_frames_and_groups():
    data = pl.DataFrame(
        {"g": [i // 300 for i in range(12_000)], "n": [Decimal(i % 7) for i in range(12_000)]}
    )
    columns = {
        "n": {
            "total": "sum",
            "highlight": ["scale", {"show": "row", "when": "=", "value": 3, "fill": RED}],
        }
    }
    first, manifest = write(data, group_by="g", columns=columns)
    assert first == write(data, group_by="g", columns=columns)[0]
    assert manifest.rows == 12_000


@pytest.mark.parametrize("locale", ["en", "ar"])
def test_fills_of_neighbours_meet_half_way_whatever_stands_in_them(look: Look, locale: str):
    data = pl.DataFrame({"a": ["left"], "b": [5], "c": ["right"]})
    columns = {
        "a": {"fill": "#FFFF00", "indent": 3},
        "b": {"fill": "#00FFFF", "indent": 2, "highlight": "icons"},
        "c": {"fill": "#FF00FF"},
    }
    picture, words = look(data, columns, locale=locale)
    y = words["left"][3] - 0.5
    ends = sorted((words["left"][0], words["right"][2], words["right"][0], words["left"][2]))
    row = {picture.at(x, y) for x in range(round(ends[0]), round(ends[-1]))}
    assert (255, 255, 255) not in row
    assert {(255, 255, 0), (0, 255, 255), (255, 0, 255)} <= row


def test_icons_stand_where_reading_begins(look: Look):
    data = pl.DataFrame({"t": ["a", "b"], "n": [0, 100], "u": ["c", "d"]})
    columns = {"n": {"highlight": "icons", "title": "number"}}
    picture, words = look(data, columns, locale="ar")
    left, top, right, bottom = words["100"]
    beside = [picture.colours(right + 1, top, words["b"][0] - 1, bottom)]
    beside.append(picture.colours(words["d"][2] + 1, top, left - 1, bottom))
    assert [any(max(c) - min(c) > 60 for c in colours) for colours in beside] == [True, False]


def test_a_fill_leaves_the_line_under_the_header_as_it_is(look: Look):
    data = pl.DataFrame({"a": ["one"], "b": ["two"]})
    picture, words = look(data, {"a": {"fill": "#FFFF00"}, "b": {}})
    lines: list[list[Any]] = []
    for word in ("one", "two"):
        x, y = words[word][0], words[word][1]
        column = [picture.at(x, y - up / 4) for up in range(24)]
        lines.append([colour for colour in column if max(colour) < 140])
    assert lines[0] == lines[1] != []


@pytest.mark.usefixtures("small_disk")
def test_a_disk_without_room_for_what_waits_for_the_whole_column_is_said_in_a_sentence():
    data = pl.DataFrame({"a": range(20_000)})
    said = "temporary file that a highlight by scale, bars or icons needs .* TMPDIR"
    with pytest.raises(FileLimit, match=said):
        write(data, columns={"a": {"highlight": [{"show": "bar"}]}})
