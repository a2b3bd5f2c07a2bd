"""Jinja2 templates of one folder: sandboxed, escaped, bounded, with faults told by file and line."""

import re
import traceback
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from typing import Any

from jinja2 import BaseLoader, Environment, StrictUndefined, TemplateNotFound, TemplateSyntaxError
from jinja2.sandbox import ImmutableSandboxedEnvironment

from prelo.core.errors import Failure, FormatFailed
from prelo.formats.pdf.document.folder import Folder
from prelo.formats.pdf.document.values import names_of

_MOST_TEXT = 32 << 20  # characters of one document's HTML
_LARGEST = 10**6  # repeats of a text, exponents
_UNSHOWABLE = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x84\x86-\x9f\ufeff\ufffe\uffff\ud800-\udfff]"
)
_BY_CHANCE = ("random",)  # equal rows make equal pages


class _Loader(BaseLoader):
    def __init__(self, folder: Folder) -> None:
        self._folder = folder

    def get_source(
        self,
        environment: Environment,  # noqa: ARG002  Jinja's signature
        template: str,
    ) -> tuple[str, str, Callable[[], bool]]:
        if self._folder.find(template) is None:
            raise TemplateNotFound(template)
        try:
            source = self._folder.read(template).decode("utf-8-sig")
        except UnicodeDecodeError as error:
            raise FormatFailed(f"the template '{template}' is no text in UTF-8") from error
        return source, template, lambda: True


class _Undefined(StrictUndefined):
    """Says which columns there are, where one was meant."""

    @property
    def _undefined_message(self) -> str:
        names = names_of(self._undefined_obj)
        if names is None:
            return super()._undefined_message
        return f"there is no column '{self._undefined_name}'; there are: {', '.join(names)}"


class _Sandbox(ImmutableSandboxedEnvironment):
    intercepted_binops = frozenset({"*", "**"})

    def call_binop(self, context: Any, operator: str, left: Any, right: Any) -> Any:
        """No text, list or number grows beyond what a page could show."""
        numbers = isinstance(left, int) and isinstance(right, int)
        if operator == "**" and not (abs(right) <= 64 and abs(left) <= _LARGEST):  # noqa: PLR2004  larger, and a template could count for hours
            raise OverflowError("the power is too large")
        if operator == "*" and not numbers and _size(left) * _size(right) > _LARGEST:
            raise OverflowError("the text or list is repeated too often")
        return super().call_binop(context, operator, left, right)


def _size(value: Any) -> int:
    if isinstance(value, int):
        return abs(value)
    return len(value) if hasattr(value, "__len__") else 1


class Templates:
    """The templates of a folder with the same filters and names. Each is compiled once."""

    def __init__(
        self, folder: Folder, filters: Mapping[str, Callable[..., Any]], names: Mapping[str, Any]
    ) -> None:
        self._jinja = _Sandbox(
            autoescape=True, undefined=_Undefined, loader=_Loader(folder), auto_reload=False
        )
        for name in _BY_CHANCE:
            self._jinja.filters.pop(name, None)
        self._jinja.globals.pop("lipsum", None)
        self._jinja.filters.update(filters)
        self._jinja.globals.update(names)
        self.removed = 0
        """Control characters, which no page can show, that were taken out of what was rendered."""

    def check(self, name: str) -> None:
        """Raises FormatFailed for a template that is missing or wrongly written."""
        with _told(name, ""):
            self._jinja.get_template(name)

    def render(self, name: str, context: Mapping[str, Any], of: str) -> str:
        """The template's HTML. Raises FormatFailed with file, line and `of`, the document it is about."""
        parts: list[str] = []
        size = 0
        with _told(name, of):
            for part in self._jinja.get_template(name).generate(context):
                parts.append(part)
                size += len(part)
                if size > _MOST_TEXT:
                    raise OverflowError(f"it makes more than {_MOST_TEXT:,} characters of HTML")
        text, removed = _UNSHOWABLE.subn("", "".join(parts))
        self.removed += removed
        return text


@contextmanager
def _told(name: str, of: str) -> Generator[None]:
    """Whatever goes wrong in a template, with its place."""
    try:
        yield
    except MemoryError:
        raise
    except TemplateSyntaxError as error:
        place = f"{error.name or name}, line {error.lineno}"
        raise FormatFailed(
            f"the template {place}: {error.message}; mend the template there"
        ) from error
    except Exception as error:
        said = _said(error)
        raise FormatFailed(f"the template {_place(error, name)}{_about(of)}: {said}") from error


def _said(error: Exception) -> str:
    if isinstance(error, TemplateNotFound):
        return f"the document's folder has no template '{error.name}'; add it there"
    plain = isinstance(error, Failure | OverflowError) or type(error).__module__.startswith(
        "jinja2"
    )
    return str(error) if plain else f"{type(error).__name__}: {error}"


def _place(error: Exception, name: str) -> str:
    """The innermost line of a template on the way to the error: Jinja puts them into the traceback."""
    for frame, line in reversed(list(traceback.walk_tb(error.__traceback__))):
        if "__jinja_exception__" in frame.f_globals:
            return f"{frame.f_code.co_filename}, line {line}"
    return name


def _about(of: str) -> str:
    return f", in the document of {of}" if of else ""
