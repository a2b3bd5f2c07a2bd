"""Tokens of an OpenID Connect issuer: JWTs whose keys the issuer publishes (OpenID Connect Discovery 1.0).

The keys are fetched when the first token comes and kept; they are fetched again every ten minutes while
tokens come, and for a token of a key that nobody has heard of, but not more often than once a minute,
whatever comes. While the issuer is away the last keys stay good.
"""

import asyncio
import json
import time
import warnings
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any
from urllib.parse import urlsplit

import httpx
from joserfc import jws, jwt
from joserfc.errors import (
    ClaimError,
    ExpiredTokenError,
    JoseError,
    MissingClaimError,
    SecurityWarning,
)
from joserfc.jwk import JWKRegistry, Key, OctKey

from prelo.core.errors import Misconfigured, Unauthenticated, Unavailable

# With a public key nobody can sign. `none` and HS* are not here, so no issuer can offer them to us.
ASYMMETRIC = frozenset({
    "RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA", "Ed25519",
})  # fmt: skip
_WELL_KNOWN = "/.well-known/openid-configuration"
_LEEWAY = 60  # seconds that clocks may differ
_FRESH_SECONDS = 600.0
_UNKNOWN_SECONDS = 60.0
_AGAIN_SECONDS = 5.0  # while there are no keys at all
_SECONDS = 5.0  # for one document
_LARGEST = 1 << 20  # bytes of one
_LONGEST_TOKEN = 16_384
_LONGEST_HEADER = 8_192  # some hold a chain of certificates
_LOOPBACK = {"127.0.0.1", "::1", "localhost"}


class OidcIssuer:
    """Port Issuer. `issuer` is its address as its tokens say it; `audience` whom a token must be for."""

    def __init__(self, issuer: str, audience: str) -> None:
        if not _safe(issuer):
            raise Misconfigured(f"PRELO_OIDC_ISSUER is '{issuer}'; give its address with https://")
        self._issuer, self._audience = issuer, audience
        self._http = httpx.AsyncClient(timeout=_SECONDS)
        self._keys: Sequence[Key] = ()
        self._algorithms: frozenset[str] = frozenset()
        self._loaded = self._tried = float("-inf")
        self._loading: asyncio.Task[None] | None = None

    async def check(self) -> None:
        """Ask the issuer for its keys. Raises Unavailable with why it has none."""
        await self._load()

    async def close(self) -> None:
        if self._loading is not None:
            self._loading.cancel()
            await asyncio.wait({self._loading})
        await self._http.aclose()

    async def claims(self, token: str) -> Mapping[str, Any]:
        header = _header(token)
        await self._ready()
        algorithm = header.get("alg")
        if algorithm not in self._algorithms:
            taken = ", ".join(sorted(self._algorithms)) or "none"
            raise Unauthenticated(
                f"the token is not signed in a way the issuer offers; taken are {taken}"
            )
        key = await self._key(header.get("kid"))
        try:
            claims = _verified(token, key, str(algorithm))
            self._check(claims)
        except JoseError as error:
            raise Unauthenticated(_sentence(error)) from error
        return claims

    def _check(self, claims: dict[str, Any]) -> None:
        jwt.JWTClaimsRegistry(
            leeway=_LEEWAY,
            iss={"essential": True, "value": self._issuer},
            aud={"essential": True, "value": self._audience},
            exp={"essential": True},
        ).validate(claims)

    async def _ready(self) -> None:
        """There are keys. Raises Unavailable where there have never been any."""
        now = time.monotonic()
        if self._keys:
            if now - self._loaded > _FRESH_SECONDS and now - self._tried > _UNKNOWN_SECONDS:
                self._load_soon()
            return
        if self._loading is None and now - self._tried < _AGAIN_SECONDS:
            raise self._away("it was asked a moment ago, and said nothing of use")
        await self._shared()

    async def _key(self, name: Any) -> Key:
        found = self._named(name)
        if found is None and (
            self._loading is not None or time.monotonic() - self._tried >= _UNKNOWN_SECONDS
        ):
            await self._shared()
            found = self._named(name)
        if found is None:
            raise Unauthenticated(
                "the token is signed by a key that is not the issuer's, or not any more"
            )
        return found

    def _named(self, name: Any) -> Key | None:
        """The key of this name; where a token has none, the only one there is."""
        if name is None:
            return self._keys[0] if len(self._keys) == 1 else None
        return next((key for key in self._keys if key.kid == name), None)

    def _load_soon(self) -> "asyncio.Task[None]":
        """One for all who want it."""
        if self._loading is None:
            self._loading = asyncio.create_task(self._load())
            self._loading.add_done_callback(self._done)
        return self._loading

    def _done(self, task: "asyncio.Task[None]") -> None:
        self._loading = None
        if not task.cancelled():
            task.exception()  # told to who waits for it; with old keys, nobody has to

    async def _shared(self) -> None:
        try:
            await asyncio.shield(self._load_soon())
        except Unavailable:
            if not self._keys:
                raise

    async def _load(self) -> None:
        self._tried = time.monotonic()
        try:
            async with asyncio.timeout(2 * _SECONDS):
                told = await self._document(self._issuer.rstrip("/") + _WELL_KNOWN)
                if told.get("issuer") != self._issuer:
                    raise self._away(
                        "it calls itself by another address; PRELO_OIDC_ISSUER must be the same"
                    )
                place = str(told.get("jwks_uri"))
                if not _safe(place):
                    raise self._away("its jwks_uri is no address with https://")
                keys = _keys_of(await self._document(place))
        except (httpx.HTTPError, httpx.InvalidURL, TimeoutError, ValueError, TypeError) as error:
            raise self._away(_why(error)) from error
        if not keys:
            raise self._away("it has no keys to check a signature by")
        # An issuer must say this, and RS256 must be among it (section 3 there).
        offered = told.get("id_token_signing_alg_values_supported") or ["RS256"]
        self._algorithms = ASYMMETRIC & {one for one in offered if isinstance(one, str)}
        self._keys, self._loaded = keys, time.monotonic()

    async def _document(self, url: str) -> dict[str, Any]:
        body = bytearray()
        async with self._http.stream("GET", url, headers={"Accept": "application/json"}) as answer:
            answer.raise_for_status()
            async for piece in answer.aiter_bytes():
                body += piece
                if len(body) > _LARGEST:
                    raise ValueError
        told = json.loads(body)
        if not isinstance(told, dict):
            raise TypeError
        return told

    def _away(self, why: str) -> Unavailable:
        return Unavailable(f"the issuer {self._issuer} cannot be asked for its keys: {why}", 5)


def _why(error: Exception) -> str:
    if isinstance(error, httpx.HTTPStatusError):
        return f"it answered {error.response.status_code}"
    if isinstance(error, TimeoutError | httpx.TimeoutException):
        return "it did not answer in time"
    if isinstance(error, httpx.TransportError):
        return "no connection to it can be made, or it broke off"
    return "what it answers cannot be read"


def _safe(url: str) -> bool:
    """https, or a server of this machine."""
    try:
        parts = urlsplit(url)
        return bool(parts.hostname) and (
            parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in _LOOPBACK)
        )
    except ValueError:
        return False


def _header(token: str) -> Mapping[str, Any]:
    """What the token says of itself, before anything is known of it."""
    header: Any = None
    # Whatever stands there, as a list for a header: the library looks no further than for "alg" in it.
    with suppress(JoseError, ValueError, TypeError, RecursionError):
        if len(token) <= _LONGEST_TOKEN:
            header = jws.extract_compact(token.encode(), registry=_registry()).headers()
    if isinstance(header, dict) and isinstance(header.get("alg"), str):
        return header
    raise Unauthenticated("this is neither an API key of Prelo nor a signed token (JWT)")


def _keys_of(told: Mapping[str, Any]) -> Sequence[Key]:
    """Those that signatures are checked by. One that we cannot read is somebody else's."""
    found: list[Key] = []
    listed = told.get("keys")
    for one in listed if isinstance(listed, list) else ():
        try:
            if isinstance(one, dict) and one.get("use", "sig") == "sig":
                key = JWKRegistry.import_key(one)
                if not isinstance(key, OctKey):
                    found.append(key)
        except (JoseError, ValueError, TypeError):
            continue
    return found


def _registry(algorithm: str | None = None) -> jws.JWSRegistry:
    registry = jws.JWSRegistry(algorithms=algorithm and [algorithm])
    registry.max_header_length = _LONGEST_HEADER
    return registry


def _verified(token: str, key: Key, algorithm: str) -> dict[str, Any]:
    registry = _registry(algorithm)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter(
                "ignore", SecurityWarning
            )  # EdDSA has a newer name, which few use
            return jwt.decode(token, key, registry=registry).claims
    except ValueError as error:  # a key of one kind, and a signature of another
        raise JoseError from error


def _sentence(error: JoseError) -> str:
    if isinstance(error, ExpiredTokenError):
        return "the token has expired; get a new one"
    if isinstance(error, MissingClaimError):
        return f"the token lacks a claim that it needs: {error.claim}"
    if isinstance(error, ClaimError):
        whom = {
            "iss": "by another issuer",
            "aud": "for another audience",
            "nbf": "for a later time",
        }
        return f"the token was given {whom.get(error.claim, f'with a wrong claim: {error.claim}')}"
    return "the token's signature is not the issuer's"
