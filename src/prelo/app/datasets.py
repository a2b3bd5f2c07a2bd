"""A caller brings rows along: uploaded, looked into, kept for a while, and reported on."""

import asyncio
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from prelo.core.dataset import FOLDER, Dataset, Finding, Form, dataset_id
from prelo.core.errors import Conflict, Invalid, NotFound
from prelo.core.request import Caller
from prelo.ports import Ports

DAY_MS = 86_400_000
_PIECE = 1 << 20
_USED_MS = DAY_MS  # whoever asks for a report on it has at least so long


@dataclass(frozen=True, slots=True)
class Upload:
    """A body that has come in whole: where it lies, and how it is to be read."""

    path: Path
    size: int
    sha256: str
    declared: Form | None = None
    header: bool | None = None


async def keep(upload: Upload, caller: Caller, ports: Ports, life_ms: int) -> tuple[Dataset, bool]:
    """The dataset of this content, and whether it is new. Raises Invalid for content that is not what it
    should be; then, and whatever else goes wrong, nothing of it is visible.
    """
    known_by = dataset_id(caller.tenant, caller.scope, upload.sha256, upload.header)
    known = await ports.store.dataset(known_by, caller, life_ms=life_ms)
    if known is not None:
        if upload.declared not in {None, known.finding.form}:
            raise Invalid(
                f"the body was declared to be {upload.declared}, and its content is {known.finding.form}"
            )
        return known, False
    finding = await ports.assay.look(upload.path, upload.declared, header=upload.header)
    dataset = _dataset(upload, known_by, caller, finding)
    await asyncio.to_thread(_store, upload.path, dataset.key, ports)
    # Should this raise, nobody knows whether it was committed: an orphan is swept after a day.
    kept = await ports.store.shelve(dataset, life_ms)
    if kept.key != dataset.key:  # somebody else was first, with the same
        await ports.files.delete([dataset.key])
        return kept, False
    ports.observer.event(
        "dataset.kept", dataset=kept.id, tenant=kept.tenant, size=kept.size, rows=finding.rows
    )
    return kept, True


def _dataset(upload: Upload, known_by: str, caller: Caller, finding: Finding) -> Dataset:
    folder = quote(caller.tenant, safe="").replace(".", "%2E")  # no tenant's name is a path
    return Dataset(
        id=known_by,
        tenant=caller.tenant,
        scope=caller.scope,
        sha256=upload.sha256,
        size=upload.size,
        key=f"{folder}/{FOLDER}/{known_by}-{secrets.token_hex(4)}.{finding.form}",
        finding=finding,
    )


def _store(path: Path, key: str, ports: Ports) -> None:
    with path.open("rb") as file, ports.files.create(key, "application/octet-stream") as sink:
        while piece := file.read(_PIECE):
            sink.write(piece)


async def find(dataset: str, caller: Caller, ports: Ports) -> Dataset:
    """The caller's dataset. Raises NotFound, also for another tenant's or scope's."""
    found = await ports.store.dataset(dataset, caller)
    if found is None:
        raise NotFound(f"there is no dataset {dataset}; it may have expired: upload it again")
    return found


async def use(dataset: str, caller: Caller, ports: Ports) -> Dataset:
    """As `find`, for a job that is about to be asked for: it does not expire before that is on record."""
    found = await ports.store.dataset(dataset, caller, life_ms=_USED_MS)
    if found is None:
        raise NotFound(f"there is no dataset {dataset}; it may have expired: upload it again")
    return found


async def listing(
    caller: Caller, ports: Ports, limit: int, before: tuple[int, str] | None
) -> Sequence[Dataset]:
    """The caller's datasets, newest first."""
    return await ports.store.datasets(caller, limit, before)


async def forget(dataset: str, caller: Caller, ports: Ports) -> None:
    """Delete it. Raises Conflict while a job that is not done needs it."""
    found = await find(dataset, caller, ports)
    if not await ports.store.unshelve(found):
        raise Conflict("a queued or running job needs the dataset; cancel it, or wait for its end")
    await ports.files.delete([found.key])
    ports.observer.event("dataset.forgotten", dataset=found.id, tenant=found.tenant)


async def sweep(ports: Ports, limit: int) -> int:
    """Forget what has expired and is needed no more: the row first, the file after its commit."""
    found = await ports.store.outlived(limit)
    gone = [one for one in found if await ports.store.unshelve(one, outlived=True)]
    await ports.files.delete([one.key for one in gone])
    if gone:
        ports.observer.event("datasets.swept", count=len(gone))
    return len(gone)
