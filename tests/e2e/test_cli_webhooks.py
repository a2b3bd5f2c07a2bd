"""`prelo webhooks`, as their owner meets it, on a server with a socket."""

import asyncio
import json
from dataclasses import replace

from typer.testing import CliRunner, Result

from prelo.entry.cli import app
from prelo.wiring import couriers
from tests.e2e.conftest import Door
from tests.e2e.test_http_webhooks import deliver
from tests.receivers.web import Receiver, status


async def test_a_webhook_from_its_making_to_its_end(door: Door):
    config = door.config.model_copy(update={"webhook_local": True})
    door.app.state.house = replace(door.app.state.house, config=config)
    door.ports = replace(door.ports, couriers=couriers(config))
    async with door.served() as http, Receiver(status(410)) as receiver:

        async def prelo(*words: str) -> Result:
            told = ["webhooks", *words, "--url", str(http.base_url)]
            return await asyncio.to_thread(CliRunner().invoke, app, told, env={"COLUMNS": "200"})

        assert "There are none" in (await prelo("list")).output
        made = json.loads((await prelo("add", receiver.url, "--jobs", "all", "--json")).stdout)
        one = made["id"]
        assert made["secret"].startswith("whsec_")
        shown = (await prelo("show", one)).stdout
        assert receiver.url in shown
        assert made["secret"] not in shown
        assert "is on its way" in (await prelo("test", one)).stdout
        await deliver(door)
        listed = (await prelo("deliveries", one)).stdout
        assert "410" in listed
        assert "dead" in listed
        assert "off" in (await prelo("list")).stdout
        receiver.usually = status(204)
        assert "off" not in (await prelo("enable", one)).stdout
        assert "1 on the way again" in (await prelo("replay", one, "--dead")).stdout
        await deliver(door)
        assert len(set(receiver.ids)) == 1
        assert (await prelo("replay", one)).exit_code != 0
        assert "whsec_" in (await prelo("rotate", one, "--grace", "60")).stdout
        changed = await prelo("change", one, "--description", "ours", "--event", "failed", "--json")
        assert json.loads(changed.stdout)["events"] == ["failed"]
        assert "is deleted" in (await prelo("remove", one)).stdout
        assert (await prelo("show", one)).exit_code != 0
