"""A Report: what may be asked for. Its parameters, where its rows come from, and how it looks."""

import hashlib
import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import date, datetime
from functools import cached_property
from typing import Annotated, Any, Literal, Self

from pydantic import Field, field_validator, model_validator

from prelo.core.canonical import canonical
from prelo.core.dataset import DatasetSpec, source_name
from prelo.core.errors import Misconfigured, NotFound
from prelo.core.model import Model
from prelo.core.parameters import Parameter
from prelo.core.table import Layout

Lane = Literal["small", "large", "isolation"]
Format = Literal["xlsx", "pdf", "csv"]
FORMATS: tuple[Format, ...] = ("xlsx", "pdf", "csv")

_NAME = re.compile(r"[a-z][a-z0-9_.-]{0,63}")
_MARK = re.compile(r"\{([a-z_][a-z0-9_]*)\}", re.IGNORECASE)
_PLACES = {"document": {"folder"}, "cover": {"folder"}, "annex": {"folder"}}
MB = 1 << 20
_MOST_SETS = 256  # sets of permissions for which a catalog is kept at hand


class Limits(Model):
    """What one attempt may use. Going over is a permanent failure, said by name.

    `rows`: data rows. `seconds`: wall-clock time of one attempt. `memory`: bytes of data memory of the
    press, which takes about 250 MB before it has read a row. `file_size`: bytes of the file.
    """

    rows: Annotated[int, Field(ge=1)] = 20_000_000
    seconds: Annotated[float, Field(gt=0, le=86_400)] = 900
    memory: Annotated[int, Field(ge=256 * MB)] = 1024 * MB
    file_size: Annotated[int, Field(ge=MB)] = 8192 * MB


class SourceSpec(Model):
    """Where the rows come from; exactly one of query, file, python, rows, dataset.

    `query` runs on the named `connection`, with the report's parameters bound as :name. `file` is a
    path below the catalog's folder (.csv .parquet .arrow .jsonl). `python` is "file.py:function" there.
    `rows` are given inline, each as long as `names`; of a `dataset`, which was uploaded, `names` are the
    columns to take. `digest` stands for the text of the function.
    """

    connection: str = "default"
    query: str | None = None
    file: str | None = None
    python: str | None = None
    names: tuple[str, ...] = ()
    rows: tuple[tuple[Any, ...], ...] | None = None
    digest: str | None = None
    dataset: DatasetSpec | None = None

    @model_validator(mode="after")
    def _exactly_one(self) -> Self:
        given = [
            key
            for key in ("query", "file", "python", "rows", "dataset")
            if getattr(self, key) is not None
        ]
        if len(given) != 1:
            found = f"it has {' and '.join(given)}" if given else "it has none"
            raise ValueError(f"a source is exactly one of query, file, python or rows; {found}")
        return self

    @property
    def technology(self) -> Literal["sql", "file", "python", "rows", "dataset"]:
        """The key of the source adapter that reads this."""
        if self.dataset is not None:
            return "dataset"
        if self.query is not None:
            return "sql"
        if self.file is not None:
            return "file"
        return "python" if self.python is not None else "rows"

    @property
    def name(self) -> str:
        """What caps and breakers call it: its connection, or its technology and file; "" for inline rows."""
        if self.query is not None:
            return self.connection
        if self.dataset is not None:
            return source_name(self.dataset.id)
        place = self.file or self.python
        return f"{self.technology}:{place}" if place else ""


class ReportSheet(Layout):
    """A further sheet of a report's workbook: a layout, and where its rows come from."""

    source: SourceSpec


class Report(Layout):
    """The definition of a report: a layout with a name, parameters, a source, formats and limits.

    `sheets` are further sheets of its workbook; a PDF and a CSV have the report's own rows only.
    `show_parameters` says under the title what was asked for. `max_age`: seconds for which a finished file
    is handed out again (None: until it expires). `retention`: seconds until a finished file is deleted.
    `allow`: permissions of which a caller needs one; empty: everybody may ask. `{parameter}` in title,
    subtitle, facts, and in what stands on every page (headers, footers, a watermark) is replaced by its
    value.
    """

    name: str
    version: Annotated[int, Field(ge=1)] = 1
    description: str = ""
    parameters: dict[str, Parameter] = {}
    source: SourceSpec
    # A narrower type is safe: no model is ever changed.
    sheets: Mapping[str, ReportSheet] = {}  # pyright: ignore[reportIncompatibleVariableOverride]
    show_parameters: bool = False
    formats: tuple[Format, ...] = FORMATS
    limits: Limits = Limits()
    lane: Lane = "small"
    max_age: Annotated[float, Field(ge=0)] | None = None
    retention: Annotated[float, Field(gt=0)] = 7 * 86_400
    allow: tuple[str, ...] = ()

    @field_validator("name")
    @classmethod
    def _name_is_a_slug(cls, name: str) -> str:
        if not _NAME.fullmatch(name):
            raise ValueError(
                f"'{name}' is no name for a report: use a to z, digits, '_', '-', '.', starting with a letter"
            )
        return name

    @cached_property
    def digest(self) -> str:
        """SHA-256 of the whole definition: a changed report is never answered by an old file.

        Of what differs from the defaults: a field that a later Prelo adds changes no digest. Where a catalog
        stands on this machine is not in it, nor is who may ask: that is in the caller's part of a
        fingerprint.
        """
        apart: dict[str, Any] = {"pdf": _PLACES, "allow": True}
        told = self.model_dump(mode="json", exclude_defaults=True, exclude=apart)
        return hashlib.sha256(canonical(told)).hexdigest()

    def model_copy(self, *, update: Mapping[str, Any] | None = None, deep: bool = False) -> Self:
        """Pydantic's, but that a changed copy has a digest of its own."""
        copied = super().model_copy(update=update, deep=deep)
        vars(copied).pop("digest", None)
        return copied

    @property
    def source_names(self) -> tuple[str, ...]:
        """Of all the sources that its rows come from, those of its sheets, too."""
        sources = (self.source, *(sheet.source for sheet in self.sheets.values()))
        return tuple(sorted({source.name for source in sources} - {""}))

    def layout(self, parameters: dict[str, Any], **chosen: Any) -> Layout:
        """The layout of one job: marks filled in, `chosen` (locale, timezone, overflow) put over it, and its
        stamp with the report's name and parameters.
        """
        fields = {name: getattr(self, name) for name in Layout.model_fields}
        fields |= {name: value for name, value in chosen.items() if value is not None}
        fields |= _words(self, parameters)
        fields["sheets"] = {
            name: sheet.model_copy(update=_words(sheet, parameters))
            for name, sheet in self.sheets.items()
        }
        by_name = {name: _shown(value) for name, value in parameters.items()}
        fields["stamp"] = self.stamp.filled(report=self.name, marks=by_name)
        asked = {self.parameters[name].title or name: text for name, text in by_name.items()}
        if self.xlsx.template is not None:
            fields["facts"] = by_name | fields["facts"]
        elif self.show_parameters:
            fields["facts"] |= asked
        if self.xlsx.info:
            fields["about"] = {
                "Report": f"{self.name}, version {self.version}",
                **asked,
                **self.about,
            }
        return Layout(**fields)

    def of_sheet(self, name: str) -> "Report":
        """The report whose only table is that of one of the `sheets`."""
        sheet = self.sheets[name]
        fields = {name: getattr(sheet, name) for name in Layout.model_fields}
        return self.model_copy(update={**fields, "source": sheet.source})


def _words(layout: Layout, parameters: dict[str, Any]) -> dict[str, Any]:
    """What a layout says itself, with the values of the parameters in it."""
    return {
        "title": _filled(layout.title, parameters),
        "subtitle": _filled(layout.subtitle, parameters),
        "facts": {label: _filled(text, parameters) for label, text in layout.facts.items()},
    }


def _filled(text: str, parameters: dict[str, Any]) -> str:
    return _MARK.sub(lambda mark: _shown(parameters.get(mark[1], mark[0])), text)


def _shown(value: Any) -> str:
    if value is None:
        return ""
    return value.isoformat() if isinstance(value, date | datetime) else str(value)


_View = tuple["Catalog", frozenset[tuple[str, int]]]


class Catalog:
    """The reports that may be asked for, by name and version."""

    def __init__(self, reports: Iterable[Report] = ()) -> None:
        self._by_name: dict[str, dict[int, Report]] = {}
        for report in reports:
            versions = self._by_name.setdefault(report.name, {})
            if report.version in versions:
                raise Misconfigured(
                    f"the report '{report.name}' has its version {report.version} twice"
                )
            versions[report.version] = report
        self._for_all = not any(report.allow for report in self._all())
        self._views: dict[frozenset[str], _View] = {}

    def seen_by(self, permissions: frozenset[str] | None) -> "Catalog":
        """The reports that somebody with these permissions may ask for; None: who is not asked for any."""
        return self._view(permissions)[0]

    def hidden_from(self, permissions: frozenset[str] | None) -> frozenset[tuple[str, int]]:
        """Names and versions of the reports that are here, and not for them."""
        return self._view(permissions)[1]

    def _view(self, permissions: frozenset[str] | None) -> "_View":
        """Kept at hand: every look at a job asks for it."""
        if permissions is None or self._for_all:
            return self, frozenset()
        if permissions not in self._views:
            while len(self._views) >= _MOST_SETS:
                del self._views[next(iter(self._views))]
            hidden = {
                (one.name, one.version)
                for one in self._all()
                if one.allow and not permissions & {*one.allow}
            }
            seen = Catalog(one for one in self._all() if (one.name, one.version) not in hidden)
            self._views[permissions] = (seen, frozenset(hidden))
        return self._views[permissions]

    def _all(self) -> Iterator[Report]:
        return (one for versions in self._by_name.values() for one in versions.values())

    def get(self, name: str, version: int | None = None) -> Report:
        """The report, in its newest version if none is named. Raises NotFound with the nearest names."""
        versions = self._by_name.get(name)
        if not versions:
            known = ", ".join(sorted(self._by_name)) or "none: the catalog is empty"
            raise NotFound(f"there is no report '{name}'; the catalog has {known}")
        if version is None:
            return versions[max(versions)]
        if version not in versions:
            has = ", ".join(map(str, sorted(versions)))
            raise NotFound(f"the report '{name}' has no version {version}; it has {has}")
        return versions[version]

    def versions(self, name: str) -> tuple[int, ...]:
        """The versions of a report, oldest first; none for a name that is not there."""
        return tuple(sorted(self._by_name.get(name, ())))

    def __iter__(self) -> Iterator[Report]:
        """Every report in its newest version, by name."""
        return (self.get(name) for name in sorted(self._by_name))

    def __len__(self) -> int:
        return len(self._by_name)
