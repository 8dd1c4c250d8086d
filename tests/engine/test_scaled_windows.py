"""The norm of windows whose powers overflow or vanish: it scales with its cells, and its gradient does not change."""

from __future__ import annotations

import tracemalloc
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from numpy.typing import NDArray

from service import engine
from tests.engine.test_pool_gradients import pools

Array = NDArray[Any]
INF, NAN = np.inf, np.nan


def row(*values: float) -> Array:
    """Return a 1-D map as (1, 1, n)."""
    return np.array(values, float).reshape(1, 1, -1)


@pytest.mark.parametrize("unit", [1e200, 1e-200, 5e-324])
def test_a_square_that_no_float_holds(unit: float) -> None:
    assert_allclose(engine.pool(row(3, 4) * unit, "lp", 2), row(5 * unit), rtol=1e-15)
    gradient = engine.pool_gradients(row(3, -4) * unit, [[[10]]], "lp", 2)
    assert_allclose(gradient, row(6, -8), rtol=1e-15)


@pytest.mark.parametrize(("dtype", "p"), [("float32", 100.0), ("float64", 1000.0)])
@pytest.mark.parametrize("unit", [3.0, 0.03125])
def test_a_power_that_no_float_holds(dtype: str, p: float, unit: float) -> None:
    # (2·u^p)^(1/p) = 2^(1/p)·u; its slope is half of that, to within p roundings.
    values, root, rounding = row(unit, -unit, 0, unit / 4), 2 ** (1 / p), float(np.finfo(dtype).eps)
    found = engine.pool(values, "lp", 2, p=p, dtype=dtype)
    assert_allclose(found, row(root * unit, unit / 4), rtol=4 * rounding)
    gradient = engine.pool_gradients(values, [[[2, 7]]], "lp", 2, p=p, dtype=dtype)
    assert_allclose(gradient, row(root, -root, 0, 7), rtol=p * rounding)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_the_norm_of_a_huge_exponent_is_the_greatest_magnitude(dtype: str) -> None:
    assert_array_equal(engine.pool(row(3, -5, 0.25, 0.125, 0, 0), "lp", 2, p=1e30, dtype=dtype), row(5, 0.25, 0))


@given(pools(), st.sampled_from([2, 3, 7.5]), st.sampled_from([2.0**-950, 2.0**-160, 2.0**160, 2.0**950]))
@settings(max_examples=150, derandomize=True, deadline=None)
def test_it_scales_with_its_cells(drawn: tuple[Array, dict[str, Any], list[Any]], p: float, unit: float) -> None:
    values, options, _ = drawn
    plain = engine.pool(values, "lp", **options, p=p)
    assert_allclose(engine.pool(values * unit, "lp", **options, p=p), plain * unit, rtol=1e-14)
    g = np.arange(1.0, 1 + plain.size).reshape(plain.shape)
    expected = engine.pool_gradients(values, g, "lp", **options, p=p)
    assert_allclose(engine.pool_gradients(values * unit, g, "lp", **options, p=p), expected, rtol=1e-12)


def test_windows_of_other_magnitudes_keep_their_digits() -> None:
    x = row(3e200, 4e200, 3, 4, 0, 0, 3e-200, 4e-200)
    assert_allclose(engine.pool(x, "lp", 2), row(5e200, 5, 0, 5e-200), rtol=1e-15)
    assert engine.pool(x, "lp", 2)[0, 0, 1] == 5  # as exactly as without its neighbours
    assert_allclose(engine.pool_gradients(x, [[[5, 5, 5, 5]]], "lp", 2), row(3, 4, 3, 4, 0, 0, 3, 4), rtol=1e-15)


def test_a_cell_that_overlapping_windows_share_receives_from_each() -> None:
    # 3e200 outweighs 4e-200, whose own windows give it 1 and 0.
    gradient = engine.pool_gradients(row(0, 4e-200, 3e200), [[[1, 1]]], "lp", 2, stride=1)
    assert_allclose(gradient, row(0, 1, 1), rtol=1e-15)


@pytest.mark.parametrize("options", [{"output_size": 1}, {"output_size": 2}, {"kernel_size": 300, "stride": 50}])
def test_few_windows_of_many_cells(options: dict[str, Any]) -> None:
    values = np.random.default_rng(4).standard_normal((2, 2, 400, 500))
    plain = engine.pool(values, "lp", **options)
    assert_allclose(engine.pool(values * 2.0**800, "lp", **options), plain * 2.0**800, rtol=1e-13)
    expected = engine.pool_gradients(values, plain, "lp", **options)
    assert_allclose(engine.pool_gradients(values * 2.0**800, plain, "lp", **options), expected, rtol=1e-11)


def test_what_is_not_finite_stays_so_and_in_its_windows() -> None:
    assert_array_equal(engine.pool(row(INF, 1, NAN, INF, 1e200, 0), "lp", 2), row(INF, NAN, 1e200))
    assert engine.pool(row(1.5e308, 1.5e308), "lp", 2)[0, 0, 0] == INF  # the norm itself
    # No window holds the cells between: 0 · ∞ would be a NaN of our own making.
    assert_array_equal(engine.pool_gradients(row(3, INF, 4), [[[1, 1]]], "lp", 1, stride=2), row(1, 0, 1))
    gradient = engine.pool_gradients(row(2, 1e200, 4), [[[1, 1]]], "lp", 1, stride=2, p=3)
    assert_allclose(gradient, row(1, 0, 1), rtol=1e-15)


@pytest.mark.parametrize("options", [{"kernel_size": 3, "stride": 1}, {"output_size": 1}, {"output_size": 2}])
def test_working_memory_stays_inside_the_budget(options: dict[str, Any]) -> None:
    budget = 4 * 1024 * 1024
    values = np.full((1, 1, 1000, 1000), 1e30, np.float32)
    g = np.ones(engine.plan_pool(values.shape, "lp", **options).output_shape, np.float32)
    tracemalloc.start()
    try:
        for result in (
            lambda: engine.pool(values, "lp", **options, control=engine.Control(budget_bytes=budget)),
            lambda: engine.pool_gradients(values, g, "lp", **options, control=engine.Control(budget_bytes=budget)),
        ):
            tracemalloc.reset_peak()
            array = result()
            assert tracemalloc.get_traced_memory()[1] - array.nbytes <= budget
            del array
    finally:
        tracemalloc.stop()
