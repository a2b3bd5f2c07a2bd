"""Whether somebody may be told, before anything is accepted for it."""

from collections.abc import Sequence

from prelo.core.channel import Channel
from prelo.core.errors import FieldError, Invalid
from prelo.core.request import Caller
from prelo.ports import Ports


async def checked(channels: Sequence[Channel], caller: Caller, ports: Ports) -> None:
    """Raises Invalid for a webhook that is not the tenant's, or not enabled, and where no mail is sent."""
    wrong = [
        FieldError(pointer=f"/notify/{number}/{one.kind}", detail=detail)
        for number, one in enumerate(channels)
        if (detail := await _refusal(one, caller, ports))
    ]
    if wrong:
        said = "; ".join(f"{error.pointer}: {error.detail}" for error in wrong)
        raise Invalid(f"not all of 'notify' can be told: {said}", tuple(wrong))


async def _refusal(one: Channel, caller: Caller, ports: Ports) -> str:
    if one.kind == "email":
        mail = "this server sends no mail; its operator has to set PRELO_SMTP and PRELO_MAIL_FROM"
        return "" if "email" in ports.couriers else mail
    webhook = await ports.notices.webhook(one.target)
    if webhook is None or webhook.tenant != caller.tenant:
        return f"there is no webhook {one.target}; GET /v1/webhooks lists them"
    return "" if webhook.enabled else f"the webhook is not enabled: {webhook.why}; enable it first"
