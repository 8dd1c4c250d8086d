"""The convolution by plain loops over positions and taps, from the rules alone; shares no code with the engine."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]


def source_cell(position: int, n: int, mode: str) -> int | None:
    """Return the cell of an axis of n that a position in the padding repeats, or None where it is filled in."""
    if 0 <= position < n:
        return position
    if mode in ("zeros", "constant"):
        return None
    if mode == "replicate":
        return 0 if position < 0 else n - 1
    if mode == "circular":
        return position % n
    # Walk to the position from inside and turn round at the ends.
    cell, step = 0, 1
    for _ in range(abs(position if position >= 0 else position + (mode == "symmetric"))):
        if mode == "reflect":
            if n == 1:
                return 0
            step = -step if not 0 <= cell + step < n else step
            cell += step
        elif not 0 <= cell + step < n:
            step = -step  # the end cell stands twice
        else:
            cell += step
    return cell


def conv(
    x: Array,
    w: Array,
    *,
    stride: tuple[int, ...],
    padding: tuple[tuple[int, int], ...],
    dilation: tuple[int, ...],
    groups: int = 1,
    mode: str = "zeros",
    value: float = 0.0,
    flip: bool = False,
) -> Array:
    """Return y[n, f, o] = Σ w[f, c, k] · x[n, c, s·o + d·k - before], summed in float64."""
    size = [
        (n + b + a - d * (k - 1) - 1) // s + 1
        for n, (b, a), d, k, s in zip(x.shape[2:], padding, dilation, w.shape[2:], stride, strict=True)
    ]
    y = np.zeros((len(x), len(w), *size))
    per_group, filters = w.shape[1], len(w) // groups
    for n, f, *place in np.ndindex(*y.shape):
        total = 0.0
        for c, *tap in np.ndindex(*w.shape[1:]):
            cells = [
                source_cell(o * s + (k - 1 - t if flip else t) * d - b, length, mode)
                for o, s, t, d, (b, _), length, k in zip(
                    place, stride, tap, dilation, padding, x.shape[2:], w.shape[2:], strict=True
                )
            ]
            inside = [cell for cell in cells if cell is not None]
            there = float(x[(n, f // filters * per_group + c, *inside)]) if len(inside) == len(cells) else value
            total += float(w[(f, c, *tap)]) * there
        y[(n, f, *place)] = total
    return y
