"""What every reader of arrays checks: the dtype's name, the shape, the number of elements and of what is in a text."""

from __future__ import annotations

from typing import Any

import numpy as np

from .document import ReadLimits
from .errors import EmptyArray, TooManyAxes, TooManyElements

_SHORT_BYTES, _BLOCK_BYTES = 64 * 1024, 256 * 1024

DTYPES = ("uint8", "int8", "uint16", "int16", "int32", "int64", "float16", "float32", "float64")
"""The dtypes of flat and packed objects."""


class ElementBudget:
    """Counts the elements of a document's arrays against the limit, before they are allocated."""

    def __init__(self, limits: ReadLimits) -> None:
        self.limit = limits.max_elements
        self.taken = 0

    def take(self, count: int, pointer: str) -> None:
        """Add `count` elements; raise TooManyElements when the document then has more than the limit."""
        self.taken += count
        if self.taken > self.limit:
            raise too_many_elements(self.taken, self.limit, pointer)


def count_of(mark: bytes, text: bytes | bytearray | memoryview) -> int:
    """Return how often the byte `mark` stands in `text`: what is missing without it, and of a long text in blocks.

    Both are faster than ``count``, which looks at one byte at a time.
    """
    if len(text) < _SHORT_BYTES:
        return len(text) - len(bytes(text).replace(mark, b""))
    view = np.frombuffer(text, dtype=np.uint8)
    starts = range(0, len(view), _BLOCK_BYTES)
    return sum(int(np.count_nonzero(view[start : start + _BLOCK_BYTES] == mark[0])) for start in starts)


def contains(text: bytes | bytearray, sought: bytes) -> bool:
    """Return whether `sought` stands in `text`; block by block, between which other threads may run."""
    overlap = len(sought) - 1
    return any(sought in text[start : start + _BLOCK_BYTES + overlap] for start in range(0, len(text), _BLOCK_BYTES))


def too_many_elements(actual: int, limit: int, pointer: str) -> TooManyElements:
    """Return the error for `actual` elements where `limit` are taken."""
    detail = f"the arrays hold {actual:,} elements up to here; a request may hold {limit:,}"
    return TooManyElements(detail, pointer, limit=limit, actual=actual)


def too_many_axes(actual: int, limits: ReadLimits, pointer: str) -> TooManyAxes:
    """Return the error for an array of `actual` axes or more."""
    limit = limits.max_axes
    detail = f"the array has {actual} axes or more; an array has at most {limit} axes"
    return TooManyAxes(detail, pointer, limit=limit, actual=actual)


def checked_shape(shape: list[int], pointer: str, limits: ReadLimits) -> tuple[int, ...]:
    """Return a foreign shape as a tuple, refusing too many axes and sizes that are not positive."""
    if len(shape) > limits.max_axes:
        raise too_many_axes(len(shape), limits, pointer)
    if any(size < 1 for size in shape):
        raise EmptyArray(f"the array's shape is {shape}; every axis needs at least one entry", pointer)
    return tuple(shape)


def describe(value: Any) -> str:
    """Return a few words that show a plain JSON value in an error."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return f'the string "{value[:40]}{"…" if len(value) > 40 else ""}"'
    return f"the number {value!r}"[:60]


def elements(count: int) -> str:
    """Return `count` with its noun."""
    return f"{count} element" if count == 1 else f"{count} elements"
