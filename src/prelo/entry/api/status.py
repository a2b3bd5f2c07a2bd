"""How the house is doing, for every door that says it."""

from importlib.metadata import version

from prelo.core.view import StatusView
from prelo.entry.api.reading import House
from prelo.ports import LANES

VERSION = version("prelo")


async def status_view(here: House) -> StatusView:
    store = here.ports.store
    depth = {lane: await store.depth(lane) for lane in LANES}
    health = dict(await store.health())
    return StatusView(version=VERSION, roles=here.roles, depth=depth, health=health)
