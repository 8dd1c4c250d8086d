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

from .arrays import contains
from .json_faults import SIMDJSON_ERRORS
from .json_integers import widened

STAND_IN = "\0"
"""Begins the string that stands where an array was; no string of a text whose strings are plain has this character."""

_PIECE_BYTES, _MOST_BYTES = 512 * 1024, 1024 * 1024  # a piece ends with a row, or within one that is too long
_SPACES = b" \t\n\r"
_NUMBERS_TO_N = bytes.maketrans(b"0123456789+-.eE", b"n" * 15)
_TO_SPACES = bytes.maketrans(b"[]", b"  ")
_KEY_BYTES = 64
_MOST_STRINGS = 10_000  # that are looked at; tens of times what any request has
_NO_MARKS = bytes(set(range(256)) - set(b"[],"))
_ROW = re.compile(rb"\[,*\]")


class Lifted(NamedTuple):
    """A text without its huge arrays, and those in the order of their stand-ins."""

    text: bytes | bytearray
    arrays: list[NDArray[np.float64]]


def are_strings_plain(text: bytes | bytearray) -> bool:
    """Whether every quotation mark begins or ends a string, and no string has U+0000 in it, which JSON escapes."""
    return b"\\" not in text or not (contains(text, b'\\"') or contains(text, b"\\u0000"))


def lifted(text: bytes | bytearray, names: Collection[str], max_axes: int) -> Lifted:
    """Return a text whose strings are plain, with the huge arrays that stand under one of `names` read out of it."""
    rest, kept = bytearray(), 0
    arrays: list[NDArray[np.float64]] = []
    opening = text.find(b'"')
    for _ in range(_MOST_STRINGS):
        if opening < 0:
            break
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
    form = _Form()
    while start < stop:
        end, within_row = _end_of_piece(text, start, stop)
        if end == 0:
            return None
        piece = bytes(text[start:end])
        listed = piece.translate(_TO_SPACES).strip(_SPACES).removeprefix(b",")
        numbers = _numbers(listed.removesuffix(b",") if within_row else listed)
        if numbers is None:
            return None
        pieces.append(numbers)
        form_of_piece = piece.translate(_NUMBERS_TO_N, _SPACES)
        after_row = form.begun is None and form_of_piece.startswith(b"n")
        if after_row or b"n[" in form_of_piece or b"]n" in form_of_piece:
            return None  # what the spaces in the place of brackets would hide: no comma between
        if not form.add(piece.translate(None, _NO_MARKS), within_row=within_row):
            return None
        start = end
    shape = _shape(bytes(form.text), max_axes - 1)
    whole = np.concatenate(pieces)
    if shape is None or whole.size != prod(shape) * form.columns:
        return None
    return whole.reshape(*shape, form.columns)


def _end_of_piece(text: bytes | bytearray, start: int, stop: int) -> tuple[int, bool]:
    """Return where a piece ends, and whether that is within a row, behind a comma; 0 if it would be too long."""
    least, most = min(start + _PIECE_BYTES, stop - 1), min(start + _MOST_BYTES, stop)
    end = text.find(b"]", least, most) + 1
    return (end, False) if end else (text.find(b",", least, most) + 1, True)


class _Form:
    """Lists of rows as their brackets and commas tell them, each row as ``r``: of [[1,2],[3,4]] it is ``[r,r]``.

    Attributes
    ----------
    text
        The form so far.
    columns
        Numbers of a row; 0 before the first one ends.
    begun
        Commas so far of a row that goes on in the next piece, None if none does.
    """

    def __init__(self) -> None:
        self.text = bytearray()
        self.columns = 0
        self.begun: int | None = None

    def add(self, marks: bytes, *, within_row: bool) -> bool:
        """Add a piece's brackets and commas; return whether they may still be those of a regular array."""
        if self.begun is not None:
            commas, closing, marks = marks.partition(b"]")
            if b"[" in commas:
                return False
            self.begun += len(commas)
            if not closing:
                return True
            if self.columns not in (0, self.begun + 1):
                return False
            self.columns, self.begun = self.begun + 1, None
            self.text += b"r"
        if within_row:
            whole, opening, commas = marks.rpartition(b"[")
            if opening and b"]" not in commas:
                marks, self.begun = whole, len(commas)
        if not self.columns:
            first = _ROW.search(marks)
            if first is None:
                self.text += marks
                return within_row
            self.columns = len(first[0]) - 1
        self.text += marks.replace(b"[%s]" % (b"," * (self.columns - 1)), b"r") if marks else b""
        return True


def _numbers(text: bytes) -> NDArray[np.float64] | None:
    """Return numbers with commas between, or None if they are not; the last piece, of brackets alone, has none."""
    if not text:
        return np.empty(0)
    for form in (text, widened(text)):
        try:
            parsed: Any = simdjson.Parser().parse(b"[" + form + b"]")
            return np.frombuffer(parsed.as_buffer(of_type="d"), dtype=np.float64)
        except (*SIMDJSON_ERRORS, TypeError):
            continue
    return None


def _shape(form: bytes, max_axes: int) -> tuple[int, ...] | None:
    """Return the shape of lists of rows such as ``[[r,r],[r,r]]``, here (2, 2); None if they are not regular.

    The first list of each level tells how long all must be, and the text that this shape has is compared with `form`.
    That is a few passes over it; to look at each list would let no other thread run, of millions, for a second.
    """
    axes = len(form) - len(form.lstrip(b"["))
    if axes > max_axes:
        return None
    shape: list[int] = []
    item = b"r"
    for level in range(1, axes + 1):
        first = axes - level
        end = form.find(b"]" * level) + level  # lists of a lower level that end there end this one too
        length, rest = divmod(end - first - 1, len(item) + 1)  # of "[r,r]": an item and a comma each
        if rest or length < 1:
            return None
        shape.insert(0, length)
        item = b"[%s]" % (b"%s," % item * length)[:-1]
    return tuple(shape) if item == form else None
