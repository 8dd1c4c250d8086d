"""Bands: a filter's taps along one axis, as the matrix that yields several neighbouring outputs at once."""

from __future__ import annotations

import numpy as np

from service.engine.borders import Array

from .work import strided


def reach(rows: int, stride: int, span: int) -> int:
    """Return how many inputs `rows` outputs read."""
    return (rows - 1) * stride + span


def band(taps: Array, rows: int, stride: int, dilation: int) -> Array:
    """Return B with B[…, r, …, s·r + d·k] = taps[…, k] and zeros elsewhere, (A, R, *B, reach) for taps (A, *B, K)."""
    lead, between, count = len(taps), taps.shape[1:-1], taps.shape[-1]
    matrix = np.zeros((lead, rows, *between, reach(rows, stride, dilation * (count - 1) + 1)), taps.dtype)
    of_lead, of_row, *others, cell = matrix.strides
    # Each row's taps begin a stride further on: so they do in a view whose rows lie that much further apart.
    strides = (of_lead, of_row + stride * cell, *others, dilation * cell)
    np.ndarray((lead, rows, *between, count), taps.dtype, matrix, 0, strides)[...] = taps[:, None]
    return matrix


def strips(x: Array, axis: int, size: int, hop: int) -> Array:
    """Return the windows of `size` cells, `hop` apart, along an axis, as a view: (…, windows, size, …).

    What `sliding_window_view` gives for every hop-th window, at a tenth of its overhead.
    """
    count = (x.shape[axis] - size) // hop + 1
    shape = (*x.shape[:axis], count, size, *x.shape[axis + 1 :])
    strides = (*x.strides[:axis], hop * x.strides[axis], x.strides[axis], *x.strides[axis + 1 :])
    return strided(x, shape, strides)
