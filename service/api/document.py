"""The OpenAPI document over HTTP: made once, and not sent again to those who have it."""

from __future__ import annotations

import asyncio
from typing import Any

from fastapi import APIRouter, FastAPI
from starlette.requests import Request
from starlette.responses import Response

from service.wire import write_json

from .negotiation import JSON
from .validators import unless_known

router = APIRouter(include_in_schema=False)


@router.get("/openapi.json")
async def openapi_document(request: Request) -> Response:
    """The OpenAPI document; behind a proxy it names the path that this service is at."""
    app: FastAPI = request.app
    root = request.scope.get("root_path", "").rstrip("/")
    written: dict[str, bytes | memoryview] = app.state.openapi_documents
    if root not in written:
        written[root] = await asyncio.to_thread(_written, app, root)  # a fifth of a second
    return unless_known(request, written[root], JSON)


def _written(app: FastAPI, root: str) -> bytes | memoryview:
    document: dict[str, Any] = app.openapi()
    return write_json(document | ({"servers": [{"url": root}]} if root else {}))
