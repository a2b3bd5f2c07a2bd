"""The sheet that tells what the file is: what was asked, how much there is, what had to be changed."""

from importlib.metadata import version

import polars as pl

from prelo.core.table import Column, Completeness, Kind, Layout, Manifest
from prelo.core.workbook import XlsxOptions
from prelo.formats.words import words_of


def about_layout(layout: Layout) -> Layout:
    """How that sheet looks."""
    words = words_of(layout.locale)
    text = Kind(name="text")
    return Layout(
        title=words.about,
        locale=layout.locale,
        columns={
            "fact": Column(words.fact, kind=text, width=26, bold=True),
            "value": Column(words.value, kind=text, width=80, wrap=True),
        },
        xlsx=XlsxOptions(
            sheet=words.about, autofilter=False, protect=layout.xlsx.protect, rtl=layout.xlsx.rtl
        ),
    )


def about(layout: Layout, manifest: Manifest) -> pl.DataFrame:
    """Its rows. No clock and no machine is in them: equal data makes equal files."""
    words = words_of(layout.locale)
    state = dict(zip(Completeness, words.states, strict=True))[manifest.completeness]
    rows = [
        (words.title, layout.title),
        (words.subtitle, layout.subtitle),
        (words.author, layout.author),
        *(layout.facts | layout.about).items(),
        (words.rows, f"{manifest.rows:,}"),
        (words.state, state + (f": {manifest.reason}" if manifest.reason else "")),
        *((words.sheet, f"{sheet.name}: {sheet.rows:,}") for sheet in manifest.sheets),
        *((words.changed, f"{w.column} ({w.count:,}): {w.detail}") for w in manifest.warnings),
        (words.made_by, f"Prelo {version('prelo')}"),
    ]
    shown = [row for row in rows if row[1]]
    return pl.DataFrame(shown, schema={"fact": pl.String, "value": pl.String}, orient="row")
