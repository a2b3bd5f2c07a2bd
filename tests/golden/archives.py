"""veraPDF, the validator of PDF/A, which is not ours."""

import os
import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest

_READERS = Path(__file__).parents[2] / ".readers"


def faults(files: Mapping[str, bytes], flavour: str, folder: Path) -> list[str]:
    """What each file breaks of a flavour of PDF/A ("2b", "3b"), all in one start of Java.

    Skips the test where the validator is missing, but not where CI is set.
    """
    jar = next(_READERS.glob("greenfield-apps-*.jar"), None)
    if jar is None:
        missing = "veraPDF is missing: say `make readers`, with Java and Maven installed"
        pytest.fail(missing) if os.environ.get("CI") else pytest.skip(missing)
    paths = [folder / f"{name}.pdf" for name in files]
    for path, content in zip(paths, files.values(), strict=True):
        path.write_bytes(content)
    run = subprocess.run(
        # A compiler less, and half the time: the machine is warm before it is done.
        ["java", "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-cp", jar,
         "org.verapdf.apps.GreenfieldCliWrapper", "--format", "text", "-v",
         "-f", flavour, *paths],
        capture_output=True, text=True, check=False, timeout=150,
    )  # fmt: skip
    said = run.stdout.splitlines()
    assert sum(line.startswith(("PASS", "FAIL")) for line in said) == len(files), run.stderr
    return [line for line in said if not line.startswith("PASS")]
