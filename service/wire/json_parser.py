"""JSON text parsed by simdjson, and every text that is not JSON located by orjson.

simdjson parses into its own memory, without a Python object a value. It is strict but for a byte order mark, and it
refuses integers of more than 64 bits, which JSON allows. It does not say where a text goes wrong; orjson does, and is
asked only then.
"""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import orjson
import simdjson

from .arrays import too_many_elements
from .document import ReadLimits
from .errors import JSONTooDeep, MalformedJSON

_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_SLACK = 4096  # values that a text may hold beside its arrays' elements
_SHORT_BYTES, _BLOCK_BYTES = 64 * 1024, 256 * 1024
_SIMDJSON_ERRORS = (ValueError, RuntimeError)  # what pysimdjson raises where a text is not JSON

# A string, which is left alone, or an integer that may need more than 64 bits.
_LONG_INTEGER = re.compile(rb'"(?:[^"\\]|\\.)*"|(?<![\d.eE+-])(?:-\d{19,}|\d{20,})(?![\d.eE])', re.DOTALL)

# What orjson takes at most for a value: a float and its place in a list, or an empty list and its place. A text that
# could take more than this much beyond four times itself is refused without being told where it goes wrong.
_NUMBER_BYTES, _LIST_BYTES, _SPARE_BYTES = 32, 72, 64 * 1024 * 1024


def parse(text: bytes | bytearray, limits: ReadLimits, pointer: str) -> Any:
    """Return simdjson's view of one JSON value: an Array, an Object or a plain value.

    Parameters
    ----------
    text : bytes or bytearray
        UTF-8 without a byte order mark.
    pointer : str
        Where the value stands in the document, for errors.

    Raises
    ------
    MalformedJSON
        With ``offset`` (bytes), ``line`` and ``column`` where the text stops being JSON.
    TooManyElements
        If there are far more values than ``max_elements``; said before they are read.
    """
    _refuse_crowds(text, limits, pointer)
    if text.startswith(_BYTE_ORDER_MARK):
        detail = "the text begins with a byte order mark at byte 0; it must be UTF-8 without one"
        raise MalformedJSON(detail, pointer, offset=0, line=1, column=1)
    try:
        return simdjson.Parser().parse(text)
    except _SIMDJSON_ERRORS as error:
        fault = error
    widened = _LONG_INTEGER.sub(_as_float, text)
    if len(widened) != len(text):
        try:
            return simdjson.Parser().parse(widened)
        except _SIMDJSON_ERRORS as error:
            fault = error
    raise _located(text, fault, limits, pointer)


def count_of(mark: bytes, text: bytes | bytearray) -> int:
    """Return how often the byte `mark` stands in `text`: what is missing without it, and of a long text in blocks.

    Both are faster than ``count``, which looks at one byte at a time.
    """
    if len(text) < _SHORT_BYTES:
        return len(text) - len(text.replace(mark, b""))
    view = np.frombuffer(text, dtype=np.uint8)
    starts = range(0, len(view), _BLOCK_BYTES)
    return sum(int(np.count_nonzero(view[start : start + _BLOCK_BYTES] == mark[0])) for start in starts)


def _refuse_crowds(text: bytes | bytearray, limits: ReadLimits, pointer: str) -> None:
    """Refuse a text with far more values than elements may come, before they take any memory.

    Values are a comma apart and lists open with a bracket, so counting those is enough, and is needed only where the
    text is long enough to hold too many.
    """
    most = limits.max_elements + _SLACK
    if len(text) <= most:
        return
    for mark in (b",", b"[", b"{"):
        count = count_of(mark, text)
        if count > most:
            raise too_many_elements(count, limits.max_elements, pointer)


def _as_float(match: re.Match[bytes]) -> bytes:
    """Return a long integer with a fraction of zero, so that it is read as the nearest float."""
    token = match[0]
    if token.startswith(b'"') or (len(token) == 20 and -(2**63) <= int(token) < 2**64):
        return token
    return token + b".0"


def _located(text: bytes | bytearray, fault: Exception, limits: ReadLimits, pointer: str) -> MalformedJSON:
    """Return the error that says where `text`, which is not JSON, goes wrong."""
    lists = count_of(b"[", text) + count_of(b"{", text)
    if _NUMBER_BYTES * count_of(b",", text) + _LIST_BYTES * lists > 4 * len(text) + _SPARE_BYTES:
        return MalformedJSON(f"the text is not JSON, and holds too many values to say where: {fault}", pointer)
    try:
        orjson.loads(text)
    except orjson.JSONDecodeError as error:
        return _at(error, text, limits, pointer)
    return MalformedJSON(f"the text is not JSON: {fault}", pointer)


def _at(error: orjson.JSONDecodeError, text: bytes | bytearray, limits: ReadLimits, pointer: str) -> MalformedJSON:
    message = error.msg
    if message.startswith("depth limit"):
        return too_deep(limits, pointer)
    if message.startswith("str is not valid UTF-8"):
        offset, message = _first_not_utf8(text), "the text is not UTF-8"
    else:
        offset = len(error.doc[: error.pos].encode("utf-8", "surrogatepass"))
    before = text[:offset]
    line = before.count(b"\n") + 1
    column = len(before[before.rfind(b"\n") + 1 :].decode("utf-8", "replace")) + 1
    detail = f"{message} at byte {offset} (line {line}, column {column})"
    return MalformedJSON(detail, pointer, offset=offset, line=line, column=column)


def too_deep(limits: ReadLimits, pointer: str) -> JSONTooDeep:
    """Return the error for nesting past the limit."""
    depth = limits.max_json_depth
    return JSONTooDeep(f"lists and objects are nested more than {depth} deep", pointer, limit=depth, actual=depth + 1)


def _first_not_utf8(text: bytes | bytearray) -> int:
    try:
        text.decode("utf-8")
    except UnicodeDecodeError as error:
        return error.start
    return 0
