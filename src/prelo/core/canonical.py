"""One spelling for equal values: RFC 8785 (JSON Canonicalization Scheme) after Unicode NFC."""

import unicodedata
from typing import Any

import rfc8785

from prelo.core.errors import Invalid


def normal(value: Any) -> Any:
    """`value` with every text in Unicode NFC, in keys too: é is one character, however it was typed."""
    if isinstance(value, str):
        return unicodedata.normalize("NFC", value)
    if isinstance(value, dict):
        return {normal(key): normal(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [normal(item) for item in value]
    return value


def canonical(value: Any) -> bytes:
    """The canonical JSON of `value`: sorted keys, shortest numbers, NFC texts.

    Raises Invalid for what I-JSON (RFC 7493) cannot hold: integers beyond 2^53 - 1, NaN, infinity.
    """
    try:
        return rfc8785.dumps(normal(value))
    except rfc8785.CanonicalizationError as error:
        raise Invalid(
            f"this value cannot be written as JSON that every reader understands: {error}"
        ) from error
