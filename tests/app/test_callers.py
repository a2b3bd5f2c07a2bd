"""Callers by their keys and tokens, the last use of a key, and entries on their way into the audit."""

import asyncio
import shutil
from collections.abc import AsyncIterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from prelo.app import keys
from prelo.app.audit import Trail
from prelo.app.callers import Doorman
from prelo.app.rates import Rates, check
from prelo.config import Config
from prelo.core.access import USUAL, spelled
from prelo.core.claims import ClaimNames
from prelo.core.errors import (
    Conflict,
    Forbidden,
    Invalid,
    NotFound,
    TooManyRequests,
    Unauthenticated,
    Unavailable,
)
from prelo.core.records import Act, AuditFilter
from prelo.core.request import Caller
from prelo.ports import Ports
from prelo.wiring import opened
from tests.servers.fixtures import migrated

ASK = Act(actor="key:a", action="ask", detail={"report": "sales"})


class Heard:
    """An observer that keeps what it is told."""

    def __init__(self) -> None:
        self.events: list[tuple[str, dict[str, object]]] = []

    def event(self, name: str, job: object = None, **fields: object) -> None:  # noqa: ARG002  the port's
        self.events.append((name, fields))

    def of(self, name: str) -> list[dict[str, object]]:
        return [fields for told, fields in self.events if told == name]


class Voucher:
    """An issuer whose word is the token itself."""

    async def check(self) -> None: ...

    async def claims(self, token: str) -> Mapping[str, Any]:
        if token == "away":
            raise Unavailable("the issuer is away")
        return {"sub": token, "tenant": "acme", "scope": "jobs:read", "permissions": ["hr"]}

    async def close(self) -> None: ...


@pytest.fixture(scope="session")
def empty(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("keys") / "prelo.db"
    migrated(f"sqlite:///{path}")
    return path


@pytest.fixture
async def ports(tmp_path: Path, empty: Path) -> AsyncIterator[Ports]:
    (tmp_path / "reports").mkdir()
    shutil.copy(empty, tmp_path / "prelo.db")
    config = Config(data=tmp_path, catalog=tmp_path / "reports")
    async with opened(config) as made:
        yield replace(made, observer=Heard())


@pytest.fixture
async def doorman(ports: Ports) -> AsyncIterator[Doorman]:
    made = Doorman(ports, ("keys",), ClaimNames())
    yield made
    await made.close()


async def key_of(ports: Ports, **told: Any) -> tuple[str, str]:
    """A new key: its id and its text."""
    facts: dict[str, Any] = {"name": "ci", "tenant": "acme", "scopes": USUAL, **told}
    made, text = await keys.create(keys.Wanted(**facts), ports.store, "ana@desk")
    return made.id, text


async def test_a_key_makes_a_caller_with_its_rights(ports: Ports, doorman: Doorman):
    key_id, text = await key_of(ports, permissions=("hr", "board"))
    who = await doorman.caller(f"Bearer {text}")
    assert who == Caller.known("acme", f"key:{key_id}", USUAL, ("board", "hr"))
    assert who.scope == "board,hr"


async def test_who_is_not_asked_is_anybody(ports: Ports):
    assert await Doorman(ports, (), ClaimNames()).caller("Bearer nonsense") == Caller()


async def test_a_token_makes_a_caller_and_each_kind_only_where_it_is_taken(ports: Ports):
    _, text = await key_of(ports)
    vouched = replace(ports, issuer=Voucher())
    both = Doorman(vouched, ("keys", "oidc"), ClaimNames())
    assert (await both.caller("Bearer ana")).subject == "oidc:ana"
    assert (await both.caller(f"Bearer {text}")).subject.startswith("key:")
    with pytest.raises(Unavailable, match="the issuer is away"):
        await both.caller("Bearer away")
    with pytest.raises(Unauthenticated, match="API keys are not taken here"):
        await Doorman(vouched, ("oidc",), ClaimNames()).caller(f"Bearer {text}")
    with pytest.raises(Unauthenticated, match="this is not an API key"):
        await Doorman(vouched, ("keys",), ClaimNames()).caller("Bearer ana")
    with pytest.raises(Forbidden):
        await Doorman(vouched, ("oidc",), ClaimNames(tenant="org")).caller("Bearer ana")
    await both.close()


async def test_a_key_is_asked_of_the_store_once_in_a_while_however_many_come(
    ports: Ports, doorman: Doorman, monkeypatch: pytest.MonkeyPatch
):
    """Seen by what changes in the store meanwhile: who asked it again would notice."""
    key_id, text = await key_of(ports)
    never = spelled("0" * 12, "0" * 30)
    shown = f"Bearer {text}"
    assert len({who.subject for who in await together(doorman, shown)}) == 1
    with pytest.raises(Unauthenticated):
        await doorman.caller(f"Bearer {never}")
    await keys.revoke(key_id, ports.store, "ana@desk")
    assert await doorman.caller(shown)
    fresh = Doorman(ports, ("keys",), ClaimNames())
    with pytest.raises(Unauthenticated, match="was revoked"):
        await fresh.caller(shown)


async def together(doorman: Doorman, shown: str) -> list[Caller]:
    return await asyncio.gather(*(doorman.caller(shown) for _ in range(50)))


async def test_what_is_remembered_of_keys_is_bounded_and_guesses_push_out_no_key(
    ports: Ports, doorman: Doorman, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("prelo.app.callers._MOST", 5)
    key_id, text = await key_of(ports)
    await doorman.caller(f"Bearer {text}")
    for n in range(20):
        with pytest.raises(Unauthenticated, match="no such API key"):
            await doorman.caller(f"Bearer {spelled(f'{n:012}', '0' * 30)}")
    remembered = doorman._unknown  # pyright: ignore[reportPrivateUsage]  nothing else shows it  memory is not seen from outside
    assert len(remembered._kept) == 5  # pyright: ignore[reportPrivateUsage]  nothing else shows it
    await keys.revoke(key_id, ports.store, "ana@desk")
    assert await doorman.caller(f"Bearer {text}")  # it was not asked for again


async def test_who_hangs_up_while_the_store_is_asked_takes_nobody_along(
    ports: Ports, doorman: Doorman
):
    _, text = await key_of(ports)
    first, second = (asyncio.create_task(doorman.caller(f"Bearer {text}")) for _ in range(2))
    await asyncio.sleep(0)
    first.cancel()
    assert (await second).tenant == "acme"


async def test_the_last_use_is_written_once_a_minute_and_nobody_waits_for_it(
    ports: Ports, doorman: Doorman, monkeypatch: pytest.MonkeyPatch
):
    key_id, text = await key_of(ports)

    async def used() -> int | None:
        await doorman.close()
        found = await ports.store.key(key_id)
        return found and found.used_at

    await doorman.caller(f"Bearer {text}")
    first = await used()
    assert first is not None
    await asyncio.sleep(0.005)
    await doorman.caller(f"Bearer {text}")
    assert await used() == first
    monkeypatch.setattr("prelo.app.callers._USED_SECONDS", 0)
    await doorman.caller(f"Bearer {text}")
    again = await used()
    assert again is not None
    assert again > first


async def test_a_use_that_cannot_be_written_is_told_and_refuses_nobody(
    ports: Ports, doorman: Doorman, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("prelo.app.callers._USED_SECONDS", 0)
    _, text = await key_of(ports)
    await doorman.caller(f"Bearer {text}")
    await doorman.close()
    await ports.store.close()
    assert await doorman.caller(f"Bearer {text}")
    await doorman.close()
    assert isinstance(ports.observer, Heard)
    assert ports.observer.of("keys.unwritten")[0]["count"] == 1


async def test_a_rotation_says_why_it_cannot_be(ports: Ports):
    key_id, _ = await key_of(ports)
    fresh, text = await keys.rotate(key_id, ports.store, "ana@desk", 60_000)
    assert text.startswith(f"prelo_{fresh.id}_")
    with pytest.raises(Conflict, match=f"it was replaced by {fresh.id}"):
        await keys.rotate(key_id, ports.store, "ana@desk", 60_000)
    await keys.revoke(fresh.id, ports.store, "ana@desk")
    with pytest.raises(Conflict, match="it is revoked"):
        await keys.rotate(fresh.id, ports.store, "ana@desk", 60_000)
    with pytest.raises(NotFound) as caught:
        await keys.revoke(text, ports.store, "ana@desk")
    assert text not in caught.value.detail


async def test_a_key_that_cannot_be_made_is_not(ports: Ports):
    with pytest.raises(Invalid, match="scopes/0: ") as caught:
        await key_of(ports, scopes=("jobs",), name="")
    assert {one.pointer for one in caught.value.errors} == {"/scopes/0", "/name"}
    assert await ports.store.keys() == []


async def test_entries_are_written_together_and_the_same_ones_counted(ports: Ports):
    trail = Trail(ports.store, ports.observer, 1)
    for n in (1, 1, 2, 1):
        trail.note(ASK, "acme", f"job{n}", 0)
    await trail.close()
    found = await ports.store.audit(AuditFilter())
    told = {one.job_id: one.detail for one in found}
    assert told == {"job1": {"report": "sales", "times": 3}, "job2": {"report": "sales"}}
    trail.note(ASK, "acme", "job1", 0)
    await trail.close()
    assert len(await ports.store.audit(AuditFilter())) == 3


async def test_no_entry_is_lost_in_silence(ports: Ports, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("prelo.app.audit._MOST", 3)
    monkeypatch.setattr("prelo.app.audit._GATHER_SECONDS", 0)
    assert isinstance(ports.observer, Heard)
    trail = Trail(ports.store, ports.observer, 1)
    await ports.store.close()
    for n in range(5):
        trail.note(ASK, "acme", f"job{n}", 0)
    await asyncio.sleep(0.05)
    trail.note(ASK, "acme", "job0", 0)  # which waits already, and is counted
    assert ports.observer.of("audit.waits")
    await trail.close(0.05)
    lost = ports.observer.of("audit.lost")
    assert sorted(str(one["job_id"]) for one in lost) == [f"job{n}" for n in range(5)]
    (first,) = [one for one in lost if one["job_id"] == "job0"]
    assert (first["actor"], first["action"], first["tenant"]) == ("key:a", "ask", "acme")
    assert first["detail"] == {"report": "sales", "times": 2}


async def test_an_entry_whose_writing_hangs_at_the_end_is_told_to_the_log(
    ports: Ports, monkeypatch: pytest.MonkeyPatch
):
    async def never(*_: Any) -> None:
        await asyncio.Event().wait()

    assert isinstance(ports.observer, Heard)
    monkeypatch.setattr(ports.store, "note", never)
    trail = Trail(ports.store, ports.observer, 1)
    trail.note(ASK, "acme", "job1", 0)
    await asyncio.sleep(0.4)
    await trail.close(0.05)
    assert [one["job_id"] for one in ports.observer.of("audit.lost")] == ["job1"]


async def test_requests_are_not_refused_while_the_cache_cannot_count(ports: Ports):
    class Silent:
        async def count(self, name: str, seconds: float, times: int = 1) -> int | None:  # noqa: ARG002  the port's
            return None

    rates = Rates(Silent(), {"*": 1})  # type: ignore[arg-type]  a part of it
    for _ in range(3):
        check(await rates.taken("acme"))
    counted = Rates(ports.cache, {"acme": 1})
    check(await counted.taken("other"))
    check(await counted.taken("acme"))
    with pytest.raises(TooManyRequests) as caught:
        check(await counted.taken("acme"))
    assert 0 < caught.value.retry_after <= 60
