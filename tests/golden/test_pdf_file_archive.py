"""PDF/A, judged by veraPDF, and the invoice within."""

import io
from pathlib import Path
from typing import Any

import numpy as np
import pikepdf
import polars as pl
import pytest
from archives import faults
from conftest import Run
from drafts import Draft
from pdfs import numbered, saved, write
from PIL import ImageCms

from prelo.core.errors import FileLimit
from prelo.formats.pdf.file import archive
from prelo.formats.pdf.file.invoice import level

INVOICE = b"""<?xml version="1.0"?><rsm:CrossIndustryInvoice><rsm:ExchangedDocumentContext>
<ram:GuidelineSpecifiedDocumentContextParameter>
 <ram:ID>%b</ram:ID></ram:GuidelineSpecifiedDocumentContextParameter>
</rsm:ExchangedDocumentContext></rsm:CrossIndustryInvoice>"""
BASIC = INVOICE % b"urn:cen.eu:en16931:2017#compliant#urn:factur-x.eu:1p0:basic"
SLOW = pytest.mark.timeout(180)
"""Java takes its time on a busy machine."""
WIDE = pl.DataFrame(
    {"g": ["a (b)"] * 30 + ["Ж"] * 30, "n": np.arange(60) / 7, "t": ["(x) \\ Ж é"] * 60}
)
SAID: dict[str, Any] = {
    "title": "A (title) & <more> Ж",
    "subtitle": "of\tMay",
    "author": "Ана",
    "locale": "de-DE",
    "group_by": "g",
    "columns": {"n": {"total": "sum"}},
    "stamp": {"made": "2026-11-25T18:30:05+01:00"},
}


def whole(archive: str, attachments: dict[str, bytes] | None = None) -> bytes:
    """All that a file may have: tags, an outline, links, a watermark, pages in front, attachments."""
    draft = Draft.of(
        title="T (ü)", author="A", subtitle="S",
        pdf={"archive": archive, "watermark": "Draft", "attachments": attachments or {}},
    )  # fmt: skip
    link = b"<</Type/Annot/Subtype/Link/F 4/Border[0 0 0]/Rect[0 0 9 9]/A<</S/URI/URI(x:%d)>>>>"
    first = draft.file.many(pl.Series([(link % i).decode() for i in range(3)]))
    for number in range(70):
        page = draft.page(f"page {number}", b"/Annots[%d 0 R]/Tabs/S" % (first + number % 3))
        draft.outline.add(f"to {number}", number % 3, page, 5000)
    draft.page("contents", front=True)
    return draft.finished()


@SLOW
def test_an_archive_is_valid_pdf_a_2b(tmp_path: Path):
    options = [{"rules": rules, "archive": "2b"} for rules in ("zebra", "grid", "plain")]
    files = {f"table-{i}": write(WIDE, **SAID, pdf=o)[0] for i, o in enumerate(options)}
    files["empty"] = write(numbered(0), pdf={"archive": "2b"})[0]
    files["long"] = write(numbered(500), pdf={"archive": "2b"})[0]
    files["whole"] = whole("2b")
    assert faults(files, "2b", tmp_path) == []


@SLOW
def test_an_archive_with_attachments_is_valid_pdf_a_3b(tmp_path: Path):
    some = {"data.xlsx": b"PK", "données.csv": b"a;b", "x": b"?"}
    made = {"made": "2026-11-25T18:30:05"}
    files = {
        "some": write(WIDE, **SAID, pdf={"archive": "3b", "attachments": some})[0],
        "none": write(numbered(3), pdf={"archive": "3b"})[0],
        "invoice": whole("3b", {"factur-x.xml": BASIC}),
        "naive": write(
            numbered(3), stamp=made, pdf={"archive": "3b", "attachments": {"factur-x.xml": b""}}
        )[0],
    }
    assert faults(files, "3b", tmp_path) == []


@SLOW
def test_the_validator_sees_what_is_no_archive(tmp_path: Path):
    said = faults({"usual": write(numbered(3))[0]}, "2b", tmp_path)
    assert any("6.2.4.3-2" in line for line in said), "colours without an output intent"
    assert any("6.6" in line for line in said), "no PDF/A in the metadata"


def test_an_archive_is_the_same_whenever_it_is_made():
    options = {"archive": "3b", "attachments": {"a.csv": b"1", "factur-x.xml": BASIC}}
    one, two = (write(numbered(3), title="x", pdf=options)[0] for _ in range(2))
    assert one == two


def test_the_profile_in_the_file_is_srgb():
    with pikepdf.open(io.BytesIO(write(numbered(1), pdf={"archive": "2b"})[0])) as document:
        (intent,) = document.Root.OutputIntents  # pyright: ignore[reportGeneralTypeIssues]  an array
        profile = intent.DestOutputProfile.read_bytes()
    seen: Any = ImageCms.ImageCmsProfile(io.BytesIO(profile)).profile
    assert str(seen.creation_date) == "2026-01-01 00:00:00"
    assert (seen.xcolor_space, seen.connection_space) == ("RGB ", "XYZ ")
    assert np.allclose(seen.red_primary[1][:2], (0.64, 0.33), atol=0.01)


def test_an_archive_says_so_when_it_would_have_too_many_objects():
    draft = Draft.of(pdf={"archive": "2b"})
    draft.file.reserve(8_388_607)
    with pytest.raises(FileLimit, match="8,388,607 objects"):
        archive.check(draft.file)


def test_a_usual_file_has_no_profile_and_claims_nothing():
    file, _ = write(numbered(1))
    assert b"OutputIntent" not in file
    assert b"pdfaid" not in file


@pytest.mark.parametrize(
    ("guideline", "expected"),
    [
        (b"urn:factur-x.eu:1p0:minimum", "MINIMUM"),
        (b"urn:factur-x.eu:1p0:basicwl", "BASIC WL"),
        (b"urn:cen.eu:en16931:2017#compliant#urn:factur-x.eu:1p0:basic", "BASIC"),
        (b"urn:cen.eu:en16931:2017", "EN 16931"),
        (b"urn:cen.eu:en16931:2017#conformant#urn:factur-x.eu:1p0:extended", "EXTENDED"),
        (b"urn:cen.eu:en16931:2017#compliant#urn:xeinkauf.de:kosit:xrechnung_3.0", "XRECHNUNG"),
    ],
)
def test_an_invoice_is_told_with_the_level_it_claims(guideline: bytes, expected: str):
    xml = INVOICE % guideline
    assert level(xml) == expected
    file, _ = write(numbered(1), pdf={"archive": "3b", "attachments": {"factur-x.xml": xml}})
    with pikepdf.open(io.BytesIO(file)) as document:
        with document.open_metadata() as xmp:
            told = {name.rpartition("}")[2]: value for name, value in xmp.items()}
        (specification,) = document.Root.AF  # pyright: ignore[reportGeneralTypeIssues]  an array
        relationship = str(specification.AFRelationship)
    assert told["ConformanceLevel"] == expected
    assert (told["DocumentType"], told["DocumentFileName"]) == ("INVOICE", "factur-x.xml")
    assert (told["part"], told["conformance"]) == ("3", "B")
    assert relationship == ("/Data" if expected in {"MINIMUM", "BASIC WL"} else "/Alternative")


def test_qpdf_finds_nothing_wrong_with_an_archive(qpdf: Run, tmp_path: Path):
    path = saved(whole("3b", {"factur-x.xml": BASIC, "a.csv": b"1"}), tmp_path)
    assert "No syntax or stream encoding errors" in qpdf("--check", path)
