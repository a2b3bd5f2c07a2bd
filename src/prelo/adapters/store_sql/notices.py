"""SqlNotices: the Notices port, on the database of a SqlStore. Each method is one transaction."""

import time
from collections.abc import Callable, Collection, Mapping, Sequence

from prelo.adapters.store_sql import outgoing, webhooks
from prelo.adapters.store_sql.database import Database, Transaction
from prelo.core import notice as transitions
from prelo.core.channel import Kind
from prelo.core.notice import Answer, Notice, NoticeState, Tried
from prelo.core.webhook import Webhook

_PRUNE_SECONDS = 60.0


class SqlNotices:
    """See prelo.ports.Notices."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._pruned = time.monotonic()

    async def take(
        self,
        kinds: Collection[Kind],
        limit: int,
        lease_ms: int,
        *,
        per_host: int,
        busy: Mapping[str, int],
    ) -> Sequence[Notice]:
        if time.monotonic() - self._pruned >= _PRUNE_SECONDS:
            self._pruned = time.monotonic()
            await self._database.write(outgoing.prune)
        full = sorted(host for host, count in busy.items() if count >= per_host)
        chosen = outgoing.Chosen(tuple(kinds), limit, lease_ms, per_host, busy)
        # A look that takes no lock: mostly there is nothing.
        if not await self._database.read(lambda tx: outgoing.due(tx, kinds, full)):
            return []
        return await self._database.write(lambda tx: outgoing.take(tx, chosen, full))

    async def settle(self, mine: Notice, answer: Answer, chance: float) -> Notice | None:
        return await self._database.write(lambda tx: outgoing.settle(tx, mine, answer, chance))

    async def give_back(self, mine: Notice, delay_ms: int) -> bool:
        def write(tx: Transaction) -> bool:
            return outgoing.moved(tx, mine, transitions.give_back(mine, tx.now, delay_ms))

        return await self._database.write(write)

    async def of_job(self, job_id: str) -> Sequence[Notice]:
        return await self._database.read(lambda tx: outgoing.of_job(tx, job_id))

    async def of_webhook(
        self, webhook_id: str, limit: int, *, before: tuple[int, str] | None = None
    ) -> Sequence[Notice]:
        return await self._database.read(
            lambda tx: outgoing.of_webhook(tx, webhook_id, limit, before)
        )

    async def tries(self, notice_ids: Collection[str]) -> Sequence[Tried]:
        return await self._database.read(lambda tx: outgoing.tries(tx, notice_ids))

    async def replay(self, webhook_id: str, notice_id: str) -> Notice | NoticeState | None:
        return await self._database.write(lambda tx: outgoing.replay(tx, webhook_id, notice_id))

    async def replay_dead(self, webhook_id: str) -> int:
        return await self._database.write(lambda tx: outgoing.replay_dead(tx, webhook_id))

    async def ping(self, webhook: Webhook, notice_id: str) -> Notice:
        return await self._database.write(lambda tx: outgoing.ping(tx, webhook, notice_id))

    async def add(self, fresh: Webhook, most: int) -> Webhook | None:
        return await self._database.write(lambda tx: webhooks.add(tx, fresh, most))

    async def webhook(self, webhook_id: str) -> Webhook | None:
        return await self._database.read(lambda tx: webhooks.get(tx, webhook_id))

    async def webhooks(self, tenant: str) -> Sequence[Webhook]:
        return await self._database.read(lambda tx: webhooks.listed(tx, tenant))

    async def change(
        self, webhook_id: str, change: Callable[[Webhook, int], Webhook]
    ) -> Webhook | None:
        return await self._database.write(lambda tx: webhooks.change(tx, webhook_id, change))

    async def remove(self, webhook_id: str) -> bool:
        return await self._database.write(lambda tx: webhooks.remove(tx, webhook_id))
