"""The windows of a pool along one axis, and the passes that reduce an axis to one cell a window.

A window of several axes is the product of one window an axis, so a pool whose `combine` may be reordered is done an
axis at a time: k + k operations a cell where the square window would cost k·k, and never a copy of a window.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from .borders import Array
from .geometry import PoolPlan
from .pool_kinds import PoolKind

Cells = slice | np.ndarray[Any, np.dtype[np.int64]]


@dataclass(frozen=True)
class AxisWindows:
    """Windows first … last-1 of one axis of a plan; cells count from the first one that any of them reads.

    Padding is not there: a window holds the cells of the input that its taps meet, so that nothing has to stand in.
    """

    plan: PoolPlan
    axis: int
    first: int
    last: int

    @property
    def count(self) -> int:
        """How many windows."""
        return self.last - self.first

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

    def sizes(self, *, include_pad: bool) -> Array:
        """Return how many cells each window holds, with or without the declared padding; never a ceil-mode overhang."""
        plan, axis = self.plan, self.axis
        before, after = plan.padding[axis] if include_pad else (0, 0)
        low, high, d = -before, plan.input_size[axis] + after, plan.dilation[axis]
        bounds = [self.window(i) for i in range(self.first, self.last)]
        # The first tap at or past `low`, counted in steps of the dilation, up to the last one before `high`.
        return np.array([len(range(a if a >= low else low + (a - low) % d, min(b, high), d)) for a, b in bounds])

    def whole(self) -> list[slice]:
        """Return for each window the slice of its cells."""
        origin, end = self.cells
        d = self.plan.dilation[self.axis]
        bounds = [self.window(i) for i in range(self.first, self.last)]
        return [slice((a if a >= 0 else a % d) - origin, min(b, end) - origin, d) for a, b in bounds]

    def taps(self) -> list[tuple[Cells, Cells]]:
        """Return for each tap (the windows in which it meets a cell, those cells), in order of position."""
        return self._adaptive_taps() if self.plan.adaptive else self._regular_taps()

    def _regular_taps(self) -> list[tuple[Cells, Cells]]:
        plan, axis, origin = self.plan, self.axis, self.cells[0]
        n, s, d, before = plan.input_size[axis], plan.stride[axis], plan.dilation[axis], plan.padding[axis][0]
        found: list[tuple[Cells, Cells]] = []
        for tap in range(plan.kernel_size[axis]):
            shift = tap * d - before
            # Window i meets cell i·s + shift, which is in the input for i from -shift/s to (n - shift)/s.
            low, high = max(self.first, -(shift // s)), min(self.last, -((shift - n) // s))
            if low < high:
                start = low * s + shift - origin
                cells = slice(start, start + (high - low - 1) * s + 1, s)
                found.append((slice(low - self.first, high - self.first), cells))
        return found

    def _adaptive_taps(self) -> list[tuple[Cells, Cells]]:
        n, count = self.plan.input_size[self.axis], self.plan.output_size[self.axis]
        index = np.arange(self.first, self.last)
        starts, stops = index * n // count, -(-(index + 1) * n // count)
        found: list[tuple[Cells, Cells]] = []
        for tap in range(int((stops - starts).max())):
            long = starts + tap < stops
            cells = starts[long] + (tap - self.cells[0])
            found.append((slice(0, self.count) if long.all() else np.flatnonzero(long), cells))
        return found


def along(axis: int, cells: Cells | int) -> tuple[Any, ...]:
    """Return the index that picks cells of a spatial axis of (planes, *S)."""
    return (*(slice(None),) * (axis + 1), cells)


def combine_axis(source: Array, windows: AxisWindows, kind: PoolKind, out: Array) -> None:
    """Reduce one axis of (planes, *S) to a cell a window: `out` is as `source`, but `count` long on that axis."""
    axis, plan = windows.axis, windows.plan
    if windows.count < plan.kernel_size[axis]:
        for i, cells in enumerate(windows.whole()):
            kind.combine.reduce(source[along(axis, cells)], axis=axis + 1, out=out[along(axis, i)])
        return
    whole = slice(0, windows.count)
    taps = sorted(windows.taps(), key=lambda tap: tap[0] != whole if isinstance(tap[0], slice) else True)
    reads = [source[along(axis, cells)] for _, cells in taps]
    covering = sum(isinstance(w, slice) and w == whole for w, _ in taps)
    if covering >= 2:
        kind.combine(reads[0], reads[1], out=out)
    elif covering == 1:
        np.copyto(out, reads[0])
    else:
        out[...] = kind.identity
    for (where, _), read in list(zip(taps, reads, strict=True))[min(covering, 2) :]:
        target = out[along(axis, where)]
        if isinstance(where, slice):
            kind.combine(target, read, out=target)
        else:
            out[along(axis, where)] = kind.combine(target, read)


def spread_axis(source: Array, windows: AxisWindows, out: Array) -> None:
    """Add each window's value onto the cells that it holds: the adjoint of `combine_axis` with a sum."""
    axis, plan = windows.axis, windows.plan
    out[...] = 0
    if windows.count < plan.kernel_size[axis]:
        for i, cells in enumerate(windows.whole()):
            out[along(axis, cells)] += source[along(axis, slice(i, i + 1))]
        return
    repeats = plan.adaptive and plan.output_size[axis] > plan.input_size[axis]
    for where, picked in windows.taps():
        if repeats:  # more windows than cells: one tap meets a cell twice, and += would keep one of the two
            np.add.at(out, along(axis, picked), source[along(axis, where)])
        else:
            out[along(axis, picked)] += source[along(axis, where)]


def select_axis(source: Array, positions: Array | None, windows: AxisWindows, keeps: np.ufunc) -> tuple[Array, Array]:
    """Reduce one axis to the cell that each window selects, and say where it stands.

    `positions` holds the flat position that each cell of `source` came from on the axes behind this one, already
    reduced; None on the last axis. Going from the last axis to the first, ties fall to the first cell in row-major
    order: an earlier row wins over a later one, whatever column it answers with.
    """
    axis, plan = windows.axis, windows.plan
    step = int(np.prod(plan.input_size[axis + 1 :], dtype=np.int64))
    shape = [1] * source.ndim
    shape[axis + 1] = -1
    places = (np.arange(*windows.cells) * step).reshape(shape)
    positions = np.broadcast_to(places, source.shape) if positions is None else positions + places
    if windows.count < plan.kernel_size[axis]:
        return _select_each(source, positions, windows, keeps)
    heads = np.array([cells.start for cells in windows.whole()])
    best, where = source.take(heads, axis + 1), positions.take(heads, axis + 1)
    for tap_windows, cells in windows.taps():
        into = along(axis, tap_windows)
        candidate, current = source[along(axis, cells)], best[into]
        # A NaN is not kept out by any number, and keeps out everything after it.
        better = ~keeps(current, candidate) & (current == current)
        best[into] = np.where(better, candidate, current)
        where[into] = np.where(better, positions[along(axis, cells)], where[into])
    return best, where


def _select_each(source: Array, positions: Array, windows: AxisWindows, keeps: np.ufunc) -> tuple[Array, Array]:
    """Select window by window. `argmax` keeps the first of equals and takes the first NaN, as the rule has it."""
    axis = windows.axis + 1
    chosen = np.argmax if keeps is np.greater_equal else np.argmin
    best, where = [], []
    for cells in windows.whole():
        part = source[along(windows.axis, cells)]
        index = np.expand_dims(chosen(part, axis=axis), axis)
        best.append(np.take_along_axis(part, index, axis))
        where.append(np.take_along_axis(positions[along(windows.axis, cells)], index, axis))
    return np.concatenate(best, axis), np.concatenate(where, axis)
