"""Kernels that add detail back to the picture it came from. All sum to one, so flat areas keep their value."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from service.kernels.second_derivatives import laplacian
from service.kernels.smoothing import gaussian, identity

# A difference along the falling diagonal, both neighbours on each side: GIMP's "Emboss" matrix less its centre.
DIAGONAL_SLOPE = np.array([[-2.0, -1.0, 0.0], [-1.0, 0.0, 1.0], [0.0, 1.0, 2.0]])


def sharpen() -> NDArray[np.float64]:
    """Return the picture less its Laplacian."""
    return identity() - laplacian()


def unsharp(size: int | None = None, sigma: float | None = None, amount: float = 1.0) -> NDArray[np.float64]:
    """Return the picture plus `amount` times what a Gaussian blur takes away; `size`, `sigma` as for `gaussian`."""
    blur = gaussian(size, sigma)
    impulse = np.zeros_like(blur)
    impulse[impulse.shape[0] // 2, impulse.shape[1] // 2] = 1.0
    kernel: NDArray[np.float64] = impulse + amount * (impulse - blur)
    return kernel


def emboss() -> NDArray[np.float64]:
    """Return the picture plus its slope along the falling diagonal."""
    kernel: NDArray[np.float64] = identity() + DIAGONAL_SLOPE
    return kernel
