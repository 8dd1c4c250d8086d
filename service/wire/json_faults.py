"""Where a text stops being JSON: simdjson does not say, orjson does.

orjson makes a Python object of every value and lets no other thread run until it is done, which for tens of megabytes
of numbers takes a second. So the text is shortened first: of a long series of numbers only the last is kept, and of a
long series of rows of one number likewise, which leaves whatever is wrong where it is.
"""

from __future__ import annotations

import re
from typing import NamedTuple

import orjson

from .arrays import count_of
from .document import ReadLimits
from .errors import JSONTooDeep, MalformedJSON

_SHORT_BYTES = 64 * 1024
_PIECE_BYTES = 256 * 1024
_SPACE = rb"[ \t\n\r]*+"
# Neither so long nor of such an exponent that it could be infinite, which orjson refuses.
_NUMBER = rb"-?(?:0|[1-9]\d{0,99}+)(?:\.\d++)?(?:[eE][+-]?\d\d?)?"
_ROW = rb"\[" + _SPACE + _NUMBER + _SPACE + rb"\]"


def _series_of(item: bytes) -> re.Pattern[bytes]:
    """Return a pattern for items with their commas, up to another item; it begins where an item may begin."""
    series = rb"(?<=[\[, \t\n\r])(?>%b%b,%b)+(?=%b%b[,\]])"
    return re.compile(series % (item, _SPACE, _SPACE, item, _SPACE))


_SERIES = (_series_of(_NUMBER), _series_of(_ROW))

# What orjson takes at most for a value: a float and its place in a list, or an empty list and its place. A text that
# still takes more is refused without being told where it goes wrong.
_NUMBER_BYTES, _LIST_BYTES, _MOST_BYTES = 32, 72, 16 * 1024 * 1024


class _Cut(NamedTuple):
    """What was left out of a text: `size` bytes that stood before position `at` of what is left."""

    at: int
    size: int


def located(text: bytes | bytearray, fault: Exception, limits: ReadLimits, pointer: str) -> MalformedJSON:
    """Return the error that says where `text`, which is not JSON, goes wrong."""
    short: bytes | bytearray = text
    passes: list[list[_Cut]] = []
    if len(text) > _SHORT_BYTES:
        for series in _SERIES:
            short, cuts = _shortened(short, series)
            passes.append(cuts)
    lists = count_of(b"[", short) + count_of(b"{", short)
    if _NUMBER_BYTES * count_of(b",", short) + _LIST_BYTES * lists > _MOST_BYTES:
        return MalformedJSON(f"the text is not JSON, and holds too many values to say where: {fault}", pointer)
    try:
        orjson.loads(short)
    except orjson.JSONDecodeError as error:
        return _at(error, text, passes, limits, pointer)
    return MalformedJSON(f"the text is not JSON: {fault}", pointer)


def too_deep(limits: ReadLimits, pointer: str) -> JSONTooDeep:
    """Return the error for nesting past the limit."""
    depth = limits.max_json_depth
    return JSONTooDeep(f"lists and objects are nested more than {depth} deep", pointer, limit=depth, actual=depth + 1)


def _shortened(text: bytes | bytearray, series: re.Pattern[bytes]) -> tuple[bytearray, list[_Cut]]:
    """Return `text` without its series, piece by piece, and what was cut."""
    short, cuts, position = bytearray(), [], 0
    while position < len(text):
        end = position + _PIECE_BYTES
        found = series.search(text, position, end)
        if found is None:
            short += text[position:end]
            position = end
        else:
            short += text[position : found.start()]
            cuts.append(_Cut(len(short), found.end() - found.start()))
            position = found.end()
    return short, cuts


def _at(
    error: orjson.JSONDecodeError,
    text: bytes | bytearray,
    passes: list[list[_Cut]],
    limits: ReadLimits,
    pointer: str,
) -> MalformedJSON:
    message = error.msg
    if message.startswith("depth limit"):
        return too_deep(limits, pointer)
    if message.startswith("str is not valid UTF-8"):
        offset, message = _first_not_utf8(text), "the text is not UTF-8"
    else:
        offset = len(error.doc[: error.pos].encode("utf-8", "surrogatepass"))
        for cuts in reversed(passes):
            offset += sum(cut.size for cut in cuts if cut.at < offset)
    before = text[:offset]
    line = before.count(b"\n") + 1
    column = len(before[before.rfind(b"\n") + 1 :].decode("utf-8", "replace")) + 1
    detail = f"{message} at byte {offset} (line {line}, column {column})"
    return MalformedJSON(detail, pointer, offset=offset, line=line, column=column)


def _first_not_utf8(text: bytes | bytearray) -> int:
    try:
        text.decode("utf-8")
    except UnicodeDecodeError as error:
        return error.start
    return 0
