"""One PDF put together of finished ones."""

from prelo.core.table import Layout
from prelo.formats.pdf.document.graft import Grafted, Grafter
from prelo.formats.pdf.document.outline import Outline
from prelo.formats.pdf.file import File, PageTree, text_string
from prelo.ports import Sink

_PRODUCER = "Prelo"


class Assembly:
    """Parts are written as they come, and are then forgotten; a cover may come last and stands first.

    The file's title is the layout's; where the file `is_one` document, that document's own if it has one.
    """

    def __init__(self, out: Sink, layout: Layout, *, is_one: bool) -> None:
        self._layout = layout
        self._is_one = is_one
        self._file = File(out)
        self._tree = PageTree(self._file)
        self._grafter = Grafter(self._file, archive=layout.pdf.archive is not None)
        self._outline = Outline()
        self._title = ""
        self.pages = 0

    def add(self, pdf: bytes, name: str = "", *, front: bool = False, foreign: bool = False) -> int:
        """The pages of `pdf`, with a bookmark of this name; returns how many they are."""
        part = self._grafter.copy(pdf, foreign=foreign)
        for leaf in part.pages:
            self._tree.place(leaf.entries, leaf.number, front=front)
        if not front:
            self._note(part, name)
        self._title = self._title or part.title
        self.pages += len(part.pages)
        return len(part.pages)

    def close(self) -> None:
        """What stands in the file once."""
        file, layout = self._file, self._layout
        outline = self._outline.close(file) if layout.pdf.bookmarks else b""
        root = self._tree.close(b"")
        catalog = file.add(
            b"<</Type/Catalog/Pages %d 0 R/Lang%b/ViewerPreferences<</DisplayDocTitle true>>%b>>"
            % (root, text_string(layout.locale), outline)
        )
        title = (self._is_one and self._title) or layout.title
        entries = {b"Title": title, b"Subject": layout.subtitle, b"Author": layout.author}
        told = b"".join(
            b"/%b%b" % (key, text_string(text)) for key, text in entries.items() if text
        )
        info = file.add(b"<<%b/Producer%b>>" % (told, text_string(_PRODUCER)))
        file.close(catalog, info)

    def _note(self, part: Grafted, name: str) -> None:
        if name and part.pages:
            first = part.pages[0]
            self._outline.add(name, 0, first.number, first.top)
        for mark in part.marks:
            self._outline.add(mark.title, mark.level + bool(name), mark.goal.page, mark.goal.y)
