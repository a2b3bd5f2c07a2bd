"""Files written page by page, for what belongs to the file and not to tables."""

import io
from dataclasses import dataclass, field
from typing import Any

from prelo.core.table import Layout
from prelo.formats.pdf.embed import embed
from prelo.formats.pdf.file import PageTree
from prelo.formats.pdf.file.outline import Outline
from prelo.formats.pdf.file.structure import ARTIFACT, END, begin
from prelo.formats.pdf.file.whole import begin as begin_file
from prelo.formats.pdf.file.whole import finish
from prelo.formats.pdf.font import Font, Typeface
from prelo.formats.pdf.watermark import Watermark

A4 = (0, 0, 595.28, 841.89)


@dataclass
class Draft:
    """A file in the making. Each page has one line of text, and a footer that is read to nobody."""

    layout: Layout
    out: io.BytesIO = field(default_factory=io.BytesIO)
    outline: Outline = field(default_factory=Outline)

    def __post_init__(self) -> None:
        self.file = begin_file(self.out, self.layout.pdf)
        self.resources = self.file.reserve()
        self.tree = PageTree(self.file, self.resources)
        self.typeface = Typeface()
        self.font = Font("R", "Regular", self.typeface)
        text = self.layout.pdf.watermark
        self.watermark = Watermark(text, self.font) if text else None

    @classmethod
    def of(cls, **layout: Any) -> "Draft":
        return cls(Layout.model_validate(layout))

    def page(self, text: str, more: bytes = b"", *, title: str = "", front: bool = False) -> int:
        content = self.watermark.operators(A4) if self.watermark else b""
        content += begin(b"P", 1 if title else 0) + self.line(text, 700) + END
        if title:  # drawn after, read before
            content += begin(b"H1", 0) + self.line(title, 780) + END
        content += ARTIFACT + self.line("footer", 40) + END
        tags = (b"H1", b"P") if title else (b"P",)
        return self.tree.add(b"%d 0 R" % self.file.stream(content), more, tags, front=front)

    def line(self, text: str, y: int) -> bytes:
        shown, _ = self.font.line(text, 12)
        return b"BT /R 12 Tf 40 %d Td %b ET\n" % (y, shown)

    def finished(self, **options: Any) -> bytes:
        forms = self.watermark.write(self.file, self.resources) if self.watermark else b""
        fonts = embed(self.typeface, [self.font], self.file)
        self.file.add(b"<</Font<<%b>>/XObject<<%b>>>>" % (fonts, forms), self.resources)
        box = b"/MediaBox[0 0 595.28 841.89]"
        finish(self.file, self.tree, self.layout, inherited=box, outline=self.outline, **options)
        return self.out.getvalue()
