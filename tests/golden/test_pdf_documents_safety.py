"""A document reads nothing but its folder, whatever its template or its data say; what it tries is told."""

import re
from collections.abc import Generator
from pathlib import Path

import polars as pl
import pytest
from conftest import Run
from documents import CANARY, Desk, counting, lines
from pdfs import pages, saved, squeezed

from prelo.core.errors import FormatFailed

SVG = (
    '<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" {}>{}</svg>'
)
TRIES = {
    "image": '<img src="{url}">',
    "set": '<img srcset="{url} 2x" src="{url}">',
    "background": '<p style="background: url({url})">x</p>',
    "content": '<style>p::before {{ content: url("{url}") }}</style><p>x</p>',
    "list": "<style>li {{ list-style-image: url({url}) }}</style><ul><li>x</ul>",
    "sheet": '<link rel="stylesheet" href="{url}">x',
    "import": '<style>@import url("{url}");</style>x',
    "import of an import": '<link rel="stylesheet" href="import.css">x',
    "font": "<style>@font-face {{ font-family: F; src: url({url}) }} p {{ font-family: F }}</style><p>x",
    "colours": "<style>@color-profile --cmyk {{ src: url({url}) }}</style>x",
    "object": '<object data="{url}"></object>',
    "embed": '<embed src="{url}">',
    "svg image": SVG.format("", '<image href="{url}" width="9" height="9"/>'),
    "old svg image": SVG.format("", '<image xlink:href="{url}" width="9" height="9"/>'),
    "svg style": SVG.format("", '<style>@import url("{url}");</style><rect width="9" height="9"/>'),
    "svg file": '<img src="image.svg">',
    "attached": '<link rel="attachment" href="{url}">x',
    "attached by a link": '<a rel="attachment" href="{url}">x</a>',
    "base": '<base href="{url}"><img src="here.png">',
    "border": '<p style="border-image: url({url}) 1; border: 1px solid">x</p>',
    "mask": '<p style="mask-border-source: url({url})">x</p>',
    "page margin": "<style>@page {{ @top-left {{ content: url({url}) }} }}</style>x",
}
NOT_LOADED = {"svg style"}  # which WeasyPrint does not follow: nothing is asked for


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    (tmp_path / "outside.txt").write_text(CANARY)
    (tmp_path / "outside.css").write_text(f'body::before {{ content: "{CANARY}" }}')
    folder = tmp_path / "inside"
    folder.mkdir()
    return Desk(folder)


@pytest.fixture
def server() -> Generator[tuple[str, list[str]]]:
    with counting() as served:
        yield served


def tried(desk: Desk, way: str, url: str) -> str:
    desk.put("import.css", f"@import '{url}';")
    image = SVG.format("", f'<image href="{url}" width="9" height="9"/>')
    desk.put("image.svg", image.replace("<svg", '<svg width="9" height="9"'))
    return TRIES[way].format(url=url)


@pytest.mark.parametrize("way", sorted(set(TRIES) - NOT_LOADED))
def test_no_connection_is_opened_and_the_address_is_told(
    way: str, desk: Desk, server: tuple[str, list[str]]
):
    address, asked = server
    with pytest.raises(FormatFailed) as failed:
        desk.write(tried(desk, way, address))
    assert address.removesuffix("/x") in str(failed.value)
    assert asked == []


@pytest.mark.parametrize("way", sorted(set(TRIES) - NOT_LOADED))
def test_no_file_outside_the_folder_is_read(way: str, desk: Desk):
    for target in ("outside.txt", "outside.css"):
        with pytest.raises(FormatFailed) as failed:
            desk.write(tried(desk, way, (desk.folder.parent / target).as_uri()))
        assert f"/{target}'" in str(failed.value) or "/here.png'" in str(failed.value)
        assert CANARY not in str(failed.value)


@pytest.mark.parametrize("way", sorted(NOT_LOADED))
def test_what_nothing_draws_asks_for_nothing(way: str, desk: Desk, server: tuple[str, list[str]]):
    address, asked = server
    desk.write(tried(desk, way, address))
    assert asked == []


@pytest.mark.parametrize(
    "address",
    [
        "../outside.txt", "../../etc/passwd", "/etc/passwd", "%2e%2e/outside.txt", "..%2foutside.txt",
        "..\\outside.txt", "link.txt", "linked/outside.txt", ".env", "a/../.env", "missing.png", "%00",
        "ftp://127.0.0.1/x", "http://169.254.169.254/latest/meta-data", "//127.0.0.1/x", "FILE:///etc/passwd",
        "prelo:../formats/fonts/OFL.txt", "prelo:OFL.txt", "resource:/x", "jar:file:///x!/y",
        "https://folder.invalid/../outside.txt",
    ],
)  # fmt: skip
def test_no_way_to_write_an_address_leads_out_of_the_folder(address: str, desk: Desk):
    (desk.folder / "link.txt").symlink_to("../outside.txt")
    (desk.folder / "linked").symlink_to("..")
    desk.put(".env", "SECRET=1")
    with pytest.raises(FormatFailed) as failed:
        desk.write(f'<img src="{address}">')
    assert re.search(r"is not in the document's folder|has no file|was refused", str(failed.value))


def test_all_refused_addresses_are_told_at_once(desk: Desk):
    with pytest.raises(FormatFailed) as failed:
        desk.write("".join(f'<img src="http://127.0.0.1:9/{n}">' for n in range(8)))
    assert "http://127.0.0.1:9/0' was refused" in str(failed.value)
    assert str(failed.value).endswith("and 3 more")


def test_entities_and_inclusions_of_xml_read_nothing(desk: Desk):
    outside = (desk.folder.parent / "outside.txt").as_uri()
    bomb = f'<!DOCTYPE svg [<!ENTITY x SYSTEM "{outside}">]>' + SVG.format(
        "", "<text y='9'>&x;</text>"
    )
    desk.put("bomb.svg", bomb)
    with pytest.raises(FormatFailed, match=r"Failed to load image at 'bomb\.svg'"):
        desk.write('<img src="bomb.svg">')
    include = (
        f'<xi:include xmlns:xi="http://www.w3.org/2001/XInclude" href="{outside}" parse="text"/>'
    )
    desk.put(
        "include.svg", SVG.format('width="90" height="90"', f"<text y='9'>{include}here</text>")
    )
    file, _ = desk.write('<img src="include.svg">')
    assert CANARY not in pages(file)[0]


def test_files_of_the_folder_and_data_in_the_page_are_read(desk: Desk):
    (desk.folder / "alias.css").symlink_to("css/real.css")
    desk.put(
        "css/real.css",
        'body::before { content: "styled"; background: url(../logo.svg) } @import "";',
    )
    desk.put("css/more.css", 'body::after { content: "more" }')
    desk.put("logo.svg", SVG.format('width="9" height="9"', '<rect width="9" height="9"/>'))
    file, _ = desk.write(
        '<link rel="stylesheet" href="css/real.css"><link rel="stylesheet" href="css/more.css">'
        '<img src="data:image/svg+xml,%3Csvg xmlns=%22http://www.w3.org/2000/svg%22/%3E">'
        "<img src=\"{{ asset('logo.svg') }}\"> body"
    )
    assert squeezed(pages(file)[0]) == "styledbodymore"
    with pytest.raises(FormatFailed, match=r"'\.\./outside\.txt' is not in the document's folder"):
        desk.write("{{ asset('../outside.txt') }}")


def test_an_image_that_is_none_fails_the_document(desk: Desk):
    desk.put("logo.png", b"no image")
    with pytest.raises(FormatFailed, match=r"Failed to load image at 'logo\.png'"):
        desk.write('<img src="logo.png">')
    desk.put("style.txt", "p { color: red }")
    with pytest.raises(FormatFailed, match="Unsupported stylesheet type"):
        desk.write('<link rel="stylesheet" href="style.txt">')


EVIL = [
    "{{7*7}}", "{% include 'secret' %}", "<script>alert(1)</script>", "<img src=file:///etc/passwd>",
    "<link rel=stylesheet href=http://127.0.0.1:9/>", "</p><h1>x", "&lt;b&gt;", "{# #}", "{{ rows }}",
    '"><img src="http://127.0.0.1:9/">', "<!--", "]]>", "\u202eabc", "{{''.__class__}}",
]  # fmt: skip


def test_text_of_data_is_text_and_nothing_else(desk: Desk, pdftotext: Run):
    rows = lines(1, len(EVIL)).with_columns(
        item=pl.Series(EVIL), invoice=pl.Series([EVIL[9]] * len(EVIL))
    )
    template = """{% for row in rows %}<p title="{{ row.item }}">[{{ row.item }}]</p>{% endfor %}"""
    file, _ = desk.write(template, rows, per="invoice", layout={"title": EVIL[3]})
    text = pdftotext(saved(file, desk.folder), "-")
    for evil in EVIL:
        assert f"[{evil}]" in text or "\u202e" in evil
    empty, _ = desk.write(template, rows.clear(), per="invoice", layout={"title": EVIL[3]})
    assert EVIL[3] in pages(empty)[0]


def test_data_that_a_template_trusts_still_reaches_nothing(
    desk: Desk, server: tuple[str, list[str]]
):
    address, asked = server
    rows = lines(1, 1).with_columns(item=pl.lit(f'<img src="{address}">'))
    with pytest.raises(FormatFailed, match=address):
        desk.write("{{ rows[0].item|safe }}", rows)
    assert asked == []


def test_scripts_and_forms_do_nothing(desk: Desk):
    file, _ = desk.write(
        "<script>document.write('ran')</script><p onclick='x()'>still</p><form action='http://127.0.0.1:9/'>"
        "<input name=a value=typed></form><iframe src='http://127.0.0.1:9/'></iframe>"
        "<meta http-equiv=refresh content='0;url=http://127.0.0.1:9/'>"
    )
    assert "ran" not in pages(file)[0]
    assert b"JavaScript" not in file
    assert b"AcroForm" not in file
