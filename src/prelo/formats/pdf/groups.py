"""How the totals of groups are shown on a page."""

from prelo.core.table import Kind
from prelo.formats.stream import Field

_INTEGER = Kind(name="integer")
_MEAN_DIGITS = 2  # of the mean of integers


def total_kind(field: Field) -> Kind:
    """How the total of a column is written: as its values, a count as an integer."""
    total, kind = field.column.total, field.kind
    if total == "count":
        return _INTEGER
    if total == "mean" and kind.name == "integer":
        return Kind(name="decimal", digits=_MEAN_DIGITS)
    return kind
