"""Answers written as JSON, straight from the arrays' memory.

orjson writes NaN and infinity as ``null`` and says nothing, so they are looked for first.
"""

from __future__ import annotations

import math
from typing import Any, Literal

import numpy as np
import orjson
import pybase64
from numpy.typing import NDArray

from .document import pointer_to
from .errors import NonFiniteAnswer

ArrayEncoding = Literal["nested", "flat", "base64"]


def write_json(value: Any) -> bytes:
    """Return `value` as JSON; arrays in it become nested lists, floats as few digits as give the same float back.

    Raises
    ------
    NonFiniteAnswer
        With the pointer to the first NaN or infinity.
    """
    _refuse_non_finite(value, "")
    return orjson.dumps(value, default=_plain, option=orjson.OPT_SERIALIZE_NUMPY)


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


def _plain(value: Any) -> Any:
    """Return an array that orjson cannot write (a scalar or a strided view) as something that it can."""
    if not isinstance(value, np.ndarray):
        raise TypeError(f"{type(value).__name__} has no form in JSON")
    return value.item() if value.ndim == 0 else np.ascontiguousarray(value)


def _refuse_non_finite(value: Any, pointer: str) -> None:
    if isinstance(value, np.ndarray):
        if value.dtype.kind == "f" and not np.isfinite(value).all():
            index = [int(i) for i in np.argwhere(~np.isfinite(value))[0]]
            raise _non_finite(float(value[tuple(index)]), pointer_to(pointer, *index))
    elif isinstance(value, dict):
        for key, item in value.items():
            _refuse_non_finite(item, pointer_to(pointer, key))
    elif isinstance(value, (list, tuple)):
        for position, item in enumerate(value):
            _refuse_non_finite(item, f"{pointer}/{position}")
    elif isinstance(value, (float, np.floating)) and not math.isfinite(value):
        raise _non_finite(float(value), pointer)


def _non_finite(value: float, pointer: str) -> NonFiniteAnswer:
    word = "NaN" if math.isnan(value) else "infinity" if value > 0 else "-infinity"
    return NonFiniteAnswer(
        f"{pointer} is {word}, which JSON cannot carry; ask for application/x-npy, or for encoding base64", pointer
    )
