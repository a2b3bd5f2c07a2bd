"""What is taken from an issuer, what is not, and how often it is asked."""

import asyncio
import base64
import hmac
import json
import time
from collections.abc import AsyncIterator
from typing import Any

import pytest
from joserfc.jwk import RSAKey

from prelo.adapters.issuer_oidc import OidcIssuer
from prelo.core.errors import Misconfigured, Unauthenticated, Unavailable
from tests.contracts.issuer_fixtures import AUDIENCE, KEYS, Giver

DISCOVERY = "/.well-known/openid-configuration"


@pytest.fixture
async def issuer(giver: Giver) -> AsyncIterator[OidcIssuer]:
    made = OidcIssuer(giver.url, AUDIENCE)
    yield made
    await made.close()


def forged(header: Any, claims: dict[str, Any], signature: str = "") -> str:
    parts = [json.dumps(part).encode() for part in (header, claims)]
    coded = [base64.urlsafe_b64encode(part).decode().rstrip("=") for part in parts]
    return ".".join([*coded, signature])


def signed_by_the_public_key(claims: dict[str, Any]) -> str:
    """As if it were a shared secret: who confuses the two takes anybody's token."""
    key = KEYS["rsa"]
    assert isinstance(key, RSAKey)
    text = forged({"alg": "HS256", "kid": "rsa"}, claims).rstrip(".")
    made = hmac.digest(key.as_pem(private=False), text.encode(), "sha256")
    return f"{text}.{base64.urlsafe_b64encode(made).decode().rstrip('=')}"


@pytest.mark.parametrize(
    ("by", "algorithm"),
    [("rsa", "RS256"), ("ec", "ES256"), ("okp", "Ed25519")],
)
async def test_a_token_of_each_kind_that_is_offered_is_taken(
    issuer: OidcIssuer, giver: Giver, by: str, algorithm: str
):
    claims = await issuer.claims(giver.token(by, algorithm))
    assert (claims["sub"], claims["tenant"]) == ("ana", "acme")


@pytest.mark.parametrize(
    ("claims", "said"),
    [
        ({"exp": 100}, "has expired"),
        ({"exp": None}, "lacks a claim that it needs: exp"),
        ({"exp": "tomorrow"}, "wrong claim: exp"),
        ({"nbf": 9_999_999_999}, "for a later time"),
        ({"iss": "https://other.example"}, "by another issuer"),
        ({"iss": None}, "lacks a claim that it needs: iss"),
        ({"aud": "https://other.example"}, "for another audience"),
        ({"aud": ["a", "b"]}, "for another audience"),
        ({"aud": None}, "lacks a claim that it needs: aud"),
    ],
)
async def test_a_token_that_is_not_for_us_now_is_refused(
    issuer: OidcIssuer, giver: Giver, claims: dict[str, Any], said: str
):
    with pytest.raises(Unauthenticated, match=said):
        await issuer.claims(giver.token(**claims))


async def test_clocks_may_differ_by_a_minute(issuer: OidcIssuer, giver: Giver):
    now = int(time.time())
    assert await issuer.claims(giver.token(exp=now - 50, nbf=now + 50, aud=["x", AUDIENCE]))
    for late in (giver.token(exp=now - 70), giver.token(nbf=now + 70)):
        with pytest.raises(Unauthenticated):
            await issuer.claims(late)


async def test_no_token_is_taken_that_anybody_could_have_signed(issuer: OidcIssuer, giver: Giver):
    good = giver.token()
    claims = await issuer.claims(good)
    confused = signed_by_the_public_key(dict(claims))
    head, body, signature = good.split(".")
    other = forged({"alg": "RS256", "kid": "rsa"}, {**claims, "tenant": "other"}).split(".")[1]
    for wrong in (
        forged({"alg": "none"}, dict(claims)),
        forged({"alg": "none", "kid": "rsa"}, dict(claims), signature),
        forged({"alg": "RS256", "kid": "rsa"}, dict(claims)),
        confused,
        giver.token("stranger"),
        giver.token("rsa", "RS512"),  # which it does not offer
        f"{head}.{other}.{signature}",
        f"{head}.{body}.{signature[:-6]}",
        forged({"alg": "ES256", "kid": "rsa"}, dict(claims), signature),
        forged({"alg": "RS256", "kid": {"a": 1}}, dict(claims), signature),
        forged({"alg": "RS256", "kid": "rsa", "crit": ["x"]}, dict(claims), signature),
    ):
        with pytest.raises(Unauthenticated):
            await issuer.claims(wrong)


ODD = [["alg"], ["alg", "b64"], {"alg": []}, {"alg": {"alg": 1}}, {"alg": None}]


@pytest.mark.parametrize(
    "text",
    ["x", "a.b.c", "....", "a" * 20_000, "é.é.é", "a.b.c.d.e", *(forged(odd, {}) for odd in ODD)],
)
async def test_what_is_no_token_is_said_before_anybody_is_asked(
    issuer: OidcIssuer, giver: Giver, text: str
):
    with pytest.raises(Unauthenticated, match="neither an API key of Prelo nor a signed token"):
        await issuer.claims(text)
    assert not giver.asked


async def test_a_header_may_hold_a_chain_of_certificates(issuer: OidcIssuer, giver: Giver):
    claims = await issuer.claims(giver.token(header={"x5c": ["A" * 2_000]}))
    assert claims["sub"] == "ana"


async def test_a_storm_of_tokens_asks_the_issuer_once(issuer: OidcIssuer, giver: Giver):
    giver.pause = 0.1
    token = giver.token()
    await asyncio.gather(*(issuer.claims(token) for _ in range(50)))
    assert giver.asked == {DISCOVERY: 1, "/keys": 1}


async def test_a_storm_of_unknown_keys_asks_it_once_a_minute_and_a_new_key_is_found(
    issuer: OidcIssuer, giver: Giver, monkeypatch: pytest.MonkeyPatch
):
    await issuer.claims(giver.token())
    later = giver.token("later")
    storm = [issuer.claims(later) for _ in range(50)]
    answers = await asyncio.gather(*storm, return_exceptions=True)
    assert {type(answer) for answer in answers} == {Unauthenticated}
    assert giver.asked["/keys"] == 1  # it was asked less than a minute ago
    giver.published.append("later")
    monkeypatch.setattr("prelo.adapters.issuer_oidc._UNKNOWN_SECONDS", 0.05)
    await asyncio.sleep(0.06)
    await asyncio.gather(*(issuer.claims(later) for _ in range(50)))
    assert giver.asked["/keys"] == 2


async def test_while_it_is_away_its_last_keys_are_good(
    issuer: OidcIssuer, giver: Giver, monkeypatch: pytest.MonkeyPatch
):
    await issuer.claims(giver.token())
    giver.away = True
    for name in ("_FRESH_SECONDS", "_UNKNOWN_SECONDS"):
        monkeypatch.setattr(f"prelo.adapters.issuer_oidc.{name}", 0)
    for _ in range(3):
        assert await issuer.claims(giver.token("ec"))
        await asyncio.sleep(0.05)
    with pytest.raises(Unauthenticated):
        await issuer.claims(giver.token("later"))
    assert giver.asked[DISCOVERY] > 1


async def test_a_key_that_it_has_withdrawn_is_not_taken_any_more(
    issuer: OidcIssuer, giver: Giver, monkeypatch: pytest.MonkeyPatch
):
    await issuer.claims(giver.token("ec"))
    giver.published.remove("ec")
    for name in ("_FRESH_SECONDS", "_UNKNOWN_SECONDS"):
        monkeypatch.setattr(f"prelo.adapters.issuer_oidc.{name}", 0)
    await issuer.claims(giver.token())  # which has the keys fetched, beside it
    async with asyncio.timeout(10):
        while giver.asked["/keys"] < 2:
            await asyncio.sleep(0.01)
    await issuer.check()
    with pytest.raises(Unauthenticated, match="not the issuer's, or not any more"):
        await issuer.claims(giver.token("ec"))


async def test_one_that_never_answered_is_unavailable_and_asked_again_later(
    issuer: OidcIssuer, giver: Giver, monkeypatch: pytest.MonkeyPatch
):
    giver.away = True
    token = giver.token()
    for _ in range(5):
        with pytest.raises(Unavailable, match="cannot be asked for its keys: it ") as caught:
            await issuer.claims(token)
        assert token not in caught.value.detail
    assert giver.asked[DISCOVERY] == 1
    giver.away = False
    monkeypatch.setattr("prelo.adapters.issuer_oidc._AGAIN_SECONDS", 0)
    assert await issuer.claims(token)


async def test_it_never_holds_up_what_else_is_to_be_done(issuer: OidcIssuer, giver: Giver):
    giver.pause = 0.3
    waiting = asyncio.create_task(issuer.claims(giver.token()))
    turns = 0
    while not waiting.done():
        await asyncio.sleep(0.01)
        turns += 1
    assert turns > 20


@pytest.mark.parametrize(
    "told",
    [{"issuer": "https://other.example"}, {"jwks_uri": "http://10.0.0.1/keys"}, {"jwks_uri": None},
     {"id_token_signing_alg_values_supported": ["HS256", "none"]}],
)  # fmt: skip
async def test_what_it_says_of_itself_must_be_right(
    issuer: OidcIssuer, giver: Giver, told: dict[str, Any]
):
    giver.told = told
    with pytest.raises((Unavailable, Unauthenticated)):
        await issuer.claims(giver.token())


@pytest.mark.parametrize(
    "url", ["http://issuer.example", "issuer", "", "ftp://127.0.0.1", "https://"]
)
def test_an_issuer_is_asked_over_https(url: str):
    with pytest.raises(Misconfigured, match="PRELO_OIDC_ISSUER"):
        OidcIssuer(url, AUDIENCE)
