"""What notices need, as Protocols: where they wait, who brings them, who keeps their secrets. A part of
ports.py, under the same rules.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Protocol

from pydantic import Field

from prelo.core.channel import Kind
from prelo.core.model import Model
from prelo.core.notice import Answer, Notice, NoticeState, Tried
from prelo.core.webhook import Webhook

COURIER_SECONDS = 45.0


class Notices(Protocol):
    """Notices on their way, and the webhooks they go to; in the same database as the store, which writes a
    notice in the transaction that ends its job.
    """

    async def take(
        self,
        kinds: Collection[Kind],
        limit: int,
        lease_ms: int,
        *,
        per_host: int,
        busy: Mapping[str, int],
    ) -> Sequence[Notice]:
        """Take notices of these kinds that are due, the longest due first, each for one caller until its
        lease ends; of a host no more than leaves it at `per_host`, where `busy` says how many it has.
        """
        ...

    async def settle(self, mine: Notice, answer: Answer, chance: float) -> Notice | None:
        """What came of a try (core.notice.settle), atomic with its line in the delivery log, and with the end
        of a webhook that is gone. None: the lease had lapsed and somebody else has it; nothing was written.
        """
        ...

    async def give_back(self, mine: Notice, delay_ms: int) -> bool:
        """Untried. False if somebody else has it."""
        ...

    async def of_job(self, job_id: str) -> Sequence[Notice]:
        """All of a job's notices, oldest first."""
        ...

    async def of_webhook(
        self, webhook_id: str, limit: int, *, before: tuple[int, str] | None = None
    ) -> Sequence[Notice]:
        """At most `limit`, newest first, from the (created_at, id) `before` on; settled ones for 30 days."""
        ...

    async def tries(self, notice_ids: Collection[str]) -> Sequence[Tried]:
        """The delivery log of these notices, oldest first."""
        ...

    async def replay(self, webhook_id: str, notice_id: str) -> Notice | NoticeState | None:
        """Send a notice again, whatever became of it. Its state while a try is under way, and None if this
        webhook has no such notice: nothing was written.
        """
        ...

    async def replay_dead(self, webhook_id: str) -> int:
        """Send again all of a webhook's that are dead; how many."""
        ...

    async def ping(self, webhook: Webhook, notice_id: str) -> Notice:
        """A notice that tells of no job."""
        ...

    async def add(self, fresh: Webhook, most: int) -> Webhook | None:
        """As it is stored, with the time; None if the tenant has `most` webhooks already."""
        ...

    async def webhook(self, webhook_id: str) -> Webhook | None: ...

    async def webhooks(self, tenant: str) -> Sequence[Webhook]:
        """All of a tenant's, oldest first."""
        ...

    async def change(
        self, webhook_id: str, change: Callable[[Webhook, int], Webhook]
    ) -> Webhook | None:
        """Change it as it is then; `change` gets it and the store's time in ms. None: it is gone."""
        ...

    async def remove(self, webhook_id: str) -> bool:
        """Delete it; what waits for it is dead. False if it was gone."""
        ...


class Attachment(Model):
    """A file that a mail may carry."""

    name: str
    media_type: str
    content: bytes = Field(repr=False)


class Parcel(Model):
    """What a courier takes: a notice, and what it needs to bring it. A webhook's `url` and `secrets` that
    sign (bare, the new one first); a mail's `title`, language and file. `size` of the file in bytes, if there
    is one, with or without it being attached.
    """

    notice: Notice
    url: str = ""
    secrets: tuple[str, ...] = Field(default=(), repr=False)
    title: str = ""
    locale: str = "en"
    timezone: str = "UTC"
    size: int | None = None
    attachment: Attachment | None = None


class Courier(Protocol):
    """A way to tell somebody. It may bring a notice twice, with the same id; never two in one."""

    @property
    def room(self) -> int:
        """The largest file, in bytes, that it may want in its parcel; 0: none."""
        ...

    async def carry(self, parcel: Parcel) -> Answer:
        """Try once. Never raises for what the receiver, the network or the names do, and ends within
        COURIER_SECONDS whatever they do. What it says holds no secret and is short.
        """
        ...


class Vault(Protocol):
    """Secrets at rest. What `of` names is bound to what is sealed for it, where there is a key."""

    def seal(self, secret: str, of: str) -> str: ...

    def unseal(self, sealed: str, of: str) -> str:
        """Raises Misconfigured when the key is missing or another one."""
        ...
