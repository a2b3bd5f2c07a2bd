"""Somebody looks after webhooks: makes, changes, rotates and tests them, sees and replays what was sent."""

import secrets
import time
import uuid
from collections.abc import Callable, Sequence

from prelo.core.errors import Conflict, NotFound
from prelo.core.notice import Notice, NoticeState, Tried
from prelo.core.receiver import receiver_of
from prelo.core.request import Caller
from prelo.core.signing import SECRET_BYTES, secret_of
from prelo.core.webhook import NewWebhook, Webhook, WebhookPatch
from prelo.ports import Ports

MOST = 100  # webhooks of one tenant
_NO_ONE = "there is no webhook {}"
How = Callable[[Webhook, int], Webhook]


async def make(
    asked: NewWebhook, caller: Caller, ports: Ports, *, local: bool
) -> tuple[Webhook, str]:
    """A webhook and its secret, which is told now and never again. Raises Invalid, or Conflict when the
    tenant has as many as it may.
    """
    host = receiver_of(asked.url, local=local).host
    id_, secret = f"wh_{secrets.token_hex(12)}", _secret()
    fresh = Webhook(
        id=id_,
        tenant=caller.tenant,
        host=host,
        secret=ports.vault.seal(secret, id_),
        **asked.model_dump(),
    )
    made = await ports.notices.add(fresh, MOST)
    if made is None:
        raise Conflict(f"you have {MOST} webhooks already, which is the most; delete one first")
    ports.observer.event("webhook.made", webhook=id_, tenant=caller.tenant)
    return made, secret


async def find(id_: str, caller: Caller, ports: Ports) -> Webhook:
    """The caller's webhook. Raises NotFound, also for another tenant's."""
    found = await ports.notices.webhook(id_)
    if found is None or found.tenant != caller.tenant:
        raise NotFound(_NO_ONE.format(id_))
    return found


async def change(
    id_: str, patch: WebhookPatch, caller: Caller, ports: Ports, *, local: bool
) -> Webhook:
    """Change what the patch gives. Raises NotFound or Invalid."""
    await find(id_, caller, ports)
    given = patch.model_dump(exclude_none=True)
    if patch.url is not None:
        given["host"] = receiver_of(patch.url, local=local).host
    if patch.enabled is not None:
        given["why"] = "" if patch.enabled else "its owner said so"

    def changed(webhook: Webhook, _: int) -> Webhook:
        return Webhook(**(webhook.model_dump() | given))

    return await _changed(id_, changed, ports)


async def rotate(id_: str, grace: float, caller: Caller, ports: Ports) -> tuple[Webhook, str]:
    """A new secret, told now and never again. The one before signs, too, for `grace` seconds."""
    await find(id_, caller, ports)
    secret = _secret()
    sealed = ports.vault.seal(secret, id_)

    def rotated(webhook: Webhook, _: int) -> Webhook:
        # Signing compares with this process's clock, as it does for the time of a try.
        until = int(1000 * (time.time() + grace))
        old = {"old_secret": webhook.secret, "old_until": until} if grace else {}
        bare = {"old_secret": None, "old_until": None}
        return webhook.model_copy(update={"secret": sealed, **bare, **old})

    webhook = await _changed(id_, rotated, ports)
    ports.observer.event("webhook.rotated", webhook=id_, tenant=caller.tenant)
    return webhook, secret


async def remove(id_: str, caller: Caller, ports: Ports) -> None:
    """Delete it. What waits for it is dead."""
    await find(id_, caller, ports)
    await ports.notices.remove(id_)
    ports.observer.event("webhook.deleted", webhook=id_, tenant=caller.tenant)


async def test(id_: str, caller: Caller, ports: Ports) -> Notice:
    """Send it a ping, as any notice is sent. Raises Conflict where it is not enabled."""
    webhook = await find(id_, caller, ports)
    if not webhook.enabled:
        raise Conflict(f"the webhook is not enabled: {webhook.why}; enable it first")
    return await ports.notices.ping(webhook, str(uuid.uuid4()))


async def deliveries(
    id_: str, caller: Caller, ports: Ports, limit: int, before: tuple[int, str] | None
) -> tuple[Sequence[Notice], Sequence[Tried]]:
    """What was sent to it, newest first, and all tries of these."""
    await find(id_, caller, ports)
    found = await ports.notices.of_webhook(id_, limit, before=before)
    return found, await ports.notices.tries([one.id for one in found])


async def replay(id_: str, notice_id: str, caller: Caller, ports: Ports) -> Notice:
    """Send one again, under its id. Raises Conflict while it is on its way, or the webhook is not enabled."""
    await _enabled(id_, caller, ports)
    again = await ports.notices.replay(id_, notice_id)
    if again is None:
        raise NotFound(f"the webhook has no delivery {notice_id}; after 30 days they are forgotten")
    if isinstance(again, NoticeState):
        raise Conflict("the notice is being sent at this moment; look at it again")
    return again


async def replay_dead(id_: str, caller: Caller, ports: Ports) -> int:
    """Send again all that are dead; how many."""
    await _enabled(id_, caller, ports)
    return await ports.notices.replay_dead(id_)


async def of_job(job_id: str, ports: Ports) -> tuple[Sequence[Notice], Sequence[Tried]]:
    """Who is told of a job, how far that is, and all tries. That the caller may see it is known."""
    found = await ports.notices.of_job(job_id)
    return found, await ports.notices.tries([one.id for one in found])


async def _enabled(id_: str, caller: Caller, ports: Ports) -> None:
    webhook = await find(id_, caller, ports)
    if not webhook.enabled:
        raise Conflict(f"the webhook is not enabled: {webhook.why}; enable it first")


async def _changed(id_: str, how: How, ports: Ports) -> Webhook:
    changed = await ports.notices.change(id_, how)
    if changed is None:
        raise NotFound(_NO_ONE.format(id_))
    return changed


def _secret() -> str:
    return secret_of(secrets.token_bytes(SECRET_BYTES))
