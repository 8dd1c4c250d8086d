"""JSON text parsed by simdjson, into its own memory and without a Python object a value.

It is strict but for a byte order mark, and it refuses integers of more than 64 bits, which JSON allows.
"""

from __future__ import annotations

from typing import Any

import simdjson

from .arrays import count_of, too_many_elements
from .document import ReadLimits
from .errors import MalformedJSON
from .json_faults import SIMDJSON_ERRORS, first_fault, located, too_deep
from .json_integers import widened

HUGE_BYTES = 8 * 1024 * 1024
"""Of a text; 20 milliseconds to parse."""
_MANY_BRACKETS = 200_000
MAX_QUOTES = 500_000  # hundreds of times what any request has
_BYTES_AN_ESCAPE = 32  # in a long text, at least; base64 has a / in 64 characters, which PHP writes as \/
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_SLACK = 4096  # values that a text may hold beside its arrays' elements
# What reading takes at most beside the text, measured: of a byte, its copy in the parser; of what stands behind a
# comma, the parser's three words and its place in an array or a Python list; of a list or an object, what is made of
# it. A text that is longer than numbers make it has strings: two copies more, and what base64 stands for.
_TEXT_BYTES, _MARK_BYTES = 1.4, {b",": 40, b"[": 32, b"{": 120}
_STRING_BYTES, _NUMBER_LENGTH = 2.8, 32


def parse(text: bytes | bytearray, sent: bytes | bytearray, limits: ReadLimits, pointer: str) -> Any:
    """Return simdjson's view of one JSON value: an Array, an Object or a plain value.

    Parameters
    ----------
    text : bytes or bytearray
        UTF-8 without a byte order mark.
    sent : bytes or bytearray
        The text as it came, in which faults are located; `text` may have huge arrays taken out of it.
    pointer : str
        Where the value stands in the document, for errors.

    Raises
    ------
    MalformedJSON
        With ``offset`` (bytes), ``line`` and ``column`` where the text stops being JSON.
    """
    if text.startswith(_BYTE_ORDER_MARK):
        detail = "the text begins with a byte order mark at byte 0; it must be UTF-8 without one"
        raise MalformedJSON(detail, pointer, offset=0, line=1, column=1)
    if len(text) > HUGE_BYTES and sum(count_of(mark, text) for mark in (b"[", b"]")) > _MANY_BRACKETS:
        # Regular arrays have been taken out, so this is hardly a request: parsed whole it would hold up all others.
        found = first_fault(sent, limits, pointer)
        if found is not None:
            raise found
    try:
        return simdjson.Parser().parse(text)
    except SIMDJSON_ERRORS as error:
        if str(error).startswith("DEPTH_ERROR"):  # which it comes to in order: nothing before it is wrong
            raise too_deep(limits, pointer) from None
        fault = error
    wide = widened(text)
    if wide is not text:
        try:
            return simdjson.Parser().parse(wide)
        except SIMDJSON_ERRORS as error:
            fault = error
    raise located(sent, fault, limits, pointer)


def refuse_crowds(text: bytes | bytearray, limits: ReadLimits, pointer: str) -> None:
    """Refuse a text with far more values than elements may come, or with no room for them, before it is parsed.

    Values are a comma apart and lists open with a bracket, so counting those is enough; whether there are too many is
    only asked where the text is long enough to hold them.

    Raises
    ------
    TooManyElements
        If there are far more values than ``max_elements``.
    MalformedJSON
        If there are far more strings or escaped characters than any request has.

    Whatever ``limits.admit`` raises.
    """
    most = limits.max_elements + _SLACK
    if len(text) <= most and limits.admit is None:
        return
    counts = {mark: count_of(mark, text) for mark in _MARK_BYTES}
    if max(counts.values()) > most:
        raise too_many_elements(max(counts.values()), limits.max_elements, pointer)
    if len(text) > MAX_QUOTES and count_of(b'"', text) > MAX_QUOTES:
        detail = f"there are more than {MAX_QUOTES:,} quotation marks; no request has so many strings"
        raise MalformedJSON(detail, pointer, limit=MAX_QUOTES)
    most_escapes = max(MAX_QUOTES, len(text) // _BYTES_AN_ESCAPE)
    if len(text) > most_escapes and count_of(b"\\", text) > most_escapes:
        detail = f"there are more than {most_escapes:,} backslashes; no request has so many escaped characters"
        raise MalformedJSON(detail, pointer, limit=most_escapes)
    if limits.admit is not None:
        strings = max(0, len(text) - _NUMBER_LENGTH * counts[b","])
        values = sum(_MARK_BYTES[mark] * count for mark, count in counts.items())
        limits.admit(int(_TEXT_BYTES * len(text) + _STRING_BYTES * strings) + values)
