"""Axes that lie and have their true distances."""

import numpy as np

from prelo.formats.pdf.charts.axis import Axis
from prelo.formats.pdf.charts.labels import spread
from prelo.formats.pdf.charts.plot import Box, label_below
from prelo.formats.pdf.charts.setting import Sheet


def lying_ticks(sheet: Sheet, box: Box, axis: Axis, *, lines: bool) -> None:
    """The labels of a lying axis at their true places."""
    places = [float(box.left + share * box.width) for share in axis.share(np.array(axis.ticks))]
    for x, text, fits in zip(
        places, axis.labels, spread(axis.labels, places, sheet.setting), strict=True
    ):
        if lines:
            sheet.rule(x, box.bottom, x, box.top)
        if fits:
            label_below(sheet, box, x, text)
