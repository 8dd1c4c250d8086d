"""What is done to a block of a pool: slide, pick, an axis at a time.

A window of several axes is the product of one window an axis, so a pool whose `combine` may be reordered goes through
the axes in turn: 2 log k operations a cell where the square window would cost k·k, and never a copy of a window. Along
an axis the block *slides*: every cell is joined with those behind it to a window of 2, of 4 … cells, in one operation
on the whole block as one row of memory, whatever the axis, so that also small maps run at full speed. What runs over
the end of a row is rubbish that nobody reads: then the windows are *picked*, a stride apart.

For a sum this is the order of pairwise summation, and no cell outside a window ever enters it, as it would in a
running sum.

Arrays are (planes, *cells) or (planes, *windows), whatever the number of axes.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import prod
from typing import Any, TypeAlias, TypeVar

import numpy as np

from . import ordered_windows, scaled_windows
from .borders import Array, Index
from .control import Control
from .pool_kinds import PoolKind
from .windows import AxisWindows, pieces

PIECE_CELLS = 64 * 1024
"""What is taken at once of a window that is larger than any block."""

Axes = Sequence[AxisWindows]

T = TypeVar("T")


def combine(source: Array, axes: Axes, kind: PoolKind, out: Array, control: Control) -> None:
    """Write each window's value into `out`, of the dtype to compute in; `source` is the cells that the axes reach."""
    p = axes[0].plan.p
    _combine(source, axes, kind, out)
    if ordered_windows.order_matters(source, axes, kind, p, out.dtype):
        magnitudes = np.empty_like(out)
        _combine(np.abs(source.astype(out.dtype)), axes, kind, magnitudes)
        ordered_windows.combine(source, axes, kind, p, ordered_windows.unsafe(magnitudes), out)
    if kind.averages:
        np.divide(out, divisors(axes, out.dtype), out=out)
    if kind.finish is not None:
        scaled = scaled_windows.unsafe_sums(out, source, kind, p) if kind.scales and p > 1 else None
        kind.finish(out, p, out)
        if scaled is not None and scaled.any():
            scaled_windows.combine(source, axes, kind, p, scaled, out, control)


def _combine(source: Array, axes: Axes, kind: PoolKind, out: Array) -> None:
    """Write what each window's prepared cells combine to into `out`."""
    if all(windows.count == 1 for windows in axes):
        _combine_whole(source, axes, kind, out)
        return
    current = _padded(source, axes, kind, out.dtype)
    for windows in axes:
        picked = _resized(current, windows.axis, windows.count) if windows is not axes[-1] else out
        _combine_axis(current, windows, kind, picked)
        current = picked


def select(source: Array, axes: Axes, kind: PoolKind, better: np.ufunc, out: Array, positions: Array) -> None:
    """Write the cell that each window selects into `out` and its flat position in the plane into `positions`.

    From the last axis to the first, so that ties fall to the first cell in row-major order: of equal rows the first
    wins, whatever column it answers with.
    """
    if all(windows.count == 1 for windows in axes):
        _select_whole(source, axes, kind.combine, better, out, positions)
        return
    current, chosen = _padded(source, axes, kind, out.dtype), list[Array]()
    has_nan = bool(np.isnan(current.max()))
    for windows in reversed(axes):
        current, chosen = _select_axis(current, chosen, windows, kind.combine, better, has_nan)
    out[...], positions[...] = current, 0
    plan, step = axes[0].plan, 1
    padded = any(windows.cells != windows.reach for windows in axes)
    pads = current == kind.identity if padded else None
    for windows, taps in zip(reversed(axes), reversed(chosen), strict=True):
        if pads is not None:
            # All cells are what pads too: the first of them in the input is the one selected.
            np.copyto(taps, _facing(windows.taps_below(0), windows.axis, taps.ndim), where=pads, casting="unsafe")
        positions += np.multiply(taps, step * windows.dilation, dtype=np.int64)
        positions += _facing(windows.starts() * step, windows.axis, taps.ndim)
        step *= plan.input_size[windows.axis]


def sign_zeros(source: Array, axes: Axes, out: Array, positions: Array) -> None:
    """Give selected zeros the sign of the first: 0.0 and -0.0 are equals, of which `combine` answers with either."""
    if source.dtype.kind != "f":
        return
    found = np.flatnonzero(out == 0)
    if found.size:
        zeros = np.unravel_index(found, out.shape)
        cells = np.unravel_index(positions[zeros], axes[0].plan.input_size)
        within = (cell - windows.cells[0] for cell, windows in zip(cells, axes, strict=True))
        out[zeros] = source[(zeros[0], *within)]


def find_and_sign_zeros(source: Array, axes: Axes, kind: PoolKind, better: np.ufunc, out: Array) -> None:
    """Do what `sign_zeros` does where positions were not asked for: they are found if there is a -0.0 at all."""
    if source.dtype.kind != "f" or not (out == 0).any():
        return
    if (np.signbit(source) & (source == 0)).any():
        positions = np.empty(out.shape, np.int64)
        select(source, axes, kind, better, out, positions)
        sign_zeros(source, axes, out, positions)


def spread(values: Array, axes: Axes) -> Array:
    """Return for each cell the sum over the windows that hold it: the adjoint of combining with a sum."""
    for windows in reversed(axes):
        values = _spread_axis(values, windows)
    return values


def divisors(axes: Axes, dtype: np.dtype[Any]) -> Any:
    """Return what the sum over each window is divided by, broadcastable to the windows (docs/semantics.md, 7)."""
    plan = axes[0].plan
    if plan.divisor_override is not None:
        return dtype.type(plan.divisor_override)
    whole: Any = dtype.type(1)
    for windows in axes:
        sizes = np.asarray(windows.sizes(include_pad=plan.count_include_pad), dtype)
        whole = whole * (sizes if sizes.ndim == 0 else _facing(sizes, windows.axis, plan.rank + 1))
    return whole


# -- shapes


def _along(axis: int, cells: slice | Array) -> Index:
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


def _padded(source: Array, axes: Axes, kind: PoolKind, dtype: np.dtype[Any]) -> Array:
    """Return the block as the windows reach over it, prepared and contiguous: itself where it is so already."""
    reaches = [windows.reach for windows in axes]
    padded = any(windows.cells != windows.reach for windows in axes)
    if not padded and source.dtype == dtype and source.flags.c_contiguous and kind.prepare is None:
        return source
    shape = (len(source), *(stop - start for start, stop in reaches))
    block = np.full(shape, kind.identity, dtype) if padded else np.empty(shape, dtype)
    within = (slice(low - start, high - start) for (low, high), (start, _) in zip(_cells(axes), reaches, strict=True))
    index: Index = (slice(None), *within)
    block[index] = source
    if kind.prepare is not None:
        kind.prepare(block[index], axes[0].plan.p, block[index])
    return block


def _cells(axes: Axes) -> list[tuple[int, int]]:
    return [windows.cells for windows in axes]


# -- windows side by side


def _combine_axis(source: Array, windows: AxisWindows, kind: PoolKind, out: Array) -> None:
    """Reduce an axis to one cell a window."""
    axis, k, d = windows.axis, windows.taps, windows.dilation
    if windows.even and windows.count * k < source.shape[axis + 1] * k.bit_length() // 4:
        for i in range(windows.count):  # few and long: cheaper one by one
            start = i * windows.stride
            part = source[_along(axis, slice(start, start + d * (k - 1) + 1, d))]
            kind.combine.reduce(part, axis=axis + 1, keepdims=True, out=out[_along(axis, slice(i, i + 1))])
        return

    slid = _slid_cells(source, windows, kind.combine)
    _pick(slid, windows, out)
    longer, cells = windows.longer()
    if longer.size:
        out[_along(axis, longer)] = kind.combine(out[_along(axis, longer)], source.take(cells, axis + 1))


def _slid_cells(source: Array, windows: AxisWindows, combine: np.ufunc) -> Array:
    """Return every cell combined with the taps behind it; rubbish where they leave the axis."""
    unit = windows.dilation * prod(source.shape[windows.axis + 2 :])

    def join(cells: Array, others: Array, taps: int) -> Array:
        size = source.size - taps * unit
        joined = np.empty_like(cells)
        combine(cells[:size], others[-size:], out=joined[:size])
        return joined

    return _slid(source.reshape(-1), windows.taps, join).reshape(source.shape)


def _slid(cells: T, k: int, join: Callable[[T, T, int], T]) -> T:
    """Return every cell joined with the k - 1 taps behind it; ``join(cells, others, n)`` takes the others n taps on."""
    doubled, width = cells, 1
    total, taken = None, 0
    while True:
        if k & width:
            total = doubled if total is None else join(total, doubled, taken)
            taken += width
            if taken == k:
                return total
        doubled = join(doubled, doubled, width)
        width *= 2


def _pick(slid: Array, windows: AxisWindows, out: Array) -> None:
    """Copy what starts where a window does."""
    if windows.even:
        stop = (windows.count - 1) * windows.stride + 1
        out[...] = slid[_along(windows.axis, slice(0, stop, windows.stride))]
    else:
        slid.take(windows.starts() - windows.reach[0], windows.axis + 1, out=out)


Selection: TypeAlias = list[Array]
"""Values, and the taps that they came from: of the axis at hand, then of those done before."""


def _select_axis(
    source: Array, chosen: list[Array], windows: AxisWindows, combine: np.ufunc, better: np.ufunc, has_nan: bool
) -> tuple[Array, list[Array]]:
    """Reduce an axis to the cell that each window selects.

    `chosen` holds, for the axes done before, the tap that each cell of `source` came from; returned are those of the
    selected cells, this axis' own in front.
    """
    axis = windows.axis
    unit = windows.dilation * prod(source.shape[axis + 2 :])

    def join(cells: Selection, others: Selection, taps: int) -> Selection:
        size = source.size - taps * unit
        out = [np.empty_like(array) for array in cells]
        ours, ahead = [array[:size] for array in cells], [array[-size:] for array in others]
        _prefer(ours, ahead, taps, combine, better, has_nan, [array[:size] for array in out])
        return out

    start = [source, np.zeros(source.shape, np.min_scalar_type(windows.taps)), *chosen]
    slid = _slid([array.reshape(-1) for array in start], windows.taps, join)
    found = [_resized(array, axis, windows.count) for array in start]
    for array, picked in zip(slid, found, strict=True):
        _pick(array.reshape(source.shape), windows, picked)
    longer, cells = windows.longer()
    if longer.size:
        index = _along(axis, longer)
        ours = [array[index] for array in found]
        ahead = [array.take(cells, axis + 1) for array in start]
        out = [np.empty_like(array) for array in ours]
        _prefer(ours, ahead, windows.taps, combine, better, has_nan, out)
        for array, part in zip(found, out, strict=True):
            array[index] = part
    return found[0], found[1:]


def _prefer(
    ours: Selection, ahead: Selection, taps: int, combine: np.ufunc, better: np.ufunc, has_nan: bool, out: Selection
) -> None:
    """Write the better of two cells, the second some taps ahead: the first if they are equal, or if it is a NaN."""
    other = better(ahead[0], ours[0])
    if has_nan:
        other |= np.isnan(ahead[0])
        other &= ~np.isnan(ours[0])
    combine(ours[0], ahead[0], out=out[0])
    for number, (mine, theirs, target) in enumerate(zip(ours[1:], ahead[1:], out[1:], strict=True)):
        # mine + other·(theirs - mine), without a branch: unsigned numbers come back round from below 0.
        np.subtract(theirs, mine, out=target)
        if number == 0:  # this axis' own taps have moved on
            target += target.dtype.type(taps)
        target *= other
        target += mine


def _spread_axis(values: Array, windows: AxisWindows) -> Array:
    axis, d = windows.axis, windows.dilation
    start, stop = windows.reach
    low, high = windows.cells
    if not windows.even:
        out = _resized(values, axis, high - low)
        out[...] = 0
        starts, sizes = windows.starts() - low, windows.ends() - windows.starts()
        if len(starts) <= sizes.max():
            for number, (first, size) in enumerate(zip(starts.tolist(), sizes.tolist(), strict=True)):
                out[_along(axis, slice(first, first + size))] += values[_along(axis, slice(number, number + 1))]
            return out
        apart = len(np.unique(starts)) == len(starts)
        for tap in range(int(sizes.max())):
            held = np.flatnonzero(sizes > tap)
            into, part = _along(axis, starts[held] + tap), values[_along(axis, held)]
            if apart:
                out[into] += part
            else:  # windows outnumber cells: two start at one, and += would keep one of the two
                np.add.at(out, into, part)
        return out
    ahead = d * (windows.taps - 1)
    placed = _resized(values, axis, ahead + stop - start)
    placed[...] = 0
    placed[_along(axis, slice(ahead, ahead + (windows.count - 1) * windows.stride + 1, windows.stride))] = values
    slid = _slid_cells(placed, windows, np.add)
    return slid[_along(axis, slice(low - start, high - start))]


# -- a single window, which may be larger than any block


def single_window(axes: Axes) -> Index:
    """Return where, in the cells that single windows reach, their taps lie."""
    each = []
    for windows in axes:
        whole, origin = windows.whole(), windows.cells[0]
        each.append(slice(whole.start - origin, whole.stop - origin, whole.step))
    return (slice(None), *each)


def _combine_whole(source: Array, axes: Axes, kind: PoolKind, out: Array) -> None:
    window = source[single_window(axes)]
    total = np.full(len(out), kind.identity, out.dtype)
    for piece in pieces(window.shape, PIECE_CELLS):
        part = window[piece].astype(out.dtype, copy=kind.prepare is not None)
        if kind.prepare is not None:
            kind.prepare(part, axes[0].plan.p, part)
        rows = part.reshape(len(part), -1)
        if kind.combine is np.add:  # a product with ones is the same sum, several times as fast
            total += rows @ np.ones(rows.shape[1], rows.dtype)
        else:
            kind.combine(total, kind.combine.reduce(rows, axis=1), out=total)
    out[...] = total.reshape(out.shape)


def _select_whole(source: Array, axes: Axes, combine: np.ufunc, better: np.ufunc, out: Array, positions: Array) -> None:
    window = source[single_window(axes)]
    values, places = out.reshape(-1), positions.reshape(-1)  # of one window a plane: views
    for number, piece in enumerate(pieces(window.shape, PIECE_CELLS)):
        part = window[piece].astype(out.dtype, copy=False)
        flat = part.reshape(len(part), -1)
        best = combine.reduce(flat, axis=1)
        found = np.where(np.isnan(best), np.isnan(flat).argmax(1), (flat == best[:, None]).argmax(1))
        steps = np.unravel_index(found, part.shape[1:])
        place = np.zeros(len(part), np.int64)
        for windows, cells, step in zip(axes, piece[1:], steps, strict=True):
            place = place * windows.plan.input_size[windows.axis]
            place += windows.whole().start + windows.dilation * (cells.start + step)
        taken = better(best, values) | (np.isnan(best) & ~np.isnan(values)) if number else np.ones(len(part), bool)
        np.copyto(values, best, where=taken)
        np.copyto(places, place, where=taken)
