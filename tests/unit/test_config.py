"""Settings that name others: what is read from a text, and what is said of a wrong one."""

from typing import Any

import pytest

from prelo.config import Config
from prelo.core.errors import Misconfigured
from prelo.core.report import Limits
from prelo.core.rules import Rules
from prelo.wiring import presses


def test_numbers_by_name_are_read_from_one_text():
    config = Config.load({
        "PRELO_TENANT_WEIGHTS": "acme=4, beta=0.5,",
        "PRELO_MAX_RUNNING_PER_SOURCE": "warehouse=4,python:a=b.py:rows=1",
        "PRELO_MAX_RUNNING_PER_TENANT": "3",
        "PRELO_MAX_QUEUED_PER_TENANT": "500",
        "PRELO_MAX_LOSSES": "9",
    })  # fmt: skip
    assert config.rules == Rules(
        weights={"acme": 4, "beta": 0.5},
        running_per_source={"warehouse": 4, "python:a=b.py:rows": 1},
        running_per_tenant=3,
        queued_per_tenant=500,
        losses=9,
    )
    assert Config.model_validate_json(config.model_dump_json()) == config  # as a press gets it


OIDC = {"PRELO_OIDC_ISSUER": "https://id.example", "PRELO_OIDC_AUDIENCE": "reports"}


@pytest.mark.parametrize(
    ("text", "kinds"),
    [("none", ()), ("keys", ("keys",)), ("oidc", ("oidc",)), ("keys, oidc", ("keys", "oidc"))],
)
def test_how_callers_show_who_they_are(text: str, kinds: tuple[str, ...]):
    assert Config.load({"PRELO_AUTH": text, **OIDC}).auth == kinds


@pytest.mark.parametrize("text", ["", "key", "none,keys", "all", ","])
def test_another_way_to_show_it_is_a_sentence(text: str):
    with pytest.raises(Misconfigured, match="PRELO_AUTH: say none, keys, oidc, or keys,oidc"):
        Config.load({"PRELO_AUTH": text})


@pytest.mark.parametrize("missing", OIDC)
def test_tokens_need_an_issuer_and_an_audience(missing: str):
    told = {name: value for name, value in OIDC.items() if name != missing}
    with pytest.raises(Misconfigured, match=missing):
        Config.load({"PRELO_AUTH": "oidc", **told})


def test_the_key_of_the_commands_is_shown_nowhere():
    config = Config.load({"PRELO_KEY": "prelo_hush"})
    assert config.key == "prelo_hush"
    assert "hush" not in config.model_dump_json() + repr(config) + str(config)


def test_a_limit_of_each_tenant_is_one_number_or_one_by_name():
    config = Config.load({
        "PRELO_MAX_REQUESTS_PER_TENANT": "600",
        "PRELO_MAX_ROWS_PER_TENANT": "acme=1000,*=10",
        "PRELO_MAX_SECONDS_PER_TENANT": "acme=5",
        "PRELO_MAX_BYTES_PER_TENANT": "",
    })  # fmt: skip
    assert config.max_requests_per_tenant == {"*": 600}
    limits = Limits(rows=500, seconds=60)
    acme, other = (config.tenant_limits.over(limits, tenant) for tenant in ("acme", "other"))
    assert (acme.rows, acme.seconds, acme.file_size) == (500, 5, limits.file_size)
    assert (other.rows, other.seconds) == (10, 60)
    assert Config().tenant_limits.over(limits, "acme") is limits
    with pytest.raises(Misconfigured, match=r"PRELO_MAX_BYTES_PER_TENANT.*greater than or equal"):
        Config.load({"PRELO_MAX_BYTES_PER_TENANT": "1000"})


def test_nothing_is_capped_unless_it_is_asked_for():
    assert Config.load({}).rules == Rules()
    assert not Rules().caps


@pytest.mark.parametrize("text", ["acme", "=4", "acme=4,acme=5", "acme=", "acme=0", "acme=four"])
def test_a_wrong_number_by_name_is_a_sentence_with_the_settings_name(text: str):
    with pytest.raises(Misconfigured, match="PRELO_TENANT_WEIGHTS"):
        Config.load({"PRELO_TENANT_WEIGHTS": text})


def test_a_breaker_stays_open_for_at_most_eight_times_as_long():
    policy = Config.load({"PRELO_BREAKER_OPEN": "15"}).breaker
    assert (policy.open_ms, policy.max_open_ms) == (15_000, 120_000)


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"PRELO_SMTP": "smtp://mail"}, "PRELO_MAIL_FROM says who writes"),
        (
            {"PRELO_SMTP": "smtp://mail", "PRELO_MAIL_FROM": "a@example.com"},
            "PRELO_PUBLIC_URL says where",
        ),
        ({"PRELO_PUBLIC_URL": "reports.example.com"}, "PRELO_PUBLIC_URL: write https://"),
        ({"PRELO_PUBLIC_URL": "https://reports.example.com/"}, "without a / at its end"),
    ],
)
def test_what_notices_need_is_said_at_start(settings: dict[str, str], said: str):
    with pytest.raises(Misconfigured, match=said):
        Config.load(settings)


def test_secrets_of_notices_are_not_in_a_configs_words_and_no_press_gets_them():
    config = Config.load({
        "PRELO_SMTP": "smtps://u:hunter2@mail", "PRELO_MAIL_FROM": "a@example.com",
        "PRELO_PUBLIC_URL": "https://reports.example.com", "PRELO_SECRET_KEY": "hunter3",
    })  # fmt: skip
    told: Any = presses(config)
    for words in (repr(config), str(config), told.hello):
        assert "hunter" not in words
    assert Config.model_validate_json(told.hello).public_url == config.public_url
