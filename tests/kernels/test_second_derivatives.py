"""Laplacians: published numbers, and SciPy's Laplacian of Gaussian as the other way to the same taps."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from service import kernels


# Gonzalez & Woods, 4th ed., figure 3.45 (a) and (b).
def test_the_published_numbers() -> None:
    assert kernels.make("laplacian").tolist() == [[0, 1, 0], [1, -4, 1], [0, 1, 0]]
    assert kernels.make("laplacian_8").tolist() == [[1, 1, 1], [1, -8, 1], [1, 1, 1]]


# scipy.ndimage.gaussian_laplace of an impulse on 7 x 7, sigma 1, truncate 3, SciPy 1.17.1; its mean, -1.6686e-4, taken
# off, since SciPy leaves what the truncation lost. The upper left quarter; the rest mirrors it.
SCIPY_LOG = [
    [4.812883361e-04, 2.800360523e-03, 8.750523798e-03, 1.254992148e-02],
    [2.800360523e-03, 1.766647540e-02, 3.938078043e-02, 4.326874337e-02],
    [8.750523798e-03, 3.938078043e-02, 1.668576781e-04, -9.641776734e-02],
    [1.254992148e-02, 4.326874337e-02, -9.641776734e-02, -3.183153937e-01],
]


def test_log_is_scipys() -> None:
    np.testing.assert_allclose(kernels.make("log", size=7, sigma=1)[:4, :4], SCIPY_LOG, rtol=1e-8)


@settings(derandomize=True, max_examples=40, deadline=None)
@given(half=st.integers(1, 20), sigma=st.floats(0.1, 42))
def test_log_sums_to_zero_with_a_negative_centre(half: int, sigma: float) -> None:
    kernel = kernels.make("log", size=2 * half + 1, sigma=sigma)
    # The taps are differences of numbers as large as 2/sigma^2: that is what rounding is measured against.
    assert abs(kernel.sum()) <= 1e-14 * 2 / sigma**2
    assert kernel[half, half] == kernel.min() < 0
    np.testing.assert_array_equal(kernel, kernel.T)


# fspecial("log", 5, 0.5) as MATLAB prints it: to four decimals.
def test_log_is_the_textbook_5_by_5() -> None:
    corner = [[0.0448, 0.0468, 0.0564], [0.0468, 0.3167, 0.7146], [0.0564, 0.7146, -4.9048]]
    np.testing.assert_allclose(kernels.make("log", size=5, sigma=0.5)[:3, :3], corner, atol=5e-5)


def test_log_defaults_reach_three_sigma() -> None:
    np.testing.assert_array_equal(kernels.make("log"), kernels.make("log", size=7, sigma=1))
    np.testing.assert_array_equal(kernels.make("log", sigma=1.4), kernels.make("log", size=11, sigma=1.4))
    np.testing.assert_array_equal(kernels.make("log", size=13), kernels.make("log", size=13, sigma=2))
