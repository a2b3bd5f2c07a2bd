"""Tables and documents as PDF."""

from prelo.core.table import Layout, Manifest
from prelo.formats.pdf.document import needed
from prelo.formats.pdf.table import write_table
from prelo.formats.stream import Progress, open_stream
from prelo.ports import Sink

__all__ = ["Pdf"]


class Pdf:
    """The PDF writer. Equal data and layout give equal bytes: no chance is in the file, and a clock only
    where a page shows the time.
    """

    many = False

    def media_type(self, layout: Layout) -> str:
        return "application/zip" if layout.pdf.files == "zip" else "application/pdf"

    def write(self, data: object, out: Sink, layout: Layout, progress: Progress) -> Manifest:
        """Write `data` as the table or the documents that the layout asks for; see write_table."""
        if layout.pdf.document is None:
            return write_table(data, out, layout, progress)
        with needed():
            from prelo.formats.pdf.document.write import write_documents
        stream = open_stream(data, layout, layout.pdf.per)
        return write_documents(stream, out, layout, progress).manifest(stream)
