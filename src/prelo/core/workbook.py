"""What only a workbook has: colours that follow the values, charts, sparklines, summaries, protection.

Columns are named as in the data. Colours are written #RRGGBB.
"""

import base64
import binascii
import re
from datetime import date, datetime
from decimal import Decimal
from typing import Annotated, Any, Literal, Self

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    PlainSerializer,
    SecretStr,
    field_validator,
    model_validator,
)

from prelo.core.model import Model

Total = Literal["sum", "count", "min", "max", "mean"]
Color = Annotated[str, Field(pattern=r"^#[0-9A-Fa-f]{6}$")]
Names = tuple[str, ...]
When = Literal[
    ">", ">=", "<", "<=", "=", "!=", "between", "not between", "contains", "not contains",
    "begins with", "ends with", "blank", "not blank", "duplicate", "unique", "top", "bottom",
    "above average", "below average",
]  # fmt: skip
Icons = Literal[
    "3_arrows", "3_arrows_gray", "3_flags", "3_traffic_lights", "3_traffic_lights_rimmed",
    "3_signs", "3_symbols", "3_symbols_circled", "4_arrows", "4_arrows_gray", "4_red_to_black",
    "4_ratings", "4_traffic_lights", "5_arrows", "5_arrows_gray", "5_quarters", "5_ratings",
]  # fmt: skip
Paper = Literal["A3", "A4", "A5", "letter", "legal", "tabloid"]
_TWO_VALUES = {"between", "not between"}
_TEXTS = {"contains", "not contains", "begins with", "ends with"}
_RANKS = {"top", "bottom"}
_MOST_RANKS = 1000  # Excel's own dialog takes no more
_LONGEST_COMPARED = 255  # characters of a text within a formula
_UNWRITABLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
_TABLE_STYLE = re.compile(r"(?:table ?style ?)?(light|medium|dark) ?([1-9]\d?)", re.IGNORECASE)
_TABLE_STYLES = {"light": 21, "medium": 28, "dark": 11}
_NO_VALUE = {"blank", "not blank", "duplicate", "unique", "above average", "below average"}
_IMAGES = (b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"GIF87a", b"GIF89a", b"BM")
_SVG = re.compile(rb"(?:\xef\xbb\xbf)?\s*<(?:\?xml|!--|!DOCTYPE|(?:\w+:)?svg\b)")


def _read_bytes(value: object) -> object:
    if not isinstance(value, str):
        return value
    try:
        return base64.b64decode(value, validate=True)
    except binascii.Error as error:
        raise ValueError("give the bytes of the file; in YAML: !file name") from error


def _read_image(value: object) -> object:
    value = _read_bytes(value)
    if isinstance(value, bytes) and not (value.startswith(_IMAGES) or is_svg(value)):
        raise ValueError("the file is no image that a report shows: PNG, JPEG, GIF, BMP or SVG")
    return value


def is_svg(image: bytes) -> bool:
    """Whether the image is drawn, and no grid of points: an XML of SVG, perhaps with a prolog."""
    return bool(_SVG.match(image)) and b"svg" in image


def _text(value: bytes | None) -> str | None:
    return None if value is None else base64.b64encode(value).decode()


def _writable(text: str) -> str:
    if _UNWRITABLE.search(text):
        raise ValueError("a control character or half a character is in it, which no XML can hold")
    return text


Text = Annotated[str, AfterValidator(_writable)]
"""A text that XML can hold: without control characters other than tab and line break (XML 1.0, 2.2)."""
Blob = Annotated[bytes, BeforeValidator(_read_bytes), PlainSerializer(_text, when_used="json")]
"""The content of a file; in JSON its base64."""
Image = Annotated[bytes, BeforeValidator(_read_image), PlainSerializer(_text, when_used="json")]
"""The content of an image: PNG, JPEG, GIF, BMP or SVG (which a workbook does not hold)."""
Secret = Annotated[
    SecretStr, PlainSerializer(lambda value: value and value.get_secret_value(), when_used="json")
]
"""A text that no message and no repr shows; JSON, the language of a press, has it plain."""


def _one_or_many(value: object) -> object:
    return (value,) if isinstance(value, str | dict | Model) else value


def _read_highlight(value: object) -> object:
    return tuple({"show": v} if isinstance(v, str) else v for v in _some(_one_or_many(value)))


def _some(value: Any) -> Any:
    return value if isinstance(value, list | tuple) else (value,)


Compared = bool | Text | int | float | Decimal | date | datetime
"""Text before the rest: JSON has it in the stead of numbers and dates, and 007 must not become 7."""


class Highlight(Model):
    """Colours that follow a column's values: a conditional format.

    `show`: `scale` shades the cells between 2 or 3 `colors`, from the lowest value to the highest; `bar`
    draws a bar in each cell (of the first of `colors`); `icons` sets one of `icons`; `cell` and `row`
    format the cells, or their whole rows, `when` the value compares so with `value` (and `other`, for
    `between`; for `top` and `bottom`, `value` is how many). `reverse` turns a scale or icons round.

    Values are read as the column's kind: a date may be written as text, 2026-12-31, and so may a
    time or a duration, 1:30:00. Texts compare without regard to case. An empty cell is only ever `blank`.
    """

    show: Literal["scale", "bar", "icons", "cell", "row"]
    colors: tuple[Color, ...] = ()
    icons: Icons = "3_traffic_lights"
    reverse: bool = False
    when: When | None = None
    value: Compared | None = None
    other: Compared | None = None
    color: Color | None = None
    fill: Color | None = None
    bold: bool = False

    @model_validator(mode="after")
    def _is_whole(self) -> Self:
        if self.show in {"cell", "row"}:
            self._check_rule()
        elif self.when:
            raise ValueError(f"'{self.show}' looks at every value; only cell and row have a 'when'")
        if self.show == "scale" and len(self.colors) not in {0, 2, 3}:
            raise ValueError("a scale goes over 2 or 3 colors, or none for the house's own")
        return self

    def _check_rule(self) -> None:
        if not self.when:
            raise ValueError(
                f"'{self.show}' needs a 'when', as {{show: {self.show}, when: '<', value: 0}}"
            )
        if self.when not in _NO_VALUE and self.value is None:
            raise ValueError(f"'when: {self.when}' needs a 'value' to compare with")
        if self.when in _TWO_VALUES and self.other is None:
            raise ValueError(f"'when: {self.when}' needs 'value' and 'other'")
        if not (self.color or self.fill or self.bold):
            raise ValueError("say how the cells look then: color, fill or bold")
        for value in (self.value, self.other):
            self._check_value(value)

    def _check_value(self, value: Compared | None) -> None:
        if isinstance(value, datetime) and value.tzinfo:
            raise ValueError(f"{value} has a zone; write the time as the report shows it")
        if isinstance(value, str) and len(value) > _LONGEST_COMPARED:
            raise ValueError(f"a text to compare with has at most {_LONGEST_COMPARED} characters")
        if self.when in _TEXTS and value == "":
            raise ValueError(f"'when: {self.when}' needs a text to look for")
        rank = isinstance(value, int) and 1 <= value <= _MOST_RANKS
        if self.when in _RANKS and value is not None and not rank:
            raise ValueError(f"'when: {self.when}' counts cells: a value of 1 to {_MOST_RANKS}")


Highlights = Annotated[tuple[Highlight, ...], BeforeValidator(_read_highlight)]
NameOrNames = Annotated[Names, BeforeValidator(_one_or_many)]


class Chart(Model):
    """A native chart over the rows of its sheet. `x` names the column of categories (of numbers, for a
    scatter chart), `y` those of the values, `lines` those drawn as lines over them, on an axis of their own.
    Lines and areas over dates keep the distances of time; columns and bars stand side by side.

    `width` and `height` are pixels. `stacked`: values on top of each other, `percent` to a full height.
    """

    type: Literal["column", "bar", "line", "area", "pie", "doughnut", "scatter"] = "column"
    x: str
    y: NameOrNames
    lines: NameOrNames = ()
    title: Text = ""
    x_title: Text = ""
    y_title: Text = ""
    stacked: bool | Literal["percent"] = False
    width: Annotated[int, Field(ge=100, le=4000)] = 640
    height: Annotated[int, Field(ge=80, le=3000)] = 340

    @model_validator(mode="after")
    def _is_possible(self) -> Self:
        if not self.y:
            raise ValueError("a chart needs a column of values: y")
        if self.type in {"pie", "doughnut"} and (self.lines or len(self.y) > 1):
            raise ValueError(
                f"a {self.type} chart shows one column of values; give one y, no lines"
            )
        if self.type == "scatter" and self.lines:
            raise ValueError("a scatter chart cannot be combined with lines; put them in y")
        if self.type == "bar" and self.lines:
            raise ValueError("bars lie, and lines cannot stand over them; make it a column chart")
        if self.stacked and self.type not in {"column", "bar", "area", "line"}:
            raise ValueError(f"a {self.type} chart cannot be stacked")
        return self


class Sparkline(Model):
    """A small chart in each row, in a column of its own at the end: over the columns `first` to `last`
    and all that stand between them.
    """

    title: Text
    first: str
    last: str
    type: Literal["line", "column", "win_loss"] = "line"
    color: Color | None = None


def _read_values(value: object) -> object:
    if not isinstance(value, dict):
        return value
    return {name: _one_or_many(total) for name, total in value.items()}  # pyright: ignore[reportUnknownVariableType]


class Summary(Model):
    """A sheet with one row for each group of the data, computed while the rows stream by.

    `values` tells by column which totals: {"amount": "sum"} or {"amount": ["sum", "mean"]}. Rows are
    sorted by the group, by the first of the values (largest first), or stand as they came (`data`);
    `top` keeps so many. `charts` name the summary's own columns: a group's column by its name, a value
    by its name or, where it has several totals, as `amount sum`.
    """

    by: NameOrNames
    values: Annotated[
        dict[str, Annotated[tuple[Total, ...], Field(min_length=1)]], BeforeValidator(_read_values)
    ] = {}
    sheet: str | None = None
    title: str = ""
    sort: Literal["group", "value", "data"] = "group"
    top: Annotated[int, Field(ge=1)] | None = None
    charts: tuple[Chart, ...] = ()

    @model_validator(mode="after")
    def _has_groups(self) -> Self:
        if not self.by:
            raise ValueError("a summary needs a column to group by: by")
        return self


class XlsxOptions(Model):
    r"""What only a workbook has. `sheet` names the sheet (31 characters, none of []:*?/\).

    `autofilter`: None puts it on, but not over group headings. `landscape`: None turns the pages of a wide
    sheet; `paper`: None is the locale's. `header` and `footer` are printed on each page: `left|middle|right`,
    with {title}, {sheet}, {page}, {pages} and the other marks of a PDF's. `rtl`: None is the locale's.
    `table` makes the rows an Excel table, True in the house's style, or of a style as "Medium 9". `groups`:
    rows of `group_by` under headings with subtotals that fold (`folded`: closed), or `flat`. `protect` locks
    the cells.

    Of the workbook as a whole: `info` adds a sheet that tells what the file is; `strings` "shared" keeps
    texts that repeat in a table (smaller; slower to write); `template` is a workbook with a marked row
    (docs/xlsx.md); `password` encrypts the file; `properties` are those of the document;
    `rows_per_sheet` ends a sheet, or with split_files a file, before Excel's 1,048,576 rows do.
    """

    sheet: str | None = None
    freeze_header: bool = True
    freeze_columns: Annotated[int, Field(ge=0, le=100)] = 0
    autofilter: bool | None = None
    zebra: bool = False
    table: bool | str = False
    groups: Literal["headings", "flat"] = "headings"
    folded: bool = False
    charts: tuple[Chart, ...] = ()
    sparklines: tuple[Sparkline, ...] = ()
    summaries: tuple[Summary, ...] = ()
    landscape: bool | None = None
    paper: Paper | None = None
    header: str | None = None
    footer: str | None = None
    rtl: bool | None = None
    protect: bool = False
    info: bool = False
    strings: Literal["inline", "shared"] = "inline"
    template: Blob | None = None
    password: Secret | None = None
    properties: dict[str, str] = {}
    rows_per_sheet: Annotated[int, Field(ge=1)] | None = None

    @field_validator("table")
    @classmethod
    def _style_is_known(cls, table: bool | str) -> bool | str:  # noqa: FBT001  as the option is
        """As Excel's menu names it: `Medium 9` for `table style medium9`."""
        if isinstance(table, bool):
            return table
        match = _TABLE_STYLE.fullmatch(table.strip())
        if not match or int(match[2]) > _TABLE_STYLES[match[1].lower()]:
            most = ", ".join(f"{name.title()} 1 to {n}" for name, n in _TABLE_STYLES.items())
            raise ValueError(f"'{table}' is no style of Excel's tables; there are {most}")
        return f"{match[1].title()} {match[2]}"


WHOLE = ("info", "strings", "template", "password", "properties", "rows_per_sheet")
"""The options that a workbook has once, whatever its sheets."""
