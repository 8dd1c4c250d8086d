"""Where a text stops being JSON: simdjson does not say, orjson does.

orjson makes a Python object of every value and lets no other thread run until it is done, which for tens of megabytes
of numbers takes a second. So it is given the text in pieces, each completed to a text of its own: within the lists and
objects that are open where the piece begins, and closed where it ends. Both are at a comma outside of strings.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import orjson
import simdjson

from .arrays import count_of
from .document import ReadLimits
from .errors import JSONTooDeep, MalformedJSON

SIMDJSON_ERRORS = (ValueError, RuntimeError)
"""What pysimdjson raises where a text is not JSON."""

_PIECE_BYTES = 256 * 1024
_MOST_STRINGS = 10_000  # that may stand without a comma between them: one in another, and no text is as deep as that
_ROOM = b" " * 8192  # orjson allots memory by a text's length, and not enough for a short one that only opens lists
_ANY = b"["
"""Stands for the brackets of a piece that has more than a text can have."""
_DEEPEST = 1024  # that orjson reads
_CLOSING = bytes.maketrans(b"[{", b"]}")
_NOT_FINITE = re.compile(rb"(nan|inf(inity)?)\b", re.IGNORECASE)
"""As other languages write such a number, behind its sign."""
_VALUE_WANTED = ("expected a JSON value", "no digit after sign", "expected 'null'")
"""What orjson says where it found one."""
_NO_BRACKETS = bytes(set(range(256)) - set(b"[]{}"))


class _Piece(NamedTuple):
    """``text[start:stop]``, which ends with a comma unless it is the last, and the brackets outside its strings."""

    start: int
    stop: int
    brackets: bytes


def located(text: bytes | bytearray, fault: Exception, limits: ReadLimits, pointer: str) -> MalformedJSON:
    """Return the error that says where `text`, which is not JSON, goes wrong."""
    return first_fault(text, limits, pointer) or MalformedJSON(f"the text is not JSON: {fault}", pointer)


def first_fault(text: bytes | bytearray, limits: ReadLimits, pointer: str) -> MalformedJSON | None:
    """Return the error for the first piece of `text` that is not JSON, or None if all are.

    Of a piece that is not UTF-8 that is the first such byte, whatever else is wrong in it.
    """
    opened = b""
    for start, stop, brackets in _pieces(text):
        still_open = _unclosed(opened + brackets)
        before = _ROOM + _opening(opened) if opened or still_open else b""
        piece = before + text[start:stop] + (_ending(still_open) if stop < len(text) else b"")
        if not _is_json(piece):
            try:
                orjson.loads(piece)
            except orjson.JSONDecodeError as error:
                return _at(start - len(before), error, piece, text, limits, pointer)
        opened = still_open
    return None


def _is_json(piece: bytes) -> bool:
    """Whether simdjson takes a piece, which is sooner known than whether orjson does."""
    try:
        simdjson.Parser().parse(piece)
    except SIMDJSON_ERRORS:
        return False
    return True


def too_deep(limits: ReadLimits, pointer: str) -> JSONTooDeep:
    """Return the error for nesting past the limit."""
    depth = limits.max_json_depth
    return JSONTooDeep(f"lists and objects are nested more than {depth} deep", pointer, limit=depth, actual=depth + 1)


def _pieces(text: bytes | bytearray) -> Iterator[_Piece]:
    if not text:
        yield _Piece(0, 0, b"")
    start, size = 0, _PIECE_BYTES
    while start < len(text):
        piece = _piece(text, start, min(start + size, len(text)))
        if piece is None:
            size *= 2  # one value that goes on and on
        else:
            yield piece
            start, size = piece.stop, _PIECE_BYTES


def _piece(text: bytes | bytearray, start: int, limit: int) -> _Piece | None:
    """Return the longest piece up to `limit`, or None if there is none; `start` lies outside of strings."""
    piece = bytes(text[start:limit])
    if b"\\" in piece:  # every quote that is left opens or closes a string
        piece = piece.replace(b"\\\\", b"__").replace(b'\\"', b"__")
    parts = piece.split(b'"')  # by turns outside of strings and within one
    if limit == len(text):
        return _Piece(start, limit, _brackets(parts))
    strings = len(parts)
    stop = len(piece)
    while parts:
        stop -= len(parts[-1])
        comma = parts[-1].rfind(b",") if len(parts) % 2 else -1
        if comma >= 0:
            parts[-1] = parts[-1][: comma + 1]
            return _Piece(start, start + stop + comma + 1, _brackets(parts))
        stop -= 1  # the quote before it
        parts.pop()
    if _crowded(piece.split(b'"')[::2]):  # it holds the fault, wherever it ends
        return _Piece(start, start + max(map(piece.rfind, (b"[", b"]", b"{", b"}"))) + 1, _ANY)
    if strings > _MOST_STRINGS:
        return _Piece(start, start + piece.rindex(b'"') + 1, b"")
    return None


def _brackets(parts: list[bytes]) -> bytes:
    """Return the brackets outside of strings."""
    outside = parts[::2]
    return _ANY if _crowded(outside) else b"".join(outside).translate(None, _NO_BRACKETS)


def _crowded(outside: list[bytes]) -> bool:
    """Whether there are more brackets than a text can have, so that the fault is among them.

    Between two commas lists and objects end and others begin, none deeper than orjson goes.
    """
    brackets = sum(len(part.translate(None, _NO_BRACKETS)) for part in outside)
    return brackets > 2 * _DEEPEST * (sum(part.count(b",") for part in outside) + 1)


def _unclosed(brackets: bytes) -> bytes:
    """Return the brackets that none closes, or any if some do not match: the fault is no later then."""
    marks = np.frombuffer(brackets, dtype=np.uint8)
    opens = (marks == ord("[")) | (marks == ord("{"))
    depth = np.cumsum(np.where(opens, 1, -1), dtype=np.int32)
    lowest = np.minimum.accumulate(depth[::-1])[::-1]  # from there on
    return bytes(marks[opens & (lowest >= depth)])


def _opening(opened: bytes) -> bytes:
    """Return a text that opens lists and objects, up to where another item may begin."""
    if not opened:
        return b""
    outer = opened[:-1].replace(b"{", b'{"":')
    return outer + (b"[0," if opened.endswith(b"[") else b'{"":0,')


def _ending(opened: bytes) -> bytes:
    """Return a text that stands behind a comma and closes all that is open."""
    return (b'"":0' if opened.endswith(b"{") else b"0") + opened[::-1].translate(_CLOSING)


def _at(
    start: int,
    error: orjson.JSONDecodeError,
    piece: bytes,
    text: bytes | bytearray,
    limits: ReadLimits,
    pointer: str,
) -> MalformedJSON:
    """Return the error for a fault in a piece whose first byte would be byte `start` of the text."""
    message = error.msg
    if message.startswith("depth limit"):
        return too_deep(limits, pointer)
    if message.startswith("str is not valid UTF-8"):
        offset, message = start + _first_not_utf8(piece), "the text is not UTF-8"
    else:
        offset = start + len(error.doc[: error.pos].encode("utf-8", "surrogatepass"))
    before = memoryview(text)[:offset]
    line = count_of(b"\n", before) + 1
    column = _characters(before[text.rfind(b"\n", 0, offset) + 1 :]) + 1
    message, mend = _plainer(message, text, offset)
    detail = f"{message} at byte {offset} (line {line}, column {column}){mend}"
    return MalformedJSON(detail, pointer, offset=offset, line=line, column=column)


def _plainer(message: str, text: bytes | bytearray, offset: int) -> tuple[str, str]:
    """Return what orjson says of a number as a client may need it said, and what would do."""
    found = text[offset : offset + 1]
    if message.endswith(_VALUE_WANTED) and _NOT_FINITE.match(text, offset + (found == b"+")):
        return "JSON has no NaN and no infinity", "; in an array a .npy file or base64 carries them"
    if message == "no digit after sign" and found in (b".", b"+"):  # orjson's words for .5 and +1 too
        return "a number begins with a digit, or with - and a digit", ""
    return message, ""


def _characters(text: memoryview) -> int:
    """Return how many characters UTF-8 has: all bytes but those that continue one."""
    view = np.frombuffer(text, dtype=np.int8)
    starts = range(0, len(view), _PIECE_BYTES)
    return sum(int(np.count_nonzero(view[start : start + _PIECE_BYTES] >= -64)) for start in starts)


def _first_not_utf8(text: bytes) -> int:
    try:
        text.decode("utf-8")
    except UnicodeDecodeError as error:
        return error.start
    return 0
