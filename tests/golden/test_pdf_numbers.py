"""Numbers as text: the column kernels against Python's decimals, one value at a time."""

from decimal import ROUND_HALF_UP, Decimal, localcontext

import polars as pl
from hypothesis import example, given
from hypothesis import strategies as st

from prelo.core.table import Kind
from prelo.formats.pdf.locale import locale_of
from prelo.formats.pdf.text import as_text

MANY = 40  # more than the few values that are written one by one


def shown(value: Decimal, places: int) -> str:
    with localcontext(prec=120):
        text = f"{value.quantize(Decimal(1).scaleb(-places), ROUND_HALF_UP):,f}"
    return text.removeprefix("-") if not text.strip("-0.,") else text


def written(values: list[object], dtype: pl.DataType, kind: str) -> list[str]:
    """As a long column, by the kernels; the values come first."""
    column = pl.Series([*values, *[None] * MANY], dtype=dtype)
    return as_text(column, Kind.parse(kind), locale_of("en-US")).to_list()[: len(values)]


@given(st.lists(st.integers(-(2**63), 2**63 - 1), min_size=1))
def test_integers_of_any_size_keep_every_digit(values: list[int]):
    assert written([*values], pl.Int64(), "integer") == [f"{v:,}" for v in values]


@given(
    st.lists(st.decimals(-(10**20), 10**20, places=4), min_size=1),
    st.integers(0, 8),
)
@example([Decimal("0.0050"), Decimal("-0.0050"), Decimal("-0.0049")], 2)
def test_decimals_are_rounded_half_away_from_zero_and_never_pass_a_float(
    values: list[Decimal], places: int
):
    found = written([*values], pl.Decimal(30, 4), f"decimal({places})")
    assert found == [shown(v, places) for v in values]


@given(st.lists(st.floats(-1e9, 1e9), min_size=1), st.integers(0, 4))
@example([1.005, 2.675, -0.125, 1e-9, -0.0], 2)
def test_floats_are_rounded_as_the_decimals_they_print_as(values: list[float], places: int):
    found = written([*values], pl.Float64(), f"decimal({places})")
    wanted = [shown(Decimal(repr(v)), places) for v in values]
    for one, other, value in zip(found, wanted, values, strict=True):
        if one != other:  # a float so close to a half that its sixteenth digit decides
            step = Decimal(1).scaleb(-places)
            assert abs(Decimal(one.replace(",", "")) - Decimal(other.replace(",", ""))) <= step
            assert abs(Decimal(repr(value)) / step % 1).copy_abs() - Decimal("0.5") < Decimal(
                "1e-6"
            )


@given(st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=1))
def test_the_shortest_form_of_a_float_reads_back_as_the_same_float(values: list[float]):
    assert [
        float(text.replace(",", "")) for text in written([*values], pl.Float64(), "number")
    ] == values


def test_what_is_no_number_is_still_shown():
    values = [float("nan"), float("inf"), float("-inf"), None, 1.5]
    for kind, last in (("number", "1.5"), ("decimal(2)", "1.50"), ("percent", "150%")):
        assert written([*values], pl.Float64(), kind) == ["NaN", "∞", "-∞", "", last]


def test_few_values_and_many_are_written_alike():
    values = [Decimal("1234567.891"), None, Decimal("-0.001"), Decimal(0)]
    for tag in ("en-US", "de-DE", "hi-IN", "sv-SE"):
        for kind in ("decimal(2)", "money:EUR", "percent(1)", "number"):
            few = pl.Series(values, dtype=pl.Decimal(12, 3))
            many = pl.Series(values * MANY, dtype=pl.Decimal(12, 3))
            one, other = (
                as_text(s, Kind.parse(kind), locale_of(tag)).to_list() for s in (few, many)
            )
            assert other == one * MANY
