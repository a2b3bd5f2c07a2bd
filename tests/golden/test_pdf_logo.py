"""Logos: what other readers see of them, and images that mean harm."""

import base64
import http.server
import io
import struct
import threading
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pypdf
import pytest
from conftest import Run
from papers import Paper, of_logo, seen
from PIL import Image, ImageDraw, ImageFile, ImageOps
from pydantic import ValidationError

from prelo.core.errors import FormatFailed
from prelo.core.table import Layout
from prelo.formats.pdf.drawn.logo import draw_logo

SVG = '<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" width="96" height="48" viewBox="0 0 96 48">{}</svg>'  # noqa: E501  one line of XML


def picture(mode: str) -> Image.Image:
    image = Image.new("RGB", (60, 40), "white")
    draw = ImageDraw.Draw(image)
    draw.rectangle((4, 4, 30, 20), fill="#d02020")
    draw.ellipse((28, 12, 55, 36), fill="#2040c0")
    if mode == "RGBA":
        image.putalpha(Image.linear_gradient("L").resize(image.size))
    elif mode == "LA":
        image = image.convert("L")
        image.putalpha(Image.linear_gradient("L").resize(image.size))
    elif mode == "I;16":
        return Image.fromarray(np.asarray(image.convert("L")).astype(np.uint16) * 257)
    return image if mode in {"RGBA", "LA"} else image.convert(mode)


def saved_as(image: Image.Image, form: str, **options: Any) -> bytes:
    out = io.BytesIO()
    image.save(out, form, **options)
    return out.getvalue()


def on_white(image: Image.Image) -> Image.Image:
    paper = Image.new("RGBA", image.size, "white")
    paper.alpha_composite(image.convert("RGBA"))
    return paper.convert("RGB")


def difference(painted: Image.Image, wanted: Image.Image) -> float:
    """The mean difference of a colour, of 255. Painted finely, for readers place dots by halves."""
    one = painted.resize(wanted.size, Image.Resampling.BOX)
    other = wanted.convert("RGB")
    return float(np.abs(np.asarray(one).astype(int) - np.asarray(other).astype(int)).mean())


def drawn_svg(inner: str) -> bytes:
    return SVG.format(inner).encode()


@pytest.mark.parametrize(
    ("mode", "form", "options"),
    [
        *[(mode, "PNG", {}) for mode in ("RGB", "L", "P", "1", "RGBA", "LA")],
        ("P", "PNG", {"transparency": 3}), ("P", "PNG", {"bits": 2}), ("RGB", "GIF", {}), ("P", "BMP", {}),
        ("RGB", "JPEG", {"quality": 95}), ("L", "JPEG", {"quality": 95, "progressive": True}),
    ],
)  # fmt: skip
def test_an_image_looks_on_paper_as_it_is(
    tmp_path: Path, mode: str, form: str, options: dict[str, Any]
):
    image = picture(mode)
    if options.get("bits"):
        image = image.convert("RGB").quantize(4)
    data = saved_as(image, form, **options)
    with Image.open(io.BytesIO(data)) as wanted:
        assert difference(seen(of_logo(data), tmp_path, 768), on_white(wanted)) < 6


def test_sixteen_bits_become_eight(tmp_path: Path):
    data = saved_as(picture("I;16"), "PNG")
    assert difference(seen(of_logo(data), tmp_path, 768), picture("L").convert("RGB")) < 2


def test_an_interlaced_image_is_put_together(tmp_path: Path):
    # Adam7 of one pass: a single point has nothing in the other six (W3C PNG, 8.2).
    chunks = [(b"IHDR", struct.pack(">IIBBBBB", 1, 1, 8, 2, 0, 0, 1)),
              (b"IDAT", zlib.compress(b"\0\xff\x80\x00")), (b"IEND", b"")]  # fmt: skip
    data = b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))
        for name, body in chunks
    )
    assert seen(of_logo(data), tmp_path).getpixel((0, 0)) == (255, 128, 0)


def test_inks_keep_their_colours_and_are_converted_for_an_archive(tmp_path: Path):
    image = Image.new("CMYK", (40, 20), (0, 255, 255, 0))  # red
    data = saved_as(image, "JPEG", quality=95)
    assert b"Adobe" in data
    for file, colors in ((of_logo(data), b"CMYK"), (of_logo(data, archive=True), b"RGB")):
        red = np.asarray(seen(file, tmp_path)).reshape(-1, 3).mean(0)
        assert red[0] > 200
        assert max(red[1], red[2]) < 60
        assert b"/ColorSpace/Device" + colors in file


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_photo_stands_upright_as_its_camera_says(tmp_path: Path, orientation: int):
    exif = Image.Exif()
    exif[0x112] = orientation
    data = saved_as(picture("RGB"), "JPEG", quality=95, exif=exif)
    with Image.open(io.BytesIO(data)) as image:
        wanted = ImageOps.exif_transpose(image).convert("RGB")
    file = of_logo(data)
    painted = seen(file, tmp_path, 768)
    assert (painted.width > painted.height) == (wanted.width > wanted.height)
    assert difference(painted, wanted) < 4
    assert data in file  # as it came


def test_what_a_pdf_can_hold_is_in_it_as_it_came():
    png, jpeg = saved_as(picture("RGB"), "PNG"), saved_as(picture("RGB"), "JPEG")
    start = png.index(b"IDAT") + 4
    length = struct.unpack(">I", png[start - 8 : start - 4])[0]
    assert png[start : start + length] in of_logo(png)
    assert jpeg in of_logo(jpeg)


def test_the_same_image_is_in_a_file_once():
    paper = Paper()
    data = saved_as(picture("RGBA"), "PNG")
    for _ in range(3):
        paper.page(draw_logo(data, paper.fonts, paper.assets, 60_000).at(0, 0))
    assert paper.pdf(60, 40).count(b"/Subtype/Image") == 2  # it and its mask


def test_a_logo_is_as_large_as_it_says_but_not_larger_than_its_place():
    paper = Paper()

    def size(data: bytes, most: int = 60_000) -> tuple[int, int]:
        drawn = draw_logo(data, paper.fonts, paper.assets, most)
        return drawn.width, drawn.height

    image = picture("RGB")
    assert size(saved_as(image, "PNG")) == (4500, 3000)  # 96 dots an inch
    assert size(saved_as(image, "PNG", dpi=(144, 144))) == (3000, 2000)
    assert size(saved_as(image, "JPEG", dpi=(1, 1))) == (4500, 3000)  # nobody means that
    assert size(saved_as(image.resize((600, 400)), "PNG")) == (6000, 4000)
    assert size(saved_as(image, "PNG"), 1500) == (1500, 1000)
    assert size(drawn_svg("")) == (7200, 3600)


def test_a_drawn_logo_has_its_shapes_colours_and_texts(tmp_path: Path, pdftotext: Run, qpdf: Run):
    file = of_logo(
        drawn_svg(
            '<style>.a{fill:#00ff00}</style><defs><linearGradient id="g"><stop offset="0" stop-color="#f00"/>'
            '<stop offset="1" stop-color="#00f"/></linearGradient><clipPath id="c"><circle cx="36" cy="12" '
            'r="8"/></clipPath></defs><rect class="a" width="12" height="12"/>'
            '<rect x="12" width="12" height="24" fill="url(#g)"/>'
            '<g clip-path="url(#c)"><rect x="24" width="24" height="24" fill="#000080"/></g>'
            '<path d="M50 0h20v20h-20z M55 5h10v10h-10z" fill-rule="evenodd"/>'
            '<text x="4" y="44" font-size="12" font-weight="bold">Prélo &amp; Söhne</text>'
        )
    )
    image = seen(file, tmp_path)
    places = {(6, 6): (0, 255, 0), (26, 2): (255, 255, 255), (36, 12): (0, 0, 128),
              (52, 2): (0, 0, 0), (60, 10): (255, 255, 255), (90, 10): (255, 255, 255)}  # fmt: skip
    for place, colour in places.items():
        assert image.getpixel(place) == colour, place
    red, blue = (np.asarray(image)[12, x] for x in (13, 22))
    assert red[0] > red[2]
    assert blue[2] > blue[0]
    assert "Prélo & Söhne" in pdftotext(tmp_path / "drawn.pdf", "-")
    assert "No syntax or stream encoding errors" in qpdf("--check", tmp_path / "drawn.pdf")
    fonts: Any = pypdf.PdfReader(io.BytesIO(file)).pages[0]["/Resources"]
    assert set(fonts["/Font"]) == {"/B", "/BU"}  # no font but the report's own


@pytest.mark.parametrize("inner", ["", '<rect width="9" height="9"/>', "<text>x</text>"])
def test_equal_logos_give_equal_bytes(inner: str):
    assert of_logo(drawn_svg(inner)) == of_logo(drawn_svg(inner))


def test_an_image_within_a_drawing_is_shown(tmp_path: Path):
    inside = base64.b64encode(saved_as(Image.new("RGB", (4, 4), "#ff8000"), "PNG")).decode()
    link = (
        f'<image x="10" y="10" width="20" height="20" xlink:href="data:image/png;base64,{inside}"/>'
    )
    image = seen(of_logo(drawn_svg(link)), tmp_path)
    assert image.getpixel((20, 20)) == (255, 128, 0)
    assert image.getpixel((5, 5)) == image.getpixel((32, 32)) == (255, 255, 255)


class Asked(http.server.ThreadingHTTPServer):
    """Counts who asks it for anything."""

    def __init__(self) -> None:
        self.paths: list[str] = []
        super().__init__(("127.0.0.1", 0), _Answering)


class _Answering(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        assert isinstance(self.server, Asked)
        self.server.paths.append(self.path)
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"SECRET")

    def log_message(self, *_: object) -> None:  # pyright: ignore[reportIncompatibleMethodOverride]  silent
        """Tests are quiet."""


@pytest.fixture
def asked() -> Iterator[Asked]:
    server = Asked()
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


HOSTILE = {
    "image": '<image width="9" height="9" xlink:href="{}"/>',
    "image of SVG 2": '<image width="9" height="9" href="{}"/>',
    "use": '<use xlink:href="{}#a"/>',
    "gradient": '<linearGradient id="g" xlink:href="{}#g"/>',
    "fill": '<rect width="9" height="9" fill="url({}#a)"/>',
    "style attribute": '<rect width="9" height="9" style="fill: url(\'{}\')"/>',
    "import": "<style>@import '{}';</style>",
    "font": "<style>@font-face {{font-family: x; src: url({})}}</style><text>x</text>",
    "filter": '<rect width="9" height="9" filter="url({}#f)"/>',
}


@pytest.mark.parametrize("inner", HOSTILE.values(), ids=HOSTILE.keys())
def test_a_drawing_that_refers_to_anything_outside_is_refused_and_nothing_is_read(
    tmp_path: Path, asked: Asked, inner: str
):
    canary = tmp_path / "canary.svg"
    canary.write_text(SVG.format('<text id="a">SECRET</text>'))
    places = [f"http://127.0.0.1:{asked.server_port}/x.svg", canary.as_uri(), str(canary)]
    for place in places:
        with pytest.raises(FormatFailed, match=r"refers to '.*nothing but the file itself is read"):
            of_logo(drawn_svg(inner.format(place)))
    assert asked.paths == []


def test_a_font_is_never_looked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    (tmp_path / "spy.ttf").write_bytes(b"no font")
    called = tmp_path / "called"
    (tmp_path / "fc-match").write_text(f"#!/bin/sh\n: > {called}\n")
    (tmp_path / "fc-match").chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    of_logo(drawn_svg(f'<text font-family="{tmp_path}/spy" y="20">x</text>'))
    of_logo(drawn_svg('<text font-family="spy, Unheard Of" font-style="italic" y="20">x</text>'))
    assert not called.exists()


@pytest.mark.parametrize("kind", ["SYSTEM", "PUBLIC 'x'"])
def test_entities_are_refused(tmp_path: Path, asked: Asked, kind: str):
    (tmp_path / "secret").write_text("SECRET")
    for place in ((tmp_path / "secret").as_uri(), f"http://127.0.0.1:{asked.server_port}/x"):
        head = f'<!DOCTYPE svg [<!ENTITY x {kind} "{place}">]>'
        with pytest.raises(FormatFailed, match="declares entities"):
            of_logo((head + SVG.format('<text y="20">&x;</text>')).encode())
    dtd = f'<!DOCTYPE svg SYSTEM "http://127.0.0.1:{asked.server_port}/x.dtd">'
    of_logo((dtd + SVG.format("<text>x</text>")).encode())  # as drawing programs write it
    assert asked.paths == []


def test_what_multiplies_itself_is_refused():
    tens = {i: f"&a{i - 1};" * 10 for i in range(1, 10)}
    lol = "".join(f"<!ENTITY a{i} '{ten}'>" for i, ten in tens.items())
    bomb = f'<!DOCTYPE svg [<!ENTITY a0 "x">{lol}]>' + SVG.format("<text>&a9;</text>")
    with pytest.raises(FormatFailed, match="declares entities"):
        of_logo(bomb.encode())
    repeats = {i: f"<use href='#u{i - 1}'/>" * 10 for i in range(1, 9)}
    uses = "".join(f'<g id="u{i}">{ten}</g>' for i, ten in repeats.items())
    nested = f'<defs><rect id="u0" width="1" height="1"/>{uses}</defs><use href="#u8"/>'
    circle = '<g id="a"><use href="#b"/></g><g id="b"><use href="#a"/></g>'
    itself = '<g id="a"><use href="#a"/></g>'
    clips = '<clipPath id="c">' + "<rect/>" * 100 + "</clipPath>" + '<g clip-path="url(#c)"/>' * 100
    for inner in (nested, circle, itself, clips, "<g/>" * 5001):
        with pytest.raises(FormatFailed, match="more than 5,000 elements"):
            of_logo(drawn_svg(inner))


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (drawn_svg("<!--" + "x" * (1 << 20) + "-->"), "more than 1 MiB"),
        (b"<svg", "cannot be drawn"),
        (b"<?xml version='1.0'?><html>svg</html>", "it is no SVG"),
        (SVG.replace('width="96"', 'width="0"').encode(), "it has no size"),
        (SVG.replace('width="96"', 'width="1e999"').encode(), "cannot be drawn"),
        (drawn_svg('<path d="M0 0 L1e999 5"/>'), "cannot be drawn"),
        (drawn_svg('<image href="data:image/png;base64,AAAA"/>'), "damaged image"),
    ],
    ids=["large", "cut", "html", "no width", "endless", "far away", "image"],
)  # fmt: skip
def test_a_drawing_that_cannot_be_drawn_is_refused_with_a_sentence(data: bytes, said: str):
    with pytest.raises(FormatFailed, match=said):
        of_logo(data)


def test_clips_within_clips_are_bounded_as_an_archive_wants_it():
    clip = '<clipPath id="c"><rect width="90" height="40"/></clipPath>'
    for depth, fits in ((20, True), (21, False)):
        inner = '<g clip-path="url(#c)">' * depth + '<rect width="5" height="5"/>' + "</g>" * depth
        data = drawn_svg(f"<defs>{clip}</defs>{inner}")
        if fits:
            of_logo(data)
        else:
            with pytest.raises(FormatFailed, match="20 clips"):
                of_logo(data)


def bomb(width: int, height: int) -> bytes:
    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    body = zlib.compress(bytes(1000))
    chunks = [(b"IHDR", head), (b"IDAT", body), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(b)) + n + b + struct.pack(">I", zlib.crc32(n + b)) for n, b in chunks
    )


@pytest.mark.parametrize("size", [(10_000, 5_001), (60_000, 60_000)])
def test_an_image_of_too_many_points_is_refused_before_it_is_unpacked(size: tuple[int, int]):
    with pytest.raises(FormatFailed, match="more than 50,000,000 points"):
        of_logo(bomb(*size))
    inside = base64.b64encode(bomb(*size)).decode()
    with pytest.raises(FormatFailed, match="more than 50,000,000 points"):
        of_logo(drawn_svg(f'<image href="data:image/png;base64,{inside}"/>'))


@pytest.mark.parametrize("lenient", [True, False])
@pytest.mark.parametrize("form", ["PNG", "JPEG", "GIF", "BMP"])
def test_a_damaged_image_is_refused_with_a_sentence(
    form: str, *, lenient: bool, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(ImageFile, "LOAD_TRUNCATED_IMAGES", lenient)  # as WeasyPrint leaves it
    data = saved_as(picture("RGB"), form)
    for cut in (3, 20, len(data) // 2):
        with pytest.raises(FormatFailed, match="the logo is a damaged image"):
            of_logo(data[:cut])


def test_a_layout_takes_drawings_and_refuses_what_is_no_image():
    for data in (drawn_svg(""), b"\xef\xbb\xbf\n" + drawn_svg(""), b"<!-- x --><svg:svg/>"):
        assert Layout(logo=data).logo == data
        assert Layout.model_validate_json(Layout(logo=data).model_dump_json()).logo == data
    for data in (b"<html></html>", b"<?xml version='1.0'?><a/>", b"svg", b""):
        with pytest.raises(ValidationError, match="no image that a report shows"):
            Layout(logo=data)
