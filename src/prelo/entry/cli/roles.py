"""`prelo serve`, `api`, `work`, `upkeep`: the roles of a process; and `migrate`, which readies the store."""

import contextlib
import fcntl
import os
import sys
from collections.abc import Callable, Collection, Generator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from prelo.entry.cli import given, say

if TYPE_CHECKING:
    from prelo.config import Config
    from prelo.entry.roles import Role

_NICE = 3  # of a process that only works: whoever answers callers on the same machine goes first
_Port = Annotated[
    int | None,
    typer.Option("--port", metavar="N", help="Where to listen, else PRELO_PORT or 8085; 0: any."),
]
_Slots = Annotated[
    int | None,
    typer.Option(
        "--slots", metavar="N", help="Reports made at once, else PRELO_SLOTS or one a CPU."
    ),
]
_Log = Annotated[
    str | None, typer.Option("--log", metavar="json|text", help="How events are logged on stderr.")
]


def serve(
    data: given.Data = None,
    catalog: given.Folder = None,
    port: _Port = None,
    slots: _Slots = None,
    log: _Log = None,
    json: given.Json = False,  # noqa: FBT002
) -> None:
    """Run everything in one process, over SQLite and a folder."""
    from prelo.entry.roles import ALL

    config = _config(data=data, catalog=catalog, port=port, slots=slots, log=log)
    with _alone(config.data):
        _run(config, ALL, json=json)


def api(
    data: given.Data = None,
    catalog: given.Folder = None,
    port: _Port = None,
    log: _Log = None,
    json: given.Json = False,  # noqa: FBT002
) -> None:
    """Run an API: it takes requests and hands out files."""
    _run(_config(data=data, catalog=catalog, port=port, log=log), ["api"], json=json)


def work(
    data: given.Data = None,
    catalog: given.Folder = None,
    slots: _Slots = None,
    log: _Log = None,
    json: given.Json = False,  # noqa: FBT002
) -> None:
    """Run a worker: it makes the reports."""
    _run(_config(data=data, catalog=catalog, slots=slots, log=log), ["work"], json=json)


def upkeep(
    data: given.Data = None,
    catalog: given.Folder = None,
    log: _Log = None,
    json: given.Json = False,  # noqa: FBT002
) -> None:
    """Run upkeep: it rings, rescues, expires and tidies."""
    _run(_config(data=data, catalog=catalog, log=log), ["upkeep"], json=json)


def migrate(data: given.Data = None) -> None:
    """Create the database, or bring it up to this version."""
    import asyncio

    from prelo.config import Config
    from prelo.wiring import STORES, chosen

    async def upgrade(config: Config) -> None:
        store = chosen(STORES, "PRELO_STORE", config.store)(config.store)
        try:
            await store.migrate()
            await store.check()
        finally:
            await store.close()

    asyncio.run(upgrade(Config.load(data=data)))
    say.line("The database is ready.", "green")


def _config(**chosen: Any) -> "Config":
    """The settings; people at a terminal get the log as text unless they chose."""
    from prelo.config import Config

    config = Config.load(**chosen)
    if "log" in config.model_fields_set or not sys.stderr.isatty():
        return config
    return config.model_copy(update={"log": "text"})


def _run(config: "Config", roles: Collection["Role"], *, json: bool) -> None:
    from prelo.entry.roles import on_a_loop, serve

    if tuple(roles) == ("work",):
        os.nice(_NICE)
    on_a_loop(serve(config, roles, _ready(config, roles, json=json)))


def _ready(config: "Config", roles: Collection["Role"], *, json: bool) -> Callable[[int], None]:
    """What is said once the process is ready: to people a banner, to programs one line of JSON."""
    host = f"[{config.host}]" if ":" in config.host else config.host

    def tell(port: int) -> None:
        url = f"http://{host}:{port}" if port else None
        facts = {
            "roles": list(roles), "pid": os.getpid(), "url": url,
            "data": str(config.data), "catalog": str(config.catalog),
        }  # fmt: skip
        if json:
            say.as_json_line(facts)
            return
        say.line(f"Prelo is ready ({', '.join(roles)}), process {os.getpid()}", "bold green")
        if url:
            say.line(f"  address   {url}   reference {url}/docs")
        say.line(f"  data      {config.data}")
        say.line(f"  catalog   {config.catalog}")
        say.line("  Ctrl-C stops it, after what is running.", "dim")

    return tell


@contextlib.contextmanager
def _alone(data: Path) -> Generator[None]:
    """Hold the data folder. A second `serve` there would be a second set of in-memory doorbells.

    The lock is the kernel's: it ends with the process, however that ends.
    """
    from prelo.core.errors import Misconfigured

    try:
        data.mkdir(parents=True, exist_ok=True)
        held = (data / "serve.pid").open("a+", encoding="ascii")
    except OSError as error:
        raise Misconfigured(
            f"the data folder {data} cannot be used: {error.strerror or error}; choose one by --data"
        ) from error
    with held:
        try:
            fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            held.seek(0)
            pid = held.read().strip() or "unknown"
            raise Misconfigured(
                f"another prelo serve (process {pid}) runs on {data}; stop it, or choose another --data"
            ) from error
        held.truncate(0)
        held.write(str(os.getpid()))
        held.flush()
        yield
