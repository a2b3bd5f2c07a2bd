"""One try of one mail, to one address: what one recipient's server does is nobody else's trouble."""

import asyncio
import contextlib
import ssl
from dataclasses import dataclass, field
from urllib.parse import unquote, urlsplit

import aiosmtplib
from aiosmtplib import SMTP

from prelo.adapters.notice_email.message import message, one_line, sender_of
from prelo.core.errors import Misconfigured, Unavailable
from prelo.core.notice import Answer
from prelo.couriers import Parcel

_SECONDS = 40.0
_GOODBYE = 1.0  # seconds
_LINE = (57, 78)  # bytes of a file that become so many of a mail: base64 in lines
_TOO_LARGE = {552, 523, 554}
_LOGIN = {530, 534, 535, 538}  # the operator's, not the recipient's: mended, the mail still goes
_LOOPBACK = {"localhost", "127.0.0.1", "::1"}
_PERMANENT = range(500, 600)
_CLOSING = 421


@dataclass(frozen=True, slots=True)
class Server:
    """Who takes mails."""

    host: str
    port: int
    tls: bool
    user: str | None
    password: str | None = field(repr=False)

    @property
    def start_tls(self) -> bool | None:
        """A password goes over the network in TLS only; without one, TLS is taken where it is offered."""
        if self.tls or self.host in _LOOPBACK:
            return False
        return True if self.user else None


class EmailCourier:
    """See prelo.couriers.Courier. `url`: smtps://user:password@host:465, or smtp:// with STARTTLS. `base`:
    where callers reach the API. `room`: bytes of a mail with a file in it, as it is sent.
    """

    def __init__(
        self, url: str, sender: str, base: str, *, room: int, trust: ssl.SSLContext | None = None,
        seconds: float = _SECONDS,
    ) -> None:  # fmt: skip
        self._server, self._sender, self._base = server_of(url), sender_of(sender), base
        self._most, self._trust, self._seconds = room, trust, seconds

    @property
    def room(self) -> int:
        raw, encoded = _LINE
        return self._most * raw // encoded

    async def check(self) -> None:
        """Whether the server answers and lets us in. Raises Unavailable."""
        try:
            async with asyncio.timeout(self._seconds), self._client():
                return
        except (TimeoutError, aiosmtplib.SMTPException, OSError) as error:
            response = isinstance(error, aiosmtplib.SMTPResponseException)
            said = _refused(error).detail if response else _said(error)
            raise Unavailable(f"{said}; check PRELO_SMTP") from error

    async def carry(self, parcel: Parcel) -> Answer:
        client = self._client()
        try:
            answer = await self._asked(client, parcel)
            if answer.ok:
                # It has the mail: whatever becomes of the goodbye, that must not be sent again.
                with contextlib.suppress(aiosmtplib.SMTPException, OSError):
                    await client.quit(timeout=_GOODBYE)
            return answer
        finally:
            client.close()

    async def _asked(self, client: SMTP, parcel: Parcel) -> Answer:
        try:
            async with asyncio.timeout(self._seconds):
                await client.connect()
                return await self._delivered(client, parcel)
        except TimeoutError:
            return Answer(
                ok=False,
                trouble=True,
                detail=f"the mail server did not answer within {self._seconds:g} s",
            )
        except aiosmtplib.SMTPResponseException as error:
            return _refused(error)
        except (aiosmtplib.SMTPException, OSError) as error:
            return Answer(ok=False, trouble=True, detail=_said(error))

    async def _delivered(self, client: SMTP, parcel: Parcel) -> Answer:
        if parcel.attachment is not None and client.last_ehlo_response is None:
            # One that knows no EHLO says no size.
            with contextlib.suppress(aiosmtplib.SMTPHeloError):
                await client.ehlo()
        mail = await asyncio.to_thread(
            self._largest, parcel, client
        )  # it may have to encode megabytes
        try:
            return await self._send(client, parcel, mail)
        except aiosmtplib.SMTPResponseException as error:
            if error.code not in _TOO_LARGE or parcel.attachment is None:
                raise
            # It took no file of this size, whatever it said before: the link is better than nothing.
            await client.rset()
            return await self._send(client, parcel, self._made(parcel, attached=False))

    def _client(self) -> SMTP:
        return SMTP(
            hostname=self._server.host,
            port=self._server.port,
            username=self._server.user,
            password=self._server.password,
            use_tls=self._server.tls,
            start_tls=self._server.start_tls,
            tls_context=self._trust,
            timeout=self._seconds,
        )

    def _largest(self, parcel: Parcel, client: SMTP) -> bytes:
        """With the file, where that fits what we allow and what the server says it takes."""
        if parcel.attachment is not None:
            said = client.esmtp_extensions.get("size", "")
            offered = int(said) if said.isdecimal() else 0  # 0: no limit (RFC 1870)
            mail = self._made(parcel, attached=True)
            if len(mail) <= min(self._most, offered or self._most):
                return mail
        return self._made(parcel, attached=False)

    def _made(self, parcel: Parcel, *, attached: bool) -> bytes:
        return message(parcel, self._sender, self._base, attached=attached)

    async def _send(self, client: SMTP, parcel: Parcel, mail: bytes) -> Answer:
        try:
            _, said = await client.sendmail(self._sender.addr_spec, [parcel.notice.target], mail)
        except aiosmtplib.SMTPRecipientsRefused as error:
            raise error.recipients[0] from error
        return Answer(ok=True, status=250, excerpt=one_line(said))


def _refused(error: aiosmtplib.SMTPResponseException) -> Answer:
    who = "the recipient" if isinstance(error, aiosmtplib.SMTPRecipientRefused) else "the mail"
    who = "the login" if error.code in _LOGIN else who
    # What is said of this mail, or of its recipient, is final; all else is about us or the server.
    its_own = isinstance(error, aiosmtplib.SMTPRecipientRefused | aiosmtplib.SMTPDataError)
    its_own = its_own and error.code not in _LOGIN
    return Answer(
        ok=False,
        final=its_own and error.code in _PERMANENT,
        trouble=not its_own or error.code == _CLOSING,
        status=error.code,
        detail=f"the mail server refused {who} ({error.code})",
        excerpt=one_line(str(error.message)),
    )


def _said(error: Exception) -> str:
    if isinstance(error, aiosmtplib.SMTPConnectError | OSError):
        return "the mail server cannot be reached"
    if isinstance(error, aiosmtplib.SMTPServerDisconnected):
        return "the mail server ended the connection"
    return "the mail server did not speak SMTP as it should"


def server_of(url: str) -> Server:
    """Read PRELO_SMTP. Raises Misconfigured, without repeating it."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise _no_url() from error
    if parts.scheme not in {"smtp", "smtps"} or not parts.hostname or parts.path not in {"", "/"}:
        raise _no_url()
    tls = parts.scheme == "smtps"
    user = unquote(parts.username) if parts.username else None
    password = unquote(parts.password) if parts.password else None
    return Server(
        parts.hostname, port or (465 if tls else 587 if user else 25), tls, user, password
    )


def _no_url() -> Misconfigured:
    return Misconfigured(
        "PRELO_SMTP must be smtps://user:password@host:465, or smtp://host:587 for STARTTLS; write what has "
        "a special meaning in a URL as %40"
    )
