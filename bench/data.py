"""The data of the benchmarks: TPC-H lineitem as Parquet, made once by tpchgen-cli."""

import subprocess
import sys
from pathlib import Path

FOLDER = Path(__file__).parent / "data"
SCALE = "0.17"  # about 1,020,000 line items


def lineitem() -> Path:
    path = FOLDER / "lineitem.parquet"
    if not path.exists():
        FOLDER.mkdir(exist_ok=True)
        tool = Path(sys.executable).parent / "tpchgen-cli"
        subprocess.run(
            [tool, "parquet", "-s", SCALE, "--tables", "lineitem", "--output-dir", str(FOLDER)],
            check=True,
            stdout=subprocess.DEVNULL,
        )
    return path
