"""The choice of a method: what it may depend on, what it must refuse, and that nobody notices which it was."""

from __future__ import annotations

import itertools
import time
import tracemalloc
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose

from service.engine import (
    METHODS,
    Control,
    EngineError,
    MethodNotApplicable,
    choose,
    conv,
    conv_transpose,
    estimate,
    plan_conv,
    plan_conv_transpose,
)
from service.engine.choice import keeps_contract
from service.engine.methods.work import tiles, window_cells
from service.engine.precision import Survey

LAYER = plan_conv((1, 64, 40, 40), (64, 64, 3, 3), padding=1)
SPREADING = [name for name, method in METHODS.items() if not method.local]


def method_of(x: Any, w: Any, **options: Any) -> str:
    """Return which method computed."""
    said: list[str] = []
    conv(x, w, control=Control(on_method=said.append), **options)
    return said[0]


def tame(*shape: int) -> Any:
    return np.random.default_rng(1).uniform(0.5, 1.5, shape).astype(np.float32)


def wavy(*shape: int) -> Any:
    """Return a kernel whose taps have both signs, as those of most layers."""
    return np.random.default_rng(2).standard_normal(shape).astype(np.float32)


def test_the_anchor_is_computed_by_the_definition() -> None:
    assert choose(plan_conv((1, 1, 5, 5), (1, 1, 3, 3))) == "direct"


def test_large_problems_are_not() -> None:
    assert choose(LAYER, np.float32) == "winograd"
    assert choose(plan_conv((1, 1, 600, 600), (1, 1, 41, 41)), np.float32) == "fft"
    assert choose(plan_conv((1, 256, 30, 30), (256, 256, 1, 1)), np.float32) == "gemm"
    assert choose(plan_conv((1, 1, 600, 600), (1, 1, 5, 5)), np.float32) == "banded"


def test_the_plan_names_what_is_taken_for_tame_data() -> None:
    assert method_of(tame(1, 64, 40, 40), wavy(64, 64, 3, 3), padding=1) == choose(LAYER, np.float32)


@pytest.mark.parametrize("spoil", [np.nan, np.inf, 1e6])
def test_data_out_of_range_keeps_to_local_methods(spoil: float) -> None:
    x, w = tame(1, 64, 40, 40), wavy(64, 64, 3, 3)
    x[0, 3, 5, 7] = spoil
    assert METHODS[method_of(x, w, padding=1)].local


def test_a_kernel_that_is_not_finite_keeps_to_local_methods() -> None:
    w = wavy(64, 64, 3, 3)
    w[0, 0, 0, 0] = np.inf
    assert METHODS[method_of(tame(1, 64, 40, 40), w)].local


def test_a_padding_value_counts_as_data() -> None:
    options: dict[str, Any] = {"padding": 1, "padding_mode": "constant"}
    assert not METHODS[method_of(tame(1, 64, 40, 40), wavy(64, 64, 3, 3), padding_value=2.0, **options)].local
    assert METHODS[method_of(tame(1, 64, 40, 40), wavy(64, 64, 3, 3), padding_value=1e6, **options)].local


NOISE = {
    "normal": lambda rng, shape: rng.standard_normal(shape),
    "uniform": lambda rng, shape: rng.uniform(-1, 1, shape),
    "laplace": lambda rng, shape: rng.laplace(size=shape),
}


@pytest.mark.parametrize("noise", NOISE)
@pytest.mark.parametrize(
    ("filters", "channels", "taps"), [(32, 48, 3), (128, 64, 3), (256, 64, 4), (64, 64, 5), (512, 128, 3)]
)
def test_filters_that_average_errors_out_go_through_winograd(
    noise: str, filters: int, channels: int, taps: int
) -> None:
    rng = np.random.default_rng(3)
    w = NOISE[noise](rng, (filters, channels, taps, taps)).astype(np.float32)
    assert method_of(tame(1, channels, 60, 60), w) == "winograd"


@pytest.mark.parametrize("channels", [32, 64, 256])
@pytest.mark.parametrize("taps", [3, 5])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_filter_with_little_to_average_errors_out_stays_local(channels: int, taps: int, dtype: Any) -> None:
    """Filters that pass a channel on, say: a tile's error alone would be several times the bound."""
    x = tame(1, channels, 40, 40).astype(dtype)
    w = wavy(channels, channels, taps, taps).astype(dtype) / 100
    assert METHODS["winograd"].tile_error(plan_conv(x.shape, w.shape)) == 400
    assert method_of(x, w) == "winograd"
    w[3] *= 1e-3
    assert method_of(x, w) == "winograd"  # a small filter has errors as small, and the bound is the largest one's
    w[...] = 0
    w[:, 0, 0, 0] = 1e-9
    assert METHODS[method_of(x, w)].local
    w[:, 1, 2, 1] = -2e-9
    # 400·√5 = 4·√taps·3, and of many channels 400·2·channels/128 = 4·√taps·3
    assert METHODS[method_of(x, w)].local is (channels * taps * taps < 5556 or channels == 256)
    expected = 1e-9 * (x[0, 0, : 41 - taps, : 41 - taps].astype(float) - 2.0 * x[0, 1, 2 : 43 - taps, 1 : 42 - taps])
    bound = 4 * w[0].size ** 0.5 * np.finfo(dtype).eps * np.abs(x).max() * 3e-9
    assert np.abs(conv(x, w)[0, 5] - expected).max() <= bound


@pytest.mark.parametrize(("dtype", "size"), [(np.float32, 1e-41), (np.float64, 1e-310)])
@pytest.mark.parametrize("kernel", [1.0, 1e-3])
@pytest.mark.parametrize("shape", [(1, 64, 24, 24), (1, 64, 8000)])
def test_data_that_nearly_vanish_stay_inside_the_bound(dtype: Any, size: float, kernel: float, shape: Any) -> None:
    """Numbers too small to have all their digits: what the transforms' constants enlarge is the last bit there is."""
    rng = np.random.default_rng(8)
    x = (rng.standard_normal(shape) * size).astype(dtype)
    w = (rng.standard_normal((64, 64, *(3,) * (len(shape) - 2))) * kernel).astype(dtype)
    assert METHODS[method_of(x, w)].local
    assert METHODS[method_of(x / dtype(size), w / dtype(kernel))].local is False
    scale = 2.0**100 if dtype is np.float32 else 2.0**900  # exact
    large, taps = x.astype(float) * scale, w.astype(float)
    exact = conv(large, taps, method="direct")
    smallest = float(np.finfo(dtype).smallest_subnormal) * scale  # which no answer can be nearer to
    bound = 4 * w[0].size ** 0.5 * np.finfo(dtype).eps * np.abs(large).max() * np.abs(taps.reshape(64, -1)).sum(1).max()
    assert np.abs(conv(x, w).astype(float) * scale - exact).max() <= max(bound, w[0].size * smallest / 8)


@pytest.mark.parametrize("method", SPREADING)
@pytest.mark.parametrize(
    ("dtype", "large", "small"), [(np.float64, 2.0**1023, 2.0**-900), (np.float32, 2.0**127, 2.0**-100)]
)
def test_a_method_by_name_runs_on_numbers_that_its_transforms_would_overflow(
    method: str, dtype: Any, large: float, small: float
) -> None:
    x, w = np.full((1, 1, 64), large, dtype), np.array([[[1, 0, 0]]], dtype)
    assert_allclose(conv(x, w, method=method), x[..., :62], rtol=1e-6)
    padded = conv(x, w / 2, [large / 4], method=method, padding=1, padding_mode="constant", padding_value=large)
    assert_allclose(padded, np.full((1, 1, 64), large * 0.75, dtype), rtol=1e-6)
    rng = np.random.default_rng(3)
    x, w = rng.uniform(-1, 1, (1, 32, 9, 9)).astype(dtype), rng.uniform(-1, 1, (4, 32, 3, 3)).astype(dtype)
    expected, bias = conv(x, w), np.arange(4.0)
    bound = 4 * w[0].size ** 0.5 * float(np.finfo(dtype).eps) * np.abs(w).reshape(4, -1).sum(axis=1).max()
    for of_input, of_kernel in ((large, small), (small, large), (large, 1 / large), (1.0, large / 64)):
        scale = of_input * of_kernel
        found = conv(x * dtype(of_input), w * dtype(of_kernel), bias, method=method)
        offset = (bias / scale).reshape(4, 1, 1)
        assert np.abs(found / scale - expected - offset).max() <= bound + float(np.finfo(dtype).eps) * offset.max()


def test_half_precision_keeps_its_digits_beside_a_kernel_that_would_overflow() -> None:
    x = np.array([[[60000, 1.001, 0.1, 3, 5, 7, 11, 13]]], np.float16)
    found = conv(x, np.array([[[0, 2.0**105, 0]]], np.float32), method="fft")
    assert_allclose(found / 2.0**105, x[..., 1:7], rtol=1e-6)


def test_nothing_but_zeros_is_no_reason_for_a_slower_method() -> None:
    x, w = np.zeros((1, 64, 40, 40), np.float32), wavy(64, 64, 3, 3)
    assert method_of(x, w, padding=1) == method_of(tame(1, 64, 40, 40), w, padding=1) == "winograd"


@pytest.mark.parametrize("channels", [32, 64, 256])
@pytest.mark.parametrize("taps", [3, 5])
@pytest.mark.parametrize("filter", ["corner", "mean", "box"])
def test_channels_that_are_all_alike_stay_inside_the_bound(channels: int, taps: int, filter: str) -> None:
    """The same picture in every channel, through filters that add the channels up: errors do so too."""
    rows, columns = np.mgrid[:48, :48]
    rng = np.random.default_rng(6)
    noise = rng.uniform(0.7, 1, (48, 48)) * rng.choice([-1, 1], (48, 48))
    w = np.zeros((32, channels, taps, taps), np.float32)
    w[(..., *((slice(None),) * 2 if filter == "box" else (-1, -1)))] = 1 / channels if filter == "mean" else 1
    planes = (np.sin(0.7 * columns + 1.3 * rows), noise, np.ones((48, 48)))
    for plane, own in itertools.product(planes, (0, 1e-6, 0.05, 0.3, 1)):
        x = (plane + own * rng.standard_normal((1, channels, 48, 48))).astype(np.float32)
        exact = conv(x, w, padding=2, method="gemm", dtype="float64")
        bound = 4 * w[0].size ** 0.5 * np.finfo(np.float32).eps * np.abs(x).max() * np.abs(w[0]).sum()
        assert np.abs(conv(x, w, padding=2) - exact).max() <= bound


def beyond_bound(x: np.ndarray, w: np.ndarray) -> float:
    """Return the largest error of a valid convolution, in the engine's bound on it."""
    error = np.abs(conv(x, w) - conv(x, w, method="gemm", dtype="float64")).max()
    taps, sizes = w[0].size, np.abs(w.astype(np.float64)).reshape(len(w), -1).sum(axis=1).max()
    return float(error / (4 * taps**0.5 * np.finfo(x.dtype).eps * np.abs(x).max() * sizes))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(("channels", "taps"), [(64, 3), (256, 3), (128, 5)])
def test_one_image_or_patch_whose_channels_are_alike_stays_inside_the_bound(
    dtype: Any, channels: int, taps: int
) -> None:
    """No mean over the input tells of it; the errors are those of its own tiles."""
    rng = np.random.default_rng(11)
    x = rng.choice([-1.5, 1.5], (2, channels, 36, 36)).astype(dtype)
    w = np.zeros((32, channels, taps, taps), dtype)
    w[..., -1, -1] = rng.uniform(0.5, 1, (32, channels))
    patch, image = x.copy(), x.copy()
    patch[:, :, 5:17, 5:17] = rng.uniform(-1.5, 1.5, (12, 12))
    image[0] = rng.uniform(-1.5, 1.5, (36, 36))
    for data in (patch, image):
        assert beyond_bound(data, w) <= 1


@pytest.mark.parametrize("channels", [64, 256, 1024])
@pytest.mark.parametrize("taps", [1, 2, 4, 9])
@pytest.mark.parametrize("sizes", ["the same", "uniform", "normal"])
def test_channels_with_the_signs_of_a_tap_s_weights_stay_inside_the_bound(channels: int, taps: int, sizes: str) -> None:
    """Σ_c w is small, and the products of that tap add up all the same, and so do their errors."""
    rng = np.random.default_rng(13)
    w = np.zeros((32, channels, 9), np.float32)
    drawn = (
        rng.uniform(-1, 1, (32, channels, taps)) if sizes == "uniform" else rng.standard_normal((32, channels, taps))
    )
    w[..., 9 - taps :] = np.sign(drawn) if sizes == "the same" else drawn
    x = np.sign(w[0, :, 8])[:, None, None] * rng.choice([-1, 1], (1, 1, 22, 22)).astype(np.float32)
    assert beyond_bound(x, w.reshape(32, channels, 3, 3)) <= 1


@pytest.mark.parametrize("channels", [40, 64, 128, 256, 512])
@pytest.mark.parametrize("groups", [1, 3, 6])
@pytest.mark.parametrize("rank", [1, 2])
def test_channels_with_a_lone_tap_each_stay_inside_the_bound(channels: int, groups: int, rank: int) -> None:
    """Other taps in other channels, each with data that suits it: the errors of one output add up over all."""
    rng = np.random.default_rng(19)
    taps = 3**rank
    group, signs = np.arange(channels) % min(groups, taps), np.where(np.arange(channels) // groups % 2, -1, 1)
    w = np.zeros((32, channels, taps), np.float32)
    w[0, np.arange(channels), taps - 1 - group] = signs
    maps = rng.uniform(-1, 1, (groups, *(30,) * rank)) if rank == 2 else rng.uniform(-1, 1, (groups, 1602))
    x = (maps[group] * signs.reshape(-1, *(1,) * rank))[None].astype(np.float32)
    w = w.reshape(32, channels, *(3,) * rank)
    assert METHODS[method_of(x, w)].local
    assert beyond_bound(x, w) <= 1


def test_a_filter_of_positive_weights_stays_local_whatever_the_data() -> None:
    rng = np.random.default_rng(17)
    assert METHODS[method_of(tame(1, 64, 60, 60), rng.random((64, 64, 3, 3)).astype(np.float32))].local


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("channels", [64, 128, 256, 512])
def test_the_layers_of_networks_are_computed_by_winograd(channels: int, dtype: Any) -> None:
    rng = np.random.default_rng(17)
    x = rng.standard_normal((1, channels, 28, 28)).astype(dtype)
    for weights in (rng.standard_normal((channels, channels, 3, 3)), rng.uniform(-1, 1, (channels, channels, 3, 3))):
        assert method_of(x, weights.astype(dtype), padding=1) == "winograd"


def test_a_kernel_of_zeros_is_nothing_to_average() -> None:
    assert METHODS[method_of(tame(1, 64, 40, 40), np.zeros((64, 64, 3, 3), np.float32))].local


def test_a_thousandfold_range_is_tame_and_no_more() -> None:
    x = np.ones((1, 64, 40, 40), np.float32)
    x[0, 0, 0, 0] = 1000.0  # the mean is a little above 1
    assert not METHODS[method_of(x, wavy(64, 64, 3, 3), padding=1)].local
    x[0, 0, 0, 0] = 1011.0
    assert METHODS[method_of(x, wavy(64, 64, 3, 3), padding=1)].local


def test_a_separable_filter_is_found_out() -> None:
    gaussian = np.multiply.outer([1, 4, 6, 4, 1], [1, 4, 6, 4, 1])[None, None] / 256
    bent = gaussian.copy()
    bent[0, 0, 0, 0] = 0
    x = tame(1, 1, 900, 900)
    assert method_of(x, np.repeat(np.repeat(gaussian, 3, 2), 3, 3)) == "separable"
    assert method_of(x, np.repeat(np.repeat(bent, 3, 2), 3, 3)) != "separable"


@pytest.mark.parametrize("name", SPREADING)
def test_a_spreading_method_by_name_refuses_what_is_not_finite(name: str) -> None:
    x, w = tame(1, 2, 9, 9), tame(2, 2, 3, 3)
    conv(x * 1e6, w, method=name)  # out of range, yet asked for
    x[0, 0, 0, 0] = np.nan
    with pytest.raises(MethodNotApplicable, match="and the input holds such a value"):
        conv(x, w, method=name)
    w[0, 0, 0, 0] = np.inf
    with pytest.raises(MethodNotApplicable, match="and the kernel holds such a value"):
        conv(tame(1, 2, 9, 9), w, method=name)


def test_a_filter_that_is_no_product_cannot_be_separable() -> None:
    with pytest.raises(MethodNotApplicable, match="filter 1 is no outer product"):
        conv(tame(1, 1, 9, 9), [np.ones((1, 2, 2)), np.eye(2)[None]], method="separable")


@pytest.mark.parametrize(
    ("kernel", "options", "says"),
    [
        ((2, 2, 3, 5), {}, r"3, 4 or 5 taps, as many on every axis, not \[3, 5\]"),
        ((2, 2, 2, 2), {}, r"3, 4 or 5 taps, as many on every axis, not \[2, 2\]"),
        ((2, 2, 5, 5), {}, "with 5 taps it takes one or two axes and groups of at least 32 channels"),
        ((2, 2, 3, 3), {"dilation": (1, 2)}, r"dilation 1 on every axis, not \[1, 2\]"),
    ],
)
def test_winograd_says_what_it_cannot_do(kernel: Any, options: Any, says: str) -> None:
    with pytest.raises(MethodNotApplicable, match=says):
        choose(plan_conv((1, 2, 9, 9), kernel, **options), method="winograd")


@pytest.mark.parametrize("rank", [4, 5])
def test_many_axes_are_computed_by_what_can(rank: int) -> None:
    x, w = tame(1, 16, *(4,) * rank), tame(16, 16, *(3,) * rank)
    bound = 4 * np.sqrt(w[0].size) * np.finfo(np.float32).eps * x.max() * w.reshape(16, -1).sum(axis=1).max()
    assert np.abs(conv(x, w, padding=1) - conv(x, w, padding=1, method="direct")).max() < bound
    with pytest.raises(MethodNotApplicable, match=f"one to 3 spatial axes, not {rank}"):
        conv(x, w, method="winograd")


def test_signals_are_not_separable() -> None:
    with pytest.raises(MethodNotApplicable, match="two or more spatial axes"):
        choose(plan_conv((1, 1, 9), (1, 1, 3)), method="separable")


def test_estimates_name_every_method_that_can_and_grow_with_the_work() -> None:
    small, large = (
        estimate(plan_conv((1, 64, 20, 20), (64, 64, 3, 3))),
        estimate(plan_conv((4, 64, 80, 80), (64, 64, 3, 3))),
    )
    assert set(small) == set(large) == set(METHODS) - {"separable"}
    for name, cost in small.items():
        assert 0 < cost.seconds < large[name].seconds
        assert cost.working_bytes > 0


def test_estimates_come_cheapest_first_but_tiny_work_has_direct_before_all() -> None:
    one = Control(threads=1)
    seconds = [cost.seconds for cost in estimate(LAYER, control=one).values()]
    assert seconds == sorted(seconds)

    (first, cost), *others = estimate(plan_conv((1, 1, 5, 5), (1, 1, 3, 3)), control=one).items()
    assert first == "direct"
    assert cost.seconds > others[0][1].seconds  # else this would be no exception
    assert [cost.seconds for _, cost in others] == sorted(cost.seconds for _, cost in others)


def test_auto_keeps_to_a_small_budget_of_memory() -> None:
    said: list[str] = []
    control = Control(on_method=said.append, budget_bytes=3_000_000, threads=1)
    conv(tame(1, 64, 40, 40), wavy(64, 64, 3, 3), padding=1, control=control)
    assert said != ["winograd"]
    assert estimate(LAYER, np.float32, control)[said[0]].working_bytes <= 3_000_000


def test_more_threads_than_the_budget_has_room_for_are_not_used() -> None:

    many, one = Control(threads=1000), Control(threads=1)
    for name, cost in estimate(LAYER, np.float32, many).items():
        assert cost.working_bytes <= max(many.budget_bytes, estimate(LAYER, np.float32, one)[name].working_bytes)


def test_a_method_that_keeps_the_bound_from_some_taps_on_is_not_taken_below() -> None:
    plan, x, w = plan_conv((1, 1, 300), (1, 1, 5)), tame(1, 1, 300), tame(1, 1, 5)
    few = replace(METHODS["fft"], least_taps=6)
    assert keeps_contract(replace(few, least_taps=5), plan, Survey(x, w, 0.0))
    assert not keeps_contract(few, plan, Survey(x, w, 0.0))


def test_a_transposed_plan_names_the_method_of_its_phases() -> None:
    assert choose(plan_conv_transpose((1, 2, 3, 3), (2, 2, 2, 2))) == "direct"
    assert choose(plan_conv_transpose((1, 2, 3, 3), (2, 2, 2, 2), stride=2)) == "gemm"
    assert choose(plan_conv_transpose((1, 128, 28, 28), (128, 64, 4, 4), stride=2, padding=1)) == "gemm"
    assert choose(plan_conv_transpose((1, 64, 9, 9), (64, 8, 3, 3), padding=2, dilation=2, stride=3)) in METHODS


@settings(derandomize=True, max_examples=300, deadline=None)
@given(
    axes=st.lists(
        st.tuples(
            st.integers(1, 5),  # cells
            st.integers(1, 6),  # taps
            st.integers(1, 3),  # stride
            st.integers(1, 3),  # dilation
            st.integers(0, 3),  # padding before
            st.integers(0, 3),  # and after
        ),
        min_size=1,
        max_size=2,
    ),
    extra=st.integers(0, 2),
    method=st.sampled_from(["direct", "gemm", "banded", "winograd", "fft"]),
)
def test_a_transposed_plan_and_its_computation_agree_on_a_method_by_name(
    axes: list[tuple[int, ...]], extra: int, method: str
) -> None:
    cells, taps, stride, dilation, before, after = zip(*axes, strict=True)
    x, w = np.ones((1, 1, *cells)), np.ones((1, 1, *taps))
    options: dict[str, Any] = {"stride": stride, "dilation": dilation}
    options["padding"] = list(zip(before, after, strict=True))
    options["output_padding"] = [min(extra, max(s, d) - 1) for s, d in zip(stride, dilation, strict=True)]
    try:
        plan = plan_conv_transpose(x.shape, w.shape, **options)
    except EngineError:
        assume(False)
    seen: list[str] = []
    try:
        conv_transpose(x, w, **options, method=method, control=Control(on_method=seen.append))
    except MethodNotApplicable:
        with pytest.raises(MethodNotApplicable):
            choose(plan, method=method)
    else:
        assert choose(plan, method=method) == (seen or ["direct"])[0]


def test_a_transposed_plan_of_very_many_phases_is_not_taken_apart() -> None:
    plan = plan_conv_transpose((1, 1, 1, 1, 1), (1, 1, 250, 250, 250), stride=300)
    began = time.perf_counter()
    assert choose(plan, method="gemm") in METHODS
    assert time.perf_counter() - began < 5  # taken apart it has fifteen million


@pytest.mark.parametrize("size", [1, 255, 256, 1000, 300_000, 1_100_000])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("spike", [1.0, 30.0, 900.0, 1100.0, 1e5, 1e30, np.inf, np.nan])
def test_tame_is_what_it_says(size: int, dtype: Any, spike: float) -> None:
    """Where the quick look at sums of squares says so, and where it does not."""
    rng = np.random.default_rng(3)
    for place in {0, size // 2, size - 1}:
        x = rng.choice([-1.0, 1.0], size).astype(dtype)
        x[place] = spike
        magnitudes = np.abs(x.astype(float))
        expected = bool(np.isfinite(magnitudes).all()) and magnitudes.max() <= 1000 * magnitudes.mean()
        assert Survey(x.reshape(1, 1, -1), np.ones((1, 1, 1), dtype), 0.0).tame is bool(expected)


@pytest.mark.parametrize("spoilt", [np.inf, np.nan])
def test_a_kernel_that_is_not_finite_or_a_padding_out_of_proportion_is_not_tame(spoilt: float) -> None:
    x = np.ones((1, 1, 600))
    assert Survey(x, np.ones((1, 1, 3)), 900.0).tame
    assert not Survey(x, np.ones((1, 1, 3)), 1100.0).tame
    assert not Survey(x, np.array([[[1.0, spoilt, 1.0]]]), 0.0).tame
    assert not Survey(0 * x, np.ones((1, 1, 3)), 1.0).tame


@pytest.mark.parametrize(("of_input", "of_kernel"), [(1e-4, 3e36), (3e37, 1e-6), (1e19, 1e17)])
def test_data_that_a_transform_would_overflow_goes_another_way(of_input: float, of_kernel: float) -> None:
    rng = np.random.default_rng(12)
    x = (rng.uniform(0.5, 1, (1, 64, 40, 40)) * of_input).astype(np.float32)
    w = (rng.uniform(-1, 1, (64, 64, 3, 3)) * of_kernel).astype(np.float32)
    found = conv(x, w, padding=1)
    assert np.array_equal(found, conv(x, w, padding=1, method="gemm"))
    assert np.isfinite(found).all()


@pytest.mark.parametrize(
    ("x", "w"), [(1e18, 1.0), (1.0, np.inf), (1.0, np.nan), (1.0, 1e38), (1e38, 1e38), (np.inf, 1e38)]
)
def test_no_data_gives_a_warning(x: float, w: float) -> None:
    kernel = np.full((64, 64, 3, 3), w, np.float32)
    kernel[0, 0, 0, 0] *= -1
    conv(np.full((1, 64, 20, 20), x, np.float32), kernel)  # warnings are errors


def test_a_padding_value_whose_square_is_no_number_is_taken() -> None:
    x, w = np.full((1, 64, 40, 40), 0.3), np.full((64, 64, 3, 3), 0.7)
    found = conv(x, w, padding=1, padding_mode="constant", padding_value=1e200)
    assert found[0, 0, 0, 0] == pytest.approx(5 * 64 * 0.7e200)
    assert found[0, 0, 1, 1] == pytest.approx(576 * 0.21)


@pytest.mark.parametrize("threads", [1, 2, 4])
@pytest.mark.parametrize("size", [(500, 500), (500, 2000), (3000, 400)])
def test_a_kernel_that_reaches_far_is_not_met_position_by_position(size: tuple[int, int], threads: int) -> None:
    plan = plan_conv((1, 1, *size), (1, 1, 3, 3), dilation=150)
    for cells in (1, 256 * 1024):
        number = len(tiles(plan, window_cells(plan, cells), threads))
        assert threads <= number <= 60


@pytest.mark.parametrize("method", ["direct", "separable", "banded"])
@pytest.mark.parametrize("threads", [1, 2])
def test_a_kernel_that_reaches_far_takes_few_blocks(method: str, threads: int) -> None:
    asked = itertools.count()
    control = Control(threads=threads, cancelled=lambda: next(asked) < 0)  # once a block, or twice
    x, w = tame(1, 1, 630, 640).astype(float), np.outer([1.0, -2, 3], [2.0, 1, -1])[None, None]
    found = conv(x, w, dilation=200, method=method, control=control)
    assert_allclose(found, conv(x, w, dilation=200, method="gemm"), atol=1e-12)
    assert 1 <= next(asked) <= 40


def test_what_plans_leave_behind_is_small_however_many_blocks_they_would_take() -> None:
    """As lists, the blocks of so wide a picture would take 100 MB a plan."""
    estimate(plan_conv((1, 1, 1, 30_000_000), (1, 1, 1, 2048)))
    tracemalloc.start()
    try:
        for width in range(33_000_000, 33_000_005):
            estimate(plan_conv((1, 1, 1, width), (1, 1, 1, 2048)))
        left, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert left < 2**20
    assert most < 2**21


def test_a_transposed_convolution_of_very_many_tasks_is_planned_without_them() -> None:
    plan = plan_conv_transpose((33_000, 1, 1, 30, 30), (1, 3000, 1, 7, 5), stride=(50, 1, 1), dilation=(50, 7, 50))
    tracemalloc.start()
    try:
        assert choose(plan, method="gemm") == "gemm"
        most = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert most < 2**20
