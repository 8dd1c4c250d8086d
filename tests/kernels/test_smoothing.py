"""Kernels that keep the mean, against OpenCV's and SciPy's numbers."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from service import kernels
from service.kernels.parameters import MAX_SIGMA, MAX_SIZE

ODD = st.integers(0, 20).map(lambda half: 2 * half + 1)


def test_identity_is_the_impulse() -> None:
    assert kernels.make("identity").tolist() == [[0, 0, 0], [0, 1, 0], [0, 0, 0]]


@pytest.mark.parametrize("size", [1, 2, 3, 8])
def test_box_is_the_mean_of_its_window(size: int) -> None:
    assert np.array_equal(kernels.make("box", size=size), np.full((size, size), 1 / size**2))


# Rows of cv2.getGaussianKernel(size, sigma), OpenCV 5.0.0.
@pytest.mark.parametrize(
    ("size", "sigma", "profile"),
    [
        (3, 1.0, [0.274068619061197, 0.45186276187760605, 0.274068619061197]),
        (
            5,
            1.1,
            [0.0707663713315465, 0.24446039891162388, 0.3695464595136592, 0.24446039891162388, 0.0707663713315465],
        ),
    ],
)
def test_gaussian_is_the_outer_product_of_opencvs_profile(size: int, sigma: float, profile: list[float]) -> None:
    np.testing.assert_allclose(kernels.make("gaussian", size=size, sigma=sigma), np.outer(profile, profile), rtol=1e-13)


def test_gaussian_left_alone_is_five_wide() -> None:
    np.testing.assert_array_equal(kernels.make("gaussian"), kernels.make("gaussian", size=5, sigma=1.1))


# 0.3*((9 - 1)/2 - 1) + 0.8 = 1.7
def test_gaussian_sigma_follows_the_size_by_opencvs_rule() -> None:
    np.testing.assert_allclose(
        kernels.make("gaussian", size=9), kernels.make("gaussian", size=9, sigma=1.7), rtol=1e-14
    )


# 2*ceil(3*1.4) + 1 = 11
def test_gaussian_size_reaches_three_sigma() -> None:
    np.testing.assert_array_equal(kernels.make("gaussian", sigma=1.4), kernels.make("gaussian", size=11, sigma=1.4))


def test_the_widest_sigma_still_fits_the_largest_size() -> None:
    assert kernels.make("gaussian", sigma=MAX_SIGMA).shape[0] <= MAX_SIZE


def test_motion_blur_along_the_rows_is_a_row_of_equal_taps() -> None:
    kernel = kernels.make("motion_blur", size=5)
    assert kernel.tolist() == [[0] * 5, [0] * 5, [0.2] * 5, [0] * 5, [0] * 5]


@pytest.mark.parametrize("angle", [90, -90, 270])
def test_motion_blur_along_the_columns_is_its_transpose_exactly(angle: float) -> None:
    np.testing.assert_array_equal(
        kernels.make("motion_blur", size=7, angle=angle), kernels.make("motion_blur", size=7).T
    )


# By hand, size 3 at 45 degrees: the segment runs from -1 to 1 along the falling diagonal. The centre weighs 1; upper
# left and lower right taps lie sqrt(2) - 1 beyond its ends and weigh 2 - sqrt(2); the four beside the centre lie
# sqrt(1/2) away and weigh 1 - sqrt(1/2); the last two lie sqrt(2) away and weigh nothing.
def test_motion_blur_at_45_degrees_by_hand() -> None:
    end, side = 2 - np.sqrt(2), 1 - np.sqrt(0.5)
    expected = np.array([[end, side, 0], [side, 1, side], [0, side, end]])
    np.testing.assert_allclose(kernels.make("motion_blur", size=3, angle=45), expected / expected.sum(), rtol=1e-14)


@settings(derandomize=True, max_examples=40, deadline=None)
@given(size=ODD, angle=st.floats(-360, 360))
def test_motion_blur_sums_to_one_and_goes_both_ways_alike(size: int, angle: float) -> None:
    kernel = kernels.make("motion_blur", size=size, angle=angle)
    assert kernel.sum() == pytest.approx(1, abs=1e-12)
    assert (kernel >= 0).all()
    np.testing.assert_array_equal(kernel, kernel[::-1, ::-1])


@settings(derandomize=True, max_examples=40, deadline=None)
@given(size=ODD, sigma=st.floats(0.1, 42))
def test_gaussian_sums_to_one_and_is_symmetric(size: int, sigma: float) -> None:
    kernel = kernels.make("gaussian", size=size, sigma=sigma)
    assert kernel.sum() == pytest.approx(1, abs=1e-12)
    np.testing.assert_array_equal(kernel, kernel.T)
    np.testing.assert_array_equal(kernel, kernel[::-1])
