"""Programs that read files back, which a laptop may lack and CI may not; and a disk that is too small."""

import os
import resource
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import settings

Run = Callable[..., str]

# A busy machine is no fault of the code.
settings.register_profile("without a clock", deadline=None)
settings.load_profile("without a clock")


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


@pytest.fixture
def small_disk() -> Iterator[None]:
    """No file of this process grows past 100 kB; the system says so as it does for a full disk."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, hard))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
