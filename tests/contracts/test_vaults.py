"""The contract of vaults: what is sealed is opened for the same name, and sealed shut for all others."""

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from prelo.adapters.vault_aes import AesVault
from prelo.adapters.vault_plain import PlainVault
from prelo.core.errors import Misconfigured
from prelo.couriers import Vault

KEY, OTHER = (base64.b64encode(bytes([n]) * 32).decode() for n in (1, 2))
VAULTS: dict[str, Vault] = {"plain": PlainVault(), "aes": AesVault(KEY)}


@pytest.mark.parametrize("kind", VAULTS)
@given(secret=st.text(), name=st.text())
def test_what_is_sealed_is_opened(kind: str, secret: str, name: str):
    vault = VAULTS[kind]
    assert vault.unseal(vault.seal(secret, name), name) == secret


def test_with_a_key_the_secret_is_not_in_what_is_kept_nor_twice_the_same():
    sealed = [VAULTS["aes"].seal("whsec_abc", "wh_1") for _ in range(2)]
    assert sealed[0] != sealed[1]
    assert not any("whsec_abc" in one for one in sealed)


def test_what_is_sealed_for_one_webhook_opens_for_no_other():
    sealed = VAULTS["aes"].seal("whsec_abc", "wh_1")
    with pytest.raises(Misconfigured, match="wh_2"):
        VAULTS["aes"].unseal(sealed, "wh_2")


def test_a_new_key_in_front_seals_and_the_old_one_still_opens():
    old = AesVault(KEY).seal("whsec_abc", "wh_1")
    both = AesVault(f"{OTHER}, {KEY}")
    assert both.unseal(old, "wh_1") == "whsec_abc"
    assert AesVault(OTHER).unseal(both.seal("new", "wh_1"), "wh_1") == "new"
    with pytest.raises(Misconfigured, match="PRELO_SECRET_KEY"):
        AesVault(OTHER).unseal(old, "wh_1")


def test_a_key_may_come_later_and_must_not_be_lost():
    plain = PlainVault().seal("whsec_abc", "wh_1")
    assert AesVault(KEY).unseal(plain, "wh_1") == "whsec_abc"
    with pytest.raises(Misconfigured, match="PRELO_SECRET_KEY"):
        PlainVault().unseal(AesVault(KEY).seal("whsec_abc", "wh_1"), "wh_1")


@pytest.mark.parametrize(
    "key", ["", "short", "ä", base64.b64encode(b"x" * 31).decode(), f"{KEY},x"]
)
def test_a_wrong_key_is_a_sentence_that_does_not_repeat_it(key: str):
    with pytest.raises(Misconfigured, match="openssl rand") as refused:
        AesVault(key)
    assert not key or key not in refused.value.detail or key == "ä"
