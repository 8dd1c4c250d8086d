"""`conv_transpose`: other frameworks' answers, plain loops, and that it is the adjoint of `conv`."""

from __future__ import annotations

import tracemalloc
from itertools import product
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from numpy.typing import NDArray

from service import engine
from tests.golden import Golden, golden
from tests.oracles import transposed as oracle

Array = NDArray[Any]


@pytest.mark.parametrize("case", golden("conv_transpose"))
def test_agrees_with_other_frameworks(case: Golden) -> None:
    arrays = case.arrays
    output = engine.conv_transpose(arrays["input"], arrays["kernel"], arrays.get("bias"), **case.parameters)
    case.check(output=output)


@st.composite
def problems(draw: st.DrawFn) -> tuple[Array, Array, dict[str, Any]]:
    """Draw small integers as input and kernel, and options that leave an output."""
    rank = draw(st.integers(1, 3))
    axes: list[tuple[Any, ...]] = []
    for _ in range(rank):
        n, k, s, d = draw(st.integers(1, 4)), draw(st.integers(1, 4)), draw(st.integers(1, 4)), draw(st.integers(1, 3))
        extra = draw(st.integers(0, max(s, d) - 1))
        full = (n - 1) * s + d * (k - 1) + extra + 1
        before = draw(st.integers(0, min(4, full - 1)))
        axes.append((n, k, s, (before, draw(st.integers(0, min(4, full - 1 - before)))), extra, d))
    size, kernel, stride, padding, extras, dilation = zip(*axes, strict=True)
    groups = draw(st.integers(1, 2))
    channels, filters = groups * draw(st.integers(1, 2)), draw(st.integers(1, 2))
    random = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    values = random.integers(-5, 6, (draw(st.integers(1, 2)), channels, *size)).astype(float)
    weights = random.integers(-5, 6, (channels, filters, *kernel)).astype(float)
    return (
        values,
        weights,
        {"stride": stride, "padding": padding, "output_padding": extras, "dilation": dilation, "groups": groups},
    )


@given(problems())
@settings(max_examples=150, derandomize=True, deadline=None)
def test_spreads_as_plain_loops_do(problem: tuple[Array, Array, dict[str, Any]]) -> None:
    values, weights, options = problem
    assert_array_equal(
        engine.conv_transpose(values, weights, **options), oracle.conv_transpose(values, weights, **options)
    )


# n cells, k taps and pads such that something is dropped, cropped and left over at one setting or another.
ADJOINT = list(product((1, 2, 3), (0, 1, (2, 0), (0, 3)), (1, 2), (1, 2)))


@pytest.mark.parametrize(("stride", "padding", "dilation", "groups"), ADJOINT)
@pytest.mark.parametrize("size", [(9,), (6, 7), (5, 4, 6)])
def test_is_the_adjoint_of_conv(size: tuple[int, ...], stride: int, padding: Any, dilation: int, groups: int) -> None:
    """⟨conv(a, w), b⟩ = ⟨a, conv_transpose(b, w)⟩, with output_padding what the stride drops."""
    random = np.random.default_rng(11)
    rank = len(size)
    options: dict[str, Any] = {"stride": stride, "dilation": dilation, "groups": groups}
    options["padding"] = [padding] * rank if isinstance(padding, tuple) else padding
    a = random.integers(-9, 10, (2, 4, *size)).astype(float)
    w = random.integers(-9, 10, (6, 4 // groups, *(3, 2, 2)[:rank])).astype(float)
    dropped = engine.plan_conv(a.shape, w.shape, **options).dropped
    forward = engine.conv(a, w, **options)
    b = random.integers(-9, 10, forward.shape).astype(float)
    back = engine.conv_transpose(b, w, **options, output_padding=dropped)
    assert back.shape == a.shape
    assert (forward * b).sum() == (a * back).sum()  # integers: exactly


@pytest.mark.parametrize("method", ["direct", "gemm", "fft"])
def test_phases_by_a_named_method_are_the_same(method: str) -> None:
    random = np.random.default_rng(3)
    values = random.integers(-9, 10, (2, 4, 7, 9)).astype(float)
    weights = random.integers(-9, 10, (4, 3, 5, 4)).astype(float)
    options: dict[str, Any] = {"stride": (2, 3), "padding": [[1, 2], [0, 1]], "dilation": (1, 2), "groups": 2}
    bias = random.integers(-9, 10, engine.conv_transpose(values, weights, **options).shape[1:])
    expected = engine.conv_transpose(values, weights, bias, **options)
    found = engine.conv_transpose(values, weights, bias, **options, method=method)
    assert_allclose(found, expected, rtol=0, atol=1e-11 if method == "fft" else 0)


def test_few_filters_of_many_channels_are_the_same_as_by_definition() -> None:
    random = np.random.default_rng(6)
    values = random.integers(-9, 10, (2, 24, 30, 27)).astype(float)
    weights = random.integers(-9, 10, (24, 2, 3, 4)).astype(float)
    options: dict[str, Any] = {"padding": [[1, 0], [4, 2]], "dilation": (2, 1), "groups": 2}
    assert_array_equal(
        engine.conv_transpose(values, weights, **options),
        engine.conv_transpose(values, weights, **options, method="direct"),
    )


def test_a_very_large_kernel_is_computed_a_phase_at_a_time() -> None:
    values, weights = np.zeros((1, 1, 3, 3)), np.random.default_rng(5).standard_normal((1, 1, 23, 21))
    values[0, 0, 1, 2] = 1
    spread = engine.conv_transpose(values, weights, stride=2)
    assert_array_equal(spread[0, 0, 2:25, 4:], weights[0, 0])


def test_positions_that_no_tap_meets_hold_the_bias() -> None:
    # stride 3, one tap: two of three positions stay empty.
    spread = engine.conv_transpose([[[1, 10]]], [[[2]]], [5], stride=3, output_padding=1)
    assert_array_equal(spread, [[[7, 5, 5, 25, 5]]])


def test_a_bias_a_position_is_added_in_its_place() -> None:
    bias = np.arange(20.0).reshape(2, 2, 5)
    values, weights = np.ones((1, 1, 1, 2)), np.ones((1, 2, 2, 3))
    plain = engine.conv_transpose(values, weights, stride=2)
    assert_array_equal(engine.conv_transpose(values, weights, bias, stride=2), plain + bias)


def test_output_padding_chooses_among_the_sizes_that_conv_maps_to_one() -> None:
    weights = np.ones((1, 1, 3))
    for extra, size in ((0, 7), (1, 8)):
        widened = engine.conv_transpose(np.ones((1, 1, 4)), weights, stride=2, padding=1, output_padding=extra)
        assert widened.shape[2] == size
        assert engine.conv(widened, weights, stride=2, padding=1).shape[2] == 4


def test_what_is_not_finite_stays_where_it_reaches() -> None:
    spread = engine.conv_transpose([[[1, np.nan, 1, np.inf]]], [[[1, 2]]], stride=2)
    assert_array_equal(spread, [[[1, 2, np.nan, np.nan, 1, 2, np.inf, np.inf]]])


@pytest.mark.parametrize("stride", [1, 2])
def test_a_kernel_that_is_not_finite_meets_no_zero_that_pads(stride: int) -> None:
    """Nothing is added where no cell reaches: 0 · ∞ at the border would be a NaN of our own making."""
    spread = engine.conv_transpose([[[1, 1]]], [[[1, np.inf, 3, 4, 5]]], stride=stride)
    expected = {1: [1, np.inf, np.inf, 7, 9, 5], 2: [1, np.inf, 4, np.inf, 8, 4, 5]}
    assert_array_equal(spread, [[expected[stride]]])


@pytest.mark.parametrize(
    ("dtype", "expected"), [(np.float16, "float32"), (np.float32, "float32"), (np.int8, "float64")]
)
def test_dtype_follows_the_input(dtype: Any, expected: str) -> None:
    assert engine.conv_transpose(np.ones((1, 1, 2), dtype), np.ones((1, 1, 2)), stride=2).dtype == expected
    assert engine.conv_transpose(np.ones((1, 1, 2), dtype), np.ones((1, 1, 2)), dtype="float64").dtype == np.float64


def test_layout_does_not_matter() -> None:
    random = np.random.default_rng(2)
    values, weights = random.integers(-9, 9, (2, 4, 5, 6)), random.integers(-9, 9, (4, 3, 3, 2))
    expected = engine.conv_transpose(values, weights, stride=(2, 1), padding=1, groups=2)
    shuffled = np.asfortranarray(values), weights.astype(">i2").transpose(3, 2, 1, 0).copy().transpose(3, 2, 1, 0)
    assert_array_equal(engine.conv_transpose(*shuffled, stride=(2, 1), padding=1, groups=2), expected)


@pytest.mark.parametrize("stride", [1, 2, 3])
def test_working_memory_stays_inside_the_budget(stride: int) -> None:
    budget = 8 * 1024 * 1024
    values, weights = np.ones((2, 2, 700, 600), np.float32), np.ones((2, 2, 4, 4), np.float32)
    tracemalloc.start()
    try:
        spread = engine.conv_transpose(values, weights, stride=stride, control=engine.Control(budget_bytes=budget))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak - spread.nbytes <= budget


def test_phases_leave_half_of_the_budget_to_what_computes_them() -> None:
    budget, computed = 64 * 1024, list[str]()
    control = engine.Control(budget_bytes=budget, on_method=computed.append)
    values, weights = np.ones((1, 2, 80, 70)), np.ones((2, 2, 4, 3))
    found = engine.conv_transpose(values, weights, stride=2, method="direct", control=control)
    assert found.nbytes > 4 * budget
    tiles = len(computed) / 4  # of four phases each
    assert found.nbytes / tiles <= budget / 2


def test_tiles_join_without_a_seam() -> None:
    """A budget that cuts the output into many stretches changes nothing."""
    random = np.random.default_rng(4)
    values = random.integers(-9, 9, (2, 3, 40, 31)).astype(np.float32)
    weights = random.integers(-9, 9, (3, 2, 5, 3)).astype(np.float32)
    bias = random.integers(-9, 9, (2, 121, 64)).astype(np.float32)
    options: dict[str, Any] = {"stride": (3, 2), "dilation": (1, 2), "padding": [[1, 0], [0, 1]]}
    whole = engine.conv_transpose(values, weights, bias, **options)
    cut = engine.conv_transpose(values, weights, bias, **options, control=engine.Control(budget_bytes=64 * 1024))
    assert_array_equal(cut, whole)
    assert_allclose(
        whole,
        oracle.conv_transpose(
            values[:, :, :],
            weights,
            stride=(3, 2),
            padding=((1, 0), (0, 1)),
            output_padding=(0, 0),
            dilation=(1, 2),
            groups=1,
        )
        + bias,
    )


def test_a_cancelled_computation_ends() -> None:
    control = engine.Control(cancelled=lambda: True)
    with pytest.raises(engine.Cancelled, match="cancelled"):
        engine.conv_transpose(np.ones((1, 1, 4)), np.ones((1, 1, 2)), stride=2, control=control)


def test_a_bias_of_another_shape_is_refused() -> None:
    with pytest.raises(engine.ShapeMismatch, match=r"one a filter, \[2\], or one a position, \[2, 8\]") as caught:
        engine.conv_transpose(np.ones((1, 1, 4)), np.ones((1, 2, 2)), np.ones(3), stride=2)
    assert caught.value.pointer == "/bias"


def test_an_unknown_method_is_refused_where_nothing_is_reached_too() -> None:
    with pytest.raises(engine.UnknownMethod):
        engine.conv_transpose(np.ones((1, 1, 2)), np.ones((1, 1, 1)), stride=4, padding=[[1, 1]], method="magic")


def test_an_unknown_method_is_refused() -> None:
    with pytest.raises(engine.UnknownMethod, match="magic"):
        engine.conv_transpose(np.ones((1, 1, 4)), np.ones((1, 1, 2)), method="magic")


@pytest.mark.parametrize("stride", [1, 2])
def test_a_kernel_that_overflows_in_float32_is_infinite_where_it_reaches_and_nowhere_else(stride: int) -> None:
    spread = engine.conv_transpose([[[1, 1]]], [[[1, 1e300, 3, 4, 5]]], stride=stride, dtype="float32")
    expected = {1: [1, np.inf, np.inf, 7, 9, 5], 2: [1, np.inf, 4, np.inf, 8, 4, 5]}
    assert_array_equal(spread, [[expected[stride]]])


@pytest.mark.parametrize("budget", [0, 31, 64, 1000])
def test_a_budget_too_small_for_anything_is_no_obstacle(budget: int) -> None:
    values, kernel = np.ones((1, 2, 4)), np.ones((2, 1, 3))
    control = engine.Control(budget_bytes=budget)
    assert engine.conv_transpose(values, kernel, stride=2, control=control).sum() == 2 * 4 * 3
    lone = engine.conv_transpose(np.ones((1, 20, 1)), np.ones((20, 1, 1)), stride=2, control=control)
    assert lone.tolist() == [[[20.0]]]


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize(
    ("shape", "kernel", "options"),
    [
        ((1, 2048, 64, 64), (2048, 64, 2, 2), {"stride": 2}),  # many channels: what is read is the most of a block
        ((1, 512, 128, 128), (512, 1, 2, 2), {"stride": 2}),
        ((1, 256, 128, 128), (256, 1, 3, 3), {}),
        ((4, 64, 64, 64), (64, 64, 4, 4), {"stride": 2, "padding": 1}),
        ((2, 64, 60, 61), (64, 2, 3, 3), {"stride": 2, "groups": 32}),
    ],
)
def test_a_spread_convolution_stays_inside_the_budget(
    shape: Any, kernel: Any, options: dict[str, Any], threads: int
) -> None:
    budget = 8 << 20
    values, weights = np.ones(shape, np.float32), np.ones(kernel, np.float32)
    control = engine.Control(budget_bytes=budget, threads=threads)
    tracemalloc.start()
    try:
        found = engine.conv_transpose(values, weights, **options, control=control)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    copied = weights.nbytes if options.get("groups") else 0
    assert peak - found.nbytes - copied <= budget


@pytest.mark.parametrize(
    ("shape", "kernel", "options"),
    [
        ((1, 4, 32, 32), (4, 1, 7, 7), {"dilation": 3}),
        ((1, 3, 64, 64), (3, 1, 3, 3), {"stride": 2}),
        ((1, 64, 16, 16), (64, 64, 4, 4), {"stride": 2}),
    ],
)
def test_a_small_spread_convolution_is_one_block(shape: Any, kernel: Any, options: dict[str, Any]) -> None:
    """Each block takes about a tenth of a millisecond."""
    asked = 0

    def cancelled() -> bool:
        nonlocal asked
        asked += 1
        return False

    control = engine.Control(cancelled=cancelled, threads=1)
    engine.conv_transpose(np.ones(shape, np.float32), np.ones(kernel, np.float32), **options, control=control)
    assert asked == 1


FAR_APART: dict[str, tuple[Any, Any, dict[str, Any]]] = {
    "zeros behind wide rows": ((1, 1, 2, 6000), (1, 32, 2, 1), {"stride": (2, 1), "dilation": (2000, 1)}),
    "phases far apart": ((1, 2, 1200, 1200), (2, 1, 2, 2), {"stride": 3, "dilation": 2044}),
    "rows of 60,000": ((1, 1, 2, 60_000), (1, 1, 2, 1), {"stride": (2, 1), "dilation": (100, 1)}),
    "channels of bytes": ((1, 64, 65_536), (64, 1, 2), {"dilation": 700_000}),
    "many filters": ((1, 4, 60, 60), (4, 128, 5, 5), {"stride": 2, "dilation": 9}),
}


@pytest.mark.parametrize("name", FAR_APART)
@pytest.mark.parametrize("mebibytes", [4, 64])
def test_taps_far_apart_take_no_more_memory_than_the_budget(name: str, mebibytes: int) -> None:
    shape, kernel, options = FAR_APART[name]
    control = engine.Control(threads=2, budget_bytes=mebibytes * 2**20)
    x, w = np.ones(shape, np.uint8), np.ones(kernel, np.float32)
    tracemalloc.start()
    try:
        out = engine.conv_transpose(x, w, control=control, **options)
        beyond = tracemalloc.get_traced_memory()[1] - out.nbytes
    finally:
        tracemalloc.stop()
    assert beyond <= control.budget_bytes + 2**20


@pytest.mark.parametrize("problem", ["far", "few"])
def test_where_positions_meet_few_taps_each_is_added_where_it_falls(problem: str) -> None:
    random = np.random.default_rng(8)
    problems: dict[str, tuple[Any, Any, dict[str, Any]]] = {
        "far": ((2, 3), (30, 40), {"stride": (2, 1), "dilation": (17, 25), "padding": ((3, 40), (0, 9))}),
        "few": ((40, 50), (2, 2), {"stride": (1, 2), "dilation": (700, 3), "padding": ((0, 11), (5, 0))}),
    }
    size, taps, options = problems[problem]
    x, w = random.integers(-4, 5, (2, 4, *size)).astype(float), random.integers(-4, 5, (4, 3, *taps)).astype(float)
    bias, methods = random.integers(-4, 5, 6).astype(float), list[str]()
    control = engine.Control(on_method=methods.append, budget_bytes=2**20)
    found = engine.conv_transpose(x, w, bias, groups=2, control=control, **options)
    plan = engine.plan_conv_transpose(x.shape, w.shape, groups=2, **options)
    assert methods == ["direct"] == [engine.choose(plan)]
    assert_array_equal(
        found, oracle.conv_transpose(x, w, groups=2, output_padding=(0, 0), **options) + bias[:, None, None]
    )


def test_taps_that_meet_no_cell_are_not_read() -> None:
    """One position of one cell meets one tap of a million; one by one they would take minutes."""
    kernel = np.arange(1.0, 1002 * 1002 + 1).reshape(1, 1, 1002, 1002)
    found = engine.conv_transpose(np.full((1, 1, 1, 1), 2.0), kernel, padding=((500, 501), (250, 751)))
    assert found.tolist() == [[[[2.0 * kernel[0, 0, 500, 250]]]]]


def test_integers_are_added_in_the_plain_order_where_float64_would_round_others() -> None:
    large = 2.0**53
    x = np.array([[[-large, large, 0, 0], [1, 0, 0, 0]]])
    w = np.array([[[1.0, 0, 1]], [[1, 0, 1]]])
    for stride in (1, 2):
        found = engine.conv_transpose(x, w, stride=stride)
        assert_array_equal(found, engine.conv_transpose(x, w, stride=stride, method="direct"))
    assert engine.conv_transpose(x, w, stride=2)[0, 0, 2] == 1
