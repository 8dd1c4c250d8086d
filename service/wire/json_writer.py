"""Answers written as JSON, straight from the arrays' memory.

orjson writes NaN and infinity as ``null`` and says nothing. So wherever a ``null`` was written they are looked for; of
long arrays before they are written.
"""

from __future__ import annotations

import json
import math
import re
from dataclasses import dataclass
from itertools import accumulate
from operator import mul
from typing import Any, Literal

import numpy as np
import orjson
import pybase64
from numpy.typing import NDArray

from .document import pointer_to
from .errors import NonFiniteAnswer

_LONG = 512 * 1024  # numbers: ten milliseconds' worth of digits
_PIECE = 64 * 1024
_LIST = 6  # numbers that could be written while a list is begun and ended
_PACKED_BYTES = 32  # that are packed while a number is written
_PACKED_PIECE = 3 * 256 * 1024  # bytes: threes are packed without what fills up the last of them
_NULL = re.compile(b"null")
_ALWAYS_FINITE = frozenset({str, int, bool, type(None)})

ArrayEncoding = Literal["nested", "flat", "base64"]


def write_json(value: Any) -> bytes | memoryview:
    """Return `value` as JSON; arrays in it become nested lists, floats as few digits as give the same float back.

    orjson lets no other thread run while it writes, so what is long is written piece by piece.

    Raises
    ------
    NonFiniteAnswer
        With the pointer to the first NaN or infinity.
    """
    if _length(value) > _LONG:
        _refuse_non_finite(value)
        whole = bytearray()
        _add(whole, value)
        return memoryview(whole)
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


@dataclass(frozen=True, slots=True)
class _Packed:
    """The bytes of a long array, packed as they are written."""

    raw: memoryview

    def text(self) -> str:
        """Return them packed."""
        return pybase64.b64encode_as_string(self.raw)


_LONG_KINDS = frozenset({np.ndarray, dict, list, _Packed})


def _length(value: Any) -> int:
    """Return about how many numbers could be written in the time that `value` takes; single ones are not counted."""
    kind = type(value)
    if kind is np.ndarray:
        return int(value.size + _LIST * sum(accumulate(value.shape[:-1], mul)))
    if kind is dict:
        return sum([_length(item) for item in value.values() if type(item) in _LONG_KINDS])
    if kind is list:  # whose items are alike
        return sum(map(_length, value)) if value and type(value[0]) in _LONG_KINDS else 0
    return value.raw.nbytes // _PACKED_BYTES if kind is _Packed else 0


def _add(text: bytearray, value: Any) -> None:
    """Add a value to a text, what is long of it in pieces."""
    if _length(value) <= _PIECE:
        text += _written(value)
    elif isinstance(value, dict):
        for number, (key, item) in enumerate(value.items()):
            text += (b"," if number else b"{") + _written(key) + b":"
            _add(text, item)
        text += b"}"
    elif isinstance(value, _Packed):
        text += b'"'
        for start in range(0, value.raw.nbytes, _PACKED_PIECE):
            text += pybase64.b64encode(value.raw[start : start + _PACKED_PIECE])
        text += b'"'
    elif isinstance(value, list):
        for number, item in enumerate(value):
            text += b"," if number else b"["
            _add(text, item)
        text += b"]"
    else:
        _add_rows(text, value)


def _add_rows(text: bytearray, array: NDArray[Any]) -> None:
    """Add a long array to a text, some rows at a time."""
    rows = max(1, _PIECE * len(array) // _length(array))
    text += b"["
    for start in range(0, len(array), rows):
        if start:
            text += b","
        if rows == 1:
            _add(text, array[start])
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
    packed = _Packed(little.reshape(-1).view(np.uint8).data)
    return head | {"base64": packed if _length(packed) > _PIECE else packed.text()}


def _listed(value: Any) -> Any:
    """Return an array or a NumPy scalar as Python's own numbers, and bytes packed."""
    if isinstance(value, _Packed):
        return value.text()
    if isinstance(value, (np.ndarray, np.generic)):
        return value.tolist()
    raise TypeError(f"{type(value).__name__} has no form in JSON")


def _plain(value: Any) -> Any:
    """Return what orjson cannot write (a scalar, a strided view, bytes to be packed) as something that it can."""
    if isinstance(value, _Packed):
        return value.text()
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
