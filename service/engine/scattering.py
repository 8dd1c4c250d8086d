"""A transposed convolution whose taps lie far apart: each tap's product of the input, added where it falls.

    y[f, s·i + d·k] += Σ_c w[c, f, k] · x[c, i]        for one tap k after the other

As a convolution each tap would be read at every position of the output, where it mostly meets nothing; so it reads the
input once. What is read takes no more memory than the input.
"""

from __future__ import annotations

from functools import lru_cache
from math import gcd, prod

import numpy as np

from .borders import Array, Index, Region
from .control import Control
from .methods.work import FAR_CELLS
from .spreading import Sizes

THIN = 10
"""How many positions there are at least for each cell that a tap reads."""

FEW_TAPS = 64
"""Taps up to which that is so however near they are; many near ones are worth an FFT."""

TAP_CELLS = 1500
"""Cells that could be read in the time that NumPy takes for a tap (measured)."""


def scatters(sizes: Sizes, method: str) -> bool:
    """Return whether a transposed convolution is computed here: positions meet few taps, which are far apart or few."""
    return method in ("auto", "direct") and _is_thin(sizes)


@lru_cache(maxsize=256)
def _is_thin(sizes: Sizes) -> bool:
    kernel = sizes.kernel[3:]
    span = prod(2 * (d * (k - 1) + 1) for d, k in zip(sizes.dilation, kernel, strict=True))
    phases = prod(s // gcd(s, d) for s, d in zip(sizes.stride, sizes.dilation, strict=True))
    positions = prod(stop - start for start, stop in sizes.region)
    thin = positions > THIN * phases * (prod(sizes.data[3:]) + TAP_CELLS)
    return thin and (span > FAR_CELLS or prod(kernel) <= FEW_TAPS)


def scatter(
    kernel: Array,
    stride: tuple[int, ...],
    dilation: tuple[int, ...],
    data: Array,
    out: Array,
    region: Region,
    control: Control,
    *,
    in_order: bool = False,
) -> None:
    """Add to `out` what a transposed convolution makes at a region.

    Parameters
    ----------
    kernel : ndarray of shape (G, C/G, F/G, *K)
        Finite, of the dtype of `out`.
    data : ndarray of shape (N, G, C/G, *S)
    out : ndarray of shape (N, F, *region)
    region
        The output positions wanted, before cropping.
    in_order
        Whether to add one channel after the other, of each the cells in row-major order: where sums depend on it.

    Raises
    ------
    Cancelled
        Between taps.
    """
    weights = kernel.swapaxes(1, 2)
    maps = out.reshape(len(out), len(kernel), -1, *out.shape[2:], copy=False)
    channels = weights.shape[2]
    taps = kernel.shape[3:]
    for some in (slice(c, c + 1) for c in range(channels)) if in_order else (slice(None),):
        for reverse in np.ndindex(*taps):
            control.check()
            tap = tuple(n - 1 - r for n, r in zip(taps, reverse, strict=True))  # the last tap meets the first cells
            cells, positions = _met(tap, region, data.shape[3:], stride, dilation)
            read = data[:, :, some][cells]
            if read.size:
                rows = read.reshape(*read.shape[:3], -1).astype(out.dtype, copy=False)
                found = weights[(slice(None), slice(None), some, *tap)] @ rows
                maps[positions] += found.reshape(*found.shape[:3], *read.shape[3:])


def _met(
    tap: tuple[int, ...], region: Region, size: tuple[int, ...], stride: tuple[int, ...], dilation: tuple[int, ...]
) -> tuple[Index, Index]:
    """Return the cells that a tap carries into a region, and where in it they fall."""
    cells: list[slice] = []
    positions: list[slice] = []
    for t, (start, stop), n, s, d in zip(tap, region, size, stride, dilation, strict=True):
        shift = t * d - start  # cell i falls at s·i + shift
        low = max(0, -(shift // s))
        high = max(low, min(n, -((shift - (stop - start)) // s)))
        cells.append(slice(low, high))
        positions.append(slice(low * s + shift, max(low, high - 1) * s + shift + 1, s))
    return (..., *cells), (..., *positions)
