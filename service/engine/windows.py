"""The windows of a pool: which cells each holds along an axis, and how they are split into blocks.

Integers only, as in the plan. Padding is not there: a window holds the cells of the input that its taps meet, so that
nothing has to stand in for what lies beside it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import product
from math import prod
from typing import Any, TypeAlias

import numpy as np

from .borders import Index
from .geometry import PoolPlan

Cells: TypeAlias = slice | np.ndarray[Any, np.dtype[np.int64]]
"""Cells of an axis, or windows: a slice where they are evenly spaced."""


@dataclass(frozen=True)
class AxisWindows:
    """Windows first … last-1 of one axis of a plan. Cells count from the first one that any of them reads."""

    plan: PoolPlan
    axis: int
    first: int
    last: int

    @property
    def count(self) -> int:
        """How many windows."""
        return self.last - self.first

    @property
    def reach(self) -> int:
        """How far the windows reach from the start of the first to the end of the last, padding included."""
        return self.window(self.last - 1)[1] - self.window(self.first)[0]

    @cached_property
    def cells(self) -> tuple[int, int]:
        """The input's cells, (start, stop), that the windows read."""
        n = self.plan.input_size[self.axis]
        return max(0, self.window(self.first)[0]), min(n, self.window(self.last - 1)[1])

    def window(self, index: int) -> tuple[int, int]:
        """Return a window as (start, stop) in the input's own coordinates."""
        plan, axis = self.plan, self.axis
        if plan.adaptive:
            n, count = plan.input_size[axis], plan.output_size[axis]
            return index * n // count, -(-(index + 1) * n // count)
        start = index * plan.stride[axis] - plan.padding[axis][0]
        return start, start + plan.span[axis]

    def starts(self) -> np.ndarray[Any, np.dtype[np.int64]]:
        """Return where each window starts, in the input's own coordinates."""
        index = np.arange(self.first, self.last)
        plan, axis = self.plan, self.axis
        if plan.adaptive:
            return index * plan.input_size[axis] // plan.output_size[axis]
        return index * plan.stride[axis] - plan.padding[axis][0]

    def sizes(self, *, include_pad: bool) -> int | np.ndarray[Any, np.dtype[np.int64]]:
        """Return how many cells each window holds, one number if it is the same for all.

        With or without the declared padding, but never with what a ceil-mode window reaches past it.
        """
        plan, axis, starts = self.plan, self.axis, self.starts()
        n, count = plan.input_size[axis], plan.output_size[axis]
        if plan.adaptive:
            ends = -(-np.arange(self.first + 1, self.last + 1) * n // count)
            return np.asarray(ends - starts)
        before, after = plan.padding[axis] if include_pad else (0, 0)
        if starts[0] >= -before and self.window(self.last - 1)[1] <= n + after:
            return plan.kernel_size[axis]
        d = plan.dilation[axis]
        # The taps t with -before <= start + d·t < n + after.
        low = np.maximum(0, -((starts + before) // d))
        high = np.minimum(plan.kernel_size[axis], -((starts - n - after) // d))
        return np.asarray(high - low)

    def whole(self) -> list[slice]:
        """Return for each window the slice of its cells."""
        origin, end = self.cells
        d = self.plan.dilation[self.axis]
        bounds = [self.window(i) for i in range(self.first, self.last)]
        return [slice((a if a >= 0 else a % d) - origin, min(b, end) - origin, d) for a, b in bounds]

    def taps(self) -> list[tuple[int, Cells, Cells]]:
        """Return for each tap that meets a cell: its number, the windows in which it does, and those cells."""
        return self._adaptive_taps() if self.plan.adaptive else self._regular_taps()

    def _regular_taps(self) -> list[tuple[int, Cells, Cells]]:
        plan, axis, origin = self.plan, self.axis, self.cells[0]
        n, s, d, before = plan.input_size[axis], plan.stride[axis], plan.dilation[axis], plan.padding[axis][0]
        found: list[tuple[int, Cells, Cells]] = []
        for tap in range(plan.kernel_size[axis]):
            shift = tap * d - before
            # Window i meets cell s·i + shift, which is in the input for -shift/s <= i < (n - shift)/s.
            low, high = max(self.first, -(shift // s)), min(self.last, -((shift - n) // s))
            if low < high:
                start = low * s + shift - origin
                cells = slice(start, start + (high - low - 1) * s + 1, s)
                found.append((tap, slice(low - self.first, high - self.first), cells))
        return found

    def _adaptive_taps(self) -> list[tuple[int, Cells, Cells]]:
        starts, sizes = self.starts() - self.cells[0], np.asarray(self.sizes(include_pad=False))
        found: list[tuple[int, Cells, Cells]] = []
        for tap in range(int(sizes.max())):
            long = sizes > tap
            found.append((tap, slice(0, self.count) if long.all() else np.flatnonzero(long), starts[long] + tap))
        return found


@dataclass(frozen=True)
class Block:
    """Some windows of some planes: a part of a pool that is done at once."""

    planes: slice
    axes: list[AxisWindows]

    @property
    def cells(self) -> Index:
        """Where its cells lie in (planes, *S)."""
        return (self.planes, *(slice(*windows.cells) for windows in self.axes))

    @property
    def windows(self) -> Index:
        """Where its windows lie in (planes, *S')."""
        return (self.planes, *(slice(windows.first, windows.last) for windows in self.axes))


def blocks(plan: PoolPlan, planes: range, cells: int) -> Iterator[Block]:
    """Split planes of a plan into blocks that read about `cells` cells; rows stay whole longest."""
    sizes = [len(planes), *plan.output_size]
    chunk = list(sizes)

    def reads() -> int:
        axes = zip(chunk[1:], plan.input_size, plan.output_size, plan.stride, plan.span, strict=True)
        return prod(min(n, -(-c * n // o) + 1 if plan.adaptive else (c - 1) * s + k) for c, n, o, s, k in axes)

    for axis in range(len(chunk)):
        while chunk[axis] > 1 and chunk[0] * max(reads(), prod(chunk[1:])) > cells:
            chunk[axis] = -(-chunk[axis] // 2)
    for corner in product(*(range(0, size, step) for size, step in zip(sizes, chunk, strict=True))):
        ends = (min(start + step, size) for start, step, size in zip(corner, chunk, sizes, strict=True))
        (low, high), *bounds = zip(corner, ends, strict=True)
        axes = [AxisWindows(plan, axis, *pair) for axis, pair in enumerate(bounds)]
        yield Block(slice(planes[low], planes[high - 1] + 1), axes)
