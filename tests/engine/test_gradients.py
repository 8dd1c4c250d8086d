"""The gradients of convolutions: other frameworks' answers, plain loops, finite differences, every border."""

from __future__ import annotations

import itertools
import tracemalloc
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from numpy.typing import NDArray

from service import engine
from service.engine.kernel_gradient import _is_quicker_convolved, _shares, kernel_gradient
from tests.engine.test_transposed import ADJOINT
from tests.golden import Golden, golden
from tests.oracles import gradients as oracle

Array = NDArray[Any]
MODES = ["zeros", "constant", "reflect", "symmetric", "replicate", "circular"]


def counting(asked: Iterator[int]) -> engine.Control:
    """Return a control of one thread that notes how often it is asked whether to stop."""
    return engine.Control(cancelled=lambda: next(asked) < 0, threads=1)


def golden_gradients(op: str, case: Golden) -> dict[str, Array]:
    """Return the arrays that a case names."""
    arrays = case.arrays
    per_position = "bias" in arrays and arrays["bias"].ndim > 1
    gradients = getattr(engine, op)(
        arrays["input"], arrays["kernel"], arrays["output_gradient"], **case.parameters, bias_per_position=per_position
    )
    return {
        "input_gradient": gradients.input,
        "kernel_gradient": gradients.kernel,
        "bias_gradient": gradients.bias,
    }


@pytest.mark.parametrize("case", golden("conv_gradients"))
def test_conv_agrees_with_other_frameworks(case: Golden) -> None:
    case.check(**golden_gradients("conv_gradients", case))


@pytest.mark.parametrize("case", golden("conv_transpose_gradients"))
def test_conv_transpose_agrees_with_other_frameworks(case: Golden) -> None:
    case.check(**golden_gradients("conv_transpose_gradients", case))


@st.composite
def problems(draw: st.DrawFn) -> tuple[Array, Array, Array, dict[str, Any]]:
    """Draw small integers as input, kernel and upstream gradient, and options of every kind."""
    rank = draw(st.integers(1, 2))
    axes = []
    for _ in range(rank):
        k, s, d = draw(st.integers(1, 3)), draw(st.integers(1, 3)), draw(st.integers(1, 2))
        before, after = draw(st.integers(0, 5)), draw(st.integers(0, 5))
        n = draw(st.integers(max(1, d * (k - 1) + 1 - before - after), 5))
        axes.append((n, k, s, (before, after), d))
    size, kernel, stride, padding, dilation = zip(*axes, strict=True)
    mode, groups = draw(st.sampled_from(MODES)), draw(st.integers(1, 2))
    channels, filters = draw(st.integers(1, 2)), groups * draw(st.integers(1, 2))
    random = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    values = random.integers(-5, 6, (draw(st.integers(1, 2)), groups * channels, *size)).astype(float)
    weights = random.integers(-5, 6, (filters, channels, *kernel)).astype(float)
    options: dict[str, Any] = {
        "stride": stride,
        "padding": padding,
        "padding_mode": mode,
        "padding_value": 2.0 if mode == "constant" else 0.0,
        "dilation": dilation,
        "groups": groups,
        "operation": draw(st.sampled_from(["cross_correlation", "convolution"])),
    }
    shape = engine.plan_conv(
        values.shape, weights.shape, **{name: value for name, value in options.items() if name != "padding_value"}
    ).output_shape
    return values, weights, random.integers(-5, 6, shape).astype(float), options


@given(problems())
@settings(max_examples=150, derandomize=True, deadline=None)
def test_conv_hands_back_as_plain_loops_do(problem: tuple[Array, Array, Array, dict[str, Any]]) -> None:
    values, weights, g, options = problem
    of_input, of_kernel, of_bias = oracle.conv_gradients(values, weights, g, **options)
    gradients = engine.conv_gradients(values, weights, g, **options)
    # Integers: every sum is exact, whatever its order.
    assert_array_equal(gradients.input, of_input)
    assert_array_equal(gradients.kernel, of_kernel)
    assert_array_equal(gradients.bias, of_bias)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("operation", ["cross_correlation", "convolution"])
def test_conv_agrees_with_finite_differences(mode: str, operation: str) -> None:
    random = np.random.default_rng(12)
    values, weights, bias = (random.standard_normal(shape) for shape in ((2, 2, 4, 5), (4, 1, 3, 2), (4,)))
    options: dict[str, Any] = {
        "stride": (1, 2),
        "padding": [[3, 1], [0, 6]],  # wider than the input: the border bounces
        "padding_mode": mode,
        "groups": 2,
        "dilation": (1, 2),
        "operation": operation,
    }
    if mode == "constant":
        options["padding_value"] = 1.5
    g = random.standard_normal(engine.conv(values, weights, **options).shape)
    gradients = engine.conv_gradients(values, weights, g, **options)
    arrays = [values, weights, bias]
    for i, found in enumerate((gradients.input, gradients.kernel, gradients.bias)):
        direction = random.standard_normal(found.shape)
        ends = [
            engine.conv(*(a + (sign * direction if j == i else 0) for j, a in enumerate(arrays)), **options)
            for sign in (1, -1)
        ]
        # The loss is linear in each array, so the difference is exact but for rounding.
        assert_allclose((found * direction).sum(), ((ends[0] - ends[1]) * g).sum() / 2, rtol=1e-11)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("size", [(9,), (6, 7)])
@pytest.mark.parametrize(("stride", "padding", "dilation", "groups"), ADJOINT)
def test_the_input_gradient_is_the_adjoint_of_conv_with_any_border(
    mode: str, size: tuple[int, ...], stride: int, padding: Any, dilation: int, groups: int
) -> None:
    """⟨conv(a, w) - conv(0, w), b⟩ = ⟨a, the gradient of b⟩, and ⟨conv(a, w), b⟩ = ⟨w, the kernel's⟩: exactly."""
    random = np.random.default_rng(14)
    options: dict[str, Any] = {"stride": stride, "dilation": dilation, "groups": groups, "padding_mode": mode}
    options["padding"] = [padding] * len(size) if isinstance(padding, tuple) else padding
    options["padding_value"] = 3.0 if mode == "constant" else 0.0
    a = random.integers(-9, 10, (2, 4, *size)).astype(float)
    w = random.integers(-9, 10, (6, 4 // groups, *(3, 2)[: len(size)])).astype(float)
    forward, empty = engine.conv(a, w, **options), engine.conv(0 * a, w, **options)
    b = random.integers(-9, 10, forward.shape).astype(float)
    gradients = engine.conv_gradients(a, w, b, **options)
    assert ((forward - empty) * b).sum() == (a * gradients.input).sum()
    assert (forward * b).sum() == (w * gradients.kernel).sum()


@pytest.mark.parametrize("stride", [1, 2, 3])
@pytest.mark.parametrize("dilation", [1, 4])
@pytest.mark.parametrize("groups", [1, 2])
@pytest.mark.parametrize("padding", [0, [[2, 0]], [[0, 3]]])
def test_conv_transpose_agrees_with_finite_differences(stride: int, dilation: int, groups: int, padding: Any) -> None:
    random = np.random.default_rng(13)
    values, weights, bias = (random.standard_normal(shape) for shape in ((2, 4, 5), (4, 3, 3), (3 * groups,)))
    options: dict[str, Any] = {"stride": stride, "dilation": dilation, "groups": groups, "padding": padding}
    options["output_padding"] = max(stride, dilation) - 1  # with dilation above stride: more than a stride drops
    g = random.standard_normal(engine.conv_transpose(values, weights, **options).shape)
    gradients = engine.conv_transpose_gradients(values, weights, g, **options)
    arrays = [values, weights, bias]
    for i, found in enumerate((gradients.input, gradients.kernel, gradients.bias)):
        direction = random.standard_normal(found.shape)
        ends = [
            engine.conv_transpose(*(a + (sign * direction if j == i else 0) for j, a in enumerate(arrays)), **options)
            for sign in (1, -1)
        ]
        assert_allclose((found * direction).sum(), ((ends[0] - ends[1]) * g).sum() / 2, rtol=1e-11)


def test_a_transposed_output_that_no_cell_reaches_hands_back_nothing() -> None:
    # One cell, cropped away, and two that output_padding adds.
    options: dict[str, Any] = {"stride": 3, "padding": [[1, 0]], "output_padding": 2}
    gradients = engine.conv_transpose_gradients([[[5]]], [[[7]]], [[[1, 2]]], **options)
    assert_array_equal(gradients.input, [[[0]]])
    assert_array_equal(gradients.kernel, [[[0]]])


# -- what people get wrong


def test_every_copy_in_the_padding_hands_back_to_its_cell() -> None:
    # replicate: 1 1|1 2|2: the first cell stands three times in the padded input, the last twice.
    gradients = engine.conv_gradients(
        [[[1, 2]]], [[[1]]], np.ones((1, 1, 5)), padding=[[2, 1]], padding_mode="replicate"
    )
    assert_array_equal(gradients.input, [[[3, 2]]])


@pytest.mark.parametrize("per_position", [False, True])
def test_the_bias_of_many_images_is_summed_without_losing_digits(per_position: bool) -> None:
    x, w, upstream = np.ones((65536, 1, 1)), np.ones((2, 1, 1)), np.full((65536, 2, 1), 0.1, np.float32)
    found = engine.conv_gradients(x, w, upstream, dtype="float32", bias_per_position=per_position)
    assert_allclose(found.bias, 65536 * float(np.float32(0.1)), rtol=1e-6)


def test_the_flip_is_undone() -> None:
    plain = engine.conv_gradients([[[1, 2, 4]]], [[[1, 0]]], [[[1, 10]]])
    flipped = engine.conv_gradients([[[1, 2, 4]]], [[[0, 1]]], [[[1, 10]]], operation="convolution")
    assert_array_equal(plain.kernel, [[[21, 42]]])
    assert_array_equal(flipped.kernel, [[[42, 21]]])
    assert_array_equal(flipped.input, plain.input)


@pytest.mark.parametrize("op", ["conv_gradients", "conv_transpose_gradients"])
def test_a_bias_a_position_is_summed_over_the_batch_alone(op: str) -> None:
    g = np.arange(12.0).reshape(2, 2, 3)
    gradients = getattr(engine, op)(np.ones((2, 2, 3)), np.ones((2, 2, 1)), g, bias_per_position=True)
    assert_array_equal(gradients.bias, g.sum(axis=0))


def test_a_result_names_its_parts() -> None:
    gradients = engine.conv_gradients(np.ones((1, 2, 5, 5)), np.ones((3, 2, 2, 2)), np.ones((1, 3, 4, 4)))
    assert gradients.input.shape == (1, 2, 5, 5)
    assert gradients.kernel.shape == (3, 2, 2, 2)
    assert gradients.bias.shape == (3,)
    with pytest.raises(AttributeError, match="cannot assign to field"):
        gradients.input = gradients.bias  # type: ignore[misc]  # what must be refused


@pytest.mark.parametrize(
    ("dtype", "expected"), [(np.float16, "float32"), (np.float32, "float32"), (np.uint8, "float64")]
)
@pytest.mark.parametrize("op", ["conv_gradients", "conv_transpose_gradients"])
def test_dtype_follows_the_input(op: str, dtype: Any, expected: str) -> None:
    values = np.full((1, 1, 3), 200).astype(dtype)
    gradients = getattr(engine, op)(values, np.full((1, 1, 1), 100), np.full((1, 1, 3), 100))
    for found in (gradients.input, gradients.kernel, gradients.bias):
        assert found.dtype == expected
    assert gradients.kernel[0, 0, 0] == 60_000  # no integer wrapped on the way


def test_what_is_not_finite_stays_in_the_taps_that_meet_it() -> None:
    values = np.array([[[1.0, 2, 3, np.inf]]])
    gradients = engine.conv_gradients(values, [[[1, 1]]], [[[1, 1, 0.5]]])
    assert_array_equal(gradients.kernel, [[[4.5, np.inf]]])
    upstream = engine.conv_gradients([[[1.0, 2, 3, 4]]], [[[1, 1]]], [[[np.nan, 1, 1]]])
    assert_array_equal(np.isnan(upstream.input), [[[True, True, False, False]]])
    # The last cell of the first row meets the second tap alone, whatever lies behind it in memory.
    rows = np.array([[[[1.0, 2, np.inf], [4, 5, 6]]]])
    several = engine.conv_gradients(rows, np.ones((1, 1, 1, 2)), [[[[1, 1], [1, 1]]]])
    assert_array_equal(several.kernel, [[[[12, np.inf]]]])


# -- blocks, memory, threads


@pytest.mark.parametrize(
    ("shape", "kernel", "options"),
    [
        ((2, 3, 70, 90), (4, 3, 3, 3), {"padding": 1}),
        ((1, 4, 61, 75), (4, 1, 5, 3), {"groups": 4, "stride": 2}),
        ((3, 6, 20, 22), (8, 3, 3, 2), {"groups": 2, "dilation": 2, "padding": 2}),
        ((1, 1, 300, 310), (1, 1, 7, 7), {"padding": "same", "padding_mode": "reflect"}),
        ((1, 1, 100_000), (2, 1, 9), {"stride": 3}),
        ((1, 2, 17, 18, 19), (3, 2, 3, 3, 3), {"padding": 1, "stride": (1, 2, 1)}),
        ((2, 40, 9, 9), (50, 40, 1, 1), {}),
    ],
)
def test_large_gradients_are_adjoint_to_conv(shape: Any, kernel: Any, options: dict[str, Any]) -> None:
    """Both are linear: ⟨g, conv(x, w)⟩ is also ⟨x, ∂x⟩ and ⟨w, ∂w⟩. On integers exactly, over many blocks."""
    random = np.random.default_rng(14)
    values, weights = random.integers(-3, 4, shape).astype(float), random.integers(-3, 4, kernel).astype(float)
    forward = engine.conv(values, weights, **options)
    g = random.integers(-3, 4, forward.shape).astype(float)
    gradients = engine.conv_gradients(values, weights, g, **options)
    loss = (forward * g).sum()
    assert (gradients.kernel * weights).sum() == loss
    assert (gradients.input * values).sum() == loss
    one = engine.conv_gradients(values, weights, g, **options, control=engine.Control(threads=1, budget_bytes=1 << 20))
    assert_array_equal(one.input, gradients.input)
    assert_array_equal(one.kernel, gradients.kernel)


SHARED: list[tuple[Any, Any, dict[str, Any]]] = [  # as much work as is shared among threads
    ((1, 3, 120, 120), (64, 3, 7, 7), {"stride": 2, "padding": 3}),  # stacked taps
    ((3, 20, 40, 40), (32, 20, 3, 3), {"padding": 1}),  # read in place
    ((5, 24, 30, 30), (64, 24, 3, 3), {"stride": (2, 1), "padding": 1}),  # copied tap by tap
    ((2, 32, 40, 40), (64, 16, 3, 3), {"padding": 1, "groups": 2}),
    ((2, 8, 30_000), (8, 8, 9), {"padding": "same", "padding_mode": "circular"}),
    ((1, 256, 12, 12), (256, 256, 3, 3), {"padding": 1}),  # more weights than each thread has sums for
    ((140, 64, 1, 3), (1000, 64, 1, 3), {}),  # a single position an image
    ((1, 8, 70, 70), (8, 8, 15, 15), {}),  # few channels, but a block of stacked taps would hold few positions
    ((1, 2, 500, 500), (3, 2, 3, 3), {"dilation": 150}),  # a kernel that reaches far
]


@pytest.mark.parametrize(("shape", "kernel", "options"), SHARED)
def test_threads_do_not_change_gradients(shape: Any, kernel: Any, options: dict[str, Any]) -> None:
    random = np.random.default_rng(15)
    values, weights = random.integers(-3, 4, shape).astype(float), random.integers(-3, 4, kernel).astype(float)
    g = random.integers(-3, 4, engine.plan_conv(shape, kernel, **options).output_shape).astype(float)
    one, *more = (
        engine.conv_gradients(values, weights, g, **options, control=engine.Control(threads=threads))
        for threads in (1, 2, 3)
    )
    assert (one.kernel * weights).sum() == (engine.conv(values, weights, **options) * g).sum()
    for gradients in more:
        assert_array_equal(gradients.input, one.input)
        assert_array_equal(gradients.kernel, one.kernel)


@pytest.mark.parametrize("threads", [2, 3, 5])
@pytest.mark.parametrize(("shape", "kernel", "options"), SHARED)
def test_a_kernel_gradient_is_shared_among_threads(
    shape: Any, kernel: Any, options: dict[str, Any], threads: int
) -> None:
    random = np.random.default_rng(17)
    values, plan = random.integers(-3, 4, shape).astype(float), engine.plan_conv(shape, kernel, **options)
    g = random.integers(-3, 4, plan.output_shape).astype(float)
    one, several = (
        kernel_gradient(plan, values, g, 0.0, np.dtype(float), "auto", engine.Control(threads=number))
        for number in (1, threads)
    )
    assert_array_equal(several, one)


@pytest.mark.parametrize(("shape", "kernel", "options"), SHARED[-2:])
def test_a_large_window_is_not_met_position_by_position(shape: Any, kernel: Any, options: dict[str, Any]) -> None:
    asked = itertools.count()
    control = engine.Control(threads=1, cancelled=lambda: next(asked) < 0)
    plan = engine.plan_conv(shape, kernel, **options)
    kernel_gradient(plan, np.ones(shape), np.ones(plan.output_shape), 0.0, np.dtype(float), "auto", control)
    assert 1 <= next(asked) <= 20 + 15 * 15  # once a tap


@pytest.mark.parametrize(
    ("shape", "kernel", "stride", "stacked"),
    [
        ((1, 3, 120, 120), (64, 3, 7, 7), 2, True),
        ((1, 3, 28, 28), (64, 3, 3, 3), 1, True),
        ((1, 8, 70, 70), (8, 8, 15, 15), 1, False),  # a block of stacked taps would hold few positions
        ((1, 15, 112, 112), (4, 15, 3, 3), 1, False),  # to copy all taps would take longer than their products
    ],
)
def test_taps_are_stacked_where_that_pays(shape: Any, kernel: Any, stride: int, stacked: bool) -> None:
    (share,) = _shares(engine.plan_conv(shape, kernel, stride=stride), np.dtype(np.float32), 1, 2**26)
    assert share.stacked == stacked


def test_threads_do_not_change_gradients_of_a_transposed_convolution() -> None:
    random = np.random.default_rng(16)
    values, weights = (random.integers(-3, 4, shape).astype(float) for shape in ((2, 24, 30, 30), (24, 16, 4, 4)))
    g = random.integers(-3, 4, (2, 16, 60, 60)).astype(float)
    one, two = (
        engine.conv_transpose_gradients(
            values, weights, g, stride=2, padding=1, control=engine.Control(threads=threads)
        )
        for threads in (1, 2)
    )
    assert_array_equal(two.input, one.input)
    assert_array_equal(two.kernel, one.kernel)


def test_what_is_not_finite_stays_in_its_windows_on_several_threads() -> None:
    (shape, kernel, options), values = SHARED[1], np.ones(SHARED[1][0])
    values[2, 5, 20, 39] = np.inf
    plan = engine.plan_conv(shape, kernel, **options)
    g, dtype = np.ones(plan.output_shape), np.dtype(float)
    found = kernel_gradient(plan, values, g, 0.0, dtype, "auto", engine.Control(threads=2))
    assert np.isinf(found[:, 5, :, 1:]).all()
    assert np.isfinite(np.delete(found, 5, axis=1)).all()
    assert np.isfinite(found[:, 5, :, 0]).all()  # whose windows end before the last column


@pytest.mark.parametrize("after", [1, 2, 5])
def test_two_gradients_beside_each_other_end_when_cancelled(after: int) -> None:
    asked = 0

    def cancelled() -> bool:
        nonlocal asked
        asked += 1
        return asked > after

    shape, kernel, options = SHARED[1]
    g = np.ones(engine.plan_conv(shape, kernel, **options).output_shape)
    control = engine.Control(threads=2, cancelled=cancelled)
    with pytest.raises(engine.Cancelled, match="cancelled"):
        engine.conv_gradients(np.ones(shape), np.ones(kernel), g, **options, control=control)


@pytest.mark.parametrize("mode", ["zeros", "reflect"])
def test_working_memory_stays_inside_the_budget(mode: str) -> None:
    budget = 8 * 1024 * 1024
    values, weights = np.ones((1, 2, 1100, 1000), np.float32), np.ones((2, 2, 3, 3), np.float32)
    g = np.ones((1, 2, 1100, 1000), np.float32)
    control = engine.Control(budget_bytes=budget)
    tracemalloc.start()
    try:
        gradients = engine.conv_gradients(values, weights, g, padding=1, padding_mode=mode, control=control)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak - gradients.input.nbytes - gradients.kernel.nbytes <= budget


@pytest.mark.parametrize("op", ["conv_gradients", "conv_transpose_gradients"])
def test_a_cancelled_computation_ends(op: str) -> None:
    with pytest.raises(engine.Cancelled, match="cancelled"):
        getattr(engine, op)(
            np.ones((1, 1, 4)), np.ones((1, 1, 1)), np.ones((1, 1, 4)), control=engine.Control(cancelled=lambda: True)
        )


@pytest.mark.parametrize("op", ["conv_gradients", "conv_transpose_gradients"])
def test_an_output_gradient_of_another_shape_is_refused(op: str) -> None:
    with pytest.raises(
        engine.ShapeMismatch, match=r"shape \[1, 1, 3\]; it must have the output's, \[1, 1, 4\]"
    ) as caught:
        getattr(engine, op)(np.ones((1, 1, 4)), np.ones((1, 1, 1)), np.ones((1, 1, 3)))
    assert caught.value.pointer == "/output_gradient"


@pytest.mark.parametrize(
    ("shape", "kernel", "options"),
    [
        ((2, 4, 40, 50), (6, 4, 31, 29), {"padding": ((3, 0), (9, 14))}),
        ((1, 1, 5, 6), (2, 1, 33, 35), {"padding": 20, "stride": (3, 2), "dilation": (1, 1)}),
        ((1, 2, 200), (2, 2, 257), {"padding": 300, "stride": 5, "dilation": 2, "padding_mode": "circular"}),
        ((1, 1, 30, 30), (1, 1, 20, 20), {"padding": 9, "padding_mode": "constant"}),
    ],
)
def test_the_gradient_of_a_large_kernel_is_a_convolution(shape: Any, kernel: Any, options: dict[str, Any]) -> None:
    random = np.random.default_rng(18)
    value = 3.0 if options.get("padding_mode") == "constant" else 0.0
    values, plan = random.integers(-3, 4, shape).astype(float), engine.plan_conv(shape, kernel, **options)
    g = random.integers(-3, 4, plan.output_shape).astype(float)
    asked = {"auto": itertools.count(), "direct": itertools.count()}
    found = {
        method: kernel_gradient(plan, values, g, value, np.dtype(float), method, counting(count))
        for method, count in asked.items()
    }
    assert_array_equal(found["auto"], found["direct"])
    assert next(asked["auto"]) < np.prod(kernel[2:])  # not tap by tap


@pytest.mark.parametrize("dilation", [1, 400])
def test_the_gradient_of_a_kernel_can_be_stopped_between_two_taps(dilation: int) -> None:
    asked = itertools.count()
    control = engine.Control(cancelled=lambda: next(asked) > 5)
    x, w, g = np.ones((1, 1, 1, 1)), np.ones((1, 1, 101, 3)), np.ones((1, 1, 1, 1))
    padding = ((50 * dilation, 50 * dilation), (dilation, dilation))
    with pytest.raises(engine.Cancelled):
        engine.conv_gradients(x, w, g, padding=padding, dilation=dilation, method="direct", control=control)


def test_many_filters_that_reach_far_stay_inside_the_budget() -> None:
    x, w, g = np.ones((1, 1, 510, 510)), np.ones((128, 1, 2, 2)), np.ones((1, 128, 9, 9))
    tracemalloc.start()
    try:
        engine.conv_gradients(x, w, g, dilation=501)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak <= 64 * 2**20


@pytest.mark.parametrize("data", ["tame", "integers", "an outlier", "not a number"])
def test_a_large_kernels_gradient_is_a_convolution_only_where_its_data_allow_fft(data: str) -> None:
    """Without, all of the gradient is a kernel for `direct`, of far more taps than the kernel itself."""
    random = np.random.default_rng(19)
    plan = engine.plan_conv((1, 3, 512, 512), (3, 3, 17, 17))
    values, g = random.normal(size=plan.input_shape), random.normal(size=plan.output_shape)
    if data == "integers":
        values, g = np.rint(values * 9), np.rint(g * 9)
    elif data != "tame":
        values[0, 0, 50, 50] = np.nan if data == "not a number" else 1e9
    assert _is_quicker_convolved(plan, values, g, 0.0, np.dtype(float), engine.Control(), 1) == (data == "tame")


def test_direct_lists_no_crowd_of_taps() -> None:
    x, w = np.ones((1, 1, 201, 200)), np.ones((1, 1, 200, 200))
    tracemalloc.start()
    try:
        found = engine.conv(x, w, method="direct")
        most = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert found.tolist() == [[[[4e4], [4e4]]]]
    assert most < 8 * 2**20
