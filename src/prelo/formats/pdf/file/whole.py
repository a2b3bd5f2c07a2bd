"""How a file begins and how it ends, by what the layout asks of it."""

from prelo.core.errors import FormatFailed
from prelo.core.page import PdfOptions
from prelo.core.table import Layout
from prelo.formats.pdf.file import archive, invoice
from prelo.formats.pdf.file.attach import attach
from prelo.formats.pdf.file.metadata import Metadata
from prelo.formats.pdf.file.objects import File, text_string
from prelo.formats.pdf.file.outline import Outline
from prelo.formats.pdf.file.tree import PageTree
from prelo.ports import Sink


def begin(out: Sink, options: PdfOptions) -> File:
    """A file that is encrypted if there is a password.

    Raises Invalid for a password that no reader could take, FormatFailed without the library for it.
    """
    user, owner = options.password, options.owner_password
    if user is None and owner is None:
        return File(out)
    try:
        from prelo.formats.pdf.file.lock import Lock
    except ModuleNotFoundError as error:
        raise FormatFailed(
            "a PDF with a password needs the package 'cryptography'; install it by: "
            "pip install 'prelo[password]'"
        ) from error
    opens, owns = (None if word is None else word.get_secret_value() for word in (user, owner))
    return File(out, Lock(opens, owns, options.permissions))


def finish(
    file: File,
    tree: PageTree,
    layout: Layout,
    *,
    inherited: bytes,
    outline: Outline | None = None,
    rtl: bool = False,
) -> None:
    """Write what stands in a file once; all pages, forms and fonts are written by now.

    `inherited` are the entries that pages have in common, as /MediaBox. `rtl`: a viewer lays pages side by
    side from right to left. Raises FileLimit for what is larger than a PDF or an archive may be.
    """
    options, told = layout.pdf, Metadata.of(layout)
    xml = options.attachments.get(invoice.NAME)
    described = "" if xml is None else invoice.described(xml)
    catalog = b"/Type/Catalog/Pages %d 0 R" % tree.close(inherited)
    shown = b"/DisplayDocTitle true" + b"/Direction/R2L" * rtl
    catalog += b"/Lang%b/ViewerPreferences<<%b>>" % (text_string(told.language), shown)
    catalog += b"/Metadata %d 0 R" % told.xmp(file, options.archive, described)
    catalog += tree.structure.close()
    catalog += outline.close(file) if outline else b""
    catalog += attach(file, options.attachments, told.made)
    if options.archive:
        catalog += archive.output_intent(file)
        archive.check(file)
    if file.sealed:
        catalog += b"/Extensions<</ADBE<</BaseVersion/1.7/ExtensionLevel 8>>>>"
    file.close(file.add(b"<<%b>>" % catalog), told.info(file))
