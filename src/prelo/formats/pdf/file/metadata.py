"""Who made what: the information dictionary, and the same as XMP (ISO 16684-1)."""

import re
from dataclasses import dataclass
from datetime import datetime
from xml.sax.saxutils import escape

from prelo.core.table import Layout
from prelo.formats.pdf.file.objects import File, text_string

_PRODUCER = "Prelo"
_NO_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")

_XMP = """<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>
<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
<rdf:Description rdf:about="" xmlns:dc="http://purl.org/dc/elements/1.1/" \
xmlns:pdf="http://ns.adobe.com/pdf/1.3/" xmlns:xmp="http://ns.adobe.com/xap/1.0/">
<dc:format>application/pdf</dc:format>
{}
</rdf:Description>
{}</rdf:RDF></x:xmpmeta>
<?xpacket end="w"?>"""

_ARCHIVE = """<rdf:Description rdf:about="" xmlns:pdfaid="http://www.aiim.org/pdfa/ns/id/">
<pdfaid:part>{}</pdfaid:part><pdfaid:conformance>{}</pdfaid:conformance>
</rdf:Description>
"""


@dataclass(frozen=True, slots=True)
class Metadata:
    """What the information dictionary and the XMP say, in step. An empty text is not said."""

    title: str
    subject: str
    author: str
    language: str
    made: datetime | None

    @classmethod
    def of(cls, layout: Layout) -> "Metadata":
        made = layout.stamp.made if layout.stamp.dated else None
        title, subject, author = (
            _NO_XML.sub("", text) for text in (layout.title, layout.subtitle, layout.author)
        )
        return cls(title, subject, author, layout.locale.replace("_", "-"), made)

    def info(self, file: File) -> int:
        """Write the information dictionary."""
        texts = {b"Title": self.title, b"Subject": self.subject, b"Author": self.author}
        told = b"".join(b"/%b%b" % (n, text_string(text)) for n, text in texts.items() if text)
        if self.made:
            told += b"/CreationDate%b" % date(self.made)
        return file.add(b"<<%b/Producer%b>>" % (told, text_string(_PRODUCER)))

    def xmp(self, file: File, archive: str | None, more: str = "") -> int:
        """Write the metadata stream. `archive` is the part of PDF/A and the level, `more` further RDF."""
        said = [
            _list("dc:title", "Alt", self.title),
            _list("dc:creator", "Seq", self.author),
            _list("dc:description", "Alt", self.subject),
            _list("dc:language", "Bag", self.language),
            f"<pdf:Producer>{_PRODUCER}</pdf:Producer><pdf:PDFVersion>1.7</pdf:PDFVersion>",
        ]
        if self.made:
            # XMP knows no fractions that the other date could hold.
            when = self.made.isoformat(timespec="seconds")
            said.append(f"<xmp:CreateDate>{when}</xmp:CreateDate>")
        if archive:
            more = _ARCHIVE.format(archive[0], archive[1].upper()) + more
        text = _XMP.format("\n".join(filter(None, said)), more)
        # Plain, so that a search over files finds it.
        return file.stream(text.encode(), b"/Type/Metadata/Subtype/XML", deflate=False)


def date(when: datetime) -> bytes:
    """A date string (ISO 32000-1, 7.9.4), with its distance from UTC where the time has a zone."""
    zone = when.strftime("%z")[:5]
    far = f"{zone[:3]}'{zone[3:]}'" if zone else ""
    return f"(D:{when:%Y%m%d%H%M%S}{far})".encode()


def _list(name: str, sort: str, text: str) -> str:
    if not text:
        return ""
    language = ' xml:lang="x-default"' * (sort == "Alt")
    item = f"<rdf:li{language}>{escape(text)}</rdf:li>"
    return f"<{name}><rdf:{sort}>{item}</rdf:{sort}></{name}>"
