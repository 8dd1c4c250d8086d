"""multipart/form-data taken apart as its bytes arrive, into memory and never onto a disk.

Nothing is decoded here, so that the event loop can do it: parts are cut out, their headers checked, and whatever is
refused by its headers alone is refused before the rest of the body has come.
"""

from __future__ import annotations

import logging
import re
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser

from .document import Fields, ReadLimits, pointer_to
from .errors import BodyTooLarge, DuplicatePart, MalformedForm, TooManyParts, UnexpectedFile

MAX_PART_HEADERS = 8
MAX_NAME_CHARACTERS = 100

# A header's value and its parameters (RFC 9110, 5.6.6 and 8.3.1); a quoted string may hold any character, escaped or
# not, and a boundary is often written with / or ? and no quotes.
_WORD = r"[\w!#$%&'*+.^`|~-]+"
_VALUE = re.compile(rf"[ \t]*(?P<value>{_WORD}(?:/{_WORD})?)[ \t]*(?=;|$)", re.ASCII)
_PARAMETER = re.compile(
    rf';[ \t]*(?:(?P<name>{_WORD})=(?:(?P<bare>{_WORD}(?:[/?]{_WORD})*)|"(?P<quoted>(?:[^"\\]|\\.)*)")[ \t]*)?(?=;|$)',
    re.ASCII,
)

# What the parser thinks of a foreign form is told to the sender, not logged.
logging.getLogger("python_multipart").setLevel(logging.CRITICAL)


@dataclass(frozen=True)
class Part:
    """One field of a form, undecoded."""

    name: str
    filename: str | None
    data: bytearray = field(default_factory=bytearray, repr=False)

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
    kind, parameters = _options(content_type, "the Content-Type")
    if kind != "multipart/form-data":
        raise MalformedForm("the Content-Type is not multipart/form-data")
    boundary = parameters.get("boundary", "")
    if not 1 <= len(boundary) <= 70 or not boundary.isascii() or not boundary.isprintable():
        raise MalformedForm("the Content-Type has no boundary of 1 to 70 printable ASCII characters")
    return boundary.encode("ascii")


def _options(header: str, which: str) -> tuple[str, dict[str, str]]:
    """Return a header's value and its parameters by name, both names in lower case."""
    match = _VALUE.match(header)
    if match is None:
        raise MalformedForm(f"{which} is not a value with parameters")
    value, parameters = match["value"].lower(), {}
    while match.end() < len(header):
        match = _PARAMETER.match(header, match.end())
        if match is None:
            raise MalformedForm(f"{which} has a parameter that is not name=value")
        if match["name"] is None:
            continue
        name, quoted = match["name"].lower(), match["quoted"]
        if name in parameters:
            raise MalformedForm(f"{which} has the parameter {name} twice")
        parameters[name] = match["bare"] if quoted is None else re.sub(r"\\(.)", r"\1", quoted)
    return value, parameters


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
            max_header_count=MAX_PART_HEADERS,
            max_header_size=limits.max_part_header_bytes,
        )

    def write(self, chunk: bytes) -> None:
        self.received += len(chunk)
        if self.received > self.limits.max_decoded_bytes:
            limit = self.limits.max_decoded_bytes
            raise BodyTooLarge(f"the form has more than {limit:,} bytes", limit=limit, actual=self.received)
        try:
            self.parser.write(chunk)
        except FormParserError as error:
            offset = self.received - len(chunk) + max(getattr(error, "offset", 0), 0)
            reason = str(error).split(" at ")[0]  # behind it stands a place in the chunk
            if "header size" in reason:
                limit = self.limits.max_part_header_bytes
                detail = f"a part has a header of more than {limit:,} bytes near byte {offset}"
                raise MalformedForm(detail, offset=offset, limit=limit, actual=limit + 1) from error
            raise MalformedForm(f"the form cannot be read near byte {offset}: {reason}", offset=offset) from error

    def finish(self) -> Form:
        if not self.ended:
            raise MalformedForm(f"the form ends after {self.received} bytes without its closing boundary")
        return Form(tuple(self.parts.values()))

    def begin_part(self) -> None:
        if len(self.parts) >= self.limits.max_parts:
            limit = self.limits.max_parts
            raise TooManyParts(f"the form has more than {limit} parts", limit=limit, actual=limit + 1)
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
    try:
        disposition = headers.get(b"content-disposition", b"").decode("utf-8")
    except UnicodeDecodeError:
        raise MalformedForm(f"the Content-Disposition of part {number} is not UTF-8") from None
    if not disposition:
        raise MalformedForm(f"part {number} has no Content-Disposition")
    kind, parameters = _options(disposition, f"the Content-Disposition of part {number}")
    if kind != "form-data":
        raise MalformedForm(f"the Content-Disposition of part {number} is not form-data")
    transfer = headers.get(b"content-transfer-encoding", b"binary").strip().lower()
    if transfer not in (b"binary", b"8bit", b"7bit"):
        raise MalformedForm(f"part {number} has a Content-Transfer-Encoding; parts are sent as they are")
    name = parameters.get("name")
    if name is None:
        raise MalformedForm(f"part {number} has no name")
    if not 0 < len(name) <= MAX_NAME_CHARACTERS or not name.isprintable():
        raise MalformedForm(f"the name of part {number} is empty, too long or unprintable")
    filename = parameters.get("filename", parameters.get("filename*"))
    return Part(name, filename)
