"""Windows of a pool that are computed apart, one by one or tap by tap, wherever in a block they lie."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import product
from math import prod
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from .borders import Array, Index
from .windows import AxisWindows

PIECE_CELLS = 64 * 1024
"""Cells of one large window that are taken at once."""

WINDOWS = 8 * 1024
"""Windows that are computed at once, tap by tap."""

Axes: TypeAlias = Sequence[AxisWindows]
Mask: TypeAlias = npt.NDArray[np.bool_]
Chosen: TypeAlias = tuple[Array, ...]
"""A plane and an index an axis, for each of some windows of a block."""


def parts_of(chosen: Mask) -> Iterator[Chosen]:
    """Yield some windows after the other."""
    found = np.flatnonzero(chosen)
    for start in range(0, len(found), WINDOWS):
        yield np.unravel_index(found[start : start + WINDOWS], chosen.shape)


def few(axes: Axes, windows: Chosen) -> bool:
    """Whether there are fewer windows than taps: then they are taken one by one rather than tap by tap."""
    return len(windows[0]) < prod(axis.plan.kernel_size[axis.axis] for axis in axes)


def cells_of(axes: Axes, window: tuple[Any, ...]) -> Index:
    """Return where in a block the cells of one window lie."""
    each = []
    for windows, index in zip(axes, window[1:], strict=True):
        first = windows.first + int(index)
        whole = AxisWindows(windows.plan, windows.axis, first, first + 1).whole()
        each.append(slice(whole.start - windows.cells[0], whole.stop - windows.cells[0], whole.step))
    return (int(window[0]), *each)


def taps_of(axes: Axes, chosen: Chosen, step: int = 1) -> Iterator[tuple[Mask, Index]]:
    """Yield for each tap which of the windows have a cell of the input there, and where in a block those cells lie.

    In row-major order, or with a step of -1 from the last tap to the first.
    """
    starts = [windows.starts()[index] - windows.cells[0] for windows, index in zip(axes, chosen[1:], strict=True)]
    ends = [windows.ends()[index] - windows.cells[0] for windows, index in zip(axes, chosen[1:], strict=True)]
    stops = [windows.cells[1] - windows.cells[0] for windows in axes]
    for tap in product(*(range(windows.plan.kernel_size[windows.axis])[::step] for windows in axes)):
        places = [start + t * windows.dilation for start, t, windows in zip(starts, tap, axes, strict=True)]
        held = np.logical_and.reduce(
            [
                (place >= 0) & (place < np.minimum(end, stop))
                for place, end, stop in zip(places, ends, stops, strict=True)
            ]
        )
        yield held, (chosen[0][held], *(place[held] for place in places))
