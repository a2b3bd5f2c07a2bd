"""The routes of datasets: upload, look, list, forget."""

import asyncio
import hashlib
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, BinaryIO

from fastapi import APIRouter, Query, Request, Response
from pydantic import Field
from starlette.requests import ClientDisconnect

from prelo.app import datasets
from prelo.app.datasets import DAY_MS, Upload
from prelo.core.dataset import Dataset, Form
from prelo.core.errors import TooLarge
from prelo.core.model import Model
from prelo.core.request import Caller
from prelo.core.view import DatasetPage, DatasetView, View
from prelo.entry.api.openapi import describe, get
from prelo.entry.api.paging import cut, link, place_of, placed
from prelo.entry.api.problems import HttpRefused, WrongMediaType
from prelo.entry.api.reading import Here, House, Who
from prelo.entry.api.views import moment

router = APIRouter(prefix="/v1/datasets", tags=["datasets"])
_TYPES: dict[str, Form | None] = {
    "": None,
    "application/octet-stream": None,
    "text/csv": "csv",
    "text/tab-separated-values": "csv",
    "application/vnd.apache.parquet": "parquet",
    "application/x-parquet": "parquet",
    "application/vnd.apache.arrow.file": "arrow",
    "application/vnd.apache.arrow.stream": "arrow",
    "application/x-ndjson": "jsonl",
    "application/jsonl": "jsonl",
    "application/x-jsonlines": "jsonl",
}
_PIECE = 1 << 20
_BODY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {
            name: {"schema": {"type": "string", "format": "binary"}} for name in _TYPES if name
        },
    }
}


class Cut(HttpRefused):
    type = "body-cut"
    title = "The body did not come to its end"


@router.post(
    "",
    status_code=201,
    openapi_extra=_BODY,
    **describe("Upload rows", ("200:DatasetView", "201:DatasetView"), (413, 415, 422, 503)),
)
async def upload(
    request: Request, here: Here, who: Who, header: Annotated[bool | None, Query()] = None
) -> Response:
    """Parquet, Arrow (file or stream), JSON lines or CSV, to report on by `{"dataset": "ds_…"}`.

    All of it is read before it is kept. Of CSV the encoding, the delimiter, the quotes and whether there is a
    header are found out; `header=true` or `false` says the last. 200: the same was uploaded before, and is
    kept longer.
    """
    declared = _declared(request)
    with tempfile.TemporaryDirectory(prefix="prelo-") as folder:
        path = Path(folder) / "body"
        size, sha256 = await _received(request, path, here.config.max_dataset)
        body = Upload(path, size, sha256, declared, header)
        life_ms = int(here.config.dataset_days * DAY_MS)
        kept, fresh = await datasets.keep(body, who, here.ports, life_ms)
    view = dataset_view(kept)
    return _shown(view, 201 if fresh else 200, {"Location": view.links["self"]})


def _declared(request: Request) -> Form | None:
    given = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if given not in _TYPES:
        known = ", ".join(name for name in _TYPES if name)
        raise WrongMediaType(f"a dataset cannot be {given}; use one of {known}")
    if request.headers.get("content-encoding", "identity").lower() != "identity":
        raise WrongMediaType("the body must not be compressed; Parquet is, in itself")
    return _TYPES[given]


async def _received(request: Request, path: Path, limit: int) -> tuple[int, str]:
    """Bring the body into a file, and never more than a piece of it into memory; its size and SHA-256."""
    promised = request.headers.get("content-length", "")
    if promised.isdecimal() and int(promised) > limit:
        raise TooLarge(f"the body has {promised} bytes; at most {limit} are taken")
    size, digest, piece = 0, hashlib.sha256(), bytearray()
    with path.open("wb") as file:
        try:
            async for chunk in request.stream():
                size += len(chunk)
                if size > limit:
                    raise TooLarge(
                        f"the body has more than {limit} bytes, which is the most that is taken"
                    )
                piece += chunk
                if len(piece) >= _PIECE:
                    await asyncio.to_thread(_write, file, digest, bytes(piece))
                    piece.clear()
        except ClientDisconnect as error:
            raise Cut("the body was cut; nothing of it is kept") from error
        await asyncio.to_thread(_write, file, digest, bytes(piece))
    return size, digest.hexdigest()


def _write(file: BinaryIO, digest: Any, data: bytes) -> None:
    file.write(data)
    digest.update(data)


@get(router, "/{dataset}", **describe("Look at a dataset", ("200:DatasetView",), (404, 503)))
async def show(dataset: str, here: Here, who: Who) -> Response:
    """What is in it, and when it expires."""
    return _shown(dataset_view(await datasets.find(dataset, who, here.ports)))


class Listing(Model):
    """The query of a listing. Pages are reached by the `cursor` of the page before."""

    cursor: str | None = None
    limit: Annotated[int, Field(ge=1, le=200)] = 50


@get(router, "", **describe("List datasets", ("200:DatasetPage",), (422, 503)))
async def listing(query: Annotated[Listing, Query()], here: Here, who: Who) -> Response:
    """Newest first."""
    rows, cursor = await page_of(query, here, who)
    page = DatasetPage(datasets=tuple(map(dataset_view, rows)), next=cursor)
    return link(_shown(page), "/v1/datasets", query, cursor)


async def page_of(query: Listing, here: House, who: Caller) -> tuple[Sequence[Dataset], str | None]:
    """The datasets of a page, and the cursor of the next one if there is one."""
    before = place_of(query.cursor)
    return cut(
        await datasets.listing(who, here.ports, query.limit + 1, before), query.limit, placed
    )


@router.delete(
    "/{dataset}", status_code=204, **describe("Forget a dataset", ("204",), (404, 409, 503))
)
async def forget(dataset: str, here: Here, who: Who) -> Response:
    """Delete it. 409 while a queued or running job needs it."""
    await datasets.forget(dataset, who, here.ports)
    return Response(status_code=204)


def dataset_view(dataset: Dataset) -> DatasetView:
    found = dataset.finding
    return DatasetView(
        id=dataset.id,
        form=found.form,
        size=dataset.size,
        sha256=dataset.sha256,
        rows=found.rows,
        columns=found.columns,
        dialect=found.dialect,
        created_at=moment(dataset.created_at),
        expires_at=moment(dataset.expires_at),
        links={"self": f"/v1/datasets/{dataset.id}"},
    )


def _shown(view: View, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    return Response(view.model_dump_json().encode(), status, headers, media_type="application/json")
