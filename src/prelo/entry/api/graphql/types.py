"""The GraphQL types of what callers see, made from the views themselves: whatever REST shows, this shows."""

import re
from datetime import datetime
from enum import Enum
from functools import cache
from inspect import cleandoc
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, NewType, Optional, Union, get_args, get_origin
from uuid import UUID

import strawberry
from graphql import GraphQLError
from pydantic import AwareDatetime, BaseModel, TypeAdapter, ValidationError
from strawberry.scalars import JSON
from strawberry.types import has_object_definition
from strawberry.types.scalar import ScalarDefinition
from strawberry.utils.str_converters import to_camel_case

from prelo.core.dataset import Form
from prelo.core.fire import Outcome
from prelo.core.notice import EVENTS
from prelo.core.records import Fate
from prelo.core.report import Format
from prelo.core.request import Priority, Request
from prelo.core.schedule import Misfire, Overlap
from prelo.core.view import rfc3339
from prelo.core.webhook import Hears

Long = NewType("Long", int)
_MOST = 2**53 - 1  # what a JSON number holds exactly wherever it is read
_NAMES: dict[tuple[Any, ...], str] = {
    get_args(Format): "Format",
    get_args(Priority): "Priority",
    get_args(Misfire): "Misfire",
    get_args(Overlap): "Overlap",
    get_args(Outcome): "Outcome",
    get_args(Hears): "Hears",
    EVENTS: "JobEvent",
    get_args(Form): "Form",
    get_args(Fate): "Fate",
    (*EVENTS, "ping"): "Event",
}
_SAME: dict[Any, Any] = {int: Long, AwareDatetime: datetime, UUID: strawberry.ID}
JOB_INPUT = "JobInput"
_TIME = TypeAdapter[datetime](AwareDatetime)


def _read_long(value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or abs(value) > _MOST:
        raise GraphQLError("a Long is a whole number of at most 53 bits")
    return value


def _read_time(value: object) -> datetime:
    try:
        return _TIME.validate_python(value if isinstance(value, str) else None)
    except ValidationError as error:
        raise GraphQLError("a DateTime is a text as 2026-02-01T08:00:00Z, with its zone") from error


def _as_it_is(value: object) -> object:
    return value


def _scalar(name: str, description: str, **functions: Any) -> ScalarDefinition:
    made: Any = strawberry.scalar(name=name, description=description, **functions)
    return made


SCALARS: dict[object, ScalarDefinition] = {
    Long: _scalar(
        "Long", "A whole number of at most 53 bits.", serialize=int, parse_value=_read_long
    ),
    datetime: _scalar(
        "DateTime",
        "A moment as RFC 3339 writes it, in UTC: 2026-02-01T08:00:00.000Z.",
        serialize=rfc3339,
        parse_value=_read_time,
    ),
    JSON: _scalar("JSON", "Any JSON value.", serialize=_as_it_is, parse_value=_as_it_is),
}


@cache
def shown(model: type[BaseModel]) -> Any:
    """The type of a view. Its fields are read from the view itself."""
    fields = {name: _typed(told.annotation) for name, told in model.model_fields.items()}
    made = type(model.__name__, (), {"__annotations__": fields})
    return strawberry.type(made, name=model.__name__.removesuffix("View"), description=about(model))


@cache
def asked(model: type[BaseModel], name: str) -> Any:
    """The input type of a request. What is left out is `strawberry.UNSET`; lists and objects are JSON."""
    kinds = {name: _taken(told.annotation) for name, told in model.model_fields.items()}
    fields = {name: Optional[kind] for name, kind in kinds.items()}  # noqa: UP045  | knows no such types
    unset = dict.fromkeys(fields, strawberry.UNSET)
    made = type(name, (), {"__annotations__": fields, **unset})
    return strawberry.input(made, name=name, description=about(model))


def about(model: type[BaseModel]) -> str:
    """What the model says of itself, its fields called as they are here."""
    said = cleandoc(model.__doc__ or "")
    return re.sub("`[a-z_]+`", lambda name: to_camel_case(name[0]), said)


def given(model: type[BaseModel], value: object) -> dict[str, Any]:
    """What an input holds, as the JSON object that REST would be sent."""
    fields = {name: getattr(value, name) for name in model.model_fields}
    return {
        name: given(Request, one) if isinstance(one, asked(Request, JOB_INPUT)) else _spelled(one)
        for name, one in fields.items()
        if one is not strawberry.UNSET
    }


def _spelled(value: Any) -> Any:
    """A Float of 600 is 600.0 here: REST's callers write 600, and the digests are to be the same."""
    match value:
        case float() if value.is_integer():
            return int(value)
        case datetime():
            return value.isoformat().replace("+00:00", "Z")
        case list():
            return [one.value if isinstance(one, Enum) else one for one in value]
        case _:
            return value.value if isinstance(value, Enum) else value


def _typed(annotation: Any) -> Any:
    kind, parts = get_origin(annotation), get_args(annotation)
    if kind is Annotated:
        return _typed(parts[0])
    if kind in {Union, UnionType}:
        inner = [part for part in parts if part is not NoneType]
        if len(inner) > 1:  # of words; there is no other
            return _one_of(tuple(word for part in inner for word in get_args(part)))
        return Optional[_typed(inner[0])]  # noqa: UP045  | knows no such types
    if kind in {tuple, list}:
        return list[_typed(parts[0])]
    if kind is Literal:
        return _one_of(parts)
    return JSON if kind is dict or annotation is Any else _named(annotation)


def _one_of(words: tuple[str, ...]) -> Any:
    return named(_NAMES[words], words) if words in _NAMES else str


def _named(annotation: Any) -> Any:
    if annotation in _SAME:
        return _SAME[annotation]
    if issubclass(annotation, BaseModel):
        return shown(annotation)
    if issubclass(annotation, Enum):
        return named(annotation.__name__, tuple(one.value for one in annotation))
    return annotation


def _taken(annotation: Any) -> Any:
    """In an input: what is not a scalar, one of a few words, a list of these, or a request is JSON."""
    if annotation is Request:
        return asked(Request, JOB_INPUT)
    kind = _typed(annotation)
    optional = get_origin(kind) is Union
    inner = next(part for part in get_args(kind) if part is not NoneType) if optional else kind
    one = next(iter(get_args(inner)), inner)
    return JSON if get_origin(one) is list or has_object_definition(one) else inner


@cache
def named(name: str, words: tuple[str, ...]) -> Any:
    """An enumeration of words, spelled as REST spells them."""
    made: Any = Enum(name, {word: word for word in words})
    return strawberry.enum(made)
