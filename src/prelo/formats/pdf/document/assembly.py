"""One PDF put together of finished ones."""

from prelo.core.table import Layout
from prelo.formats.pdf.document.graft import Grafted, Grafter, Under
from prelo.formats.pdf.embed import embed
from prelo.formats.pdf.file import PageTree
from prelo.formats.pdf.file.outline import Outline
from prelo.formats.pdf.file.whole import begin, finish
from prelo.formats.pdf.font import Font, Typeface
from prelo.formats.pdf.watermark import watermark_of
from prelo.formats.running import marks_of
from prelo.ports import Sink


class Assembly:
    """Parts are written as they come, and are then forgotten; a cover may come last and stands first.

    The file's title is the layout's; where the file `is_one` document, that document's own if it has one.
    """

    def __init__(self, out: Sink, layout: Layout, *, is_one: bool) -> None:
        self._layout = layout
        self._is_one = is_one
        self._file = begin(out, layout.pdf)
        self._tree = PageTree(self._file, 0)
        self._typeface, self._resources = Typeface(layout.pdf.fonts), self._file.reserve()
        self._font = Font("B", "Bold", self._typeface)
        archive = layout.pdf.archive is not None
        self._grafter = Grafter(self._file, archive=archive, under=self._under())
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
        title = (self._is_one and self._title) or self._layout.title
        layout = self._layout.model_copy(update={"title": title})
        fonts = embed(self._typeface, [self._font], self._file)
        self._file.add(b"<</Font<<%b>>>>" % fonts, self._resources)
        outline = self._outline if layout.pdf.bookmarks else None
        finish(self._file, self._tree, layout, inherited=b"", outline=outline)

    def _under(self) -> Under | None:
        text = self._layout.pdf.watermark
        watermark = watermark_of(text, marks_of(self._layout, [text]), self._font)
        if watermark is None:
            return None
        return Under(watermark.write(self._file, self._resources), watermark.operators)

    def _note(self, part: Grafted, name: str) -> None:
        if name and part.pages:
            first = part.pages[0]
            self._outline.add(name, 0, first.number, first.top)
        for mark in part.marks:
            self._outline.add(mark.title, mark.level + bool(name), mark.goal.page, mark.goal.y)
