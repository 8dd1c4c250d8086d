"""multipart/form-data taken apart as its bytes arrive, into memory and never onto a disk.

Nothing is decoded here, so that the event loop can do it: parts are cut out, their headers checked, and whatever is
refused by its headers alone is refused before the rest of the body has come.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, field

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header

from .document import Fields, ReadLimits, pointer_to
from .errors import BodyTooLarge, DuplicatePart, MalformedForm, TooManyParts, UnexpectedFile

_MAX_PART_HEADERS = 8
_MAX_NAME_CHARACTERS = 100


@dataclass(frozen=True)
class Part:
    """One field of a form, undecoded."""

    name: str
    filename: str | None
    data: bytearray = field(default_factory=bytearray)

    @property
    def pointer(self) -> str:
        """Where the field stands in the document."""
        return pointer_to("", self.name)


@dataclass(frozen=True)
class Form:
    """The parts of a form in their order; no name twice."""

    parts: tuple[Part, ...]


async def gather_form(stream: AsyncIterator[bytes], content_type: str, fields: Fields, limits: ReadLimits) -> Form:
    """Collect the parts of a multipart/form-data body as it arrives.

    Parameters
    ----------
    stream : async iterator of bytes
        The body, its Content-Encoding undone.
    content_type : str
        The request's Content-Type with its boundary.

    Raises
    ------
    MalformedForm, DuplicatePart, TooManyParts
        If it is not a form as RFC 7578 says, ends early, or names a field twice.
    UnexpectedFile
        As soon as a file comes for a field that takes none.
    BodyTooLarge
        As soon as more than ``max_decoded_bytes`` have come.
    """
    gatherer = _Gatherer(_boundary(content_type), fields, limits)
    async for chunk in stream:
        gatherer.write(chunk)
    return gatherer.finish()


def _boundary(content_type: str) -> bytes:
    kind, options = parse_options_header(content_type)
    if kind != b"multipart/form-data":
        raise MalformedForm("the Content-Type is not multipart/form-data")
    boundary = options.get(b"boundary", b"")
    if not 1 <= len(boundary) <= 70:
        raise MalformedForm(f"the boundary in the Content-Type has {len(boundary)} characters; it must have 1 to 70")
    return boundary


class _Gatherer:
    """Turns the parser's callbacks into parts."""

    def __init__(self, boundary: bytes, fields: Fields, limits: ReadLimits) -> None:
        self.fields = fields
        self.limits = limits
        self.parts: dict[str, Part] = {}
        self.received = 0
        self.ended = False
        self.headers: dict[bytes, bytes] = {}
        self.header_name = bytearray()
        self.header_value = bytearray()
        self.data = bytearray()
        self.parser = MultipartParser(
            boundary,
            {
                "on_part_begin": self.begin_part,
                "on_header_field": self.add_header_name,
                "on_header_value": self.add_header_value,
                "on_header_end": self.end_header,
                "on_headers_finished": self.end_headers,
                "on_part_data": self.add_data,
                "on_end": self.end,
            },
            max_header_count=_MAX_PART_HEADERS,
            max_header_size=limits.max_part_header_bytes,
        )

    def write(self, chunk: bytes) -> None:
        self.received += len(chunk)
        if self.received > self.limits.max_decoded_bytes:
            limit = self.limits.max_decoded_bytes
            raise BodyTooLarge(f"the form has more than {limit:,} bytes", limit=limit, at_least=self.received)
        try:
            self.parser.write(chunk)
        except FormParserError as error:
            offset = self.received - len(chunk) + max(getattr(error, "offset", 0), 0)
            raise MalformedForm(f"the form cannot be read near byte {offset}: {error}", offset=offset) from error

    def finish(self) -> Form:
        if not self.ended:
            raise MalformedForm(f"the form ends after {self.received} bytes without its closing boundary")
        return Form(tuple(self.parts.values()))

    def begin_part(self) -> None:
        if len(self.parts) >= self.limits.max_parts:
            limit = self.limits.max_parts
            raise TooManyParts(f"the form has more than {limit} parts", limit=limit)
        self.headers = {}

    def add_header_name(self, data: bytes, start: int, end: int) -> None:
        self.header_name += data[start:end]

    def add_header_value(self, data: bytes, start: int, end: int) -> None:
        self.header_value += data[start:end]

    def end_header(self) -> None:
        name = bytes(self.header_name).lower()
        if name in self.headers:
            raise MalformedForm(f"a part has two {name.decode('ascii', 'replace')} headers")
        self.headers[name] = bytes(self.header_value)
        self.header_name.clear()
        self.header_value.clear()

    def end_headers(self) -> None:
        part = _part(self.headers, len(self.parts) + 1)
        if part.name in self.parts:
            detail = f"the field {part.name} came in two parts; give each field once"
            raise DuplicatePart(detail, part.pointer)
        if part.filename is not None and part.name not in self.fields.files:
            taken = ", ".join(sorted(self.fields.files))
            raise UnexpectedFile(f"{part.name} came as a file; files are taken for {taken or 'no field'}", part.pointer)
        self.parts[part.name] = part
        self.data = part.data

    def add_data(self, data: bytes, start: int, end: int) -> None:
        self.data += memoryview(data)[start:end]

    def end(self) -> None:
        self.ended = True


def _part(headers: dict[bytes, bytes], number: int) -> Part:
    """Return an empty part for the headers of the `number`-th, checking them."""
    kind, options = parse_options_header(headers.get(b"content-disposition"))
    if kind != b"form-data":
        raise MalformedForm(f"part {number} has no Content-Disposition: form-data")
    if b"name" not in options:
        raise MalformedForm(f"part {number} has no name")
    transfer = headers.get(b"content-transfer-encoding", b"binary").strip().lower()
    if transfer not in (b"binary", b"8bit", b"7bit"):
        raise MalformedForm(f"part {number} has a Content-Transfer-Encoding; parts are sent as they are")
    try:
        name = options[b"name"].decode("utf-8")
    except UnicodeDecodeError:
        raise MalformedForm(f"the name of part {number} is not UTF-8") from None
    if not 0 < len(name) <= _MAX_NAME_CHARACTERS or not name.isprintable():
        raise MalformedForm(f"the name of part {number} is empty, too long or unprintable")
    filename = options.get(b"filename")
    return Part(name, None if filename is None else filename.decode("utf-8", "replace"))
