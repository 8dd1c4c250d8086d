"""Few taps added up one by one: the same sums, and what is not finite, or overflows on the way, as by definition."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_array_equal

from service.engine import Control, conv
from service.engine.methods.separable import LONG_ROWS, MOST_PASSES
from service.engine.methods.shifted import add_up, passes, terms_of


@settings(derandomize=True, max_examples=100, deadline=None)
@given(st.lists(st.integers(-3, 3), min_size=1, max_size=7).filter(any), st.integers(1, 3), st.integers(0, 9))
def test_terms_add_up_to_the_correlation(taps: list[int], dilation: int, extra: int) -> None:
    span = dilation * (len(taps) - 1) + 1
    x = np.random.default_rng(0).integers(-9, 10, span + extra).astype(np.float64)
    spread = np.zeros(span)
    spread[::dilation] = taps
    out, memory = np.full((2, extra + 1), np.nan)
    add_up(x, terms_of(np.array(taps, np.float64)), dilation, out, memory)
    assert_array_equal(out, np.correlate(x, spread, "valid"))


@pytest.mark.parametrize(
    ("taps", "count"),
    [([1, 2, 1], 3), ([-1, 0, 1], 1), ([1, 1, 1], 2), ([5], 1), ([1], 1), ([0.25, 0.5, 1], 4), ([1, 4, 6, 4, 1], 6)],
)
def test_taps_of_one_size_share_a_multiplication(taps: list[float], count: int) -> None:
    assert passes(terms_of(np.array(taps, np.float64))) == count


LINES = {"binomial": [1, 2, 1], "derivative": [-1, 0, 1], "box": [1, 1, 1], "forward": [0, -1, 1], "one": [2]}


@pytest.mark.parametrize("name", LINES)
@pytest.mark.parametrize("options", [{}, {"padding": 1}, {"padding": "same", "dilation": 2, "padding_mode": "reflect"}])
@pytest.mark.parametrize("shape", [(2, 3, 17, 40), (1, 1, 3, LONG_ROWS + 60), (1, 1, 600, 300), (1, 2, 9, 8, 50)])
def test_separable_filters_of_few_taps_are_exact_on_integers(name: str, options: Any, shape: Any) -> None:
    line = np.array(LINES[name], np.float64)
    assert passes(terms_of(line)) <= MOST_PASSES[0]  # or bands would be tested
    rng, rank = np.random.default_rng(1), len(shape) - 2
    x = rng.integers(-9, 10, shape).astype(np.float64)
    kernel = line
    for _ in range(rank - 1):
        kernel = np.multiply.outer(np.array([3.0, -1, 2]), kernel)
    w = np.stack([kernel[np.newaxis]] * shape[1])
    bias = rng.integers(-9, 10, shape[1]).astype(np.float64)
    if "same" in options.values() and min(shape[2:]) < 5:
        options = {**options, "padding_mode": "symmetric"}
    if line.size == 1 and isinstance(options.get("padding"), int):
        options = {**options, "padding": [1] * (rank - 1) + [0]}
    run: dict[str, Any] = {"groups": shape[1], "control": Control(threads=2), **options}
    assert_array_equal(conv(x, w, bias, method="separable", **run), conv(x, w, bias, method="direct", **run))


# Sums of taps of one size may overflow before they are multiplied; a NaN beneath a tap of zero is in no term.
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_what_overflows_on_the_way_alone_does_not(dtype: Any) -> None:
    most = np.finfo(dtype).max
    x = np.zeros((1, 1, 5, 9), dtype)
    x[0, 0, 2, 2] = x[0, 0, 2, 4] = 0.9 * most
    w = np.outer([0.0, 1.0, 0.0], [0.25, 1.0, 0.25])[np.newaxis, np.newaxis].astype(dtype)
    found = conv(x, w, method="separable")
    assert np.isfinite(found).all()
    assert_array_equal(found, conv(x, w, method="direct"))


@pytest.mark.parametrize("place", [(0, 0), (1, 1), (2, 1), (4, 8)])
@pytest.mark.parametrize("columns", [3, 4, 9])
@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_what_is_not_finite_beneath_a_tap_of_zero_is_where_it_belongs(
    place: tuple[int, int], columns: int, value: float
) -> None:
    x = np.ones((1, 1, 5, columns))
    x[0, 0, place[0], min(place[1], columns - 1)] = value
    w = np.outer([1.0, 2.0, 1.0], [-1.0, 0.0, 1.0])[np.newaxis, np.newaxis]
    assert_array_equal(conv(x, w, method="separable"), conv(x, w, method="direct"))
