"""The playground, and the generated API docs, as pages that need no internet: their assets come from this service."""

from __future__ import annotations

from pathlib import Path

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

router = APIRouter(include_in_schema=False)

_PLAYGROUND = (Path(__file__).parent / "playground.html").read_text(encoding="utf-8")
# The page builds every element in code, so nothing inline is allowed, nor any text to become markup.
_PLAYGROUND_POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "font-src 'self'",
        "img-src 'self' blob:",
        "connect-src 'self'",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
        "require-trusted-types-for 'script'",
        "trusted-types 'none'",
    )
)
# Of Swagger UI and Redoc, which style their elements inline.
_DOCS_POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self' 'unsafe-inline'",
        "img-src 'self' data: blob:",
        "font-src 'self' data:",
        "connect-src 'self'",
        "worker-src blob:",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
    )
)


@router.get("/")
async def playground() -> Response:
    """The playground. Its URLs are relative, so it works under any path prefix."""
    headers = {
        "Content-Security-Policy": _PLAYGROUND_POLICY,
        "Cache-Control": "no-cache",
        "Referrer-Policy": "no-referrer",
    }
    return HTMLResponse(_PLAYGROUND, headers=headers)


@router.get("/docs")
async def docs(request: Request) -> Response:
    """Swagger UI: try every operation from the page."""
    root = request.scope.get("root_path", "")
    body = (
        f'<div id="docs"></div><script src="{root}/static/vendor/swagger-ui/swagger-ui-bundle.js"></script>'
        f'<script src="{root}/static/swagger.js" data-openapi="{root}/openapi.json"></script>'
    )
    style = f'<link rel="stylesheet" href="{root}/static/vendor/swagger-ui/swagger-ui.css">'
    return _page("API docs", f"{root}/", style, body)


@router.get("/redoc")
async def redoc(request: Request) -> Response:
    """Redoc: the same document to read."""
    root = request.scope.get("root_path", "")
    body = (
        f'<redoc spec-url="{root}/openapi.json"></redoc>'
        f'<script src="{root}/static/vendor/redoc/redoc.standalone.js"></script>'
    )
    return _page("API reference", f"{root}/", "<style>body{margin:0}</style>", body)


def _page(title: str, home: str, head: str, body: str) -> Response:
    home_link = (
        f'<nav style="padding:.75rem 1.25rem;font:15px system-ui,sans-serif"><a href="{home}">Playground</a></nav>'
    )
    return HTMLResponse(
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{title} · Convolution as a service</title>'
        '<meta name="viewport" content="width=device-width, initial-scale=1"><link rel="icon" href="data:,">'
        f"{head}</head><body>{home_link}{body}</body></html>",
        headers={"Content-Security-Policy": _DOCS_POLICY},
    )
