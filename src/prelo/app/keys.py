"""Keys are made, replaced and revoked. Only here is a secret known, and only while it is handed over."""

import secrets
from typing import Any

from pydantic import ValidationError

from prelo.core.access import ID_LENGTH, LETTERS, SECRET_LENGTH, Key, digest_of, spelled
from prelo.core.errors import Conflict, FieldError, Invalid, NotFound
from prelo.core.model import Model
from prelo.core.records import Act
from prelo.keyring import Keyring


class Wanted(Model):
    """What a key is to be."""

    name: str
    tenant: str
    scopes: tuple[str, ...]
    permissions: tuple[str, ...] = ()


async def create(
    wanted: Wanted, ring: Keyring, actor: str, lasts_ms: int | None = None
) -> tuple[Key, str]:
    """A new key, and its text, which is known to nobody else. Raises Invalid, and nothing is kept then."""
    key, text = _minted(**wanted.model_dump())
    detail = {"scopes": key.scopes, "permissions": key.permissions}
    act = Act(actor=actor, action="key.create", detail=detail)
    return await ring.add_key(key, act, lasts_ms), text


async def rotate(key_id: str, ring: Keyring, actor: str, grace_ms: int) -> tuple[Key, str]:
    """A new key in the place of this one, which still lets in for `grace_ms`. Raises NotFound, Conflict."""
    old = await _found(key_id, ring)
    fresh, text = _minted(name=old.name, tenant=old.tenant, scopes=old.scopes)
    made = await ring.rotate_key(key_id, fresh, grace_ms, Act(actor=actor, action="key.rotate"))
    if made is None:
        now = await _found(key_id, ring)
        why = f"it was replaced by {now.replaced_by}" if now.replaced_by else f"it is {now.ended}"
        raise Conflict(f"the key {key_id} cannot be rotated: {why}; make a new one, or rotate that")
    return made, text


async def revoke(key_id: str, ring: Keyring, actor: str) -> Key:
    """The key, which lets nobody in any more, whoever revoked it first. Raises NotFound."""
    ended = await ring.revoke_key(key_id, Act(actor=actor, action="key.revoke"))
    return ended or await _found(key_id, ring)


async def _found(key_id: str, ring: Keyring) -> Key:
    key = await ring.key(key_id)
    if key is None:
        raise NotFound(f"there is no key {_id_alone(key_id)}; prelo keys list --all has their ids")
    return key


def _id_alone(text: str) -> str:
    """Somebody may give the whole key: no error repeats it."""
    return (
        f"'{text}'" if len(text) <= ID_LENGTH else "of such an id (give the part between the '_')"
    )


def _minted(**told: Any) -> tuple[Key, str]:
    key_id, secret = _random(ID_LENGTH), _random(SECRET_LENGTH)
    try:
        key = Key(id=key_id, digest=digest_of(secret), **told)
    except ValidationError as error:
        found = [
            FieldError(
                pointer="/" + "/".join(map(str, e["loc"])),
                detail=e["msg"].removeprefix("Value error, "),
            )
            for e in error.errors(include_url=False, include_input=False, include_context=False)
        ]
        said = "; ".join(f"{one.pointer.lstrip('/')}: {one.detail}" for one in found)
        raise Invalid(f"the key cannot be made: {said}", tuple(found)) from error
    return key, spelled(key_id, secret)


def _random(length: int) -> str:
    return "".join(secrets.choice(LETTERS) for _ in range(length))
