"""What Winograd's forward method and his kernel gradient share: the constants, and how tiles go through them."""

from __future__ import annotations

from functools import cache, reduce
from math import prod
from typing import Any

import numpy as np

from service.engine.borders import Array
from service.engine.products import matmul

from .work import strided

POINTS = {4: (0, 1, -1), 6: (0, 1, -1, 2, -2)}
"""Where the polynomials of a tile of so many inputs are taken, beside infinity."""


@cache
def transforms(side: int, taps: int) -> tuple[Array, Array, Array]:
    """Return Aᵀ, G and Bᵀ of F(m, taps), which makes m = side + 1 - taps outputs of a tile of `side` inputs.

    An output is a coefficient of the product of two polynomials, which is known from its values at `side` points α
    (Toom 1963, Cook 1966; Blahut, "Fast algorithms for signal processing", section 5.2): A and G take polynomials of m
    and of `taps` coefficients at α, G divided by Π (αⱼ - αᵢ), and row j of Bᵀ is Π (x - αᵢ) over all i but j. At
    infinity a polynomial is its last coefficient. For three taps, Lavin & Gray, equations 7 to 10, but for signs.

    Examples
    --------
    >>> transforms(4, 3)[0].astype(int)
    array([[ 1,  1,  1,  0],
           [ 0,  1, -1,  1]])
    """
    points = np.array(POINTS[side], np.float64)

    def values(coefficients: int) -> Array:
        matrix = np.zeros((side, coefficients))
        matrix[:-1], matrix[-1, -1] = np.vander(points, coefficients, increasing=True), 1
        return matrix

    of_input, scale = np.zeros((side, side)), np.ones((side, 1))
    of_input[-1] = np.poly(points)[::-1]
    for j, point in enumerate(points):
        others = np.delete(points, j)
        of_input[j, :-1], scale[j] = np.poly(others)[::-1], np.prod(point - others)
    return np.ascontiguousarray(values(side + 1 - taps).T), values(taps) / scale, of_input


@cache
def transforms_of(side: int, taps: int, rank: int, dtype: np.dtype[Any]) -> tuple[Array, Array, Array]:
    """Return Aᵀ, G ⊗ … ⊗ G, (sideⁿ, tapsⁿ), and Bᵀ of a dtype; read-only.

    A kernel is small enough for all its axes to be taken in one product.
    """
    inverse, of_taps, of_input = transforms(side, taps)
    found = inverse.astype(dtype), reduce(np.kron, [of_taps.astype(dtype)] * rank), of_input.astype(dtype)
    for matrix in found:
        matrix.flags.writeable = False
    return found


CACHE_LINE = 64
"""Bytes by which points of transformed data lie further apart: at a power of two all fall into the same lines."""


class Turns:
    """Two scratch arrays that take turns: a product reads the one and writes the other."""

    def __init__(self, first: Array, second: Array) -> None:
        self._now, self._next = first, second

    def now(self, *shape: int) -> Array:
        """Return the array that was written last, in this shape."""
        return self._now[: prod(shape)].reshape(shape)

    @property
    def spare(self) -> Array:
        """The array that is free until the next product."""
        return self._next

    def multiply(self, matrix: Array, shape: tuple[int, ...]) -> None:
        """Replace what is there, in this shape, by `matrix` times it."""
        result = (shape[0], matrix.shape[-2], shape[-1])
        matmul(matrix, self.now(*shape), self._next[: prod(result)].reshape(result))
        self._now, self._next = self._next, self._now

    def along_axes(self, matrix: Array, rank: int, columns: int, out: Array | None = None) -> None:
        """Take tiles, (*side, columns), through `matrix`, rows × side, on every axis; the last product into `out`."""
        rows, side = matrix.shape
        for axis in range(rank):
            # The axes before this one have been through and have `rows` entries; those behind it still have `side`.
            shape = (rows**axis, side, side ** (rank - 1 - axis) * columns)
            if out is not None and axis == rank - 1:
                matmul(matrix, self.now(*shape), out.reshape(rows**axis, rows, columns, copy=False))
            else:
                self.multiply(matrix, shape)


def points_of_tiles(x: Array, side: int, m: int, tiles: tuple[int, ...]) -> Array:
    """Return each point of all tiles, m apart in `x`, (*lead, *cells), as a view of (*side, *lead, *tiles)."""
    rank = len(tiles)
    lead, steps = x.strides[:-rank], x.strides[-rank:]
    return strided(x, (*(side,) * rank, *x.shape[:-rank], *tiles), (*steps, *lead, *(m * step for step in steps)))


def parts(number: int, at_once: int) -> list[slice]:
    """Return runs of at most so many channels, filters or points, of about the same length."""
    runs = -(-number // at_once)
    return [slice(run * number // runs, (run + 1) * number // runs) for run in range(runs)]
