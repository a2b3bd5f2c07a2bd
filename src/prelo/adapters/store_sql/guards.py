"""What is passed over by a claim, and what is not let in: caps, quarantine, room in the queue."""

import time
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import (
    ColumnElement,
    Text,
    bindparam,
    delete,
    func,
    insert,
    or_,
    select,
    type_coerce,
)

from prelo.adapters.store_sql import reading
from prelo.adapters.store_sql.database import Transaction
from prelo.adapters.store_sql.tables import job, loss
from prelo.core.errors import PreloError, Quarantined, TooManyJobs, Unavailable
from prelo.core.job import Job, State
from prelo.core.request import AD_HOC
from prelo.core.rules import QUARANTINE_MS, Quarantine, Rules

_LOCK = 7_239_842_107  # any number that is ours alone, and not the migrations'
_SURE = 0.9  # of a limit: below it others cannot have filled the rest within a second
_FRESH_SECONDS = 1.0  # how long a count, or a look for quarantines, is good for
_MOST_ROOMS = 10_000

_RUNNING = (
    select(job.c.tenant, job.c.sources, func.count())
    .where(job.c.state == State.RUNNING)
    .group_by(job.c.tenant, job.c.sources)
)
_QUEUED = (
    select(func.count())
    .select_from(job)
    .where(job.c.tenant == bindparam("of_tenant"), job.c.state == State.QUEUED)
)
_TOO_MANY = (
    select(loss.c.report, loss.c.version, loss.c.recent, loss.c.at)
    .where(loss.c.at > bindparam("since"), loss.c.recent > bindparam("most"))
    .order_by(loss.c.at)
)
_RECENT = select(func.count(loss.c.cause.distinct())).where(
    loss.c.report == bindparam("of_report"),
    loss.c.version == bindparam("of_version"),
    loss.c.at > bindparam("since"),
    loss.c.cause != bindparam("but"),
)
_NOTE = insert(loss).inline()


@dataclass
class Room:
    """Whether one more job may be queued. Counting takes longer the more there are, so it is done once a
    second, and near the limit for each.
    """

    count: int = 0
    until: float = 0.0

    def make(self, tx: Transaction, most: int, tenant: str | None, added: int) -> None:
        """Raises Unavailable behind `most` jobs that are queued and due, or running; of a tenant,
        TooManyJobs behind so many that are queued. `added` are to come with this transaction.
        """
        if self.count < most * _SURE and time.monotonic() < self.until:
            self.count += 1
            return
        count = added + (reading.depth(tx, None) if tenant is None else queued(tx, tenant))
        self.count, self.until = count + 1, time.monotonic() + _FRESH_SECONDS
        if count >= most:
            raise _full(most, tenant)


def queued(tx: Transaction, tenant: str) -> int:
    """How many of a tenant's jobs wait."""
    return tx.connection.execute(_QUEUED, {"of_tenant": tenant}).scalar_one()


def _full(most: int, tenant: str | None) -> PreloError:
    if tenant is None:
        return Unavailable(f"{most:,} jobs are waiting already; ask again later", 10)
    return TooManyJobs(
        f"{most:,} of your jobs are waiting already; ask again when some are done", 10
    )


class Guards:
    """The rules of a store, and what this process has last seen of what they depend on."""

    def __init__(self, rules: Rules) -> None:
        self._rules = rules
        self._room = Room()
        self._rooms: dict[str, Room] = {}
        self._quarantined: Sequence[Quarantine] = ()
        self._looked = 0.0

    def admit(
        self, tx: Transaction, draft: Job, max_queued: int | None, added: Sequence[Job]
    ) -> None:
        """Raises what keeps a new job out of the queue. `added`: those that come with this transaction."""
        for found in self._quarantines(tx):
            if (found.report, found.version) == (draft.report, draft.version):
                seconds = max(1.0, (found.until - tx.now) / 1000)
                raise Quarantined(
                    f"the report '{found.report}' version {found.version} crashed too often and rests; "
                    "ask again later, or for another version",
                    seconds,
                )
        most = self._rules.queued_per_tenant
        if most is not None:
            if len(self._rooms) > _MOST_ROOMS:
                self._rooms.clear()
            self._rooms.setdefault(draft.tenant, Room()).make(
                tx, most, draft.tenant, sum(job.tenant == draft.tenant for job in added)
            )
        if max_queued is not None:
            self._room.make(tx, max_queued, None, len(added))

    def passed_over(self, tx: Transaction, *, exact: bool = False) -> list[ColumnElement[bool]]:
        """Conditions of a job that may be claimed as far as others are concerned; mostly none.

        `exact`: no other claim counts until this transaction ends.
        """
        conditions: list[ColumnElement[bool]] = [
            or_(job.c.report != found.report, job.c.version != found.version)
            for found in self._quarantines(tx)
        ]
        if self._rules.caps:
            if exact and tx.connection.dialect.name == "postgresql":  # SQLite has one writer anyway
                tx.connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_LOCK})")
            conditions += self._capped(tx)
        return conditions

    def _capped(self, tx: Transaction) -> list[ColumnElement[bool]]:
        tenants: dict[str, int] = {}
        sources: dict[str, int] = {}
        for tenant, names, count in tx.connection.execute(_RUNNING):
            tenants[tenant] = tenants.get(tenant, 0) + count
            for name in names:
                sources[name] = sources.get(name, 0) + count
        most = self._rules.running_per_tenant
        full = sorted(name for name in tenants if most is not None and tenants[name] >= most)
        conditions: list[ColumnElement[bool]] = [job.c.tenant.not_in(full)] if full else []
        listed = func.coalesce(type_coerce(job.c.sources, Text), "")
        conditions += [
            ~listed.contains(f",{name},", autoescape=True)
            for name, cap in sorted(self._rules.running_per_source.items())
            if sources.get(name, 0) >= cap
        ]
        return conditions

    def _quarantines(self, tx: Transaction) -> Sequence[Quarantine]:
        """As of a second ago at most: no claim and no submit asks for them itself."""
        if time.monotonic() >= self._looked + _FRESH_SECONDS:
            self._looked = time.monotonic()
            self._quarantined = self.quarantines(tx)
        return self._quarantined

    def quarantines(self, tx: Transaction) -> Sequence[Quarantine]:
        """Those in force now."""
        told = {"since": tx.now - QUARANTINE_MS, "most": self._rules.losses}
        found = {
            (report, version): Quarantine(
                report=report, version=version, losses=recent, until=at + QUARANTINE_MS
            )
            for report, version, recent, at in tx.connection.execute(_TOO_MANY, told)
        }
        return list(found.values())  # of each the last loss

    def note(self, tx: Transaction, lost: Job, *, lapsed: bool) -> None:
        """Hold a loss against the job's report. Inline rows are one request's own, and no report."""
        if lost.report == AD_HOC:
            return
        # Of an owner the process: a machine that dies takes the jobs of all its slots along.
        process = (lost.owner or "").partition(".")[0]
        cause = process if lapsed and process else f"{lost.id}.{lost.fence}"
        same = {"of_report": lost.report, "of_version": lost.version}
        told = {**same, "since": tx.now - QUARANTINE_MS, "but": cause}
        recent = tx.connection.execute(_RECENT, told).scalar_one() + 1
        row = {"report": lost.report, "version": lost.version, "cause": cause}
        tx.connection.execute(_NOTE, {**row, "recent": recent, "at": tx.now})
        self._looked = 0.0

    def release(self, tx: Transaction, report: str, version: int | None) -> int:
        """Forget the losses of a report; how many."""
        of = [loss.c.report == report]
        if version is not None:
            of.append(loss.c.version == version)
        self._looked = 0.0
        return tx.connection.execute(delete(loss).where(*of)).rowcount
