"""What a template may say: rows, totals, charts and the report's words."""

import base64
import mimetypes
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import polars as pl
from markupsafe import Markup
from pydantic import ValidationError

from prelo.core.table import Layout, Stamp
from prelo.core.workbook import Chart
from prelo.formats.groups import Closed, Totals
from prelo.formats.pdf.document.filters import Filters
from prelo.formats.pdf.document.folder import Folder
from prelo.formats.pdf.document.picture import draw
from prelo.formats.pdf.document.values import Row, Rows, Table
from prelo.formats.pdf.locale import Locale
from prelo.formats.pdf.totals import total_kind
from prelo.formats.stream import Field

Names = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Scope:
    """What is the same for all documents of a run. `fields` are those of the frames, hidden ones too."""

    layout: Layout
    fields: tuple[Field, ...]
    locale: Locale

    def names(self) -> Names:
        """What every template may name."""
        layout = self.layout
        return {
            "title": layout.title,
            "subtitle": layout.subtitle,
            "facts": layout.facts,
            "author": layout.author,
            "locale": layout.locale,
            "stamp": Made(layout.stamp, self.filters),
            "logo": _data_uri(layout.logo) if layout.logo else "",
            "columns": [
                {"name": f.name, "title": f.title, "kind": str(f.kind), "align": _align(f)}
                for f in self.fields
                if not f.column.hidden
            ],
        }

    def of_rows(self, frame: pl.DataFrame, per: Sequence[str]) -> Names:
        """The names of one document: `group` holds the values of `per`, which all its rows share."""
        kinds = {f.name: (f.kind, f.column.format) for f in self.fields}
        table = Table(frame, kinds, self.locale)
        totals = Totals(self.fields, None)
        totals.feed(frame, np.zeros(frame.height, np.bool_))
        return {
            "rows": Rows(table),
            "count": frame.height,
            "group": Row(Table(frame[:1].select(per), kinds, self.locale), 0) if per else None,
            "totals": self.of_totals(totals.end(frame.height)),
            "chart": _Charts(self, frame),
        }

    def of_whole(self, empty: pl.DataFrame, totals: Closed | None, rows: int) -> Names:
        """The names of a cover or an annex: no rows (`empty` has their columns), but the `totals` of all."""
        names = self.of_rows(empty, ())
        if totals:
            names["totals"] = self.of_totals(totals)
        return {**names, "count": rows}

    def of_totals(self, closed: Closed) -> Row:
        """The totals that the columns ask for, as a row."""
        kinds = {f.name: (total_kind(f), f.column.format) for f in self.fields}
        return Row(Table(pl.DataFrame(closed.totals), kinds, self.locale), 0)

    @property
    def filters(self) -> Filters:
        return Filters(self.fields, self.locale, self.layout.timezone)


class Made:
    """The stamp, for a template. A moment nobody gave is taken where a template first asks for it."""

    def __init__(self, stamp: Stamp, filters: Filters) -> None:
        self._filters = filters
        self._moment = stamp.made
        self.report = stamp.report
        self.user = stamp.user

    @property
    def made(self) -> datetime:
        """In the report's time zone, without saying so."""
        zone = ZoneInfo(self._filters.timezone)
        self._moment = self._moment or datetime.now(zone)
        there = self._moment.astimezone(zone) if self._moment.tzinfo else self._moment
        return there.replace(tzinfo=None)

    @property
    def date(self) -> str:
        return self._filters.date(self.made)

    @property
    def time(self) -> str:
        return self._filters.time(self.made)


class _Charts:
    """`chart(x='month', y='revenue', …)`: the rows of a document, or others of it, as a drawing."""

    def __init__(self, scope: Scope, frame: pl.DataFrame) -> None:
        self._scope = scope
        self._frame = frame

    def __call__(self, **options: Any) -> Markup:
        try:
            chart = Chart.model_validate(options)
        except ValidationError as error:
            said = error.errors()[0]
            place = ".".join(map(str, said["loc"]))
            raise ValueError(
                f"chart: {place} {said['msg']}".replace("Value error, ", "")
            ) from error
        for name in (chart.x, *chart.y, *chart.lines):
            if name not in self._frame.columns:
                raise ValueError(f"chart: there is no column '{name}'")
        drawn = draw(chart, self._frame, self._scope.fields, self._scope.locale)
        return Markup(drawn)  # noqa: S704  drawn by us, its texts escaped


def asset(folder: Folder) -> Callable[[str], str]:
    """`asset('logo.png')`: a file of the folder as a data URI, which every engine can show."""
    return lambda name: _data_uri(folder.read(name), mimetypes.guess_type(name)[0])


def _data_uri(content: bytes, kind: str | None = None) -> str:
    kind = kind or _image_type(content)
    return f"data:{kind};base64,{base64.b64encode(content).decode()}"


def _image_type(content: bytes) -> str:
    known: Mapping[bytes, str] = {
        b"\x89PNG": "png",
        b"\xff\xd8\xff": "jpeg",
        b"GIF8": "gif",
        b"BM": "bmp",
    }
    for begin, name in known.items():
        if content.startswith(begin):
            return f"image/{name}"
    return "application/octet-stream"


def _align(field: Field) -> str:
    return field.column.align or field.kind.align
