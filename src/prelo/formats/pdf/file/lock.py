"""A file that opens with a password: AES-256, the standard security handler's revision 6.

ISO 32000-2, 7.6.2 to 7.6.4. A random key encrypts every string and stream; the passwords, hashed, encrypt
that key. PDF 1.7 readers know it as Adobe's extension level 8.
"""

import hashlib
import re
import stringprep
import unicodedata
from collections.abc import Callable
from secrets import token_bytes

from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import CBC

from prelo.core.errors import Invalid
from prelo.core.page import Permission

_LONGEST = 127  # bytes of a password (7.6.4.3.3)
_BLOCK, _KEY, _SALT = 16, 32, 8
_ROUNDS = 64
_HASHES = (hashlib.sha256, hashlib.sha384, hashlib.sha512)

# Bits of P by their place from 1 (table 22). 7, 8, 13 and all above are one, and so is 10: a screen reader
# is never shut out.
_ALWAYS = 0xFFFFF2C0
_BITS: dict[Permission, tuple[int, ...]] = {
    "print": (3, 12), "change": (4,), "copy": (5,), "annotate": (6,), "fill": (9,), "assemble": (11,),
}  # fmt: skip

_STRING = re.compile(
    rb"<<|>>|\((?P<literal>(?:[^()\\]++|\\.)*+)\)|<(?P<hex>[0-9A-Fa-f\s]*+)>|(?P<wrong>[()<>])",
    re.DOTALL,
)
_ESCAPE = re.compile(rb"\\(\r\n|[0-7]{1,3}|.)", re.DOTALL)
_ESCAPES = {
    b"n": b"\n", b"r": b"\r", b"t": b"\t", b"b": b"\b", b"f": b"\f", b"\n": b"", b"\r": b"", b"\r\n": b"",
}  # fmt: skip


class Lock:
    """The key of one file, and what lets a reader find it.

    `user` opens the file, None for everybody; who knows `owner` may do all, others what `permissions`
    name. Without an `owner` nobody may do more. Raises Invalid for a password that no reader could take.
    """

    def __init__(
        self, user: str | None, owner: str | None, permissions: tuple[Permission, ...]
    ) -> None:
        key = token_bytes(_KEY)
        self._cipher = AES(key)
        owned = token_bytes(_KEY) if owner is None else prepared(owner)
        opened = b"" if user is None else prepared(user)
        u, ue = _entries(opened, key, b"")
        o, oe = _entries(owned, key, u)
        allowed = _ALWAYS | sum(1 << bit - 1 for p in set(permissions) for bit in _BITS[p])
        told = allowed.to_bytes(4, "little") + b"\xff\xff\xff\xffTadb" + token_bytes(4)
        # As ECB, which the standard says: they are the same for one block.
        perms = _encrypted(key, bytes(_BLOCK), told)
        entries = {b"O": o, b"U": u, b"OE": oe, b"UE": ue, b"Perms": perms}
        self._dictionary = (
            b"<</Filter/Standard/V 5/R 6/Length 256/P %d/StmF/StdCF/StrF/StdCF"
            b"/CF<</StdCF<</AuthEvent/DocOpen/CFM/AESV3/Length 32>>>>%b>>"
            % (allowed - (1 << 32), b"".join(b"/%b%b" % (k, _hex(v)) for k, v in entries.items()))
        )

    def dictionary(self) -> bytes:
        return self._dictionary

    def body(self, body: bytes) -> bytes:
        """An object with every string in it encrypted. Raises ValueError where a string has no clear end."""
        return _STRING.sub(self._string, body)

    def data(self, data: bytes) -> bytes:
        """Encrypted bytes: the initial vector, and the data padded to whole blocks."""
        vector = token_bytes(_BLOCK)
        padding = _BLOCK - len(data) % _BLOCK
        encryptor = Cipher(self._cipher, CBC(vector)).encryptor()
        return vector + encryptor.update(data) + encryptor.update(bytes([padding]) * padding)

    def _string(self, found: re.Match[bytes]) -> bytes:
        if found["literal"] is not None:
            return _hex(self.data(_ESCAPE.sub(_unescaped, found["literal"])))
        if found["hex"] is not None:
            digits = found["hex"].translate(None, b" \t\r\n\f\0").decode()
            return _hex(self.data(bytes.fromhex(digits + "0" * (len(digits) % 2))))
        if found["wrong"]:
            raise ValueError("a string in an object has parentheses that are not escaped")
        return found[0]


def prepared(password: str) -> bytes:
    """The password as it is hashed: by SASLprep (RFC 4013) one and the same however it was typed."""
    mapped = "".join(
        " " if stringprep.in_table_c12(c) else c for c in password if not stringprep.in_table_b1(c)
    )
    text = unicodedata.normalize("NFKC", mapped)
    if any(forbidden(c) for c in text for forbidden in _FORBIDDEN):
        raise Invalid(
            "the password has a character that PDF readers refuse; use letters, digits and signs"
        )
    ltr = any(map(stringprep.in_table_d2, text))
    rtl = [stringprep.in_table_d1(c) for c in text]
    if any(rtl) and (ltr or not (rtl[0] and rtl[-1])):
        raise Invalid(
            "the password mixes writing from right to left with other text, which readers refuse; "
            "use one script"
        )
    raw = text.encode()
    if not raw or len(raw) > _LONGEST:
        raise Invalid(f"a PDF's password has 1 to {_LONGEST} bytes in UTF-8; this has {len(raw)}")
    return raw


_FORBIDDEN: tuple[Callable[[str], bool], ...] = (
    stringprep.in_table_a1, stringprep.in_table_c12, stringprep.in_table_c21_c22, stringprep.in_table_c3,
    stringprep.in_table_c4, stringprep.in_table_c5, stringprep.in_table_c6,
    stringprep.in_table_c7, stringprep.in_table_c8, stringprep.in_table_c9,
)  # fmt: skip


def _entries(password: bytes, key: bytes, other: bytes) -> tuple[bytes, bytes]:
    """What checks a password and what gives the key for it (7.6.4.4.7 and 7.6.4.4.8).

    The owner's are bound to the user's, `other`.
    """
    check, give = token_bytes(_SALT), token_bytes(_SALT)
    checked = _hashed(password, check, other) + check + give
    given = _encrypted(_hashed(password, give, other), bytes(_BLOCK), key)
    return checked, given


def _hashed(password: bytes, salt: bytes, other: bytes) -> bytes:
    """Algorithm 2.B: rounds of AES and SHA-2, at least 64, their number hanging on what comes out."""
    k, done, last = hashlib.sha256(password + salt + other).digest(), 0, 0
    while done < _ROUNDS or last > done - 32:
        e = _encrypted(k[:16], k[16:32], (password + k + other) * 64)
        # The first 16 bytes as a number, modulo 3: 256 is 1 modulo 3, so their sum will do.
        k = _HASHES[sum(e[:16]) % 3](e).digest()
        done, last = done + 1, e[-1]
    return k[:_KEY]


def _encrypted(key: bytes, vector: bytes, data: bytes) -> bytes:
    return Cipher(AES(key), CBC(vector)).encryptor().update(data)


def _unescaped(found: re.Match[bytes]) -> bytes:
    sign = found[1]
    if sign[:1] in b"01234567":
        return bytes([int(sign, 8) & 0xFF])
    return _ESCAPES.get(sign, sign)


def _hex(data: bytes) -> bytes:
    return b"<" + data.hex().encode() + b">"
