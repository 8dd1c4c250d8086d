"""Arrays as JSON writes them: nested lists, flat objects and packed objects become NumPy arrays.

NumPy itself is too kind for foreign values: it turns ``["1.5"]`` and ``[true]`` into numbers and a fraction into an
integer. Here everything is judged first, and whatever is refused is named with its place.

These functions read what a JSON library has already made into Python lists; :mod:`service.wire.json_fast` makes the
same arrays without the lists and comes here for the verdict whenever something is unusual.
"""

from __future__ import annotations

import binascii
import re
from collections.abc import Collection
from itertools import chain
from math import prod
from typing import Any

import numpy as np
import pybase64
from numpy.typing import NDArray

from .document import ReadLimits, pointer_to
from .errors import (
    ArraySizeMismatch,
    EmptyArray,
    InvalidArray,
    InvalidBase64,
    NotAnArray,
    RaggedArray,
    TooManyAxes,
    TooManyElements,
    UnsupportedDtype,
    ValueOutOfRange,
)

DTYPES = ("uint8", "int8", "uint16", "int16", "int32", "int64", "float16", "float32", "float64")
"""The dtypes of flat and packed objects."""

_LARGEST_EXACT = 2**53  # beyond it a float written with a fraction or exponent may not be the integer it shows


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


def too_many_elements(actual: int, limit: int, pointer: str) -> TooManyElements:
    """Return the error for `actual` elements where `limit` are taken."""
    return TooManyElements(
        f"the arrays hold {actual:,} elements up to here; a request may hold {limit:,}",
        pointer,
        limit=limit,
        actual=actual,
    )


def is_array_object(keys: Collection[str]) -> bool:
    """Whether an object in an array's place means an array: it speaks of data or a shape, and names nothing."""
    return "name" not in keys and any(key in keys for key in ("data", "base64", "shape", "dtype"))


def array_from_lists(rows: list[Any], pointer: str, limits: ReadLimits, budget: ElementBudget) -> NDArray[np.float64]:
    """Return nested lists of numbers as an array.

    Parameters
    ----------
    rows : list
        Lists in lists, every list of a level as long as its siblings, numbers innermost.
    pointer : str
        Where `rows` stands in the document.

    Returns
    -------
    ndarray of float64, C-contiguous. Integers that float64 cannot hold become the nearest float.

    Raises
    ------
    NotAnArray, RaggedArray, EmptyArray, TooManyAxes, TooManyElements
        With the pointer to the first offending row or element.
    """
    shape = _shape_along_first(rows, pointer, limits)
    budget.take(prod(shape), pointer)
    level: list[Any] = [rows]
    for axis in range(1, len(shape)):
        level = list(chain.from_iterable(level))
        _check_rows(level, shape, axis, pointer)
    for position, row in enumerate(level):
        if not {type(item) for item in row} <= {int, float}:
            _refuse_element(row, pointer_to(pointer, *_unravel(position, shape[:-1])))
    return np.array(rows, dtype=np.float64)


def _shape_along_first(rows: list[Any], pointer: str, limits: ReadLimits) -> list[int]:
    shape: list[int] = []
    probe: Any = rows
    while isinstance(probe, list):
        if not probe:
            place = pointer_to(pointer, *[0] * len(shape))
            raise EmptyArray(
                f"{place or 'the list'} is empty; an array needs at least one element on every axis", place
            )
        shape.append(len(probe))
        if len(shape) > limits.max_axes:
            raise TooManyAxes(
                f"the list is nested more than {limits.max_axes} deep; an array has at most {limits.max_axes} axes",
                pointer,
                limit=limits.max_axes,
            )
        probe = probe[0]
    return shape


def _check_rows(rows: list[Any], shape: list[int], axis: int, pointer: str) -> None:
    """Check that `rows`, everything `axis` levels down, are lists of the length `shape` says."""
    for position, row in enumerate(rows):
        if isinstance(row, list) and len(row) == shape[axis]:
            continue
        place = pointer_to(pointer, *_unravel(position, shape[:axis]))
        first = pointer_to(pointer, *[0] * axis)
        if not isinstance(row, list):
            raise RaggedArray(
                f"{place} is {describe(row)} but {first} is a list of {shape[axis]}; "
                "rows at the same level must all be lists of the same length",
                place,
            )
        raise RaggedArray(
            f"{place} has {_elements(len(row))} but {first} has {shape[axis]}; "
            "rows at the same level must have the same length",
            place,
        )


def _unravel(position: int, shape: list[int]) -> list[int]:
    index: list[int] = []
    for size in reversed(shape):
        position, step = divmod(position, size)
        index.insert(0, step)
    return index


def _refuse_element(row: list[Any], pointer: str) -> None:
    """Raise for the first element of `row` that is no number."""
    for position, item in enumerate(row):
        if type(item) in (int, float):
            continue
        place = pointer_to(pointer, position)
        if isinstance(item, list):
            raise RaggedArray(
                f"{place} is {describe(item)} but {pointer_to(pointer, 0)} is {describe(row[0])}; "
                "rows at the same level must have the same length, with numbers innermost",
                place,
            )
        raise NotAnArray(f"{place} is {describe(item)}; {_advice(item)}", place)


def _advice(item: Any) -> str:
    if isinstance(item, bool):
        return "an array holds numbers: write 1 or 0"
    if item is None:
        return "an array holds numbers: JSON has none for missing or NaN; a .npy file or base64 carries NaN"
    if isinstance(item, str):
        return "an array holds numbers: write them without quotes"
    return "every element of an array must be a number"


def describe(value: Any) -> str:
    """Return a few words that show a JSON value in an error."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return f'the string "{value[:40]}{"…" if len(value) > 40 else ""}"'
    if isinstance(value, list):
        return f"a list of {len(value)}"
    if isinstance(value, dict):
        return "an object"
    return f"the number {value!r}"[:60]


def _elements(count: int) -> str:
    return f"{count} element" if count == 1 else f"{count} elements"


def array_from_object(value: dict[str, Any], pointer: str, limits: ReadLimits, budget: ElementBudget) -> NDArray[Any]:
    """Return a flat object (``shape``, ``dtype``, ``data``) or a packed one (``shape``, ``dtype``, ``base64``).

    Returns
    -------
    ndarray of the dtype and shape it names; of packed data it is a read-only view of the decoded bytes.

    Raises
    ------
    InvalidArray and its subclasses, TooManyElements
        With the pointer to the member or element at fault.
    """
    shape, dtype = shape_and_dtype(value, pointer, limits)
    budget.take(prod(shape), pointer)
    if "base64" in value:
        return unpack(value["base64"], shape, dtype, pointer)
    data, place = value["data"], pointer_to(pointer, "data")
    if not isinstance(data, list):
        raise NotAnArray(f"data is {describe(data)}; it must be a flat list of {_elements(prod(shape))}", place)
    for position, item in enumerate(data):
        if type(item) not in (int, float):
            item_place = pointer_to(place, position)
            advice = "data is a flat list, row after row" if isinstance(item, list) else _advice(item)
            raise NotAnArray(f"{item_place} is {describe(item)}; {advice}", item_place)
    check_count(len(data), shape, place)
    return _typed(data, dtype, place).reshape(shape)


def shape_and_dtype(value: dict[str, Any], pointer: str, limits: ReadLimits) -> tuple[tuple[int, ...], np.dtype[Any]]:
    """Check the members of a flat or packed object; return its shape and dtype."""
    carriers = [key for key in ("data", "base64") if key in value]
    if len(carriers) != 1:
        came = "both data and base64" if carriers else "neither data nor base64"
        raise InvalidArray(
            f"the object has {came}; an array is {{shape, dtype, data}} or {{shape, dtype, base64}}", pointer
        )
    for key in value:
        if key not in ("shape", "dtype", "data", "base64"):
            place = pointer_to(pointer, key)
            raise InvalidArray(f'"{key[:40]}" is not part of an array, which has shape, dtype and {carriers[0]}', place)
    for key in ("shape", "dtype"):
        if key not in value:
            raise InvalidArray(
                f"{key} is missing; an array has shape, dtype and {carriers[0]}", pointer_to(pointer, key)
            )
    dtype = value["dtype"]
    if dtype not in DTYPES:
        came = describe(dtype)
        raise UnsupportedDtype(f"dtype is {came}; it must be one of {', '.join(DTYPES)}", pointer_to(pointer, "dtype"))
    return checked_shape(value["shape"], pointer_to(pointer, "shape"), limits), np.dtype(dtype)


def checked_shape(shape: Any, pointer: str, limits: ReadLimits) -> tuple[int, ...]:
    """Return a foreign shape as a tuple of positive ints, refusing anything else."""
    if not isinstance(shape, list) or not all(type(size) is int for size in shape):
        raise InvalidArray(f"shape is {describe(shape)}; it must be a list of integers", pointer)
    if len(shape) > limits.max_axes:
        raise TooManyAxes(
            f"shape has {len(shape)} axes; an array has at most {limits.max_axes}",
            pointer,
            limit=limits.max_axes,
            actual=len(shape),
        )
    for axis, size in enumerate(shape):
        if size < 1:
            place = pointer_to(pointer, axis)
            raise EmptyArray(f"{place} is {size}; an array needs at least one element on every axis", place)
    return tuple(shape)


def check_count(actual: int, shape: tuple[int, ...], pointer: str) -> None:
    """Raise ArraySizeMismatch unless `actual` elements fill `shape`."""
    if actual != prod(shape):
        raise ArraySizeMismatch(
            f"data has {_elements(actual)} but shape {list(shape)} needs {prod(shape)}",
            pointer,
            expected=prod(shape),
            actual=actual,
        )


def _typed(data: list[int | float], dtype: np.dtype[Any], pointer: str) -> NDArray[Any]:
    if dtype.kind == "f":
        with np.errstate(over="ignore"):
            array = np.array(data, dtype=np.float64).astype(dtype)
        bad = np.flatnonzero(~np.isfinite(array))
        if bad.size:
            _refuse_range(data[bad[0]], int(bad[0]), dtype, pointer)
        return array
    low, high = int(np.iinfo(dtype).min), int(np.iinfo(dtype).max)
    whole = []
    for position, item in enumerate(data):
        if isinstance(item, float):
            if not item.is_integer():
                place = pointer_to(pointer, position)
                raise ValueOutOfRange(f"{place} is {item!r}; {dtype.name} holds whole numbers only", place)
            if abs(item) > _LARGEST_EXACT and low <= item <= high:
                place = pointer_to(pointer, position)
                detail = f"{place} is {item!r}, which may stand for several integers; write all its digits"
                raise ValueOutOfRange(detail, place)
            item = int(item)
        if not low <= item <= high:
            _refuse_range(item, position, dtype, pointer)
        whole.append(item)
    return np.array(whole, dtype=dtype)


def _refuse_range(item: int | float, position: int, dtype: np.dtype[Any], pointer: str) -> None:
    info = np.finfo(dtype) if dtype.kind == "f" else np.iinfo(dtype)
    place = pointer_to(pointer, position)
    raise ValueOutOfRange(f"{place} is {item!r}; {dtype.name} holds {info.min} to {info.max}", place)


def unpack(text: Any, shape: tuple[int, ...], dtype: np.dtype[Any], pointer: str) -> NDArray[Any]:
    """Return base64 of row-major little-endian elements as an array.

    Raises
    ------
    InvalidBase64
        If it is not base64 with its padding (RFC 4648, section 4) and nothing else.
    ArraySizeMismatch
        If the bytes are not as many as shape and dtype need.
    """
    place = pointer_to(pointer, "base64")
    if not isinstance(text, str):
        raise InvalidBase64(f"base64 is {describe(text)}; it must be a string", place)
    try:
        raw = pybase64.b64decode(text, validate=True)
    except binascii.Error as error:
        raise InvalidBase64(_base64_fault(text), place) from error
    whole = len(raw) // 3
    if pybase64.b64encode_as_string(raw[whole * 3 :]) != text[whole * 4 :]:
        raise InvalidBase64("bits are set behind the last byte; it was cut off or put together wrongly", place)
    expected = prod(shape) * dtype.itemsize
    if len(raw) != expected:
        raise ArraySizeMismatch(
            f"base64 holds {len(raw)} bytes but shape {list(shape)} of {dtype.name} needs {expected}",
            place,
            expected=expected,
            actual=len(raw),
        )
    array = np.frombuffer(raw, dtype=dtype.newbyteorder("<"))
    return array.astype(dtype, copy=False).reshape(shape)


def _base64_fault(text: str) -> str:
    fault = re.search(r"[^A-Za-z0-9+/=]|=(?!=?$)", text)
    if fault:
        return f"character {fault.start()} is {fault[0]!r}; base64 has only A-Z a-z 0-9 + / and = at its end"
    return f"it has {len(text)} characters; base64 comes in fours, filled up with ="
