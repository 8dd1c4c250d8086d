"""Feature maps as pixels: what `range` means, and which maps have a picture at all."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from service.drawing.errors import NoPicture

Range = Literal["clip", "absolute", "normalize", "offset"]
Depth = Literal[8, 16]
Pixels = NDArray[np.uint8] | NDArray[np.uint16]
Admit = Callable[[int], None]
"""Told how many bytes of memory a drawing takes, before any is taken; raises where there is no room for it."""

_BLOCK = 32 * 1024
"""Cells that are turned into pixels at once."""


def unbounded(size: int) -> None:
    """Admit a drawing of any size in bytes."""


def to_pixels(maps: NDArray[Any], range: Range = "clip", depth: Depth = 8) -> Pixels:
    """Turn the values of feature maps into grey levels.

    Parameters
    ----------
    maps : ndarray of shape (..., H, W)
        Any real dtype, finite.
    range : {"clip", "absolute", "normalize", "offset"}
        "clip": values as they are; "absolute": their magnitudes; "offset": half the range added, so that 0 is
        mid-grey (128, or 32768); all three rounded half to even, then clipped to 0..255 (0..65535).
        "normalize": each map on its own, its smallest value to 0 and its largest to 255 (65535); a constant map has
        no contrast to stretch and becomes mid-grey.
    depth : {8, 16}
        Bits a pixel.

    Returns
    -------
    ndarray of the same shape, uint8 or uint16

    Raises
    ------
    NoPicture
        A value is not finite; the detail says where the first one is.
    """
    require_finite(maps)
    return finite_to_pixels(maps, range, depth)


def finite_to_pixels(maps: NDArray[Any], range: Range, depth: Depth, *, innermost: bool = False) -> Pixels:
    """Do what `to_pixels` does for values that were found finite before.

    With `innermost` the maps of a pixel lie beside each other in memory, as encoders want the channels of a picture.
    """
    *stack, height, width = maps.shape
    dtype = np.uint8 if depth == 8 else np.uint16
    pixels: Pixels = np.empty(maps.shape, dtype)
    if innermost:
        pixels = np.moveaxis(np.empty((height, width, *stack), dtype), (0, 1), (-2, -1))
    top = (1 << depth) - 1
    rows = max(1, _BLOCK // max(width, 1))
    # What neither adds nor divides is as exact in float32, where the maps have it.
    exact = maps.dtype == np.float32 and range in ("clip", "absolute")
    memory = np.empty((min(rows, height), width), np.float32 if exact else np.float64)
    for index in np.ndindex(maps.shape[:-2]):
        map = maps[index]
        ends = (float(map.min()), float(map.max())) if range == "normalize" else (0.0, 0.0)
        # A few rows at a time: the floats of a whole map would be up to eight times the picture, and leave the cache.
        for some in _runs(height, rows):
            values = memory[: len(map[some])]
            values[...] = map[some]
            _stretch(values, range, top, *ends)
            np.rint(values, out=values)
            np.clip(values, 0, top, out=values)
            pixels[index][some] = values
    return pixels


def _runs(number: int, length: int) -> list[slice]:
    return [slice(start, start + length) for start in range(0, number, length)]


def narrowed(pixels: Pixels) -> NDArray[np.uint8]:
    """Return pixels in 8 bits a channel, for the formats that have no more: 65535 / 257 is 255."""
    if pixels.dtype == np.uint8:
        return pixels.astype(np.uint8, copy=False)
    # Integers alone, to the nearest: 257 is odd, so that nothing lies half way.
    return ((pixels.astype(np.uint32) + 128) // 257).astype(np.uint8)


def _stretch(values: NDArray[Any], range: Range, top: int, low: float, high: float) -> None:
    """Turn values into levels, in place; `low` and `high` are the ends of the whole map."""
    if range == "absolute":
        np.abs(values, out=values)
    elif range == "offset":
        values += (top + 1) // 2
    elif range == "normalize":
        _normalize(values, top, low, high)


def _normalize(values: NDArray[Any], top: int, low: float, high: float) -> None:
    if low == high:
        values.fill((top + 1) // 2)
        return
    if not np.isfinite(high - low):
        # Opposite ends of float64: their distance overflows, half of it does not.
        values /= 2
        low, high = low / 2, high / 2
    values -= low
    values /= high - low
    values *= top


def require_picture(maps: NDArray[Any], spatial_axes: int) -> None:
    """Refuse what has no picture: 1-D and 3-D maps, empty ones, values that are not finite.

    Raises
    ------
    NoPicture
    """
    if spatial_axes != 2:
        raise NoPicture(
            f"the maps have {spatial_axes} spatial {'axis' if spatial_axes == 1 else 'axes'} and a picture has 2; "
            "ask for application/json or application/x-npy instead"
        )
    if maps.size == 0:
        raise NoPicture(f"the maps of shape {list(maps.shape)} hold no value")
    require_finite(maps)


def require_finite(maps: NDArray[Any]) -> None:
    """Refuse values that are not finite, naming the first.

    Raises
    ------
    NoPicture
    """
    finite = np.isfinite(maps)
    if finite.all():
        return
    first = np.unravel_index(int(np.argmin(finite)), maps.shape)
    where = [int(position) for position in first]
    raise NoPicture(
        f"the value at {where} is {maps[first]} and has no pixel; ask for application/x-npy, which carries it"
    )
