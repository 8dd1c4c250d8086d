"""Pooling and its gradient by plain loops over windows, from the rules alone; shares no code with the engine."""

from __future__ import annotations

import math
from itertools import product
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
Cell = tuple[int, ...]


def axis_windows(
    n: int, k: int, s: int, before: int, after: int, d: int, *, ceil_mode: bool
) -> list[tuple[list[int], int]]:
    """Return each window of an axis as (cells of the input it holds, cells it holds with the declared padding)."""
    reach = d * (k - 1) + 1
    room = n + before + after - reach
    count = (math.ceil(room / s) if ceil_mode else room // s) + 1
    if ceil_mode and (count - 1) * s >= n + before:
        count -= 1
    found = []
    for i in range(count):
        taps = [i * s - before + t * d for t in range(k)]
        found.append(([c for c in taps if 0 <= c < n], len([c for c in taps if c < n + after])))
    return found


def adaptive_windows(n: int, o: int) -> list[tuple[list[int], int]]:
    """Return each adaptive window of an axis, as `axis_windows`."""
    bounds = [(math.floor(i * n / o), math.ceil((i + 1) * n / o)) for i in range(o)]
    return [(list(range(a, b)), b - a) for a, b in bounds]


def value_of(kind: str, cells: list[float], p: float, divisor: float) -> float:
    """Return a window's value."""
    if kind in ("max", "min"):
        if any(math.isnan(c) for c in cells):
            return math.nan
        return max(cells) if kind == "max" else min(cells)
    if kind == "average":
        return math.fsum(cells) / divisor
    return float(math.fsum(abs(c) ** p for c in cells) ** (1 / p))


def selected(kind: str, cells: list[float]) -> int:
    """Return which cell of a window a max or min pool selects: the first NaN, or the first of the equals."""
    for i, c in enumerate(cells):
        if math.isnan(c):
            return i
    return cells.index(value_of(kind, cells, 0, 0))


def pool(
    x: Array,
    g: Array | None,
    axes: list[list[tuple[list[int], int]]],
    kind: str,
    *,
    p: float = 2,
    count_include_pad: bool = True,
    divisor_override: int | None = None,
) -> tuple[Array, Array, Array]:
    """Return (values, flat positions selected or -1, the input's gradient from `g` or zeros)."""
    shape = (*x.shape[:2], *(len(windows) for windows in axes))
    values, indices, gradient = np.zeros(shape), np.full(shape, -1), np.zeros(x.shape)
    for n, c in product(range(x.shape[0]), range(x.shape[1])):
        for place in product(*(range(len(windows)) for windows in axes)):
            held = [windows[i] for windows, i in zip(axes, place, strict=True)]
            where: list[Cell] = list(product(*(cells for cells, _ in held)))
            cells = [float(x[(n, c, *cell)]) for cell in where]
            divisor = len(cells) if not count_include_pad else math.prod(size for _, size in held)
            divisor = divisor_override or divisor
            y = value_of(kind, cells, p, divisor)
            values[(n, c, *place)] = y
            upstream = 0.0 if g is None else float(g[(n, c, *place)])
            if kind in ("max", "min"):
                chosen = where[selected(kind, cells)]
                indices[(n, c, *place)] = np.ravel_multi_index(chosen, x.shape[2:])
                gradient[(n, c, *chosen)] += upstream
                continue
            for cell, value in zip(where, cells, strict=True):
                if kind == "average":
                    gradient[(n, c, *cell)] += upstream / divisor
                elif value != 0:
                    gradient[(n, c, *cell)] += upstream * abs(value) ** (p - 1) * math.copysign(1, value) * y ** (1 - p)
    return values, indices, gradient
