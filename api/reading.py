"""The description as a page to read: plain HTML from the OpenAPI document, with nothing fetched from elsewhere."""

from html import escape
from typing import Any

from fastapi import APIRouter, Request, Response

router = APIRouter(include_in_schema=False)

_STYLE = (
    "body{font:15px/1.45 sans-serif;max-width:60em;margin:2em auto;padding:0 1em}"
    "h2{font:600 16px monospace;margin:2em 0 .3em}table{border-collapse:collapse}"
    "td{padding:.15em 1em .15em 0;vertical-align:top}p{white-space:pre-line;margin:.3em 0}"
)
_POLICY = "default-src 'none'; style-src 'unsafe-inline'"


@router.get("/docs")
def read_description(request: Request) -> Response:
    """Answer every route with its parameters, for a person."""
    page = _page(request.app.openapi())
    return Response(page, media_type="text/html", headers={"Content-Security-Policy": _POLICY})


def _page(document: dict[str, Any]) -> str:
    title = f"{document['info']['title']} {document['info']['version']}"
    routes = [
        _route(method, path, operation)
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
    ]
    return (
        f"<!doctype html><html lang=en><meta charset=utf-8><title>{escape(title)}</title><style>{_STYLE}</style>"
        f"<h1>{escape(title)}</h1><p>{escape(document['info']['description'])}</p>"
        "<p>For programs: <a href=/openapi.json>/openapi.json</a>, with an example of every answer.</p>"
        f"{''.join(routes)}</html>"
    )


def _route(method: str, path: str, operation: dict[str, Any]) -> str:
    parameters = "".join(_parameter(one) for one in operation.get("parameters", []))
    return (
        f"<h2>{method.upper()} {escape(path)}</h2><p><b>{escape(operation['summary'])}.</b> "
        f"{escape(operation['description'])}</p><table>{parameters}</table>"
    )


def _parameter(one: dict[str, Any]) -> str:
    name = one["name"] + ("" if one["required"] else "?")
    return f"<tr><td><code>{escape(name)}</code><td>{escape(one['description'])}"
