"""What an issuer says of a caller, as a Caller: which claim means what is the operator's to say."""

from collections.abc import Mapping
from typing import Any

from prelo.core.access import SCOPES, Scope, in_one_line
from prelo.core.errors import Forbidden
from prelo.core.model import Model
from prelo.core.request import ANYBODY, Caller

_LONGEST_SUBJECT = 250  # as the audit takes it, with what is before it
_LONGEST_TENANT = 255


class ClaimNames(Model):
    """The claims that are read. A name stands for itself, or by dots for a claim within claims, as
    realm_access.roles. `tenant`: empty where everybody is of the one tenant.
    """

    tenant: str = "tenant"
    subject: str = "sub"
    scopes: str = "scope"
    permissions: str = "permissions"


def caller_by(claims: Mapping[str, Any], names: ClaimNames) -> Caller:
    """Who the claims speak of. Raises Forbidden where they leave out what is needed."""
    tenant = _text(claims, names.tenant, _LONGEST_TENANT) if names.tenant else ANYBODY
    subject = _text(claims, names.subject, _LONGEST_SUBJECT)
    told = set(_listed(claims, names.scopes))
    scopes: list[Scope] = [scope for scope in SCOPES if scope in told]
    return Caller.known(tenant, f"oidc:{subject}", scopes, _listed(claims, names.permissions))


def _text(claims: Mapping[str, Any], name: str, longest: int) -> str:
    value = _found(claims, name)
    try:
        if isinstance(value, str) and 0 < len(value) <= longest:
            return in_one_line(value)
    except ValueError:
        pass
    raise Forbidden(
        f"the token does not say '{name}' as a text of 1 to {longest} printable characters; "
        "have the issuer put it in, or name another claim by PRELO_OIDC_…_CLAIM"
    )


def _listed(claims: Mapping[str, Any], name: str) -> list[str]:
    """A list of texts, or one text with spaces between them (RFC 8693 section 4.2). Anything else is none."""
    value = _found(claims, name)
    if isinstance(value, str):
        return value.split()
    if isinstance(value, list):
        return [one for one in value if isinstance(one, str) and one]
    return []


def _found(claims: Mapping[str, Any], name: str) -> Any:
    """The claim of this very name first: many have dots in it, as https://example.com/tenant."""
    if name in claims:
        return claims[name]
    found: Any = claims
    for part in name.split("."):
        found = found.get(part) if isinstance(found, Mapping) else None
    return found
