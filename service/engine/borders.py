"""Padding, filled in where a computation needs it: never a padded copy of a whole input.

A region is one ``(start, stop)`` a spatial axis in the input's own coordinates: negative before it, n and more behind.
Along an axis a region falls into at most three segments: before the input, inside it, after it. A padding mode is one
entry of :data:`PADDING_MODES`: a map from positions outside 0 … n-1 to the input cell that each repeats, or None for a
mode that fills in a value. A block is the product of its axes' segments, so that :func:`fill` costs time and memory in
proportion to the block alone, however wide the padding; :func:`fold` is its adjoint, for gradients.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import product
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

Array: TypeAlias = npt.NDArray[Any]
Region: TypeAlias = tuple[tuple[int, int], ...]
"""A (start, stop) a spatial axis, in the input's own coordinates."""

Index: TypeAlias = tuple[Any, ...]
"""What goes between the brackets of an array."""

Positions: TypeAlias = npt.NDArray[np.int64]
Source: TypeAlias = Callable[[Positions, int], Positions]


def _reflect(position: Positions, size: int) -> Positions:
    period = max(1, 2 * (size - 1))
    folded = position % period
    return np.minimum(folded, period - folded) if size > 1 else np.zeros_like(position)


def _symmetric(position: Positions, size: int) -> Positions:
    folded = position % (2 * size)
    return np.minimum(folded, 2 * size - 1 - folded)


def _replicate(position: Positions, size: int) -> Positions:
    return np.clip(position, 0, size - 1)


def _circular(position: Positions, size: int) -> Positions:
    return position % size


@dataclass(frozen=True, slots=True)
class PaddingMode:
    """What stands beside an axis of n cells.

    Attributes
    ----------
    source
        (positions, n) → the cells 0 … n-1 that they repeat; None if the mode fills in a value.
    aliases
        What other libraries call it, where the name has one meaning only.
    """

    source: Source | None
    aliases: tuple[str, ...]


PADDING_MODES = {
    "zeros": PaddingMode(None, ("zero",)),  # 0 0 | 1 2 3 4 | 0 0
    "constant": PaddingMode(None, ("grid-constant", "fill", "border_constant")),  # v v | 1 2 3 4 | v v
    "reflect": PaddingMode(  # 3 2 | 1 2 3 4 | 3 2
        _reflect, ("mirror", "reflect_101", "reflect101", "border_reflect_101", "border_reflect101", "border_default")
    ),
    "symmetric": PaddingMode(_symmetric, ("symm", "grid-mirror", "border_reflect")),  # 2 1 | 1 2 3 4 | 4 3
    "replicate": PaddingMode(_replicate, ("edge", "nearest", "border_replicate")),  # 1 1 | 1 2 3 4 | 4 4
    "circular": PaddingMode(_circular, ("wrap", "grid-wrap", "periodic", "border_wrap")),  # 3 4 | 1 2 3 4 | 1 2
}
"""The padding modes by name. Wider than the axis, they go on as NumPy's ``pad`` does (docs/semantics.md, 5)."""

MOST_REMEMBERED = 4096
"""Positions of a segment up to which what they repeat is remembered: it may take as much memory as they are many."""

SHORT_ROW = 128
"""Cells of a row up to which it is quicker to fill the whole row in than its two ends apart."""


def fill(input: Array, region: Region, out: Array, mode: str = "zeros", value: float = 0.0) -> Array:
    """Copy a region of the padded input into `out`, cast to its dtype.

    Parameters
    ----------
    input : ndarray of shape (..., *S)
        Any leading axes; need not be contiguous.
    region
        A (start, stop) for each of the last ``len(region)`` axes.
    out : ndarray of shape (..., *(stop - start))
        Overwritten; may be a view, of another dtype.
    mode : str
        A name of :data:`PADDING_MODES`.
    value : float
        What fills the padding if the mode has no source.

    Returns
    -------
    ndarray
        `out`.

    Examples
    --------
    >>> fill(np.array([1, 2, 3, 4]), ((-2, 6),), np.empty(8, int), "reflect")
    array([3, 2, 1, 2, 3, 4, 3, 2])
    """
    if PADDING_MODES[mode].source is None and out.shape[-1] <= SHORT_ROW:
        out[...] = value
        sizes = input.shape[input.ndim - len(region) :]
        inside = [(max(start, 0), min(stop, n)) for (start, stop), n in zip(region, sizes, strict=True)]
        if all(first < last for first, last in inside):
            pairs = zip(inside, region, strict=True)
            place: Index = (..., *(slice(first - start, last - start) for (first, last), (start, _) in pairs))
            cells: Index = (..., *(slice(*bounds) for bounds in inside))
            out[place] = input[cells]
        return out
    for target, source in _pieces(input.shape, region, mode):
        out[target] = value if source is None else input[source]
    return out


def gather(input: Array, positions: Sequence[Positions], out: Array, mode: str = "zeros", value: float = 0.0) -> Array:
    """Copy cells of the padded input that lie apart into `out`, cast to its dtype: memory is for these cells alone.

    Parameters
    ----------
    input : ndarray of shape (..., *S)
    positions
        An array for each of the last ``len(positions)`` axes, in the input's own coordinates; their product is copied.
    out : ndarray of shape (..., *(positions' lengths))
    mode, value
        As for :func:`fill`.

    Returns
    -------
    ndarray
        `out`.

    Examples
    --------
    >>> gather(np.array([1, 2, 3, 4]), [np.array([-1, 1, 5])], np.empty(3, int), "replicate")
    array([1, 2, 4])
    """
    sizes, source = input.shape[input.ndim - len(positions) :], PADDING_MODES[mode].source
    outside = [(axis < 0) | (axis >= n) for axis, n in zip(positions, sizes, strict=True)]
    cells = [axis.copy() for axis in positions]
    for axis, beyond, n in zip(cells, outside, sizes, strict=True):
        axis[beyond] = np.zeros_like(axis[beyond]) if source is None else source(axis[beyond], n)
    every: Index = (..., *np.ix_(*cells))
    out[...] = input[every]
    if source is None:
        for place, beyond in enumerate(outside):
            out[(..., beyond, *(slice(None),) * (len(outside) - place - 1))] = value
    return out


def fold(gradient: Array, region: Region, out: Array, mode: str = "zeros") -> Array:
    """Add a region's gradient onto the input cells that :func:`fill` copied there: the adjoint of `fill`.

    A cell that was copied several times gets the sum; what lay in filled-in padding is dropped.

    Parameters
    ----------
    gradient : ndarray of shape (..., *(stop - start))
    region
        As for :func:`fill`; the last axes' sizes are those of `out`.
    out : ndarray of shape (..., *S)
        The input's gradient; added to in place, so that blocks may follow one another.
    mode : str
        A name of :data:`PADDING_MODES`.

    Returns
    -------
    ndarray
        `out`.

    Examples
    --------
    >>> fold(np.array([1, 10, 100, 1000]), ((-1, 3),), np.zeros(3, int), "replicate")
    array([  11,  100, 1000])
    """
    for target, source in _pieces(out.shape, region, mode):
        if source is None:
            continue
        part = gradient[target]
        if any(isinstance(index, np.ndarray) for index in source):
            np.add.at(out, source, part)
            continue
        cells = out[source]
        repeated = tuple(a for a in range(part.ndim) if cells.shape[a] == 1 != part.shape[a])
        cells += part.sum(axis=repeated, keepdims=True) if repeated else part
    return out


def _pieces(shape: tuple[int, ...], region: Region, mode: str) -> Iterable[tuple[Index, Index | None]]:
    """Return pairs that make up a region: where in it, and of which cells of the input, or None if it is filled in."""
    sizes = shape[len(shape) - len(region) :]
    return _remembered_pieces(sizes, region, mode) or _found_pieces(sizes, region, mode)


@lru_cache(maxsize=256)  # to find them takes longer than to copy a small block
def _remembered_pieces(sizes: tuple[int, ...], region: Region, mode: str) -> list[tuple[Index, Index | None]]:
    """Return the pieces if all are slices, else nothing: lists of positions are too large to keep."""
    found = []
    for target, source in _found_pieces(sizes, region, mode):
        if source is not None and any(isinstance(index, np.ndarray) for index in source):
            return []
        found.append((target, source))
    return found


def _found_pieces(sizes: tuple[int, ...], region: Region, mode: str) -> Iterator[tuple[Index, Index | None]]:
    """Yield the pieces: the products of the axes' segments, but one for all of the other axes behind a filled one."""
    axes = [_segments(start, stop, n, mode) for (start, stop), n in zip(region, sizes, strict=True)]
    copied = [[segment for segment in segments if segment[1] is not None] for segments in axes]
    for axis, segments in enumerate(axes):
        for outer in product(*copied[:axis]):
            for target, source in segments:
                if source is None:
                    yield (..., *(cells for cells, _ in outer), target, *(slice(None),) * (len(axes) - axis - 1)), None
    for combination in product(*copied):
        whole: Index = (..., *(segment[0] for segment in combination))
        sources = [segment[1] for segment in combination]
        if any(isinstance(source, np.ndarray) for source in sources):
            # One array index and the rest slices would move axes about; all as arrays keep their order.
            yield whole, (..., *np.ix_(*map(_as_positions, combination, sizes)))
        else:
            yield whole, (..., *sources)


def _segments(start: int, stop: int, size: int, mode: str) -> list[tuple[slice, slice | Positions | None]]:
    """Return an axis' segments, each as (slice of the region, source cells)."""
    bounds = ((start, min(stop, 0)), (max(start, 0), min(stop, size)), (max(start, size), stop))
    found: list[tuple[slice, slice | Positions | None]] = []
    for first, last in bounds:
        if first < last:
            inside = 0 <= first < size
            cells = slice(first, last) if inside else _outside(first, last, size, mode)
            found.append((slice(first - start, last - start), cells))
    return found


def _outside(first: int, last: int, size: int, mode: str) -> slice | Positions | None:
    """Return the cells that positions outside the axis repeat: as a slice, and so as a view, if they are one run."""
    return (_remembered_outside if last - first <= MOST_REMEMBERED else _found_outside)(first, last, size, mode)


@lru_cache(maxsize=256)  # neighbouring blocks ask for the same few cells
def _remembered_outside(first: int, last: int, size: int, mode: str) -> slice | Positions | None:
    return _found_outside(first, last, size, mode)


def _found_outside(first: int, last: int, size: int, mode: str) -> slice | Positions | None:
    source = PADDING_MODES[mode].source
    if source is None:
        return None
    cells = source(np.arange(first, last), size)
    head, tail = int(cells[0]), int(cells[-1])
    steps = np.diff(cells)
    if (steps == 1).all():
        return slice(head, tail + 1)
    if (steps == -1).all():
        return slice(head, tail - 1 if tail else None, -1)
    if (steps == 0).all():
        return slice(head, head + 1)  # broadcast over the segment
    return cells


def _as_positions(segment: tuple[slice, Any], size: int) -> Positions:
    target, cells = segment
    if isinstance(cells, slice):
        cells = np.array(range(size)[cells])  # slicing a range costs nothing, whatever the axis' length
    return np.broadcast_to(cells, (target.stop - target.start,))
