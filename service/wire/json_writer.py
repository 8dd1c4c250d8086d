"""Answers written as JSON, straight from the arrays' memory.

orjson writes NaN and infinity as ``null`` and says nothing. So wherever a ``null`` was written they are looked for; of
long arrays before they are written.
"""

from __future__ import annotations

import json
import math
import re
from typing import Any, Literal

import numpy as np
import orjson
import pybase64
from numpy.typing import NDArray

from .document import pointer_to
from .errors import NonFiniteAnswer

_LONG_ELEMENTS = 512 * 1024  # ten milliseconds' worth of digits
_PIECE_ELEMENTS = 64 * 1024
_NULL = re.compile(b"null")
_ALWAYS_FINITE = frozenset({str, int, bool, type(None)})

ArrayEncoding = Literal["nested", "flat", "base64"]


def write_json(value: Any) -> bytes | memoryview:
    """Return `value` as JSON; arrays in it become nested lists, floats as few digits as give the same float back.

    orjson lets no other thread run while it writes, so an object with long arrays is written piece by piece.

    Raises
    ------
    NonFiniteAnswer
        With the pointer to the first NaN or infinity.
    """
    if isinstance(value, dict) and any(map(_is_long, value.values())):
        _refuse_non_finite(value)
        return memoryview(_in_pieces(value))
    text = _written(value)
    if _has_null(text):
        _refuse_non_finite(value)
    return text


def _has_null(text: bytes) -> bool:
    """Whether ``null`` was written; digits, which are most of a text, are run over sooner in search of one letter."""
    array = text.find(b"[")
    if array < 0:
        return b"null" in text
    letter = text.find(b"u", array)
    return _NULL.search(text, 0, array) is not None or (letter >= 0 and _NULL.search(text, letter - 1) is not None)


def _refuse_non_finite(value: Any) -> None:
    error = None if _is_finite(value) else _first_non_finite(value, "")
    if error is not None:
        raise error


def _written(value: Any) -> bytes:
    try:
        return orjson.dumps(value, default=_plain, option=orjson.OPT_SERIALIZE_NUMPY)
    except orjson.JSONEncodeError:
        # orjson writes no integer beyond 64 bits; a plan may count more operations than that.
        _refuse_non_finite(value)
        return json.dumps(value, default=_listed, ensure_ascii=False, separators=(",", ":")).encode()


def _is_long(value: Any) -> bool:
    return isinstance(value, np.ndarray) and value.size > _LONG_ELEMENTS


def _in_pieces(value: dict[str, Any]) -> bytearray:
    """Return an object whose long arrays are written some rows at a time."""
    text = bytearray()
    for key, item in value.items():
        text += b"," if text else b"{"
        text += _written(key) + b":"
        if _is_long(item):
            _add_rows(text, item)
        else:
            text += _written(item)
    text += b"}"
    return text


def _add_rows(text: bytearray, array: NDArray[Any]) -> None:
    """Add an array to a text, in pieces of about _PIECE_ELEMENTS."""
    rows = max(1, _PIECE_ELEMENTS * len(array) // array.size)
    text += b"["
    for start in range(0, len(array), rows):
        if start:
            text += b","
        if rows == 1 and array[start].size > 2 * _PIECE_ELEMENTS:
            _add_rows(text, array[start])
        else:
            text += memoryview(_written(array[start : start + rows]))[1:-1]  # without the outermost brackets
    text += b"]"


def encode_array(array: NDArray[Any], encoding: ArrayEncoding) -> Any:
    """Return what stands for `array` in an answer: the array itself, or a flat or packed object.

    A packed object holds the elements row-major and little-endian, and may hold NaN.
    """
    if encoding == "nested":
        return array
    head = {"shape": list(array.shape), "dtype": array.dtype.name}
    if encoding == "flat":
        return head | {"data": array.reshape(-1)}
    little = np.ascontiguousarray(array, dtype=array.dtype.newbyteorder("<"))
    return head | {"base64": pybase64.b64encode_as_string(little.reshape(-1).view(np.uint8).data)}


def _listed(value: Any) -> Any:
    """Return an array or a NumPy scalar as Python's own numbers."""
    if isinstance(value, (np.ndarray, np.generic)):
        return value.tolist()
    raise TypeError(f"{type(value).__name__} has no form in JSON")


def _plain(value: Any) -> Any:
    """Return an array that orjson cannot write (a scalar or a strided view) as something that it can."""
    if not isinstance(value, np.ndarray):
        raise TypeError(f"{type(value).__name__} has no form in JSON")
    return value.item() if value.ndim == 0 else np.ascontiguousarray(value)


def _is_finite(value: Any) -> bool:
    """Whether nothing in `value` is NaN or infinite."""
    kind = type(value)
    if kind in _ALWAYS_FINITE:
        return True
    if isinstance(value, (dict, list, tuple)):
        items = value.values() if isinstance(value, dict) else value
        return _ALWAYS_FINITE.issuperset(map(type, items)) or all(map(_is_finite, items))
    if isinstance(value, np.ndarray):
        return value.dtype.kind != "f" or bool(np.isfinite(value).all())
    return not isinstance(value, (float, np.floating)) or math.isfinite(value)


def _first_non_finite(value: Any, pointer: str) -> NonFiniteAnswer | None:
    """Return the error for the first NaN or infinity in `value`, which stands at `pointer`."""
    if isinstance(value, np.ndarray):
        if _is_finite(value):
            return None
        index = [int(i) for i in np.argwhere(~np.isfinite(value))[0]]
        return _non_finite(float(value[tuple(index)]), pointer_to(pointer, *index))
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, (list, tuple)) else ()
    found = (_first_non_finite(item, pointer_to(pointer, key)) for key, item in items)
    if isinstance(value, (float, np.floating)) and not math.isfinite(value):
        return _non_finite(float(value), pointer)
    return next((error for error in found if error), None)


def _non_finite(value: float, pointer: str) -> NonFiniteAnswer:
    word = "NaN" if math.isnan(value) else "infinity" if value > 0 else "-infinity"
    return NonFiniteAnswer(f"{pointer} is {word}, which JSON cannot carry", pointer)
