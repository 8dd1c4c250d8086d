"""First derivatives: the kernels that answer to edges.

Each 3 x 3 kernel is the outer product of its two halves, a central difference along one axis and a smoothing along the
other. The `_x` kernels answer to vertical edges and are positive where values grow to the right; the `_y` kernels are
their transposes, answer to horizontal edges and are positive where values grow downwards. All are left unnormalised, as
they were published: divide by the sum of the positive taps for a mean slope.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

DIFFERENCE = np.array([-1.0, 0.0, 1.0])

# Sobel & Feldman (1968), in Duda & Hart (1973), pp. 271-272.
SOBEL_SMOOTHING = np.array([1.0, 2.0, 1.0])
# Prewitt (1970), "Object enhancement and extraction": a plain mean of three differences.
PREWITT_SMOOTHING = np.array([1.0, 1.0, 1.0])
# Scharr (2000), "Optimale Operatoren in der Digitalen Bildverarbeitung": optimised so that the gradient's direction is
# right at every angle; in the integers that OpenCV uses too.
SCHARR_SMOOTHING = np.array([3.0, 10.0, 3.0])

# Roberts (1963), "Machine perception of three-dimensional solids": differences along the two diagonals.
ROBERTS_FALLING = np.array([[1.0, 0.0], [0.0, -1.0]])
ROBERTS_RISING = np.array([[0.0, 1.0], [-1.0, 0.0]])


def sobel_x() -> NDArray[np.float64]:
    return _across_columns(SOBEL_SMOOTHING)


def sobel_y() -> NDArray[np.float64]:
    return sobel_x().T.copy()


def prewitt_x() -> NDArray[np.float64]:
    return _across_columns(PREWITT_SMOOTHING)


def prewitt_y() -> NDArray[np.float64]:
    return prewitt_x().T.copy()


def scharr_x() -> NDArray[np.float64]:
    return _across_columns(SCHARR_SMOOTHING)


def scharr_y() -> NDArray[np.float64]:
    return scharr_x().T.copy()


def roberts_x() -> NDArray[np.float64]:
    return ROBERTS_FALLING.copy()


def roberts_y() -> NDArray[np.float64]:
    return ROBERTS_RISING.copy()


def _across_columns(smoothing: NDArray[np.float64]) -> NDArray[np.float64]:
    """Difference along the columns' axis, smooth along the rows': (3,) -> (3, 3)."""
    return np.outer(smoothing, DIFFERENCE)
