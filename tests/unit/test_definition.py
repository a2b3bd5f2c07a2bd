"""A report as a decorated function."""

from datetime import date, datetime
from typing import Any, Literal, Optional

import pytest

from prelo.core.definition import report
from prelo.core.errors import Misconfigured
from prelo.core.parameters import validate
from prelo.core.report import Report


def made(function: Any) -> Report:
    return function.__prelo_report__


def test_the_signature_says_the_parameters():
    @report(title="Sales", formats=["xlsx"])
    def monthly_sales(
        start: date,
        at: datetime | None,
        share: float = 0.5,
        region: Literal["north", "south"] = "north",
        year: Literal[2025, 2026] = 2026,
        *,
        active: bool = True,
        limit: int | None = None,
        note: Optional[str] = "none",  # noqa: UP045  the old spelling counts, too
        since: date = date(2026, 1, 2),
        sources: object = None,
    ) -> None:
        """What was sold.

        By month.
        """

    found = made(monthly_sales)
    assert (found.name, found.title, found.formats) == ("monthly-sales", "Sales", ("xlsx",))
    assert found.description == "What was sold.\n\nBy month."
    shapes = {name: (p.type, p.required, p.nullable) for name, p in found.parameters.items()}
    assert shapes == {
        "start": ("date", True, False),
        "at": ("datetime", True, True),
        "share": ("number", False, False),
        "region": ("string", False, False),
        "year": ("integer", False, False),
        "active": ("boolean", False, False),
        "limit": ("integer", False, True),
        "note": ("string", False, True),
        "since": ("date", False, False),
    }
    assert found.parameters["region"].enum == ("north", "south")
    assert validate(found.parameters, {"start": "2026-02-01", "at": None})["since"] == "2026-01-02"


def test_the_function_stays_a_function():
    @report(name="other.name", version=3)
    def double(number: int) -> int:
        return 2 * number

    assert double(4) == 8
    assert (made(double).name, made(double).version) == ("other.name", 3)
    assert made(double).source.python == f"{__name__}:{double.__qualname__}"


def test_settings_describe_a_parameter_further():
    @report(parameters={"year": {"minimum": 2000, "title": "Year"}})
    def yearly(year: int = 2026) -> None: ...

    found = made(yearly).parameters["year"]
    assert (found.minimum, found.title, found.default) == (2000, "Year", 2026)


def untyped(a) -> None: ...  # pyright: ignore[reportMissingParameterType, reportUnknownParameterType]
def listed(a: list[int]) -> None: ...
def several(a: int | str) -> None: ...
def mixed(a: Literal["x", 1]) -> None: ...
def nothing(a: str = None) -> None: ...  # noqa: RUF013  # pyright: ignore[reportArgumentType]
def starred(*a: int) -> None: ...
def positional(a: int, /) -> None: ...
def unfitting(a: Literal["x"] = "y") -> None: ...  # pyright: ignore[reportArgumentType]
def unknown(a: "Nowhere") -> None: ...  # noqa: F821  # pyright: ignore[reportUndefinedVariable, reportUnknownParameterType]


@pytest.mark.parametrize(
    ("function", "said"),
    [
        (untyped, "'a' needs a type, as a: int"),
        (listed, "'a' must be str, int, float, bool, date, datetime or a Literal"),
        (several, "'a' has several types"),
        (mixed, "'a' must be"),
        (nothing, r"None by default; add \| None"),
        (starred, "cannot be given by name"),
        (positional, "cannot be given by name"),
        (unfitting, "the default 'y' is not allowed"),
        (unknown, "Nowhere"),
    ],
)
def test_a_signature_that_makes_no_parameters_is_explained(function: Any, said: str):
    with pytest.raises(Misconfigured, match=rf"'{function.__name__}': .*{said}"):
        report()(function)


def test_settings_that_are_wrong_are_explained():
    def plain(a: int) -> None: ...

    with pytest.raises(Misconfigured, match="'plain': titel: Extra inputs"):
        report(titel="x")(plain)
    with pytest.raises(Misconfigured, match="no argument 'b'"):
        report(parameters={"b": {}})(plain)
    with pytest.raises(Misconfigured, match="'Big Name' is no name"):
        report(name="Big Name")(plain)
