"""Matrix products in pieces: the same as in one, whatever the shapes, and only where BLAS is quicker so."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from service.engine import blas
from service.engine.borders import Array
from service.engine.products import FEWEST_COLUMNS, columns_at_once, matmul, matmul_in_pieces

RNG = np.random.default_rng(5)


@pytest.mark.parametrize("columns", [1, 3, 7, 20, 21])
@pytest.mark.parametrize("lead", [((), ()), ((), (4,)), ((4,), (4,)), ((2, 1), (2, 3)), ((1,), (5,))])
def test_pieces_make_the_product(lead: tuple[tuple[int, ...], tuple[int, ...]], columns: int) -> None:
    a, b = (
        RNG.integers(-9, 9, (*some, *shape)).astype(float) for some, shape in zip(lead, ((5, 6), (6, 20)), strict=True)
    )
    out = np.full((*np.broadcast_shapes(*lead), 5, 20), np.nan)
    matmul_in_pieces(a, b, out, columns)
    assert np.array_equal(out, a @ b)


@pytest.mark.parametrize("laid", [np.ascontiguousarray, np.asfortranarray])
def test_pieces_are_made_of_views(laid: Callable[[Array], Array]) -> None:
    a = RNG.integers(-9, 9, (8, 12)).astype(float)[::2, ::3]
    b: Array = RNG.integers(-9, 9, (9, 4, 50)).astype(float)[:, :, 3:47]
    across = laid(b[0])
    out: Array = np.zeros((4, 100))[:, 10:54]
    matmul_in_pieces(a, across, out, 16)
    assert np.array_equal(out, a @ across)
    every: Array = np.zeros((9, 4, 100))[:, :, 10:54]
    matmul_in_pieces(a, b, every, 16)
    assert np.array_equal(every, a @ b)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("shape", [(64, 147, 3136), (6, 6, 40_000), (64, 64, 15), (8, 300, 5000), (300, 300, 300)])
def test_any_product_is_right(shape: tuple[int, int, int], dtype: type) -> None:
    rows, depth, columns = shape
    a: Array = RNG.integers(-3, 4, (rows, depth)).astype(dtype)
    b: Array = RNG.integers(-3, 4, (depth, columns)).astype(dtype)
    out: Array = np.empty((rows, columns), dtype)
    matmul(a, b, out)
    assert np.array_equal(out, a @ b)


def test_pieces_are_below_what_is_packed() -> None:
    most = blas.unpacked()
    assert most in (0, 1_000_000)
    for rows, depth in ((1, 1), (6, 6), (64, 147), (64, 400), (1000, 1000)):
        at_once = columns_at_once(rows, depth, 4)
        assert at_once % FEWEST_COLUMNS == 0
        assert rows * depth * at_once <= most
    assert columns_at_once(4, 300, 8) == 0
