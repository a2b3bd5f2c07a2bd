"""Reports on database servers, from the request to the cells of a workbook."""

import io
import zipfile
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import openpyxl
import pytest

from tests.contracts.sql_fixtures import Place
from tests.e2e.serving import Server, serving

CATALOG = """
name: sales-{name}
title: Sales since {{since}}
parameters:
  since: {{type: date}}
  shop: {{type: string, default: "O'Neill's"}}
source:
  connection: {name}
  query: |
    select day, shop, amount, amount * 3 as thrice  -- :since, as the report says
    from sale where day >= :since and shop = :shop order by day
columns:
  amount: {{kind: decimal(2), total: sum}}
---
name: wrong-{name}
source: {{connection: {name}, query: "select nonsense from sale"}}
"""
MAKE = (
    "create table sale (day date, shop varchar(40), amount decimal(15, 2))",
    """insert into sale values ('2025-12-31', 'O''Neill''s', 1), ('2026-01-01', 'O''Neill''s', 0.10),
       ('2026-01-02', 'O''Neill''s', 1234567890123.45), ('2026-01-02', 'Another', 5)""",
)
SERVERS = ("postgresql", "mariadb")


@pytest.fixture
def service(
    tmp_path: Path, on_postgresql: Place, on_mariadb: Place
) -> Iterator[tuple[Server, dict[str, Place]]]:
    (tmp_path / "reports").mkdir()
    reports = "---".join(CATALOG.format(name=name) for name in SERVERS)
    (tmp_path / "reports" / "all.yaml").write_text(reports)
    places = {"postgresql": on_postgresql, "mariadb": on_mariadb}
    for place in places.values():
        place.run(*MAKE)
    urls = {f"PRELO_CONNECTION_{name.upper()}": place.url for name, place in places.items()}
    with serving(tmp_path, **urls) as server:
        yield server, places


def cells(content: bytes) -> list[tuple[Any, ...]]:
    sheet = openpyxl.load_workbook(io.BytesIO(content)).active
    assert sheet
    return [row for row in sheet.iter_rows(values_only=True) if isinstance(row[0], datetime)]


def test_a_report_is_exact_on_every_server_and_says_no_password(
    service: tuple[Server, dict[str, Place]],
):
    server, places = service
    files: dict[str, bytes] = {}
    for name in SERVERS:
        files[name] = server.file(f"sales-{name}", parameters={"since": "2026-01-01"})
        assert [row[1:] for row in cells(files[name])] == [
            ("O'Neill's", 0.1, 0.3),
            ("O'Neill's", 1234567890123.45, 3703703670370.35),
        ]
        with zipfile.ZipFile(io.BytesIO(files[name])) as parts:
            sheet = parts.read("xl/worksheets/sheet1.xml")
        assert all(f"<v>{exact}</v>".encode() in sheet for exact in ("0.10", "1234567890123.45"))
        failed = server.job(f"wrong-{name}")
        assert (failed["state"], failed["error"]["type"]) == ("failed", "query-failed")
        assert "nonsense" in failed["error"]["detail"]
    assert cells(files["postgresql"]) == cells(files["mariadb"])
    for place in places.values():
        assert place.url not in server.log
