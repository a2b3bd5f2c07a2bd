"""`prelo keys`: works on the store itself, as `prelo migrate` does, so that the first key can be made."""

import re
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer
from rich.text import Text

from prelo.entry.cli import given, say, shape

if TYPE_CHECKING:
    from prelo.core.access import Key
    from prelo.keyring import Keyring

T = TypeVar("T")
keys = typer.Typer(
    no_args_is_help=True,
    cls=shape.Group,
    help="Keys of callers: make, list, replace and revoke them.",
)

_Id = Annotated[str, typer.Argument(metavar="KEY", help="The key's id, as in prelo_ID_…")]
_Name = Annotated[str, typer.Argument(metavar="NAME", help="Whose it is, or what for.")]
_Tenant = Annotated[str, typer.Option("--tenant", "-t", metavar="NAME", help="Whose jobs it sees.")]
_Of = Annotated[str | None, typer.Option("--tenant", "-t", metavar="NAME", help="Of this tenant.")]
_Scopes = Annotated[
    list[str] | None,
    typer.Option(
        "--scope",
        "-s",
        metavar="SCOPE",
        help="reports:read, jobs:read, jobs:write, dead:write or admin; repeat. If none: the first three.",
    ),
]
_Permissions = Annotated[
    list[str] | None,
    typer.Option(
        "--permission", "-p", metavar="NAME", help="As reports ask for it by allow; repeat."
    ),
]
_Lasts = Annotated[
    str | None, typer.Option("--lasts", metavar="TIME", help="It ends after 90d, 12h or 30m.")
]
_Grace = Annotated[
    str, typer.Option("--grace", metavar="TIME", help="The old one ends after so long: 7d, 1h, 0m.")
]
_All = Annotated[bool, typer.Option("--all", help="Those that have ended, too.")]
_UNITS = {"d": 86_400_000, "h": 3_600_000, "m": 60_000}


@keys.command(cls=shape.Command)
def create(  # noqa: PLR0913, PLR0917  the options of a command
    name: _Name,
    tenant: _Tenant = "default",
    scope: _Scopes = None,
    permission: _Permissions = None,
    lasts: _Lasts = None,
    data: given.Data = None,
    json: given.Json = False,  # noqa: FBT002  a flag
) -> None:
    """Make a key, and show it: this once, as it is not kept."""
    from prelo.app import keys as making
    from prelo.core.access import USUAL

    asked = making.Wanted(
        name=name, tenant=tenant, scopes=tuple(scope or USUAL), permissions=tuple(permission or ())
    )
    length = None if lasts is None else _milliseconds("--lasts", lasts)

    async def work(store: "Keyring") -> "tuple[Key, str]":
        return await making.create(asked, store, given.me(), length)

    made, text = _on_the_store(data, work, migrate=True)  # the first key comes before any server
    _shown_once(made, text, json=json)


@keys.command("list", cls=shape.Command)
def list_keys(
    tenant: _Of = None,
    all_: _All = False,  # noqa: FBT002  a flag
    data: given.Data = None,
    json: given.Json = False,  # noqa: FBT002  a flag
) -> None:
    """List the keys, the newest first; never their secrets."""
    found = _on_the_store(data, lambda store: store.keys(tenant))
    kept = [key for key in found if all_ or key.ended is None]
    if json:
        say.as_json([_facts(key) for key in kept])
        return
    rows = [
        (key.id, key.name, key.tenant, " ".join(key.scopes), " ".join(key.permissions) or "-",
         _date(key.expires_at), _date(key.used_at), _standing(key))
        for key in kept
    ]  # fmt: skip
    if rows:
        columns = ["KEY", "NAME", "TENANT", "SCOPES", "PERMISSIONS", "ENDS", "USED", "STATE"]
        say.table(columns, rows)
    else:
        say.note("There are no such keys.")


@keys.command(cls=shape.Command)
def rotate(
    key: _Id,
    grace: _Grace = "7d",
    data: given.Data = None,
    json: given.Json = False,  # noqa: FBT002  a flag
) -> None:
    """Make a new key with the same rights, and show it; the old one still lets in for a while."""
    from prelo.app import keys as making

    length = _milliseconds("--grace", grace)
    made, text = _on_the_store(data, lambda store: making.rotate(key, store, given.me(), length))
    _shown_once(made, text, json=json)


@keys.command(cls=shape.Command)
def revoke(key: _Id, data: given.Data = None, json: given.Json = False) -> None:  # noqa: FBT002  a flag
    """End a key at once: within a few seconds no server lets it in."""
    from prelo.app import keys as making

    ended = _on_the_store(data, lambda store: making.revoke(key, store, given.me()))
    if json:
        say.as_json(_facts(ended))
    else:
        say.line(f"The key {ended.id} ({ended.name}) lets nobody in any more.")


def _on_the_store(
    data: Any, work: "Callable[[Keyring], Awaitable[T]]", *, migrate: bool = False
) -> T:
    import asyncio

    from prelo.config import Config
    from prelo.wiring import STORES, chosen

    async def worked() -> T:
        config = Config.load(data=data)
        store = chosen(STORES, "PRELO_STORE", config.store)(config.store)
        try:
            await (store.migrate() if migrate else store.check())
            return await work(store)
        finally:
            await store.close()

    return asyncio.run(worked())


def _milliseconds(option: str, text: str) -> int:
    match = re.fullmatch(r"(\d{1,6})([dhm])", text)
    if match is None:
        raise typer.BadParameter(
            f"'{text}' is no time; write 90d, 12h or 30m", param_hint=f"'{option}'"
        )
    return int(match[1]) * _UNITS[match[2]]


def _shown_once(key: "Key", text: str, *, json: bool) -> None:
    if json:
        say.as_json({**_facts(key), "key": text})
        return
    say.line(text, "bold")  # alone on standard output: it can go where it is kept
    for name, value in (("tenant", key.tenant), ("scopes", ", ".join(key.scopes)),
                        ("permissions", ", ".join(key.permissions) or "none"),
                        ("ends", _date(key.expires_at))):  # fmt: skip
        say.note(f"  {name:<12}{value}")
    say.note("Keep it now: it is not shown again. Commands take it from PRELO_KEY.", "yellow")


def _facts(key: "Key") -> dict[str, Any]:
    """All but the digest."""
    times = {"created_at", "expires_at", "used_at", "revoked_at"}
    told = key.model_dump(mode="json", exclude={"digest", *times})
    return told | {name: _iso(getattr(key, name)) for name in sorted(times)}


def _iso(at: int | None) -> str | None:
    return None if at is None else datetime.fromtimestamp(at / 1000, UTC).isoformat()


def _date(at: int | None) -> str:
    return (
        "-"
        if at is None
        else f"{datetime.fromtimestamp(at / 1000, UTC).astimezone():%Y-%m-%d %H:%M}"
    )


def _standing(key: "Key") -> Text:
    if key.ended:
        return Text(key.ended, style="dim")
    if key.replaced_by:
        return Text(f"old; replaced by {key.replaced_by}", style="yellow")
    return Text("good", style="green")
