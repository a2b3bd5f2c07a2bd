"""Notices are written with the change that they tell of: one for each channel that asked, and for each
webhook that hears of all of the tenant's jobs.
"""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from sqlalchemy import bindparam, insert, literal, null, select, union_all

from prelo.adapters.store_sql.database import Transaction
from prelo.adapters.store_sql.faults import Collided
from prelo.adapters.store_sql.notice_tables import channel, notice, webhook
from prelo.adapters.store_sql.tables import JOB_COLUMNS, job, job_of
from prelo.core.channel import Channel, Kind
from prelo.core.job import Job
from prelo.core.notice import MAIL_HOST, Notice, told

# Of jobs by their ids, and of their tenants by name.
_WANTED = union_all(
    select(
        channel.c.job_id.label("of"), channel.c.kind, channel.c.target, webhook.c.host,
        null().label("events"),
    )
    .outerjoin(webhook, webhook.c.id == channel.c.target)
    .where(channel.c.job_id.in_(bindparam("of_jobs", expanding=True))),
    select(
        webhook.c.tenant, literal("webhook"), webhook.c.id, webhook.c.host, webhook.c.events,
    ).where(
        webhook.c.tenant.in_(bindparam("of_tenants", expanding=True)),
        webhook.c.jobs == "all",
        webhook.c.enabled.is_(True),
    ),
)  # fmt: skip
_INSERT = insert(notice).inline()
_INSERT_CHANNEL = insert(channel).inline()
# Whoever ends one of them waits until its new channels are there, and then sees them.
_LOCKED = (
    select(*JOB_COLUMNS)
    .where(job.c.id.in_(bindparam("ids", expanding=True)))
    .order_by(job.c.id)
    .with_for_update()
)
_CHANNELS = select(channel.c.job_id, channel.c.kind, channel.c.target).where(
    channel.c.job_id.in_(bindparam("ids", expanding=True))
)
_NOTICES = select(notice.c.id).where(notice.c.id.in_(bindparam("ids", expanding=True)))
_HOSTS = select(webhook.c.id, webhook.c.host).where(
    webhook.c.id.in_(bindparam("ids", expanding=True))
)


def tell(tx: Transaction, ended: Sequence[Job]) -> None:
    """The notices of jobs that have just ended: their ids, generations and events have none yet."""
    asked = {"of_jobs": [one.id for one in ended], "of_tenants": list({o.tenant for o in ended})}
    rows = tx.connection.execute(_WANTED, asked).all()
    if not rows:
        return
    fresh: list[Notice] = []
    for one in ended:
        found = {
            (row.kind, row.target): _host(row.kind, row.host) for row in rows if _wants(row, one)
        }
        fresh += [told(one, kind, target, host, tx.now) for (kind, target), host in found.items()]
    write(tx, fresh)


def _wants(row: Any, ended: Job) -> bool:
    """Whether a row of _WANTED asks to be told of this job."""
    if row.events is None:
        return row.of == ended.id
    return row.of == ended.tenant and ended.state.value in row.events.strip(",").split(",")


def write(tx: Transaction, fresh: Collection[Notice]) -> None:
    """Notices that are due now; upkeep is woken as for a doorbell."""
    if fresh:
        tx.connection.execute(_INSERT, [row_of(one) for one in fresh])
        tx.rang = True


def ask(tx: Transaction, wanted: Mapping[str, Collection[Channel]]) -> None:
    """Add channels to jobs, which are under way or have ended. Of one that has ended the notice is written at
    once, unless this channel has had it. Raises Collided when a job was deleted meanwhile.
    """
    ids = {"ids": sorted(wanted)}
    jobs = {row["id"]: job_of(row) for row in tx.connection.execute(_LOCKED, ids).mappings()}
    if len(jobs) < len(wanted):
        raise Collided("the job was deleted by somebody else at this moment; ask again", 1)
    known = {(row[0], row[1], row[2]) for row in tx.connection.execute(_CHANNELS, ids)}
    asked: set[tuple[str, Kind, str]] = {
        (id_, one.kind, one.target) for id_, channels in wanted.items() for one in channels
    }
    rows = [
        {"job_id": id_, "kind": kind, "target": target}
        for id_, kind, target in sorted(asked - known)
    ]
    if rows:
        tx.connection.execute(_INSERT_CHANNEL, rows)
    _tell_late(tx, [(jobs[id_], kind, target) for id_, kind, target in sorted(asked)])


def _tell_late(tx: Transaction, asked: Collection[tuple[Job, Kind, str]]) -> None:
    late = [one for one in asked if one[0].state.ended]
    if not late:
        return
    named = [target for _, kind, target in late if kind == "webhook"]
    hosts = {row.id: row.host for row in tx.connection.execute(_HOSTS, {"ids": named})}
    notices = [
        told(one, kind, target, _host(kind, hosts.get(target)), tx.now)
        for one, kind, target in late
    ]
    had = set(tx.connection.execute(_NOTICES, {"ids": [one.id for one in notices]}).scalars())
    write(tx, [one for one in notices if one.id not in had])


def _host(kind: Kind, host: str | None) -> str:
    """A webhook that is gone has none: its notice is told so when it is tried."""
    return MAIL_HOST if kind == "email" else host or ""


def row_of(this: Notice) -> dict[str, Any]:
    """A Notice as values of its row."""
    return {name: getattr(this, name) for name in Notice.model_fields}
