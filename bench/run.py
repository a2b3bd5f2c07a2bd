"""One run of one contestant in a process of its own, on as many cores as it is given.

python -m bench.run NAME SHAPE ROWS CORES [--check]    prints one line of JSON

Seconds are of the whole job, from Parquet to the closed file, without the imports; peak memory is of the
whole process, or of a child of it where that took more. The parent imports no big library: what it holds
at a child's start counts as the child's.
"""

import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from bench.data import SHAPES

WARM_UP = 200


def run(name: str, shape: str, rows: int, *, cores: int = 1, check: bool = False) -> dict[str, Any]:
    """Raises RuntimeError with what the process said if it failed, or its file was not right."""
    if not SHAPES[shape].file.exists():  # made elsewhere: it is no part of the memory measured
        subprocess.run([sys.executable, "-m", "bench.data", shape], check=True)
    command = [sys.executable, "-m", "bench.run", name, shape, str(rows), str(cores)]
    done = subprocess.run(
        command + ["--check"] * check,
        check=False,
        capture_output=True,
        text=True,
        env={**os.environ, "POLARS_MAX_THREADS": str(cores)},
    )
    if done.returncode:
        raise RuntimeError(f"{name} failed at {shape}: {done.stderr[-2000:]}")
    return json.loads(done.stdout.splitlines()[-1])


def pin(cores: int) -> None:
    """Keep this process and its threads on so many cores; only Linux can."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[-cores:])


def main() -> None:
    name, shape, rows, cores = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
    pin(cores)
    from bench import contestants, pdf, typesetters

    source = SHAPES[shape].file
    pdfs = {**pdf.PDF, **typesetters.PDF}
    writer = {**contestants.XLSX, **pdfs}[name]
    with tempfile.TemporaryDirectory() as folder:
        target = Path(folder) / ("out.pdf" if name in pdfs else "out.xlsx")
        # What is imported and drawn once is no work per row.
        writer(source, min(rows, WARM_UP), target)
        target.unlink()
        before, cpu = time.perf_counter(), _cpu()
        above = writer(source, rows, target)
        seconds, cpu = time.perf_counter() - before, _cpu() - cpu
        found = {"seconds": seconds, "cpu": cpu, "peak_mb": _peak_mb()}
        found["bytes"] = target.stat().st_size
        if "--check" in sys.argv:
            from bench import readback

            readback.check(target, source, rows, above)
    print(json.dumps(found))


def _cpu() -> float:
    """CPU seconds of this process and of its children that ended."""
    return sum(os.times()[:4])


def _peak_mb() -> float:
    whose = (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    peak = max(resource.getrusage(who).ru_maxrss for who in whose)
    return peak / (1 << 20 if sys.platform == "darwin" else 1 << 10)


if __name__ == "__main__":
    main()
