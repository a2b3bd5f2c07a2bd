"""A file that comes in: beside its place, checked, and only then under its name."""

import contextlib
import hashlib
import os
import secrets
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from prelo.core.errors import Damaged
from prelo.core.view import ArtifactView


class Incoming:
    """Bytes on their way into `file`, which must be empty and seekable."""

    def __init__(self, file: BinaryIO, artifact: ArtifactView) -> None:
        self._file = file
        self._artifact = artifact
        self.restart()

    def restart(self) -> None:
        """The body begins anew."""
        self._file.seek(0)
        self._file.truncate()
        self._digest = hashlib.sha256()
        self._size = 0

    def headers(self) -> dict[str, str]:
        """What asks for the rest only, if it is a rest of the same file (RFC 9110 section 13.1.5)."""
        if not self._size:
            return {}
        return {"Range": f"bytes={self._size}-", "If-Range": f'"{self._artifact.sha256}"'}

    def write(self, data: bytes) -> None:
        self._file.write(data)
        self._digest.update(data)
        self._size += len(data)

    def check(self, job_id: str) -> None:
        """Raises Damaged if it is not what the job made."""
        if self._digest.hexdigest() != self._artifact.sha256:
            raise Damaged(
                f"the file of job {job_id} arrived with {self._size} bytes of {self._artifact.size}, "
                "or changed on its way; fetch it again"
            )


@contextmanager
def beside(path: Path) -> Generator[BinaryIO]:
    """A new file beside `path` that takes its place when the block ends, and is gone if it raises."""
    part = path.with_name(f".{path.name}.{secrets.token_hex(4)}.part")
    try:
        with part.open("xb+") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
    finally:
        with contextlib.suppress(FileNotFoundError):
            part.unlink()
