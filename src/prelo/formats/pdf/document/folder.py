"""The one place that a document may read from: the folder its template stands in."""

from pathlib import Path, PurePosixPath

from prelo.core.errors import FormatFailed

MOST_BYTES = 64 << 20
"""Of one file."""


class Folder:
    """Files are named from the folder down, with '/'. Hidden ones (as .env) are not there."""

    def __init__(self, path: str) -> None:
        self._root = Path(path).resolve()

    def find(self, name: str) -> Path | None:
        """The file, links followed; None if there is none. Raises FormatFailed for one outside the folder."""
        parts = PurePosixPath(name).parts
        hidden = any(part.startswith(".") for part in parts)
        if not parts or hidden or "/" in parts or "\\" in name or "\0" in name:
            raise _refused(name)
        try:
            path = (self._root / name).resolve()
            inside, there = path.is_relative_to(self._root), path.is_file()
        except (OSError, RuntimeError):  # a name that is too long, links in a circle
            return None
        if not inside:
            raise _refused(name)
        return path if there else None

    def read(self, name: str) -> bytes:
        """The file's content. Raises FormatFailed also for a file that is missing or cannot be read."""
        path = self.find(name)
        if path is None:
            raise FormatFailed(f"the document's folder has no file '{name}'; add it there")
        try:
            if path.stat().st_size > MOST_BYTES:
                raise FormatFailed(f"the document's file '{name}' is larger than 64 MB")
            return path.read_bytes()
        except OSError as error:
            raise FormatFailed(
                f"the document's file '{name}' cannot be read: {error.strerror or error}"
            ) from error


def _refused(name: str) -> FormatFailed:
    return FormatFailed(
        f"'{name}' is not in the document's folder, the only place that a document may read from; "
        "put the file there"
    )
