"""One try of one webhook. Whatever the receiver does, it ends within 15 s and 64 KiB of its answer."""

import asyncio
import ssl
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

import httpcore

from prelo.adapters.notice_webhook.guard import Guard, Refused, Resolve, Resolver, Unresolved
from prelo.core.errors import Invalid
from prelo.core.notice import LONGEST_MS, MEDIA_TYPE, Answer, event_of
from prelo.core.receiver import Receiver, receiver_of
from prelo.core.signing import signed
from prelo.couriers import Parcel

_SECONDS = 15.0
_CONNECT_SECONDS = 5.0
_READ = 64 * 1024
_EXCERPT = 1024
_OK = range(200, 300)
_MOVED = range(300, 400)
_GONE = 410
_TROUBLE = {429, 502, 503, 504}  # with all of 5xx: the host's, who knows for how long


class WebhookCourier:
    """See prelo.couriers.Courier. `base`: where callers reach the API, for links, or "". `local`: receivers
    on loopback are allowed. `resolve` and `trust` are the machine's own unless a test says otherwise.
    """

    room = 0  # a notice by webhook is thin

    def __init__(
        self,
        base: str = "",
        *,
        local: bool = False,
        resolve: Resolve | None = None,
        trust: ssl.SSLContext | None = None,
        seconds: float = _SECONDS,
    ) -> None:
        self._base, self._local, self._seconds = base, local, seconds
        self._guard = Guard(resolve or Resolver(), local=local)
        self._trust = trust

    async def carry(self, parcel: Parcel) -> Answer:
        try:
            to = receiver_of(parcel.url, local=self._local)
        except Invalid as error:  # let in by another version, or by another setting
            return Answer(ok=False, final=True, detail=error.detail)
        try:
            async with asyncio.timeout(self._seconds):
                return await self._exchange(parcel, to)
        except TimeoutError:
            return _failed(f"the receiver did not answer within {self._seconds:g} s")
        except Refused as error:
            return Answer(ok=False, detail=str(error))  # a name may come to point elsewhere
        except Unresolved as error:
            return _failed(str(error))
        except (httpcore.NetworkError, httpcore.TimeoutException, httpcore.ProtocolError) as error:
            return _failed(_said(error))

    async def _exchange(self, parcel: Parcel, to: Receiver) -> Answer:
        body = event_of(parcel.notice, self._base)
        at = int(time.time())
        headers: dict[str | bytes, str | bytes] = {
            "Host": to.authority,
            "Content-Type": MEDIA_TYPE,
            "Content-Length": str(len(body)),
            "User-Agent": "prelo-webhooks/1",
            "Accept-Encoding": "identity",
            "Connection": "close",
            **signed(parcel.notice.id, at, body, parcel.secrets),
        }
        url = httpcore.URL(
            scheme=to.scheme.encode(),
            host=to.host.encode(),
            port=to.port,
            target=to.target.encode(),
        )
        # A connection for each try: one that is kept would keep an address that was checked long ago.
        async with (
            httpcore.AsyncConnectionPool(
                ssl_context=self._trusted() if to.scheme == "https" else None,
                network_backend=self._guard,
            ) as pool,
            pool.stream(
                "POST",
                url,
                headers=headers,
                content=body,
                extensions={"timeout": {"connect": _CONNECT_SECONDS}},
            ) as response,
        ):
            found = {name.decode("latin-1").lower(): value for name, value in response.headers}
            return _answer(response.status, found, await _read(response))

    def _trusted(self) -> ssl.SSLContext:
        """Made when it is first needed: to read all authorities takes a while."""
        if self._trust is None:
            self._trust = ssl.create_default_context()
        return self._trust


async def _read(response: httpcore.Response) -> bytes:
    """The first of the answer; one that never ends is cut."""
    read = bytearray()
    async for piece in response.aiter_stream():
        read += piece
        if len(read) >= _READ:
            break
    return bytes(read[:_EXCERPT])


def _answer(status: int, headers: Mapping[str, bytes], excerpt: bytes) -> Answer:
    text = excerpt.decode("utf-8", "replace").replace("\0", "\N{REPLACEMENT CHARACTER}")
    if status in _OK:
        return Answer(ok=True, status=status, excerpt=text)
    detail = f"the receiver answered {status}"
    if status in _MOVED:
        detail += ": redirects are not followed; give the webhook its new address"
    return Answer(
        ok=False,
        gone=status == _GONE,
        trouble=status in _TROUBLE or status >= 500,  # noqa: PLR2004  the servers' own errors
        status=status,
        detail=detail,
        excerpt=text,
        retry_after_ms=_retry_after(headers.get("retry-after", b"").decode("latin-1").strip()),
    )


def _retry_after(value: str) -> int:
    """Seconds or a date (RFC 9110 section 10.2.3), in ms from now; 0 for neither."""
    if value.isascii() and value.isdecimal():
        return min(int(value[:9]) * 1000, LONGEST_MS)
    try:
        at = parsedate_to_datetime(value)
        at = at if at.tzinfo else at.replace(tzinfo=UTC)
        left = (at - datetime.now(UTC)).total_seconds()
    except (ValueError, OverflowError):  # the latter for a day beyond the calendar's ends
        return 0
    return min(max(int(1000 * left), 0), LONGEST_MS)


def _failed(detail: str) -> Answer:
    return Answer(ok=False, trouble=True, detail=detail[:500])


def _said(error: Exception) -> str:
    cause = error.__cause__ or error.__context__ or error
    if isinstance(cause, ssl.SSLCertVerificationError):
        return f"the receiver's certificate is not good: {cause.verify_message}"
    if isinstance(error, httpcore.ConnectError | httpcore.ConnectTimeout):
        return "the receiver cannot be reached"
    if isinstance(error, httpcore.ProtocolError):
        return "the receiver did not speak HTTP as it should"
    return "the receiver ended the connection"
