"""Programs that read files back; a laptop may lack them, CI may not."""

import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

Run = Callable[..., str]


def find(program: str, package: str) -> str:
    """The path of a program; without it the test is skipped, or fails where CI is set."""
    path = shutil.which(program)
    if path:
        return path
    reason = f"{program} is not installed (Debian: apt-get install {package})"
    if os.environ.get("CI"):
        pytest.fail(reason)
    pytest.skip(reason)


def run(program: str, *arguments: str | Path) -> str:
    """What the program says; any word on its error output is a failure."""
    done = subprocess.run([program, *arguments], capture_output=True, timeout=50, check=False)
    complaint = done.stderr.decode(errors="replace")
    assert done.returncode == 0, complaint
    assert not complaint, complaint
    return done.stdout.decode()


@pytest.fixture
def pdftotext() -> Run:
    program = find("pdftotext", "poppler-utils")
    return lambda *arguments: run(program, *arguments)


@pytest.fixture
def qpdf() -> Run:
    program = find("qpdf", "qpdf")
    return lambda *arguments: run(program, *arguments)


@pytest.fixture
def pdftoppm() -> Run:
    program = find("pdftoppm", "poppler-utils")
    return lambda *arguments: run(program, *arguments)
