"""The row above the titles: headings over the columns that belong together."""

from itertools import groupby

from xlsxwriter.format import Format
from xlsxwriter.worksheet import Worksheet

from prelo.formats.xlsx.place import Place


def draw_headings(sheet: Worksheet, place: Place, style: Format) -> bool:
    """Write the headings into the row above `place.header`; False, and nothing drawn, where there are none.

    Columns side by side with the same heading share one merged cell.
    """
    if not any(field.column.heading for field in place.fields):
        return False
    row, left = place.header - 1, 0
    for heading, fields in groupby(place.fields, key=lambda field: field.column.heading or ""):
        right = left + len(list(fields)) - 1
        if heading and right > left:
            sheet.merge_range(row, left, row, right, "", style)
        if heading:  # as text: merge_range would take `=1+1` for a formula
            sheet.write_string(row, left, heading, style)
        else:
            for column in range(left, right + 1):
                sheet.write_blank(row, column, None, style)
        left = right + 1
    return True
