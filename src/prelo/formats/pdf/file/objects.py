"""The objects of a PDF 1.7 file, written once and in order of arrival, never read back (ISO 32000-1)."""

import hashlib
from array import array
from collections.abc import Sequence
from typing import Protocol

import numpy as np
import polars as pl
from isal import isal_zlib

from prelo.core.errors import FileLimit
from prelo.formats.pdf.arrow import Flat
from prelo.ports import Sink

_DEFLATE_LEVEL = 1
_XREF_CHUNK = 8192
_CHUNK = 1 << 16  # bytes that wait: most objects are small, and each call of the sink costs
_LARGEST = 9_999_999_999
"""The last offset that has room in a cross-reference table (ISO 32000-1, 7.5.4)."""


class Seal(Protocol):
    """What makes a file unreadable without its password."""

    def dictionary(self) -> bytes:
        """The encryption dictionary, the one object that is never encrypted itself."""
        ...

    def body(self, body: bytes) -> bytes:
        """An object with every string in it encrypted."""
        ...

    def data(self, data: bytes) -> bytes:
        """The bytes of a stream, encrypted."""
        ...


class File:
    """Objects by number. A number may be reserved long before its object is written.

    With a `seal` every string and stream is encrypted here, on its way out: whoever adds an object writes
    it plain. Strings are in hexadecimal, or literal with their parentheses escaped.
    """

    def __init__(self, out: Sink, seal: Seal | None = None) -> None:
        self._out = out
        self._seal = seal
        self._at = self._flushed = self._crc = 0
        self._waiting: list[bytes | memoryview] = []
        self._offsets = array("Q", [0])
        self._write(b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n")

    @property
    def sealed(self) -> bool:
        return self._seal is not None

    @property
    def size(self) -> int:
        """Numbers given out so far, and the 0 of the table's head."""
        return len(self._offsets)

    def reserve(self, count: int = 1) -> int:
        """The first of `count` numbers in a row."""
        first = len(self._offsets)
        if count == 1:
            self._offsets.append(0)
        else:
            self._offsets.frombytes(bytes(8 * count))
        return first

    def add(self, body: bytes, number: int | None = None) -> int:
        """Write an object that is no stream, under a reserved number if given, and return its number."""
        if body.endswith(b"endstream"):
            raise ValueError("a stream is written by `stream`, which knows how to encrypt it")
        if self._seal:
            body = self._seal.body(body)
        number = self.reserve() if number is None else number
        return self._write(b"%d 0 obj\n%b\nendobj\n" % (number, body), number)

    def many(self, bodies: pl.Series) -> int:
        """Write objects of these texts under numbers in a row, and return the first.

        No Python code runs per object, unless the file is encrypted.
        """
        first = len(self._offsets)
        if self._seal:
            for body in bodies:
                self.add(body.encode())
            return first
        numbers = pl.Series(np.arange(first, first + len(bodies)))
        parts = [numbers, pl.lit(" 0 obj\n"), bodies.alias("bodies"), pl.lit("\nendobj\n")]
        flat = Flat.of(pl.select(pl.concat_str(parts)).to_series())
        self._offsets.frombytes((flat.offsets[:-1] + self._at).astype(np.uint64).tobytes())
        self._write(flat.raw.data)
        return first

    def stream(
        self, data: bytes, extra: bytes = b"", number: int | None = None, *, deflate: bool = True
    ) -> int:
        """Write a stream; `extra` are further entries of its dictionary.

        Without `deflate` the data is written as it is; where it is filtered already, as a JPEG is, `extra`
        says how.
        """
        if deflate:
            data = isal_zlib.compress(data, _DEFLATE_LEVEL)
            extra = b"/Filter/FlateDecode" + extra
        if self._seal:
            data, extra = self._seal.data(data), self._seal.body(extra)
        number = self.reserve() if number is None else number
        # Formatted in one go: pages are large, and each copy of one counts.
        return self._write(
            b"%d 0 obj\n<</Length %d%b>>stream\n%b\nendstream\nendobj\n"
            % (number, len(data), extra, data),
            number,
        )

    def streams(self, numbers: Sequence[int], contents: pl.Series) -> None:
        """Write streams of these texts, as they are, under numbers reserved for them.

        No Python code runs per stream, unless the file is encrypted.
        """
        if self._seal:
            for number, content in zip(numbers, contents, strict=True):
                self.stream(content.encode(), number=number, deflate=False)
            return
        whose = pl.Series(numbers)
        head = [whose, pl.lit(" 0 obj\n<</Length "), contents.str.len_bytes(), pl.lit(">>stream\n")]
        parts = [*head, contents.alias("contents"), pl.lit("\nendstream\nendobj\n")]
        flat = Flat.of(pl.select(pl.concat_str(parts)).to_series())
        offsets = np.frombuffer(self._offsets, np.uint64)
        offsets[whose.to_numpy()] = flat.offsets[:-1] + self._at
        del offsets  # while it is there the array cannot grow
        self._write(flat.raw.data)

    def close(self, root: int, info: int) -> None:
        """The cross-reference table and the trailer. Every reserved number has its object by now.

        Raises FileLimit for a file that no cross-reference table can describe.
        """
        encrypt = b""
        if self._seal:
            number = self.reserve()
            self._write(b"%d 0 obj\n%b\nendobj\n" % (number, self._seal.dictionary()), number)
            encrypt = b"/Encrypt %d 0 R" % number
        start, size = self._at, len(self._offsets)
        if start > _LARGEST:
            raise FileLimit("a PDF ends at 10 GB; ask for fewer rows, or for a CSV")
        self._flush()
        # Equal files have equal names. Every byte went through the CRC; the offsets tell all lengths.
        told = b"%d %b" % (self._crc, self._offsets.tobytes())
        name = hashlib.md5(told, usedforsecurity=False).hexdigest().encode()
        self._write(b"xref\n0 %d\n0000000000 65535 f \n" % size)
        for first in range(1, size, _XREF_CHUNK):
            part = self._offsets[first : first + _XREF_CHUNK]
            self._write(b"%010d 00000 n \n" * len(part) % tuple(part))
        entries = b"/Size %d/Root %d 0 R/Info %d 0 R/ID[<%b><%b>]%b" % (
            size, root, info, name, name, encrypt,
        )  # fmt: skip
        self._write(b"trailer\n<<%b>>\nstartxref\n%d\n%%%%EOF\n" % (entries, start))
        self._flush()

    def _write(self, data: bytes | memoryview, number: int = 0) -> int:
        """Write the object of this number, or, with 0, what is none."""
        self._offsets[number] = self._at
        self._at += len(data)
        self._waiting.append(data)
        if self._at - self._flushed > _CHUNK:
            self._flush()
        return number

    def _flush(self) -> None:
        chunk = b"".join(self._waiting)
        self._waiting.clear()
        self._flushed = self._at
        self._crc = isal_zlib.crc32(chunk, self._crc)
        self._out.write(chunk)


def text_string(text: str) -> bytes:
    """A string object for titles and names: ASCII as it is, all else in UTF-16."""
    if text.isascii() and text.isprintable():
        return b"(" + escaped(text.encode()) + b")"
    return b"<FEFF" + text.encode("utf-16-be", "replace").hex().upper().encode() + b">"


def escaped(text: bytes) -> bytes:
    """ASCII bytes for the inside of a literal string."""
    return text.replace(b"\\", b"\\\\").replace(b"(", b"\\(").replace(b")", b"\\)")
