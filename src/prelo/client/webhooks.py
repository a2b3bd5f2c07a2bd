"""What a client asks about webhooks: `client.do(webhooks.make("https://example.com/hook"))`."""

import json
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote

from prelo.client.steps import Call, Steps, ask
from prelo.core.webhook import DeliveryPage, DeliveryView, ReplayedView, WebhookPage, WebhookView

_PATH = "/v1/webhooks"


def make(url: str, **chosen: Any) -> Steps[WebhookView]:
    """`chosen`: description, jobs, events. After a lost answer it is not repeated: it would make two."""
    call = _post(_PATH, {"url": url, **chosen}, again=False)
    return WebhookView.model_validate_json((yield from ask(call)).content)


def listing() -> Steps[Sequence[WebhookView]]:
    answer = yield from ask(Call("GET", _PATH))
    return WebhookPage.model_validate_json(answer.content).webhooks


def looking(id_: str) -> Steps[WebhookView]:
    answer = yield from ask(Call("GET", _of(id_)))
    return WebhookView.model_validate_json(answer.content)


def changing(id_: str, **changes: Any) -> Steps[WebhookView]:
    """Of url, description, jobs, events, enabled what is given."""
    call = _post(_of(id_), changes, method="PATCH")
    return WebhookView.model_validate_json((yield from ask(call)).content)


def deleting(id_: str) -> Steps[None]:
    yield from ask(Call("DELETE", _of(id_)))


def rotating(id_: str, grace: float) -> Steps[WebhookView]:
    """Not repeated after a lost answer: the secret that works would be an unknown one's successor."""
    call = _post(_of(id_, ":rotate"), {"grace": grace}, again=False)
    return WebhookView.model_validate_json((yield from ask(call)).content)


def enabling(id_: str) -> Steps[WebhookView]:
    answer = yield from ask(Call("POST", _of(id_, ":enable")))
    return WebhookView.model_validate_json(answer.content)


def testing(id_: str) -> Steps[DeliveryView]:
    answer = yield from ask(Call("POST", _of(id_, ":test"), again=False))
    return DeliveryView.model_validate_json(answer.content)


def deliveries(id_: str, limit: int) -> Steps[DeliveryPage]:
    """The newest, at most 200."""
    answer = yield from ask(Call("GET", _of(id_, "/deliveries"), params={"limit": limit}))
    return DeliveryPage.model_validate_json(answer.content)


def replaying(id_: str, notice_id: str) -> Steps[DeliveryView]:
    call = Call("POST", _of(id_, f"/deliveries/{quote(notice_id, safe='')}:replay"), again=False)
    return DeliveryView.model_validate_json((yield from ask(call)).content)


def replaying_dead(id_: str) -> Steps[int]:
    """How many are sent again. A repeat does no harm."""
    answer = yield from ask(Call("POST", _of(id_, "/deliveries:replay")))
    return ReplayedView.model_validate_json(answer.content).replayed


def _of(id_: str, what: str = "") -> str:
    return f"{_PATH}/{quote(id_, safe='')}{what}"


def _post(path: str, body: Mapping[str, Any], *, method: str = "POST", again: bool = True) -> Call:
    headers = {"Content-Type": "application/json"}
    return Call(method, path, json.dumps(body).encode(), headers=headers, again=again)
