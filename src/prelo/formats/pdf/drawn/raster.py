"""Images made of points: as they came where a PDF can hold them so, else their samples."""

from dataclasses import dataclass
from io import BytesIO
from struct import unpack
from typing import Any

import numpy as np
from PIL import Image, ImageFile

from prelo.core.errors import FormatFailed
from prelo.formats.pdf.drawn.assets import Assets

MOST_PIXELS = 50_000_000
_USUAL_DPI, _LEAST_DPI, _MOST_DPI = 96.0, 20.0, 4800.0
_PNG = b"\x89PNG\r\n\x1a\n"
_ORIENTATION = 0x0112  # of Exif
_TURNED = 5  # orientations from here on lie on their side
_PLACED = {  # Exif's orientations as the corners of the unit square (CIPA DC-008, 4.6.4)
    1: (1, 0, 0, 1, 0, 0), 2: (-1, 0, 0, 1, 1, 0), 3: (-1, 0, 0, -1, 1, 1), 4: (1, 0, 0, -1, 0, 1),
    5: (0, -1, -1, 0, 1, 1), 6: (0, -1, 1, 0, 0, 1), 7: (0, 1, 1, 0, 0, 0), 8: (0, 1, -1, 0, 1, 0),
}  # fmt: skip
_BASELINE_TO_PROGRESSIVE = (0xC0, 0xC1, 0xC2)  # what DCTDecode knows (ISO 32000-1, 7.4.8)
_SPACES = {"L": b"DeviceGray", "RGB": b"DeviceRGB", "CMYK": b"DeviceCMYK"}
DAMAGED = "the logo is a damaged image; save it anew, as PNG or JPEG"
_TOO_LARGE = f"the logo has more than {MOST_PIXELS:,} points; make the image smaller"


@dataclass(frozen=True, slots=True)
class Raster:
    """An image that was read to its end: its natural size in points, and how its corners are turned."""

    data: bytes
    image: Image.Image
    width: float
    height: float
    turned: tuple[int, int, int, int, int, int]


def read_raster(data: bytes) -> Raster:
    """Read a PNG, JPEG, GIF or BMP. Raises FormatFailed for a damaged one, or one of more than 50 million
    points.
    """
    image = opened(data)
    orientation = image.getexif().get(_ORIENTATION, 1)
    across, up = (_dpi(image, side) for side in (0, 1))
    width, height = image.width * 72 / across, image.height * 72 / up
    if orientation in _PLACED and orientation >= _TURNED:
        width, height = height, width
    turned = _PLACED.get(orientation, _PLACED[1])
    return Raster(data, image, width, height, turned)


def opened(data: bytes) -> Image.Image:
    """The image, decoded. Raises as read_raster."""
    lenient = ImageFile.LOAD_TRUNCATED_IMAGES
    try:
        ImageFile.LOAD_TRUNCATED_IMAGES = False  # WeasyPrint sets it for the whole process
        image = Image.open(BytesIO(data), formats=("PNG", "JPEG", "GIF", "BMP"))
        check_pixels(image.width * image.height)
        image.load()
        image.getexif()
    except FormatFailed:
        raise
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise FormatFailed(_TOO_LARGE) from error
    except Exception as error:  # decoders raise whatever they stumble over
        raise FormatFailed(DAMAGED) from error
    finally:
        ImageFile.LOAD_TRUNCATED_IMAGES = lenient
    return image


def check_pixels(pixels: int) -> None:
    """Raises FormatFailed for an image that would take too much memory."""
    if pixels > MOST_PIXELS:
        raise FormatFailed(_TOO_LARGE)


def _dpi(image: Image.Image, side: int) -> float:
    told: Any = image.info.get("dpi")
    dpi = float(told[side]) if isinstance(told, tuple) else _USUAL_DPI
    return dpi if _LEAST_DPI <= dpi <= _MOST_DPI else _USUAL_DPI


def paint_raster(raster: Raster, assets: Assets) -> bytes:
    """Put the image among the assets, as it came if possible; its name."""
    image = raster.image
    if image.format == "JPEG" and _passes(raster.data, image, archive=assets.archive):
        entries = _entries(image, _SPACES[image.mode]) + b"/Filter/DCTDecode"
        if image.mode == "CMYK" and "adobe" in image.info:  # Adobe's are inverted
            entries += b"/Decode[1 0 1 0 1 0 1 0]"
        return assets.image(raster.data, entries)
    if image.format == "PNG" and (packed := _png(raster.data)):
        return assets.image(*packed)
    return paint_image(image, assets)


def paint_image(image: Image.Image, assets: Assets) -> bytes:
    """Put the samples of an image among the assets: grey or RGB, with its opacity as a mask; its name."""
    check_pixels(image.width * image.height)
    image = _in_eight_bits(image)
    mask = None
    if image.has_transparency_data:
        image = image.convert("LA" if image.mode in {"L", "LA"} else "RGBA")
        alpha = image.getchannel("A")
        if alpha.getextrema()[0] != 255:  # noqa: PLR2004  opaque
            mask = (alpha.tobytes(), _entries(alpha, b"DeviceGray"))
    image = image.convert("L" if image.mode in {"1", "L", "LA"} else "RGB")
    return assets.image(image.tobytes(), _entries(image, _SPACES[image.mode]), mask)


def _in_eight_bits(image: Image.Image) -> Image.Image:
    """Pillow's own conversion of 16 bits cuts off what is above 255."""
    if image.mode.startswith("I"):
        samples = np.asarray(image).astype(np.int64) >> 8
        return Image.fromarray(samples.clip(0, 255).astype(np.uint8), "L")
    return image


def _entries(image: Image.Image, space: bytes, bits: int = 8) -> bytes:
    return b"/Width %d/Height %d/ColorSpace/%b/BitsPerComponent %d" % (
        image.width, image.height, space, bits,
    )  # fmt: skip


def _passes(data: bytes, image: Image.Image, *, archive: bool) -> bool:
    """Whether a PDF may hold the JPEG as it is; an archive has no colours of printing inks."""
    return (
        image.mode in _SPACES
        and not (archive and image.mode == "CMYK")
        and _frame_marker(data) in _BASELINE_TO_PROGRESSIVE
    )


def _frame_marker(data: bytes) -> int:
    """The marker of a JPEG's frame, SOF0 to SOF15: how it is coded (ITU T.81, B.1.1.3)."""
    at = 2
    while at + 4 <= len(data) and data[at] == 0xFF:  # noqa: PLR2004  begins a marker
        marker = data[at + 1]
        if 0xC0 <= marker <= 0xCF and marker not in {0xC4, 0xC8, 0xCC}:  # noqa: PLR2004  JPEG's markers
            return marker
        at += 2 + unpack(">H", data[at + 2 : at + 4])[0] if marker != 0xFF else 1  # noqa: PLR2004  JPEG's filler
    return 0


def _png(data: bytes) -> tuple[bytes, bytes] | None:
    """The compressed samples of a PNG and their entries: PDF knows PNG's predictors (ISO 32000-1, 7.4.4.4).

    None for one that must be converted: with transparency, 16 bits, or interlaced.
    """
    chunks = _chunks(data)
    width, height, bits, kind, _, _, interlaced = unpack(">IIBBBBB", chunks[b"IHDR"])
    if kind == 3 and not chunks.get(b"PLTE"):  # noqa: PLR2004  PNG's palette
        return None
    if interlaced or bits > 8 or b"tRNS" in chunks or kind not in {0, 2, 3}:  # noqa: PLR2004  PNG's types
        return None
    colors, space = (3, b"/DeviceRGB") if kind == 2 else (1, b"/DeviceGray")  # noqa: PLR2004  PNG's type of RGB
    if kind == 3:  # noqa: PLR2004  a palette
        palette = chunks.get(b"PLTE", b"")[: 3 << bits]
        space = b"[/Indexed/DeviceRGB %d<%b>]" % (len(palette) // 3 - 1, palette.hex().encode())
    entries = (
        b"/Width %d/Height %d/ColorSpace%b/BitsPerComponent %d/Filter/FlateDecode"
        b"/DecodeParms<</Predictor 15/Colors %d/BitsPerComponent %d/Columns %d>>"
        % (width, height, space, bits, colors, bits, width)
    )
    return chunks[b"IDAT"], entries


def _chunks(data: bytes) -> dict[bytes, bytes]:
    """The chunks of a PNG that was decoded before, so that it has them whole; those of a name joined."""
    out: dict[bytes, bytes] = {}
    parts: list[bytes] = []
    at = len(_PNG)
    while at + 8 <= len(data):
        (length,), name = unpack(">I", data[at : at + 4]), data[at + 4 : at + 8]
        content = data[at + 8 : at + 8 + length]
        if name == b"IDAT":
            parts.append(content)
        else:
            out.setdefault(name, content)
        at += 12 + length
    return out | {b"IDAT": b"".join(parts)}
