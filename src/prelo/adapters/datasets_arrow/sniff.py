"""What a file seems to be: its form, and of text its encoding and dialect."""

import codecs
import csv
import re
from collections.abc import Sequence
from pathlib import Path

from prelo.core.dataset import Dialect, Form
from prelo.core.errors import Invalid

_PIECE = 1 << 20
_SAMPLE = 1 << 18
_ROWS = 100  # of the sample, that a dialect is judged by
_DELIMITERS = ",;\t|"
_BOMS = {b"\xef\xbb\xbf": "utf-8-sig", b"\xff\xfe": "utf-16", b"\xfe\xff": "utf-16"}
_OTHERS = {
    b"PK\x03\x04": "a ZIP or a workbook", b"\x1f\x8b": "compressed by gzip", b"%PDF": "a PDF",
    b"(\xb5/\xfd": "compressed by zstd", b"BZh": "compressed by bzip2", b"SQLite format 3": "a database",
}  # fmt: skip
_SINGLE = re.compile(r"(?m)(?:^|[,;\t|])'[^'\n]*'(?:[,;\t|\r]|$)")
_VALUE = re.compile(r"\s*[-+(]?[\d.,:/ -]*\d[\d.,:/%TZ )+-]*\s*|true|false|", re.IGNORECASE)


def form_of(path: Path, declared: Form | None) -> Form:
    """By the content. Raises Invalid for another one than was declared, and for none that is known."""
    with path.open("rb") as file:
        start = file.read(4096)
        file.seek(-min(8, path.stat().st_size), 2)
        end = file.read()
    found = _form(start, end)
    if declared is not None and declared != found:
        raise Invalid(f"the body was declared to be {declared}, and its content is {found}")
    return found


def _form(start: bytes, end: bytes) -> Form:
    if not start.strip():
        raise Invalid("the body is empty")
    if start.startswith(b"PAR1"):
        if not end.endswith(b"PAR1"):
            raise Invalid("the Parquet file is cut: it does not end as one; upload it again")
        return "parquet"
    if start.startswith((b"ARROW1", b"\xff\xff\xff\xff")):
        return "arrow"
    for magic, name in _OTHERS.items():
        if start.startswith(magic):
            raise Invalid(
                f"the content is {name}; use Parquet, Arrow, JSON lines or CSV, not compressed"
            )
    if start.removeprefix(b"\xef\xbb\xbf").lstrip().startswith((b"{", b"[")):
        return "jsonl"
    return "csv"


def encoding_of(path: Path) -> str:
    """Of all of the file. Raises Invalid with the byte that no encoding explains."""
    with path.open("rb") as file:
        start = file.read(_SAMPLE)
    for bom, encoding in _BOMS.items():
        if start.startswith(bom):
            return _decoded(path, encoding)
    even, odd = start[::2].count(0), start[1::2].count(0)
    if even + odd:  # no text has zeros, but in UTF-16
        if max(even, odd) * 4 < len(start) or min(even, odd) * 8 > max(even, odd):
            place = start.index(0)
            raise Invalid(
                f"byte {place} is zero: the content is no text, and of no form that is known"
            )
        return _decoded(path, "utf-16-le" if odd > even else "utf-16-be")
    try:
        return _decoded(path, "utf-8")
    except Invalid:
        return _decoded(path, "cp1252")


def _decoded(path: Path, encoding: str) -> str:
    decoder = codecs.getincrementaldecoder(encoding)()
    place = 0
    with path.open("rb") as file:
        while True:
            piece = file.read(_PIECE)
            try:
                decoder.decode(piece, final=not piece)
            except UnicodeDecodeError as error:
                raise Invalid(
                    f"near byte {place + error.start} the text is neither UTF-8, UTF-16 nor Windows-1252"
                ) from error
            if not piece:
                return encoding
            place += len(piece)


def dialect_of(path: Path, *, header: bool | None) -> Dialect:
    """How the CSV file is written: the delimiter by which most rows have equally many values."""
    encoding = encoding_of(path)
    with path.open(encoding=encoding, newline="") as file:
        sample = file.read(_SAMPLE)
    whole = len(sample) < _SAMPLE
    quote = "'" if '"' not in sample and _SINGLE.search(sample) else '"'
    rows = {mark: _rows(sample, mark, quote, whole=whole) for mark in _DELIMITERS}
    delimiter = max(_DELIMITERS, key=lambda mark: _regular(rows[mark]))
    return Dialect(
        encoding=encoding,
        delimiter=delimiter,
        quote=quote,
        header=_has_header(rows[delimiter]) if header is None else header,
    )


def _rows(sample: str, delimiter: str, quote: str, *, whole: bool) -> Sequence[Sequence[str]]:
    rows: list[list[str]] = []
    try:
        for row in csv.reader(
            sample.splitlines(keepends=True), delimiter=delimiter, quotechar=quote
        ):
            if row:
                rows.append(row)
            if len(rows) > _ROWS:
                return rows[:_ROWS]
    except csv.Error:
        pass
    return rows[:-1] if len(rows) > 1 and not whole else rows  # the last one may be cut


def _regular(rows: Sequence[Sequence[str]]) -> tuple[float, int]:
    """The share of rows as wide as the first one, and the width; one column is what every text has."""
    width = len(rows[0]) if rows else 0
    if width <= 1:
        return 0.0, width
    return sum(len(row) == width for row in rows) / len(rows), width


def _has_header(rows: Sequence[Sequence[str]]) -> bool:
    """A first row of which nothing looks like a number or a date, and nothing is missing."""
    return not rows or not any(_VALUE.fullmatch(name) for name in rows[0])
