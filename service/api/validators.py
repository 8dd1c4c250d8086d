"""Answers that change only with the service: with an entity tag, and not sent again to those who have them."""

from __future__ import annotations

from collections.abc import Mapping
from hashlib import sha256

from starlette.requests import Request
from starlette.responses import Response

from .headers import header

_TAG_DIGITS = 32


def unless_known(
    request: Request, body: bytes | memoryview, media_type: str, headers: Mapping[str, str] | None = None
) -> Response:
    """Return an answer with its entity tag, or 304 if the client has it already (RFC 9110, section 13.1.2)."""
    tag = f'"{sha256(body).hexdigest()[:_TAG_DIGITS]}"'
    always = {"ETag": tag, "Cache-Control": "no-cache", **(headers or {})}
    known = [given.strip().removeprefix("W/") for given in (header(request.scope, b"if-none-match") or "").split(",")]
    if tag in known or known == ["*"]:
        return Response(status_code=304, headers=always)
    return Response(body, headers=always, media_type=media_type)
