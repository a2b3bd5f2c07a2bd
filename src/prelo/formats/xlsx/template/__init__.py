"""The user's own workbook as the frame of the rows.

**The marked row.** One row of one sheet stands for the data: write `{{rows}}` at the beginning of one of
its cells, or give the row (or cells of it) the name `prelo_rows`. In that row

- `{{amount}}` takes the data's column `amount`, in the cell's own style: `{{rows}}{{amount}}` in the first
  cell does both. `{{rows}}` alone leaves the cell blank;
- a formula is written in every row: references to the marked row and above it go along (`=C6*D6` becomes
  `=C7*D7`, a running total is `=F5+E6` or `=SUM(E$6:E6)`), and `E$6:E$6` is the column of all rows, so a
  share is `=E6/SUM(E$6:E$6)`. References below it are to the same cell from every row;
- anything else is repeated in every row; styles, height and outline level are those of the marked row.

**What surrounds it.** What stands below moves down. A range that covers the marked row grows with the
data: in formulas of every sheet, in names, tables, filters, rules, lists, charts, sparklines, pivot tables,
links and print areas. `=C6` stays the first row's cell, but `=SUM(C6)` sums the column, since that is
what a spreadsheet writes for a column of one cell. So does one cell in a chart or a name. Drawings keep
their size: one that begins below the marked row moves, others stay. A note stays with the first row.

Formulas above the data are written before anybody knows how long it is. A range of theirs that would
change becomes a defined name: `=SUM(C6:C6)` reads `=SUM(prelo_C6_C6)`.

**Facts.** Elsewhere `{{name}}` is replaced by the text of that fact: in cells, headers and footers, titles of
charts, text boxes, notes, document properties, and in the titles of a table's columns. A name that there
is no fact for is refused.

Nothing that formulas, charts and pivot tables gave in the template is kept: programs compute it when they
open the file. Without data the marked row is one blank row. Refused with a reason: passwords, macros, .xls,
.xlsb, 'Strict' workbooks, dates from 1904, signatures, cells merged within the marked row, a sparkline in
it, a pivot table beside it, an array formula over it and other rows, more than 50 MiB unpacked
and 10 MiB in a sheet with formulas.
"""

from prelo.formats.xlsx.template.marks import Slot
from prelo.formats.xlsx.template.template import Template

__all__ = ["Slot", "Template"]
