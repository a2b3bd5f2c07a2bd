"""A disk that fills while a file is written."""

import subprocess
import sys
from pathlib import Path

_PROGRAM = """
import resource, signal, sys
import polars as pl
import prelo
data = pl.DataFrame({"v": range(200_000), "t": [str(i * 7919) for i in range(200_000)]})
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
try:
    getattr(prelo, sys.argv[1])(data, sys.argv[2])
except Exception as error:
    print(type(error).__name__, error)
"""


def assert_old_file_stays(writer: str, target: Path) -> None:
    """That prelo's `writer` tells a limit where no file grows past 100 kB, and leaves what was there."""
    target.write_bytes(b"old")
    said = subprocess.run(
        [sys.executable, "-c", _PROGRAM, writer, target], capture_output=True, text=True, check=True,
        timeout=50,
    )  # fmt: skip
    assert said.stdout.strip() == f"FileLimit cannot write {target}: File too large"
    assert target.read_bytes() == b"old"
    assert list(target.parent.iterdir()) == [target]
