"""Arrays as JSON writes them, nested lists and flat and packed objects, copied out of simdjson's memory.

No Python object is made for a number. NumPy and pysimdjson are both too kind for foreign values (NumPy turns
``["1.5"]`` and ``[true]`` into numbers; pysimdjson's copy runs through all levels of nesting at once, whatever their
lengths), so rows are measured first, and whatever is refused is named with its place.

One thing cannot be seen by measuring rows: ``[[1, 2], [3, [4]]]`` has two rows of two, and four numbers in all. A
reader that asks for it, `careful`, has every element looked at, which is slow; :mod:`service.wire.json_reader` knows
when it is needed.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator
from itertools import chain
from math import prod
from typing import Any, NoReturn, cast

import numpy as np
import pybase64
import simdjson
from numpy.typing import NDArray

from .arrays import DTYPES, ElementBudget, checked_shape, describe, elements, too_many_axes
from .document import ReadLimits, pointer_to
from .errors import (
    ArraySizeMismatch,
    EmptyArray,
    InvalidArray,
    InvalidBase64,
    NotAnArray,
    RaggedArray,
    TooManyElements,
    UnsupportedDtype,
    ValueOutOfRange,
)

_LARGEST_EXACT = 2**53  # beyond it a float written with a fraction or exponent may not be the integer it shows
_ARRAYS = {simdjson.Array}
_MANY_ROWS = 64 * 1024  # no longer looked at all at once, which is faster
MAX_LIST_ELEMENTS = 0xFFFFFE  # simdjson counts no further


def is_array_object(keys: Collection[str]) -> bool:
    """Whether an object in an array's place means an array: it speaks of data or a shape, and names nothing."""
    return "name" not in keys and any(key in keys for key in ("data", "base64", "shape", "dtype"))


def nested_array(
    rows: simdjson.Array, pointer: str, limits: ReadLimits, budget: ElementBudget, *, careful: bool
) -> NDArray[np.float64]:
    """Return nested lists of numbers as an array.

    Parameters
    ----------
    rows : simdjson.Array
        Lists in lists, every list of a level as long as its siblings, numbers innermost.
    pointer : str
        Where `rows` stands in the document.
    careful : bool
        Whether to look for lists among the numbers of a row.

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
    if prod(shape[:-1]) > _MANY_ROWS or not _are_regular(rows, shape):
        _check_rows(rows, shape, 1, pointer, pointer)
    numbers = None if careful else _numbers(rows, "d")
    if numbers is None or numbers.size != prod(shape):
        _check_elements(rows, len(shape), pointer)
        numbers = np.frombuffer(rows.as_buffer(of_type="d"), dtype=np.float64)
    return numbers.reshape(shape)


def lists_in(array: NDArray[Any]) -> int:
    """Return how many lists `array` is as nested lists."""
    lists, of_a_level = 0, 1
    for size in array.shape:
        lists += of_a_level
        of_a_level *= size
    return lists


def _shape_along_first(rows: simdjson.Array, pointer: str, limits: ReadLimits) -> list[int]:
    shape: list[int] = []
    probe: Any = rows
    while isinstance(probe, simdjson.Array):
        if len(shape) == limits.max_axes:
            raise too_many_axes(len(shape) + 1, limits, pointer)
        shape.append(len(probe))
        if shape[-1] == 0:
            place = pointer_to(pointer, *[0] * (len(shape) - 1))
            raise EmptyArray(
                f"{place or 'the list'} is empty; an array needs at least one element on every axis", place
            )
        if shape[-1] > MAX_LIST_ELEMENTS:
            detail = f"a list has more than {MAX_LIST_ELEMENTS:,} elements; send an array of that size as .npy"
            raise TooManyElements(detail, pointer, limit=MAX_LIST_ELEMENTS)
        probe = probe[0]
    return shape


def _are_regular(rows: simdjson.Array, shape: list[int]) -> bool:
    """Whether every list, level by level, has the length that `shape` says."""
    level: list[Any] = [rows]
    for size in shape[1:]:
        level = list(chain.from_iterable(level))
        if set(map(type, level)) != _ARRAYS or set(map(len, level)) != {size}:
            return False
    return True


def _check_rows(rows: simdjson.Array, shape: list[int], axis: int, pointer: str, root: str) -> None:
    """Check that everything in `rows`, lists `axis` levels down, is a list of the length that `shape` says."""
    if axis == len(shape):
        return
    size, innermost = shape[axis], axis == len(shape) - 1
    for position, row in enumerate(rows):
        if not isinstance(row, simdjson.Array) or len(row) != size:
            first = pointer_to(root, *[0] * axis)
            _refuse_row(row, f"{pointer}/{position}", f"{first} has {size}", f"{first} is a list of {size}")
        if not innermost:
            _check_rows(row, shape, axis + 1, f"{pointer}/{position}", root)


def _refuse_row(row: Any, place: str, first_has: str, first_is: str) -> NoReturn:
    if not isinstance(row, simdjson.Array):
        advice = "rows at the same level must all be lists of the same length"
        raise RaggedArray(f"{place} is {_describe(row)} but {first_is}; {advice}", place)
    advice = "rows at the same level must have the same length"
    raise RaggedArray(f"{place} has {elements(len(row))} but {first_has}; {advice}", place)


def _check_elements(rows: simdjson.Array, axes: int, pointer: str) -> None:
    """Raise for the first thing in lists `axes` deep that is no number."""
    for position, item in enumerate(rows):
        place = f"{pointer}/{position}"
        if axes > 1:
            _check_elements(cast(simdjson.Array, item), axes - 1, place)
        elif isinstance(item, simdjson.Array):
            raise RaggedArray(
                f"{place} is {_describe(item)} but {pointer}/0 is {_describe(rows[0])}; "
                "rows at the same level must have the same length, with numbers innermost",
                place,
            )
        elif type(item) not in (int, float):
            raise NotAnArray(f"{place} is {_describe(item)}; {_advice(item)}", place)


def _advice(item: Any) -> str:
    if isinstance(item, bool):
        return "an array holds numbers: write 1 or 0"
    if item is None:
        return "an array holds numbers: JSON has none for missing or NaN; a .npy file or base64 carries NaN"
    if isinstance(item, str):
        return "an array holds numbers: write them without quotes"
    return "every element of an array must be a number"


def _describe(value: Any) -> str:
    if isinstance(value, simdjson.Array):
        return f"a list of {len(value)}"
    return "an object" if isinstance(value, simdjson.Object) else describe(value)


def _numbers(rows: simdjson.Array, kind: Any) -> NDArray[Any] | None:
    """Return all numbers in `rows` as float64 (`kind` "d") or int64 ("i"), or None if they are not all of the kind."""
    try:
        buffer = rows.as_buffer(of_type=kind)
    except (TypeError, ValueError):
        return None
    return np.frombuffer(buffer, dtype=np.float64 if kind == "d" else np.int64)


def object_array(
    members: dict[str, Any], pointer: str, limits: ReadLimits, budget: ElementBudget, *, careful: bool
) -> NDArray[Any]:
    """Return a flat object (``shape``, ``dtype``, ``data``) or a packed one (``shape``, ``dtype``, ``base64``).

    Parameters
    ----------
    members : dict
        The object's members, lists and objects being simdjson's, or ``data`` read already, as float64.
    careful : bool
        Whether to look for lists among the numbers of ``data``.

    Returns
    -------
    ndarray of the dtype and shape it names; of packed data it is a read-only view of the decoded bytes.

    Raises
    ------
    InvalidArray and its subclasses, TooManyElements
        With the pointer to the member or element at fault.
    """
    carrier = _carrier(members, pointer)
    if members["dtype"] not in DTYPES:
        place = pointer_to(pointer, "dtype")
        raise UnsupportedDtype(f"dtype is {_describe(members['dtype'])}; it must be one of {', '.join(DTYPES)}", place)
    dtype = np.dtype(members["dtype"])
    shape = _shape(members["shape"], pointer_to(pointer, "shape"), limits)
    budget.take(prod(shape), pointer)
    read = _packed(members, shape, dtype, pointer_to(pointer, carrier)) if carrier == "base64" else None
    if read is None:
        read = _flat(members["data"], shape, dtype, pointer_to(pointer, carrier), careful=careful)
    return read.reshape(shape)


def _carrier(members: dict[str, Any], pointer: str) -> str:
    """Return the member that carries the elements, after checking that the object has what an array has."""
    carriers = [key for key in ("data", "base64") if key in members]
    if len(carriers) != 1:
        came = "both data and base64" if carriers else "neither data nor base64"
        detail = f"the object has {came}; an array is {{shape, dtype, data}} or {{shape, dtype, base64}}"
        raise InvalidArray(detail, pointer)
    for key in members:
        if key not in ("shape", "dtype", *carriers):
            place = pointer_to(pointer, key)
            raise InvalidArray(f'"{key[:40]}" is not part of an array, which has shape, dtype and {carriers[0]}', place)
    for key in ("shape", "dtype"):
        if key not in members:
            place = pointer_to(pointer, key)
            raise InvalidArray(f"{key} is missing; an array has shape, dtype and {carriers[0]}", place)
    return carriers[0]


def _shape(value: Any, pointer: str, limits: ReadLimits) -> tuple[int, ...]:
    if isinstance(value, simdjson.Array) and len(value) > limits.max_axes:
        raise too_many_axes(len(value), limits, pointer)
    if not isinstance(value, simdjson.Array) or not all(type(size) is int for size in value):
        raise InvalidArray(f"shape is {_describe(value)}; it must be a list of integers", pointer)
    return checked_shape(cast(list[int], value.as_list()), pointer, limits)


def _flat(data: Any, shape: tuple[int, ...], dtype: np.dtype[Any], place: str, *, careful: bool) -> NDArray[Any]:
    if isinstance(data, np.ndarray):
        return _flat_already(data, shape, dtype, place)
    if not isinstance(data, simdjson.Array):
        detail = f"data is {_describe(data)}; it must be a flat list of {elements(prod(shape))}"
        raise NotAnArray(detail, place)
    numbers = _numbers(data, "i") if dtype.kind in "iu" else None
    if numbers is None:  # a float dtype, or integers written as 1.0 or too large
        numbers = _numbers(data, "d")
    if careful or numbers is None or numbers.size != len(data):
        _check_flat(data, place)
    numbers = cast(NDArray[Any], numbers)  # every element was a number
    if numbers.size != prod(shape):
        detail = f"data has {elements(numbers.size)} but shape {list(shape)} needs {prod(shape)}"
        raise ArraySizeMismatch(detail, place, expected=prod(shape), actual=numbers.size)
    typed, misfits = _typed(numbers, dtype)
    if not misfits.any():
        return typed
    _check_flat(data, place)
    if dtype.kind == "f":
        position = int(misfits.argmax())
        raise _out_of_range(data[position], dtype, f"{place}/{position}")
    return np.fromiter(_integers(data, dtype, place), dtype=dtype, count=numbers.size)


def _flat_already(
    numbers: NDArray[np.float64], shape: tuple[int, ...], dtype: np.dtype[Any], place: str
) -> NDArray[Any]:
    """Return a list that was read as float64 before; what does not fit is told without the element at fault."""
    typed, misfits = _typed(numbers, dtype)
    if dtype.kind != "f":
        misfits |= np.abs(numbers) >= _LARGEST_EXACT  # which the one behind it was rounded to
    if numbers.shape != (prod(shape),) or misfits.any():
        raise NotAnArray(f"data is not a flat list of {elements(prod(shape))} of {dtype.name}", place)
    return typed


def _typed(numbers: NDArray[Any], dtype: np.dtype[Any]) -> tuple[NDArray[Any], NDArray[np.bool_]]:
    """Return numbers as a dtype, and which of them it cannot hold, or only perhaps as they were written."""
    with np.errstate(over="ignore", invalid="ignore"):
        typed = numbers.astype(dtype, copy=False)
    misfits = ~np.isfinite(typed) if dtype.kind == "f" else np.not_equal(typed, numbers)
    if numbers.dtype.kind == "f" and dtype.kind != "f":
        misfits |= np.abs(numbers) > _LARGEST_EXACT
    return typed, misfits


def _check_flat(data: simdjson.Array, place: str) -> None:
    """Raise for the first thing in a flat list that is no number."""
    for position, item in enumerate(data):
        if type(item) not in (int, float):
            advice = "data is a flat list, row after row" if isinstance(item, simdjson.Array) else _advice(item)
            raise NotAnArray(f"{place}/{position} is {_describe(item)}; {advice}", f"{place}/{position}")


def _integers(data: simdjson.Array, dtype: np.dtype[Any], place: str) -> Iterator[int]:
    """Yield the numbers in `data` exactly, raising ValueOutOfRange at the first that `dtype` cannot hold."""
    low, high = int(np.iinfo(dtype).min), int(np.iinfo(dtype).max)
    for position, item in enumerate(cast(Iterable[int | float], data)):
        if isinstance(item, float) and not item.is_integer():
            detail = f"{place}/{position} is {item!r}; {dtype.name} holds whole numbers only"
            raise ValueOutOfRange(detail, f"{place}/{position}")
        if not low <= item <= high:
            raise _out_of_range(item, dtype, f"{place}/{position}")
        if isinstance(item, float) and abs(item) > _LARGEST_EXACT:
            detail = f"{place}/{position} is {item!r}, which may stand for several integers; write all its digits"
            raise ValueOutOfRange(detail, f"{place}/{position}")
        yield int(item)


def _out_of_range(item: Any, dtype: np.dtype[Any], place: str) -> ValueOutOfRange:
    info: Any = np.finfo(dtype) if dtype.kind == "f" else np.iinfo(dtype)
    return ValueOutOfRange(f"{place} is {item!r}; {dtype.name} holds {info.min} to {info.max}", place)


def _packed(members: dict[str, Any], shape: tuple[int, ...], dtype: np.dtype[Any], place: str) -> NDArray[Any]:
    """Return base64 (RFC 4648, section 4, with its padding) of row-major little-endian elements."""
    text = members["base64"]
    if not isinstance(text, str):
        raise InvalidBase64(f"base64 is {_describe(text)}; it must be a string", place)
    try:
        raw = pybase64.b64decode(text, validate=True)
    except ValueError as error:  # binascii.Error is one, and characters beyond Latin-1 raise a plain one
        raise InvalidBase64(_base64_fault(text), place) from error
    whole = len(raw) // 3
    if pybase64.b64encode_as_string(raw[whole * 3 :]) != text[whole * 4 :]:
        raise InvalidBase64("bits are set behind the last byte; it was cut off or put together wrongly", place)
    expected = prod(shape) * dtype.itemsize
    if len(raw) != expected:
        detail = f"base64 holds {len(raw)} bytes but shape {list(shape)} of {dtype.name} needs {expected}"
        raise ArraySizeMismatch(detail, place, expected=expected, actual=len(raw))
    return np.frombuffer(raw, dtype=dtype.newbyteorder("<")).astype(dtype, copy=False)


def _base64_fault(text: str) -> str:
    fault = re.search(r"[^A-Za-z0-9+/=]|=(?!=?$)", text)
    if fault:
        return f"character {fault.start()} is {fault[0]!r}; base64 has only A-Z a-z 0-9 + / and = at its end"
    return f"it has {len(text)} characters; base64 comes in fours, filled up with ="
