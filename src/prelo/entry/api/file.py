"""The file of a job: a link where storage signs links, else streamed, whole or in one range."""

import base64
import re
from collections.abc import AsyncIterator
from contextlib import aclosing
from uuid import UUID

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse, RedirectResponse, StreamingResponse

from prelo.app import intake
from prelo.core.disposition import disposition
from prelo.core.errors import Conflict, Gone, NotFound
from prelo.core.job import Artifact
from prelo.entry.api.openapi import IF_NONE_MATCH, describe, get, header
from prelo.entry.api.problems import RangeUnsatisfiable
from prelo.entry.api.reading import Here, Who, knows
from prelo.ports import Files

router = APIRouter(prefix="/v1/jobs", tags=["jobs"])
_LINK_SECONDS = 300
_FILES = (
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet application/pdf text/csv "
    "application/zip"
)
_PARTS = [
    header("Range", "RFC 9110; one range of bytes, from the end too.", "bytes=0-99"),
    header(
        "If-Range", "The `ETag` that the range is of; the whole file if it is another.", '"5f7c"'
    ),
    IF_NONE_MATCH,
]
_RANGE = re.compile(r"bytes=(\d*)-(\d*)", re.IGNORECASE)


@get(
    router,
    "/{job_id:uuid}/file",
    **describe(
        "Download the file",
        (f"200:{_FILES}", f"206:{_FILES}", "304", "307"),
        (404, 409, 410, 416, 503),
    ),
    openapi_extra={"parameters": _PARTS},
)
async def download(job_id: UUID, request: Request, here: Here, who: Who) -> Response:
    """The finished file. `ETag` and `Repr-Digest` are its SHA-256; one `Range` is served, from the end too.

    409 while there is no file, 410 when there was one.
    """
    job = await intake.find(str(job_id), who, here.ports)
    file = intake.artifact(job)
    headers = _headers(file)
    if knows(request, headers["ETag"]):
        return Response(status_code=304, headers=headers)
    link = await here.ports.files.link(file.key, file.name, _LINK_SECONDS)
    if link is not None or request.method != "HEAD":  # a link is all that a download needs
        here.note(who, "download", job, range=request.headers.get("range", "")[:50])
    if link is not None:
        return RedirectResponse(link, 307, headers={"Cache-Control": "no-store"})
    start, end = 0, file.size
    chosen = _range(request, file, headers["ETag"])
    if chosen is not None:
        start, end = chosen
        headers["Content-Range"] = f"bytes {start}-{end - 1}/{file.size}"
    headers["Content-Length"] = str(end - start)
    status = 200 if chosen is None else 206
    if request.method == "HEAD":
        return Response(None, status, headers, file.media_type)
    body = await _begun(here.ports.files, file, start, end)
    return StreamingResponse(body, status, headers, file.media_type)


@get(
    router,
    "/{job_id:uuid}/manifest",
    **describe("What the file holds", ("200:Manifest", "304"), (404, 409, 503)),
    openapi_extra={"parameters": [IF_NONE_MATCH]},
)
async def manifest(job_id: UUID, request: Request, here: Here, who: Who) -> Response:
    """Rows by sheet, complete or why not, data as of, and the SHA-256 of the file as `ETag`.

    It outlives the file: an expired job still has its manifest.
    """
    job = await intake.find(str(job_id), who, here.ports)
    if job.manifest is None or job.artifact is None:
        raise Conflict(f"the job is {job.state}: there is no file to describe")
    tag = f'"{job.artifact.sha256}.manifest"'
    headers = {"ETag": tag, "Cache-Control": "private, no-cache"}
    if knows(request, tag):
        return Response(status_code=304, headers=headers)
    body = job.manifest.model_dump(mode="json") | {"checksum": f"sha256:{job.artifact.sha256}"}
    return JSONResponse(body, headers=headers)


def _headers(file: Artifact) -> dict[str, str]:
    digest = base64.b64encode(bytes.fromhex(file.sha256)).decode()
    return {
        "ETag": f'"{file.sha256}"',
        "Repr-Digest": f"sha-256=:{digest}:",
        "Accept-Ranges": "bytes",
        "Content-Disposition": disposition(file.name),
        "Cache-Control": "private, no-store",
        "X-Content-Type-Options": "nosniff",
    }


def _range(request: Request, file: Artifact, etag: str) -> tuple[int, int] | None:
    """The bytes that are asked for, from start to before end; None for all of them.

    RFC 9110 section 14: what is no range of bytes is ignored, and we ignore more than one, too. An
    If-Range that is not the file's tag (a date, a weak tag) asks for the whole file.
    """
    match = _RANGE.fullmatch(request.headers.get("range", "").replace(" ", ""))
    if match is None or request.headers.get("if-range", etag) != etag:
        return None
    first, last = match[1][:18], match[2][:18]
    if first:
        start, end = int(first), min(int(last) + 1, file.size) if last else file.size
        if last and int(last) < int(first):
            return None
    elif last:
        start, end = max(file.size - int(last), 0), file.size
    else:
        return None
    if start >= end:
        raise RangeUnsatisfiable(file.size)
    return start, end


async def _begun(files: Files, file: Artifact, start: int, end: int) -> AsyncIterator[bytes]:
    """The stream with its first piece already read: a file that is not there is still a clean answer."""
    pieces = files.read(file.key, start, end)
    try:
        first = await anext(pieces, b"") if end > start else b""
    except NotFound as error:
        raise Gone(
            "the file is not in storage any more; refresh the job to make it anew"
        ) from error
    return _joined(first, pieces)


async def _joined(first: bytes, rest: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    async with aclosing(rest):  # pyright: ignore[reportArgumentType]  an async generator
        yield first
        async for piece in rest:
            yield piece
