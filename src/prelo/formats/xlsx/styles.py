"""The cell formats of a workbook: one house style, one object for each distinct format."""

from typing import Any

from xlsxwriter import Workbook
from xlsxwriter.format import Format

from prelo.formats.xlsx.looks import Look

INK, PALE, LINE, GREY, LINK = "#1F3A5F", "#F4F6F9", "#E1E6ED", "#6B7280", "#0563C1"
_OTHER = {"left": "right", "right": "left"}
_LEVELS = ("#DCE4EF", "#E9EEF5", "#F4F6F9")  # fills of headings, from the outermost in


class Styles:
    """Formats by use. The order in which they are made is the order of their numbers in the file, so equal
    sheets drawn in the same order have equal style numbers.
    """

    def __init__(self, book: Workbook) -> None:
        self._book = book
        self.rtl = False
        """Whether the sheet at hand begins at the right: what is aligned to a side goes to the other."""
        self._made: dict[tuple[tuple[str, Any], ...], Format] = {}
        self.label = self._of(font_color=GREY)
        self.fact = self._of(font_color=INK)
        self.band = self._of(bg_color=PALE)
        self.over = self._of(
            bold=True, font_color=INK, align="center", valign="vcenter", bottom=1, bottom_color=INK
        )

    def title(self) -> Format:
        return self._of(bold=True, font_size=16, font_color=INK, align="left", valign="vcenter")

    def subtitle(self) -> Format:
        return self._of(font_color=GREY, align="left", valign="vcenter")

    def facts(self) -> Format:
        return self._of(align="left")

    def header(self, column: Look, *, filtered: bool) -> Format:
        aligned = _aligned(column)
        if filtered and column.align == "right":  # Excel draws the filter's button over the end
            aligned["indent"] = max(2, aligned.get("indent", 0))
        return self._of(
            bold=True, font_color="#FFFFFF", bg_color=INK, **aligned, valign="vcenter", text_wrap=True,
        )  # fmt: skip

    def cell(self, column: Look, *, top: bool) -> Format:
        values: dict[str, Any] = {"num_format": column.number_format} | _aligned(column)
        if column.wrap:
            values["text_wrap"] = True
        if top:
            values["valign"] = "top"
        if column.link:
            values |= {"font_color": LINK, "underline": 1}
        if column.color:
            values["font_color"] = column.color
        if column.fill:
            values["bg_color"] = column.fill
        if column.bold:
            values["bold"] = True
        if column.edited:
            values["locked"] = False
        return self._of(**values, bottom=1, bottom_color=LINE)

    def total(self, column: Look) -> Format:
        return self._of(
            num_format=column.total_format, **_aligned(column), bold=True, bg_color=PALE, top=1,
            top_color=INK, bottom=1, bottom_color=INK,
        )  # fmt: skip

    def heading(self, level: int) -> Format:
        fill = _LEVELS[min(level, len(_LEVELS) - 1)]
        return self._of(
            bold=True,
            font_color=INK,
            bg_color=fill,
            align="left",
            indent=level + 1,
            valign="vcenter",
        )

    def subtotal(self, column: Look, level: int | None) -> Format:
        """`level`: of the groups that have others in them, which have the fill of their heading."""
        fill = {"bottom_color": LINE}
        if level is not None:
            fill = {"bottom_color": INK, "bg_color": _LEVELS[min(level, len(_LEVELS) - 1)]}
        return self._of(
            num_format=column.total_format, **_aligned(column), bold=True, font_color=INK, top=1,
            top_color=INK, bottom=1, **fill,
        )  # fmt: skip

    def _of(self, **values: Any) -> Format:
        if self.rtl and values.get("align") in _OTHER:
            values["align"] = _OTHER[values["align"]]
        key = tuple(sorted(values.items()))
        if key not in self._made:
            self._made[key] = self._book.add_format(values)
        return self._made[key]


def _aligned(column: Look) -> dict[str, Any]:
    """One step of indent, so that a right-aligned column does not touch the next one."""
    if column.align == "center":
        return {"align": "center"}
    return {"align": column.align, "indent": 1 if column.indent is None else column.indent}
