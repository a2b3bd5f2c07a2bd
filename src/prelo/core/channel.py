"""Where the news of a job's end is wanted: at a webhook, or in somebody's mail."""

import re
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from prelo.core.model import Model

Kind = Literal["webhook", "email"]
MOST = 10  # channels of one request

# What RFC 5321 lets through without quotes, in ASCII. Nothing in it can end a header or a command.
_ADDRESS = re.compile(
    r"(?=.{1,254}\Z)(?=[^@]{1,64}@)"
    r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(?:\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*"
    r"@(?:[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.)+[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
)
_WEBHOOK = re.compile(r"wh_[0-9a-f]{24}")


def is_address(text: str) -> bool:
    """Whether it is a mail address that we write to: plain ASCII, no quotes, no comments, a name as host."""
    return _ADDRESS.fullmatch(text) is not None


class Channel(Model):
    """One of `notify`: the id of a webhook of yours, or an address that gets a mail of its own."""

    webhook: str | None = None
    email: str | None = None

    @model_validator(mode="after")
    def _one_that_can_be(self) -> Self:
        if (self.webhook is None) == (self.email is None):
            raise ValueError("give either 'webhook' (its id) or 'email' (an address)")
        if self.webhook is not None and not _WEBHOOK.fullmatch(self.webhook):
            raise ValueError("this is no id of a webhook; it is wh_ and 24 hexadecimal digits")
        if self.email is not None and not is_address(self.email):
            raise ValueError(
                "this is no mail address that can be used; write name@example.com, in ASCII letters"
            )
        return self

    @property
    def kind(self) -> Kind:
        return "email" if self.webhook is None else "webhook"

    @property
    def target(self) -> str:
        """The webhook's id, or the address; its host is written one way only, so that it is one channel."""
        if self.webhook is not None:
            return self.webhook
        name, _, host = (self.email or "").rpartition("@")
        return f"{name}@{host.lower()}"


Channels = Annotated[tuple[Channel, ...], Field(max_length=MOST)]
