"""The Gabor kernel against OpenCV's numbers."""

from __future__ import annotations

import numpy as np
import pytest

from service import kernels

# cv2.getGaborKernel((5, 5), 1.5, radians(30), 4, 0.5, radians(90)), OpenCV 5.0.0, turned by 180 degrees; its upper
# half, the rest being the same with the opposite sign.
OPENCV = [
    [-1.686747613e-01, 8.856361353e-02, 6.778095780e-01, 1.577594430e-01, -5.352173413e-01],
    [-1.177044283e-01, 5.502408320e-01, 6.415964134e-01, -4.758631133e-01, -5.495110076e-01],
]


def test_an_odd_phase_at_an_angle_is_opencvs() -> None:
    kernel = kernels.make("gabor", size=5, sigma=1.5, theta=30, wavelength=4, gamma=0.5, phase=90)
    np.testing.assert_allclose(kernel[:2], OPENCV, rtol=1e-8)
    np.testing.assert_allclose(kernel, -kernel[::-1, ::-1], atol=1e-15)


def test_at_theta_0_the_stripes_stand_upright_a_wavelength_apart() -> None:
    middle = kernels.make("gabor", size=17, sigma=42, theta=0, wavelength=8, gamma=0.1)[8]
    assert middle[8] == middle.max() == 1
    assert [column for column in range(1, 16) if middle[column] < min(middle[column - 1], middle[column + 1])] == [
        4,
        12,
    ]


@pytest.mark.parametrize(("theta", "same_as"), [(90, 0), (135, 45)])
def test_a_quarter_turn_of_theta_turns_the_kernel(theta: float, same_as: float) -> None:
    turned = np.rot90(kernels.make("gabor", size=9, theta=same_as), -1)
    np.testing.assert_allclose(kernels.make("gabor", size=9, theta=theta), turned, atol=1e-15)


def test_phase_180_is_the_negative() -> None:
    np.testing.assert_allclose(kernels.make("gabor", phase=180), -kernels.make("gabor"), atol=1e-15)
