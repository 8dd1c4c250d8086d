"""The gradients of a transposed convolution on data that are not finite: what was cropped is reached by nothing."""

from __future__ import annotations

from itertools import product
from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from numpy.typing import NDArray

from service import engine

Array = NDArray[Any]


def by_plain_loops(x: Array, w: Array, g: Array, options: dict[str, Any]) -> tuple[Array, Array]:
    """Return the gradients of input and kernel: every product of a cell, a tap and an output position that exists."""
    of_input, of_kernel = np.zeros(x.shape), np.zeros(w.shape)
    members, filters = len(w) // options["groups"], w.shape[1]
    axes = list(zip(options["stride"], options["dilation"], options["padding"], g.shape[2:], strict=True))
    for c, f in product(range(len(w)), range(filters)):
        of_group = c // members * filters + f
        for cell, tap in product(np.ndindex(*x.shape[2:]), np.ndindex(*w.shape[2:])):
            to = [i * s + k * d - before for i, k, (s, d, (before, _), _) in zip(cell, tap, axes, strict=True)]
            if all(0 <= q < size for q, (*_, size) in zip(to, axes, strict=True)):
                with np.errstate(invalid="ignore"):
                    of_input[(slice(None), c, *cell)] += w[(c, f, *tap)] * g[(slice(None), of_group, *to)]
                    of_kernel[(c, f, *tap)] += (x[(slice(None), c, *cell)] * g[(slice(None), of_group, *to)]).sum()
    return of_input, of_kernel


@pytest.mark.parametrize(
    ("rank", "padding", "extra"),
    [
        (1, (1, 0), 0),
        (1, (2, 3), 0),
        (1, (0, 3), 1),
        (1, (4, 4), 0),  # more than a window
        (2, (2, 1), 0),
        (2, (0, 2), 1),
        (3, (1, 2), 0),
    ],
)
@pytest.mark.parametrize(("stride", "dilation", "groups"), [(1, 1, 1), (2, 1, 2), (1, 2, 2), (3, 2, 1)])
def test_what_is_not_finite_reaches_no_cell_across_what_was_cropped(
    rank: int, padding: tuple[int, int], extra: int, stride: int, dilation: int, groups: int
) -> None:
    random = np.random.default_rng(7)
    extra = min(extra, max(stride, dilation) - 1)
    options: dict[str, Any] = {
        "stride": (stride,) * rank,
        "dilation": (dilation,) * rank,
        "padding": (padding,) * rank,
        "groups": groups,
    }
    size = (8, 5, 4)[:rank] if max(padding) > 3 else (5, 4, 3)[:rank]
    x = random.integers(-4, 5, (2, 2 * groups, *size)).astype(float)
    w = random.integers(-4, 5, (2 * groups, 2, *(3, 4, 2)[:rank])).astype(float)
    shape = engine.plan_conv_transpose(x.shape, w.shape, output_padding=extra, **options).output_shape
    g = random.integers(-4, 5, shape).astype(float)
    first, last = (0,) * rank, (-1,) * rank
    holes = [(x, (0, 0, *first)), (x, (1, 1, *last)), (w, (0, 1, *first)), (w, (1, 0, *last))]
    for (array, place), value in product(holes, (np.inf, np.nan)):
        before, array[place] = array[place], value
        of_input, of_kernel = by_plain_loops(x, w, g, options)
        for method in ("auto", "direct", "gemm", "banded"):
            found = engine.conv_transpose_gradients(x, w, g, output_padding=extra, method=method, **options)
            assert_array_equal(found.input, of_input)
            assert_array_equal(found.kernel, of_kernel)
        array[place] = before


def test_a_kernel_that_overflows_in_float32_stays_in_its_windows_too() -> None:
    found = engine.conv_transpose_gradients(
        np.array([[[3, 1, 2]]], np.float32), [[[1e300, 1]]], [[[1, 1, 1]]], padding=[[1, 0]]
    )
    assert_array_equal(found.input, [[[1, np.inf, np.inf]]])


def test_a_lone_infinity_leaves_a_large_kernels_gradient_as_it_is() -> None:
    """As a convolution with the input for a kernel, or by Winograd's transforms, it would spread."""
    random = np.random.default_rng(3)
    x, w = random.standard_normal((1, 1, 40, 40)), np.ones((1, 1, 17, 17))
    g = random.standard_normal((1, 1, 52, 52))
    plain = engine.conv_transpose_gradients(x, w, g, padding=2).kernel[0, 0]
    x[0, 0, 0, 20] = np.inf
    found = engine.conv_transpose_gradients(x, w, g, padding=2).kernel[0, 0]
    assert_array_equal(np.isfinite(found), np.arange(17)[:, None] < 2 | np.zeros(17, bool))
    np.testing.assert_allclose(found[:2], plain[:2] - 0 * plain[:2], rtol=1e-9)


def test_a_method_that_would_spread_it_is_refused() -> None:
    for method in ("winograd", "fft"):
        with pytest.raises(engine.MethodNotApplicable, match="kernel holds such a value"):
            engine.conv_transpose_gradients(
                np.ones((1, 1, 9)), [[[np.inf, 1, 1]]], np.ones((1, 1, 9)), padding=1, method=method
            )
