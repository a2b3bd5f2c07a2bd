"""A Dataset: rows that a caller uploaded, to report on. Known by its content."""

import hashlib
from typing import Literal

from prelo.core.model import Model

Form = Literal["parquet", "arrow", "jsonl", "csv"]
PREFIX = "ds_"
FOLDER = "datasets"


class DatasetColumn(Model):
    """`type` is Arrow's name of it; of CSV and JSON the one that holds every value of the column."""

    name: str
    type: str


class Dialect(Model):
    """How a CSV file is written."""

    encoding: str
    delimiter: str
    quote: str
    header: bool


class Finding(Model):
    """What is in a file."""

    form: Form
    columns: tuple[DatasetColumn, ...]
    rows: int
    dialect: Dialect | None = None


class DatasetSpec(Model):
    """What a source has to know. `key` is where the file lies; it is looked up for each attempt, as a dataset
    that was uploaded again lies elsewhere.
    """

    id: str
    sha256: str
    finding: Finding
    key: str = ""


class Dataset(Model):
    """The row. `size` in bytes; times are ms since 1970 by the store's clock."""

    id: str
    tenant: str
    scope: str
    sha256: str
    size: int
    key: str
    finding: Finding
    created_at: int = 0
    expires_at: int = 0

    @property
    def spec(self) -> DatasetSpec:
        return DatasetSpec(id=self.id, sha256=self.sha256, finding=self.finding)


def dataset_id(tenant: str, scope: str, sha256: str, header: bool | None) -> str:  # noqa: FBT001  a fact
    """The same for the same content of the same caller, read in the same way."""
    text = f"{tenant}\0{scope}\0{sha256}\0{header}"
    return PREFIX + hashlib.sha256(text.encode()).hexdigest()[:32]


def source_name(dataset: str) -> str:
    """What a job's sources call it."""
    return f"dataset:{dataset}"
