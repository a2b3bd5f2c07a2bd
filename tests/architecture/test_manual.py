"""The pages that are made from the code are as the code is, and where they point there is something."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from prelo.core.errors import Failure, PreloError
from tests.manual.advice import ADVICE
from tests.manual.catalogue import OURS, known
from tests.manual.pages import DOCS, description, made
from tests.manual.schemas import slug

ROOT = DOCS.parent
PAGES = sorted([*ROOT.glob("*.md"), *DOCS.rglob("*.md")])


def headings(page: Path) -> list[str]:
    text = re.sub(
        r"^```.*?^```", "", page.read_text(encoding="utf-8"), flags=re.DOTALL | re.MULTILINE
    )
    found = re.findall(r"^#+ (.*)$", text, flags=re.MULTILINE)
    return [slug(re.sub(r"\[(.*?)\]\(.*?\)", r"\1", heading)) for heading in found]


async def test_the_made_pages_are_as_the_code_is():
    for name, text in made(await description()).items():
        assert (DOCS / name).read_text(encoding="utf-8") == text, "say: make docs"


def below(error: type[PreloError]) -> Iterator[type[PreloError]]:
    yield error
    for one in error.__subclasses__():
        yield from below(one)


def test_every_type_that_can_be_met_has_its_section():
    """Also of an error that is defined somewhere new: the catalogue knows where they are."""
    met = {
        one.type
        for one in below(PreloError)
        if "type" in vars(one) and one.__module__.startswith("prelo.entry")
    }
    assert met <= set(known())
    assert {one.type for one in below(Failure) if "type" in vars(one)} <= set(known())
    assert set(ADVICE) == {*known(), "internal"}
    assert {one.type for one in OURS} <= set(known())
    assert set(ADVICE) <= set(headings(DOCS / "errors.md"))


@pytest.mark.parametrize("page", ["api.md", "errors.md"])
def test_no_two_headings_have_one_anchor(page: str):
    found = headings(DOCS / page)
    assert {one for one in found if found.count(one) > 1} == set()


def test_links_between_pages_lead_somewhere():
    anchors = {page.resolve(): set(headings(page)) for page in PAGES}
    lost: list[str] = []
    for page in PAGES:
        text = page.read_text(encoding="utf-8")
        for target in re.findall(r"\]\(([^)\s]+)\)", text):
            if re.match(r"[a-z]+:", target):
                continue
            name, _, anchor = target.partition("#")
            found = (page.parent / name).resolve() if name else page.resolve()
            if not found.exists() or (anchor and anchor not in anchors.get(found, {anchor})):
                lost.append(f"{page.name}: {target}")
    assert lost == []
