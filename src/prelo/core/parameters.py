"""The parameters of a report: their types, what may be given, and the JSON Schema that says so."""

import json
import re
from collections.abc import Callable
from datetime import date, datetime
from functools import cache
from typing import Annotated, Any, Literal, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StrictBool,
    StrictStr,
    ValidationError,
    create_model,
    model_validator,
)

from prelo.core.canonical import normal
from prelo.core.errors import FieldError, Invalid
from prelo.core.model import Model

ParameterType = Literal["string", "integer", "number", "boolean", "date", "datetime"]
_SAFE_INTEGER = 2**53 - 1  # RFC 7493: beyond it, JSON readers differ


class Parameter(Model):
    """One parameter. Without a `default` it must be given; `nullable` lets it be null.

    `minimum` and `maximum` (inclusive) apply to numbers and, as ISO texts, to dates.
    """

    type: ParameterType
    title: str | None = None
    description: str | None = None
    default: Any = None
    required: bool | None = None
    nullable: bool = False
    enum: tuple[Any, ...] | None = None
    minimum: Any = None
    maximum: Any = None
    min_length: int | None = None
    max_length: int = 10_000
    pattern: str | None = None

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.required is None:
            object.__setattr__(self, "required", "default" not in self.model_fields_set)
        if self.pattern is not None:
            re.compile(self.pattern)
        if not self.required and self.default is not None:
            try:
                _model_of(_key({"default": self.model_copy(update={"required": True})}))(
                    default=self.default
                )
            except ValidationError as error:
                raise ValueError(
                    f"the default {self.default!r} is not allowed: {_said(error)}"
                ) from error
        return self

    def from_text(self, text: str) -> Any:
        """The value a person typed for this parameter on a command line."""
        if self.nullable and text == "":
            return None
        if self.type == "boolean":
            return {
                "true": True,
                "yes": True,
                "1": True,
                "false": False,
                "no": False,
                "0": False,
            }.get(text.lower(), text)
        if self.type in {"integer", "number"}:
            try:
                return json.loads(text)
            except ValueError:
                return text  # validation says what is wrong with it
        return text


def validate(parameters: dict[str, Parameter], given: dict[str, Any]) -> dict[str, Any]:
    """The given values, checked and completed by defaults, in their one JSON form.

    Dates are ISO texts, numbers of an integer parameter are integers, texts are NFC. Raises Invalid
    with one FieldError per wrong value.
    """
    try:
        checked = _model_of(_key(parameters)).model_validate(normal(given))
    except ValidationError as error:
        wrong = [(str(e["loc"][0]), _sentence(e)) for e in error.errors()]
        errors = tuple(FieldError(pointer=_pointer(name), detail=said) for name, said in wrong)
        detail = "; ".join(f"{name}: {said}" for name, said in wrong)
        raise Invalid(f"the parameters do not fit the report: {detail}", errors) from error
    return checked.model_dump(mode="json", by_alias=True)


def _pointer(name: str) -> str:
    return "/parameters/" + name.replace("~", "~0").replace("/", "~1")  # RFC 6901


def typed(parameters: dict[str, Parameter], values: dict[str, Any]) -> dict[str, Any]:
    """Validated JSON values as Python values: dates as date, datetimes as datetime."""
    return _model_of(_key(parameters)).model_validate(values).model_dump(by_alias=True)


def json_schema(parameters: dict[str, Parameter]) -> dict[str, Any]:
    """The JSON Schema (2020-12) of a report's parameters."""
    schema = _model_of(_key(parameters)).model_json_schema(by_alias=True)
    schema.pop("title", None)
    return schema


def _key(parameters: dict[str, Parameter]) -> str:
    return json.dumps({name: p.model_dump(mode="json") for name, p in parameters.items()})


@cache
def _model_of(key: str) -> type[BaseModel]:
    fields: dict[str, Any] = {}
    for number, (name, spec) in enumerate(json.loads(key).items()):
        fields[f"p{number}"] = _field(name, spec)
    return create_model(
        "Parameters", __config__=ConfigDict(extra="forbid", serialize_by_alias=True), **fields
    )


def _field(name: str, spec: dict[str, Any]) -> tuple[Any, Any]:
    """The pydantic field; aliased, so that a parameter may have any name, `model_config` included."""
    limits: dict[str, Any] = {"ge": spec["minimum"], "le": spec["maximum"]}
    if spec["type"] == "string":
        limits |= {key: spec[key] for key in ("min_length", "max_length", "pattern")}
    limits = {key: value for key, value in limits.items() if value is not None}
    if spec["type"] == "integer":
        limits = {"ge": -_SAFE_INTEGER, "le": _SAFE_INTEGER} | limits
    if spec["type"] in {"date", "datetime"}:
        kind = date if spec["type"] == "date" else datetime
        limits = {k: kind.fromisoformat(v) if isinstance(v, str) else v for k, v in limits.items()}
    if spec["type"] == "number":
        limits["allow_inf_nan"] = False
    base, before = _TYPES[spec["type"]]
    annotation: Any = Annotated[base, Field(**limits), BeforeValidator(before)]
    if spec["enum"] is not None:
        annotation = Annotated[annotation, _one_of(spec["enum"])]
    if spec["nullable"] or (not spec["required"] and spec["default"] is None):
        annotation = annotation | None
    default = ... if spec["required"] else spec["default"]
    return annotation, Field(
        default,
        alias=name,
        title=spec["title"],
        description=spec["description"],
        validate_default=True,
        json_schema_extra={"enum": spec["enum"]} if spec["enum"] is not None else None,
    )


def _one_of(allowed: list[Any]) -> AfterValidator:
    def check(value: Any) -> Any:
        plain = value.isoformat() if isinstance(value, date | datetime) else value
        if plain not in allowed:
            raise ValueError(f"must be one of {', '.join(map(str, allowed))}")
        return value

    return AfterValidator(check)


def _number(value: Any) -> Any:
    if isinstance(value, bool | str):
        raise ValueError("must be a number")  # noqa: TRY004  pydantic turns ValueError into a message
    return value


def _text(value: Any) -> Any:
    if not isinstance(value, str | date):
        raise ValueError("must be text in ISO 8601 form, as 2026-01-31")  # noqa: TRY004
    return value


def _as_it_is(value: Any) -> Any:
    return value


_TYPES: dict[str, tuple[Any, Callable[[Any], Any]]] = {
    "string": (StrictStr, _as_it_is),
    "integer": (int, _number),
    "number": (float, _number),
    "boolean": (StrictBool, _as_it_is),
    "date": (date, _text),
    "datetime": (datetime, _text),
}
_BOUNDS = {
    "greater_than_equal": ("ge", "not be less than"),
    "less_than_equal": ("le", "not be more than"),
}


_SHAPES = {
    "string_type": "text",
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "float_type": "a number",
    "finite_number": "a number, not infinite and not NaN",
    "bool_type": "true or false",
    "date_type": "a day, as 2026-01-31",
    "date_parsing": "a day, as 2026-01-31",
    "date_from_datetime_parsing": "a day, as 2026-01-31",
    "date_from_datetime_inexact": "a day, as 2026-01-31, without a time",
    "datetime_type": "a moment, as 2026-01-31T10:00:00",
    "datetime_parsing": "a moment, as 2026-01-31T10:00:00",
    "datetime_from_date_parsing": "a moment, as 2026-01-31T10:00:00",
}


def _sentence(error: Any) -> str:
    if error["type"] == "extra_forbidden":
        return "the report has no such parameter"
    if error["type"] == "missing":
        return "must be given"
    if error["type"] in _BOUNDS:
        bound, words = _BOUNDS[error["type"]]
        limit = error["ctx"][bound]
        whole = isinstance(limit, float) and limit.is_integer()
        return f"must {words} {int(limit) if whole else limit}"
    if error["type"] in _SHAPES:
        return f"must be {_SHAPES[error['type']]}"
    return str(error["msg"]).removeprefix("Value error, ").replace("Input should", "should")


def _said(error: ValidationError) -> str:
    return "; ".join(_sentence(e) for e in error.errors())
