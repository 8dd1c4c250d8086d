"""The Gabor kernel: a wave under a Gaussian, which answers to stripes of one width and direction."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from service.kernels.coordinates import direction, grid


def gabor(size: int, sigma: float, theta: float, wavelength: float, gamma: float, phase: float) -> NDArray[np.float64]:
    """Return exp(-(x'² + γ²y'²)/2σ²)·cos(2πx'/λ + φ), with x' = x cos θ + y sin θ and y' = y cos θ - x sin θ.

    Parameters
    ----------
    size : odd int
    sigma : float
        Standard deviation of the envelope along the wave, in pixels.
    theta : float
        Direction of the wave in degrees, clockwise from the rows' direction as a picture is seen.
    wavelength : float
        λ, in pixels.
    gamma : float
        Aspect ratio: below 1 the envelope is longer along the stripes than across them.
    phase : float
        φ in degrees: 0 a bright line in the middle, 180 a dark one, 90 and 270 an edge.

    Returns
    -------
    ndarray of shape (size, size), float64
        OpenCV's `getGaborKernel` turned by 180°, which shows only where the phase is neither 0 nor 180.

    References
    ----------
    Petkov & Kruizinga (1997), "Computational models of visual neurons specialised in the detection of periodic and
    aperiodic oriented visual stimuli", Biological Cybernetics 76, 83-96.
    """
    y, x = grid(size)
    cosine, sine = direction(theta)
    across = x * cosine + y * sine
    along = y * cosine - x * sine
    envelope = np.exp(-(across**2 + (gamma * along) ** 2) / (2 * sigma**2))
    kernel: NDArray[np.float64] = envelope * np.cos(2 * math.pi * across / wavelength + math.radians(phase))
    return kernel
