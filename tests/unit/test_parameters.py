"""Parameters: what may be given, in which form it is kept, and the schema that says so."""

from datetime import UTC, date, datetime
from typing import Any

import pytest
from pydantic import ValidationError

from prelo.core.errors import Invalid
from prelo.core.parameters import Parameter, json_schema, typed, validate


def one(value: Any, **spec: Any) -> Any:
    return validate({"p": Parameter(**spec)}, {"p": value})["p"]


@pytest.mark.parametrize(
    ("spec", "value", "kept"),
    [
        ({"type": "integer"}, 3.0, 3),
        ({"type": "number"}, 3, 3.0),
        ({"type": "string"}, "e\u0301", "é"),
        ({"type": "date"}, "2026-02-28", "2026-02-28"),
        ({"type": "datetime"}, "2026-02-28T10:00:00Z", "2026-02-28T10:00:00Z"),
        ({"type": "datetime"}, "2026-02-28T10:00:00+00:00", "2026-02-28T10:00:00Z"),
        ({"type": "boolean"}, True, True),
        ({"type": "string", "enum": ["a", "b"]}, "b", "b"),
        ({"type": "integer", "enum": [1, 2]}, 2.0, 2),
        ({"type": "date", "minimum": "2026-01-01"}, "2026-01-01", "2026-01-01"),
        ({"type": "integer", "nullable": True}, None, None),
    ],
)
def test_a_good_value_is_kept_in_its_one_form(spec: dict[str, Any], value: Any, kept: Any):
    assert one(value, **spec) == kept
    assert type(one(value, **spec)) is type(kept)


@pytest.mark.parametrize(
    ("spec", "value", "words"),
    [
        ({"type": "integer"}, 3.5, "must be a whole number"),
        ({"type": "integer"}, True, "must be a number"),
        ({"type": "integer"}, "3", "must be a number"),
        ({"type": "integer"}, 2**53, "9007199254740991"),
        ({"type": "integer"}, None, "must be a whole number"),
        ({"type": "number"}, float("nan"), "must be a number, not infinite"),
        ({"type": "boolean"}, 1, "must be true or false"),
        ({"type": "string"}, 1, "must be text"),
        ({"type": "string", "pattern": "^[a-z]+$"}, "A", "pattern"),
        ({"type": "string", "max_length": 2}, "abc", "at most 2"),
        ({"type": "string", "enum": ["a", "b"]}, "c", "one of a, b"),
        ({"type": "date"}, 20_000, "ISO 8601"),
        ({"type": "date"}, "2026-02-30", "must be a day, as 2026-01-31$"),
        ({"type": "date"}, "2026-02-03T10:00", "without a time"),
        ({"type": "datetime"}, "noon", "must be a moment, as 2026-01-31T10:00:00"),
        ({"type": "number", "minimum": 1_000_000}, 5, "not be less than 1000000$"),
        ({"type": "date", "minimum": "2026-01-01"}, "2025-12-31", "2026-01-01"),
        ({"type": "integer", "minimum": 1, "maximum": 5}, 6, "not be more than 5"),
    ],
)
def test_a_bad_value_is_refused_with_its_place(spec: dict[str, Any], value: Any, words: str):
    with pytest.raises(Invalid, match=words) as refused:
        one(value, **spec)
    assert [e.pointer for e in refused.value.errors] == ["/parameters/p"]


def test_every_wrong_value_is_named_at_once():
    parameters = {"a": Parameter(type="integer"), "b": Parameter(type="date")}
    with pytest.raises(Invalid) as refused:
        validate(parameters, {"a": "x", "c": 1})
    assert {e.pointer.rpartition("/")[2] for e in refused.value.errors} == {"a", "b", "c"}


def test_typed_values_are_dates_again():
    parameters = {"d": Parameter(type="date"), "t": Parameter(type="datetime")}
    kept = validate(parameters, {"d": "2026-01-02", "t": "2026-01-02T03:04:05Z"})
    assert typed(parameters, kept) == {
        "d": date(2026, 1, 2),
        "t": datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC),
    }


def test_a_parameter_may_have_any_name():
    names = ["model_config", "class", "_x", "for", "a-b", "schema"]
    parameters = {name: Parameter(type="integer") for name in names}
    given = dict.fromkeys(names, 1)
    assert validate(parameters, given) == given


def test_the_schema_says_types_ranges_choices_and_defaults():
    schema = json_schema(
        {
            "n": Parameter(type="integer", minimum=1, maximum=9, default=3, title="How many"),
            "r": Parameter(type="string", enum=("north", "south")),
            "d": Parameter(type="date"),
        }
    )
    n, r, d = (schema["properties"][name] for name in "nrd")
    assert (n["type"], n["minimum"], n["maximum"], n["default"]) == ("integer", 1, 9, 3)
    assert n["title"] == "How many"
    assert "ge" not in n
    assert r["enum"] == ["north", "south"]
    assert (d["type"], d["format"]) == ("string", "date")
    assert schema["required"] == ["r", "d"]
    assert schema["additionalProperties"] is False


def test_a_default_that_breaks_its_own_rules_is_refused_at_definition():
    with pytest.raises(ValidationError, match="is not allowed"):
        Parameter(type="integer", default="x")
    with pytest.raises(ValidationError, match="is not allowed"):
        Parameter(type="integer", default=0, minimum=1)


@pytest.mark.parametrize(
    ("kind", "text", "value"),
    [
        ("integer", "12", 12),
        ("integer", "x", "x"),
        ("number", "1.5", 1.5),
        ("boolean", "yes", True),
        ("boolean", "0", False),
        ("boolean", "maybe", "maybe"),
        ("string", "12", "12"),
        ("date", "2026-01-01", "2026-01-01"),
    ],
)
def test_what_a_person_types_becomes_a_value(kind: Any, text: str, value: Any):
    assert Parameter(type=kind).from_text(text) == value


def test_a_pointer_to_an_odd_name_is_escaped():
    with pytest.raises(Invalid) as refused:
        validate({}, {"a/b~c": 1})
    assert refused.value.errors[0].pointer == "/parameters/a~1b~0c"
