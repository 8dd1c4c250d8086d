"""What is done to a block of a pool, an axis at a time.

A window of several axes is the product of one window an axis, so a pool whose `combine` may be reordered goes through
the axes in turn: k + k operations a cell where the square window would cost k·k, and never a copy of a window. Along
an axis the cells of one tap are a slice, as long as there are windows, so that every operation is on long arrays; where
the windows are long or few, other orders of the same sum or maximum are cheaper.

Arrays are (planes, *cells) or (planes, *windows), whatever the number of axes.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from .borders import Array, Index
from .pool_kinds import PoolKind, Selects
from .windows import AxisWindows, Cells


def combine(source: Array, axes: list[AxisWindows], kind: PoolKind, out: Array) -> None:
    """Write each window's value into `out`."""
    p = axes[0].plan.p
    if kind.prepare is not None:
        prepared = np.empty(source.shape, source.dtype)
        kind.prepare(source, p, prepared)
        source = prepared
    if all(windows.count == 1 for windows in axes):
        window: Index = (slice(None), *(windows.whole()[0] for windows in axes))
        kind.combine.reduce(source[window], axis=tuple(range(1, source.ndim)), out=out.reshape(len(out)))
    else:
        for windows in axes:
            target = out if windows is axes[-1] else _resized(source, windows.axis, windows.count)
            _combine_axis(source, windows, kind, target)
            source = target
    if kind.averages:
        np.divide(out, divisors(axes, out.dtype), out=out)
    if kind.finish is not None:
        kind.finish(out, p, out)


def select(source: Array, axes: list[AxisWindows], kind: PoolKind) -> tuple[Array, Array]:
    """Return the cell that each window selects, and its flat position in the plane.

    From the last axis to the first, so that ties fall to the first cell in row-major order: of equal rows the first
    wins, whatever column it answers with.
    """
    chosen: list[Array] = []
    for windows in reversed(axes):
        source, chosen = _select_axis(source, chosen, windows, kind)
    plan = axes[0].plan
    positions, step = np.zeros(source.shape, np.int64), 1
    for windows, taps in zip(reversed(axes), reversed(chosen), strict=True):
        positions += np.multiply(taps, step * plan.dilation[windows.axis], dtype=np.int64)
        positions += _facing(windows.starts() * step, windows.axis, source.ndim)
        step *= plan.input_size[windows.axis]
    return source, positions


def spread(values: Array, axes: list[AxisWindows]) -> Array:
    """Return for each cell the sum over the windows that hold it: the adjoint of combining with a sum."""
    for windows in reversed(axes):
        start, stop = windows.cells
        cells = _resized(values, windows.axis, stop - start)
        _spread_axis(values, windows, cells)
        values = cells
    return values


def divisors(axes: list[AxisWindows], dtype: np.dtype[Any]) -> Any:
    """Return what the sum over each window is divided by, broadcastable to the windows of a block (semantics: 7)."""
    plan = axes[0].plan
    if plan.divisor_override is not None:
        return dtype.type(plan.divisor_override)
    sizes = [windows.sizes(include_pad=plan.count_include_pad) for windows in axes]
    whole: Any = dtype.type(1)
    for axis, size in enumerate(sizes):
        counts = np.asarray(size, dtype)
        whole = whole * (counts if counts.ndim == 0 else _facing(counts, axis, plan.rank + 1))
    return whole


def _along(axis: int, cells: Cells | int) -> Index:
    """Return the index that picks cells of a spatial axis."""
    return (*(slice(None),) * (axis + 1), cells)


def _facing(vector: Array, axis: int, ndim: int) -> Array:
    """Return a vector with its entries along a spatial axis."""
    shape = [1] * ndim
    shape[axis + 1] = -1
    return vector.reshape(shape)


def _resized(source: Array, axis: int, length: int) -> Array:
    """Return an uninitialised array as `source`, of another length on a spatial axis."""
    return np.empty((*source.shape[: axis + 1], length, *source.shape[axis + 2 :]), source.dtype)


def _combine_axis(source: Array, windows: AxisWindows, kind: PoolKind, out: Array) -> None:
    """Reduce an axis to one cell a window, in the cheapest order."""
    axis, plan, count = windows.axis, windows.plan, windows.count
    k = plan.kernel_size[axis]
    by_taps = k * count
    by_doubling = windows.reach * k.bit_length() + k.bit_count() * count
    if not plan.adaptive and by_doubling < by_taps:
        _combine_doubled(source, windows, kind, out)
    elif count < k:
        for i, cells in enumerate(windows.whole()):
            kind.combine.reduce(source[_along(axis, cells)], axis=axis + 1, out=out[_along(axis, i)])
    else:
        _combine_taps(source, windows, kind, out)


def _combine_taps(source: Array, windows: AxisWindows, kind: PoolKind, out: Array) -> None:
    """Join the cells of one tap after the other; first those that all windows have, as they need no start value."""
    axis, everywhere = windows.axis, slice(0, windows.count)
    reads = [(where, _read(source, axis, cells)) for _, where, cells in windows.taps()]
    full = [read for where, read in reads if isinstance(where, slice) and where == everywhere]
    partial = [(where, read) for where, read in reads if not isinstance(where, slice) or where != everywhere]
    if len(full) >= 2:
        kind.combine(full[0], full[1], out=out)
    elif full:
        out[...] = full[0]
    else:
        out[...] = kind.identity
    for read in full[2:]:
        kind.combine(out, read, out=out)
    for where, read in partial:
        out[_along(axis, where)] = kind.combine(out[_along(axis, where)], read)


def _combine_doubled(source: Array, windows: AxisWindows, kind: PoolKind, out: Array) -> None:
    """Join windows of 1, 2, 4 … cells to windows twice as long, and the window from those that its length adds up to.

    For a sum this is the order of pairwise summation; no cell outside a window ever enters it, as in a running sum.
    """
    axis, plan = windows.axis, windows.plan
    k, s, d = plan.kernel_size[axis], plan.stride[axis], plan.dilation[axis]
    ahead, cells = windows.cells[0] - windows.window(windows.first)[0], source.shape[axis + 1]
    current = source
    if cells < windows.reach:
        current = _resized(source, axis, windows.reach)
        current[_along(axis, slice(0, ahead))] = kind.identity
        current[_along(axis, slice(ahead, ahead + cells))] = source
        current[_along(axis, slice(ahead + cells, None))] = kind.identity
    width, taken = 1, 0
    while True:
        if k & width:
            start = taken * d
            part = current[_along(axis, slice(start, start + (windows.count - 1) * s + 1, s))]
            if taken:
                kind.combine(out, part, out=out)
            else:
                out[...] = part
            taken += width
        if taken == k:
            return
        current = kind.combine(
            current[_along(axis, slice(None, -width * d))], current[_along(axis, slice(width * d, None))]
        )
        width *= 2


def _read(source: Array, axis: int, cells: Cells) -> Array:
    return source[_along(axis, cells)] if isinstance(cells, slice) else source.take(cells, axis + 1)


def _select_axis(source: Array, chosen: list[Array], windows: AxisWindows, kind: PoolKind) -> tuple[Array, list[Array]]:
    """Reduce an axis to the cell that each window selects.

    `chosen` holds, for the axes done before, the tap that each cell of `source` came from; returned are those of the
    selected cells, this axis' own in front.
    """
    axis = windows.axis
    if kind.selects is not None and windows.count < windows.plan.kernel_size[axis]:
        return _select_each(source, chosen, windows, kind.selects)
    best = _resized(source, axis, windows.count)
    _combine_axis(source, windows, kind, best)
    taken = np.zeros(best.shape, np.min_scalar_type(windows.plan.kernel_size[axis]))
    carried = [np.empty(best.shape, taps.dtype) for taps in chosen]
    has_nan = bool(np.isnan(best).any())
    for tap, where, cells in reversed(windows.taps()):  # the first tap that holds the answer has the last word
        read = _read(source, axis, cells)
        match = read == best[_along(axis, where)]
        if has_nan:
            match |= np.isnan(read)  # a window with a NaN has no other answer
        _put(taken, axis, where, taken.dtype.type(tap), match)
        for origin, target in zip(chosen, carried, strict=True):
            _put(target, axis, where, _read(origin, axis, cells), match)
    return best, [taken, *carried]


def _select_each(
    source: Array, chosen: list[Array], windows: AxisWindows, selects: Selects
) -> tuple[Array, list[Array]]:
    """Select window by window: ``argmax`` too keeps the first of equals, and takes the first NaN."""
    axis, d = windows.axis, windows.plan.dilation[windows.axis]
    best = _resized(source, axis, windows.count)
    taken = np.empty(best.shape, np.int64)
    carried = [np.empty(best.shape, taps.dtype) for taps in chosen]
    for i, (cells, start) in enumerate(zip(windows.whole(), windows.starts(), strict=True)):
        into, part = _along(axis, slice(i, i + 1)), source[_along(axis, cells)]
        index = selects(part, axis=axis + 1, keepdims=True)
        best[into] = np.take_along_axis(part, index, axis + 1)
        taken[into] = index + (cells.start + windows.cells[0] - start) // d
        for origin, target in zip(chosen, carried, strict=True):
            target[into] = np.take_along_axis(origin[_along(axis, cells)], index, axis + 1)
    return best, [taken, *carried]


def _put(target: Array, axis: int, where: Cells, values: Any, match: Array) -> None:
    """Write `values` where they match, in some windows of an axis."""
    part = target[_along(axis, where)]
    np.copyto(part, values, where=match)
    if not isinstance(where, slice):  # `part` is a copy
        target[_along(axis, where)] = part


def _spread_axis(values: Array, windows: AxisWindows, out: Array) -> None:
    axis, plan = windows.axis, windows.plan
    out[...] = 0
    if windows.count < plan.kernel_size[axis]:
        for i, cells in enumerate(windows.whole()):
            out[_along(axis, cells)] += values[_along(axis, slice(i, i + 1))]
        return
    repeats = plan.adaptive and plan.output_size[axis] > plan.input_size[axis]
    for _, where, picked in windows.taps():
        if repeats:  # more windows than cells: one tap meets a cell twice, and += would keep one of the two
            np.add.at(out, _along(axis, picked), values[_along(axis, where)])
        else:
            out[_along(axis, picked)] += values[_along(axis, where)]
