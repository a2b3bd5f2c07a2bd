"""The rows of webhooks."""

from collections.abc import Callable, Sequence

from sqlalchemy import delete, func, insert, select, update

from prelo.adapters.store_sql.database import Transaction
from prelo.adapters.store_sql.notice_tables import notice, webhook
from prelo.core.notice import NoticeState
from prelo.core.webhook import Webhook


def add(tx: Transaction, fresh: Webhook, most: int) -> Webhook | None:
    """None if the tenant has `most` already."""
    mine = select(func.count()).select_from(webhook).where(webhook.c.tenant == fresh.tenant)
    if tx.connection.execute(mine).scalar_one() >= most:
        return None
    made = fresh.model_copy(update={"created_at": tx.now})
    tx.connection.execute(insert(webhook).inline(), made.model_dump())
    return made


def get(tx: Transaction, id_: str) -> Webhook | None:
    """Whoever's it is."""
    row = tx.connection.execute(select(webhook).where(webhook.c.id == id_)).mappings().first()
    return None if row is None else Webhook(**row)


def listed(tx: Transaction, tenant: str) -> Sequence[Webhook]:
    """Oldest first."""
    found = select(webhook).where(webhook.c.tenant == tenant)
    ordered = found.order_by(webhook.c.created_at, webhook.c.id)
    return [Webhook(**row) for row in tx.connection.execute(ordered).mappings()]


def change(tx: Transaction, id_: str, how: Callable[[Webhook, int], Webhook]) -> Webhook | None:
    """Change it as it is now, and nobody else meanwhile. What waits for it follows it to another host."""
    one = select(webhook).where(webhook.c.id == id_).with_for_update()
    row = tx.connection.execute(one).mappings().first()
    if row is None:
        return None
    after = how(Webhook(**row), tx.now)
    tx.connection.execute(update(webhook).where(webhook.c.id == id_).values(after.model_dump()))
    waiting = [notice.c.target == id_, notice.c.state == NoticeState.WAITING]
    if after.host != row["host"]:
        tx.connection.execute(update(notice).where(*waiting).values(host=after.host))
    return after


def remove(tx: Transaction, id_: str) -> bool:
    """With what waits for it; what is under way at this moment may still arrive."""
    idle = [
        notice.c.target == id_,
        notice.c.state == NoticeState.WAITING,
        notice.c.lease_until.is_(None),
    ]
    dead = {"state": NoticeState.DEAD, "settled_at": tx.now, "detail": "the webhook was deleted"}
    tx.connection.execute(update(notice).where(*idle).values(dead))
    return tx.connection.execute(delete(webhook).where(webhook.c.id == id_)).rowcount > 0
