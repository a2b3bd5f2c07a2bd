"""One registry per port, one line per technology. The only place that names concrete classes.

A key is a URL's scheme or a format's name; a value is "module:Class", imported on first use, so that a
driver that is not installed costs nothing.
"""

import sys
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import AbstractContextManager, asynccontextmanager
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any

from prelo.config import Config
from prelo.core.channel import Kind
from prelo.core.errors import Misconfigured
from prelo.core.report import Catalog, Report
from prelo.couriers import Courier, Vault
from prelo.keyring import Issuer
from prelo.ports import Kit, Observer, Ports, Presses, Source, Writer

ADAPTERS = "prelo.adapters."

STORES = {"sqlite": "store_sql:SqlStore", "postgresql": "store_sql:SqlStore"}
BROKERS = {
    "memory": "broker_memory:MemoryBroker",
    "postgresql": "broker_postgresql:PostgresqlBroker",
    "amqp": "broker_rabbitmq:RabbitmqBroker",
    "amqps": "broker_rabbitmq:RabbitmqBroker",
}
CACHES = {
    "memory": "cache_memory:MemoryCache",
    "postgresql": "cache_postgresql:PostgresqlCache",
    "redis": "cache_redis:RedisCache",
    "rediss": "cache_redis:RedisCache",
}
FILES = {
    "file": "files_object:ObjectFiles",
    "memory": "files_object:ObjectFiles",
    "s3": "files_object:ObjectFiles",
}
ISSUERS = {"oidc": "issuer_oidc:OidcIssuer"}
OBSERVERS = {"json": "observer_log:JsonObserver", "text": "observer_log:TextObserver"}
PRESSES = {"process": "press_process:ProcessPresses"}
CATALOGS = {"folder": "catalog_folder:load_catalog", "layout": "catalog_folder:load_layout"}
SOURCES = {
    "rows": "source_rows:RowsSource",
    "file": "source_file:FileSource",
    "sql": "source_sql:SqlSource",
    "python": "source_python:PythonSource",
    "dataset": "datasets_arrow:DatasetSource",
}
ASSAYS = {"arrow": "datasets_arrow:ArrowAssay", "process": "assay_process:ProcessAssay"}
WRITERS = {
    "csv": "prelo.formats.csv:Csv",
    "xlsx": "prelo.formats.xlsx:Xlsx",
    "pdf": "prelo.formats.pdf:Pdf",
}
COURIERS = {"webhook": "notice_webhook:WebhookCourier", "email": "notice_email:EmailCourier"}
VAULTS = {"plain": "vault_plain:PlainVault", "aes": "vault_aes:AesVault"}
EXTRAS = {  # where they differ
    "postgresql": "postgres", "amqp": "rabbitmq", "amqps": "rabbitmq", "rediss": "redis",
    "aes": "seal",
}  # fmt: skip


def chosen(registry: Mapping[str, str], setting: str, url: str) -> Callable[..., Any]:
    """The class registered for a URL's scheme. Raises Misconfigured with what is possible."""
    scheme = url.partition(":")[0]
    if scheme not in registry:
        known = ", ".join(f"{key}://" for key in registry)
        raise Misconfigured(f"{setting} cannot be '{scheme}://…'; this version knows {known}")
    return resolved(registry[scheme], scheme)


def resolved(place: str, key: str) -> Callable[..., Any]:
    """Import "module:Class"; a missing driver is a sentence that names the extra to install."""
    module, _, name = place.partition(":")
    try:
        return getattr(import_module(module if "." in module else ADAPTERS + module), name)
    except ModuleNotFoundError as error:
        if (error.name or "").startswith("prelo"):
            raise
        extra = EXTRAS.get(key, key)
        raise Misconfigured(
            f"'{key}' needs the package '{error.name}'; install it by: pip install 'prelo[{extra}]'"
        ) from error


def catalog(config: Config) -> Catalog:
    """The reports of the catalog's folder."""
    return resolved(CATALOGS["folder"], "folder")(config.catalog)


def layout(path: Path, known: Mapping[str, Any]) -> Report:
    """A report that looks as the file `path` says, of the rows that `known` names."""
    return resolved(CATALOGS["layout"], "layout")(path, known)


def kit(config: Config) -> Kit:
    """What a press needs."""
    files = chosen(FILES, "PRELO_FILES", config.files)(config.files)
    return Kit(
        files=files,
        sources={**sources(config), "dataset": resolved(SOURCES["dataset"], "dataset")(files)},
        writer=cache(writer),  # on first use: a press that makes no PDF loads nothing of it
    )


def sources(config: Config) -> dict[str, Source]:
    """Where rows come from, by technology."""
    sql = resolved(SOURCES["sql"], "sql")(config.connections)
    return {
        "rows": resolved(SOURCES["rows"], "rows")(),
        "file": resolved(SOURCES["file"], "file")(config.catalog),
        "sql": sql,
        "python": resolved(SOURCES["python"], "python")(config.catalog, _queries(sql)),
    }


def writer(name: str) -> Writer:
    """The writer of a format."""
    return resolved(WRITERS[name], name)()


def _queries(sql: Any) -> Callable[[str, str, Mapping[str, Any]], AbstractContextManager[Any]]:
    return sql.query


def presses(config: Config) -> Presses:
    """Where presses come from: child processes with these settings."""
    return resolved(PRESSES["process"], "process")(
        [sys.executable, "-m", "prelo.entry.press"],
        config.model_dump_json(exclude={"secret_key", "smtp"}),
        jobs=config.press_jobs,
        memory=config.press_memory,
    )


def observer(config: Config) -> Observer:
    """Where the events go."""
    return resolved(OBSERVERS[config.log], config.log)()


def couriers(config: Config) -> dict[Kind, Courier]:
    """The ways that notices can go; by mail only where a server for it is set."""
    webhook = resolved(COURIERS["webhook"], "webhook")
    found: dict[Kind, Courier] = {"webhook": webhook(config.public_url, local=config.webhook_local)}
    if config.smtp:
        found["email"] = resolved(COURIERS["email"], "email")(
            config.smtp, config.mail_from, config.public_url, room=config.mail_attach
        )
    return found


def vault(config: Config) -> Vault:
    """Where the secrets of webhooks are sealed, if there is a key."""
    if config.secret_key:
        return resolved(VAULTS["aes"], "aes")(config.secret_key)
    return resolved(VAULTS["plain"], "plain")()


def issuer(config: Config) -> Issuer | None:
    """Who gives tokens to callers; None where they show none."""
    if "oidc" not in config.auth:
        return None
    return resolved(ISSUERS["oidc"], "oidc")(config.oidc_issuer, config.oidc_audience)


@asynccontextmanager
async def opened(config: Config, *, migrate: bool = False) -> AsyncGenerator[Ports]:
    """Build all ports, and close them in the end. With `migrate` the store's schema is brought up."""
    store = chosen(STORES, "PRELO_STORE", config.store)(config.store, config.rules)
    broker = chosen(BROKERS, "PRELO_BROKER", config.broker)(config.broker)
    cache = chosen(CACHES, "PRELO_CACHE", config.cache)(config.cache)
    vouching = issuer(config)
    try:
        if migrate:
            await store.migrate()
        yield Ports(
            store=store,
            broker=broker,
            files=chosen(FILES, "PRELO_FILES", config.files)(config.files),
            cache=cache,
            presses=presses(config),
            assay=resolved(ASSAYS["process"], "process")(
                [sys.executable, "-m", "prelo.entry.assay"]
            ),
            observer=observer(config),
            catalog=catalog(config),
            issuer=vouching,
            notices=store.notices,
            couriers=couriers(config),
            vault=vault(config),
        )
    finally:
        if vouching is not None:
            await vouching.close()
        await broker.close()
        await cache.close()
        await store.close()
