"""Whole PDFs: every feature beside every other, sound, equal for equal input, and valid archives."""

import io
import itertools
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pikepdf
import polars as pl
import pytest
from archives import faults
from conftest import Run
from pdfs import pages, reader, saved, write
from PIL import Image

NOON = datetime(2026, 11, 25, 12, 30, tzinfo=UTC)
ROWS = 260


def logo() -> bytes:
    out = io.BytesIO()
    Image.new("RGBA", (60, 20), (31, 78, 121, 128)).save(out, "PNG")
    return out.getvalue()


TEXTS = ("plain", "a longer text that has to wrap", "مرحبا بالعالم", "日本語の文", "x́ ✓")


def sales() -> pl.DataFrame:
    return pl.DataFrame(
        {
            "region": [("North", "Süd", "東")[i * 3 // ROWS] for i in range(ROWS)],
            "item": [
                (
                    "plain",
                    "a longer text that has to wrap somewhere",
                    "مرحبا بالعالم",
                    "日本語の文",
                    "x́ ✓",
                )[i % 5]
                for i in range(ROWS)
            ],
            "day": [date(2026, 1, 1) + timedelta(days=i) for i in range(ROWS)],
            "amount": [Decimal(i * 37 % 1000) / 4 - 30 for i in range(ROWS)],
            "web": ["https://example.com/?q=ü" if i % 3 else "none" for i in range(ROWS)],
        },
        schema_overrides={"amount": pl.Decimal(12, 2)},
    )


COLUMNS: dict[str, Any] = {
    "region": {"hidden": True},
    "item": {"title": "Item", "width": 14, "heading": "What"},
    "amount": {"kind": "money:EUR", "total": "sum", "heading": "How much"},
    "web": {"kind": "link"},
}
LOSS = {"show": "row", "when": "<", "value": 0, "color": "#B00020", "bold": True}
COLOURED: dict[str, Any] = {
    "day": {"highlight": {"show": "icons", "icons": "3_arrows"}},
    "amount": {
        **COLUMNS["amount"],
        "highlight": [
            "scale",
            {"show": "row", "when": "<", "value": 0, "color": "#B00020", "bold": True},
        ],
    },
}
FEATURES: dict[str, dict[str, Any]] = {
    "groups": {"group_by": "region"},
    "colours": {"columns": COLUMNS | COLOURED},
    "around": {"logo": logo(), "facts": {"From": "here", "To": "там"}, "subtitle": "Sub"},
    "running": {
        "pdf": {"header": "{report}|{user}|{date} {time}", "footer": "{page} of {pages}"},
        "stamp": {"report": "sales", "user": "ana", "made": NOON},
    },
    "front": {
        "pdf": {
            "contents": True,
            "summaries": [
                {
                    "by": "region",
                    "values": {"amount": ["sum", "mean"]},
                    "charts": [
                        {"type": t, "x": "region", "y": "amount sum"} for t in ("bar", "pie")
                    ],
                }
            ],
        }
    },
    "pages": {"pdf": {"page_totals": True, "watermark": "DRAFT", "rules": "grid"}},
    "across": {"pdf": {"wide": "pages", "size": "A5", "orientation": "portrait"}},
    "mirrored": {"pdf": {"rtl": True}, "locale": "ar-EG"},
}


def merged(*names: str, **more: Any) -> dict[str, Any]:
    layout: dict[str, Any] = {"title": "Sales (á)", "columns": COLUMNS, "author": "Ana"}
    options: dict[str, Any] = {}
    for feature in (*(FEATURES[name] for name in names), more):
        options |= feature.get("pdf", {})
        layout |= feature
    return layout | {"pdf": options}


PAIRS = [*itertools.combinations(FEATURES, 2), tuple(FEATURES)]


@pytest.mark.parametrize("names", PAIRS, ids="-".join)
def test_every_two_features_and_all_go_together(qpdf: Run, tmp_path: Path, names: tuple[str, ...]):
    file, manifest = write(sales(), **merged(*names))
    assert "No syntax or stream encoding errors" in qpdf("--check", saved(file, tmp_path))
    assert file == write(sales(), **merged(*names))[0]
    assert manifest.rows == ROWS
    assert manifest.pages == len(reader(file).pages)
    assert {warning.type for warning in manifest.warnings} <= {"groups-unlisted"}


def test_archives_of_all_features_are_valid(tmp_path: Path):
    made: dict[str, bytes] = {}
    for names in (
        ("groups", "colours"),
        ("around", "running", "front"),
        ("pages",),
        ("across",),
        tuple(FEATURES),
    ):
        made["-".join(names)] = write(sales(), **merged(*names, pdf={"archive": "2b"}))[0]
    made["none"] = write(sales()[:0], **merged(*FEATURES, pdf={"archive": "2b"}))[0]
    assert faults(made, "2b", tmp_path) == []


def test_an_archive_of_characters_no_font_has_is_valid(tmp_path: Path):
    data = pl.DataFrame({"t": ["known", "\U0003fffd", "\ue123 private", "\U00011f00"]})
    file, manifest = write(data, pdf={"archive": "2b"})
    assert [w.type for w in manifest.warnings] == ["characters-missing"]
    assert faults({"missing": file}, "2b", tmp_path) == []


def test_an_encrypted_table_of_all_features_opens_with_its_password_alone(
    qpdf: Run, tmp_path: Path
):
    layout = merged(*FEATURES, pdf={"password": "sésame", "permissions": ["print"]})
    path = saved(write(sales(), **layout)[0], tmp_path)
    with pytest.raises(pikepdf.PasswordError):
        pikepdf.open(path)
    qpdf("--password=sésame", "--check", path)
    with pikepdf.open(path, password="sésame") as document:
        assert str(document.docinfo["/Title"]) == "Sales (á)"
        assert not document.allow.extract
        links = [link for page in document.pages for link in page.get("/Annots", [])]
        assert "https://example.com/?q=%C3%BC" in {str(k.A.URI) for k in links if "/A" in k}


COVER = "<h1>Cover of {{ title }}</h1><p>{{ count }} rows, {{ totals.text.amount }}, {{ pages }} pages</p>"


@pytest.fixture
def template(tmp_path: Path) -> Callable[[str, str], str]:
    def made(name: str, text: str) -> str:
        path = tmp_path / "templates" / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")
        return str(path)

    return made


def test_cover_summary_contents_table_and_annex_are_one_file(
    qpdf: Run, tmp_path: Path, template: Callable[[str, str], str]
):
    parts = {
        "cover": template("cover.html", COVER),
        "annex": template("annex.html", "<h1>Annex</h1><p style='break-before:page'>Second</p>"),
    }
    file, manifest = write(sales(), **merged("groups", "front", pdf=parts))
    texts = pages(file)
    assert len(texts) == manifest.pages
    total = sum(sales()["amount"])
    assert "Cover of Sales (á)" in texts[0]
    assert f"{ROWS} rows, €{total:,.2f}" in texts[0]
    assert "Contents" in texts[2]
    assert "Annex" in texts[-2]
    assert "Second" in texts[-1]
    for number, text in enumerate(texts[1:-2], 2):
        assert f"Page {number} of {len(texts)}" in text
    assert "Page" not in texts[0] + texts[-1]
    qpdf("--check", saved(file, tmp_path))


def test_a_cover_may_be_a_pdf_and_an_archive_of_html_parts_is_valid(
    tmp_path: Path, template: Callable[[str, str], str]
):
    finished = Path(template("cover.pdf", ""))
    finished.write_bytes(write(pl.DataFrame({"t": ["the cover"]}))[0])
    file, _ = write(sales(), **merged("groups", pdf={"cover": str(finished)}))
    assert "the cover" in pages(file)[0]
    cover = template("cover.html", COVER)
    archive, _ = write(sales(), **merged("groups", pdf={"cover": cover, "archive": "2b"}))
    assert faults({"joined": archive}, "2b", tmp_path) == []
