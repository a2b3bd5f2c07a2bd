"""What has to wait until the end of a file waits in a temporary one, not in memory."""

import contextlib
import tempfile
from collections.abc import Generator

from prelo.core.errors import FileLimit


class Spool:
    """Bytes on disk without a name: all are written, then read from the first on.

    `whose` need it is stands in errors. Raises FileLimit where the disk does not allow it, and is closed.
    """

    def __init__(self, whose: str) -> None:
        self._whose = whose
        self.size = 0
        with self._on_disk():
            self._file = tempfile.TemporaryFile()  # noqa: SIM115  closed by close()

    def write(self, data: bytes) -> None:
        with self._on_disk():
            self._file.write(data)
        self.size += len(data)

    def rewind(self) -> None:
        """From here on it is read."""
        with self._on_disk():
            self._file.seek(0)

    def read(self, most: int) -> bytes:
        with self._on_disk():
            return self._file.read(most)

    def close(self) -> None:
        # Closing flushes: on a full disk it fails once more, and closes all the same.
        with contextlib.suppress(OSError):
            self._file.close()

    @contextlib.contextmanager
    def _on_disk(self) -> Generator[None]:
        try:
            yield
        except OSError as error:
            if hasattr(self, "_file"):
                self.close()
            raise FileLimit(
                f"the temporary file that {self._whose} needs cannot be used: {error.strerror or error}; "
                "make room in the temporary folder, or set TMPDIR to another"
            ) from error
