"""The process that looks into one uploaded file, and says what is in it or what is wrong with it."""

import json
import os
import resource
import sys
from pathlib import Path

from prelo.core.errors import Invalid
from prelo.core.report import MB
from prelo.wiring import ASSAYS, resolved

_MEMORY = 1024 * MB
_SECONDS = 120
_NO_ROOM = 3  # any code that is not that of a traceback
_NICE = 5  # whoever answers callers, or keeps leases, goes first


def main() -> None:
    """One JSON object on standard output: a Finding, or {"wrong": a sentence}."""
    import asyncio

    os.nice(_NICE)
    # Arrow's allocator would reserve 1 GiB at once, which counts as used under RLIMIT_DATA.
    os.putenv("MIMALLOC_ARENA_RESERVE", "64MiB")
    resource.setrlimit(resource.RLIMIT_DATA, (_MEMORY, _MEMORY))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(
        resource.RLIMIT_CPU, (_SECONDS, _SECONDS)
    )  # though nobody is there to end it
    told = json.loads(sys.argv[1])
    assay = resolved(ASSAYS["arrow"], "arrow")()
    looking = assay.look(Path(told["path"]), told["declared"], header=told["header"])
    try:
        said = asyncio.run(looking).model_dump_json()
    except MemoryError:
        sys.exit(_NO_ROOM)
    except Invalid as error:
        said = json.dumps({"wrong": error.detail})
    sys.stdout.write(said)


if __name__ == "__main__":
    main()
