"""Which cells a window's taps read: positions, padding and sources, from a plan's integers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from service import engine
from service.engine.borders import PADDING_MODES
from service.engine.pool_kinds import POOL_KINDS
from service.schemas.traced import Window

Positions = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Taps:
    """The taps of one window, an array of cells an axis.

    Attributes
    ----------
    window
        (start, stop) an axis, in the input's own coordinates.
    cells
        An array an axis: the input's cell that each tap reads, −1 where there is none.
    outside
        An array of bool an axis: whether a tap lies outside the input.
    kernel
        An array an axis: which tap of the kernel as sent each one is; None where all are met in their order.
    """

    window: Window
    cells: tuple[Positions, ...]
    outside: tuple[NDArray[np.bool_], ...]
    kernel: tuple[Positions, ...] | None = None

    @property
    def padded(self) -> NDArray[np.bool_]:
        """Whether a tap lies outside the input on any axis: (*K)."""
        return _any_axis(self.outside)

    @property
    def filled(self) -> NDArray[np.bool_]:
        """Whether a tap reads no cell of the input: (*K)."""
        return _any_axis(tuple(axis < 0 for axis in self.cells))

    @property
    def sources(self) -> NDArray[np.int64]:
        """The coordinates of the cell that each tap reads, all −1 where there is none: (*K, axes)."""
        grid = np.stack(np.meshgrid(*self.cells, indexing="ij"), axis=-1)
        grid[self.filled] = -1
        return grid

    @property
    def kernel_positions(self) -> list[Any]:
        """The taps of the kernel as sent, nested as the patch is: a position of each."""
        met = self.kernel if self.kernel is not None else tuple(np.arange(len(axis)) for axis in self.cells)
        grid: list[Any] = np.stack(np.meshgrid(*met, indexing="ij"), axis=-1).tolist()
        return grid

    def read(self, plane: NDArray[Any], fill: float, dtype: np.dtype[Any]) -> NDArray[Any]:
        """Return what the taps read of (..., *S) as (..., *K), `fill` where there is no cell."""
        index: Any = (..., *np.ix_(*[np.maximum(axis, 0) for axis in self.cells]))
        patch: NDArray[Any] = plane[index].astype(dtype)
        patch[..., self.filled] = fill
        return patch


def conv_taps(plan: engine.ConvPlan, position: tuple[int, ...]) -> Taps:
    """Return the taps of the window that makes an output position of a convolution."""
    source = PADDING_MODES[plan.padding_mode].source
    window, cells, outside = [], [], []
    for axis, at in enumerate(position):
        start = at * plan.stride[axis] - plan.padding[axis][0]
        reads = start + plan.dilation[axis] * np.arange(plan.kernel_size[axis])
        beyond = (reads < 0) | (reads >= plan.input_size[axis])
        if source is not None:
            named = np.where(beyond, source(reads, plan.input_size[axis]), reads)
        else:
            named = np.where(beyond, -1, reads)
        window.append((start, start + plan.span[axis]))
        cells.append(named)
        outside.append(beyond)
    return Taps(tuple(window), tuple(cells), tuple(outside))


def transpose_taps(plan: engine.ConvTransposePlan, position: tuple[int, ...]) -> Taps:
    """Return the input cells that reach an output position of a transposed convolution, and the taps that they meet.

    Input cell i writes tap k to position i·s + d·k − before; so a position q is reached by the pairs with
    i·s = q + before − d·k. They stand in the order of the input's cells, which turns the kernel about.
    """
    window, cells, kernel = [], [], []
    for axis, at in enumerate(position):
        taps = np.arange(plan.kernel_size[axis])[::-1]
        reach = at + plan.padding[axis][0] - plan.dilation[axis] * taps
        cell = reach // plan.stride[axis]
        met = (reach % plan.stride[axis] == 0) & (cell >= 0) & (cell < plan.input_size[axis])
        cells.append(cell[met])
        kernel.append(taps[met])
        window.append((int(cell[met][0]), int(cell[met][-1]) + 1) if met.any() else (0, 0))
    inside = tuple(np.zeros(len(axis), dtype=np.bool_) for axis in cells)
    return Taps(tuple(window), tuple(cells), inside, tuple(kernel))


def pool_taps(plan: engine.PoolPlan, position: tuple[int, ...]) -> Taps:
    """Return the taps of a pool's window; outside the input they read nothing."""
    window, cells, outside = [], [], []
    for axis, at in enumerate(position):
        start, stop = plan.window(axis, at)
        reads = np.arange(start, stop, plan.dilation[axis])
        beyond = (reads < 0) | (reads >= plan.input_size[axis])
        window.append((start, stop))
        cells.append(np.where(beyond, -1, reads))
        outside.append(beyond)
    return Taps(tuple(window), tuple(cells), tuple(outside))


def pool_absent(plan: engine.PoolPlan, taps: Taps) -> NDArray[np.bool_]:
    """Return which taps of a pool's window take no part in its answer.

    Padding never wins a maximum or minimum; an average leaves it out unless it is counted; the overhang of ceil mode
    is never part of anything.
    """
    kind = POOL_KINDS[plan.kind]
    if kind.better is not None or (kind.averages and not plan.count_include_pad):
        return taps.padded
    beyond = []
    for axis, (start, stop) in enumerate(taps.window):
        reads = np.arange(start, stop, plan.dilation[axis])
        beyond.append(reads >= plan.input_size[axis] + plan.padding[axis][1])
    return _any_axis(tuple(beyond))


def _any_axis(axes: tuple[NDArray[np.bool_], ...]) -> NDArray[np.bool_]:
    grid = np.zeros(tuple(len(axis) for axis in axes), dtype=np.bool_)
    for index, axis in enumerate(axes):
        grid |= axis.reshape([-1 if other == index else 1 for other in range(len(axes))])
    return grid
