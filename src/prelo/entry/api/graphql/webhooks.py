"""The fields of webhooks and of what was sent to them."""

from typing import Annotated

import strawberry

from prelo.app import intake, webhooks
from prelo.core.webhook import (
    GRACE_SECONDS,
    DeliveryView,
    NewWebhook,
    ReplayedView,
    Rotation,
    WebhookPatch,
    WebhookView,
)
from prelo.entry.api.graphql.asking import (
    Connection,
    Id,
    Info,
    asks,
    body,
    cursor,
    first_of,
    name_of,
    or_null,
    page,
    uuid_of,
)
from prelo.entry.api.graphql.cost import FIRST, MAX_FIRST
from prelo.entry.api.graphql.types import about, asked, shown
from prelo.entry.api.paging import placed
from prelo.entry.api.reading import validated
from prelo.entry.api.webhooks import (
    Listing,
    delivery_view,
    delivery_views,
    enabled,
    page_of,
    webhook_view,
)

DELIVERY = or_null(shown(DeliveryView))
DELIVERIES = or_null(Connection[shown(DeliveryView)])
NOTICES = or_null(list[shown(DeliveryView)])
REPLAYED = or_null(shown(ReplayedView))
Input = Annotated[
    object, strawberry.argument(name="input", graphql_type=asked(NewWebhook, "WebhookInput"))
]
Changes = Annotated[
    object, strawberry.argument(name="input", graphql_type=asked(WebhookPatch, "WebhookChanges"))
]


@strawberry.type(name="Webhook", description=about(WebhookView))
class Hook(shown(WebhookView)):
    """The view, and what is looked up where it is asked for."""

    @strawberry.field(
        graphql_type=DELIVERIES,
        description=f"What was sent, newest first, with every try; `first` is at most {MAX_FIRST}.",
    )
    async def deliveries(
        self, info: Info, first: int = FIRST, after: str | None = None
    ) -> Connection[DeliveryView]:
        here, who = asks(info, "GET /v1/webhooks/{webhook_id}/deliveries")
        query = Listing(cursor=cursor(after), limit=first_of(first))
        rows, following, tries = await page_of(self.id, query, here, who)
        views = dict(zip(map(placed, rows), delivery_views(rows, tries), strict=True))
        return page((list(views), following), after, str, views.__getitem__)


WEBHOOK = or_null(Hook)
WEBHOOKS = or_null(list[Hook])


@strawberry.type
class Query:
    @strawberry.field(graphql_type=WEBHOOK, description="Whether it is enabled, and if not, why.")
    async def webhook(self, info: Info, webhook_id: Id) -> WebhookView:
        here, who = asks(info, "GET /v1/webhooks/{webhook_id}")
        name = name_of("webhook", webhook_id)
        return webhook_view(await webhooks.find(name, who, here.ports))

    @strawberry.field(graphql_type=WEBHOOKS, description="Yours, oldest first; at most a hundred.")
    async def webhooks(self, info: Info) -> list[WebhookView]:
        here, who = asks(info, "GET /v1/webhooks")
        return [webhook_view(one) for one in await here.ports.notices.webhooks(who.tenant)]

    @strawberry.field(
        graphql_type=NOTICES, description="Who is told of this job, by webhook and by mail."
    )
    async def notices(self, info: Info, job: strawberry.ID) -> tuple[DeliveryView, ...]:
        here, who = asks(info, "GET /v1/jobs/{job_id}/notices")
        found = await intake.find(uuid_of("job", job), who, here.ports)
        return delivery_views(*await webhooks.of_job(found.id, here.ports))


@strawberry.type
class Mutation:
    @strawberry.mutation(
        graphql_type=WEBHOOK,
        description="An address that hears of jobs. `secret` is told now and never again.",
    )
    async def create_webhook(self, info: Info, webhook: Input) -> WebhookView:
        here, who = asks(info, "POST /v1/webhooks")
        wanted, _ = body(NewWebhook, webhook)
        local = here.config.webhook_local
        return webhook_view(*await webhooks.make(wanted, who, here.ports, local=local))

    @strawberry.mutation(
        graphql_type=WEBHOOK,
        description="Change what is given. What waits for it goes to its new address.",
    )
    async def change_webhook(self, info: Info, webhook_id: Id, patch: Changes) -> WebhookView:
        here, who = asks(info, "PATCH /v1/webhooks/{webhook_id}")
        name, (wanted, _) = name_of("webhook", webhook_id), body(WebhookPatch, patch)
        local = here.config.webhook_local
        return webhook_view(await webhooks.change(name, wanted, who, here.ports, local=local))

    @strawberry.mutation(
        graphql_type=WEBHOOK,
        description="A new `secret`, told now and never again; the old one signs for `grace` seconds.",
    )
    async def rotate_webhook(
        self, info: Info, webhook_id: Id, grace: float = GRACE_SECONDS
    ) -> WebhookView:
        here, who = asks(info, "POST /v1/webhooks/{webhook_id}:rotate")
        name, wanted = name_of("webhook", webhook_id), validated(Rotation, {"grace": grace})
        return webhook_view(*await webhooks.rotate(name, wanted.grace, who, here.ports))

    @strawberry.mutation(graphql_type=WEBHOOK, description="After a 410 turned it off.")
    async def enable_webhook(self, info: Info, webhook_id: Id) -> WebhookView:
        here, who = asks(info, "POST /v1/webhooks/{webhook_id}:enable")
        return webhook_view(await enabled(name_of("webhook", webhook_id), here, who))

    @strawberry.mutation(graphql_type=DELIVERY, description="Send a ping, as any notice is sent.")
    async def test_webhook(self, info: Info, webhook_id: Id) -> DeliveryView:
        here, who = asks(info, "POST /v1/webhooks/{webhook_id}:test")
        sent = await webhooks.test(name_of("webhook", webhook_id), who, here.ports)
        return delivery_view(sent, ())

    @strawberry.mutation(description="What waits for it is not sent. Answers its id.")
    async def delete_webhook(self, info: Info, webhook_id: Id) -> strawberry.ID | None:
        here, who = asks(info, "DELETE /v1/webhooks/{webhook_id}")
        await webhooks.remove(name_of("webhook", webhook_id), who, here.ports)
        return webhook_id

    @strawberry.mutation(
        graphql_type=DELIVERY, description="Send a delivery again, whatever became of it."
    )
    async def replay_delivery(
        self, info: Info, webhook: strawberry.ID, delivery_id: Id
    ) -> DeliveryView:
        here, who = asks(info, "POST /v1/webhooks/{webhook_id}/deliveries/{notice_id}:replay")
        name, notice = name_of("webhook", webhook), uuid_of("delivery", delivery_id)
        return delivery_view(await webhooks.replay(name, notice, who, here.ports), ())

    @strawberry.mutation(
        graphql_type=REPLAYED, description="Send again all that was given up, to this webhook."
    )
    async def replay_deliveries(self, info: Info, webhook: strawberry.ID) -> ReplayedView:
        here, who = asks(info, "POST /v1/webhooks/{webhook_id}/deliveries:replay")
        name = name_of("webhook", webhook)
        return ReplayedView(replayed=await webhooks.replay_dead(name, who, here.ports))
