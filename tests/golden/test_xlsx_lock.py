"""Workbooks with a password, opened by msoffcrypto-tool, olefile and LibreOffice."""

import io
import os
import tracemalloc
from pathlib import Path
from signal import SIGKILL
from subprocess import DEVNULL, Popen, TimeoutExpired
from typing import Any

import olefile
import openpyxl
import polars as pl
import pytest
from conftest import find
from hypothesis import given, settings
from hypothesis import strategies as st
from msoffcrypto.exceptions import InvalidKeyError
from msoffcrypto.format.ooxml import OOXMLFile
from msoffcrypto.method.container.ecma376_encrypted import DefaultContent
from msoffcrypto.method.ecma376_agile import ECMA376Agile

from prelo.core.errors import FileLimit, FormatFailed
from prelo.core.table import Layout
from prelo.formats.xlsx import Xlsx, compound, lock
from prelo.formats.xlsx.compound import Stream, write_compound
from prelo.formats.xlsx.lock import Locked

PASSWORD = "Sésame, ouvre-toi!"


class Pipe:
    """Bytes in order and nothing else."""

    def __init__(self) -> None:
        self.bytes = bytearray()

    def write(self, data: bytes | bytearray | memoryview, /) -> None:
        self.bytes += data


def locked(data: bytes, password: str = PASSWORD) -> bytes:
    pipe = Pipe()
    with Locked(pipe, password) as sink:
        sink.write(data)
        assert not pipe.bytes
    return bytes(pipe.bytes)


def unlocked(file: bytes | bytearray, password: str = PASSWORD) -> bytes:
    """What another program finds inside, its seal checked."""
    book: Any = OOXMLFile(io.BytesIO(file))
    book.load_key(password=password, verify_password=True)
    salt, algorithm, block, key, value = (
        book.info[name]
        for name in ("keyDataSalt", "keyDataHashAlgorithm", "keyDataBlockSize", "encryptedHmacKey",
                     "encryptedHmacValue")
    )  # fmt: skip
    agile, secret = ECMA376Agile, book.secret_key
    with book.file.openstream("EncryptedPackage") as stream:
        assert agile.verify_integrity(secret, salt, algorithm, block, key, value, stream)
        return agile.decrypt(secret, salt, algorithm, stream)


def ole_of(file: bytes | bytearray) -> Any:
    """The container, read by a strict reader to which every irregularity is an error."""
    assert len(file) % 512 == 0
    ole: Any = olefile.OleFileIO(io.BytesIO(file), raise_defects=olefile.DEFECT_UNSURE)
    assert not ole.parsing_issues
    return ole


def open_files() -> set[str]:
    return {path.name for path in Path("/dev/fd").iterdir()}


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Few rounds of hashing, where the password is not the point."""
    monkeypatch.setattr(lock, "_SPINS", 10)


@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize(
    "size", [0, 1, 15, 16, 17, 4071, 4080, 4088, 4095, 4096, 4097, 8192, 65_535, 65_536, 65_537]
)
def test_every_size_around_blocks_segments_and_sectors_comes_back(size: int):
    data = os.urandom(size)
    file = locked(data)
    assert unlocked(file) == data
    with ole_of(file).openstream("EncryptedPackage") as stream:
        assert len(stream.read()) == 8 + -(-size // 16) * 16


@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize(
    ("size", "difat"), [(6_000_000, 0), (7_200_000, 1), (9 << 20, 1), (16 << 20, 2)]
)
def test_tables_that_outgrow_the_header_are_chained(size: int, difat: int):
    data = os.urandom(size)
    file = locked(data)
    ole = ole_of(file)
    assert ole.num_difat_sectors == difat
    used = [0xFFFFFFFC] * difat + [0xFFFFFFFD] * ole.num_fat_sectors
    assert list(ole.fat[: len(used)]) == used
    assert len(file) == 512 * (1 + sum(link != 0xFFFFFFFF for link in ole.fat))
    assert unlocked(file) == data


@pytest.mark.usefixtures("quick")
@given(pieces=st.lists(st.integers(0, 9000), max_size=12))
@settings(max_examples=40, deadline=None)
def test_how_the_bytes_were_cut_when_written_does_not_matter(pieces: list[int]):
    pipe = Pipe()
    parts = [os.urandom(size) for size in pieces]
    with Locked(pipe, PASSWORD) as sink:
        for i, part in enumerate(parts):
            sink.write([bytes, bytearray, memoryview][i % 3](part))
    assert unlocked(pipe.bytes) == b"".join(parts)


@pytest.mark.parametrize("password", ["x", "пароль ключ", "密码🔑", "a" * 255, "\"<&'>"])
def test_a_password_of_any_script_opens_the_file_and_another_does_not(password: str):
    file = locked(b"a package", password)
    assert unlocked(file, password) == b"a package"
    with pytest.raises(InvalidKeyError):
        unlocked(file, password + " ")


@pytest.mark.parametrize("password", ["", "a" * 256, "🔑" * 128, "half \ud83d"])
def test_a_password_that_excel_cannot_take_is_refused_without_being_repeated(password: str):
    with pytest.raises(FormatFailed, match="password") as refused:
        Locked(Pipe(), password)
    assert len(str(refused.value)) < 120
    assert refused.value.__suppress_context__ or refused.value.__context__ is None


def test_the_password_is_hashed_as_often_as_excel_does_it():
    with ole_of(locked(b"")).openstream("EncryptionInfo") as stream:
        info = stream.read()
    assert info[:8] == bytes.fromhex("04000400 40000000")
    assert b'spinCount="100000"' in info
    assert info.count(b'cipherAlgorithm="AES" cipherChaining="ChainingModeCBC"') == 2
    assert info.count(b'keyBits="256"') == info.count(b'hashAlgorithm="SHA512"') == 2


@pytest.mark.usefixtures("quick")
def test_two_files_of_equal_content_share_no_ciphertext():
    packages = [ole_of(locked(bytes(4096))).openstream("EncryptedPackage").read() for _ in "12"]
    first, second = ({p[i : i + 16] for i in range(8, len(p), 16)} for p in packages)
    assert len(first) == len(second) == 256
    assert not first & second


@pytest.mark.usefixtures("quick")
def test_a_changed_byte_of_the_ciphertext_breaks_the_seal():
    file = bytearray(locked(os.urandom(5000)))
    place = file.index(ole_of(file).openstream("EncryptedPackage").read(64))
    file[place + 40] ^= 1
    with pytest.raises(AssertionError):
        unlocked(file)


@pytest.mark.usefixtures("quick")
def test_the_data_spaces_are_what_excel_writes():
    ole = ole_of(locked(b""))
    tree = {"/".join(path): ole.openstream(path).read() for path in ole.listdir()}
    assert tree.keys() - {"EncryptionInfo", "EncryptedPackage"} == {
        "\6DataSpaces/Version",
        "\6DataSpaces/DataSpaceMap",
        "\6DataSpaces/DataSpaceInfo/StrongEncryptionDataSpace",
        "\6DataSpaces/TransformInfo/StrongEncryptionTransform/\6Primary",
    }
    want = DefaultContent
    assert tree["\6DataSpaces/Version"] == want.Version
    assert tree["\6DataSpaces/DataSpaceMap"] == want.DataSpaceMap
    assert [b for p, b in tree.items() if p.endswith("Space")] == [want.StrongEncryptionDataSpace]
    assert [b for p, b in tree.items() if p.endswith("Primary")] == [want.Primary]


@pytest.mark.usefixtures("quick")
def test_an_error_inside_leaves_nothing_written_and_no_temporary_file():
    pipe, before = Pipe(), open_files()

    def half() -> None:
        with Locked(pipe, PASSWORD) as sink:
            sink.write(os.urandom(1 << 20))
            assert open_files() != before
            raise RuntimeError("half way")

    with pytest.raises(RuntimeError, match="half way"):
        half()
    assert not pipe.bytes
    assert open_files() == before


@pytest.mark.usefixtures("quick")
def test_an_error_of_the_sink_passes_and_closes_the_temporary_file():
    class Broken:
        def write(self, data: bytes | bytearray | memoryview, /) -> None:
            raise ConnectionError(f"gone before {len(data)} bytes")

    before = open_files()
    with pytest.raises(ConnectionError, match="gone"), Locked(Broken(), PASSWORD) as sink:
        sink.write(bytes(10_000))
    assert open_files() == before


@pytest.mark.usefixtures("quick", "small_disk")
@pytest.mark.parametrize("size", [102_400, 1 << 20])
def test_a_disk_that_fills_is_said_in_a_sentence(size: int):
    pipe = Pipe()

    def write() -> None:
        with Locked(pipe, PASSWORD) as sink:
            for _ in range(size // 1024):
                sink.write(os.urandom(1024))

    with pytest.raises(FileLimit, match=r"temporary file .* TMPDIR"):
        write()
    assert not pipe.bytes


@pytest.mark.usefixtures("quick")
def test_a_workbook_past_what_the_container_holds_is_refused(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(lock, "MOST", 10_000)
    pipe = Pipe()
    with pytest.raises(FileLimit, match="2 GB"), Locked(pipe, PASSWORD) as sink:
        sink.write(bytes(20_000))
    assert not pipe.bytes


@pytest.mark.usefixtures("quick")
def test_memory_does_not_grow_with_the_file():
    class Drain:
        def write(self, data: bytes | bytearray | memoryview, /) -> None:
            pass

    def peak(pieces: int) -> int:
        piece = bytes(1 << 18)
        tracemalloc.start()
        with Locked(Drain(), PASSWORD) as sink:
            for _ in range(pieces):
                sink.write(piece)
        most = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return most

    # Sixteen times the file: only its table of sectors grows, 1/128 of it.
    assert peak(160) < peak(10) + (1 << 20)


@pytest.mark.parametrize("streams", [1, 2, 3, 7, 40])
def test_a_compound_file_keeps_every_stream_of_any_size(streams: int):
    sizes = [0, 1, 63, 64, 65, 511, 512, 513, 4095, 4096, 4097, 60_000]
    wanted = {f"stream {i * i}": os.urandom(sizes[i % len(sizes)]) for i in range(streams)}
    pipe = Pipe()
    folder = {name: data if i % 2 else Stream(len(data), [data[:9], data[9:]])
              for i, (name, data) in enumerate(wanted.items())}  # fmt: skip
    write_compound(pipe, {"a folder": {**folder, "empty": {}}, **folder})
    ole = ole_of(pipe.bytes)
    for name, data in wanted.items():
        for path in (name, f"a folder/{name}"):
            assert ole.exists(path)
            with ole.openstream(path) as stream:
                assert stream.read() == data
    assert len(ole.listdir()) == 2 * streams


def test_names_are_a_search_tree_by_length_and_upper_case():
    pipe = Pipe()
    names = ["b", "A", "aa", "Z", "y", "BB", "0", "zzz", "AbC"]
    write_compound(pipe, dict.fromkeys(names, b"x"))
    entries = ole_of(pipe.bytes).direntries

    def walk(number: int) -> list[str]:
        if number == 0xFFFFFFFF:
            return []
        left, right = entries[number].sid_left, entries[number].sid_right
        return [*walk(left), entries[number].name, *walk(right)]

    assert walk(entries[0].sid_child) == ["0", "A", "b", "y", "Z", "aa", "BB", "AbC", "zzz"]


def test_unused_entries_of_the_directory_point_nowhere():
    pipe = Pipe()
    write_compound(pipe, {"a": b"x"})
    start = 512 * (1 + ole_of(pipe.bytes).first_dir_sector)
    unused = bytes(68) + b"\xff" * 12 + bytes(48)
    assert pipe.bytes[start + 256 : start + 512] == unused * 2


def test_the_largest_compound_file_ends_below_2_gib():
    class Scale:
        weight = 0

        def write(self, data: bytes | bytearray | memoryview, /) -> None:
            self.weight += len(data)

    scale, piece = Scale(), bytes(1 << 25)
    write_compound(scale, {"large": Stream(compound.MOST, [piece] * (compound.MOST >> 25))})
    assert compound.MOST < scale.weight < 0x7FFFFF00  # where [MS-CFB] wants a sector for locks


def workbook(password: str) -> bytes:
    pipe = Pipe()
    rows = pl.DataFrame({"Name": ["Ada", "Émile"], "Sum": [1, 2]})
    with Locked(pipe, password) as sink:
        Xlsx().write(rows, sink, Layout(), lambda _rows, _pages: None)
    return bytes(pipe.bytes)


def test_a_workbook_comes_back_through_a_reader_of_packages():
    plain = io.BytesIO()
    book = OOXMLFile(io.BytesIO(workbook(PASSWORD)))
    book.load_key(password=PASSWORD, verify_password=True)
    book.decrypt(plain, verify_integrity=True)
    sheet = openpyxl.load_workbook(plain).worksheets[0]
    assert list(sheet.values) == [("Name", "Sum"), ("Ada", 1), ("Émile", 2)]


_HEAD = '<?xml version="1.0" encoding="UTF-8"?>\n<!DOCTYPE {0}:{1} PUBLIC "-//OpenOffice.org//DTD {2}">\n'
_LISTED = """<library:library xmlns:library="http://openoffice.org/2000/library" library:name="Standard"
 library:readonly="false"><library:element library:name="Unlock"/></library:library>"""
_MACRO = """<script:module xmlns:script="http://openoffice.org/2000/script" script:name="Unlock"
 script:language="StarBasic">
Sub Main(source As String, target As String, password As String)
  On Error GoTo Refused
  Dim how(1) As New com.sun.star.beans.PropertyValue
  how(0).Name = "Hidden" : how(0).Value = True
  how(1).Name = "Password" : how(1).Value = password
  book = StarDesktop.loadComponentFromURL(source, "_blank", 0, how())
  Dim text(1) As New com.sun.star.beans.PropertyValue
  text(0).Name = "FilterName" : text(0).Value = "Text - txt - csv (StarCalc)"
  text(1).Name = "FilterOptions" : text(1).Value = "44,34,76"
  book.storeToURL(target, text())
  book.close(True)
Refused:
  StarDesktop.terminate()
End Sub
</script:module>"""


class LibreOffice:
    """Opens a book with a password by a macro: no option of its command line takes one."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        program = find("soffice", "libreoffice-calc")
        profile = f"-env:UserInstallation={(folder / 'profile').as_uri()}"
        self._command = [program, profile, "--headless", "--norestore"]
        self._run(
            "--terminate_after_init"
        )  # makes the profile; macros are heard from the next run on
        basic = folder / "profile/user/basic/Standard"
        basic.mkdir(parents=True, exist_ok=True)
        script = _HEAD.format("script", "module", 'OfficeDocument 1.0//EN" "module.dtd')
        (basic / "Unlock.xba").write_text(script + _MACRO)
        library = _HEAD.format("library", "library", 'OfficeDocument 1.0//EN" "library.dtd')
        (basic / "script.xlb").write_text(library + _LISTED)

    def csv(self, book: Path, password: str) -> str | None:
        """The first sheet; None if the book does not open."""
        target = self._folder / f"{password}.csv"
        places = f'"{book.as_uri()}","{target.as_uri()}"'
        self._run(f'macro:///Standard.Unlock.Main({places},"{password}")')
        return target.read_text() if target.exists() else None

    def _run(self, argument: str) -> None:
        # A group of its own: the program is a child of the one we start.
        with Popen(
            [*self._command, argument], stdout=DEVNULL, stderr=DEVNULL, start_new_session=True
        ) as office:
            try:
                office.wait(40)
            except TimeoutExpired:
                os.killpg(office.pid, SIGKILL)
                raise


@pytest.mark.timeout(150)
def test_libreoffice_opens_the_workbook_with_its_password_only(tmp_path: Path):
    book = tmp_path / "book.xlsx"
    book.write_bytes(workbook("geheim"))
    office = LibreOffice(tmp_path)
    assert office.csv(book, "geheim") == "Name,Sum\nAda,1\nÉmile,2\n"
    assert office.csv(book, "Geheim") is None
