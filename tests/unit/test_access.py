"""How a key is written and read, and how permissions become one text."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from prelo.core.access import LETTERS, Key, digest_of, presented, scope_of, spelled
from prelo.core.claims import ClaimNames, caller_by
from prelo.core.errors import Forbidden, NotFound, Unauthenticated
from prelo.core.report import Catalog, Report, SourceSpec
from prelo.core.request import Caller, Request, order

IDS = st.text(LETTERS, min_size=12, max_size=12)
SECRETS = st.text(LETTERS, min_size=30, max_size=30)
NAMES = st.sets(st.text(min_size=1, max_size=80), max_size=6)


@given(IDS, SECRETS)
def test_a_key_is_read_as_it_was_written(key_id: str, secret: str):
    shown = presented(spelled(key_id, secret))
    assert shown == (key_id, digest_of(secret))


@given(IDS, SECRETS, st.data())
def test_one_wrong_character_is_noticed_without_a_look_into_any_store(
    key_id: str, secret: str, data: st.DataObject
):
    text = spelled(key_id, secret)
    place = data.draw(st.integers(0, len(text) - 1))
    other = data.draw(st.sampled_from(LETTERS + "_-é ").filter(lambda c: c != text[place]))
    for wrong in (text[:place] + other + text[place + 1 :], text[:place] + text[place + 1 :]):
        with pytest.raises(Unauthenticated) as caught:
            presented(wrong)
        assert secret not in caught.value.detail


@given(NAMES, NAMES)
def test_sets_of_permissions_have_one_text_if_and_only_if_they_are_equal(
    one: set[str], other: set[str]
):
    assert (scope_of(one) == scope_of(other)) == (one == other)
    assert scope_of(sorted(one, reverse=True)) == scope_of(one)
    assert len(scope_of(one)) <= 255


def test_a_comma_in_a_name_makes_no_other_set():
    assert scope_of({"a,b"}) != scope_of({"a", "b"})


@pytest.mark.parametrize(
    "wrong",
    [{"name": ""}, {"name": "a\nb"}, {"tenant": " acme"}, {"tenant": "x" * 256}, {"scopes": ["all"]},
     {"permissions": ["a,b"]}, {"permissions": [""]}],
)  # fmt: skip
def test_a_key_has_readable_names_and_known_scopes(wrong: dict[str, object]):
    good: dict[str, object] = {"id": "a", "tenant": "acme", "name": "ci", "digest": "d"}
    Key.model_validate(good)
    with pytest.raises(ValidationError):
        Key.model_validate(good | wrong)


CLAIMS = {"sub": "ana", "tenant": "acme", "scope": "openid jobs:read", "permissions": ["hr"]}


def test_claims_make_a_caller():
    who = caller_by(CLAIMS, ClaimNames())
    assert (who.tenant, who.subject, who.scope) == ("acme", "oidc:ana", "hr")
    assert who.scopes == {"jobs:read"}
    assert who.permissions == {"hr"}


def test_claims_are_found_by_their_name_or_within_others():
    told = {"sub": "ana", "https://x.example/tenant": "acme", "realm": {"roles": ["hr", 7, ""]}}
    names = ClaimNames(tenant="https://x.example/tenant", permissions="realm.roles", scopes="a.b")
    who = caller_by(told, names)
    assert (who.tenant, who.permissions, who.scopes) == ("acme", {"hr"}, frozenset())
    assert caller_by(told, ClaimNames(tenant="")).tenant == "default"


@pytest.mark.parametrize("tenant", [None, "", 7, ["acme"], "a\nb", "x" * 256, {"acme": 1}])
def test_a_token_without_a_usable_tenant_is_nobodys(tenant: object):
    with pytest.raises(Forbidden, match="'tenant'"):
        caller_by(CLAIMS | {"tenant": tenant}, ClaimNames())


def report(name: str, version: int = 1, allow: tuple[str, ...] = ()) -> Report:
    return Report(name=name, version=version, allow=allow, source=SourceSpec(query="select 1"))


CATALOG = Catalog([
    report("open"), report("pay", 1), report("pay", 2, ("hr", "board")), report("plan", 1, ("board",)),
])  # fmt: skip


def known(*permissions: str) -> Caller:
    return Caller.known("acme", "key:a", ("jobs:write",), permissions)


def test_reports_are_seen_by_those_who_have_one_of_their_permissions():
    def seen(who: Caller) -> list[tuple[str, int]]:
        return [(one.name, one.version) for one in CATALOG.seen_by(who.permissions)]

    assert seen(known()) == [("open", 1), ("pay", 1)]
    assert seen(known("hr")) == [("open", 1), ("pay", 2)]
    assert seen(known("board", "x")) == [("open", 1), ("pay", 2), ("plan", 1)]
    assert seen(Caller()) == [("open", 1), ("pay", 2), ("plan", 1)]  # where nobody is asked
    assert CATALOG.hidden_from(known("hr").permissions) == {("plan", 1)}
    assert CATALOG.hidden_from(None) == frozenset()


def test_a_report_that_one_may_not_ask_for_is_as_one_that_is_not_there():
    with pytest.raises(NotFound) as hidden:
        order(Request(report="plan"), CATALOG, known("hr"))
    with pytest.raises(NotFound) as missing:
        order(Request(report="nowhere"), CATALOG, known("hr"))
    assert hidden.value.detail.replace("plan", "nowhere") == missing.value.detail


def test_who_has_other_permissions_has_another_fingerprint_and_who_is_another_person_has_not():
    def print_of(who: Caller) -> str:
        return order(Request(report="open"), CATALOG, who)[0].fingerprint

    ana = known("hr", "board")
    assert print_of(ana) == print_of(ana.model_copy(update={"subject": "key:b"}))
    assert len({print_of(who) for who in (ana, known("hr"), known())}) == 3


def test_who_may_ask_for_a_report_does_not_change_its_files():
    assert report("pay", 1, ("hr",)).digest == report("pay", 1).digest
