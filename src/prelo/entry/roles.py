"""The roles of a process: the API, the worker, upkeep, or all of them in one."""

import asyncio
import contextlib
import secrets
import signal
import socket
from collections.abc import Awaitable, Callable, Collection, Coroutine, Generator
from typing import Any, Literal

import uvicorn
import uvloop

from prelo.app.breakers import Breakers
from prelo.app.produce import Terms
from prelo.app.upkeep import upkeep
from prelo.app.worker import work
from prelo.config import Config
from prelo.core.errors import Misconfigured, Unavailable
from prelo.entry.sockets import MOST_SAID, Sockets, Streams
from prelo.ports import Ports
from prelo.wiring import opened

Role = Literal["api", "work", "upkeep"]
_AGAIN_SECONDS = 1.0  # between two looks for a store that is away
ALL: tuple[Role, ...] = ("api", "work", "upkeep")


def on_a_loop(main: Coroutine[Any, Any, None]) -> None:
    """What a process does, on the event loop that costs least: uvloop's."""
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(main)


async def serve(
    config: Config, roles: Collection[Role] = ALL, ready: Callable[[int], None] | None = None
) -> None:
    """Run these roles until SIGTERM or SIGINT, then drain. `ready` gets the port (0 without the API).

    Raises Misconfigured for a port that is taken, a database of another version, a broken catalog. A
    database server that is not there yet is waited for: meanwhile callers are told so, and workers wait.
    """
    async with opened(config) as ports:
        migrated = await _migrated(config, ports)
        await run(config, ports, roles, ready, migrated=migrated)


async def run(
    config: Config,
    ports: Ports,
    roles: Collection[Role],
    ready: Callable[[int], None] | None = None,
    *,
    migrated: bool = True,
) -> None:
    """As `serve`, over ports that are open. `migrated`: the store has the tables of this version."""
    stop = asyncio.Event()
    listener = _listener(config) if "api" in roles else None
    begun: list[Awaitable[None]] = [] if migrated else [_migrate(ports, stop)]
    if "upkeep" in roles:
        begun.append(upkeep(ports, stop, max_queued=config.max_queued))
    if "work" in roles:
        begun.append(_work(config, ports, stop, roles))
    if listener:
        begun.append(_api(config, ports, stop, roles, listener))
    with _signals(stop):
        # No TaskGroup: it would cancel the others, and a worker that is cancelled gives nothing back.
        running = [asyncio.create_task(_ending(role, stop)) for role in begun]
        if ready:
            ready(listener.getsockname()[1] if listener else 0)
        await asyncio.wait(running)
    for role in running:
        role.result()


async def _migrated(config: Config, ports: Ports) -> bool:
    """Bring the store up. False if its server is away; a file that cannot be opened will not be later."""
    try:
        await ports.store.migrate()
    except Unavailable as error:
        if config.store.startswith("sqlite:"):
            raise
        ports.observer.event("store.waits", detail=error.detail)
        return False
    return True


async def _migrate(ports: Ports, stop: asyncio.Event) -> None:
    """The same as soon as the server is there."""
    while not stop.is_set():
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(stop.wait(), _AGAIN_SECONDS)
        try:
            await ports.store.migrate()
        except Unavailable as error:
            ports.observer.event("store.waits", detail=error.detail)
        else:
            ports.observer.event("store.ready")
            break
    await stop.wait()


async def _ending(role: Awaitable[None], stop: asyncio.Event) -> None:
    """One role's end is everybody's: a process never lives on as a part of itself."""
    try:
        await role
    finally:
        stop.set()


async def _work(config: Config, ports: Ports, stop: asyncio.Event, roles: Collection[Role]) -> None:
    # A doorbell in memory is heard in its own process only: a lone worker looks more often instead.
    alone = config.broker.startswith("memory:") and "upkeep" not in roles
    await work(
        ports,
        Terms(
            owner=secrets.token_hex(8),
            lease=config.lease,
            beat=config.beat,
            retry=config.retry,
            breakers=Breakers(config.breaker),
            limits=config.tenant_limits,
        ),
        stop,
        slots=config.slots,
        look=min(config.look, 0.25) if alone else config.look,
        grace=config.grace,
    )


async def _api(
    config: Config,
    ports: Ports,
    stop: asyncio.Event,
    roles: Collection[Role],
    listener: socket.socket,
) -> None:
    from prelo.entry.api.http import create_app

    app = create_app(ports, config, tuple(roles))
    server = uvicorn.Server(
        uvicorn.Config(
            app,
            log_level="warning",
            access_log=False,
            lifespan="off",
            timeout_graceful_shutdown=5,
            http=Streams,
            ws=Sockets,
            ws_max_size=MOST_SAID,
            ws_per_message_deflate=False,  # its windows would be most of what a listener costs
        )
    )
    # Signals are ours: uvicorn would catch them, and raise them again in the middle of the drain.
    server.capture_signals = contextlib.nullcontext  # pyright: ignore[reportAttributeAccessIssue]
    serving = asyncio.create_task(server.serve([listener]))
    stopping = asyncio.create_task(stop.wait())
    await asyncio.wait({serving, stopping}, return_when=asyncio.FIRST_COMPLETED)
    app.state.house.draining.append("SIGTERM")
    await app.state.house.live.close()
    server.should_exit = True
    await serving
    await app.state.house.close()


def _listener(config: Config) -> socket.socket:
    """The API's port, taken before anything else is touched."""
    if config.host not in {"127.0.0.1", "::1", "localhost"} and not config.auth:
        raise Misconfigured(
            f"PRELO_HOST is {config.host}, and nobody would be asked who they are: say PRELO_AUTH=keys and "
            "make a key by `prelo keys create`, or say PRELO_AUTH=oidc, or listen on 127.0.0.1"
        )
    family = socket.AF_INET6 if ":" in config.host else socket.AF_INET
    # By its protocol asyncio knows a socket to send at once on (TCP_NODELAY): else 40 ms an answer.
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((config.host, config.port))
    except OSError as error:
        listener.close()
        raise Misconfigured(
            f"cannot listen on {config.host}:{config.port}: {error.strerror or error}; "
            "is another server running? Choose a port by --port or PRELO_PORT"
        ) from error
    listener.listen(
        2048
    )  # from here on callers wait, and are not refused, until uvicorn takes over
    return listener


@contextlib.contextmanager
def _signals(stop: asyncio.Event) -> Generator[None]:
    """SIGTERM and SIGINT set the flag, nothing else; a second one ends the process the hard way."""
    loop = asyncio.get_running_loop()

    def ask() -> None:
        if stop.is_set():
            signal.raise_signal(signal.SIGKILL)
        stop.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, ask)
    try:
        yield
    finally:
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.remove_signal_handler(number)
