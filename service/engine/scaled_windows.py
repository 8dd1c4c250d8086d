"""Windows computed apart, each scaled by a number of its own, where a norm's powers overflow or vanish.

Of 1e200 the square is infinite and of 1e-200 it is 0, but their norm is neither: y(c·x) = c·y(x), so that a window may
be divided by its greatest magnitude before, and its value multiplied by it after. That takes a look at every cell of a
window and is done for those windows alone that need it; a block is only asked whether it has one. Up to p = 1 nothing
overflows but the norm itself.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from .borders import Array
from .chosen_windows import PIECE_CELLS, Axes, Mask, cells_of, few, parts_of, taps_of
from .control import Control
from .pool_kinds import PoolKind
from .windows import pieces


def unsafe_sums(sums: Array, source: Array, kind: PoolKind, p: float) -> Mask:
    """Return which windows' sums of powers have overflowed, or lost digits because powers vanish."""
    least = _least(sums.dtype)
    found, small = sums == np.inf, sums < least
    if small.any() and _least_power(source, kind, p, sums.dtype) < least:  # else they hold zeros alone
        found |= small
    return np.asarray(found)


def unsafe_slopes(values: Array, slopes: Array) -> Mask:
    """Return which windows' slopes y^(1-p) are too large or too small to be multiplied by a cell's |x|^(p-1)."""
    least = _least(values.dtype)
    return np.asarray((values > 0) & ~((slopes >= least) & (slopes <= 1 / least)))


def combine(source: Array, axes: Axes, kind: PoolKind, p: float, chosen: Mask, out: Array, control: Control) -> None:
    """Write the chosen windows' values into `out`; `source` is the cells that the axes reach."""
    for windows in parts_of(chosen):
        if few(axes, windows):
            for window in zip(*windows, strict=True):
                control.check()
                out[window] = _value(source[cells_of(axes, window)], kind, p, out.dtype)
            continue
        greatest = np.zeros(len(windows[0]), out.dtype)
        for held, cells in taps_of(axes, windows):
            control.check()
            greatest[held] = np.maximum(greatest[held], np.abs(source[cells].astype(out.dtype)))
        scale = _scale(greatest)
        total = np.full_like(scale, kind.identity)
        for held, cells in taps_of(axes, windows):
            control.check()
            total[held] = kind.combine(total[held], _prepared(source[cells], scale[held], kind.prepare, p))
        out[windows] = _finished(total, kind, p) * scale


def share(
    source: Array,
    axes: Axes,
    kind: PoolKind,
    p: float,
    chosen: Mask,
    g: Array,
    values: Array,
    gradient: Array,
    control: Control,
) -> None:
    """Add to `gradient` what the cells receive from the chosen windows: g · prepare'(x/y), as finish'(1) is 1."""
    for windows in parts_of(chosen):
        if few(axes, windows):
            for window in zip(*windows, strict=True):
                control.check()
                cells = cells_of(axes, window)
                for piece in pieces((1, *source[cells].shape), PIECE_CELLS):
                    part = _prepared(source[cells][piece[1:]], values[window], kind.prepare_slope, p)
                    gradient[cells][piece[1:]] += g[window] * part
            continue
        scale, received = values[windows], g[windows]
        for held, cells in taps_of(axes, windows):
            control.check()
            part = _prepared(source[cells], scale[held], kind.prepare_slope, p)
            np.add.at(gradient, cells, received[held] * part)


def _least(dtype: np.dtype[Any]) -> float:
    """Return the number above which a rounding at the bottom of the range, where floats get sparse, does not count."""
    return float(np.finfo(dtype).tiny / np.finfo(dtype).eps)


def _least_power(source: Array, kind: PoolKind, p: float, dtype: np.dtype[Any]) -> float:
    """Return the prepared value of the cell nearest to 0, those that are 0 left out; infinity if there is none."""
    least = np.inf
    for piece in pieces(source.shape, PIECE_CELLS):
        magnitudes = np.abs(source[piece].astype(dtype))
        # Floats that are not negative are in the order of their bits, and a step down from 0 comes round to the top.
        bits = magnitudes.view(f"u{dtype.itemsize}")
        bits -= 1
        found = (bits.min(keepdims=True) + 1).view(dtype).item()
        least = min(least, found or np.inf)
    return float(_prepared(np.array([least]), dtype.type(1), kind.prepare, p)[0])


def _scale(greatest: Array) -> Array:
    """Return what windows are divided by: the greatest magnitude, or 1 if that is 0 or infinite."""
    return np.where((greatest > 0) & (greatest < np.inf), greatest, greatest.dtype.type(1))


def _prepared(cells: Array, scale: Any, power: Any, p: float) -> Array:
    part: Array = np.divide(cells, scale, dtype=scale.dtype)
    power(part, p, part)
    return part


def _finished(total: Array, kind: PoolKind, p: float) -> Array:
    if kind.finish is not None:
        kind.finish(total, p, total)
    return total


def _value(cells: Array, kind: PoolKind, p: float, dtype: np.dtype[Any]) -> Any:
    """Return the value of one window, which may be larger than any block."""
    scale = _scale(np.array([max(abs(dtype.type(cells.max())), abs(dtype.type(cells.min())))]))
    total = np.full_like(scale, kind.identity)
    for piece in pieces((1, *cells.shape), PIECE_CELLS):
        part = _prepared(cells[piece[1:]], scale[0], kind.prepare, p)
        kind.combine(total, kind.combine.reduce(part, axis=None), out=total)
    value: Any = _finished(total, kind, p) * scale
    return value[0]
