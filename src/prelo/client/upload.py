"""Rows on their way to the server: a file is read as it is sent, and again if it has to be repeated."""

from collections.abc import Iterator
from pathlib import Path

from prelo.client.steps import Call, Steps, ask
from prelo.core.errors import NotFound
from prelo.core.view import DatasetView

_PIECE = 1 << 18
_TYPES = {
    ".csv": "text/csv", ".tsv": "text/tab-separated-values", ".jsonl": "application/x-ndjson",
    ".ndjson": "application/x-ndjson", ".parquet": "application/vnd.apache.parquet",
    ".arrow": "application/vnd.apache.arrow.file", ".feather": "application/vnd.apache.arrow.file",
}  # fmt: skip


class Outgoing:
    """A file as the body of a request."""

    def __init__(self, path: Path) -> None:
        self._path = path
        try:
            self.size = path.stat().st_size
            path.open("rb").close()
        except OSError as error:
            raise NotFound(f"cannot read {path}: {error.strerror or error}") from error

    def __iter__(self) -> Iterator[bytes]:
        with self._path.open("rb") as file:
            while piece := file.read(_PIECE):
                yield piece


def uploading(path: str | Path, header: bool | None) -> Steps[DatasetView]:  # noqa: FBT001  as the server's
    """Repeating is safe: the same content is the same dataset."""
    outgoing = Outgoing(Path(path))
    headers = {
        "Content-Type": _TYPES.get(Path(path).suffix.lower(), "application/octet-stream"),
        "Content-Length": str(outgoing.size),
    }
    params = {} if header is None else {"header": str(header).lower()}
    call = Call("POST", "/v1/datasets", outgoing, params, headers, wait=300)
    return DatasetView.model_validate_json((yield from ask(call)).content)
