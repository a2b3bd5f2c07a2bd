"""What a technology is asked, and what it promises."""

from collections.abc import Callable, Generator, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from typing import Any, Protocol
from urllib.parse import SplitResult, unquote

import pyarrow as pa

from prelo.core.errors import QueryFailed, SourceInvalid, TimeLimit
from prelo.core.report import Limits

BATCH_BYTES = 8 << 20  # what a batch may hold, about: memory is flat however many rows there are


@dataclass(frozen=True, slots=True)
class Question:
    """One query. `kinds`: the kinds that the report gives to columns. `types`: the declared types of the
    parameters, where they are known. `seconds`: how long the server may work on it.
    """

    sql: str
    parameters: Mapping[str, Any]
    kinds: Mapping[str, str] = field(default_factory=dict[str, str])
    types: Mapping[str, str] = field(default_factory=dict[str, str])
    seconds: float = Limits().seconds

    def value(self, name: str) -> Any:
        """The parameter that the query names. Raises QueryFailed with those that there are."""
        if name not in self.parameters:
            has = ", ".join(f":{known}" for known in self.parameters) or "none"
            raise QueryFailed(f"the query asks for ':{name}'; the report's parameters are: {has}")
        return self.parameters[name]


class Database(Protocol):
    """One connection of the configuration. Nothing of a question is left on it for the next one."""

    def rows(self, question: Question) -> AbstractContextManager[pa.RecordBatchReader]:
        """The rows in one snapshot, read as they come. Raises the Failures of core/errors.py."""
        ...

    def count(self, question: Question) -> int | None:
        """How many rows there will be, roughly; None where that is not known within a second."""
        ...

    def check(self, question: Question) -> None:
        """See that the query is understood, without running it; values of parameters do not matter."""
        ...


Change = Callable[[pa.Array], pa.Array]
"""What a column of a batch becomes. Raises pa.ArrowInvalid for a value that cannot."""


def changed(
    batches: Iterator[pa.RecordBatch], schema: pa.Schema, changes: Mapping[int, Change]
) -> Iterator[pa.RecordBatch]:
    """The batches with the columns of `schema`. Raises SourceInvalid with the column and the row."""
    rows = 0
    for batch in batches:
        arrays = list(batch.columns)
        for place, change in changes.items():
            try:
                arrays[place] = change(arrays[place])
            except pa.ArrowInvalid as error:
                raise SourceInvalid(
                    f"column '{schema.names[place]}', after row {rows}: {error}; cast it in the query"
                ) from error
        yield pa.RecordBatch.from_arrays(arrays, schema=schema)
        rows += batch.num_rows


@contextmanager
def ahead(
    batches: Iterator[pa.RecordBatch], stop: Callable[[], None]
) -> Generator[Iterator[pa.RecordBatch]]:
    """The batches, of which one is read on a thread while the one before is written. Whoever leaves has no
    reader behind them: on an error it is told to `stop`, and waited for.
    """
    with ThreadPoolExecutor(1, "ahead") as thread:

        def read() -> Iterator[pa.RecordBatch]:
            coming = thread.submit(next, batches, None)
            while (batch := coming.result()) is not None:
                coming = thread.submit(next, batches, None)
                yield batch

        try:
            yield read()
        except BaseException:
            stop()
            raise


@dataclass(frozen=True, slots=True)
class Server:
    """Where a database is. `text` is for messages: never with the password."""

    name: str
    url: SplitResult

    @property
    def text(self) -> str:
        place = self.url.netloc.rpartition("@")[2] or "localhost"
        return f"the database '{unquote(self.url.path.lstrip('/'))}' at {place}"

    def refused(self) -> SourceInvalid:
        """Asking again with the same password may lock the account: an attempt is enough."""
        return SourceInvalid(
            f"{self.text} refuses the user or the password of the connection '{self.name}'; check "
            f"PRELO_CONNECTION_{self.name.upper()}"
        )

    def missing(self) -> SourceInvalid:
        return SourceInvalid(
            f"{self.text}, of the connection '{self.name}', is not there; check "
            f"PRELO_CONNECTION_{self.name.upper()}"
        )

    def too_slow(self, seconds: float) -> TimeLimit:
        return TimeLimit(
            f"{self.text} worked on the query for more than {seconds:g} s, its limit; narrow the "
            "parameters, or raise limits.seconds"
        )
