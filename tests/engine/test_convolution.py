"""conv: other frameworks' answers, plain loops, laws, the number policy, and what it never does."""

from __future__ import annotations

from itertools import product
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_array_equal
from numpy.typing import NDArray

from service.engine import METHODS, Cancelled, Control, MethodNotApplicable, conv, plan_conv
from service.engine.methods import direct, gemm
from tests.golden import Golden, golden
from tests.oracles import convolution as oracle

LOCAL = [name for name, method in METHODS.items() if method.local and not method.by_values]


@pytest.mark.parametrize("case", golden("conv"))
def test_golden_vectors(case: Golden) -> None:
    arrays = case.arrays
    case.check(output=conv(arrays["input"], arrays["kernel"], arrays.get("bias"), **case.parameters))


@pytest.mark.parametrize("method", ["direct", "gemm", "banded", "winograd"])
@pytest.mark.parametrize("case", golden("conv"))
def test_golden_vectors_by_every_local_method(case: Golden, method: str) -> None:
    arrays = case.arrays
    try:
        found = conv(arrays["input"], arrays["kernel"], arrays.get("bias"), method=method, **case.parameters)
    except MethodNotApplicable:
        assert method == "winograd"
        return
    case.check(output=found)


@st.composite
def problems(draw: st.DrawFn) -> dict[str, Any]:
    rank, groups = draw(st.integers(1, 3)), draw(st.integers(1, 2))
    size = tuple(draw(st.integers(1, 6 if rank < 3 else 4)) for _ in range(rank))
    kernel = tuple(draw(st.integers(1, 3)) for _ in range(rank))
    dilation = tuple(draw(st.integers(1, 2)) for _ in range(rank))
    padding = tuple((draw(st.integers(0, 3)), draw(st.integers(4, 5))) for _ in range(rank))
    shape = (draw(st.integers(1, 2)), groups * draw(st.integers(1, 2)), *size)
    mode = draw(st.sampled_from(["zeros", "constant", "reflect", "symmetric", "replicate", "circular"]))
    rng = np.random.default_rng(draw(st.integers(0, 10**6)))
    return {
        "x": rng.integers(-9, 10, shape).astype(float),
        "w": rng.integers(-9, 10, (groups * draw(st.integers(1, 2)), shape[1] // groups, *kernel)).astype(float),
        "stride": tuple(draw(st.integers(1, 3)) for _ in range(rank)),
        "padding": padding,
        "dilation": dilation,
        "groups": groups,
        "mode": mode,
        "value": 5.0 if mode == "constant" else 0.0,
        "flip": draw(st.booleans()),
    }


@given(case=problems())
@settings(max_examples=120, derandomize=True, deadline=None)
def test_plain_loops(case: dict[str, Any]) -> None:
    expected = oracle.conv(**case)
    for method in ("auto", *LOCAL):
        found = conv(
            case["x"],
            case["w"],
            stride=case["stride"],
            padding=case["padding"],
            padding_mode=case["mode"],
            padding_value=case["value"],
            dilation=case["dilation"],
            groups=case["groups"],
            operation="convolution" if case["flip"] else "cross_correlation",
            method=method,
        )
        assert found.shape == expected.shape
        assert np.array_equal(found, expected), method


def test_a_correlation_and_a_convolution_of_an_impulse() -> None:
    impulse, kernel = [[[0, 0, 1, 0, 0]]], [[[1, 2, 3]]]
    assert conv(impulse, kernel).tolist() == [[[3, 2, 1]]]
    assert conv(impulse, kernel, operation="convolution").tolist() == [[[1, 2, 3]]]


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("mode", ["zeros", "constant", "reflect", "circular"])
@pytest.mark.parametrize(("size", "kernel"), [((70,), (5,)), ((24, 31), (3, 2)), ((6, 5, 7), (2, 3, 2))])
def test_a_depthwise_layer_is_each_channel_for_itself_to_the_last_bit(
    size: tuple[int, ...], kernel: tuple[int, ...], mode: str, threads: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Channels are laid innermost, in blocks and tiles; the sums are those of one channel."""
    monkeypatch.setattr(direct, "DEPTHWISE_BYTES", 200_000)  # several tiles, of arrays that are quick to compute
    rng, channels = np.random.default_rng(8), 2 * direct.CHANNELS + 40
    x, w = rng.standard_normal((2, channels, *size)), rng.standard_normal((channels, 1, *kernel))
    x[1, 300, *(0 for _ in size)] = np.nan
    bias = rng.standard_normal(channels)
    options: dict[str, Any] = {"stride": 2, "dilation": 2, "padding_mode": mode, "method": "direct"}
    options["padding"] = 0 if mode == "zeros" else 3
    options["padding_value"] = 1.5 if mode == "constant" else 0.0
    found = conv(x, w, bias, groups=channels, control=Control(threads=threads), **options)
    np.testing.assert_allclose(found, conv(x, w, bias, groups=channels, **options | {"method": "gemm"}), atol=1e-12)
    for c in (0, 31, direct.CHANNELS - 1, direct.CHANNELS, 300, channels - 1):
        alone = conv(x[:, c : c + 1], w[c : c + 1], bias[c : c + 1], **options)
        assert np.array_equal(found[:, c : c + 1], alone, equal_nan=True)


def test_bias_a_filter_and_a_position() -> None:
    x, w = np.ones((2, 1, 3)), np.ones((2, 1, 2))
    assert conv(x, w, [10, 20])[1].tolist() == [[12, 12], [22, 22]]
    assert conv(x, w, [[1, 2], [3, 4]])[1].tolist() == [[3, 4], [5, 6]]


@pytest.mark.parametrize("method", ["auto", *METHODS])
def test_a_bias_is_added_once_by_every_method(method: str) -> None:
    rng = np.random.default_rng(3)
    x, w = rng.standard_normal((2, 2, 40, 30)), np.ones((2, 1, 3, 3))
    for bias in (rng.standard_normal(2), rng.standard_normal((2, 38, 28))):
        apart = conv(x, w, groups=2, method=method) + bias.reshape(2, *bias.shape[1:] or (1, 1))
        np.testing.assert_allclose(conv(x, w, bias, groups=2, method=method), apart, atol=1e-13)


# Laws


def _random(shape: tuple[int, ...], seed: int) -> Any:
    return np.random.default_rng(seed).standard_normal(shape)


def test_it_is_linear() -> None:
    x, y, w = _random((1, 3, 9, 8), 1), _random((1, 3, 9, 8), 2), _random((4, 3, 3, 2), 3)
    np.testing.assert_allclose(conv(2 * x - 3 * y, w), 2 * conv(x, w) - 3 * conv(y, w), atol=1e-12)
    np.testing.assert_allclose(conv(x, 2 * w), 2 * conv(x, w), atol=1e-12)


def test_circular_padding_commutes_with_shifts() -> None:
    x, w = _random((2, 2, 7, 9), 4), _random((3, 2, 3, 4), 5)
    found = conv(x, w, padding="same", padding_mode="circular")
    shifted = conv(np.roll(x, (2, 3), (2, 3)), w, padding="same", padding_mode="circular")
    np.testing.assert_allclose(shifted, np.roll(found, (2, 3), (2, 3)), atol=1e-12)


@pytest.mark.parametrize("rank", [1, 2, 3])
def test_full_convolutions_commute(rank: int) -> None:
    x, w = _random((1, 1, *(7, 5, 4)[:rank]), 6), _random((1, 1, *(3, 4, 2)[:rank]), 7)
    one = conv(x, w, padding="full", operation="convolution")
    np.testing.assert_allclose(one, conv(w, x, padding="full", operation="convolution"), atol=1e-12)


@pytest.mark.parametrize("method", LOCAL)
def test_tiles_of_an_input_join_to_the_whole(method: str) -> None:
    x, w = np.rint(9 * _random((1, 3, 50, 20), 8)), np.rint(9 * _random((4, 3, 3, 3), 9))
    whole = conv(x, w, method=method)
    parts = [conv(x[:, :, a : a + 18], w, method=method) for a in (0, 16, 32)]
    assert np.array_equal(np.concatenate(parts, axis=2), whole)


# Numbers


@pytest.mark.parametrize(
    ("dtype", "expected"),
    [
        (np.float16, np.float32),
        (np.float32, np.float32),
        (">f2", np.float32),
        (">f4", np.float32),
        (np.float64, np.float64),
        (np.uint8, np.float64),
        (np.int64, np.float64),
        (np.bool_, np.float64),
    ],
)
def test_the_dtype_follows_the_input(dtype: Any, expected: Any) -> None:
    x = np.ones((1, 1, 4), dtype)
    assert conv(x, np.ones((1, 1, 2))).dtype == expected
    for asked in ("float32", "float64"):
        assert conv(x, np.ones((1, 1, 2)), dtype=asked).dtype == asked


def test_integers_never_wrap() -> None:
    assert conv(np.array([[[100, 200, 50]]], np.uint8), np.ones((1, 1, 3), np.int8), padding=1).tolist() == [
        [[300, 350, 250]]
    ]


@pytest.mark.parametrize("shape", [((1, 64, 56, 56), (64, 64, 3, 3)), ((1, 1, 200, 200), (1, 1, 41, 41))])
def test_integers_stay_exact_where_a_fast_method_would_be_chosen(shape: Any) -> None:
    rng = np.random.default_rng(10)
    x, w = rng.integers(-(10**6), 10**6, shape[0]), rng.integers(-(10**6), 10**6, shape[1])
    methods: list[str] = []
    found = conv(x, w, control=Control(on_method=methods.append))
    assert methods[0] in LOCAL
    window = x[:, :, : shape[1][2], : shape[1][3]]
    assert [int(v) for v in found[0, :, 0, 0]] == [int(v) for v in (w * window).sum(axis=(1, 2, 3))]
    conv(x + 0.5, w, control=Control(on_method=methods.append))
    assert methods[1] not in LOCAL  # or the test proves nothing


def test_a_separable_integer_filter_stays_exact_up_to_the_last_integer() -> None:
    # Every partial sum of the window is below 2⁵³, but a column's sum alone, 5·2⁵¹ + 5, is no float64.
    small = np.broadcast_to(np.arange(600) // 2 % 2.0, (1, 1, 600, 600))
    w = np.multiply.outer([1.0, 3.0, 1.0], [-1.0, 0.0, 1.0])[None, None]
    methods: list[str] = []
    expected = conv(small, w, control=Control(on_method=methods.append))
    assert methods == ["separable"]  # or the test proves nothing
    assert set(np.unique(expected)) == {-5.0, 5.0}
    assert np.array_equal(conv(small + 2.0**51, w), expected)


def test_a_separable_filter_of_large_integers_stays_exact() -> None:
    x = np.random.default_rng(6).integers(-9, 10, (1, 1, 200, 200))
    w = np.outer([70_001, 3, 7], [-70_001, 11, 13])[None, None]
    found = conv(x, w, method="separable")
    assert np.array_equal(found, conv(x, w, method="direct"))


@pytest.mark.parametrize(("dtype", "scale"), [(np.float64, 1e300), (np.float64, 1e-300), (np.float32, 5e37)])
def test_a_separable_filter_may_be_of_any_size(dtype: Any, scale: float) -> None:
    w = (np.outer([1.0, 2, 1], [1, 2, 1]) * scale).astype(dtype)[None, None]
    found = conv(np.full((1, 1, 40, 40), 0.25, dtype), w, method="separable")
    np.testing.assert_allclose(found, np.full((1, 1, 38, 38), 4 * scale), rtol=1e-5)


@pytest.mark.parametrize(("kernel", "size"), [((5,), 60), ((3, 3), 60), ((3, 3), 20), ((2, 3, 2), 12)])
@pytest.mark.parametrize("channels", [1, 33, 97])  # by shifts of one map, and with a layer's channels innermost
@pytest.mark.parametrize("stride", [1, 2])
@pytest.mark.parametrize("threads", [1, 2])
def test_direct_adds_the_taps_in_their_order(
    kernel: tuple[int, ...], size: int, channels: int, stride: int, threads: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    # So that 33 channels take two runs, of planes quick to compute: a run of one was added in another order once.
    monkeypatch.setattr(direct, "CHANNELS", 32)
    monkeypatch.setattr(direct, "DEPTHWISE_BYTES", 32 * size ** len(kernel) * 8)
    rng = np.random.default_rng(11)
    x = rng.integers(1, 9, (2, channels, *[size] * len(kernel))).astype(float)
    w = rng.choice([2.0**60, -(2.0**60), 1.0, -1.0], (channels, 1, *kernel))  # products are exact, their sums are not
    found = conv(x, w, stride=stride, groups=channels, method="direct", control=Control(threads=threads))
    expected = np.zeros(found.shape)
    for tap in np.ndindex(*kernel):
        cells: Any = tuple(
            slice(t, t + (n - 1) * stride + 1, stride) for t, n in zip(tap, found.shape[2:], strict=True)
        )
        expected += x[(..., *cells)] * w[(slice(None), 0, *tap)].reshape(-1, *(1 for _ in kernel))
    np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize(
    ("kernel", "size"), [((9,), 9), ((9,), 10), ((9,), 30), ((3, 3), 3), ((3, 3), 5), ((3, 2, 2), 3)]
)
@pytest.mark.parametrize("stride", [1, 2])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_small_maps_are_added_in_their_order_too(kernel: tuple[int, ...], size: int, stride: int, dtype: Any) -> None:
    rng = np.random.default_rng(12)
    x = rng.standard_normal((2, 4, *[size] * len(kernel))).astype(dtype)
    w = rng.standard_normal((6, 2, *kernel)).astype(dtype)
    found = conv(x, w, stride=stride, groups=2, method="direct")
    expected = np.zeros_like(found)
    for f, member in np.ndindex(6, 2):
        for tap in np.ndindex(*kernel):
            cells: Any = tuple(
                slice(t, t + (n - 1) * stride + 1, stride) for t, n in zip(tap, found.shape[2:], strict=True)
            )
            expected[:, f] += x[(slice(None), f // 3 * 2 + member, *cells)] * w[(f, member, *tap)]
    np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("method", ["auto", *LOCAL, "separable"])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_what_is_not_finite_stays_in_its_windows(method: str, value: float, dtype: Any) -> None:
    x, w = np.ones((1, 1, 40, 50), dtype), np.ones((1, 1, 5, 5), dtype)
    x[0, 0, 20, 30] = value
    found = conv(x, w, padding=2, method=method)
    touched = np.zeros((40, 50), bool)
    touched[18:23, 28:33] = True
    assert np.array_equal(~np.isfinite(found[0, 0]), touched)


@pytest.mark.parametrize("method", ["auto", *LOCAL, "separable"])
@pytest.mark.parametrize("threads", [1, 2])
def test_several_filters_of_a_channel_keep_their_bias_beside_a_nan(method: str, threads: int) -> None:
    x, g = np.ones((1, 2, 300, 300)), np.outer([1, 4, 6, 4, 1], [1, 4, 6, 4, 1])
    x[0, 1, 0, 0] = np.nan
    w = np.stack([factor * g for factor in (1, 2, 3, 1, 2, 3)])[:, None]
    for _ in range(3):  # threads that write the same cells do not always meet
        found = conv(x, w, [10, 20, 30, 40, 50, 60], groups=2, method=method, control=Control(threads=threads))
        assert (found[0, :3] == 256 * np.array([1, 2, 3])[:, None, None] + [[[10]], [[20]], [[30]]]).all()
        expected = 256 * np.array([1, 2, 3])[:, None, None] + np.array([40, 50, 60])[:, None, None]
        assert np.array_equal(found[0, 3:, 1:], np.broadcast_to(expected, (3, 295, 296)))
        assert np.isnan(found[0, 3:, 0, 0]).all()


def test_layers_keep_what_is_not_finite_local_too() -> None:
    x, w = _random((1, 64, 20, 20), 11), _random((64, 64, 3, 3), 12)
    x[0, 5, 10, 10] = np.nan
    found = conv(x, w, padding=1)
    assert np.isnan(found[0, :, 9:12, 9:12]).all()
    assert np.isnan(found).sum() == 64 * 9


@pytest.mark.parametrize("method", ["auto", *LOCAL])
def test_a_tap_of_zero_times_nan_is_nan(method: str) -> None:
    assert np.isnan(conv([[[np.nan, 1.0, 1.0]]], [[[0.0, 1.0]]], method=method)[0, 0, 0])


def test_one_outlier_in_float32_does_not_reach_beyond_its_window() -> None:
    x = np.ones((1, 1, 200, 200), np.float32)
    x[0, 0, 0, 0] = 1e8
    found = conv(x, np.ones((1, 1, 15, 15), np.float32))
    assert (found[0, 0, 15:, 15:] == 225).all()


# What it never does


@pytest.mark.parametrize("method", ["auto", "direct", "gemm", "banded", "separable", "fft"])
def test_a_stride_behind_the_last_window_takes_no_memory(method: str) -> None:
    x, w = np.arange(12.0).reshape(1, 1, 3, 4), np.ones((1, 1, 2, 2))
    assert conv(x, w, stride=2**31 - 1, method=method).tolist() == [[[[0 + 1 + 4 + 5]]]]


def test_any_layout_is_read_and_the_answer_is_its_own() -> None:
    x = np.asfortranarray(_random((2, 3, 6, 5), 13))[:, ::-1, ::2]
    w = _random((4, 3, 2, 2), 14)
    found = conv(x, w)
    assert found.flags.c_contiguous
    assert found.flags.owndata
    assert np.array_equal(found, conv(x.copy(), w))
    one = conv(x, np.eye(3).reshape(3, 3, 1, 1))
    assert not np.shares_memory(one, x)


def test_the_inputs_are_left_alone() -> None:
    x, w = _random((1, 2, 8, 8), 15), _random((2, 2, 3, 3), 16)
    before = x.copy(), w.copy()
    conv(x, w, padding=1, operation="convolution")
    assert np.array_equal(x, before[0])
    assert np.array_equal(w, before[1])


@pytest.mark.parametrize("method", ["auto", *METHODS])
def test_a_cancelled_computation_ends_between_two_blocks(method: str) -> None:
    asked = iter([False, True])
    control = Control(cancelled=lambda: next(asked, True), threads=1)
    with pytest.raises(Cancelled, match="between two blocks"):
        conv(np.ones((1, 1, 900, 900)), np.ones((1, 1, 3, 3)), method=method, control=control)


@pytest.mark.parametrize("method", ["auto", *METHODS])
@pytest.mark.parametrize("threads", [1, 2, 5])
def test_threads_change_nothing(method: str, threads: int) -> None:
    x, w = np.rint(9 * _random((2, 2, 130, 70), 17)), np.ones((2, 1, 3, 3))
    one = conv(x, w, groups=2, method=method, control=Control(threads=1))
    assert np.array_equal(conv(x, w, groups=2, method=method, control=Control(threads=threads)), one)


def test_the_plan_is_what_is_computed() -> None:
    x, w = _random((2, 4, 9, 7), 18), _random((6, 2, 3, 2), 19)
    options: dict[str, Any] = {"stride": (2, 1), "padding": "same", "dilation": (1, 2), "groups": 2}
    assert conv(x, w, **options).shape == plan_conv(x.shape, w.shape, **options).output_shape


@pytest.mark.parametrize("taps", [3, 4, 5])
@pytest.mark.parametrize(
    ("shape", "filters", "groups"),
    [((2, 64, 13, 18), 40, 2), ((1, 224, 9, 7), 224, 1), ((2, 32, 57), 33, 1)],
    ids=["groups", "kernels past a cache", "signal"],
)
def test_winograd_by_every_size_of_kernel(shape: tuple[int, ...], filters: int, groups: int, taps: int) -> None:
    rng, rank = np.random.default_rng(taps), len(shape) - 2
    x = rng.standard_normal(shape).astype(np.float32)
    w = rng.standard_normal((filters, shape[1] // groups, *[taps] * rank)).astype(np.float32)
    bias = rng.standard_normal(filters)
    options: dict[str, Any] = {
        "padding": [[0, taps], *[[2, 1]] * (rank - 1)],
        "padding_mode": "reflect",
        "groups": groups,
    }
    found = conv(x, w, bias, method="winograd", **options)
    expected = conv(x, w, bias, method="gemm", dtype="float64", **options)
    bound = (
        4 * w[0].size ** 0.5 * np.finfo(np.float32).eps * np.abs(x).max() * np.abs(w.reshape(filters, -1)).sum(1).max()
    )
    assert 0 < np.abs(found - expected).max() <= bound / 10


@pytest.mark.parametrize(
    ("size", "kernel", "stride", "dilation"),
    [
        ((150,), (25,), 2, 1),
        ((150,), (37,), 3, 1),
        ((150,), (37,), 3, 2),
        ((200,), (60,), 4, 2),  # steps of two phases
        ((300,), (60,), 4, 4),  # one phase holds all taps
        ((90, 41), (8, 7), (1, 3), (3, 2)),
        ((60, 50), (7, 8), 2, 3),
        ((9, 60, 24), (2, 7, 8), (1, 2, 2), (1, 1, 1)),
    ],
)
@pytest.mark.parametrize("mode", ["zeros", "reflect"])
@pytest.mark.parametrize("threads", [1, 2])
def test_strided_cells_sorted_by_phase(
    size: tuple[int, ...], kernel: tuple[int, ...], stride: Any, dilation: Any, mode: str, threads: int
) -> None:
    rng = np.random.default_rng(3)
    x, w = rng.integers(-9, 9, (2, 4, *size)), rng.integers(-9, 9, (6, 2, *kernel))
    options: dict[str, Any] = {"stride": stride, "dilation": dilation, "padding": 3, "padding_mode": mode, "groups": 2}
    plan = plan_conv(x.shape, w.shape, **options)
    assert gemm._block(plan, tuple((0, n) for n in plan.output_size)).phase  # or the test proves nothing
    options["control"] = Control(threads=threads)
    assert np.array_equal(conv(x, w, method="gemm", **options), conv(x, w, method="direct", **options))


NEARLY_PRODUCTS = [
    10.0**8 + np.add.outer(np.arange(3), np.arange(3)),
    10.0**9 + np.add.outer(np.arange(5), np.arange(5)),
    2.0**26 + np.add.outer(np.arange(2), np.arange(2)),
]


@pytest.mark.parametrize("kernel", NEARLY_PRODUCTS, ids=lambda kernel: str(kernel.shape))
def test_integers_are_exact_with_a_kernel_that_is_nearly_a_product(kernel: NDArray[Any]) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (1, 1, 200, 300)).astype(np.uint8)
    exact = conv(pixels, kernel[None, None], method="direct")
    assert_array_equal(conv(pixels, kernel[None, None]), exact)


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize(("channels", "filters"), [(3, 70_000), (40_000, 4), (1, 1)])
def test_a_lone_position_is_added_in_order_for_many_maps_at_once(channels: int, filters: int, dtype: Any) -> None:
    random = np.random.default_rng(3)
    large = 2.0 ** (53 if dtype == np.float64 else 24)
    x = random.choice([0, 1, -1, 3, large, -large], (2, channels, 2)).astype(dtype)
    w = random.integers(-2, 3, (filters, channels, 2)).astype(dtype)
    found = conv(x, w, [1.0] * filters, method="direct")
    for image, filter in product(range(2), random.integers(0, filters, 5)):
        products = (w[filter] * x[image]).ravel()
        expected = np.add.accumulate(products)[-1] + dtype(1)
        assert found[image, filter, 0] == expected
