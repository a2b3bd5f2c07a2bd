"""Notices are written with the change that they tell of: one for each channel that asked, and for each
webhook that hears of all of the tenant's jobs.
"""

from collections.abc import Collection, Mapping
from typing import Any

from sqlalchemy import bindparam, insert, literal, null, select, union_all

from prelo.adapters.store_sql.database import Transaction
from prelo.adapters.store_sql.faults import Collided
from prelo.adapters.store_sql.notice_tables import channel, notice, webhook
from prelo.adapters.store_sql.tables import JOB_COLUMNS, job, job_of
from prelo.core.channel import Channel, Kind
from prelo.core.job import Job
from prelo.core.notice import MAIL_HOST, Notice, told

_WANTED = union_all(
    select(channel.c.kind, channel.c.target, webhook.c.host, null().label("events"))
    .outerjoin(webhook, webhook.c.id == channel.c.target)
    .where(channel.c.job_id == bindparam("of_job")),
    select(literal("webhook"), webhook.c.id, webhook.c.host, webhook.c.events).where(
        webhook.c.tenant == bindparam("of_tenant"),
        webhook.c.jobs == "all",
        webhook.c.enabled.is_(True),
    ),
)
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

Wanted = tuple[Kind, str]


def tell(tx: Transaction, ended: Job) -> None:
    """The notices of a job that has just ended: its id, generation and event have none yet."""
    found: dict[Wanted, str] = {}
    rows = tx.connection.execute(_WANTED, {"of_job": ended.id, "of_tenant": ended.tenant})
    for kind, target, host, events in rows:
        if events is None or ended.state.value in events.strip(",").split(","):
            found[kind, target] = _host(kind, host)
    write(tx, [told(ended, kind, target, host, tx.now) for (kind, target), host in found.items()])


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
