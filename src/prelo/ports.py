"""What the use cases call. Each Protocol is a promise; one contract suite runs over all its adapters.

Every method may raise errors of core/errors.py; a port that cannot be reached raises Unavailable
(StorageUnavailable and SourceUnavailable inside an attempt). Vendor exceptions never pass.
"""

from collections.abc import AsyncIterator, Callable, Collection, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, AbstractContextManager
from dataclasses import dataclass
from typing import Any, Literal, Protocol

from prelo.chronicle import Chronicle
from prelo.core.channel import Channel, Kind
from prelo.core.job import Artifact, Job, Progress
from prelo.core.model import Model
from prelo.core.records import (
    Act,
    Beat,
    Bell,
    Change,
    DeadFilter,
    IdempotencyKey,
    JobFilter,
    Obituary,
    Submitted,
    Tally,
)
from prelo.core.report import Catalog, Lane, Limits, Report
from prelo.core.request import Order
from prelo.core.rules import Quarantine
from prelo.core.table import Layout, Manifest
from prelo.couriers import Courier, Notices, Vault
from prelo.keyring import Issuer, Keyring
from prelo.outlook import Outlook
from prelo.shelf import Assay, Shelf
from prelo.timetable import Timetable

LANES: tuple[Lane, ...] = ("small", "large", "isolation")
Duty = Literal["lapsed", "overdue", "outlived", "unrung"]


class Store(Chronicle, Keyring, Outlook, Shelf, Timetable, Protocol):
    """The truth. Every change is one transaction, guarded by the state it starts from.
    A method that answers None or False found the row changed by somebody else: an answer, not an error.
    Unavailable is raised when the outcome of a commit is unknown, too: repeating is always safe.
    """

    async def migrate(self) -> None:
        """Create or upgrade the schema. Raises Misconfigured when it is newer than this program."""
        ...

    async def check(self) -> None:
        """Answer within a second, or raise Unavailable; Misconfigured for a schema of another version."""
        ...

    async def close(self) -> None: ...

    async def submit(
        self,
        draft: Job,
        *,
        max_age_ms: int | None = None,
        key: IdempotencyKey | None = None,
        max_queued: int | None = None,
        channels: Sequence[Channel] = (),
    ) -> Submitted:
        """Insert the draft or join the job of the same fingerprint (core.job.joining), atomically with
        its doorbell, its idempotency row, its fair_key and `channels`, which join those it has; of a job that
        has ended they get their notice at once. A draft's `deadline_at` is a duration in ms here: the store's
        clock makes it a time. Raises KeyReused when the key's digest differs; to queue, Unavailable behind
        `max_queued` others, TooManyJobs behind as many as the tenant may have, and Quarantined.
        """
        ...

    async def get(
        self, job_id: str, tenant: str | None = None, *, with_order: bool = False
    ) -> Job | None:
        """The job, by default without its order; None if there is none, or it is another tenant's."""
        ...

    async def list(self, chosen: JobFilter) -> Sequence[Job]:
        """At most `limit` jobs without their orders, newest first."""
        ...

    async def dead(
        self, chosen: DeadFilter, limit: int, *, before: tuple[int, str] | None = None
    ) -> Sequence[Job]:
        """At most `limit`, without orders: the last that ended first, from (finished_at, id) `before` on."""
        ...

    async def tally(self, chosen: DeadFilter) -> Sequence[Tally]:
        """How many there are by report and error, the most first."""
        ...

    async def claim(
        self, lanes: Collection[Lane], owner: str, lease_ms: int, *, again: bool = False
    ) -> Job | None:
        """Take the next due job (priority, then fair_key) with its order, or None. No job is handed to two
        claims, but `again` begins with what its owner holds: the last claim's answer may have been lost.
        Passed over are reports in quarantine, and tenants and sources of which as much runs as rules allow.
        """
        ...

    async def beat(self, job: Job, lease_ms: int, progress: Progress) -> Beat | None:
        """Extend the lease of a running job and note its progress, if owner and fence still hold."""
        ...

    async def move(
        self,
        job: Job,
        change: Callable[[Job, int], Job],
        *,
        lapsed: bool = False,
        act: Act | None = None,
    ) -> Job | None:
        """Apply a transition of core.job to the row if it still is as `job` says: state, generation,
        fence and owner (and not cancelled, for a success; and past its lease, with `lapsed`).

        Atomic with its line in the transition log, its doorbell when it becomes queued, its obituary when it
        becomes dead, notices when it ends, the count of its report's losses, and with `act` an audit entry.
        `change` gets the job and the store's time in ms. None: somebody else was first, nothing was written.
        """
        ...

    async def request_cancel(self, job: Job, act: Act | None = None) -> bool:
        """Ask a running job's owner to stop. False if it is not running any more. `act` as in `move`."""
        ...

    async def forget(self, job: Job, act: Act | None = None) -> bool:
        """Delete an ended job's row; its transitions stay. False if it has changed since. Atomic with the
        entry that `act` makes in the audit.
        """
        ...

    async def due(self, duty: Duty, limit: int) -> Sequence[Job]:
        """Jobs of which the clock wants something, without orders. lapsed: running past their lease ·
        overdue: queued past deadline · outlived: succeeded past retention · unrung: due for 60 s and no bell.
        """
        ...

    async def bells(self, limit: int) -> Sequence[Bell]:
        """Doorbells that are due and not rung, oldest first, read by state and never by id."""
        ...

    async def obituaries(self, limit: int) -> Sequence[Obituary]:
        """Obituaries that were not handed over, oldest first; `rung` marks them, too."""
        ...

    async def rung(self, numbers: Collection[int]) -> None:
        """These were handed to the broker. Ringing twice is harmless; forgetting to ring is not."""
        ...

    async def ring_again(self, jobs: Collection[Job]) -> None:
        """A new doorbell for each of these jobs that is still queued."""
        ...

    async def stirred(self, seconds: float) -> None:
        """Return as soon as this process made a doorbell due, or after `seconds`: only saves a look."""
        ...

    async def unreferenced(self, keys: Collection[str]) -> Collection[str]:
        """Those of these artifact keys that no job refers to."""
        ...

    async def depth(self, lane: Lane | None = None) -> int:
        """How many jobs are queued and due, or running: what there is to do."""
        ...

    async def transitions(self, job_id: str) -> Sequence[Change]:
        """The job's transition log, oldest first; it outlives the job."""
        ...

    async def quarantines(self) -> Sequence[Quarantine]:
        """The reports that crashed too often, while they rest."""
        ...

    async def release(self, report: str, version: int | None = None) -> bool:
        """Forget the losses of a report, of all versions if none is named. False if there were none."""
        ...

    async def health(self) -> Mapping[str, int]:
        """The invariants of protocol.md as numbers; anything but 0 is an alert. Keys: running_past_lease,
        queued_not_rung_60s, succeeded_without_artifact, outbox_oldest_seconds, reports_quarantined.
        """
        ...


class Broker(Protocol):
    """Doorbells. It may lose, repeat, delay and reorder them; it never holds state."""

    async def check(self) -> None: ...
    async def close(self) -> None: ...

    async def ring(self, bell: Bell) -> None:
        """Hand over a doorbell, confirmed. Raises Unavailable if it was not confirmed."""
        ...

    async def bury(self, obituary: Obituary) -> None:
        """Put it into the queue of dead letters, confirmed; a broker that has none does nothing. Raises
        Unavailable if it was not confirmed.
        """
        ...

    async def take(self, lanes: Collection[Lane], seconds: float) -> Bell | None:
        """The next doorbell of these lanes, waiting at most `seconds`."""
        ...

    async def ack(self, bell: Bell) -> None:
        """Done with it: called right after the claim, whatever the claim found."""
        ...

    async def depth(self, lane: Lane) -> int:
        """Doorbells waiting; a hint for people, never for decisions."""
        ...


class Stored(Model):
    """A file in storage: its size in bytes and when it was last written, in ms since 1970."""

    key: str
    size: int
    modified_at: int


class Sink(Protocol):
    """Where a writer writes: bytes in order, no seeking."""

    def write(self, data: bytes | bytearray | memoryview, /) -> object: ...


class Files(Protocol):
    """Object storage. A key is written once, whole or not at all."""

    async def check(self) -> None: ...

    def create(self, key: str, media_type: str) -> AbstractContextManager[Sink]:
        """A blocking sink, for the press. The file appears when the block ends, and not if it raises.
        Raises StorageUnavailable, or FileLimit when the disk or the limit is full.
        """
        ...

    async def stat(self, key: str) -> Stored | None: ...

    def read(self, key: str, start: int = 0, end: int | None = None) -> AsyncIterator[bytes]:
        """The bytes from `start` to before `end`, in pieces of about 1 MiB. Raises NotFound."""
        ...

    async def delete(self, keys: Sequence[str]) -> None:
        """Delete what is there of these; what is not there is no error."""
        ...

    def list(self, older_than_ms: int) -> AsyncIterator[Stored]:
        """Every file last written before that time."""
        ...

    async def discard(self, prefix: str) -> None:
        """Remove unfinished uploads whose key starts with `prefix`; "" removes all older than a day."""
        ...

    async def link(self, key: str, name: str, seconds: int) -> str | None:
        """A signed address for a download under `name`; None where storage has no addresses."""
        ...


class Watch(Protocol):
    """A listener's place at a topic; what is said while it is open is not missed."""

    async def wait(self, seconds: float) -> str | None:
        """The next message, or None after `seconds`."""
        ...


class Cache(Protocol):
    """Fast and forgetful: never needed to be right. Nothing but `check` raises, or waits for long."""

    shared: bool  # whether every process of the house sees what is kept

    async def check(self) -> None: ...
    async def close(self) -> None: ...
    async def publish(self, topic: str, message: str) -> None: ...  # to whoever listens now
    def listen(self, topic: str, only: str | None = None) -> AbstractAsyncContextManager[Watch]: ...

    async def keep(self, name: str, text: str, seconds: float, *, over: bool = False) -> None:
        """Keep it at most so long. What is kept by this name already stays as it is, unless `over`."""
        ...

    async def recall(self, name: str) -> str | None:
        """What is kept by this name; None for nothing, and when nobody can say."""
        ...

    async def count(self, name: str, seconds: float, times: int = 1) -> int | None:
        """How often it was counted, with these, since the first within `seconds`; None: who knows."""
        ...


class Source(Protocol):
    """A technology that rows come from; blocking, used in the press only."""

    def open(self, report: Report, parameters: Mapping[str, Any]) -> AbstractContextManager[object]:
        """The rows of a report as tabular data that formats.stream.open_stream reads, in one consistent
        snapshot. `parameters` are typed (dates are dates). Nothing unbounded is held in memory.
        """
        ...

    def count(self, report: Report, parameters: Mapping[str, Any]) -> int | None:
        """How many rows `open` will bring, roughly, where a second is enough to know it. Never raises."""
        ...

    def check(self, report: Report) -> None:
        """See whether the source can be reached and understands the report; raises as `open` does."""
        ...


class Writer(Protocol):
    """A format. Blocking, used in the press and by the public door."""

    @property
    def many(self) -> bool:
        """Whether it takes a dict of tables by the names of their sheets, the report's own under ''."""
        ...

    def media_type(self, layout: Layout) -> str:
        """Of the file that this layout makes."""
        ...

    def write(
        self, data: object, out: Sink, layout: Layout, progress: Callable[[int, int], None]
    ) -> Manifest:
        """Stream `data` into `out`; `progress(rows, pages)` after each frame. See formats.stream."""
        ...


class Task(Model):
    """What a press is told to do: one attempt, complete in itself."""

    job_id: str
    order: Order
    report: Report
    limits: Limits
    key: str
    name: str


class Pressed(Model):
    """What a press made."""

    artifact: Artifact
    manifest: Manifest


class Press(Protocol):
    """A child process that renders one task at a time."""

    async def render(self, task: Task, heard: Callable[[Progress], None]) -> Pressed:
        """Run the task. Raises the Failure that ended it; PressLost when the child died of itself. A cancel
        kills the child. The press stays usable: a new child starts when it is needed.
        """
        ...

    async def close(self) -> None: ...


class Presses(Protocol):
    """Where presses come from: warm, with everything loaded that they need."""

    async def start(self) -> Press: ...


class Observer(Protocol):
    """Events with fixed names and fields; see docs/operate.md. Never raises, never waits."""

    def event(self, name: str, job: Job | None = None, **fields: object) -> None: ...


@dataclass(frozen=True, slots=True)
class Kit:
    """What a press works with, by technology and by format."""

    files: Files
    sources: Mapping[str, Source]
    writer: Callable[[str], Writer]


@dataclass(frozen=True, slots=True)
class Ports:
    """Everything the use cases need, chosen once by wiring.opened()."""

    store: Store
    broker: Broker
    files: Files
    cache: Cache
    presses: Presses
    assay: Assay
    observer: Observer
    catalog: Catalog
    notices: Notices
    couriers: Mapping[Kind, Courier]
    vault: Vault
    issuer: Issuer | None = None
