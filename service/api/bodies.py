"""A request's bytes into one document: gathered on the event loop, read and checked wherever the work is done."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError
from starlette.requests import Request

from service.schemas.document import DOCUMENT
from service.wire import ReadLimits, decode_content, gather_form, read_form, read_json

from .errors import HttpProblem
from .negotiation import JSON
from .problems import InvalidRequest

FORM = "multipart/form-data"
Reader = Callable[[], dict[str, Any]]
M = TypeVar("M", bound=BaseModel)


async def gather(request: Request, limits: ReadLimits, seconds: float) -> Reader:
    """Return what reads the body's document, once all of its bytes are here.

    Raises
    ------
    HttpProblem
        If the media type is not one of ours, or the body takes longer than `seconds`.
    WireError
        If the form is malformed, or the body too large or of an unknown encoding.
    """
    declared = request.headers.get("content-type", "")
    media_type = declared.split(";")[0].strip().lower()
    if media_type not in (JSON, FORM):
        came = f"Content-Type is {declared[:200]!r}" if declared else "there is no Content-Type"
        raise HttpProblem(
            "unsupported-media-type", f"{came}; bodies are {JSON} or {FORM}", headers={"Accept-Post": f"{JSON}, {FORM}"}
        )
    encoding = request.headers.get("content-encoding")
    try:
        async with asyncio.timeout(seconds):
            if media_type == FORM:
                return await _gather_form(request, declared, encoding, limits)
            body = await request.body()
    except TimeoutError:
        raise HttpProblem(
            "slow-body", f"the body was not here after {seconds:g} seconds; send less, or compress it"
        ) from None
    return lambda: read_json(decode_content(body, encoding, limits), DOCUMENT, limits)


async def _gather_form(request: Request, content_type: str, encoding: str | None, limits: ReadLimits) -> Reader:
    if encoding is None:
        form = await gather_form(request.stream(), content_type, DOCUMENT, limits)
        return lambda: read_form(form, DOCUMENT, limits)
    body = await request.body()
    decoded = await asyncio.to_thread(decode_content, body, encoding, limits)
    form = await gather_form(_once(bytes(decoded)), content_type, DOCUMENT, limits)
    return lambda: read_form(form, DOCUMENT, limits)


async def _once(body: bytes) -> AsyncIterator[bytes]:
    yield body


def validated(model: type[M], document: dict[str, Any]) -> M:
    """Return a document as its model.

    Raises
    ------
    InvalidRequest
        With one violation a field.
    """
    try:
        return model.model_validate(document)
    except ValidationError as error:
        raise InvalidRequest.of(error, model, document) from None
