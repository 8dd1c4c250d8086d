"""The windows of a pool: what each holds along an axis, and how they are split into blocks. Integers only."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import product
from math import prod
from typing import Any, TypeAlias

import numpy as np

from .borders import Index
from .plans import PoolPlan
from .sizes import span

Positions: TypeAlias = np.ndarray[Any, np.dtype[np.int64]]


@dataclass(frozen=True)
class AxisWindows:
    """Windows first … last-1 of one axis of a plan, in the input's own coordinates."""

    plan: PoolPlan
    axis: int
    first: int
    last: int

    @property
    def count(self) -> int:
        """How many windows."""
        return self.last - self.first

    @cached_property
    def even(self) -> bool:
        """Whether all windows are alike and a stride apart: adaptive ones are where o divides n, others always."""
        plan, axis = self.plan, self.axis
        return not plan.adaptive or plan.input_size[axis] % plan.output_size[axis] == 0

    @cached_property
    def taps(self) -> int:
        """How many cells each window holds; of uneven ones the shorter."""
        plan, axis = self.plan, self.axis
        if not plan.adaptive:
            return plan.kernel_size[axis]
        return (
            plan.input_size[axis] // plan.output_size[axis] if self.even else int((self.ends() - self.starts()).min())
        )

    @cached_property
    def stride(self) -> int:
        """How far even windows are apart."""
        plan, axis = self.plan, self.axis
        return plan.input_size[axis] // plan.output_size[axis] if plan.adaptive else plan.stride[axis]

    @cached_property
    def dilation(self) -> int:
        """How far the taps are apart."""
        return self.plan.dilation[self.axis]

    @cached_property
    def reach(self) -> tuple[int, int]:
        """From the start of the first window to the end of the last, padding and overhang included."""
        return self.window(self.first)[0], self.window(self.last - 1)[1]

    @cached_property
    def cells(self) -> tuple[int, int]:
        """The input's cells, (start, stop), that the windows reach over."""
        start, stop = self.reach
        return max(0, start), min(self.plan.input_size[self.axis], stop)

    def window(self, index: int) -> tuple[int, int]:
        """Return one window as (start, stop)."""
        return self.plan.window(self.axis, index)

    def starts(self) -> Positions:
        """Return where each window starts."""
        index, plan, axis = np.arange(self.first, self.last), self.plan, self.axis
        if plan.adaptive:
            return np.asarray(index * plan.input_size[axis] // plan.output_size[axis])
        return index * plan.stride[axis] - plan.padding[axis][0]

    def ends(self) -> Positions:
        """Return where each window stops."""
        plan, axis = self.plan, self.axis
        if plan.adaptive:
            index = np.arange(self.first + 1, self.last + 1)
            return np.asarray(-(-index * plan.input_size[axis] // plan.output_size[axis]))
        return self.starts() + span(plan.kernel_size[axis], plan.dilation[axis])

    def longer(self) -> tuple[Positions, Positions]:
        """Return the uneven windows that hold one cell more than `taps`, and that cell, counted from the first reached.

        There are no others: of n cells, o adaptive windows hold ⌈n/o⌉ or one more, or one less.
        """
        if self.even:
            return np.empty(0, np.int64), np.empty(0, np.int64)
        starts, ends = self.starts(), self.ends()
        held = np.flatnonzero(ends - starts > self.taps)
        return held, ends[held] - 1 - self.reach[0]

    def sizes(self, *, include_pad: bool) -> int | Positions:
        """Return how many cells each window holds, one number if it is the same for all.

        With or without the declared padding, but never with what a ceil-mode window reaches past it.
        """
        plan, axis = self.plan, self.axis
        if plan.adaptive:
            return self.taps if self.even else self.ends() - self.starts()
        before, after = plan.padding[axis] if include_pad else (0, 0)
        low, high = -before, plan.input_size[axis] + after
        start, stop = self.reach
        if start >= low and stop <= high:
            return plan.kernel_size[axis]
        return np.asarray(self.taps_below(high) - self.taps_below(low))

    def taps_below(self, cell: int) -> Positions:
        """Return how many taps of each window lie below a cell."""
        taps = -((self.starts() - cell) // self.plan.dilation[self.axis])
        return np.clip(taps, 0, self.plan.kernel_size[self.axis])

    def whole(self) -> slice:
        """Return, of a single window, the cells that its taps meet."""
        start, stop = self.reach
        d = self.plan.dilation[self.axis]
        return slice(start if start >= 0 else start % d, min(stop, self.plan.input_size[self.axis]), d)


@dataclass(frozen=True, slots=True)
class Block:
    """Some windows of some planes: a part of a pool that is done at once."""

    planes: slice
    axes: tuple[AxisWindows, ...]

    @property
    def cells(self) -> Index:
        """Where its cells lie in (planes, *S)."""
        return (self.planes, *(slice(*windows.cells) for windows in self.axes))

    @property
    def windows(self) -> Index:
        """Where its windows lie in (planes, *S')."""
        return (self.planes, *(slice(windows.first, windows.last) for windows in self.axes))


def blocks(plan: PoolPlan, planes: int, cells: int, most: int) -> Iterator[Block]:
    """Split a number of planes into blocks that read about `cells` cells, and not above `most` if it can be helped.

    Rows stay whole longest. An axis is not cut so short that blocks would read mostly what their neighbours read too.
    """
    sizes = (planes, *plan.output_size)
    chunk = list(sizes)
    axes = list(zip(plan.input_size, plan.output_size, plan.stride, plan.span, strict=True))
    steps = [1, *(max(1, n // o) if plan.adaptive else s for n, o, s, _ in axes)]
    reaches = [1, *(-(-n // o) if plan.adaptive else reach for n, o, _, reach in axes)]

    def reads() -> int:
        each = zip(chunk, steps, reaches, strict=True)
        return prod((count - 1) * step + reach for count, step, reach in each)

    for limit, overlap in ((cells, 1), (most, 0)):
        for axis in range(len(chunk)):
            while chunk[axis] > 1 and chunk[axis] * steps[axis] > overlap * 2 * reaches[axis] and reads() > limit:
                chunk[axis] = -(-chunk[axis] // 2)
    for corner in product(*(range(0, size, step) for size, step in zip(sizes, chunk, strict=True))):
        ends = (min(start + step, size) for start, step, size in zip(corner, chunk, sizes, strict=True))
        (low, high), *bounds = zip(corner, ends, strict=True)
        yield Block(slice(low, high), tuple(AxisWindows(plan, axis, *pair) for axis, pair in enumerate(bounds)))


def pieces(shape: tuple[int, ...], cells: int) -> Iterator[Index]:
    """Split what one window of each plane holds, (planes, *cells), in row-major order, if it is more than `cells`."""
    chunk = list(shape)
    for axis in range(1, len(chunk)):
        while chunk[axis] > 1 and prod(chunk[1:]) > cells:
            chunk[axis] = -(-chunk[axis] // 2)
    for corner in product(*(range(0, size, step) for size, step in zip(shape, chunk, strict=True))):
        yield tuple(slice(start, start + step) for start, step in zip(corner, chunk, strict=True))
