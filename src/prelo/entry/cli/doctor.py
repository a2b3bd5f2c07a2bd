"""`prelo doctor`: every configured part is asked how it is."""

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from prelo.entry.cli import given, say

if TYPE_CHECKING:
    from prelo.config import Config

_PATIENCE = 20.0  # seconds for one part


@dataclass(frozen=True)
class _Finding:
    part: str
    detail: str
    ok: bool


def doctor(
    data: given.Data = None,
    catalog: given.Folder = None,
    json: given.Json = False,  # noqa: FBT002
) -> None:
    """Ask every configured part how it is; say what to do."""
    import asyncio

    from prelo.config import Config

    findings = asyncio.run(_examined(Config.load(data=data, catalog=catalog)))
    if json:
        say.as_json([{"part": f.part, "ok": f.ok, "detail": f.detail} for f in findings])
    else:
        for f in findings:
            mark, style = ("✓", "green") if f.ok else ("✗", "red")
            say.line(f"{mark} {f.part:<12} {f.detail}", style)
    faults = sum(not f.ok for f in findings)
    if faults:
        say.fail(f"{say.count(faults, 'part')} cannot work as configured", say.FAILED)


async def _examined(config: "Config") -> list[_Finding]:
    asked: dict[str, Callable[[Config], Awaitable[str]]] = {
        "store": _store, "files": _files, "broker": _broker, "cache": _cache, "catalog": _catalog,
        "press": _press,
    }  # fmt: skip
    if "oidc" in config.auth:
        asked["issuer"] = _issuer
    if config.smtp:
        asked["mail"] = _mail
    if config.secret_key:
        asked["secrets"] = _secrets
    findings = [await _asked(part, ask(config)) for part, ask in asked.items()]
    return findings + [finding async for finding in _sources(config)]


async def _asked(part: str, answer: Awaitable[str]) -> _Finding:
    import asyncio

    from prelo.core.errors import PreloError

    try:
        return _Finding(part, await asyncio.wait_for(answer, _PATIENCE), ok=True)
    except PreloError as error:
        return _Finding(part, error.detail, ok=False)
    except TimeoutError:
        return _Finding(part, f"did not answer within {_PATIENCE:g} s", ok=False)


async def _store(config: "Config") -> str:
    from prelo.core.errors import Misconfigured
    from prelo.wiring import STORES, chosen

    if (place := _missing(config.store)) is not None:
        raise Misconfigured(
            f"there is no database {place} yet; `prelo serve` creates it when it starts, and so does "
            "`prelo migrate`"
        )
    store = chosen(STORES, "PRELO_STORE", config.store)(config.store)
    try:
        await store.check()
    finally:
        await store.close()
    return _without_password(config.store)


def _missing(url: str) -> Path | None:
    """The file of a database that nobody has made yet."""
    from urllib.parse import unquote, urlsplit

    parts = urlsplit(url)
    path = Path(unquote(parts.path.removeprefix("/")))
    return path if parts.scheme == "sqlite" and not path.exists() else None


async def _files(config: "Config") -> str:
    from prelo.wiring import FILES, chosen

    await chosen(FILES, "PRELO_FILES", config.files)(config.files).check()
    return _without_password(config.files)


async def _broker(config: "Config") -> str:
    from prelo.wiring import BROKERS, chosen

    return await _open_and_close(chosen(BROKERS, "PRELO_BROKER", config.broker), config.broker)


async def _cache(config: "Config") -> str:
    from prelo.wiring import CACHES, chosen

    return await _open_and_close(chosen(CACHES, "PRELO_CACHE", config.cache), config.cache)


async def _open_and_close(kind: Callable[[str], Any], url: str) -> str:
    port = kind(url)
    try:
        await port.check()
    finally:
        await port.close()
    return _without_password(url)


async def _catalog(config: "Config") -> str:
    from prelo import wiring

    return f"{config.catalog}: {say.count(len(wiring.catalog(config)), 'report')}"


async def _press(config: "Config") -> str:
    from prelo import wiring

    press = await wiring.presses(config).start()
    await press.close()
    return "a child process starts and has all it needs"


async def _issuer(config: "Config") -> str:
    from prelo import wiring

    issuer = wiring.issuer(config)
    assert issuer is not None  # noqa: S101  asked only where there is one
    try:
        await issuer.check()
    finally:
        await issuer.close()
    return f"{config.oidc_issuer}: its keys are known"


async def _mail(config: "Config") -> str:
    from prelo.wiring import COURIERS, resolved

    courier = resolved(COURIERS["email"], "email")(
        config.smtp, config.mail_from, config.public_url, room=config.mail_attach
    )
    await courier.check()
    return _without_password(config.smtp)


async def _secrets(config: "Config") -> str:
    from prelo.wiring import vault

    vault(config)
    return "the secrets of webhooks are sealed"


async def _sources(config: "Config") -> AsyncIterator[_Finding]:
    """One line for each connection and technology that the catalog's reports use."""
    from prelo import wiring
    from prelo.app.tables import check_tables
    from prelo.core.errors import PreloError

    try:
        reports = list(wiring.catalog(config))
    except PreloError:
        return  # the catalog's own line says it
    try:
        sources = wiring.sources(config)
    except PreloError as error:
        yield _Finding("sources", error.detail, ok=False)
        return
    for report in reports:
        try:
            check_tables(report, sources)
        except PreloError as error:
            yield _Finding("source", f"of the report '{report.name}': {error.detail}", ok=False)
        else:
            yield _Finding("source", f"of the report '{report.name}' answers", ok=True)


def _without_password(url: str) -> str:
    from urllib.parse import urlsplit, urlunsplit

    parts = urlsplit(url)
    if parts.password is None:
        return url
    return urlunsplit(parts._replace(netloc=parts.netloc.replace(f":{parts.password}@", ":…@")))
