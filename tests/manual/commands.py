"""An example as a command for a shell."""

import json
import re
from typing import Any

from tests.manual.examples import Example

WIDE = 110  # characters of a line


def curl(place: str, example: Example) -> str:
    """`$PRELO` is the address of the server; ids are variables, as `$JOB_ID`."""
    method, _, path = place.partition(" ")
    query = f"?{example.query}" if example.query else ""
    parts = [f'curl "$PRELO{filled(path)}{query}"']
    if example.more:
        parts.append(example.more)
    said = example.body is not None or "--data" in example.more
    if method != ("POST" if said else "GET"):
        parts.append(f"-X {method}")
    headers = dict(example.headers)
    if example.body is not None:
        headers["Content-Type"] = "application/json"
    parts += [f"-H '{name}: {value}'" for name, value in headers.items()]
    if example.body is not None:
        parts.append(f"-d '{_json(example.body)}'")
    return _lines(parts)


def filled(path: str) -> str:
    """With what the examples call things; `name` and `number` are a report's."""
    path = path.replace("{name}", "offices").replace("{number}", "1")
    # In braces: some shells read what follows a ':' as a part of the variable.
    return re.sub("{(.*?)}", lambda match: f"${{{match[1].upper()}}}", path)


def _json(body: dict[str, Any]) -> str:
    """On a line if it is short, else a line for each name."""
    text = json.dumps(body, ensure_ascii=False)
    if len(text) <= WIDE - 10:
        return text
    names = (f'  "{name}": {json.dumps(value)}' for name, value in body.items())
    return "{\n" + ",\n".join(names) + "\n}"


def _lines(parts: list[str]) -> str:
    """On several lines if it is long."""
    line = " ".join(parts)
    return line if len(line) <= WIDE and "\n" not in line else " \\\n    ".join(parts)
