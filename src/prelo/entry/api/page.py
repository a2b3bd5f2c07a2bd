"""/docs: the description of the API as one plain page, with nothing fetched from anywhere."""

from html import escape
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse

router = APIRouter(include_in_schema=False)
_STYLE = (
    "body{font:16px/1.5 system-ui,sans-serif;max-width:56rem;margin:2rem auto;padding:0 1rem}"
    "h2{font-size:1.1rem;margin:2rem 0 0}code{background:#8882;padding:.1rem .3rem;border-radius:3px}"
    "td{vertical-align:top;padding:0 1rem 0 0}p{margin:.3rem 0;white-space:pre-line}"
    ":root{color-scheme:light dark}"
)


@router.get("/docs")
async def docs(request: Request) -> HTMLResponse:
    api = request.app.openapi()
    operations = "".join(
        _operation(method.upper(), path, told)
        for path, methods in api["paths"].items()
        for method, told in methods.items()
    )
    head = f"<meta charset=utf-8><title>Prelo</title><style>{_STYLE}</style>"
    about = f"<h1>Prelo {escape(api['info']['version'])}</h1><p>{escape(api['info']['description'])}</p>"
    link = '<p>For programs: <a href="/openapi.json">/openapi.json</a></p>'
    return HTMLResponse(f"<!doctype html><html lang=en>{head}{about}{link}{operations}</html>")


def _operation(method: str, path: str, told: dict[str, Any]) -> str:
    answers = "".join(
        f"<tr><td>{escape(status)}<td>{escape(answer['description'])}"
        for status, answer in told["responses"].items()
    )
    return (
        f"<h2><code>{method} {escape(path)}</code> {escape(told['summary'])}</h2>"
        f"<p>{escape(told.get('description', ''))}</p><table>{answers}</table>"
    )
