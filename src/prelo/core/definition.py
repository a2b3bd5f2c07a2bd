"""A report as code: a decorated function, whose signature says the parameters."""

import hashlib
import inspect
import sys
import traceback
from collections.abc import Callable, Mapping
from datetime import date, datetime
from pathlib import Path
from types import ModuleType, NoneType, UnionType
from typing import Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

from pydantic import ValidationError

from prelo.core.errors import Misconfigured
from prelo.core.parameters import Parameter, ParameterType
from prelo.core.report import Report, SourceSpec

SOURCES = "sources"
"""The one argument that is no parameter: through it the function reaches the SQL connections."""

_TYPES: dict[Any, ParameterType] = {
    str: "string",
    int: "integer",
    float: "number",
    bool: "boolean",
    date: "date",
    datetime: "datetime",
}
_EMPTY = inspect.Parameter.empty

F = TypeVar("F", bound=Callable[..., Any])


def report(*, name: str | None = None, **settings: Any) -> Callable[[F], F]:
    """Make a function a report; it stays callable, and carries the Report as `__prelo_report__`.

    Its arguments become the report's parameters: `date`, `datetime`, `int`, `float`, `bool`, `str`, a
    `Literal`, or one of these `| None`; a default makes one optional. An argument `sources` is handed the
    SQL connections instead. `name` is the function's with '-' for '_' if left out, and its docstring is
    the description. `settings` are those of a Report in YAML (title, formats, columns, limits ...);
    `parameters` adds to what the signature says: `parameters={"year": {"minimum": 2000}}`.

    Raises Misconfigured with the function's name and what to do.
    """

    def decorate(function: F) -> F:
        try:
            made = _report(function, name, dict(settings))
        except (ValueError, TypeError, NameError) as error:
            said = _said(error) if isinstance(error, ValidationError) else str(error)
            raise Misconfigured(f"the report function '{function.__name__}': {said}") from error
        setattr(function, "__prelo_report__", made)  # noqa: B010  functions declare no such name
        return function

    return decorate


def _report(function: Callable[..., Any], name: str | None, settings: dict[str, Any]) -> Report:
    more = settings.pop("parameters", {})
    settings.setdefault("description", inspect.getdoc(function) or "")
    return Report.model_validate(
        {
            **settings,
            "name": name or function.__name__.replace("_", "-"),
            "parameters": _parameters(function, more),
            # The catalog that loads the file puts the file's own name and digest here.
            "source": SourceSpec(python=f"{function.__module__}:{function.__qualname__}"),
        }
    )


def _parameters(
    function: Callable[..., Any], more: Mapping[str, Mapping[str, Any]]
) -> dict[str, Parameter]:
    hints = get_type_hints(function)
    arguments = dict(inspect.signature(function).parameters)
    arguments.pop(SOURCES, None)
    if unknown := set(more) - set(arguments):
        raise ValueError(f"it has no argument '{min(unknown)}' for 'parameters' to describe")
    found: dict[str, Parameter] = {}
    for argument in arguments.values():
        if argument.kind not in {argument.POSITIONAL_OR_KEYWORD, argument.KEYWORD_ONLY}:
            raise ValueError(f"'{argument}' cannot be given by name; use a plain argument")
        if argument.name not in hints:
            raise ValueError(
                f"the argument '{argument.name}' needs a type, as {argument.name}: int"
            )
        described = _described(argument.name, hints[argument.name], argument.default)
        found[argument.name] = Parameter(**{**described, **more.get(argument.name, {})})
    return found


def _described(name: str, hint: Any, default: Any) -> dict[str, Any]:
    options = set(get_args(hint)) if get_origin(hint) in {Union, UnionType} else {hint}
    plain = options - {NoneType}
    if len(plain) != 1:
        raise ValueError(f"the argument '{name}' has several types; a parameter has one, or | None")
    kind = plain.pop()
    described: dict[str, Any] = {"nullable": NoneType in options}
    if get_origin(kind) is Literal:
        described["enum"] = get_args(kind)
        types: set[type[Any]] = {type(value) for value in get_args(kind)}
        kind = types.pop() if len(types) == 1 else None
    if kind not in _TYPES:
        known = ", ".join(known.__name__ for known in _TYPES)
        raise ValueError(f"the type of the argument '{name}' must be {known} or a Literal of one")
    if default is None and not described["nullable"]:
        raise ValueError(f"the argument '{name}' is None by default; add | None to its type")
    if default is not _EMPTY:
        described["default"] = default.isoformat() if isinstance(default, date) else default
    return {"type": _TYPES[kind], **described}


def _said(error: ValidationError) -> str:
    return "; ".join(
        f"{'.'.join(map(str, wrong['loc'])) or 'the report'}: {wrong['msg'].removeprefix('Value error, ')}"
        for wrong in error.errors()
    )


def executed(path: Path, text: bytes) -> ModuleType:
    """The module that a catalog's Python file is: run once, under a name of its own, off sys.path.

    `text` is the content of `path`. Whatever the file raises comes out.
    """
    mark = hashlib.sha256(bytes(path.absolute())).hexdigest()[:12]  # two folders, one file name
    module = ModuleType(f"prelo_catalog_{path.stem}_{mark}")
    module.__file__ = str(path)
    sys.modules[module.__name__] = module  # dataclasses and pickle look for it there
    try:
        exec(compile(text, str(path), "exec"), module.__dict__)  # noqa: S102  the catalog is trusted
    except BaseException:
        del sys.modules[module.__name__]
        raise
    return module


def line_of(error: BaseException, path: Path) -> int | None:
    """Where in the file it happened: the last of the file's own lines on the way to the error."""
    if isinstance(error, SyntaxError) and error.filename == str(path):
        return error.lineno
    lines = [f.lineno for f in traceback.extract_tb(error.__traceback__) if f.filename == str(path)]
    return lines[-1] if lines else None
