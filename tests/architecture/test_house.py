"""The shape of the house: what is registered, what is public, and what never stands in a tracked file."""

import os
import re
import subprocess
import sys
from pathlib import Path

import prelo
from prelo import wiring

ROOT = Path(__file__).parents[2]
ADAPTERS = ROOT / "src/prelo/adapters"
PUBLIC = [
    "AsyncClient", "Chart", "Client", "Column", "ColumnMissing", "Conflict", "Damaged", "Failure",
    "Forbidden", "Gone", "Highlight", "Invalid", "JobFailed", "KeyReused", "Kind", "Layout", "Manifest",
    "Misconfigured", "NotFinished", "NotFound", "Overflow", "PreloError", "Refused", "Report",
    "SourceInvalid", "Sparkline", "Summary", "TooLarge", "Unauthenticated", "Unavailable", "__version__",
    "report", "write_csv", "write_pdf", "write_xlsx",
]  # fmt: skip


def test_the_public_names_are_these_and_sorted():
    assert prelo.__all__ == PUBLIC == sorted(PUBLIC)
    assert dir(prelo) == PUBLIC
    assert all(getattr(prelo, name) is not None for name in PUBLIC)


def test_importing_prelo_loads_no_heavy_library():
    heavy = ["polars", "pyarrow", "numpy", "pandas", "fastapi", "sqlalchemy", "pydantic", "httpx"]
    say = f"import sys, prelo.entry.cli, prelo; print([m for m in {heavy} if m in sys.modules])"
    said = subprocess.run([sys.executable, "-c", say], capture_output=True, text=True, check=True)
    assert said.stdout.strip() == "[]"


def test_every_adapter_is_registered():
    registries = (value for name, value in vars(wiring).items() if name.isupper())
    places = {
        place.partition(":")[0]
        for registry in registries
        if isinstance(registry, dict)
        for place in registry.values()
    }
    found = {path.stem for path in ADAPTERS.iterdir() if not path.stem.startswith("_")}
    assert found - places == set(), "an adapter that wiring.py does not know can never be chosen"


def test_every_registered_class_is_there():
    for registry in (wiring.STORES, wiring.BROKERS, wiring.CACHES, wiring.FILES, wiring.OBSERVERS,
                     wiring.PRESSES, wiring.ISSUERS, wiring.CATALOGS, wiring.SOURCES, wiring.WRITERS,
                     wiring.COURIERS, wiring.VAULTS):  # fmt: skip
        for key, place in registry.items():
            assert callable(wiring.resolved(place, key))


def test_only_config_reads_the_environment():
    reading = re.compile(r"os\.environ|os\.getenv|from os import .*environ")
    readers = {
        path.relative_to(ROOT).as_posix()
        for path in (ROOT / "src").rglob("*.py")
        if reading.search(path.read_text(encoding="utf-8"))
    }
    assert readers == {"src/prelo/config.py"}


def tracked() -> list[Path]:
    listed = subprocess.run(
        ["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=False, env={**os.environ}
    )
    if listed.returncode:
        return [path for path in ROOT.iterdir() if path.is_file()]
    return [ROOT / name for name in listed.stdout.decode().split("\0") if name]


def test_no_tracked_file_names_a_package_registry():
    # A file that names one binds everybody to one mirror. Written apart, so that this file does not.
    hosts = re.compile(rb"pypi\." rb"org|python" rb"hosted|registry\.npm" rb"js|index-" rb"url\s*=")
    naming = [
        path.relative_to(ROOT).as_posix()
        for path in tracked()
        if path.is_file() and hosts.search(path.read_bytes())
    ]
    assert naming == []
