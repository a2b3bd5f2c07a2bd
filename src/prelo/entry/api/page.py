"""/docs: the description of the API as one plain page, with nothing fetched from anywhere."""

import json
import re
from html import escape
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, RedirectResponse

router = APIRouter(include_in_schema=False)
_STYLE = """
:root{color-scheme:light dark}
body{font:16px/1.5 system-ui,sans-serif;max-width:56rem;margin:2rem auto;padding:0 1rem}
h2{font-size:1.1rem;margin:2.5rem 0 0;border-top:1px solid #8884;padding-top:1rem}
h2 span{font-weight:normal;margin-left:.5rem}
code,pre{background:#8882;border-radius:3px;font-size:.9rem}
code{padding:.1rem .3rem}pre{padding:.7rem;overflow-x:auto}
td{vertical-align:top;padding:0 1rem 0 0}p{margin:.5rem 0}
.problem{opacity:.7}
"""


@router.get("/")
async def front() -> RedirectResponse:
    return RedirectResponse("/docs")


@router.get("/docs")
async def docs(request: Request) -> HTMLResponse:
    api = request.app.openapi()
    operations = "".join(
        _operation(method.upper(), path, told, str(request.base_url).rstrip("/"))
        for path, methods in api["paths"].items()
        for method, told in methods.items()
    )
    head = (
        "<meta charset=utf-8><meta name=viewport content='width=device-width'>"
        f"<title>Prelo</title><style>{_STYLE}</style>"
    )
    about = f"<h1>Prelo {escape(api['info']['version'])}</h1>{_prose(api['info']['description'])}"
    link = '<p>The same for programs: <a href="/openapi.json">/openapi.json</a></p>'
    return HTMLResponse(f"<!doctype html><html lang=en>{head}{about}{link}{operations}</html>")


def _operation(method: str, path: str, told: dict[str, Any], server: str) -> str:
    answers = "".join(
        f"<tr{' class=problem' if status[0] not in '23' else ''}>"
        f"<td>{escape(status)}<td>{_inline(answer['description'])}"
        for status, answer in told["responses"].items()
    )
    return (
        f"<h2><code>{method} {escape(path)}</code><span>{escape(told['summary'])}</span></h2>"
        f"{_prose(told.get('description', ''))}{_parameters(told)}{_bodies(method, server + path, told)}"
        f"<p>Answers</p><table>{answers}</table>"
    )


def _parameters(told: dict[str, Any]) -> str:
    named = [p for p in told.get("parameters", ()) if p["in"] != "path"]
    rows = "".join(
        f"<tr><td><code>{escape(p['name'])}</code><td>{p['in']}<td>{_inline(p.get('description', ''))}"
        for p in named
    )
    return f"<p>Parameters</p><table>{rows}</table>" if rows else ""


def _bodies(method: str, url: str, told: dict[str, Any]) -> str:
    content = told.get("requestBody", {}).get("content", {}).get("application/json", {})
    return "".join(
        f"<p>With {escape(name)}:</p><pre>curl -X {method} {escape(url)} "
        "-H 'Content-Type: application/json' -d '"
        f"{escape(json.dumps(example['value'], indent=2), quote=False)}'</pre>"
        for name, example in content.get("examples", {}).items()
    )


def _prose(text: str) -> str:
    paragraphs = (part for part in text.strip().split("\n\n") if part)
    return "".join(f"<p>{_inline(part)}</p>" for part in paragraphs)


def _inline(text: str) -> str:
    return re.sub("`([^`]+)`", r"<code>\1</code>", escape(text))
