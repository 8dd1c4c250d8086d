"""The transposed convolution by plain loops: every cell spreads the kernel over the output."""

from __future__ import annotations

from itertools import product
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]


def conv_transpose(
    x: Array,
    w: Array,
    *,
    stride: tuple[int, ...],
    padding: tuple[tuple[int, int], ...],
    output_padding: tuple[int, ...],
    dilation: tuple[int, ...],
    groups: int,
) -> Array:
    """Return y[n, f, s·i + d·k - before] += w[c, f, k] · x[n, c, i]."""
    channels, per_group = w.shape[:2]
    size = [
        (n - 1) * s - b - a + d * (k - 1) + o + 1
        for n, s, (b, a), d, k, o in zip(
            x.shape[2:], stride, padding, dilation, w.shape[2:], output_padding, strict=True
        )
    ]
    y = np.zeros((len(x), per_group * groups, *size))
    for c in range(channels):
        group = c * groups // channels
        for cell, tap in product(np.ndindex(*x.shape[2:]), np.ndindex(*w.shape[2:])):
            to = tuple(
                i * s + k * d - b for i, s, k, d, (b, _) in zip(cell, stride, tap, dilation, padding, strict=True)
            )
            if all(0 <= q < n for q, n in zip(to, size, strict=True)):
                for n, f in product(range(len(x)), range(per_group)):
                    y[(n, group * per_group + f, *to)] += w[(c, f, *tap)] * x[(n, c, *cell)]
    return y
