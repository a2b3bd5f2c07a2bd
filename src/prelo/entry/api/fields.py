"""Fields of every answer that say what is left of a quota: RateLimit-Policy and RateLimit
(draft-ietf-httpapi-ratelimit-headers-11).
"""

from collections.abc import Mapping, MutableMapping
from typing import Any

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Receive, Scope, Send

from prelo.app.rates import WINDOW, Quota


class RateLimitFields:
    """Adds them to answers of callers whose requests are counted. `queued`: how many of a tenant's jobs may
    wait; what is left of that is only known, and said, when it is nothing (see `spent`).
    """

    def __init__(self, app: ASGIApp, queued: int | None) -> None:
        self._app, self._queued = app, queued

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        state: Mapping[str, Any] = scope.setdefault("state", {})

        async def sent(message: MutableMapping[str, Any]) -> None:
            if message["type"] == "http.response.start" and "caller" in state:
                self._add(MutableHeaders(scope=message), state.get("quota"))
            await send(message)

        await self._app(scope, receive, sent)

    def _add(self, headers: MutableHeaders, quota: Quota | None) -> None:
        policies: list[str] = []
        if quota is not None:
            policies.append(f'"requests";q={quota.limit};w={WINDOW}')
            headers.append("RateLimit", f'"requests";r={max(quota.left, 0)};t={quota.seconds}')
        if self._queued is not None:
            policies.append(f'"queued";q={self._queued}')
        if policies:
            headers["RateLimit-Policy"] = ", ".join(policies)


def spent(policy: str, seconds: int) -> dict[str, str]:
    """For an answer that refuses because of this quota. The other one says itself what is left."""
    return {} if policy == "requests" else {"RateLimit": f'"{policy}";r=0;t={seconds}'}
