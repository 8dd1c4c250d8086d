"""Integers of more than 64 bits, which JSON allows and simdjson does not, written as floats.

A text is looked through in pieces: a regular expression that runs over tens of megabytes would let no other thread
run for as long as that takes.
"""

from __future__ import annotations

import re

_PIECE_BYTES = 256 * 1024
_MOST_QUOTES = 100_000  # hundreds of times what any request has
_AFTER_NUMBER = re.compile(rb"[^\d.eE+-]")
_DIGITS_TO_N, _LONG = bytes.maketrans(b"0123456789", b"n" * 10), b"n" * 19
_LONG_INTEGER = re.compile(rb"(?<![\d.eE+-])(?:-\d{19,}|\d{20,})(?![\d.eE])")


def widened(text: bytes | bytearray) -> bytes | bytearray:
    """Return `text` with every integer of more than 64 bits followed by a fraction of zero; strings are left alone.

    A text that has none is returned as it is, as is one with more strings or a longer number than any request has.
    """
    # Of the same length, and every quote in it opens or closes a string.
    unescaped = text.replace(b"\\\\", b"__").replace(b'\\"', b"__") if b"\\" in text else text
    wide, position, quotes = bytearray(), 0, 0
    while position < len(text):
        opening = unescaped.find(b'"', position)
        end = len(text) if opening < 0 else opening
        if not _add_widened(wide, text, position, end):
            return text
        closing = unescaped.find(b'"', end + 1)
        position = len(text) if closing < 0 else closing + 1
        wide += text[end:position]
        quotes += 1
        if quotes > _MOST_QUOTES:
            return text
    return text if len(wide) == len(text) else wide


def _add_widened(wide: bytearray, text: bytes | bytearray, start: int, end: int) -> bool:
    """Add ``text[start:end]``, which lies outside of strings, in pieces that end outside of numbers, if any do."""
    while start < end:
        stop = min(start + _PIECE_BYTES, end)
        if stop < end:
            found = _AFTER_NUMBER.search(text, stop, min(stop + _PIECE_BYTES, end))
            if found is None:
                return False
            stop = found.end()
        piece = text[start:stop]
        # Where so many digits follow one another is thirty times as soon found as what kind of number they are.
        wide += _LONG_INTEGER.sub(_as_float, piece) if _LONG in piece.translate(_DIGITS_TO_N) else piece
        start = stop
    return True


def _as_float(match: re.Match[bytes]) -> bytes:
    """Return a long integer with a fraction of zero, so that it is read as the nearest float."""
    token = match[0]
    if len(token) == 20 and -(2**63) <= int(token) < 2**64:
        return token
    return token + b".0"
