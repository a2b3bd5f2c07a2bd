"""The image, compose.yaml and the manual name settings that there are, and all of them."""

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from prelo.config import Config

ROOT = Path(__file__).parents[2]
SETTINGS = {f"PRELO_{name.upper()}" for name in Config.model_fields} - {"PRELO_CONNECTIONS"}
PLACES = [
    "compose.yaml",
    "Dockerfile",
    "docs/operate.md",
    "docs/cli.md",
    "README.md",
    ".env.example",
]
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "compose.yaml").read_text())
PRELO = ["api", "work", "upkeep"]


def named(place: str) -> set[str]:
    found = set(re.findall(r"PRELO_[A-Z_]+", (ROOT / place).read_text(encoding="utf-8")))
    return {name for name in found if not name.startswith(("PRELO_CONNECTION_", "TESTS_"))}


@pytest.mark.parametrize("place", PLACES)
def test_every_setting_that_is_named_exists(place: str):
    assert named(place) <= SETTINGS


def test_the_manual_has_every_setting():
    assert named("docs/operate.md") == SETTINGS
    assert "PRELO_CONNECTION_<NAME>" in (ROOT / "docs/operate.md").read_text(encoding="utf-8")


def test_a_press_loads_the_writer_that_it_is_asked_for_and_no_other():
    said = """
import sys
from prelo import wiring
from prelo.config import Config
writer = wiring.kit(Config()).writer
assert writer("csv") is writer("csv")
print(*sorted(name for name in sys.modules if name.startswith("prelo.formats.")))
"""
    loaded = subprocess.run(
        [sys.executable, "-c", said], capture_output=True, text=True, check=True
    ).stdout.split()
    assert "prelo.formats.csv" in loaded
    assert not any(name.startswith(("prelo.formats.xlsx", "prelo.formats.pdf")) for name in loaded)


def test_compose_is_what_its_specification_allows():
    command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.compose-spec"]
    checked = subprocess.run(
        [*command, str(ROOT / "compose.yaml")], capture_output=True, text=True, check=False
    )
    assert checked.returncode == 0, checked.stdout


@pytest.mark.parametrize("service", PRELO)
def test_a_service_starts_with_its_settings(service: str):
    """With every password given, they are a Config; and it drains before it is killed."""
    told = COMPOSE["services"][service]
    filled = {k: re.sub(r"\$\{\w+[^}]*\}", "secret1", v) for k, v in told["environment"].items()}
    config = Config.load(filled)
    assert float(told["stop_grace_period"].removesuffix("s")) >= config.grace + 10
    assert told["command"] == [service]
    assert config.store == "postgresql://prelo:secret1@postgres/prelo"


def test_every_password_of_compose_is_in_the_example():
    wanted = set(re.findall(r"\$\{(\w+)", (ROOT / "compose.yaml").read_text()))
    given = re.findall(r"^(\w+)=", (ROOT / ".env.example").read_text(), re.MULTILINE)
    assert wanted == set(given)


def test_compose_publishes_to_this_machine_only():
    for name, service in COMPOSE["services"].items():
        for port in service.get("ports", []):
            assert port.startswith("127.0.0.1:"), name


def test_every_service_is_bounded_and_started_again():
    for name, service in COMPOSE["services"].items():
        assert service["restart"] == "unless-stopped", name
        assert service["deploy"]["resources"]["limits"]["memory"], name


def test_what_the_image_copies_is_let_in():
    copied = re.findall(
        r"^COPY (?!--from)(.+) \S+$", (ROOT / "Dockerfile").read_text(), re.MULTILINE
    )
    let_in = (ROOT / ".dockerignore").read_text().split()
    wanted = {name for line in copied for name in line.split()}
    assert wanted
    assert {f"!{name}" for name in wanted} <= set(let_in)
    assert all((ROOT / name).exists() for name in wanted)


def test_the_servers_lock_has_what_the_image_speaks_with():
    lock = (ROOT / "requirements-server.lock").read_text()
    for package in ("psycopg", "psycopg-binary", "psycopg-pool", "aio-pika", "redis", "obstore"):
        assert f"\n{package}==" in lock
