"""An assay in a child process with limits of its own: a file that unpacks to more than a machine has ends the
child, and nothing else.
"""

import asyncio
import json
from collections.abc import Sequence
from pathlib import Path

from pydantic import ValidationError

from prelo.core.dataset import Finding, Form
from prelo.core.errors import Invalid, Unavailable

_AT_ONCE = 2
_SECONDS = 120.0
_TRACEBACK = 1  # how Python ends by an exception
_TOO_MUCH = "the content takes more memory or time to read than a file of its size may"


class ProcessAssay:
    """Port Assay. `command` starts the child; it is told what to look at as its last argument."""

    def __init__(self, command: Sequence[str]) -> None:
        self._command = command
        self._turn = asyncio.Semaphore(_AT_ONCE)

    async def look(self, path: Path, declared: Form | None, *, header: bool | None) -> Finding:
        told = json.dumps({"path": str(path), "declared": declared, "header": header})
        async with self._turn:
            try:
                child = await asyncio.create_subprocess_exec(
                    *self._command,
                    told,
                    stdin=asyncio.subprocess.DEVNULL,
                    stdout=asyncio.subprocess.PIPE,
                    start_new_session=True,  # Ctrl-C is for the parent
                )
            except OSError as error:
                raise Unavailable(f"no assay can be started: {error.strerror or error}") from error
            try:
                async with asyncio.timeout(_SECONDS):
                    said, _ = await child.communicate()
            except TimeoutError as error:
                raise Invalid(_TOO_MUCH) from error
            finally:
                if child.returncode is None:
                    child.kill()
                    await child.wait()
        if child.returncode == _TRACEBACK:  # our fault, and not the file's
            raise Unavailable("the content could not be looked into; the server's log says why")
        try:
            word = json.loads(said)
            if "wrong" not in word:
                return Finding.model_validate(word)
        except (ValueError, ValidationError) as error:  # it died before it could say anything
            raise Invalid(_TOO_MUCH) from error
        raise Invalid(word["wrong"])
