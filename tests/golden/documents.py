"""What the tests of PDF documents share: a folder with a template, rows of invoices, a server that counts."""

import io
import threading
import zipfile
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import polars as pl
from pdfs import ignore_progress

from prelo.core.table import Layout, Manifest
from prelo.formats.pdf import Pdf

CANARY = "the canary outside sings"
"""What a file outside the folder says."""
COLUMNS = {"amount": {"kind": "money:EUR", "total": "sum"}}


def lines(invoices: int, each: int = 2) -> pl.DataFrame:
    """So many invoices with so many lines, sorted."""
    count = invoices * each
    return pl.DataFrame(
        {
            "invoice": [f"A-{i // each + 1}" for i in range(count)],
            "item": [f"Thing {i + 1}" for i in range(count)],
            "amount": pl.Series([Decimal(i + 1) for i in range(count)], dtype=pl.Decimal(10, 2)),
            "day": [date(2026, 1, 1) + timedelta(i) for i in range(count)],
        }
    )


@dataclass(frozen=True)
class Desk:
    """A folder for a document, whose template is page.html."""

    folder: Path

    def put(self, name: str, content: str | bytes) -> Path:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    def write(
        self,
        template: str,
        data: object = None,
        heard: Callable[[int, int], None] = ignore_progress,
        **options: Any,
    ) -> tuple[bytes, Manifest]:
        """`options` are those of PdfOptions; under `layout` the other fields of a Layout."""
        self.put("page.html", template)
        layout = {"columns": COLUMNS, **options.pop("layout", {})}
        document = {"template": str(self.folder / "page.html"), **options.pop("document", {})}
        given = {**layout, "pdf": {"document": document, **options}}
        out = io.BytesIO()
        rows = lines(2) if data is None else data
        manifest = Pdf().write(rows, out, Layout.model_validate(given), heard)
        return out.getvalue(), manifest


class _Counting(BaseHTTPRequestHandler):
    asked: list[str]

    def do_GET(self) -> None:
        self.asked.append(self.path)
        self.send_response(200)
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  the server's word
        pass


@contextmanager
def counting() -> Generator[tuple[str, list[str]]]:
    """The address of a server on this machine, and what it was asked for."""
    handler = type("Handler", (_Counting,), {"asked": []})
    with HTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/x", handler.asked
        server.shutdown()
        thread.join()


def unpacked(package: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(package)) as opened:
        assert opened.testzip() is None
        return {name: opened.read(name) for name in opened.namelist()}
