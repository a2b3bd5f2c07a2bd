"""The engine wkhtmltopdf: the same documents, and nothing loaded."""

import os
from pathlib import Path

import pytest
from conftest import Run, find
from documents import CANARY, Desk, counting, lines
from pdfs import pages, saved

from prelo.core.errors import FormatFailed, TimeLimit
from prelo.formats.pdf.document import wkhtml

ENGINE = {"engine": "wkhtmltopdf"}
TRIES = (
    '<img src="{url}">', '<link rel=stylesheet href="{url}">', "<p style='background: url({url})'>x",
    '<style>@import "{url}";</style>x', "<style>p {{ background: url( '{url}' ) }}</style><p>x",
    '<iframe src="{url}"></iframe>', '<object data="{url}"></object>', '<embed src="{url}">',
    '<script src="{url}"></script>x', '<base href="{url}"><img src="x">', '<body background="{url}">x',
    '<svg><image xlink:href="{url}"/></svg>', '<video poster="{url}"></video>', "<IMG SRC={url}>",
)  # fmt: skip
HIDDEN = (
    r"<style>p {{ background: \75rl({url}) }}</style><p>x",
    "<meta http-equiv=refresh content='0;url={url}'>x",
    "<form action={url}><input type=image></form>x",
    "<script>new Image().src='{url}'; document.write('ran')</script>x",
    "<body onload=\"location='{url}'\">x",
)


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    find("wkhtmltopdf", "wkhtmltopdf")
    (tmp_path / "outside.txt").write_text(CANARY)
    folder = tmp_path / "inside"
    folder.mkdir()
    return Desk(folder)


def test_documents_with_files_of_the_folder_put_into_the_page(desk: Desk, qpdf: Run):
    desk.put("x.css", "h1 { color: red }")
    desk.put("logo.svg", '<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"/>')
    template = """<meta charset="utf-8"><style>{% include 'x.css' %}</style>
        <img src="{{ asset('logo.svg') }}">
        <h1>Bill ä {{ group.invoice }}</h1>
        {% for row in rows %}<p>{{ row.item }} {{ row.text.amount }}</p>{% endfor %}"""
    file, manifest = desk.write(template, lines(2), per="invoice", document=ENGINE)
    assert [text.split()[:6] for text in pages(file)] == [
        ["Bill", "ä", "A-1", "Thing", "1", "€1.00"], ["Bill", "ä", "A-2", "Thing", "3", "€3.00"],
    ]  # fmt: skip
    assert manifest.pages == 2
    assert "No syntax or stream encoding errors" in qpdf("--check", saved(file, desk.folder))
    again, _ = desk.write(template, lines(2), per="invoice", document=ENGINE)
    assert again == file


@pytest.mark.parametrize("way", TRIES)
def test_an_address_is_refused_before_the_program_runs(way: str, desk: Desk):
    for url in ("http://127.0.0.1:9/x", (desk.folder.parent / "outside.txt").as_uri(), "logo.png"):
        with pytest.raises(
            FormatFailed, match=r"was refused: with wkhtmltopdf a page loads nothing"
        ) as failed:
            desk.write(way.format(url=url), document=ENGINE)
        assert f"'{url}'" in str(failed.value)


@pytest.mark.parametrize("way", HIDDEN)
def test_no_way_around_reaches_anything(way: str, desk: Desk):
    with counting() as (address, asked):
        for url in (address, (desk.folder.parent / "outside.txt").as_uri()):
            try:
                file, _ = desk.write(way.format(url=url), document=ENGINE)
            except FormatFailed:
                continue
            text = pages(file)[0]
            assert CANARY not in text
            assert "ran" not in text
    assert asked == []


def test_the_engine_that_is_missing_is_named(desk: Desk, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(os.environ, "PATH", "/nowhere")
    with pytest.raises(FormatFailed, match="wkhtmltopdf is not installed; install it"):
        desk.write("x", document=ENGINE)


def test_what_takes_too_long_is_ended(desk: Desk, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(wkhtml, "_SECONDS", 0.01)
    with pytest.raises(TimeLimit, match=r"page\.html: wkhtmltopdf took more than 0\.01 seconds"):
        desk.write("x", document=ENGINE)
