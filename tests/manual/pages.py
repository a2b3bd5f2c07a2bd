"""The pages that are made from the code: what people wrote ends at a mark, what follows is made."""

import tempfile
from pathlib import Path
from typing import Any

from prelo.config import Config
from prelo.entry.api.http import create_app
from prelo.wiring import opened
from tests.manual.catalogue import catalogue
from tests.manual.reference import reference

DOCS = Path(__file__).parents[2] / "docs"
MARK = "<!-- What follows is made by `make docs`, from the code. -->"


async def description() -> dict[str, Any]:
    """The OpenAPI document of a server with the default settings."""
    with tempfile.TemporaryDirectory() as folder:
        config = Config(data=Path(folder), catalog=Path(folder))
        async with opened(config) as ports:
            return create_app(ports, config).openapi()


def made(api: dict[str, Any]) -> dict[str, str]:
    """Each page's name, and all that it should hold."""
    parts = {"api.md": reference(api), "errors.md": catalogue()}
    return {name: f"{_written(name)}{MARK}\n\n{part}" for name, part in parts.items()}


def _written(name: str) -> str:
    text = (DOCS / name).read_text(encoding="utf-8")
    before, mark, _ = text.partition(MARK)
    if not mark:
        raise ValueError(f"docs/{name} has no line {MARK}: put it where the made part begins")
    return before
