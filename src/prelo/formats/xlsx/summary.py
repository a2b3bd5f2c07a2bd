"""The sheet of a summary."""

from prelo.core.table import Layout
from prelo.core.workbook import XlsxOptions
from prelo.formats.summary import Summing
from prelo.formats.words import words_of


def summary_layout(summing: Summing, around: Layout) -> Layout:
    """How the summary's sheet looks in a workbook of that layout."""
    summary = summing.summary
    return Layout(
        title=summary.title,
        columns=summing.columns(around.locale),
        locale=around.locale,
        timezone=around.timezone,
        xlsx=XlsxOptions(
            sheet=summary.sheet or words_of(around.locale).summary,
            charts=summary.charts,
            protect=around.xlsx.protect,
            rtl=around.xlsx.rtl,
        ),
    )
