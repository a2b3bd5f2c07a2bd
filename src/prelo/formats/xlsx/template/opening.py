"""A workbook opened without trust: what it really is, how large, and XML that reaches nothing outside."""

import posixpath
import re
import zlib
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from io import BytesIO
from typing import Any
from zipfile import BadZipFile, ZipFile

from lxml import etree  # pyright: ignore[reportAttributeAccessIssue]  # a C module without types

from prelo.core.errors import FormatFailed

Element = Any  # lxml has no public name for the class of its elements

S = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"
_STRICT = "{http://purl.oclc.org/ooxml/spreadsheetml/main}"
ID = "{http://schemas.openxmlformats.org/officeDocument/2006/relationships}id"
_DECLARATION = b'<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n'
_ROOT = re.compile(rb"<(?:[\w.-]+:)?(\w[\w.-]*)[\s/>]")

_MOST_BYTES, _MOST_XML, _MOST_PARTS = 50 * 1024 * 1024, 10 * 1024 * 1024, 2_000
_OLE = bytes.fromhex("D0CF11E0A1B11AE1")  # [MS-CFB] 2.2: so begin .xls and files with a password
_ENCRYPTED = "EncryptedPackage".encode("utf-16-le")  # [MS-OFFCRYPTO] 2.3.4.4
_DAMAGED = "the template is no workbook, or a damaged one; save it anew in Excel, as .xlsx"


@dataclass(frozen=True, slots=True)
class Relation:
    """`kind` is the last word of the relationship's type; `target` the name of a part."""

    id: str
    kind: str
    target: str


@dataclass(frozen=True, slots=True)
class Book:
    """The parts of a workbook by name, in their order; `sheets` is the part of each sheet, by its name."""

    parts: dict[str, bytes]
    main: str
    sheets: dict[str, str]

    def related(self, part: str, kind: str) -> list[str]:
        """The parts of a kind that `part` refers to."""
        return [one.target for one in relations(self.parts, part) if one.kind == kind]

    def owners(self) -> dict[str, str]:
        """The sheet that a part belongs to, by the part's name: its own XML, tables, drawings, notes …"""
        owners = {part: sheet for sheet, part in self.sheets.items()}
        for part, sheet in list(owners.items()):
            owners |= {one.target: sheet for one in relations(self.parts, part)}
        return owners


@contextmanager
def damage_refused() -> Generator[None]:
    """XML may be well-formed and still say row="x": whatever stumbles over that says so."""
    try:
        yield
    except (ValueError, TypeError, AttributeError) as error:
        raise FormatFailed(_DAMAGED) from error


def unpack(workbook: bytes) -> Book:
    """Raises FormatFailed with what to do, before anything large is unpacked."""
    if workbook.startswith(_OLE):
        if _ENCRYPTED in workbook:
            raise FormatFailed("the template has a password; save it without one")
        raise FormatFailed("the template is an old workbook (.xls); save it as .xlsx")
    try:
        with ZipFile(BytesIO(workbook)) as archive:
            parts = _parts(archive)
    except (
        BadZipFile,
        zlib.error,
        EOFError,
        NotImplementedError,
        RuntimeError,
        ValueError,
    ) as error:
        raise FormatFailed(_DAMAGED) from error
    main = _main(parts)
    root = parse(parts[main], main)
    if root.tag.startswith(_STRICT):
        raise FormatFailed(
            "the template is a 'Strict Open XML' workbook; save it as an Excel workbook (.xlsx)"
        )
    properties = root.find(f"{S}workbookPr")
    if properties is not None and properties.get("date1904") in {"1", "true"}:
        raise FormatFailed(
            "the template counts its dates from 1904; switch that off in Excel's options and save it"
        )
    targets = {one.id: one.target for one in relations(parts, main)}
    sheets = {
        str(sheet.get("name")): targets.get(str(sheet.get(ID)), "")
        for sheet in root.iterfind(f"{S}sheets/{S}sheet")
    }
    if not sheets or any(part not in parts for part in sheets.values()):
        raise FormatFailed(_DAMAGED)
    return Book(parts, main, sheets)


def parse(data: bytes, part: str) -> Element:
    """XML without a DTD, so that no entity can grow or fetch anything. As a tree it is 30 times as large."""
    if len(data) > _MOST_XML:
        raise FormatFailed(
            f"the template's {part} has {len(data):,} bytes of XML; {_MOST_XML:,} are the most for a part "
            "with formulas or marks: move what is large to another sheet, as values"
        )
    parser = etree.XMLParser(
        resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False
    )
    try:
        root = etree.fromstring(data, parser)
    except etree.XMLSyntaxError as error:
        raise FormatFailed(f"{_DAMAGED} ({part} cannot be read)") from error
    if root.getroottree().docinfo.doctype:
        raise FormatFailed(f"the template's {part} has a DTD, which no workbook has; save it anew")
    return root


def dump(root: Element) -> bytes:
    """The XML of a part."""
    return _DECLARATION + bytes(etree.tostring(root, encoding="UTF-8"))


def root_name(data: bytes) -> str:
    """What a part is, by the local name of its first element; empty when it is no XML."""
    start = data[:4096].lstrip(b"\xef\xbb\xbf \r\n\t")
    match = _ROOT.search(start) if start.startswith(b"<") else None
    return match[1].decode() if match else ""


def local(node: Element) -> str:
    """An element's name without its namespace."""
    return str(node.tag).rpartition("}")[2]


def relations_of(part: str) -> str:
    """The name of the part that says what `part` refers to."""
    folder, name = posixpath.split(part)
    return posixpath.join(folder, "_rels", f"{name}.rels")


def relations(parts: dict[str, bytes], part: str) -> list[Relation]:
    """What `part` refers to inside the file (ECMA-376 part 2, 9.3)."""
    folder, path = posixpath.dirname(part), relations_of(part)
    if path not in parts:
        return []
    found = [
        Relation(
            str(node.get("Id")),
            str(node.get("Type")).rpartition("/")[2],
            posixpath.normpath(posixpath.join("/", folder, str(node.get("Target")))).lstrip("/"),
        )
        for node in parse(parts[path], path).iterchildren("*")
        if node.get("TargetMode") != "External"
    ]
    return [one for one in found if one.target in parts]


def _parts(archive: ZipFile) -> dict[str, bytes]:
    entries = [entry for entry in archive.infolist() if not entry.is_dir()]
    size = sum(entry.file_size for entry in entries)
    if len(entries) > _MOST_PARTS or size > _MOST_BYTES:
        raise FormatFailed(
            f"the template is too large: {size:,} bytes unpacked, in {len(entries):,} parts; "
            f"{_MOST_BYTES:,} bytes and {_MOST_PARTS:,} parts are the most"
        )
    parts: dict[str, bytes] = {}
    for entry in entries:
        odd = "\\" in entry.filename or ".." in entry.filename.split("/")
        if odd or entry.filename.startswith("/") or entry.filename in parts:
            raise FormatFailed(_DAMAGED)
        # Headers may lie, so never read() without a number: that unpacks all there is first.
        with archive.open(entry) as packed:
            parts[entry.filename] = packed.read(entry.file_size + 1)
        if parts[entry.filename][:2] in {b"\xff\xfe", b"\xfe\xff", b"<\0", b"\0<"}:
            raise FormatFailed("the template has parts in UTF-16; open and save it in Excel")
    return parts


def _main(parts: dict[str, bytes]) -> str:
    """The name of the workbook's part. Raises FormatFailed for other kinds of files."""
    names = " ".join(parts)
    if "vbaProject" in names:
        raise FormatFailed("the template has macros (.xlsm); save it as .xlsx, without them")
    if "xl/workbook.bin" in parts:
        raise FormatFailed("the template is a binary workbook (.xlsb); save it as .xlsx")
    if "_xmlsignatures/" in names:
        raise FormatFailed("the template is signed, and a filled one cannot be; save it unsigned")
    found = [one.target for one in relations(parts, "") if one.kind == "officeDocument"]
    if not found or root_name(parts.get(found[0], b"")) != "workbook":
        raise FormatFailed(_DAMAGED)
    return found[0]
