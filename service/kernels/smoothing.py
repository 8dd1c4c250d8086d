"""Kernels that sum to one and so keep the mean: identity, box, Gaussian, motion blur."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from service.kernels.coordinates import direction, grid, offsets

GAUSSIAN_SIZE = 5


def identity() -> NDArray[np.float64]:
    """Return the 3 x 3 impulse: every value passes through unchanged."""
    kernel = np.zeros((3, 3))
    kernel[1, 1] = 1.0
    return kernel


def box(size: int) -> NDArray[np.float64]:
    """Return the mean over a `size` x `size` window."""
    return np.full((size, size), 1.0 / (size * size))


def gaussian(size: int | None = None, sigma: float | None = None) -> NDArray[np.float64]:
    """Return a sampled Gaussian, the outer product of one profile with itself.

    Parameters
    ----------
    size : odd int, optional
        Left out: 2⌈3σ⌉ + 1 where `sigma` is given, else 5.
    sigma : float, optional
        Left out: 0.3·((size - 1)/2 - 1) + 0.8, OpenCV's rule.

    Returns
    -------
    ndarray of shape (size, size), float64
        exp(-x²/2σ²), divided by its sum, along each axis.
    """
    if size is None:
        size = GAUSSIAN_SIZE if sigma is None else size_for(sigma)
    if sigma is None:
        sigma = gaussian_sigma_for(size)
    profile = np.exp(-0.5 * (offsets(size) / sigma) ** 2)
    profile /= profile.sum()
    return np.outer(profile, profile)


def motion_blur(size: int, angle: float) -> NDArray[np.float64]:
    """Return an anti-aliased line through the centre, as a steady movement draws it.

    The line is `size` pixels long from end to end at every angle. A tap weighs 1 - d, where d is its distance from the
    line's axis segment in pixels, and nothing from d = 1 on; the taps are then divided by their sum.

    Parameters
    ----------
    size : odd int
    angle : float
        Degrees from the rows' direction, clockwise as a picture is seen: 45 runs from upper left to lower right.

    Returns
    -------
    ndarray of shape (size, size), float64
    """
    y, x = grid(size)
    cosine, sine = direction(angle)
    reach = (size - 1) / 2
    along = np.clip(x * cosine + y * sine, -reach, reach)
    distance = np.hypot(x - along * cosine, y - along * sine)
    weights: NDArray[np.float64] = np.maximum(0.0, 1.0 - distance)
    weights /= weights.sum()
    return weights


def size_for(sigma: float) -> int:
    """Return the odd size that reaches three standard deviations on each side: 2⌈3σ⌉ + 1."""
    return 2 * math.ceil(3 * sigma) + 1


def gaussian_sigma_for(size: int) -> float:
    """Return OpenCV's standard deviation for a size (`cv2.getGaussianKernel`)."""
    return 0.3 * ((size - 1) * 0.5 - 1) + 0.8
