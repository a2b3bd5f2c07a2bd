"""What flows from a source to a writer: columns and their kinds, the layout around them, the manifest.

A writer gets a Layout and a stream of Arrow record batches, and returns a Manifest.
Nothing here knows a format.
"""

import re
from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any, Literal, Self, cast, get_args
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import (
    BeforeValidator,
    Field,
    PlainSerializer,
    ValidationError,
    WithJsonSchema,
    field_validator,
    model_validator,
)

from prelo.core.errors import Invalid
from prelo.core.model import Model
from prelo.core.page import PdfOptions, Stamp
from prelo.core.workbook import WHOLE, Color, Groups, Highlights, Image, Text, Total, XlsxOptions

KindName = Literal[
    "integer", "decimal", "number", "money", "percent", "scientific", "boolean", "date",
    "datetime", "time", "duration", "text", "code", "link",
]  # fmt: skip
Align = Literal["left", "center", "right"]

_KIND = re.compile(r"(?P<name>[a-z]+)(?:\((?P<digits>\d{1,2})\))?(?::(?P<currency>[A-Z]{3}))?")
_LOCALE = re.compile(r"[A-Za-z]{2,3}([-_][A-Za-z0-9]{2,8})*")
_WITH_DIGITS = {"decimal", "percent", "scientific", "money"}
_MAX_DIGITS = 20


class Kind(Model):
    """What a column's values are, and so how they are written and aligned.

    Written as text: `integer`, `decimal(2)`, `money:BRL`, `percent(1)`, `code` …
    `number` is a float in its shortest form; `code` is text that looks like a number and keeps its
    leading zeros; a `percent` of 0.25 shows as 25 %.
    """

    name: KindName
    digits: int | None = None
    currency: str | None = None

    @classmethod
    def parse(cls, text: str) -> "Kind":
        """Read a kind from its text. Raises ValueError with a sentence that lists what is possible."""
        match = _KIND.fullmatch(text.strip())
        name = match["name"] if match else ""
        if not match or name not in get_args(KindName):
            known = ", ".join(get_args(KindName))
            raise ValueError(f"'{text}' is no kind; use one of {known}, as decimal(2) or money:BRL")
        digits = int(match["digits"]) if match["digits"] else None
        if digits is not None and (name not in _WITH_DIGITS or digits > _MAX_DIGITS):
            raise ValueError(
                f"'{text}': only {', '.join(sorted(_WITH_DIGITS))} take digits, 0 to 20"
            )
        if (name == "money") != bool(match["currency"]):
            raise ValueError(f"'{text}': money, and only money, names its currency: money:EUR")
        return cls(name=cast("KindName", name), digits=digits, currency=match["currency"])

    def __str__(self) -> str:
        digits = "" if self.digits is None else f"({self.digits})"
        return f"{self.name}{digits}" + (f":{self.currency}" if self.currency else "")

    @property
    def numeric(self) -> bool:
        """True for kinds that can be summed and that stand right-aligned."""
        return self.name in {
            "integer",
            "decimal",
            "number",
            "money",
            "percent",
            "scientific",
            "duration",
        }

    @property
    def align(self) -> Align:
        """Where a value of this kind stands when its column does not say."""
        if self.numeric:
            return "right"
        return "center" if self.name == "boolean" else "left"


def _read_kind(value: object) -> object:
    return Kind.parse(value) if isinstance(value, str) else value


KindField = Annotated[
    Kind,
    BeforeValidator(_read_kind),
    PlainSerializer(str),
    WithJsonSchema({"type": "string", "examples": ["integer", "decimal(2)", "money:BRL"]}),
]


class Column(Model):
    """How one column of the data is shown. Whatever is left out is inferred from the data.

    `width` is in characters, as in a spreadsheet; None fits it to the first batch. `format` is an own
    spreadsheet number format; a PDF follows it for dates, as `mmmm yyyy`. `total` asks for a total (and,
    in groups, subtotals) of the column. `heading` stands over the titles of all columns side by side that
    have it; `indent` (steps), `color`, `fill` and `bold` are the cells'; `highlight` are colours that
    follow the values.

    Of a PDF alone: `weight` is the column's share of the width that the others leave; `fit` says what
    becomes of a text too wide for its column: it wraps, shrinks, or ends in an ellipsis (None: texts wrap,
    numbers and dates shrink). Of a workbook alone: `outline` folds the column (level 1 to 7); `choices` is
    the list a cell is chosen from when edited; `note` is shown at the title.
    """

    title: str | None = None
    kind: KindField | None = None
    width: Annotated[float, Field(gt=0, le=255)] | None = None
    weight: Annotated[float, Field(gt=0, le=1000)] | None = None
    fit: Literal["wrap", "shrink", "ellipsis"] | None = None
    align: Align | None = None
    total: Total | None = None
    format: str | None = None
    wrap: bool = False
    hidden: bool = False
    heading: Text | None = None
    indent: Annotated[int, Field(ge=0, le=15)] | None = None
    color: Color | None = None
    fill: Color | None = None
    bold: bool = False
    outline: Annotated[int, Field(ge=0, le=7)] = 0
    highlight: Highlights = ()
    choices: tuple[Text, ...] = ()
    note: Text = ""

    def __init__(self, title: str | None = None, **values: Any) -> None:
        """Raises Invalid for what a column cannot be."""
        try:
            super().__init__(**{"title": title, **values})
        except ValidationError as error:
            raise Invalid("; ".join(map(_said, error.errors()))) from error

    # As Pydantic's own RootModel says it: a column within a layout is validated without passing here, and
    # its faults are told with their place.
    __init__.__pydantic_base_init__ = True  # pyright: ignore[reportFunctionMemberAccess]


def _said(fault: Mapping[str, Any]) -> str:
    place = ".".join(map(str, fault["loc"]))
    if fault["type"] == "extra_forbidden":
        return f"a column has no option '{place}'"
    return f"{place}: {fault['msg'].removeprefix('Value error, ')}"


class Overflow(StrEnum):
    """What happens when the data is larger than the format allows."""

    SPLIT_SHEETS = "split_sheets"
    SPLIT_FILES = "split_files"
    TRUNCATE = "truncate"
    FAIL = "fail"


class CsvOptions(Model):
    """What only a CSV has.

    `formulas`: a text that begins with = + - @, tab or return is run as a formula by spreadsheets.
    `escape` (default) puts an apostrophe before it, as OWASP advises; `keep` leaves it as it is.
    """

    delimiter: Annotated[str, Field(min_length=1, max_length=1)] = ","
    header: bool = True
    bom: bool = False
    line_end: Literal["\n", "\r\n"] = "\r\n"
    formulas: Literal["escape", "keep"] = "escape"


class Layout(Model):
    """Everything around the rows.

    `columns` is keyed by the data's column names: those named are shown as told, the others as
    inferred, in the data's order. Rows must arrive sorted by `group_by`; a PDF and a workbook say the
    groups in headings and add subtotals, a CSV has no headings and so shows the groups' columns even
    where they are hidden. Times with a zone are shown in `timezone` (IANA name); `locale` is a BCP 47 tag.

    `facts` stand under the title, as "Region: North"; `about` only on the sheet that `xlsx.info` adds.
    `logo` is an image (its bytes) above the title. `stamp` is what headers and footers say of the making.
    Of a workbook alone: `sheets` are more sheets by name, each with data and a layout of its own.
    """

    title: str = ""
    subtitle: str = ""
    columns: dict[str, Column] = {}
    group_by: Groups = ()
    locale: str = "en-US"
    timezone: str = "UTC"
    overflow: Overflow = Overflow.SPLIT_SHEETS
    author: str = ""
    facts: dict[str, str] = {}
    about: dict[str, str] = {}
    logo: Image | None = None
    stamp: Stamp = Stamp()
    sheets: "Mapping[str, Layout]" = {}
    xlsx: XlsxOptions = XlsxOptions()
    pdf: PdfOptions = PdfOptions()
    csv: CsvOptions = CsvOptions()

    @field_validator("timezone")
    @classmethod
    def _zone_is_known(cls, zone: str) -> str:
        try:
            ZoneInfo(zone)
        except (ZoneInfoNotFoundError, ValueError, OSError) as error:
            raise ValueError(f"'{zone}' is no IANA time zone, as Europe/Berlin or UTC") from error
        return zone

    @field_validator("locale")
    @classmethod
    def _locale_is_a_tag(cls, tag: str) -> str:
        if not _LOCALE.fullmatch(tag):
            raise ValueError(f"'{tag}' is no language tag, as pt-BR or en")
        return tag

    @model_validator(mode="before")
    @classmethod
    def _accept_short_forms(cls, values: Any) -> Any:
        """`amount: money:BRL` stands for a column of that kind."""
        if not isinstance(values, dict):
            return values
        values = dict(values)  # pyright: ignore[reportUnknownArgumentType]
        columns = values.get("columns")
        if isinstance(columns, dict):
            values["columns"] = {
                name: {"kind": column} if isinstance(column, str) else column
                for name, column in columns.items()
            }
        return values

    @model_validator(mode="after")
    def _sheets_are_only_sheets(self) -> Self:
        usual = XlsxOptions()
        for name, sheet in self.sheets.items():
            whole = ["sheets"] * bool(sheet.sheets)
            whole += [f"xlsx.{o}" for o in WHOLE if getattr(sheet.xlsx, o) != getattr(usual, o)]
            if whole:
                raise ValueError(
                    f"the sheet '{name}' has no {whole[0]} of its own: it is the workbook's"
                )
        return self


class Completeness(StrEnum):
    """Whether the file holds all the data, and if not how."""

    COMPLETE = "complete"
    EMPTY = "empty"
    SPLIT = "split"
    TRUNCATED = "truncated"


class ValueWarning(Model):
    """Values of a column that could not be kept as they were: how many, and what became of them."""

    column: str
    type: str
    count: int
    detail: str


class SheetRows(Model):
    """One sheet (or part) of the file and its number of data rows."""

    name: str
    rows: int


class Manifest(Model):
    """What a writer says about the file it wrote. Stored with the artifact and served beside it.

    `rows` are data rows (no header, totals or headings). `pages` is None where a format has none.
    The service adds report, parameters, `data_as_of` and the query's digest.
    """

    format: str
    rows: int
    columns: tuple[str, ...] = ()
    sheets: tuple[SheetRows, ...] = ()
    pages: int | None = None
    completeness: Completeness = Completeness.COMPLETE
    reason: str | None = None
    warnings: tuple[ValueWarning, ...] = ()
    report: str | None = None
    report_version: int | None = None
    parameters: dict[str, Any] = {}
    data_as_of: datetime | None = None
    query_digest: str | None = None
    seconds: float | None = None
    peak_memory_bytes: int | None = None
    versions: dict[str, str] = {}
