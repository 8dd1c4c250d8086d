"""Huge arrays read out of a JSON text in pieces.

simdjson lets no other thread run while it parses, which of fifty megabytes takes a tenth of a second. So the rows of a
huge array are parsed some at a time, and the text is parsed without it. Only what is plainly a regular array is read
so; whatever else the text holds, right or wrong, stays in it and is read with it.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from math import prod
from typing import Any, NamedTuple

import numpy as np
import simdjson
from numpy.typing import NDArray

HUGE_BYTES = 8 * 1024 * 1024  # of a text; 20 milliseconds to parse
STAND_IN = "\0"
"""Begins the string that stands where an array was; no string of a text without escapes holds this character."""

_PIECE_BYTES, _MOST_BYTES = 512 * 1024, 4 * 1024 * 1024  # a piece ends with a row, and rows may be long
_SPACES = b" \t\n\r"
_TO_SPACES = bytes.maketrans(b"[]", b"  ")
_KEY_BYTES = 64
_ROWS = re.compile(rb"\[r(?:,r)*\]")


class Lifted(NamedTuple):
    """A text without its huge arrays, and those in the order of their stand-ins."""

    text: bytes | bytearray
    arrays: list[NDArray[np.float64]]


def lifted(text: bytes | bytearray, names: Collection[str], max_axes: int) -> Lifted:
    """Return a text without backslashes, with the huge arrays that stand under one of `names` read out of it."""
    rest, kept = bytearray(), 0
    arrays: list[NDArray[np.float64]] = []
    opening = text.find(b'"')
    while opening >= 0:
        closing = text.find(b'"', opening + 1)
        following = text.find(b'"', closing + 1) if closing >= 0 else -1
        end = len(text) if following < 0 else following
        if closing >= 0 and end - closing > _PIECE_BYTES and _names(text[opening + 1 : closing], names):
            start = text.find(b"[", closing, end)
            brace = text.find(b"}", closing, end)
            stop = text.rfind(b"]", closing, end if brace < 0 else brace) + 1
            if 0 <= start < stop and text[closing + 1 : start].strip(_SPACES) == b":":
                array = _array(text, start, stop, max_axes)
                if array is not None:
                    rest += text[kept:start] + b'"\\u0000%d"' % len(arrays)
                    arrays.append(array)
                    kept = stop
        opening = following
    if not arrays:
        return Lifted(text, [])
    rest += text[kept:]
    return Lifted(rest, arrays)


def _names(key: bytes | bytearray, names: Collection[str]) -> bool:
    return len(key) <= _KEY_BYTES and key.decode("utf-8", "replace") in names


def _array(text: bytes | bytearray, start: int, stop: int, max_axes: int) -> NDArray[np.float64] | None:
    """Return the nested lists ``text[start:stop]`` as an array, or None if they are not plainly one."""
    pieces: list[NDArray[np.float64]] = []
    form, commas = bytearray(), -1
    while start < stop:
        end = text.find(b"]", min(start + _PIECE_BYTES, stop - 1), stop) + 1
        if end - start > _MOST_BYTES:
            return None
        piece = bytes(text[start:end])
        outside, *parts = piece.split(b"[")
        form += outside
        for part in parts:
            row, closed, after = part.partition(b"]")
            if not closed:
                form += b"[" + part
                continue
            form += b"r" + after
            if commas < 0:
                commas = row.count(b",")
            elif row.count(b",") != commas:
                return None
        numbers = _numbers(piece.translate(_TO_SPACES).strip(_SPACES).removeprefix(b","))
        if numbers is None:
            return None
        pieces.append(numbers)
        start = end
    shape = _shape(bytes(form.translate(None, _SPACES)))
    whole = np.concatenate(pieces)
    if shape is None or len(shape) >= max_axes or whole.size != prod(shape) * (commas + 1):
        return None
    return whole.reshape(*shape, commas + 1)


def _numbers(text: bytes) -> NDArray[np.float64] | None:
    """Return numbers with commas between, or None if they are not; the last piece, of brackets alone, has none."""
    try:
        parsed: Any = simdjson.Parser().parse(b"[" + text + b"]")
        return np.frombuffer(parsed.as_buffer(of_type="d"), dtype=np.float64) if text else np.empty(0)
    except (ValueError, RuntimeError, TypeError):
        return None


def _shape(form: bytes) -> tuple[int, ...] | None:
    """Return the shape of lists of rows such as ``[[r,r],[r,r]]``, here (2, 2); None if they are not regular."""
    shape: list[int] = []
    while form != b"r":
        lengths = {len(rows) // 2 for rows in _ROWS.findall(form)}  # of "[r,r]": a character and a comma each
        form = _ROWS.sub(b"R", form)
        if len(lengths) != 1 or b"r" in form:
            return None
        shape.insert(0, lengths.pop())
        form = form.replace(b"R", b"r")
    return tuple(shape)
