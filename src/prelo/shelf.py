"""The ports of datasets: the part of the Store that keeps them on record, and who looks into their files."""

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

from prelo.core.dataset import Dataset, Finding, Form
from prelo.core.request import Caller


class Shelf(Protocol):
    """Datasets on record. See the port Store."""

    async def shelve(self, dataset: Dataset, life_ms: int) -> Dataset:
        """Put it on record for so long from now; the one of the same id that is there already lives on for
        at least as long, and is what comes back: with its own key.
        """
        ...

    async def dataset(
        self, dataset_id: str, caller: Caller, *, life_ms: int | None = None, expired: bool = False
    ) -> Dataset | None:
        """The caller's dataset, if it has not `expired`, or even then. With `life_ms` it lives on for so long
        at least.
        """
        ...

    async def datasets(
        self, caller: Caller, limit: int, before: tuple[int, str] | None = None
    ) -> Sequence[Dataset]:
        """Newest first, from the (created_at, id) `before` on."""
        ...

    async def outlived(self, limit: int) -> Sequence[Dataset]:
        """Those that have expired, and that no queued or running job needs."""
        ...

    async def unshelve(self, dataset: Dataset, *, outlived: bool = False) -> bool:
        """Forget it, and with `outlived` only if it has expired. False if a queued or running job needs it,
        or it is not there as it was.
        """
        ...


class Assay(Protocol):
    """Whoever looks into a file that came from outside."""

    async def look(self, path: Path, declared: Form | None, *, header: bool | None) -> Finding:
        """Read all of a local file in bounded memory: its form by its content, its columns and its rows.
        `header`: whether a CSV file has one; None: as it looks. Raises Invalid with the line, row or byte for
        content that is broken, none of the known forms, or not of the form that it was declared to be.
        """
        ...
