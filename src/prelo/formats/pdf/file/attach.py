"""Files within the file: the attachments."""

import hashlib
from collections.abc import Mapping
from datetime import datetime

from prelo.formats.pdf.file import invoice
from prelo.formats.pdf.file.metadata import date
from prelo.formats.pdf.file.objects import File, text_string

_OTHER = "application/octet-stream"
_MEDIA = {
    "csv": "text/csv",
    "docx": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    "html": "text/html",
    "jpeg": "image/jpeg",
    "jpg": "image/jpeg",
    "json": "application/json",
    "pdf": "application/pdf",
    "png": "image/png",
    "txt": "text/plain",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "xml": "text/xml",
    "zip": "application/zip",
}
_DATA = {"csv", "xlsx"}


def attach(file: File, files: Mapping[str, bytes], made: datetime | None) -> bytes:
    """Write the files and return the catalog's entries."""
    if not files:
        return b""
    # A name tree is sorted by the bytes of its strings: those in UTF-16 begin with FE, after all ASCII.
    names = sorted(files, key=lambda name: (not name.isascii(), name.encode("utf-16-be")))
    numbers = [_specification(file, name, files[name], made) for name in names]
    tree = b"".join(
        b"%b %d 0 R" % (text_string(name), number)
        for name, number in zip(names, numbers, strict=True)
    )
    associated = b" ".join(b"%d 0 R" % number for number in numbers)
    return b"/Names<</EmbeddedFiles<</Names[%b]>>>>/AF[%b]" % (tree, associated)


def _specification(file: File, name: str, content: bytes, made: datetime | None) -> int:
    end = name.lower().rpartition(".")[2]
    media = _MEDIA.get(end, _OTHER).replace("/", "#2F").encode()
    checksum = hashlib.md5(content, usedforsecurity=False).hexdigest().encode()
    dated = b"/ModDate%b" % date(made) if made else b""
    data = file.stream(
        content,
        b"/Type/EmbeddedFile/Subtype/%b/Params<</Size %d/CheckSum<%b>%b>>"
        % (media, len(content), checksum, dated),
    )
    sort = b"Data" if end in _DATA else b"Unspecified"
    if name == invoice.NAME:
        sort = invoice.relationship(content)
    return file.add(
        b"<</Type/Filespec/F%b/UF%b/AFRelationship/%b/EF<</F %d 0 R/UF %d 0 R>>>>"
        % (text_string(name), text_string(name), sort, data, data)
    )
