"""Windows whose integers are added one by one, where a sum in pairs would round: see `ordered.py`."""

from __future__ import annotations

from math import prod

import numpy as np

from .borders import Array
from .chosen_windows import PIECE_CELLS, Axes, Mask, cells_of, few, parts_of, taps_of
from .ordered import EXACT, MOST, in_order, sum_matters
from .pool_kinds import PoolKind
from .precision import FloatType, may_be_integers
from .windows import pieces


def order_matters(source: Array, axes: Axes, kind: PoolKind, p: float, dtype: FloatType) -> bool:
    """Whether a block may hold windows whose sums depend on the order."""
    if dtype != np.float64 or axes[0].plan.operations > MOST or kind.combine is not np.add:
        return False
    if not may_be_integers(source):
        return False
    cells = prod(windows.plan.kernel_size[windows.axis] for windows in axes)
    return sum_matters(source, dtype, cells, p if kind.prepare is not None else 1)


def unsafe(magnitudes: Array) -> Mask:
    """Return which windows' sums depend on the order, from those of their cells' magnitudes, themselves rounded."""
    return np.asarray(~(magnitudes < EXACT / 2))


def combine(source: Array, axes: Axes, kind: PoolKind, p: float, chosen: Mask, out: Array) -> None:
    """Write the chosen windows' sums into `out`; `source` is the cells that the axes reach."""

    def prepared(cells: Array) -> Array:
        part = np.array(cells, out.dtype)
        if kind.prepare is not None:
            kind.prepare(part, p, part)
        return part

    for windows in parts_of(chosen):
        if few(axes, windows):
            for window in zip(*windows, strict=True):
                cells, total = source[cells_of(axes, window)], np.zeros((), out.dtype)
                for piece in pieces((1, *cells.shape), PIECE_CELLS):
                    total = in_order(total, prepared(cells[piece[1:]]).reshape(-1))
                out[window] = total
            continue
        sums = np.zeros(len(windows[0]), out.dtype)
        for held, met in taps_of(axes, windows):
            sums[held] += prepared(source[met])
        out[windows] = sums


def share_matters(received: Array, axes: Axes) -> bool:
    """Whether what cells receive from several windows of a block each depends on the order in which it is added."""
    together = prod(min(windows.count, windows.plan.kernel_size[windows.axis]) for windows in axes)
    return together > 1 and axes[0].plan.operations <= MOST and sum_matters(received, received.dtype, together)


def share(received: Array, axes: Axes, cells: Array) -> None:
    """Add to each cell what it receives from the windows that hold it, one after the other in row-major order."""
    for windows in parts_of(np.ones(received.shape, bool)):
        if few(axes, windows):
            for window in zip(*windows, strict=True):
                cells[cells_of(axes, window)] += received[window]
            continue
        given = received[windows]
        for held, met in taps_of(axes, windows, -1):  # the later a window starts, the earlier its tap that meets a cell
            np.add.at(cells, met, given[held])
