"""References in formulas: what is one, and where it points when one row has become many."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from xlsxwriter.utility import xl_col_to_name

from prelo.core.errors import FormatFailed
from prelo.formats.xlsx.template.move import Move, Pins
from prelo.formats.xlsx.template.references import rewrite, shifted

MOVE = Move("Data", 6, 4)  # rows 6 to 9; what was in row 7 is in row 10


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("C6", "C6"),
        ("C5+C6+C7", "C5+C6+C10"),
        ("$C$7*C$7", "$C$10*C$10"),
        ("SUM(C6:C6)", "SUM(C6:C9)"),
        ("SUM(C6)", "SUM(C6:C9)"),
        ("sum($C6)+SUBTOTAL(109,C6)", "sum($C6:$C9)+SUBTOTAL(109,C6:C9)"),
        ("ROUND(C6)+SUM(C6,1)+SUM(C5)", "ROUND(C6)+SUM(C6,1)+SUM(C5)"),
        ("SUM(C2:C6)", "SUM(C2:C9)"),
        ("SUM(C2:D20)", "SUM(C2:D23)"),
        ("SUM(C7:C8)", "SUM(C10:C11)"),
        ("SUM(C1:C5)", "SUM(C1:C5)"),
        ("SUM(C8:C2)", "SUM(C11:C2)"),
        ("SUM(C:C)+SUM($A:D)", "SUM(C:C)+SUM($A:D)"),
        ("SUM(6:6)+SUM($5:$7)", "SUM(6:9)+SUM($5:$10)"),
        ("Data!C7+data!C7", "Data!C10+data!C10"),
        ("'Data'!C6:C7", "'Data'!C6:C10"),
        ("Other!C7+'It''s'!C7+Größe!C7", "Other!C7+'It''s'!C7+Größe!C7"),
        ("[1]Data!C7+'[b.xlsx]Data'!C7+[1]!C7", "[1]Data!C7+'[b.xlsx]Data'!C7+[1]!C7"),
        ("SUM(Jan:Data!C7)+SUM('Jan 1:Data'!C7)", "SUM(Jan:Data!C7)+SUM('Jan 1:Data'!C7)"),
        ('"C7 ""C7"" "&C7&"A1:A9"', '"C7 ""C7"" "&C10&"A1:A9"'),
        ("LOG10(C7)+TAX2024+TAXES2024", "LOG10(C10)+TAX2027+TAXES2024"),
        ("C7+R7C7+_A7+C7.x+x.C7+XFE7", "C10+R7C7+_A7+C7.x+x.C7+XFE7"),
        ("Sales[C7]+Sales[[#This Row],[C7]:[D7]]+C7", "Sales[C7]+Sales[[#This Row],[C7]:[D7]]+C10"),
        ("Sales['[C7']]+C7", "Sales['[C7']]+C10"),
        ("#REF!+C7*1.5E7+1E7", "#REF!+C10*1.5E7+1E7"),
        ("C7:INDEX(C:C,7)", "C10:INDEX(C:C,7)"),
        ("{1,2;3,4}*C7%", "{1,2;3,4}*C10%"),
        ("C7#+@C7", "C10#+@C10"),
        ("A1048577+A0+A1048576", "A1048577+A0+A1048576"),
        ("SUM(A6:A1048576)", "SUM(A6:A1048576)"),
        ("_xlfn.XLOOKUP(C7,C6:C6,D6:D6)", "_xlfn.XLOOKUP(C10,C6:C9,D6:D9)"),
        ("Data!$C$7:Data!$C$8", "Data!$C$10:Data!$C$11"),
    ],
)  # fmt: skip
def test_formulas_point_to_what_they_pointed_to(before: str, after: str):
    assert MOVE.formula(before, "Data") == after


def test_references_without_a_sheet_are_to_the_formulas_own_sheet():
    assert MOVE.formula("C7+Data!C7", "Other") == "C7+Data!C10"
    assert Move("It's", 6, 4).formula("C7+'It''s'!C7", None) == "C7+'It''s'!C10"


def test_rows_without_a_dollar_are_distances_in_rules_of_the_marked_row():
    assert MOVE.formula("C7>C$7+SUM(C6:C$6)", "Data", relative=False) == "C7>C$10+SUM(C6:C$9)"


def test_one_cell_stands_for_an_area_where_areas_are_meant():
    assert MOVE.formula("Data!$C$6", None, area=True) == "Data!$C$6:$C$9"
    assert MOVE.areas("B6 B5:C5 B2:B6 D8") == "B6:B9 B5:C5 B2:B9 D11"
    assert MOVE.name("Data!$C$6,Data!$C$7") == "Data!$C$6:$C$9,Data!$C$10"
    assert MOVE.name("Data!$C7") == "Data!$C7"
    assert MOVE.name("OFFSET(Data!$C$6,0,0,Data!$C$7)") == "OFFSET(Data!$C$6,0,0,Data!$C$10)"


def test_filling_down_moves_what_has_no_dollar():
    assert (
        shifted("A1+$A1+A$1+SUM(B1:C$2)+A:A+Other!A1", 2, 1)
        == "B3+$A3+B$1+SUM(C3:D$2)+B:B+Other!B3"
    )
    assert shifted("A1", -1, -1) == "XFD1048576"


def test_a_formula_of_the_marked_row_goes_along_except_for_what_is_below():
    pins = Pins("Data", 6, {"PRELO_d8"})
    assert pins.pieces("C6*D$5+C5") == ("C", 0, "*D$5+C", -1)
    assert pins.pieces('SUM($C$6:C6)&"C6"') == ("SUM($C$6:C", 0, ')&"C6"')
    assert pins.pieces("C6/D8+Data!D$8") == ("C", 0, "/prelo_D8_2+prelo_D8_2")
    assert pins.pieces("SUM(6:6)+Other!C6") == ("SUM(", 0, ":", 0, ")+Other!C6")
    assert pins.pieces("SUM(C$6)") == ("SUM(prelo_C6_C6)",)
    assert pins.formula("SUM(C6)+C6+C5") == "SUM(prelo_C6_C6)+C6+C5"
    assert pins.names == {"prelo_D8_2": "'Data'!$D$8", "prelo_C6_C6": "'Data'!$C$6:$C$6"}


def test_a_formula_made_to_do_harm_is_refused():
    with pytest.raises(FormatFailed, match="8,192"):
        rewrite("'" * 40_000, str)


columns = st.builds(xl_col_to_name, st.integers(0, 16_383))
dollars = st.sampled_from(["", "$"])
corners = st.tuples(
    st.tuples(dollars, columns, dollars).map("".join),
    st.integers(1, 40),
)
ranges = st.tuples(corners, corners)
noise = st.lists(
    st.sampled_from(
        ['"A7 ""x"', "A7", "B$9:C6", "'It''s'!A9", "[1]S!B7", "T[[#All],[A7]]", "LOG10(", "+", ":", "!",
         "#REF!", "'", '"', "[", "]", "$", "A7B", "1E9", "Data!", "5:7", "A:C", ",", " ", "ü", "_", "."]
    )
)  # fmt: skip


@given(noise, st.integers(1, 40))
def test_one_row_of_data_changes_nothing(parts: list[str], row: int):
    formula = "".join(parts)
    assert Move("Data", row, 1).formula(formula, "Data", area=True) == formula


@given(ranges, st.integers(1, 40), st.integers(1, 30))
def test_an_area_covers_what_it_covered(
    area: tuple[tuple[str, int], tuple[str, int]], row: int, rows: int
):
    (one, first), (other, last) = area
    inside = range(min(first, last), max(first, last) + 1)
    covered = {n if n < row else n + rows - 1 for n in inside if n != row}
    covered |= set(range(row, row + rows)) if row in inside else set()
    ends = (min(covered), max(covered)) if first <= last else (max(covered), min(covered))
    expected = f"({one}{ends[0]}:{other}{ends[1]})"
    assert Move("Data", row, rows).formula(f"({one}{first}:{other}{last})", "Data") == expected


@given(corners, st.integers(1, 40), st.integers(1, 30))
def test_a_cell_is_the_first_of_what_it_was(cell: tuple[str, int], row: int, rows: int):
    name, number = cell
    after = number if number <= row else number + rows - 1
    assert Move("Data", row, rows).formula(f"-{name}{number}", "Data") == f"-{name}{after}"
