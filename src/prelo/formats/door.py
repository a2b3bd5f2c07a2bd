"""The writers as three functions: any tabular data in, a file out, no service needed."""

import contextlib
import os
import secrets
from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from io import BytesIO, TextIOBase
from pathlib import Path
from typing import Any, BinaryIO, Literal, Protocol, TypedDict, Unpack, cast

from pydantic import ValidationError
from pydantic_core import PydanticSerializationError

from prelo.core.errors import FieldError, FileLimit, Invalid
from prelo.core.page import Document, PdfOptions, Permission, Size, Stamp
from prelo.core.table import (
    Column,
    CsvOptions,
    Layout,
    Manifest,
    Overflow,
)
from prelo.core.workbook import Chart, Paper, Sparkline, Summary, XlsxOptions

Target = str | os.PathLike[str] | BinaryIO | bytearray
File = bytes | bytearray | str | os.PathLike[str]
"""The content of a file, or its path."""
Template = Document | Mapping[str, Any] | str | os.PathLike[str]
"""A document, or the path of its template."""
Progress = Callable[[int, int], None]
"""Told of the rows and pages written so far, after every few thousand rows."""


class LayoutKeywords(TypedDict, total=False):
    """The keywords of all three functions; the fields of Layout, in the forms people write."""

    title: str
    subtitle: str
    columns: Mapping[str, Column | Mapping[str, Any] | str]
    group_by: str | Sequence[str]
    locale: str
    timezone: str
    overflow: Overflow | Literal["split_sheets", "split_files", "truncate", "fail"]
    author: str
    facts: Mapping[str, str]
    about: Mapping[str, str]
    logo: File
    stamp: Stamp | Mapping[str, Any]
    sheets: Mapping[str, Mapping[str, Any]]
    progress: Progress


class XlsxKeywords(LayoutKeywords, total=False):
    """And those of a workbook: the fields of XlsxOptions."""

    sheet: str | None
    freeze_header: bool
    freeze_columns: int
    autofilter: bool | None
    zebra: bool
    table: bool | str
    groups: Literal["headings", "flat"]
    folded: bool
    charts: Sequence[Chart | Mapping[str, Any]]
    sparklines: Sequence[Sparkline | Mapping[str, Any]]
    summaries: Sequence[Summary | Mapping[str, Any]]
    landscape: bool | None
    paper: Paper | None
    header: str | None
    footer: str | None
    rtl: bool | None
    protect: bool
    info: bool
    strings: Literal["inline", "shared"]
    template: File
    password: str
    properties: Mapping[str, str]
    rows_per_sheet: int | None


class PdfKeywords(LayoutKeywords, total=False):
    """And those of a PDF: the fields of PdfOptions."""

    size: Size | tuple[float, float]
    orientation: Literal["portrait", "landscape", "auto"]
    margin: float | tuple[float, float, float, float]
    font_size: float
    rules: Literal["zebra", "grid", "plain"]
    wide: Literal["fit", "pages", "fail"]
    rtl: bool | None
    fonts: Sequence[File]
    header: str | None
    footer: str | None
    page_totals: bool
    contents: bool
    bookmarks: bool
    summaries: Sequence[Summary | Mapping[str, Any]]
    archive: Literal["2b", "3b"] | None
    password: str
    owner_password: str
    permissions: Sequence[Permission]
    watermark: str
    attachments: Mapping[str, File]
    document: Template
    per: str | Sequence[str]
    files: Literal["one", "zip"]
    cover: Template
    annex: Template


class CsvKeywords(LayoutKeywords, total=False):
    """And those of a CSV: the fields of CsvOptions."""

    delimiter: str
    header: bool
    bom: bool
    line_end: Literal["\n", "\r\n"]
    formulas: Literal["escape", "keep"]


def write_xlsx(data: object, target: Target, **keywords: Unpack[XlsxKeywords]) -> Manifest:
    """Write `data` as a workbook.

    `data`: a Polars, pandas, PyArrow or DuckDB table, anything with `__arrow_c_stream__`, an iterator
    of record batches or frames (read one at a time), or a list of dicts; for several sheets a dict of
    such tables by the names of the sheets. `target`: a path, a file open for writing bytes, or a
    bytearray. A path or bytearray gets the whole file or, if this raises, keeps what it had.
    `columns` tells by name how a column looks: a Column, a dict of its fields, or a kind such as
    "money:EUR"; what is not told is inferred. `sheets` tells by name how a sheet looks, in these same
    keywords. `logo` and `template` are paths or the bytes of a file. See docs/xlsx.md.

    Raises Invalid for a wrong option or target, SourceInvalid or ColumnMissing for data that does not
    fit, another Failure when the file cannot be made.
    """
    from prelo.formats.xlsx import Xlsx

    return _write(Xlsx(), data, target, "xlsx", keywords)


def write_pdf(data: object, target: Target, **keywords: Unpack[PdfKeywords]) -> Manifest:
    """Write `data` as a PDF, or with files="zip" as a ZIP of PDFs; see write_xlsx.

    Rows must arrive sorted by `group_by` or `per`. `fonts`, `logo` and `attachments` (by the names that they
    have in the file) are paths or the bytes of files; `document`, `cover` and `annex` are paths of templates.
    """
    from prelo.formats.pdf import Pdf

    return _write(Pdf(), data, target, "pdf", keywords)


def write_csv(data: object, target: Target, **keywords: Unpack[CsvKeywords]) -> Manifest:
    """Write `data` as a CSV (RFC 4180, UTF-8); see write_xlsx."""
    from prelo.formats.csv import Csv

    return _write(Csv(), data, target, "csv", keywords)


class _Writer(Protocol):
    def write(
        self, data: object, out: BinaryIO, layout: Layout, progress: Progress
    ) -> Manifest: ...


_WORDS = {
    "extra_forbidden": "there is no such option",
    "dict_type": "must be a dict, as {'amount': 'money:EUR'}",
    "string_type": "must be text",
}
_OPTIONS = {"xlsx": XlsxOptions, "pdf": PdfOptions, "csv": CsvOptions}
_FILES: Any = {"logo": True, "xlsx": {"template"}, "pdf": {"fonts", "attachments"}}
_DOCUMENTS = {"document", "cover", "annex"}


def _write(
    writer: _Writer, data: object, target: Target, name: str, keywords: Mapping[str, Any]
) -> Manifest:
    given = dict(keywords)
    progress = given.pop("progress", None) or _silent
    layout = _layout(name, given)
    if name == "xlsx" and layout.overflow is Overflow.SPLIT_FILES:
        _check_zip(target, "overflow 'split_files' makes a ZIP of workbooks")
    if name == "pdf" and layout.pdf.files == "zip":
        _check_zip(target, "files 'zip' makes a ZIP of documents")
    with _opened(target) as out:
        return writer.write(data, out, layout, progress)


def _check_zip(target: Target, why: str) -> None:
    if isinstance(target, str | os.PathLike) and Path(target).suffix.lower() != ".zip":
        raise Invalid(f"{why}: name it {Path(target).stem}.zip")


def _silent(rows: int, pages: int) -> None:
    pass


def _layout(name: str, given: dict[str, Any]) -> Layout:
    """The keywords as a Layout; those of the format stand flat beside the common ones."""
    common = set(Layout.model_fields) - set(_OPTIONS)
    own = set(_OPTIONS[name].model_fields)
    if unknown := [key for key in given if key not in common | own]:
        raise Invalid(
            f"write_{name} has no option '{unknown[0]}'; "
            f"it has {', '.join(sorted(common | own | {'progress'}))}"
        )
    try:
        layout = Layout.model_validate(_nested(name, given))
        layout.model_dump_json(exclude=_FILES)
    except ValidationError as error:
        raise invalid(error, flat=name) from error
    except PydanticSerializationError as error:  # as file names have them that are no UTF-8
        raise Invalid("half a character (U+D800 to U+DFFF) is in one of the texts") from error
    return layout


def _nested(name: str, given: Mapping[str, Any]) -> dict[str, Any]:
    """The keywords as the fields of a Layout; those of a further sheet are written just so."""
    own = set(_OPTIONS[name].model_fields)
    common = {key: _content(key, value) for key, value in given.items() if key not in own}
    if isinstance(common.get("sheets"), Mapping):
        common["sheets"] = {
            sheet: _nested(name, its) if isinstance(its, Mapping) else its
            for sheet, its in common["sheets"].items()
        }
    return common | {name: {key: _content(key, given[key]) for key in given if key in own}}


def _content(key: str, value: Any) -> Any:
    """What an option says, with the contents of the files that it names by their paths."""
    if key in {"logo", "template"}:
        return _read(key, value)
    if key == "fonts":
        files = (value,) if isinstance(value, bytes | bytearray | str | os.PathLike) else value
        return tuple(_read(key, file) for file in files) if isinstance(files, Iterable) else files
    if key == "attachments" and isinstance(value, Mapping):
        files = cast("Mapping[Any, Any]", value)
        return {name: _read(f"{key}.{name}", file) for name, file in files.items()}
    return _document(key, value) if key in _DOCUMENTS else value


def _read(key: str, file: Any) -> Any:
    if not isinstance(file, str | os.PathLike):
        return bytes(file) if isinstance(file, bytearray) else file
    try:
        return Path(file).read_bytes()
    except OSError as error:
        raise Invalid(f"{key}: cannot read {file}: {error.strerror or error}") from error
    except ValueError as error:  # a NUL, half a character
        raise Invalid(f"{key}: {os.fspath(file)!r} is no path") from error


def _document(key: str, value: Any) -> Any:
    """A document with the folder it is in, wherever the program goes before it is written."""
    given = value.model_dump() if isinstance(value, Document) else value
    if isinstance(given, str | os.PathLike):
        given = {"template": given}
    if not isinstance(given, Mapping):
        return value
    known = cast("Mapping[str, Any]", given)
    folder, template = known.get("folder") or "", known.get("template")
    if not isinstance(folder, str | os.PathLike) or not isinstance(template, str | os.PathLike):
        return dict(known)
    path = Path(folder, template)
    if not os.path.isfile(path):  # noqa: PTH113  answers for names that cannot be, too
        raise Invalid(f"{key}: there is no file {str(path)!r}; add it, or mend the path")
    place = (os.fspath(template), Path(folder)) if folder else (path.name, path.parent)
    return {**known, "template": place[0], "folder": str(place[1].absolute())}


def invalid(error: ValidationError, flat: str = "") -> Invalid:
    """A layout's faults as one sentence each; the options in the field `flat` were given without it."""
    faults = tuple(
        FieldError(
            pointer=_pointer(e["loc"], flat),
            detail=_WORDS.get(e["type"])
            or e["msg"].removeprefix("Value error, ").removeprefix("Input "),
        )
        for e in error.errors(include_input=False, include_url=False)
    )
    places = [f"{f.pointer[1:].replace('/', '.')}: {f.detail}".removeprefix(": ") for f in faults]
    return Invalid("; ".join(places), faults)


def _pointer(place: tuple[int | str, ...], flat: str) -> str:
    parts = place[1:] if flat and place[:1] == (flat,) else place
    return "".join(f"/{part}" for part in parts).encode("utf-8", "replace").decode()


def _opened(target: Target) -> AbstractContextManager[BinaryIO]:
    if isinstance(target, str | os.PathLike):
        if "\0" in os.fspath(target):
            raise Invalid("the target's name holds a NUL, which no path can; leave it out")
        return whole_file(Path(target))
    if isinstance(target, bytearray):
        return _whole_bytes(target)
    if isinstance(target, TextIOBase):
        raise Invalid("the target is a file of text; open it for bytes: open(path, 'wb')")
    if not callable(getattr(target, "write", None)):
        raise Invalid(
            f"the target is of type {type(target).__name__}; give a path, a file open for writing bytes, "
            "or a bytearray"
        )
    return contextlib.nullcontext(target)


@contextmanager
def _whole_bytes(target: bytearray) -> Generator[BinaryIO]:
    made = BytesIO()
    yield made
    target[:] = made.getbuffer()


class _Part:
    """The file while it is being made. Only its own errors become sentences, never those of the data."""

    def __init__(self, path: Path, target: Path) -> None:
        self._target = target
        try:
            self._file = path.open("xb")
        except OSError as error:
            raise Invalid(f"cannot write {target}: {error.strerror or error}") from error

    def write(self, data: bytes | bytearray | memoryview, /) -> int:
        try:
            return self._file.write(data)
        except OSError as error:
            raise self._full(error) from error

    def close(self) -> None:
        try:
            self._file.close()
        except OSError as error:
            raise self._full(error) from error

    def _full(self, error: OSError) -> FileLimit:
        return FileLimit(f"cannot write {self._target}: {error.strerror or error}")


def _check_place(target: Path) -> None:
    try:
        if target.is_dir():
            raise Invalid(f"cannot write {target}: it is a folder; add a file name")
        if not target.parent.is_dir():
            raise Invalid(
                f"cannot write {target}: there is no folder {target.parent}; make it first"
            )
        if target.exists() and not target.is_file():  # renaming a file to it would end a device
            raise Invalid(
                f"cannot write {target}: it is no file; open it for bytes and give what that gives"
            )
    except OSError as error:  # a name that is too long, a folder that nobody may see
        raise Invalid(f"cannot write {target}: {error.strerror or error}") from error


@contextmanager
def whole_file(target: Path) -> Generator[BinaryIO]:
    """A sink whose bytes become the file `target` when the block ends well; else nothing is left.

    The file is made beside its place and renamed, so that readers see the old one or the new one.
    """
    _check_place(target)
    path = target.with_name(f".{target.name[:40]}.{secrets.token_hex(6)}.part")
    part = _Part(path, target)
    try:
        yield cast("BinaryIO", part)
        part.close()
        path.replace(target)
    finally:
        with contextlib.suppress(FileLimit):
            part.close()
        path.unlink(missing_ok=True)
