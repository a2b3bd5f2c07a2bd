"""The file around the pages: its objects, page tree, and what stands in it once.

`whole` begins and ends a file; File and PageTree are what everybody else writes by.
"""

from prelo.formats.pdf.file.objects import File, escaped, text_string
from prelo.formats.pdf.file.tree import PageTree

__all__ = ["File", "PageTree", "escaped", "text_string"]
