"""Answers that change only with the service: with an entity tag, and not sent again to those who have them."""

from __future__ import annotations

from collections.abc import Mapping
from hashlib import sha256

from starlette.requests import Request
from starlette.responses import Response

from .answers import VARY, Computed, Written
from .compression import accepted_encoding, compressed
from .headers import header

_TAG_DIGITS = 32


def unless_known(
    request: Request, body: bytes | memoryview, media_type: str, headers: Mapping[str, str] | None = None
) -> Response:
    """Return an answer with its entity tag, or 304 if the client has it already (RFC 9110, section 13.1.2).

    What is sent compressed has a tag of its own.
    """
    digest = sha256(body).hexdigest()[:_TAG_DIGITS]
    encoding = accepted_encoding(header(request.scope, b"accept-encoding"))
    tags = [f'"{digest}"', *([f'"{digest}-{encoding}"'] if encoding else [])]
    known = [given.strip().removeprefix("W/") for given in (header(request.scope, b"if-none-match") or "").split(",")]
    always = {"Cache-Control": "no-cache", **(headers or {})}
    for tag in tags:
        if tag in known or known == ["*"]:
            return Response(status_code=304, headers={"ETag": tag, "Vary": VARY, **always})
    written = compressed(Written(body, media_type, always), encoding)
    tag = tags[-1] if "Content-Encoding" in written.headers else tags[0]
    return Computed(written._replace(headers={**written.headers, "ETag": tag}))
