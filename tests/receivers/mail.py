"""A real mail server on loopback, which refuses, limits or is away as it is told."""

import asyncio
import email
import email.policy
import socket
from dataclasses import dataclass, field
from email.message import EmailMessage
from typing import Any, Self

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session


class _Telling(SMTP):
    """Keeps the commands that begin a mail, those that are refused at once included."""

    async def smtp_MAIL(self, arg: str) -> None:  # noqa: N802  aiosmtpd's name
        self.event_handler.begun.append(arg)
        if self.event_handler.sender:
            await self.push(self.event_handler.sender)
        else:
            await super().smtp_MAIL(arg)

    async def smtp_QUIT(self, arg: str) -> None:  # noqa: N802  aiosmtpd's name
        if self.event_handler.mute:
            await asyncio.sleep(30)
        await super().smtp_QUIT(arg)


class _Control(Controller):
    def factory(self) -> SMTP:
        return _Telling(self.handler, **self.SMTP_kwargs)


@dataclass
class MailServer:
    """Listens while it is open. `refuse`: what it says to a recipient, by address. `largest`: its SIZE, in
    bytes. `silent_size`: it does not say it, and refuses when it has seen the mail. `sender`: what it says to
    every sender. `mute`: it never answers QUIT.
    """

    refuse: dict[str, str] = field(default_factory=dict[str, str])
    largest: int | None = None
    silent_size: int | None = None
    password: str | None = None
    sender: str = ""
    mute: bool = False
    port: int = 0
    begun: list[str] = field(default_factory=list[str])
    raw: list[tuple[str, bytes]] = field(default_factory=list[tuple[str, bytes]])

    async def __aenter__(self) -> Self:
        if not self.port:
            self.port = free_port()
        told: dict[str, Any] = {"data_size_limit": self.largest}
        if self.password is not None:
            told |= {
                "authenticator": self._login, "auth_require_tls": False
            }  # fmt: skip
        self._controller = _Control(self, "127.0.0.1", self.port, **told)
        self._controller.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        self._controller.stop()

    @property
    def url(self) -> str:
        return f"smtp://127.0.0.1:{self.port}"

    @property
    def mails(self) -> list[EmailMessage]:
        return [email.message_from_bytes(raw, policy=email.policy.default) for _, raw in self.raw]

    @property
    def recipients(self) -> list[str]:
        return [to for to, _ in self.raw]

    async def handle_RCPT(  # noqa: N802  aiosmtpd's name
        self,
        _server: SMTP,
        _session: Session,
        envelope: Envelope,
        address: str,
        _options: list[str],
    ) -> str:
        if address in self.refuse:
            return self.refuse[address]
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, _server: SMTP, _session: Session, envelope: Envelope) -> str:  # noqa: N802  aiosmtpd's
        content = envelope.original_content or b""
        if self.silent_size is not None and len(content) > self.silent_size:
            return "552 5.3.4 message too big"
        self.raw.extend((to, content) for to in envelope.rcpt_tos)
        return "250 OK"

    def _login(
        self, _server: SMTP, _session: Session, _envelope: Envelope, _mechanism: str, told: Any
    ) -> AuthResult:
        good = isinstance(told, LoginPassword) and told.password == (self.password or "").encode()
        return AuthResult(success=good, handled=good)


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]
