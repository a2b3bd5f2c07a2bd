"""Settings that name others: what is read from a text, and what is said of a wrong one."""

import pytest

from prelo.config import Config
from prelo.core.errors import Misconfigured
from prelo.core.rules import Rules


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
