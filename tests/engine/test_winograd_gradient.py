"""The kernel gradient by Winograd's transforms: within its bound of the plain sums, on whatever data it is used for."""

from __future__ import annotations

import tracemalloc
from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from numpy.typing import NDArray

from service import engine
from service.engine.kernel_gradient import kernel_gradient
from service.engine.parallel import shared
from service.engine.winograd_gradient import FEWEST_POSITIONS, allowed, winograd_kernel_gradient, worthwhile

Array = NDArray[Any]

PROBLEMS: list[tuple[tuple[int, ...], int, dict[str, Any]]] = [
    ((1, 32, 50, 47), 32, {}),
    ((3, 40, 30, 29), 33, {"padding": 1}),
    ((2, 64, 34, 35), 64, {"padding": [[2, 0], [1, 3]], "groups": 2}),
    ((1, 32, 50, 47), 40, {"padding": 2, "padding_mode": "reflect"}),
    ((1, 32, 47, 50), 32, {"padding": 1, "padding_mode": "constant", "padding_value": 7.0}),
    ((1, 32, 60, 41), 32, {"padding": 1, "padding_mode": "circular", "operation": "convolution"}),
    ((2, 33, 1100), 35, {"padding": 1}),
    ((1, 32, 14, 13, 15), 32, {"padding": 1}),
]


def random_problem(shape: tuple[int, ...], filters: int, options: dict[str, Any]) -> tuple[Array, Array, Array]:
    """Return an input, a kernel and an output's gradient."""
    random = np.random.default_rng(4)
    kernel = random.standard_normal((filters, shape[1] // options.get("groups", 1), *[3] * (len(shape) - 2)))
    values = random.standard_normal(shape)
    return values, kernel, random.standard_normal(engine.conv(values, kernel, **options).shape)


def bound(values: Array, g: Array, options: dict[str, Any], eps: float) -> float:
    """Return what the method promises: 4·√(N·P)·ε·max|x|·max over filters of Σ|g|."""
    largest = max(np.abs(values).max(), options.get("padding_value", 0.0))
    sums = np.abs(g).sum(axis=(0, *range(2, g.ndim)), dtype=float)
    return float(4 * (g.size / g.shape[1]) ** 0.5 * eps * largest * sums.max())


def exact(values: Array, kernel: Array, g: Array, options: dict[str, Any]) -> Array:
    """Return the kernel's gradient as plain products in float64 give it."""
    arrays = (array.astype(np.float64) for array in (values, kernel, g))
    return engine.conv_gradients(*arrays, **options, method="gemm").kernel


@pytest.mark.parametrize(("shape", "filters", "options"), PROBLEMS)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("budget", [64, 6])
def test_it_is_within_its_bound(shape: Any, filters: int, options: dict[str, Any], dtype: Any, budget: int) -> None:
    values, kernel, g = (a.astype(dtype) for a in random_problem(shape, filters, options))
    control = engine.Control(budget_bytes=budget << 20)
    found = engine.conv_gradients(values, kernel, g, **options, control=control).kernel
    plain = engine.conv_gradients(values, kernel, g, **options, method="gemm", control=control).kernel
    assert found.dtype == dtype
    assert not np.array_equal(found, plain)  # it was taken
    difference = np.abs(found - exact(values, kernel, g, options)).max()
    assert difference <= bound(values, g, options, float(np.finfo(dtype).eps)) / 20  # random errors hardly add up


@pytest.mark.parametrize("size", [(32, 64), (1, 2048), (2048, 1), (5, 410)])
def test_few_gradients_among_zeros_are_within_the_bound(size: tuple[int, int]) -> None:
    """The errors of few tiles, and a bound that hardly allows for them: those of data that suit them could break it."""
    random = np.random.default_rng(5)
    worst = 0.0
    for trial in range(12):
        values = random.uniform(-1, 1, (1, 32, *size)).astype(np.float32)
        if trial % 3 == 0:
            values += np.float32(1000)
        g = np.zeros((1, 32, *size), np.float32)
        for f in range(32):
            places = random.choice(size[0] * size[1], 3, replace=False)
            g[0, f].reshape(-1)[places] = random.uniform(0.5, 1, 3)
        kernel = np.zeros((32, 32, 3, 3), np.float32)
        assert not allowed(values, g, 0.0)
        small = g.copy()  # a filter of small gradients has errors as small, and the bound is the largest one's
        small[:, 1:] = random.standard_normal((1, 31, *size)) / 100
        small[:, 0] *= 0.001
        assert allowed(values, small, 0.0) or trial % 3 == 0
        found = engine.conv_gradients(values, kernel, g, padding=1).kernel
        errors = np.abs(found - exact(values, kernel, g, {"padding": 1})).reshape(32, -1).max(axis=1)
        bounds = [bound(values, g[:, [f]], {}, float(np.finfo(np.float32).eps)) for f in range(32)]
        worst = max(worst, float((errors / bounds).max()))
    assert worst <= 1


def test_one_gradient_alone_hands_back_its_window() -> None:
    values, kernel, g = (a.astype(np.float32) for a in random_problem((1, 32, 50, 50), 32, {}))
    alone = np.zeros_like(g)
    alone[0, :, 20, 30] = g[0, :, 20, 30]
    found = engine.conv_gradients(values, kernel, alone).kernel
    assert_array_equal(found, np.multiply.outer(g[0, :, 20, 30], values[0, :, 20:23, 30:33]))


@pytest.mark.parametrize(("of_input", "of_gradient"), [(1e-4, 3e36), (3e37, 1e-6), (1e30, 1e5)])
def test_what_overflows_in_a_transform_alone_is_summed_plainly(of_input: float, of_gradient: float) -> None:
    values, kernel, g = (a.astype(np.float32) for a in random_problem((1, 32, 50, 50), 32, {}))
    values, g = values * np.float32(of_input), g * np.float32(of_gradient)
    found = engine.conv_gradients(values, kernel, g).kernel
    assert_array_equal(found, engine.conv_gradients(values, kernel, g, method="gemm").kernel)
    assert np.isfinite(found).all()


def test_integers_come_out_exact() -> None:
    random = np.random.default_rng(6)
    values, g = (random.integers(-9, 10, (1, 32, 50, 50)).astype(float) for _ in range(2))
    kernel = np.zeros((32, 32, 3, 3))
    found = engine.conv_gradients(values, kernel, g, padding=1).kernel
    assert_array_equal(found, engine.conv_gradients(values, kernel, g, padding=1, method="gemm").kernel)
    assert_array_equal(found, np.rint(found))


@pytest.mark.parametrize("spoilt", ["input", "gradient"])
@pytest.mark.parametrize("value", [np.inf, np.nan])
def test_what_is_not_finite_stays_where_it_is_met(spoilt: str, value: float) -> None:
    values, kernel, g = random_problem((1, 32, 50, 50), 32, {})
    (values if spoilt == "input" else g)[0, 3, 0, 0] = value  # the corner: of the input only tap (0, 0) meets it
    found = engine.conv_gradients(values, kernel, g).kernel
    met = ~np.isfinite(found)
    expected = np.zeros(found.shape, bool)
    if spoilt == "input":
        expected[:, 3, 0, 0] = True
    else:
        expected[3] = True
    assert_array_equal(met, expected)


def test_data_out_of_proportion_is_summed_plainly() -> None:
    values, kernel, g = random_problem((1, 32, 50, 50), 32, {})
    assert allowed(values, g, 0.0)
    for spoilt in (values, g):
        kept = spoilt[0, 0, 20, 20]
        spoilt[0, 0, 20, 20] = 1e8
        assert not allowed(values, g, 0.0)
        found = engine.conv_gradients(values, kernel, g).kernel
        assert_array_equal(found, engine.conv_gradients(values, kernel, g, method="gemm").kernel)
        spoilt[0, 0, 20, 20] = kept


@pytest.mark.parametrize(
    ("kernel", "options", "size", "budget", "expected"),
    [
        ((32, 32, 3, 3), {}, (66, 34), 64, True),
        ((32, 32, 3, 3), {}, (65, 33), 64, False),  # 63 · 31 positions
        ((31, 32, 3, 3), {}, (66, 34), 64, False),
        ((32, 32, 3, 2), {}, (66, 34), 64, False),
        ((32, 32, 3, 3), {"stride": 2}, (132, 68), 64, False),
        ((32, 32, 3, 3), {"dilation": 2}, (68, 36), 64, False),
        ((32, 32, 3, 3), {}, (66, 34), 1, False),  # tiles
        ((32, 1024, 3, 3), {}, (66, 34), 16, False),  # filters
        ((32, 1024, 3, 3), {}, (66, 34), 64, True),
    ],
)
def test_it_is_for_three_taps_many_channels_and_positions(
    kernel: Any, options: dict[str, Any], size: Any, budget: int, expected: bool
) -> None:
    plan = engine.plan_conv((1, kernel[1], *size), kernel, **options)
    assert worthwhile(plan, "auto", 4, budget << 20) is worthwhile(plan, "winograd", 4, budget << 20) is expected
    assert not worthwhile(plan, "gemm", 4, budget << 20)
    assert FEWEST_POSITIONS == 64 * 32


@pytest.mark.parametrize("gradient_dtype", [np.float16, np.float32, np.float64])
@pytest.mark.parametrize("budget", [4, 8, 16])
@pytest.mark.parametrize(
    ("shape", "filters"), [((1, 64, 150, 150), 128), ((1, 32, 300, 300), 32), ((1, 512, 60, 60), 32)]
)
def test_its_memory_stays_inside_the_budget(shape: Any, filters: int, budget: int, gradient_dtype: Any) -> None:
    values, kernel, g = (a.astype(np.float32) for a in random_problem(shape, filters, {"padding": 1}))
    plan = engine.plan_conv(values.shape, kernel.shape, padding=1)
    control = engine.Control(budget_bytes=budget << 20, threads=2)
    upstream = g.astype(gradient_dtype)
    with shared(np.dtype(np.uint8), (1,)):  # so that none is lent that was there before
        tracemalloc.start()
        try:
            found = kernel_gradient(plan, values, upstream, 0.0, values.dtype, "auto", control)
            peak = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
    assert peak - found.nbytes <= budget << 20


def test_it_does_not_depend_on_the_number_of_threads() -> None:
    values, _, g = random_problem((2, 40, 60, 61), 40, {})
    plan, control = engine.plan_conv(values.shape, (40, 40, 3, 3)), engine.Control()
    found = [winograd_kernel_gradient(plan, values, g, 0.0, control, threads) for threads in (1, 2, 5)]
    assert_array_equal(found[0], found[1])
    assert_array_equal(found[0], found[2])
