"""A workbook that opens with a password: agile encryption, AES-256 and SHA-512, as Excel writes it.

[MS-OFFCRYPTO] 2.3.4.10 to 2.3.4.15. The package is encrypted with a random key in segments of 4096
bytes; the password, hashed 100,000 times, encrypts that key; an HMAC guards the whole. What is on the
disk meanwhile is ciphertext only.
"""

import hmac
from base64 import b64encode
from collections.abc import Iterator
from hashlib import sha512
from secrets import token_bytes
from struct import Struct, pack
from types import TracebackType
from typing import Self

from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import CBC

from prelo.core.errors import FileLimit, FormatFailed
from prelo.formats.spool import Spool
from prelo.formats.xlsx.compound import MOST, Storage, Stream, write_compound
from prelo.ports import Sink

_SPINS = 100_000
_LONGEST = 255  # UTF-16 units; Excel's dialog takes no more
_SEGMENT, _BLOCK, _KEY, _SALT, _HASH = 4096, 16, 32, 16, 64
_AT_ONCE = 64 * _SEGMENT
_NUMBER = Struct("<L").pack

# What a key or an initial vector is made for ([MS-OFFCRYPTO] 2.3.4.13 and 2.3.4.14).
_VERIFIER_INPUT = bytes.fromhex("FEA7D2763B4B9E79")
_VERIFIER_HASH = bytes.fromhex("D7AA0F6D3061344E")
_KEY_VALUE = bytes.fromhex("146E0BE7ABACD0D6")
_HMAC_KEY = bytes.fromhex("5FB2AD010CB9E1F6")
_HMAC_VALUE = bytes.fromhex("A0677F02B22C8433")


class Locked:
    """A sink that encrypts. On leaving without an error the encrypted file goes to `out`; with one, nothing.

    Memory is flat: the ciphertext waits in an anonymous temporary file, because the file's tables come
    first and need its length. Raises FormatFailed for a password that Excel cannot take, and FileLimit past
    2 GB or when the temporary file cannot be written; what `out` raises passes.
    """

    def __init__(self, out: Sink, password: str) -> None:
        self._out = out
        self._key, self._salt = token_bytes(_KEY), token_bytes(_SALT)
        self._cipher = AES(self._key)
        self._encryptor = _key_encryptor(_checked(password), self._key)
        self._rest = bytearray()  # less than a segment
        self._size = self._segments = 0
        self._spool = Spool("a workbook with a password")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        try:
            if kind is None:
                self._finish()
        finally:
            self._spool.close()

    def write(self, data: bytes | bytearray | memoryview, /) -> None:
        self._rest += data
        whole = len(self._rest) // _SEGMENT * _SEGMENT
        if not whole:
            return
        self._size += whole
        if self._size > MOST:
            raise FileLimit(
                "the workbook grew past 2 GB, the largest that can have a password; choose fewer rows or "
                "columns, or no password"
            )
        with memoryview(self._rest) as view:
            for start in range(0, whole, _AT_ONCE):
                self._encrypt(view[start : min(whole, start + _AT_ONCE)])
        del self._rest[:whole]

    def _encrypt(self, data: memoryview | bytes) -> None:
        """Whole segments; only the last of all may be shorter, by whole blocks. 2.3.4.15: each has its IV."""
        pieces: list[bytes] = []
        for start in range(0, len(data), _SEGMENT):
            iv = _hash(self._salt, _NUMBER(self._segments))[:_BLOCK]
            encryptor = Cipher(self._cipher, CBC(iv)).encryptor()
            pieces.append(encryptor.update(data[start : start + _SEGMENT]))
            self._segments += 1
        self._spool.write(b"".join(pieces))

    def _finish(self) -> None:
        self._size += len(self._rest)
        self._encrypt(bytes(self._rest) + bytes(-len(self._rest) % _BLOCK))
        length = self._spool.size
        key = token_bytes(_HASH)
        seal = hmac.new(key, digestmod=sha512)
        for chunk in self._package():
            seal.update(chunk)
        streams: Storage = {
            "\6DataSpaces": _data_spaces(),
            "EncryptionInfo": self._info(key, seal.digest()),
            "EncryptedPackage": Stream(8 + length, self._package()),
        }
        write_compound(self._out, streams)

    def _package(self) -> Iterator[bytes]:
        """The EncryptedPackage stream (2.3.4.4): the size before encryption, then the ciphertext."""
        yield pack("<Q", self._size)
        self._spool.rewind()
        while chunk := self._spool.read(_AT_ONCE):
            yield chunk

    def _info(self, hmac_key: bytes, hmac_value: bytes) -> bytes:
        """The EncryptionInfo stream (2.3.4.10): version 4.4, flags, and XML in Excel's own order."""
        sealed = [
            _cbc(self._key, _hash(self._salt, purpose)[:_BLOCK], value)
            for purpose, value in ((_HMAC_KEY, hmac_key), (_HMAC_VALUE, hmac_value))
        ]
        schema = "http://schemas.microsoft.com/office/2006"
        xml = (
            '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\r\n'
            f'<encryption xmlns="{schema}/encryption" xmlns:p="{schema}/keyEncryptor/password" '
            f'xmlns:c="{schema}/keyEncryptor/certificate">'
            f'<keyData {_algorithms(self._salt)}/><dataIntegrity encryptedHmacKey="{_text(sealed[0])}" '
            f'encryptedHmacValue="{_text(sealed[1])}"/><keyEncryptors>'
            f'<keyEncryptor uri="{schema}/keyEncryptor/password">{self._encryptor}</keyEncryptor>'
            "</keyEncryptors></encryption>"
        )
        return pack("<HHL", 4, 4, 0x40) + xml.encode()


def _checked(password: str) -> bytes:
    """The password as UTF-16LE (2.3.4.11)."""
    try:
        encoded = password.encode("utf-16-le")
    except UnicodeEncodeError:
        # The cause would carry the password into every trace.
        raise FormatFailed("the password holds half a character (a lone surrogate)") from None
    if not encoded:
        raise FormatFailed("the workbook's password is empty; give one, or none at all")
    if len(encoded) // 2 > _LONGEST:
        raise FormatFailed(
            f"the workbook's password is longer than {_LONGEST} characters, and Excel takes no more"
        )
    return encoded


def _key_encryptor(password: bytes, key: bytes) -> str:
    """How the password opens the `key` (2.3.4.13), and how a reader tells a wrong password."""
    salt, proof = token_bytes(_SALT), token_bytes(_SALT)
    spun = _hash(salt, password)
    for i in range(_SPINS):
        spun = _hash(_NUMBER(i), spun)
    values = [
        _text(_cbc(_hash(spun, purpose)[:_KEY], salt, value))
        for purpose, value in (
            (_VERIFIER_INPUT, proof),
            (_VERIFIER_HASH, _hash(proof)),
            (_KEY_VALUE, key),
        )
    ]
    return (
        f'<p:encryptedKey spinCount="{_SPINS}" {_algorithms(salt)} encryptedVerifierHashInput="{values[0]}" '
        f'encryptedVerifierHashValue="{values[1]}" encryptedKeyValue="{values[2]}"/>'
    )


def _algorithms(salt: bytes) -> str:
    return (
        f'saltSize="{_SALT}" blockSize="{_BLOCK}" keyBits="{_KEY * 8}" hashSize="{_HASH}" '
        'cipherAlgorithm="AES" cipherChaining="ChainingModeCBC" hashAlgorithm="SHA512" '
        f'saltValue="{_text(salt)}"'
    )


def _cbc(key: bytes, iv: bytes, data: bytes) -> bytes:
    return Cipher(AES(key), CBC(iv)).encryptor().update(data)


def _hash(*parts: bytes) -> bytes:
    return sha512(b"".join(parts)).digest()


def _text(value: bytes) -> str:
    return b64encode(value).decode()


def _data_spaces() -> Storage:
    """Which stream is encrypted, and by what: the same in every file (2.3.4.1 to 2.3.4.3, 2.1.5 to 2.1.9)."""
    space, transform = "StrongEncryptionDataSpace", "StrongEncryptionTransform"
    version = pack("<6H", 1, 0, 1, 0, 1, 0)  # reader, updater, writer
    stream = _counted("EncryptedPackage")
    entry = pack("<LL", 1, 0) + stream + _counted(space)
    head = pack("<L", 1) + _counted("{FF9A3F03-56EF-4613-BDD5-5A41C1D07246}")
    primary = _sized(head) + _counted("Microsoft.Container.EncryptionTransform") + version
    return {
        "Version": _counted("Microsoft.Container.DataSpaces") + version,
        "DataSpaceMap": pack("<LL", 8, 1) + _sized(entry),
        "DataSpaceInfo": {space: pack("<LL", 8, 1) + _counted(transform)},
        "TransformInfo": {transform: {"\6Primary": primary + pack("<4L", 0, 0, 0, 4)}},
    }


def _counted(text: str) -> bytes:
    """A UNICODE-LP-P4 (2.1.2): the length in bytes, then the text, filled up to four bytes."""
    data = text.encode("utf-16-le")
    return pack("<L", len(data)) + data + bytes(-len(data) % 4)


def _sized(data: bytes) -> bytes:
    return pack("<L", 4 + len(data)) + data
