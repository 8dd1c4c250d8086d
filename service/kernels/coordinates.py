"""Where a tap lies: offsets from the centre, x to the right, y down, and angles that turn with them."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

# cos and sin of quarter turns, which the library functions miss by rounding.
_QUARTER_TURNS = {0.0: (1.0, 0.0), 90.0: (0.0, 1.0), 180.0: (-1.0, 0.0), 270.0: (0.0, -1.0)}


def offsets(size: int) -> NDArray[np.float64]:
    """Return the distances of `size` taps from their centre: (size,)."""
    return np.arange(size, dtype=np.float64) - np.float64((size - 1) / 2)


def grid(size: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return (y, x) of every tap of a square kernel, shaped (size, 1) and (1, size)."""
    along = offsets(size)
    return along[:, None], along[None, :]


def direction(angle: float) -> tuple[float, float]:
    """Return (cos, sin) of an angle in degrees, exact at quarter turns."""
    turned = angle % 360.0
    if turned in _QUARTER_TURNS:
        return _QUARTER_TURNS[turned]
    return math.cos(math.radians(turned)), math.sin(math.radians(turned))
