"""Reports that a Python function makes."""

import hashlib
import inspect
import sys
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager, redirect_stdout
from importlib import import_module
from pathlib import Path
from typing import Any, cast

import pyarrow as pa

from prelo.core.definition import SOURCES, executed, line_of
from prelo.core.errors import DefinitionMissing, FunctionFailed, PreloError
from prelo.core.report import Report

OpenQuery = Callable[[str, str, Mapping[str, Any]], AbstractContextManager[Any]]
"""Connection name, SQL and parameters -> an Arrow reader, as long as the context is open."""


class PythonSource:
    """Port Source for functions, called with the typed parameters by name.

    "file.py:function" is looked up below `folder`, "module:function" is imported. What it prints goes
    to stderr. Raises FunctionFailed with the exception and its line when the function raises, at
    once or while its rows are read, and when it returns what is no table.
    """

    def __init__(self, folder: Path, open_query: OpenQuery) -> None:
        self._folder = folder
        self._open_query = open_query

    @contextmanager
    def open(self, report: Report, parameters: Mapping[str, Any]) -> Generator[object]:
        function, path = self._function(report)
        with ExitStack() as stack:
            arguments = dict(parameters)
            if SOURCES in inspect.signature(function).parameters:
                arguments[SOURCES] = Connections(self._open_query, stack)
            with _blamed(path):
                result = function(**arguments)
                data = _tabular(result, report.source.python or "", path)
            yield data

    def count(self, report: Report, parameters: Mapping[str, Any]) -> int | None:  # noqa: ARG002
        """Nobody knows what a function will return."""
        return None

    def check(self, report: Report) -> None:
        """The function is there and takes the report's parameters; it is not called."""
        function, _ = self._function(report)
        signature = inspect.signature(function)
        given: dict[str, None] = dict.fromkeys(report.parameters)
        if SOURCES in signature.parameters:
            given[SOURCES] = None
        try:
            signature.bind(**given)
        except TypeError as error:
            raise FunctionFailed(
                f"{report.source.python} does not take the report's parameters: {error}"
            ) from error

    def _function(self, report: Report) -> tuple[Callable[..., Any], Path]:
        place, _, name = (report.source.python or "").partition(":")
        if place.endswith(".py"):
            path = self._path(place)
            text = self._text(path, place, report.source.digest)
            with _blamed(path):
                module = executed(path, text)
        else:
            with _blamed(Path(place)):
                module = import_module(place)
            path = Path(module.__file__ or place)
        function = getattr(module, name, None)
        if not callable(function):
            raise FunctionFailed(f"there is no function '{name}' in {place}")
        return function, path

    def _path(self, place: str) -> Path:
        folder = self._folder.resolve()
        path = (folder / place).resolve()
        if not path.is_relative_to(folder):
            raise FunctionFailed(f"'{place}' is not below the catalog's folder {folder}")
        return path

    def _text(self, path: Path, place: str, digest: str | None) -> bytes:
        try:
            text = path.read_bytes()
        except OSError as error:
            raise DefinitionMissing(
                f"the file '{place}' cannot be read: {error.strerror}"
            ) from error
        if digest and hashlib.sha256(text).hexdigest() != digest:
            raise DefinitionMissing(
                f"'{place}' has changed since the catalog was loaded; restart, and ask again"
            )
        return text


class Connections:
    """What the function gets as `sources`: `sources["warehouse"].query("select …", start=start)`."""

    def __init__(self, open_query: OpenQuery, stack: ExitStack) -> None:
        self._open_query = open_query
        self._stack = stack

    def __getitem__(self, name: str) -> "Connection":
        return Connection(name, self._open_query, self._stack)


class Connection:
    """One SQL connection of the configuration."""

    def __init__(self, name: str, open_query: OpenQuery, stack: ExitStack) -> None:
        self._name = name
        self._open_query = open_query
        self._stack = stack

    def query(self, sql: str, /, **parameters: Any) -> Any:
        """The rows as a pyarrow.RecordBatchReader, open until the report is written."""
        return self._stack.enter_context(self._open_query(self._name, sql, parameters))


@contextmanager
def _blamed(path: Path) -> Generator[None]:
    """Exceptions of the report's own code, translated; sys.exit() in it ends the attempt, not the press."""
    try:
        with redirect_stdout(sys.stderr):
            yield
    except (PreloError, MemoryError, KeyboardInterrupt, GeneratorExit):
        raise
    except BaseException as error:
        line = line_of(error, path)
        place = f"{path.name}, line {line}" if line else path.name
        said = f"{type(error).__name__}: {error}".rstrip(": ")
        raise FunctionFailed(f"{place}: {said}") from error


def _watched(items: Iterator[Any], path: Path) -> Iterator[Any]:
    """The function may be a generator: its code runs, and fails, while its rows are read."""
    end = object()
    while True:
        with _blamed(path):
            item = next(items, end)
        if item is end:
            return
        yield item


def _tabular(result: Any, place: str, path: Path) -> object:
    """What open_stream reads: Arrow and iterators are watched, for they may run the function's code."""
    if hasattr(result, "__arrow_c_stream__"):
        reader = pa.RecordBatchReader.from_stream(result)
        return pa.RecordBatchReader.from_batches(reader.schema, _watched(iter(reader), path))
    if isinstance(result, pa.RecordBatch) or hasattr(result, "collect_batches"):  # a lazy frame
        return result
    if inspect.iscoroutine(result):
        result.close()
        raise FunctionFailed(f"{place} is async; make it a plain function")
    if isinstance(result, Iterable) and not isinstance(result, str | bytes | Mapping):
        return _watched(iter(cast("Iterable[Any]", result)), path)
    raise FunctionFailed(
        f"{place} returned {type(result).__name__}, which is no table; return a data frame, anything "
        "Arrow, or an iterator of record batches or dicts"
    )
