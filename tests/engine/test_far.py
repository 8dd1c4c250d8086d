"""Kernels that reach far: a window that spans more than memory holds is read tap by tap, and never whole."""

from __future__ import annotations

import tracemalloc
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from service.engine import (
    METHODS,
    Control,
    MethodNotApplicable,
    conv,
    conv_gradients,
    conv_transpose,
    estimate,
    plan_conv,
)
from service.engine.borders import PADDING_MODES, fill, gather
from service.engine.control import DEFAULT_BUDGET_BYTES
from service.engine.methods.work import FAR_CELLS, reaches_far, tiles, window_cells
from tests.oracles import convolution as oracle

MODES = tuple(PADDING_MODES)
MILLION = 1_000_000
FAR: dict[str, Any] = {"dilation": 1050, "padding": 1060, "stride": 7}
assert (2 * (2 * FAR["dilation"] + 1)) ** 2 > FAR_CELLS


def integers(*shape: int) -> Any:
    return np.random.default_rng(3).integers(-4, 5, shape).astype(np.float64)


def peak_of(compute: Callable[[], Any]) -> int:
    tracemalloc.start()
    try:
        compute()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


@settings(derandomize=True, max_examples=60, deadline=None)
@given(st.sampled_from(MODES), st.lists(st.lists(st.integers(-9, 12), max_size=5), min_size=2, max_size=2))
def test_cells_that_lie_apart_are_those_of_the_filled_region(mode: str, places: list[list[int]]) -> None:
    x, region = integers(2, 3, 4), ((-9, 13), (-9, 13))
    whole = fill(x, region, np.empty((2, 22, 22)), mode, 7.0)
    positions = [np.array(axis, np.int64) for axis in places]
    found = gather(x, positions, np.empty((2, *map(len, places))), mode, 7.0)
    assert_array_equal(found, whole[:, np.add.outer(positions[0], 9 * np.ones(1, int)), positions[1] + 9])


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("groups", [1, 2])
def test_far_taps_meet_what_plain_loops_meet(mode: str, groups: int) -> None:
    x, w, value = integers(2, 2, 5, 4), integers(2, 2 // groups, 3, 3), 3.0 if mode == "constant" else 0.0
    options: dict[str, Any] = {"padding_mode": mode, "padding_value": value, "groups": groups}
    expected = oracle.conv(
        x,
        w,
        stride=(7, 7),
        padding=((1060, 1060),) * 2,
        dilation=(1050, 1050),
        groups=groups,
        mode=mode,
        value=value,
    )
    assert_array_equal(conv(x, w, np.array([1.0, 2.0]), **FAR, **options), expected + np.array([[[1.0]], [[2.0]]]))


# The output is linear in the input and in the kernel: what flows back is what the output was made of.
@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("threads", [1, 2])
def test_gradients_of_far_taps_give_back_what_came(mode: str, threads: int) -> None:
    x, w = integers(2, 2, 5, 4), integers(4, 1, 3, 3)
    options: dict[str, Any] = {**FAR, "padding_mode": mode, "groups": 2, "control": Control(threads=threads)}
    y = conv(x, w, **options)
    g = integers(*y.shape)
    found = conv_gradients(x, w, g, **options)
    assert (found.input * x).sum() == (found.kernel * w).sum() == (y * g).sum()


def test_the_gradient_of_a_kernel_beyond_the_budget_is_the_same() -> None:
    x, w = integers(2, 4, 40), integers(3, 4, 5)
    g = integers(2, 3, 40)
    whole, pieces = (
        conv_gradients(x, w, g, padding="same", control=Control(threads=1, budget_bytes=budget)).kernel
        for budget in (DEFAULT_BUDGET_BYTES, 200)
    )
    assert_array_equal(whole, pieces)


CASES: dict[str, tuple[Any, Any, dict[str, Any]]] = {
    "many channels": ((1, 64, 2), (1, 64, 3), {"dilation": MILLION, "padding": MILLION}),
    "as far as windows go": ((1, 64, 2), (1, 64, 3), {"dilation": 200_000, "padding": 200_000}),
    "many channels, a filter each": ((1, 64, 2), (64, 1, 3), {"dilation": MILLION, "padding": MILLION, "groups": 64}),
    "many filters": ((1, 64, 2), (8, 64, 3), {"dilation": MILLION, "padding": MILLION}),
    "farther still": ((1, 8, 1), (1, 8, 3), {"dilation": 30 * MILLION, "padding": 30 * MILLION}),
    "many positions": ((1, 1, 1), (1, 1, 3), {"dilation": 15 * MILLION, "padding": 30 * MILLION, "stride": 40}),
    "a plane": ((1, 2, 2, 2), (1, 2, 2, 2), {"dilation": 2044, "padding": 2890, "stride": 3}),
    "a volume": ((1, 1, 2, 2, 2), (1, 1, 2, 2, 2), {"dilation": 160, "padding": 155}),
    "even strides": ((1, 1, 1), (1, 1, 3), {"dilation": 15 * MILLION, "padding": 30 * MILLION, "stride": 200}),
    "far strides": ((1, 16, 3), (1, 16, 3), {"stride": 3 * MILLION, "padding": 3 * MILLION}),
}


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("method", ["auto", "direct"])
def test_memory_stays_inside_the_budget(name: str, method: str) -> None:
    shape, kernel, options = CASES[name]
    x, w, one = np.ones(shape), np.ones(kernel), Control(threads=1)
    out_bytes = 8 * int(np.prod(plan_conv(shape, kernel, **options).output_shape))
    peak = peak_of(lambda: conv(x, w, method=method, control=one, **options)) - out_bytes
    said = estimate(plan_conv(shape, kernel, **options), control=one)["direct"].working_bytes
    assert peak <= said + MILLION <= DEFAULT_BUDGET_BYTES


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("mode", ["zeros", "replicate", "reflect"])
def test_memory_of_gradients_stays_inside_the_budget(name: str, mode: str) -> None:
    shape, kernel, options = CASES[name]
    x, w, options = np.ones(shape), np.ones(kernel), {**options, "padding_mode": mode}
    g = np.ones(plan_conv(shape, kernel, **options).output_shape)
    assert peak_of(lambda: conv_gradients(x, w, g, control=Control(threads=2), **options)) <= DEFAULT_BUDGET_BYTES


@pytest.mark.parametrize(
    ("shape", "kernel", "options"),
    [
        ((1, 64, 1), (64, 1, 3), {"dilation": 5 * MILLION, "padding": 5 * MILLION}),
        ((1, 64, 2), (64, 8, 3), {"dilation": MILLION, "padding": MILLION, "stride": 2}),
        ((1, 64, 2, 2), (64, 4, 3, 3), {"dilation": 1000, "padding": 1000}),
    ],
)
def test_memory_of_a_transposed_convolution_stays_inside_the_budget(shape: Any, kernel: Any, options: Any) -> None:
    x, w = integers(*shape), integers(*kernel)
    found: list[Any] = []
    peak = peak_of(lambda: found.append(conv_transpose(x, w, control=Control(threads=2), **options)))
    assert peak <= DEFAULT_BUDGET_BYTES
    # Its adjoint: <conv_transpose(x), y> = <x, conv(y)>.
    y = integers(*found[0].shape)
    plain = {name: value for name, value in options.items() if name in ("dilation", "padding", "stride")}
    assert (found[0] * y).sum() == (conv(y, w, **plain)[tuple(map(slice, x.shape))] * x).sum()


# A kernel just too small to be read tap by tap once had a tile a position: millions of them, for a plan alone.
@pytest.mark.parametrize("span", [(524_287,), (511, 511), (50, 50, 50)])
def test_no_plan_has_a_block_a_position(span: tuple[int, ...]) -> None:
    padding = [reach + 200 for reach in span]
    plan = plan_conv(
        (1, 1, *(2,) * len(span)), (1, 1, *(2,) * len(span)), dilation=[s - 1 for s in span], padding=padding
    )
    assert not reaches_far(plan)
    a_tile = np.prod(plan.output_size) // len(tiles(plan, window_cells(plan, 1)))
    assert a_tile >= np.prod(span) // 8


def test_padding_is_not_kept() -> None:
    options: dict[str, Any] = {"padding": 5 * MILLION, "padding_mode": "reflect", "stride": 1000}
    tracemalloc.start()
    try:
        conv(np.ones((1, 1, 3)), np.ones((1, 1, 2)), **options)
        assert tracemalloc.get_traced_memory()[0] < 8 * MILLION
    finally:
        tracemalloc.stop()


def test_large_integers_are_computed_whatever_the_budget() -> None:
    x, w = np.full((1, 1, 400), 2.0**52), np.ones((3, 1, 3))
    assert_array_equal(conv(x, w, control=Control(budget_bytes=5000)), conv(x, w, method="direct"))


def test_methods_that_read_windows_whole_say_how_far_they_can() -> None:
    shape, kernel, options = CASES["farther still"]
    for name in set(METHODS) - {"direct", "fft"}:
        with pytest.raises(MethodNotApplicable, match=r"reads windows as a whole, and one .* spans 60,000,001"):
            conv(np.ones(shape), np.ones(kernel), method=name, **options)
    with pytest.raises(
        MethodNotApplicable, match=r"transforms what a window spans, here 60,000,001 cells; up to 4,194"
    ):
        conv(np.ones(shape), np.ones(kernel), method="fft", **options)


def test_a_method_by_name_says_what_it_would_take_beyond_the_budget() -> None:
    shape, kernel, options = CASES["as far as windows go"]
    with pytest.raises(MethodNotApplicable, match=r'working memory .* the budget is 67,108,864; use "auto" or "'):
        conv(np.ones(shape), np.ones(kernel), method="gemm", **options)


def test_far_taps_in_float32_keep_the_dtype_and_what_is_not_finite() -> None:
    x = np.array([[[1.0, np.inf, 3.0]]], np.float32)
    y = conv(x, np.array([[[1.0, 2.0, 4.0]]]), dilation=3 * MILLION, padding=3 * MILLION)
    assert y.dtype == np.float32
    assert_allclose(y, [[[2.0, np.inf, 6.0]]])
