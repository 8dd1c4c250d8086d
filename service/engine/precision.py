"""The number policy, in one place: which arrays are taken, which dtype they compute in, which results are exact.

Integers and booleans become floats before anything is added, so that nothing wraps; float16 and float32 compute in
float32, everything else in float64.
"""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from .borders import Array
from .errors import InvalidArgument, ShapeMismatch

DTYPES = ("float32", "float64")

FloatType: TypeAlias = np.dtype[Any]


def as_numbers(value: npt.ArrayLike, argument: str) -> Array:
    """Return `value` as an array of booleans, integers or floats, of whatever size and layout it has.

    Raises
    ------
    InvalidArgument
        If it is complex, an object, text, a date.
    ShapeMismatch
        If it is a list whose rows differ in length.
    """
    try:
        array = np.asarray(value)
    except ValueError as error:
        raise ShapeMismatch(f"the {argument} is no array: its rows differ in length", argument) from error
    if array.dtype.kind not in "biuf":
        raise InvalidArgument(
            f"the {argument} has dtype {array.dtype}; it must hold booleans, integers or real floating-point numbers",
            argument,
        )
    return array


def compute_dtype(input: Array, dtype: Any = None) -> FloatType:
    """Return the dtype to compute in: as asked, or float32 for float16 and float32 input and float64 for all other.

    Raises
    ------
    InvalidArgument
        If `dtype` is given and is neither float32 nor float64.
    """
    if dtype is None:
        return np.dtype(np.float32 if input.dtype in (np.float16, np.float32) else np.float64)
    try:
        name = np.dtype(dtype).name
    except TypeError:
        name = str(dtype)
    if name not in DTYPES:
        raise InvalidArgument(f'dtype is "{name[:40]}"; it must be "float32" or "float64"', "dtype")
    return np.dtype(np.float32 if name == "float32" else np.float64)


def checked_bias(bias: npt.ArrayLike | None, output_shape: tuple[int, ...], dtype: FloatType) -> Array | None:
    """Return the bias as an (F, *1) or (F, *S') array of `dtype`, ready to be added to one output of the batch.

    Raises
    ------
    ShapeMismatch
        If it is neither (F) nor (F, *S').
    """
    if bias is None:
        return None
    array, filters = as_numbers(bias, "bias"), output_shape[1]
    if array.shape == (filters,):
        array = array.reshape(filters, *(1 for _ in output_shape[2:]))
    elif array.shape != output_shape[1:]:
        raise ShapeMismatch(
            f"the bias has shape {list(array.shape)}; it must be one a filter, {[filters]}, "
            f"or one a position, {list(output_shape[1:])}",
            "bias",
        )
    return array.astype(dtype)
