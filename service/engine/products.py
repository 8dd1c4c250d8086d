"""Matrix products, in pieces that BLAS takes as they lie.

A large product first packs its factors into buffers, which pays where each is read often. OpenBLAS does without for up
to a million multiply-accumulates if the processor has AVX-512 (its `sgemm_small_kernel_permit_skylakex.c`), and then
multiplies a few rows by many columns up to four times as fast: so such a product is cut by columns.
"""

from __future__ import annotations

import numpy as np

from . import blas
from .borders import Array

FEWEST_COLUMNS = 32
"""With fewer at once the pieces are no faster (measured)."""
MOST_DEPTH = 256
"""Terms of a float64 sum from which they are no faster either: what is not packed is read across memory."""


def matmul(a: Array, b: Array, out: Array) -> None:
    """Put ``a @ b``, of shapes (..., M, K) and (..., K, N), into `out`, as `numpy.matmul` does."""
    rows, depth = a.shape[-2:]
    columns = b.shape[-1]
    # What is transposed is read across memory, and packed is quicker.
    large = rows * depth * columns > blas.unpacked() and b.strides[-1] == b.itemsize
    at_once = columns_at_once(rows, depth, out.itemsize) if large else 0
    if 0 < at_once < columns:
        matmul_in_pieces(a, b, out, at_once)
    else:
        np.matmul(a, b, out=out)


def columns_at_once(rows: int, depth: int, itemsize: int) -> int:
    """Return how many columns a piece of such a product has, or 0 if it is better left whole."""
    most = blas.unpacked() // (rows * depth) // FEWEST_COLUMNS * FEWEST_COLUMNS
    return 0 if itemsize > 4 and depth > MOST_DEPTH else most


def matmul_in_pieces(a: Array, b: Array, out: Array, columns: int) -> None:
    """Put ``a @ b`` into `out`, so many columns at a time: all but the last piece by one call."""
    count = b.shape[-1] // columns
    whole = count * columns

    def cut(matrix: Array) -> Array:
        return matrix[..., :whole].reshape(*matrix.shape[:-1], count, columns, copy=False).swapaxes(-3, -2)

    np.matmul(a if a.ndim == 2 else a[..., None, :, :], cut(b), out=cut(out))
    if whole < b.shape[-1]:
        np.matmul(a, b[..., whole:], out=out[..., whole:])
