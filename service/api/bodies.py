"""A request's bytes into one document: gathered on the event loop, read and checked wherever the work is done."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from dataclasses import replace
from typing import Any, NamedTuple, TypeVar

from pydantic import BaseModel, ValidationError
from starlette.requests import Request
from starlette.types import Receive

from service.schemas.document import DOCUMENT
from service.wire import ReadLimits, decode_content, gather_form, read_form, read_json
from service.wire.errors import BodyTooLarge

from .admission import Ticket
from .begun import Begun
from .errors import ClientGone, HttpProblem
from .headers import first_header, header
from .negotiation import JSON
from .problems import InvalidRequest
from .state import Service

_MOST_TYPE_CHARACTERS = 1000
_MOST_DIGITS = 18  # of a Content-Length; with more it is too large anyway
FORM = "multipart/form-data"
Reader = Callable[[], dict[str, Any]]
M = TypeVar("M", bound=BaseModel)
T = TypeVar("T")

_MEMORY_PER_BYTE = {JSON: 5, FORM: 3}
"""Memory that is reserved for each byte of a body as it comes: of JSON for the text, the parser's copy of it and the
array, where numbers have several digits. What a text holds is counted before it is parsed, and the rest reserved."""


class Body(NamedTuple):
    """A body that is here.

    Attributes
    ----------
    read
        Makes the document of it.
    size
        Its bytes on the wire.
    opaque
        Whether it may hold far more than its size tells: it has a Content-Encoding, or a picture in it.
    texts
        What it holds as it came: the JSON, or a form's parts. Nothing if it is opaque.
    as_json
        Whether it is JSON.
    """

    read: Reader
    size: int
    opaque: bool
    texts: Sequence[bytes | bytearray] = ()
    as_json: bool = False


async def gather(request: Request, service: Service, ticket: Ticket) -> Body:
    """Return a request's body once all of it is here, with memory for it reserved on `ticket`.

    Raises
    ------
    HttpProblem
        If the media type is not one of ours, there is no room for the body, or it takes too long to come.
    WireError
        If the form is malformed, or the body too large or of an unknown encoding.
    ClientGone
        If the client leaves before its body is here.
    """
    declared = first_header(request.scope, b"content-type") or ""
    media_type = declared.partition(";")[0].strip().lower()
    if media_type not in (JSON, FORM) or len(declared) > _MOST_TYPE_CHARACTERS:
        came = f"Content-Type is {declared[:200]!r}" if declared else "there is no Content-Type"
        raise HttpProblem(
            "unsupported-media-type", f"{came}; bodies are {JSON} or {FORM}", headers={"Accept-Post": f"{JSON}, {FORM}"}
        )
    encoding = header(request.scope, b"content-encoding")
    stream = _Stream(request.receive, service, ticket, _MEMORY_PER_BYTE[media_type])
    stream.expect(first_header(request.scope, b"content-length") or "")
    seconds = service.settings.body_seconds
    if media_type == FORM and encoding is None:
        form = await _in_time(gather_form(stream.chunks(), declared, DOCUMENT, service.read_limits), seconds)
        pictured = any(part.filename is not None and part.name in DOCUMENT.pictures for part in form.parts)
        limits = stream.limits(opaque=pictured)
        parts = () if pictured else [part.data for part in form.parts]
        return Body(lambda: read_form(form, DOCUMENT, limits), stream.received, pictured, parts)
    body = await _in_time(stream.all(), seconds)
    limits = stream.limits(opaque=encoding is not None)
    if media_type == FORM:
        return Body(lambda: _read_encoded_form(body, encoding, declared, limits), len(body), True)
    if encoding is None:
        return Body(lambda: read_json(body, DOCUMENT, limits), len(body), False, [body], as_json=True)
    return Body(lambda: read_json(decode_content(body, encoding, limits), DOCUMENT, limits), len(body), True)


async def _in_time(reading: Coroutine[Any, Any, T], seconds: float) -> T:
    """Return what a coroutine reads of a body, if that comes in time.

    Most bodies are here when they are asked for, and to set up a clock would take longer than to read a small one.

    Raises
    ------
    HttpProblem
        If it takes too long.
    """
    begun = Begun(reading)
    if begun.done:
        return begun.result
    begin = time.monotonic()
    try:
        async with asyncio.timeout(seconds):
            return await begun
    except TimeoutError:
        raise HttpProblem(
            "slow-body",
            f"the body was not here after {seconds:g} seconds; send less, or compress it",
            headers={"Connection": "close"},
            limit=seconds,
            actual=round(time.monotonic() - begin, 3),
        ) from None


class _Stream:
    """A body as it arrives: counted whatever its headers claim, and with memory reserved for what is here.

    What a header claims is not reserved: a client that never sends it would keep it from all others.
    """

    def __init__(self, receive: Receive, service: Service, ticket: Ticket, memory_per_byte: int) -> None:
        self._receive = receive
        self._service = service
        self._ticket = ticket
        self._memory_per_byte = memory_per_byte
        self._most = service.settings.max_body_bytes
        self.received = 0

    def limits(self, *, opaque: bool) -> ReadLimits:
        """Return the limits for reading what came; of more than a small body, what that takes is reserved first."""
        limits = self._service.read_limits
        wanted = self.received

        def admit(size: int) -> None:
            nonlocal wanted
            wanted += size
            self._service.admission.reserve(self._ticket, wanted)

        return replace(limits, admit=admit) if opaque or wanted > self._service.settings.inline_bytes else limits

    def expect(self, content_length: str) -> None:
        """Refuse a body by what it says of itself, before any of it is read."""
        digits = content_length.lstrip("0") if content_length.isascii() and content_length.isdecimal() else ""
        size = int(digits[:_MOST_DIGITS] or "0")
        self._check(size)
        if size > self._service.settings.inline_bytes:
            self._service.admission.refuse_if_full()
            self._service.admission.refuse_without_room(size * self._memory_per_byte)

    async def chunks(self) -> AsyncIterator[bytes]:
        """Yield the body's bytes as they come."""
        more = True
        while more:
            chunk, more = await self._next()
            yield chunk

    async def all(self) -> bytes | bytearray:
        """Return the whole body; one that comes in one piece is not copied."""
        whole: bytes | bytearray
        whole, more = await self._next()
        while more:
            chunk, more = await self._next()
            if not whole:
                whole = chunk
            else:
                if isinstance(whole, bytes):
                    whole = bytearray(whole)
                whole += chunk
        return whole

    async def _next(self) -> tuple[bytes, bool]:
        """Return the bytes that come next, and whether there are more."""
        message = await self._receive()
        if message["type"] == "http.disconnect":
            raise ClientGone
        chunk = message.get("body", b"")
        self.received += len(chunk)
        self._check(self.received)
        self._reserve(self.received)
        return chunk, message.get("more_body", False)

    def _check(self, size: int) -> None:
        if size > self._most:
            raise BodyTooLarge(
                f"the body has {size:,} bytes or more and this service takes {self._most:,}; "
                "send less at once, or numbers as .npy instead of JSON",
                limit=self._most,
                actual=size,
            )

    def _reserve(self, size: int) -> None:
        if size > self._service.settings.inline_bytes:
            self._service.admission.reserve(self._ticket, size * self._memory_per_byte)


def _read_encoded_form(
    body: bytes | bytearray, encoding: str | None, content_type: str, limits: ReadLimits
) -> dict[str, Any]:
    decoded = decode_content(body, encoding, limits)
    if limits.admit is not None:
        limits.admit((_MEMORY_PER_BYTE[FORM] - 1) * len(decoded))
    form = Begun(gather_form(_once(bytes(decoded)), content_type, DOCUMENT, limits)).result  # it waits for nothing
    return read_form(form, DOCUMENT, limits)


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
