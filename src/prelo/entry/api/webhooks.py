"""The routes of webhooks and of what was sent to them."""

from collections.abc import Sequence
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Request, Response
from pydantic import Field
from starlette.convertors import StringConvertor, register_url_convertor

from prelo.app import intake, webhooks
from prelo.core.model import Model
from prelo.core.notice import Notice, NoticeState, Tried
from prelo.core.request import Caller
from prelo.core.webhook import (
    DeliveryPage,
    DeliveryView,
    NewWebhook,
    ReplayedView,
    Rotation,
    TriedView,
    Webhook,
    WebhookPage,
    WebhookPatch,
    WebhookView,
)
from prelo.entry.api.jobs import shown
from prelo.entry.api.openapi import describe, get, reads
from prelo.entry.api.paging import cut, link, place_of, placed
from prelo.entry.api.reading import Here, House, Who, read
from prelo.entry.api.views import moment


class _Id(StringConvertor):
    """What may follow an id is an action: `:test` is no part of it."""

    regex = "[^/:]+"


register_url_convertor("webhook_id", _Id())
router = APIRouter(tags=["webhooks"])
_PATH = "/v1/webhooks"
_ONE = _PATH + "/{webhook_id:webhook_id}"
_BODY = (400, 413, 415, 422, 503)


@router.post(
    _PATH,
    status_code=201,
    **describe("Make a webhook", ("201:WebhookView",), (409, *_BODY)),
    openapi_extra=reads("NewWebhook"),
)
async def make(request: Request, here: Here, who: Who) -> Response:
    """An address of yours that hears of jobs: of those that name it in `notify`, or of `all`.

    `secret` is told in this answer and never again: every notice is signed with it, as Standard Webhooks 1.0
    says. The address must be https and public; redirects are not followed.
    """
    asked, _ = await read(request, here.config.max_body, NewWebhook)
    made, secret = await webhooks.make(asked, who, here.ports, local=here.config.webhook_local)
    headers = {"Location": f"{_PATH}/{made.id}"}
    return _secretive(webhook_view(made, secret), 201, headers)


@get(router, _PATH, **describe("List webhooks", ("200:WebhookPage",), (503,)))
async def listing(here: Here, who: Who) -> Response:
    """Yours, oldest first; there are at most a hundred. No secret is shown."""
    found = await here.ports.notices.webhooks(who.tenant)
    return shown(WebhookPage(webhooks=tuple(webhook_view(one) for one in found)))


@get(router, _ONE, **describe("Look at a webhook", ("200:WebhookView",), (404, 503)))
async def show(webhook_id: str, here: Here, who: Who) -> Response:
    """Whether it is enabled, and if not, why."""
    return shown(webhook_view(await webhooks.find(webhook_id, who, here.ports)))


@router.patch(
    _ONE,
    **describe("Change a webhook", ("200:WebhookView",), (404, *_BODY)),
    openapi_extra=reads("WebhookPatch"),
)
async def change(webhook_id: str, request: Request, here: Here, who: Who) -> Response:
    """What the body gives is changed. What waits for the webhook goes to its new address."""
    patch, _ = await read(request, here.config.max_body, WebhookPatch)
    local = here.config.webhook_local
    return shown(
        webhook_view(await webhooks.change(webhook_id, patch, who, here.ports, local=local))
    )


@router.delete(_ONE, status_code=204, **describe("Delete a webhook", ("204",), (404, 503)))
async def remove(webhook_id: str, here: Here, who: Who) -> Response:
    """What waits for it is not sent."""
    await webhooks.remove(webhook_id, who, here.ports)
    return Response(status_code=204)


@router.post(
    _ONE + ":rotate",
    **describe("Change the secret", ("200:WebhookView",), (404, *_BODY)),
    openapi_extra=reads("Rotation"),
)
async def rotate(webhook_id: str, request: Request, here: Here, who: Who) -> Response:
    """A new `secret`, told in this answer and never again. For a day (or `grace` seconds) notices have two
    signatures, of the new and of the old one, so that receivers can change over without a gap.
    """
    asked = Rotation()
    if request.headers.get("content-length", "0") != "0":
        asked, _ = await read(request, here.config.max_body, Rotation)
    rotated, secret = await webhooks.rotate(webhook_id, asked.grace, who, here.ports)
    return _secretive(webhook_view(rotated, secret), 200, {})


@router.post(_ONE + ":enable", **describe("Enable a webhook", ("200:WebhookView",), (404, 503)))
async def enable(webhook_id: str, here: Here, who: Who) -> Response:
    """After a 410 turned it off. What was dead meanwhile can be replayed."""
    return shown(webhook_view(await enabled(webhook_id, here, who)))


async def enabled(webhook_id: str, here: House, who: Caller) -> Webhook:
    patch, local = WebhookPatch(enabled=True), here.config.webhook_local
    return await webhooks.change(webhook_id, patch, who, here.ports, local=local)


@router.post(
    _ONE + ":test",
    status_code=202,
    **describe("Send a ping", ("202:DeliveryView",), (404, 409, 503)),
)
async def test(webhook_id: str, here: Here, who: Who) -> Response:
    """A notice of the type `prelo.ping`, sent as any other; the deliveries show what became of it."""
    sent = await webhooks.test(webhook_id, who, here.ports)
    return Response(delivery_view(sent, ()).model_dump_json(), 202, media_type="application/json")


class Listing(Model):
    """The query of the deliveries. Pages are reached by the `cursor` of the page before."""

    cursor: str | None = None
    limit: Annotated[int, Field(ge=1, le=200)] = 50


@get(
    router,
    _ONE + "/deliveries",
    **describe("What was sent", ("200:DeliveryPage",), (404, 422, 503)),
)
async def deliveries(
    webhook_id: str, query: Annotated[Listing, Query()], here: Here, who: Who
) -> Response:
    """Newest first, with every try: what the receiver answered, how long it took, the first of what it said.
    A notice is kept for 30 days after it was sent or given up.
    """
    page, cursor, tries = await page_of(webhook_id, query, here, who)
    answer = shown(DeliveryPage(deliveries=delivery_views(page, tries), next=cursor))
    return link(answer, f"{_PATH}/{webhook_id}/deliveries", query, cursor)


async def page_of(
    webhook_id: str, query: Listing, here: House, who: Caller
) -> tuple[Sequence[Notice], str | None, Sequence[Tried]]:
    """The deliveries of a page, the cursor of the next one if there is one, and their tries."""
    before = place_of(query.cursor)
    found, tries = await webhooks.deliveries(webhook_id, who, here.ports, query.limit + 1, before)
    return *cut(found, query.limit, placed), tries


@router.post(
    _ONE + "/deliveries:replay",
    **describe("Send again what is dead", ("200:ReplayedView",), (404, 409, 503)),
)
async def replay_dead(webhook_id: str, here: Here, who: Who) -> Response:
    """All that was given up, each under its id and with all its tries."""
    return shown(ReplayedView(replayed=await webhooks.replay_dead(webhook_id, who, here.ports)))


@router.post(
    _ONE + "/deliveries/{notice_id:uuid}:replay",
    status_code=202,
    **describe("Send one again", ("202:DeliveryView",), (404, 409, 503)),
)
async def replay(webhook_id: str, notice_id: UUID, here: Here, who: Who) -> Response:
    """Whatever became of it; under its id, which a receiver that had it knows."""
    again = await webhooks.replay(webhook_id, str(notice_id), who, here.ports)
    return Response(delivery_view(again, ()).model_dump_json(), 202, media_type="application/json")


@get(
    router,
    "/v1/jobs/{job_id:uuid}/notices",
    **describe("Who is told of a job", ("200:DeliveryPage",), (404, 503)),
)
async def of_job(job_id: UUID, here: Here, who: Who) -> Response:
    """Every notice of the job, by webhook and by mail, and what became of it."""
    job = await intake.find(str(job_id), who, here.ports)
    found, tries = await webhooks.of_job(job.id, here.ports)
    return shown(DeliveryPage(deliveries=delivery_views(found, tries)))


def _secretive(view: WebhookView, status: int, headers: dict[str, str]) -> Response:
    """An answer that nobody keeps: it has a secret in it."""
    headers |= {"Cache-Control": "no-store"}
    return Response(view.model_dump_json(), status, headers, media_type="application/json")


def webhook_view(webhook: Webhook, secret: str | None = None) -> WebhookView:
    here, until = f"{_PATH}/{webhook.id}", webhook.old_until
    links = {"self": here, "deliveries": f"{here}/deliveries", "rotate": f"{here}:rotate"}
    links["test" if webhook.enabled else "enable"] = (
        f"{here}:test" if webhook.enabled else f"{here}:enable"
    )
    same = {"id", "url", "description", "jobs", "events", "enabled"}
    return WebhookView(
        **webhook.model_dump(include=same),
        why=webhook.why or None,
        secret=secret,
        old_secret_until=None if until is None else moment(until),
        created_at=moment(webhook.created_at),
        links=links,
    )


def delivery_views(notices: Sequence[Notice], tries: Sequence[Tried]) -> tuple[DeliveryView, ...]:
    return tuple(delivery_view(one, [t for t in tries if t.notice_id == one.id]) for one in notices)


def delivery_view(notice: Notice, tries: Sequence[Tried]) -> DeliveryView:
    waits = notice.state is NoticeState.WAITING
    replay = f"{_PATH}/{notice.target}/deliveries/{notice.id}:replay"
    links = {"replay": replay} if notice.kind == "webhook" else {}
    if notice.job_id is not None:
        links["job"] = f"/v1/jobs/{notice.job_id}"
    same = {"id", "event", "generation", "state", "attempts", "status", "detail"}
    return DeliveryView(
        **notice.model_dump(include=same),
        webhook=notice.target if notice.kind == "webhook" else None,
        email=notice.target if notice.kind == "email" else None,
        job=notice.job_id,
        next_at=moment(notice.due_at) if waits else None,
        created_at=moment(notice.created_at),
        settled_at=None if notice.settled_at is None else moment(notice.settled_at),
        tries=tuple(
            TriedView(**one.model_dump(exclude={"at", "notice_id"}), at=moment(one.at))
            for one in tries
        ),
        links=links,
    )
