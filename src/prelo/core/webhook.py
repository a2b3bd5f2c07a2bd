"""A webhook: an endpoint of a tenant's that hears of jobs, and how its owner sees it and its deliveries."""

from typing import Annotated, Literal

from pydantic import Field

from prelo.core.model import Model
from prelo.core.notice import EVENTS, Event, JobEvent, NoticeState
from prelo.core.view import Time, View

Hears = Literal["named", "all"]
Events = Annotated[tuple[JobEvent, ...], Field(min_length=1, max_length=len(EVENTS))]
Description = Annotated[str, Field(max_length=200)]
GRACE_SECONDS = 24 * 3_600
Grace = Annotated[float, Field(ge=0, le=7 * 24 * 3_600)]


class Webhook(Model):
    """The row. `jobs`: it hears of jobs that name it, or of `all` of its tenant's, of these `events`.

    `secret` and `old_secret` are as the vault sealed them; the old one signs, too, before `old_until` (ms).
    `why`: why it is not `enabled`.
    """

    id: str
    tenant: str
    url: str
    host: str
    description: str = ""
    jobs: Hears = "named"
    events: tuple[JobEvent, ...] = EVENTS
    enabled: bool = True
    why: str = ""
    secret: str = Field(repr=False)
    old_secret: str | None = Field(default=None, repr=False)
    old_until: int | None = None
    created_at: int = 0


class NewWebhook(Model):
    """The body of `POST /v1/webhooks`."""

    url: str
    description: Description = ""
    jobs: Hears = "named"
    events: Events = EVENTS


class WebhookPatch(Model):
    """The body of `PATCH /v1/webhooks/{id}`: what is given is changed, the rest stays."""

    url: str | None = None
    description: Description | None = None
    jobs: Hears | None = None
    events: Events | None = None
    enabled: bool | None = None


class Rotation(Model):
    """The body of `:rotate`. For `grace` seconds, at most a week, the old secret signs, too."""

    grace: Grace = GRACE_SECONDS


class WebhookView(View):
    """A webhook. `secret` is told once, when it is made or rotated, and never again."""

    id: str
    url: str
    description: str
    jobs: Hears
    events: tuple[JobEvent, ...]
    enabled: bool
    why: str | None = None
    secret: str | None = None
    old_secret_until: Time | None = None
    created_at: Time
    links: dict[str, str] = {}


class WebhookPage(View):
    """A tenant's webhooks, oldest first."""

    webhooks: tuple[WebhookView, ...]


class TriedView(View):
    """One try: what the receiver answered, and the first of what it said. No `status`: no answer."""

    attempt: int
    at: Time
    ms: int
    ok: bool
    status: int | None = None
    detail: str
    excerpt: str = ""


class DeliveryView(View):
    """A notice to a webhook or an address; `id` is the `webhook-id` of every try, and in the Message-ID of
    every mail. `next_at`: when it is tried again.
    """

    id: str
    webhook: str | None = None
    email: str | None = None
    event: Event
    job: str | None = None
    generation: int | None = None
    state: NoticeState
    attempts: int
    next_at: Time | None = None
    created_at: Time
    settled_at: Time | None = None
    status: int | None = None
    detail: str = ""
    tries: tuple[TriedView, ...] = ()
    links: dict[str, str] = {}


class DeliveryPage(View):
    """Newest first. `next` is the cursor of the page after this one, if there is one."""

    deliveries: tuple[DeliveryView, ...]
    next: str | None = None


class ReplayedView(View):
    """So many notices that were dead are sent again."""

    replayed: int


def signing(webhook: Webhook, now: int) -> list[str]:
    """The secrets that sign now, as they are kept, the new one first."""
    old = webhook.old_secret if webhook.old_until is not None and webhook.old_until > now else None
    return [webhook.secret, *([old] if old else [])]
