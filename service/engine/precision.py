"""The number policy, in one place: which arrays are taken, which dtype they compute in, which results are exact.

Integers and booleans become floats before anything is added, so that nothing wraps; float16 and float32 compute in
float32, everything else in float64.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache, cached_property, reduce
from math import gcd, inf, isfinite, isnan, sqrt
from typing import Any, NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt

from .borders import Array
from .errors import InvalidArgument, ShapeMismatch
from .factors import factors

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


_FLOAT32, _FLOAT64 = np.dtype(np.float32), np.dtype(np.float64)


def compute_dtype(input: Array, dtype: Any = None) -> FloatType:
    """Return the dtype to compute in: as asked, or float32 for float16 and float32 input and float64 for all other.

    Raises
    ------
    InvalidArgument
        If `dtype` is given and is neither float32 nor float64.
    """
    if dtype is None:
        return _FLOAT32 if input.dtype.kind == "f" and input.dtype.itemsize <= _FLOAT32.itemsize else _FLOAT64
    if dtype is _FLOAT32 or dtype is _FLOAT64:  # already
        return dtype
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
    with np.errstate(over="ignore"):  # a float64 bias may overflow in float32
        return array.astype(dtype)


TAME = 1000
"""How far max|x| may be above mean|x| for a method that spreads rounding."""

GROWTH = 1e8
"""How far what a method that spreads rounding makes on its way may be above max|x|·Σ|w|, and its error above ε times
that: Winograd's constants, and the cells of an FFT's block."""

_CHUNK = 64 * 1024
_ROW, _ROWS = 256, 4096
_FOLDS = 16
"""Parts that the channels of a filter are added up in first."""
_FEW_CHANNELS, _MANY_CHANNELS = 32, 128
"""Over so many, products are summed without rounding that counts beside that of a tile: of sizes that may all be the
same, and of others. The second is by measurement: kernels of 1 to 9 taps, of 64 to 1024 channels, ±1 and random."""
_LONE, _EVENED_OUT = 1.5, 0.9
"""Taps of a channel that count, below which it has a lone one; the power of them by which products differ in size."""
SIZES_AT_ONCE = 256 * 1024
"""Numbers whose magnitudes are made at once."""


class _Norms(NamedTuple):
    """Of a kernel: Σw², its largest over a filter, the largest Σₖ(Σ_c w)², and Σ|w| of the filter of largest Σw²."""

    total: float
    squares: float
    squares_alike: float
    sizes: float


class Survey:
    """What the choice of a method must know of the data, each answer found once and only if it is asked for.

    Parameters
    ----------
    input : ndarray
        Of any real dtype and layout.
    kernel : ndarray
        Of the dtype that the result will have.
    padding_value : float
        What fills the padding; it counts as data.
    """

    def __init__(self, input: Array, kernel: Array, padding_value: float) -> None:
        self._input, self._kernel, self._padding_value = input, kernel, padding_value

    @cached_property
    def input_finite(self) -> bool:
        """Whether no input is infinite or NaN."""
        return isfinite(self._peak)

    @cached_property
    def finite(self) -> bool:
        """Whether no input and no tap is infinite or NaN."""
        return self.input_finite and all_finite(self._kernel)

    @cached_property
    def tame(self) -> bool:
        """Whether all is finite, max|x| at most 1000 times mean|x|, and a transform lets nothing overflow or vanish."""
        largest = self._evenly_spread()
        if largest is not None:
            return self._has_room(largest)
        peak, mean = max(self._peak, abs(self._padding_value)), 0.0
        if not self.finite:
            return False
        # Σx² <= max|x|·Σ|x|, so a large Σx² will do, which is one fast product; else Σ|x| itself.
        for power in (2, 1):
            total = sum(float(_power_sum(part, power)) for part in _chunks(self._input))
            mean = total / self._input.size / (peak if power == 2 and peak else 1)
            if isfinite(mean) and peak <= TAME * mean:
                return self._has_room(peak)
        return False

    def averages_out(self, tile_error: float) -> bool:
        """Whether a fast method's errors stay inside the engine's bound, 4·√taps·ε·max|x|·Σ|w| of the widest filter.

        Where a lone tap of 1 costs `tile_error`·ε·max|x|, the taps of a filter cost √Σw² as much if the channels are
        independent. If they are all alike, in however small a part of the input, they cost √Σₖ(Σ_c w)² as much, and
        rounding adds up too where products are summed over many channels. If each is alike up to a sign of its own,
        `_aligned` tells. The data is not asked: what is alike in one tile alone breaks the bound there, and no mean
        over the input would tell.
        """
        if not tile_error:
            return True
        norms, kind, channels = self._norms, np.finfo(self._kernel.dtype), self._kernel.shape[1]
        taps = self._kernel.size // len(self._kernel)
        allowed = 4 * sqrt(taps) * norms.sizes / tile_error
        # Squares below the first bound have lost digits.
        if norms.squares <= kind.tiny / kind.eps or not sqrt(norms.squares) <= allowed:
            return False
        if not sqrt(norms.squares_alike) * max(1.0, channels / _FEW_CHANNELS) <= allowed:
            return False
        return self._aligned <= allowed

    @cached_property
    def _norms(self) -> _Norms:
        filters, channels = self._kernel.shape[:2]
        flat = np.ascontiguousarray(self._kernel).reshape(filters, -1)
        with np.errstate(over="ignore", invalid="ignore"):
            squares = np.vecdot(flat, flat)
            sums = _channel_sums(flat, channels)
            alike = np.vecdot(sums, sums)
            sizes = np.abs(flat[squares.argmax()]).sum()
        return _Norms(float(squares.sum(dtype=np.float64)), float(squares.max()), float(alike.max()), float(sizes))

    @cached_property
    def _aligned(self) -> float:
        """What a filter costs, in `tile_error`, whose channels are alike up to signs, in the part that suits it least.

        With Tₖ = Σ_c |w| of a tap that is Tₖ alone, or √Σₖ(vₖ·Tₖ)² of all taps together, where a tile's points 0, ±1
        and ±2 give each tap half of the next one's weight v. If a channel has few taps that count, its data may suit
        each of them, and the products of all channels have one size: then they cost Σₖ Tₖ, and as rounding adds up over
        channels. How many taps count is (Σ|w|)²/Σw² a channel: 1 of a lone tap, 9 of equal ones, 5.7 of normal ones of
        3 × 3. The factors are by measurement: 1 to 9 taps a channel, 36 to 1024 channels, ±1, uniform and normal.
        """
        filters, channels, *kernel = self._kernel.shape
        flat = np.ascontiguousarray(self._kernel).reshape(filters, -1)
        some = max(1, min(filters, SIZES_AT_ONCE // flat.shape[1]))
        sizes = np.empty((some, flat.shape[1]), flat.dtype)
        weights = reduce(np.multiply.outer, [2.0 ** (np.arange(k) - k + 1) for k in kernel]).reshape(-1)
        found, many = 0.0, channels / _FEW_CHANNELS
        for start in range(0, filters, some):
            part = flat[start : start + some]
            with np.errstate(all="ignore"):
                taps = _channel_sums(np.abs(part, out=sizes[: len(part)]), channels).astype(np.float64)
                whole = taps.sum(axis=1)
                counting = whole * whole / (channels * np.vecdot(part, part).astype(np.float64))
                each = taps.max(axis=1) * max(1.0, channels / _MANY_CHANNELS)
                together = np.sqrt(np.square(weights * taps).sum(axis=1)) * np.maximum(1, many / counting**_EVENED_OUT)
                lone = np.where(counting < max(_LONE, len(weights) / 4), whole * max(1.0, many), 0)
                worst = np.maximum(np.maximum(each, together), lone)
            found = max(found, float(np.where(whole > 0, np.nan_to_num(worst, nan=np.inf, posinf=np.inf), 0).max()))
        return found

    @cached_property
    def largest(self) -> tuple[float, float]:
        """max|x|, the padding's number with it, and max|w|."""
        return max(self._peak, abs(self._padding_value)), float(np.abs(self._kernel).max())

    @cached_property
    def overflows(self) -> bool:
        """Whether of finite data something may overflow in a transform."""
        return self._overflows(self.largest[0])

    def _has_room(self, peak: float) -> bool:
        """Whether the kernel is finite, and its transform, with an input up to `peak`, lets nothing overflow or vanish.

        Below the smallest normal number ε is no measure: what a transform's constants enlarge is the last bit.
        """
        if self._overflows(peak):
            return False
        # Σ|w| of the widest filter is at least √Σw² of all by √F.
        squares, filters = self._squares, len(self._kernel)
        tiny, _ = _range_of(self._kernel.dtype)
        return peak == 0 or squares == 0 or min(peak, peak * sqrt(squares / filters)) > GROWTH * tiny

    def _overflows(self, peak: float) -> bool:
        _, most = _range_of(self._kernel.dtype)
        # Σ|w| of a filter is at most √taps·√Σw².
        widest = sqrt(self._kernel.size // len(self._kernel) * self._squares)
        return not (GROWTH * peak < most and GROWTH * peak * widest < most)

    @cached_property
    def _squares(self) -> float:
        """Σw² of all filters."""
        known = vars(self).get("_norms")  # where a method asked for them; the sum alone is found sooner
        return known.total if known else sum(float(_power_sum(part, 2)) for part in _chunks(self._kernel))

    def _evenly_spread(self) -> float | None:
        """Return what no |x| is above if one pass over the input tells that it is tame, as it does of most data.

        With s the largest sum of squares of a row of 256, max|x|² <= s, and Σ|x| >= Σx²/max|x|: so max|x| is at most
        1000·mean|x| where s <= 1000·mean x².
        """
        if not self._input.flags.c_contiguous or self._input.dtype not in (_FLOAT32, _FLOAT64):
            return None
        most, total = self._padding_value * self._padding_value, 0.0
        for part in _chunks(self._input, _ROWS * _ROW):
            whole = part.size // _ROW * _ROW
            with np.errstate(over="ignore"):
                rows, rest = part[:whole].reshape(-1, _ROW), part[whole:]
                squares = [*([np.vecdot(rows, rows)] if whole else []), np.dot(rest, rest)]
                most = max(most, *(float(s.max()) for s in squares))
                total += sum(float(s.sum()) for s in squares)
        return sqrt(most) if isfinite(total) and 0 < most <= TAME * total / self._input.size else None

    @cached_property
    def integers(self) -> bool:
        """Whether the result is float64 and all data integers: then every sum below 2⁵³ must come out exact."""
        if self._kernel.dtype != np.float64 or not self._padding_value.is_integer():
            return False
        return (
            may_be_integers(self._kernel)
            and may_be_integers(self._input)
            and all_integers(self._kernel)
            and all_integers(self._input)
        )

    @cached_property
    def sums_small(self) -> bool:
        """Whether no sum of products, in whatever order, can leave the integers that float64 holds exactly."""
        filters = len(self._kernel)
        some = max(1, _CHUNK * filters // self._kernel.size)
        parts = (self._kernel[start : start + some] for start in range(0, filters, some))
        taps = max(float(np.abs(part).reshape(len(part), -1).sum(axis=1).max()) for part in parts)
        kind = self._input.dtype
        if kind.kind in "iu" and kind.itemsize <= 4:  # bytes cannot hold much: no need to look
            largest = max(2.0 ** (8 * kind.itemsize), abs(self._padding_value))
            if largest * taps < 2**53:
                return True
        return max(self._peak, abs(self._padding_value)) * taps < 2**53

    @cached_property
    def separated(self) -> list[list[Array] | None]:
        """The one-axis filters whose product each filter of a single channel is, up to the first that is no product."""
        found: list[list[Array] | None] = []
        for filter in self._kernel[:, 0]:
            found.append(factors(filter))
            if found[-1] is None:
                break
        return found

    @cached_property
    def _peak(self) -> float:
        """max|x|; NaN or infinity if there is one."""
        peak = 0.0
        for part in _chunks(self._input):
            peak = max(peak, float(part.max()), -float(part.min()), key=lambda v: inf if isnan(v) else v)
            if not isfinite(peak):
                break
        return peak


def _channel_sums(flat: Array, channels: int) -> Array:
    """Return the sum over channels of each tap of each filter, (F, taps), of a kernel as (F, channels·taps)."""
    # In two steps: the first has long rows, the second few.
    filters, ones, folds = len(flat), np.ones(channels, flat.dtype), gcd(channels, _FOLDS)
    folded = np.matmul(ones[:folds], flat.reshape(filters, folds, -1))
    sums: Array = np.matmul(ones[: channels // folds], folded.reshape(filters, channels // folds, -1))
    return sums


@cache
def _range_of(dtype: FloatType) -> tuple[float, float]:
    """Return the smallest normal number and the largest."""
    kind = np.finfo(dtype)
    return float(kind.tiny), float(kind.max)


def all_finite(x: Array) -> bool:
    """Whether nothing in `x` is infinite or NaN: one product of it with itself tells, unless that overflows."""
    if x.flags.c_contiguous:
        flat = x.reshape(-1)
        if isfinite(np.dot(flat, flat)):
            return True
    return isfinite(x.sum()) or bool(np.isfinite(x).all())


def may_be_integers(array: Array) -> bool:
    """Whether the first value and one in the middle are integers: others show there, as a rule."""
    if array.dtype.kind in "biu":
        return True
    return float(array.item(0)).is_integer() and float(array.item(array.size // 2)).is_integer()


def all_integers(array: Array) -> bool:
    """Whether every value is an integer; others show among the first few, if not before."""
    if array.dtype.kind in "biu":
        return True
    if array.size <= 256:
        return bool((array == np.rint(array)).all())
    parts = ((part.reshape(-1)[:256], part) for part in _chunks(array))
    return all(bool((values == np.rint(values)).all()) for part in parts for values in part)


def _power_sum(values: Array, power: int) -> Any:
    """Return Σx² or Σ|x|."""
    with np.errstate(over="ignore"):
        floats = values.reshape(-1) if values.dtype.kind == "f" else values.reshape(-1).astype(np.float64)
        return np.dot(floats, floats) if power == 2 else np.abs(floats).sum(dtype=np.float64)


def _chunks(array: Array, size: int = _CHUNK) -> Iterator[Array]:
    """Yield an array's values in parts that fit a cache."""
    if array.flags.c_contiguous:
        flat = array.reshape(-1)
        for start in range(0, flat.size, size):
            yield flat[start : start + size]
    elif array.size <= size or array.ndim == 1:
        yield array
    else:
        for part in array:
            yield from _chunks(part, size)
