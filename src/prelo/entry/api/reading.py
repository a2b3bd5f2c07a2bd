"""What a request says: the body, the idempotency key, the preferences, the tags it knows."""

import hashlib
import json
import re
from typing import Annotated, Any, NamedTuple, TypeVar

from fastapi import Depends, Request
from fastapi.requests import HTTPConnection
from pydantic import ValidationError
from pydantic_core import from_json

from prelo.core import request as core
from prelo.core.errors import FieldError, Invalid, NotFound, TooLarge
from prelo.core.model import Model
from prelo.entry.api.house import House
from prelo.entry.api.problems import BadHeader, NotJson, WrongMediaType, field_errors
from prelo.entry.api.rights import Who
from prelo.ports import IdempotencyKey

__all__ = ["Here", "Who"]  # beside what stands here: what most routes take

T = TypeVar("T", bound=Model)
MAX_WAIT = 60  # seconds; proxies give up soon after
_MAX_KEY = 255
KEYS = f"1 to {_MAX_KEY} printable ASCII characters"
_JSON = re.compile(r"application/(?:[\w.+-]+\+)?json", re.IGNORECASE)
_TAG = re.compile(r'(?:W/)?("[^"]*")')


async def house(connection: HTTPConnection) -> House:
    return connection.app.state.house


Here = Annotated[House, Depends(house)]


async def legible(connection: HTTPConnection) -> None:
    """No name has a NUL in it, and PostgreSQL cannot even look for one. Raises NotFound."""
    if "\0" in connection.scope["path"]:
        raise NotFound("there is nothing at this address: it has the character NUL in it")


class Body(NamedTuple):
    """A request for a report, and the digest of how it was spelled, whatever the order of its keys."""

    request: core.Request
    digest: str


async def read_body(request: Request, limit: int) -> Body:
    """The request for a report; see `read`."""
    return Body(*await read(request, limit, core.Request))


async def read(request: Request, limit: int, model: type[T]) -> tuple[T, str]:
    """Read and validate the body; with the digest of how it was spelled. Raises WrongMediaType, TooLarge,
    NotJson or Invalid, in this order.
    """
    media_type = request.headers.get("content-type", "").partition(";")[0].strip()
    if not _JSON.fullmatch(media_type):
        raise WrongMediaType(
            f"the body must be application/json, not {media_type}"
            if media_type
            else "the body must be application/json; the request has no Content-Type"
        )
    if request.headers.get("content-encoding", "identity").lower() != "identity":
        raise WrongMediaType("the body must not be compressed")
    value = _parsed(await _bytes(request, limit))
    digest = digest_of(value)
    return validated(model, value), digest


def validated(model: type[T], value: dict[str, Any]) -> T:
    """What was asked for. Raises Invalid, with a pointer to each wrong value."""
    try:
        return model.model_validate(value)
    except ValidationError as error:
        found = field_errors(error.errors(include_url=False, include_input=False))
        said = "; ".join(f"{e.pointer or 'the body'}: {e.detail}" for e in found)
        raise Invalid(f"the request is not valid: {said}", found) from error


def digest_of(value: dict[str, Any]) -> str:
    """The same for the same JSON, whatever the order of its keys. Raises NotJson."""
    try:
        # A number as 1e999 is read as infinity, which no file could show.
        spelled = json.dumps(value, sort_keys=True, allow_nan=False)
    except ValueError as error:
        raise NotJson("the body has a number that is too large to be one") from error
    return hashlib.sha256(spelled.encode()).hexdigest()


async def _bytes(request: Request, limit: int) -> bytes:
    """The body, never more than `limit` of it in memory: a chunked one is counted as it comes."""
    promised = request.headers.get("content-length", "")
    if promised.isdecimal() and int(promised) > limit:
        raise TooLarge(f"the body has {promised} bytes; at most {limit} are taken")
    body = bytearray()
    async for chunk in request.stream():
        if len(body) + len(chunk) > limit:
            raise TooLarge(f"the body has more than {limit} bytes, which is the most that is taken")
        body += chunk
    return bytes(body)


def _parsed(body: bytes) -> dict[str, Any]:
    try:
        value = from_json(body, allow_inf_nan=False)
    except ValueError as error:
        raise NotJson(f"the body cannot be read as JSON: {error}") from error
    if not isinstance(value, dict):
        detail = "the body must be a JSON object"
        raise Invalid(detail, (FieldError(pointer="", detail=detail),))
    return value


def read_key(request: Request, digest: str) -> IdempotencyKey | None:
    """The Idempotency-Key: a structured-field string as the draft says, or bare as most clients send it."""
    given = request.headers.getlist("idempotency-key")
    if not given:
        return None
    key = given[0].strip()
    if len(key) > 1 and key[0] == key[-1] == '"':
        key = re.sub(r"\\([\"\\])", r"\1", key[1:-1])
    if len(given) > 1 or not is_key(key):
        raise BadHeader(f"Idempotency-Key must be {KEYS}, once")
    return IdempotencyKey(key=key, digest=digest)


def is_key(text: str) -> bool:
    return 0 < len(text) <= _MAX_KEY and all(" " <= c <= "~" for c in text)


class Prefer(NamedTuple):
    """RFC 7240. `wait` is in seconds, already capped; None: the caller said nothing about it."""

    wait: int | None
    respond_async: bool

    def applied(self, *, finished: bool) -> str:
        """The value of Preference-Applied; empty when there is nothing to say."""
        said = ["respond-async"] if self.respond_async and not finished else []
        if self.wait is not None:
            said.append(f"wait={self.wait}")
        return ", ".join(said)


def read_prefer(request: Request) -> Prefer:
    """What is not understood is ignored; of a preference given twice the first one counts (section 2)."""
    found: dict[str, str] = {}
    for part in ",".join(request.headers.getlist("prefer")).split(","):
        name, _, value = part.partition(";")[0].partition("=")
        found.setdefault(name.strip().lower(), value.strip().strip('"'))
    wait = found.get("wait", "")
    seconds = min(int(wait[:9]), MAX_WAIT) if wait.isascii() and wait.isdecimal() else None
    return Prefer(seconds, "respond-async" in found)


def knows(request: Request, etag: str) -> bool:
    """Whether If-None-Match names this tag (compared weakly, as RFC 9110 section 13.1.2 wants)."""
    given = ",".join(request.headers.getlist("if-none-match"))
    return given.strip() == "*" or etag in _TAG.findall(given)
