"""`pool_gradients`: other frameworks' answers, plain loops, finite differences."""

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
from tests.golden import Golden, golden
from tests.oracles import pooling as oracle

Array = NDArray[Any]
NAN = np.nan


@pytest.mark.parametrize("case", golden("pool_gradients"))
def test_agrees_with_other_frameworks(case: Golden) -> None:
    arrays = case.arrays
    case.check(input_gradient=engine.pool_gradients(arrays["input"], arrays["output_gradient"], **case.parameters))


@st.composite
def pools(draw: st.DrawFn) -> tuple[Array, dict[str, Any], list[Any]]:
    """Draw an input full of ties, windowed or adaptive options, and the oracle's windows."""
    rank, adaptive, ceil_mode = draw(st.integers(1, 2)), draw(st.booleans()), draw(st.booleans())
    names = ("output_size",) if adaptive else ("kernel_size", "stride", "padding", "dilation")
    options: dict[str, Any] = {name: [] for name in names}
    size, axes = [], []
    for _ in range(rank):
        if adaptive:
            n, o = draw(st.integers(1, 8)), draw(st.integers(1, 9))
            axes.append(oracle.adaptive_windows(n, o))
            options["output_size"].append(o)
        else:
            k, s, d = draw(st.integers(1, 4)), draw(st.integers(1, 4)), draw(st.integers(1, 2))
            before, after = draw(st.integers(0, d * (k - 1))), draw(st.integers(0, d * (k - 1)))
            n = draw(st.integers(max(d, d * (k - 1) + 1 - before - after), 8))
            axes.append(oracle.axis_windows(n, k, s, before, after, d, ceil_mode=ceil_mode))
            for name, value in zip(names, (k, s, (before, after), d), strict=True):
                options[name].append(value)
        size.append(n)
    random = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    values = random.integers(-3, 4, (draw(st.integers(1, 2)), draw(st.integers(1, 2)), *size)).astype(float)
    return values, options | ({} if adaptive else {"ceil_mode": ceil_mode}), axes


@given(pools(), st.sampled_from(["max", "min", "average", "lp"]), st.booleans())
@settings(max_examples=150, derandomize=True, deadline=None)
def test_hands_back_as_plain_loops_do(drawn: tuple[Array, dict[str, Any], list[Any]], kind: str, padded: bool) -> None:
    values, options, axes = drawn
    if kind == "average" and "output_size" not in options:
        options["count_include_pad"] = padded
    if kind == "lp":
        options["p"] = 3
    g = np.arange(1.0, 1 + np.prod([*values.shape[:2], *map(len, axes)])).reshape(*values.shape[:2], *map(len, axes))
    _, _, expected = oracle.pool(values, g, axes, kind, p=3, count_include_pad=padded)
    assert_allclose(engine.pool_gradients(values, g, kind, **options), expected, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize(("kind", "p"), [("max", 2), ("min", 2), ("average", 2), ("lp", 2), ("lp", 1), ("lp", 3.5)])
def test_agrees_with_finite_differences(kind: str, p: float) -> None:
    random = np.random.default_rng(6)
    values = random.permutation(60).reshape(1, 1, 6, 10) - 29.5  # no ties, no zeros: smooth at every step below 1/2
    options: dict[str, Any] = {"kernel_size": (2, 3), "stride": (1, 2), "padding": 1, "p": p}
    g = random.standard_normal(engine.pool(values, kind, **options).shape)
    step = 1e-4
    expected = np.empty_like(values)
    for cell in np.ndindex(*values.shape):
        moved = []
        for sign in (1, -1):
            shifted = values.copy()
            shifted[cell] += sign * step
            moved.append((engine.pool(shifted, kind, **options) * g).sum())
        expected[cell] = (moved[0] - moved[1]) / (2 * step)
    assert_allclose(engine.pool_gradients(values, g, kind, **options), expected, rtol=1e-6, atol=1e-6)


def test_ties_go_to_the_first_in_row_major_order() -> None:
    gradient = engine.pool_gradients([[[[0, 1, 7], [7, 2, 3]]]], [[[[1]]]], "max", (2, 3))
    assert_array_equal(gradient, [[[[0, 0, 1], [0, 0, 0]]]])


@pytest.mark.parametrize("kind", ["max", "min"])
def test_the_first_nan_takes_it_all(kind: str) -> None:
    assert_array_equal(engine.pool_gradients([[[5, NAN, 9, NAN]]], [[[2]]], kind, 4), [[[0, 2, 0, 0]]])


def test_overlapping_windows_add_up() -> None:
    assert_array_equal(engine.pool_gradients([[[1, 9, 1]]], [[[2, 3]]], "max", 2, stride=1), [[[0, 5, 0]]])
    assert_array_equal(engine.pool_gradients([[[1, 9, 1]]], [[[2, 4]]], "average", 2, stride=1), [[[1, 3, 2]]])


def test_the_norm_of_zeros_has_no_slope() -> None:
    for p in (1, 2, 3, 0.5):
        assert_array_equal(engine.pool_gradients([[[0, 0, 0, 1]]], [[[1, 1]]], "lp", 2, p=p), [[[0, 0, 0, 1]]])


def test_an_average_hands_back_by_the_divisor_it_had() -> None:
    assert_array_equal(
        engine.pool_gradients([[[1, 2, 3, 4, 5]]], [[[2, 2, 2]]], "average", 2, ceil_mode=True), [[[1, 1, 1, 1, 2]]]
    )
    assert_array_equal(
        engine.pool_gradients([[[1, 2]]], [[[4]]], "average", 2, divisor_override=1, dtype="float32"), [[[4, 4]]]
    )


def test_what_is_not_finite_stays_in_its_window() -> None:
    for kind in ("average", "lp"):
        gradient = engine.pool_gradients([[[1, 1, 1, 1, 1]]], [[[1, NAN, 1, 1]]], kind, 2, stride=1)
        assert_array_equal(np.isnan(gradient), [[[False, True, True, False, False]]])


@pytest.mark.parametrize("kind", ["max", "average", "lp"])
@pytest.mark.parametrize("shape", [(1, 1, 430, 511), (30, 7, 19, 23), (1, 1, 200_003)])
def test_blocks_join_without_a_seam(kind: str, shape: tuple[int, ...]) -> None:
    """Against pools of parts, small enough to be one block each, that a stride of the window's size keeps apart."""
    random = np.random.default_rng(9)
    values = random.standard_normal(shape)
    g = random.standard_normal(engine.pool(values, kind, 3, stride=2).shape)
    whole = engine.pool_gradients(values, g, kind, 3, stride=2)
    # The adjoint of a sum of shifted parts: each window's share, put back by plain indexing.
    again = engine.pool_gradients(values, g, kind, 3, stride=2, control=engine.Control(budget_bytes=1 << 15))
    assert_allclose(again, whole, rtol=1e-12, atol=1e-12)
    moved = random.standard_normal(shape) * 1e-7
    change = (engine.pool(values + moved, kind, 3, stride=2) - engine.pool(values - moved, kind, 3, stride=2)) / 2
    assert_allclose((change * g).sum(), (moved * whole).sum(), rtol=1e-4, atol=1e-9)


def test_threads_do_not_change_the_answer() -> None:
    values = np.random.default_rng(8).standard_normal((2, 8, 120, 130)).astype(np.float32)
    g = np.ones((2, 8, 59, 64), np.float32)
    one, two = (engine.pool_gradients(values, g, "max", 3, stride=2, control=engine.Control(threads=t)) for t in (1, 2))
    assert_array_equal(one, two)


@pytest.mark.parametrize(
    ("shape", "kind", "options"),
    [
        ((1, 1, 2000, 2000), "max", {"kernel_size": 3, "stride": 2, "padding": 1}),
        ((1, 1, 2000, 2000), "lp", {"kernel_size": 5, "stride": 1}),
        ((1, 1, 2000, 2000), "lp", {"output_size": 1}),
        ((1, 1, 2000, 2000), "average", {"output_size": 1}),
        ((1, 1, 4_000_000), "average", {"kernel_size": 1000, "stride": 1}),
    ],
)
def test_working_memory_stays_inside_the_budget(shape: tuple[int, ...], kind: str, options: dict[str, Any]) -> None:
    budget = 4 * 1024 * 1024
    values = np.ones(shape, np.float32)
    g = np.ones(engine.plan_pool(shape, kind, **options).output_shape, np.float32)
    tracemalloc.start()
    try:
        gradient = engine.pool_gradients(values, g, kind, **options, control=engine.Control(budget_bytes=budget))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak - gradient.nbytes <= budget


def test_an_output_gradient_of_another_shape_is_refused() -> None:
    with pytest.raises(
        engine.ShapeMismatch, match=r"shape \[1, 1, 3\]; it must have the output's, \[1, 1, 2\]"
    ) as caught:
        engine.pool_gradients(np.ones((1, 1, 4)), np.ones((1, 1, 3)), "max", 2)
    assert caught.value.pointer == "/output_gradient"
