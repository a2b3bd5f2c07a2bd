"""What PDF/A-2b and 3b ask of a file (ISO 19005-2 and 19005-3), and who sees to it.

| clause | rule | where |
| --- | --- | --- |
| 6.1.2, 6.1.9 | header with four bytes above 127; objects in lines of their own | File |
| 6.1.3 | the trailer has an ID, and no Encrypt | File; the options refuse passwords |
| 6.1.7 | Length is exact; no LZW, no external streams | File.stream |
| 6.1.13 | at most 8,388,607 objects; strings of at most 32,767 bytes; q nested at most 28 deep | `check` |
| 6.2.2 | a page names its resources itself | PageTree |
| 6.2.3, 6.2.4.3 | an output intent with its profile: DeviceRGB and DeviceGray are sRGB | `output_intent` |
| 6.2.8 | images without Alternates, OPI and Interpolate | who writes images |
| 6.2.10 | blending in the output intent's colours | nothing is transparent |
| 6.2.11 | fonts embedded, widths in step; every character has a glyph, never .notdef (6.2.11.8) | the fonts |
| 6.3.2 | annotations have the flag Print, and neither Hidden nor NoView | who writes links: /F 4 |
| 6.5.1 | of actions only links to pages and addresses | who writes links |
| 6.6.2, 6.6.4 | XMP in the catalog, with pdfaid; Info says the same | Metadata |
| 6.6.2.3 | schemas that XMP does not know are described in it | invoice |
| 6.8 (2) | no embedded files | the options |
| 6.8 (3) | embedded files have a media type, F, UF, AFRelationship, and stand in AF | attach |
"""

from prelo.core.errors import FileLimit
from prelo.formats.pdf.file.objects import File

_MOST_OBJECTS = 8_388_607
_DATE = slice(24, 36)
_MADE = bytes.fromhex("07EA0001000100000000 0000")
"""A date in place of the moment that the profile was asked for: 2026-01-01 00:00:00."""


def check(file: File) -> None:
    """Raises FileLimit for a file that has more objects than an archive may."""
    if file.size > _MOST_OBJECTS:
        raise FileLimit(
            f"an archive (PDF/A) has at most {_MOST_OBJECTS:,} objects; ask for fewer rows"
        )


def output_intent(file: File) -> bytes:
    """Write the sRGB profile, free of any right, and return the catalog's entry."""
    from PIL import ImageCms

    profile = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    profile[_DATE] = _MADE
    number = file.stream(bytes(profile), b"/N 3")
    return (
        b"/OutputIntents[<</Type/OutputIntent/S/GTS_PDFA1/OutputConditionIdentifier(sRGB)"
        b"/Info(sRGB IEC61966-2.1)/DestOutputProfile %d 0 R>>]" % number
    )
