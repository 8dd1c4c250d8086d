"""Second derivatives: Laplacians and the Laplacian of Gaussian. All sum to zero, all have a negative centre."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from service.kernels.coordinates import grid
from service.kernels.smoothing import gaussian, size_for

SECOND_DIFFERENCE = np.array([1.0, -2.0, 1.0])
IMPULSE = np.array([0.0, 1.0, 0.0])

LOG_SIZE = 7


def laplacian() -> NDArray[np.float64]:
    """Return the sum of the second differences along rows and columns (4 neighbours)."""
    return np.outer(SECOND_DIFFERENCE, IMPULSE) + np.outer(IMPULSE, SECOND_DIFFERENCE)


def laplacian_8() -> NDArray[np.float64]:
    """Return the sum of the second differences along rows, columns and both diagonals (8 neighbours)."""
    falling = np.diag(SECOND_DIFFERENCE)
    kernel: NDArray[np.float64] = laplacian() + falling + falling[:, ::-1]
    return kernel


def log(size: int | None = None, sigma: float | None = None) -> NDArray[np.float64]:
    """Return the Laplacian of Gaussian, ((x² + y² - 2σ²)/σ⁴)·G(x, y), with its mean taken off so that it sums to zero.

    Parameters
    ----------
    size : odd int, optional
        Left out: 2⌈3σ⌉ + 1 where `sigma` is given, else 7.
    sigma : float, optional
        Left out: (size - 1)/6, so that the kernel reaches three standard deviations.

    Returns
    -------
    ndarray of shape (size, size), float64

    References
    ----------
    Marr & Hildreth (1980), "Theory of edge detection", Proceedings of the Royal Society B 207, 187-217.
    """
    if size is None:
        size = LOG_SIZE if sigma is None else size_for(sigma)
    if sigma is None:
        sigma = log_sigma_for(size)
    y, x = grid(size)
    kernel: NDArray[np.float64] = gaussian(size, sigma) * (x * x + y * y - 2 * sigma**2) / sigma**4
    kernel -= kernel.mean()
    return kernel


def log_sigma_for(size: int) -> float:
    """Return the standard deviation whose three-fold a kernel of this size reaches."""
    return (size - 1) / 6
