"""Sums of integers about 2⁵³ and above are those of plain loops, to the last bit: the order of adding shows in them."""

from __future__ import annotations

import time
from itertools import product
from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from numpy.typing import NDArray

from service import engine
from service.engine import ordered
from service.engine.pool_kinds import POOL_KINDS
from tests.oracles import gradients as oracle

Array = NDArray[Any]
LARGE = 2.0**53
CANCELLING = np.array([LARGE, -LARGE, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0])


def large_integers(*shape: int) -> Array:
    """Return small integers, and among them some that are as large as float64 holds exactly."""
    rng = np.random.default_rng(5)
    return rng.choice([0.0, 0, 1, 1, -1, 3, LARGE, -LARGE, LARGE / 2, -LARGE / 2 + 1], shape)


def plain_sum(terms: Any) -> float:
    """Return a sum, term by term; `sum` itself has compensated since Python 3.12."""
    total = 0.0
    for term in terms:
        total += float(term)
    return total


@pytest.mark.parametrize("far", [2, 8000])
def test_channels_of_taps_that_lie_far_apart_are_added_one_after_the_other(far: int) -> None:
    """2⁵³ and -2⁵³ of the first channel meet in one output, and then the 1 of the second is added."""
    x, w = np.array([[[LARGE, -LARGE], [1, 0]]]), np.ones((2, 1, 2))
    made = engine.conv_transpose(x, w, stride=far, dilation=far)
    assert made[0, 0, far] == 1
    gradients = engine.conv_gradients(np.zeros((1, 1, 2 * far + 1)), w.reshape(2, 1, 2), x, stride=far, dilation=far)
    assert gradients.input[0, 0, far] == 1


def test_a_scattered_convolution_of_large_integers_is_that_of_plain_loops() -> None:
    x, w = large_integers(2, 6, 3, 5), large_integers(6, 2, 2, 2)
    made = engine.conv_transpose(x, w, groups=2, stride=60, dilation=60)
    expected = np.zeros(made.shape)
    for image, f, c, i, j, a, b in np.ndindex(2, 4, 3, 3, 5, 2, 2):
        group, place = f // 2, (60 * (i + a), 60 * (j + b))
        expected[(image, f, *place)] += x[image, 3 * group + c, i, j] * w[3 * group + c, f % 2, a, b]
    assert_array_equal(made, expected)


@pytest.mark.parametrize("transposed", [False, True])
@pytest.mark.parametrize("along", ["positions", "batch"])
@pytest.mark.parametrize("exchanged", [False, True])
def test_a_gradient_that_cancels_keeps_what_is_small(transposed: bool, along: str, exchanged: bool) -> None:
    shape = (1, 1, 16) if along == "positions" else (16, 1, 1)
    x, g = np.ones(shape), CANCELLING.reshape(shape)
    x, g = (g, x) if exchanged else (x, g)
    gradients = (engine.conv_transpose_gradients if transposed else engine.conv_gradients)(x, [[[1]]], g)
    assert gradients.kernel.tolist() == [[[1]]]
    assert gradients.bias.tolist() == [16 if exchanged else 1]


@pytest.mark.parametrize(
    ("shape", "kernel", "options"),
    [
        ((3, 2, 19), (2, 2, 3), {}),
        ((2, 4, 7, 9), (6, 2, 3, 2), {"groups": 2, "stride": 2, "padding": 1}),
        ((2, 1, 9, 11), (2, 1, 2, 3), {"dilation": 2, "padding": 2, "padding_mode": "reflect"}),
        ((1, 1, 40, 40), (1, 1, 17, 17), {}),  # large enough for the gradient to be a convolution
        ((1, 33, 6, 60), (33, 33, 3, 3), {"padding": ((1, 1), (1, 1))}),
    ],
)
@pytest.mark.parametrize("dtype", [np.float64, np.int64])
def test_kernel_gradients_are_added_as_by_plain_loops(
    shape: Any, kernel: Any, options: dict[str, Any], dtype: Any
) -> None:
    plan = engine.plan_conv(shape, kernel, **options)
    x = large_integers(*shape).astype(dtype)
    g = np.random.default_rng(1).integers(-2, 3, plan.output_shape)
    if plan.macs > 1e5:  # a few of the loops alone
        found = engine.conv_gradients(x, np.ones(kernel), g, **options).kernel
        padded = np.pad(x, ((0, 0), (0, 0), *plan.padding))
        for f, c, *tap in np.random.default_rng(2).integers(0, kernel, (20, 4)).tolist():
            met = padded[0, c, tap[0] :, tap[1] :][: g.shape[2], : g.shape[3]]
            assert found[(f, c, *tap)] == plain_sum((met.astype(float) * g[0, f]).ravel())
        return
    complete: dict[str, Any] = {
        "stride": plan.stride,
        "padding": plan.padding,
        "dilation": plan.dilation,
        "groups": plan.groups,
    }
    complete |= {"padding_mode": plan.padding_mode, "padding_value": 0.0, "operation": plan.operation}
    for a, b in ((x, g), (x // 2**50, large_integers(*g.shape))):
        expected = oracle.conv_gradients(a.astype(float), np.ones(kernel), b.astype(float), **complete)[1]
        assert_array_equal(engine.conv_gradients(a, np.ones(kernel), b, **options).kernel, expected)


def test_biases_are_added_as_by_plain_loops() -> None:
    for shape in ((5, 3, 4, 6), (40, 1, 1, 1), (1, 2, 1, 90_000)):
        g, w = large_integers(*shape), np.ones((shape[1], 1, 1, 1))
        x = np.ones((shape[0], 1, *shape[2:]))
        found = engine.conv_gradients(x, w, g).bias
        assert found.tolist() == [plain_sum(g[:, f].ravel()) for f in range(shape[1])]
        by_position = engine.conv_gradients(x[..., :3], w, g[..., :3], bias_per_position=True).bias
        expected = [plain_sum(column) for column in g[..., :3].reshape(shape[0], -1).T]
        assert by_position.ravel().tolist() == expected


@pytest.mark.parametrize(
    "options",
    [
        {"kernel_size": 16},
        {"kernel_size": (3, 4)},
        {"kernel_size": (3, 5), "stride": 1, "padding": (1, 3), "dilation": 2},
        {"kernel_size": 3, "stride": 2, "ceil_mode": True},
        {"output_size": 1},
        {"output_size": (3, 5)},
        {"output_size": (30, 2)},
    ],
)
@pytest.mark.parametrize("kind", ["average", "lp", "lp 2"])
def test_windows_are_added_as_by_plain_loops(options: dict[str, Any], kind: str) -> None:
    kind, p = ("lp", 2) if kind == "lp 2" else (kind, 1)
    x = large_integers(2, 3, 18, 17) if p == 1 else large_integers(2, 3, 18, 17) // 2**26
    x[0, 0] = np.arange(18 * 17).reshape(18, 17)  # and a plane in which no order shows
    given: dict[str, Any] = {"p": p} if kind == "lp" else {} if "output_size" in options else {"divisor_override": 1}
    found = engine.pool(x, kind, **options, **given)
    plan = engine.plan_pool(x.shape, kind, **options, **given)
    for plane, place in product(np.ndindex(2, 3), np.ndindex(*plan.output_size)):
        windows = [plan.windows(axis)[index] for axis, index in enumerate(place)]
        axes = [
            [c for c in range(start, stop, d) if 0 <= c < n]
            for (start, stop), d, n in zip(windows, plan.dilation, plan.input_size, strict=True)
        ]
        cells = x[plane][np.ix_(*axes)].ravel()
        total = plain_sum(cells if kind == "average" else np.abs(cells) ** p)
        divisor = len(cells) if kind == "average" and "output_size" in options else 1
        assert found[(*plane, *place)] == (total / divisor) ** (1 / p)


@pytest.mark.parametrize(
    "options",
    [
        {"kernel_size": (3, 4), "stride": 1},
        {"kernel_size": (3, 5), "stride": (1, 2), "padding": (1, 3), "dilation": (2, 1)},
        {"kernel_size": (17, 16), "stride": 1},  # fewer windows than taps
        {"output_size": (12, 12)},
        {"output_size": (32, 8)},
    ],
)
def test_a_cell_receives_from_windows_as_by_plain_loops(options: dict[str, Any]) -> None:
    x = np.zeros((2, 3, 16, 16) if "output_size" in options else (2, 3, 18, 17))
    given: dict[str, Any] = {} if "output_size" in options else {"divisor_override": 1}
    plan = engine.plan_pool(x.shape, "average", **options, **given)
    g = large_integers(*plan.output_shape) * 4  # divisible by the cells of each adaptive window
    expected = np.zeros(x.shape)
    for place in np.ndindex(*plan.output_size):
        windows = [plan.windows(axis)[index] for axis, index in enumerate(place)]
        axes = [
            [c for c in range(start, stop, d) if 0 <= c < n]
            for (start, stop), d, n in zip(windows, plan.dilation, plan.input_size, strict=True)
        ]
        divisor = len(axes[0]) * len(axes[1]) if "output_size" in options else 1
        expected[np.ix_(range(2), range(3), *axes)] += (g[(..., *place)] / divisor)[..., None, None]
    assert_array_equal(engine.pool_gradients(x, g, "average", **options, **given), expected)


def test_a_window_larger_than_a_piece_is_added_in_order() -> None:
    x = np.zeros((1, 1, 300, 500))
    x.reshape(-1)[[0, 1, 149_000]] = LARGE, -LARGE, 1
    assert engine.pool(x, "average", (300, 500), divisor_override=1).item() == 1


@pytest.mark.parametrize("shift", [0.5, 0])
def test_most_data_are_told_by_a_look(shift: float) -> None:
    """What holds no integers, or small ones, is not looked at one by one."""
    values = np.random.default_rng(4).integers(-300, 300, (8, 16, 50, 50)) + shift
    assert not ordered.sum_matters(values, np.dtype(float), values.size)
    assert not ordered.products_matter(values, values, np.dtype(float), values.size, 1)
    assert not ordered.sum_matters(values.astype(np.float32), np.dtype(np.float32), 9)
    large = np.rint(values) * 2.0**45
    assert ordered.sum_matters(large, np.dtype(float), 9)
    assert ordered.products_matter(large, np.ones((1, 1)), np.dtype(float), 1, 1)
    large[3, 4, 5, 6] = 0.5
    assert not ordered.sum_matters(large, np.dtype(float), 9)
    assert not ordered.products_matter(large, np.ones((1, 1)), np.dtype(float), 1, 1)


@pytest.mark.parametrize(
    "dtype", [bool, np.uint8, np.int16, np.uint32, np.int64, np.uint64, np.float16, np.float32, float]
)
@pytest.mark.parametrize("power", [1, 2, 3, 1000])
def test_no_sum_is_above_its_bound(dtype: Any, power: int) -> None:
    for values in (np.arange(100).reshape(10, 10).astype(dtype), np.full((10, 10), 200).astype(dtype)[:, ::2]):
        for terms in (1, 7, values.size):
            with np.errstate(over="ignore"):
                largest = np.sort(np.abs(values.astype(float)).ravel() ** power)[-terms:].sum()
            assert ordered.bound(values, terms, power) >= largest


def test_all_that_adds_up_is_an_average_or_a_norm() -> None:
    assert [name for name, kind in POOL_KINDS.items() if kind.combine is np.add] == ["average", "lp"]


HUGE = 2.0**50


@pytest.mark.parametrize(
    "compute",
    [
        lambda: engine.pool(np.full((1, 1, 200_000), HUGE), "average", 100_000, stride=1),
        lambda: engine.pool(np.full((1, 1, 200_000), HUGE), "lp", 100_000, stride=1, p=1.0),
        lambda: engine.pool_gradients(
            np.full((1, 1, 500, 500), HUGE), np.full((1, 1, 421, 421), HUGE * 6400), "average", 80, stride=1
        ),
        lambda: engine.conv_gradients(
            np.ones((5, 1, 1_000_000)), [[[1.0]]], np.full((5, 1, 1_000_000), LARGE), bias_per_position=True
        ),
        lambda: engine.conv_gradients(
            np.full((1, 3000, 1), HUGE), np.ones((3000, 3000, 1)), np.full((1, 3000, 1), HUGE)
        ),
        lambda: engine.conv_gradients(np.full((100_000, 1, 1), HUGE), [[[1.0]]], np.full((100_000, 1, 1), HUGE)),
    ],
    ids=["average", "norm", "average gradients", "bias a position", "filters and channels", "images"],
)
def test_very_many_are_added_in_the_usual_order(compute: Any) -> None:
    """One by one these take from seconds to minutes."""
    began = time.process_time()
    compute()
    assert time.process_time() - began < 20
