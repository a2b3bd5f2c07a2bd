"""The logo above the title, of whatever sort the image is."""

from prelo.core.errors import FormatFailed
from prelo.core.workbook import is_svg
from prelo.formats.pdf.drawn.assets import Assets, Drawn
from prelo.formats.pdf.drawn.operators import Fonts, operators_of
from prelo.formats.pdf.drawn.raster import DAMAGED, paint_raster, read_raster
from prelo.formats.pdf.drawn.vector import read_svg

MOST_HEIGHT = 4000
"""1/100 pt: about as high as in a workbook."""


def draw_logo(data: bytes, fonts: Fonts, assets: Assets, width: int) -> Drawn:
    """The image at its own size, or as much smaller as it takes to be at most `width` (1/100 pt) wide and
    40 pt high. Raises FormatFailed for an image that is damaged, too large, or refers to others.
    """
    if is_svg(data):
        drawing = read_svg(data)
        scale = _scale(drawing.width, drawing.height, width)
        drawing.width, drawing.height = drawing.width * scale, drawing.height * scale
        drawing.transform = (scale, 0, 0, scale, 0, 0)
        try:
            drawn = operators_of(drawing, fonts, assets)
        except (ValueError, TypeError, AttributeError, AssertionError) as error:
            raise FormatFailed(f"the logo is an SVG that cannot be drawn: {error}") from error
        box = b"0 0 %d %d re W n\n" % (drawn.width, drawn.height)
        return Drawn(box + drawn.content, drawn.width, drawn.height)
    raster = read_raster(data)
    scale = _scale(raster.width, raster.height, width)
    across, up = round(raster.width * scale * 100), round(raster.height * scale * 100)
    try:
        name = paint_raster(raster, assets)
    except (OSError, ValueError, KeyError) as error:
        raise FormatFailed(DAMAGED) from error
    a, b, c, d, e, f = raster.turned
    matrix = (a * across, b * up, c * across, d * up, e * across, f * up)
    return Drawn(b"%d %d %d %d %d %d cm /%b Do\n" % (*matrix, name), across, up)


def _scale(width: float, height: float, most: int) -> float:
    return min(1.0, most / 100 / width, MOST_HEIGHT / 100 / height)
