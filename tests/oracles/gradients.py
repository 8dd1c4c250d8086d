"""The backward pass of a convolution by plain loops: every product of the forward pass, looked at from both sides."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]

# NumPy's own name of each border that copies cells.
_NUMPY_MODE: dict[str, Literal["reflect", "symmetric", "edge", "wrap"]] = {
    "reflect": "reflect",
    "symmetric": "symmetric",
    "replicate": "edge",
    "circular": "wrap",
}


def padded_cells(n: int, before: int, after: int, mode: str) -> Array:
    """Return for each cell of a padded axis the cell that it copies, or -1 where it is filled in."""
    if mode in _NUMPY_MODE:
        return np.pad(np.arange(n), (before, after), mode=_NUMPY_MODE[mode])
    return np.pad(np.arange(n), (before, after), constant_values=-1)


def conv_gradients(
    x: Array,
    w: Array,
    g: Array,
    *,
    stride: tuple[int, ...],
    padding: tuple[tuple[int, int], ...],
    padding_mode: str,
    padding_value: float,
    dilation: tuple[int, ...],
    groups: int,
    operation: str,
) -> tuple[Array, Array, Array]:
    """Return the gradients of input, kernel and a bias (F)."""
    of_input, of_kernel = np.zeros(x.shape), np.zeros(w.shape)
    sources = [padded_cells(n, b, a, padding_mode) for n, (b, a) in zip(x.shape[2:], padding, strict=True)]
    filters, channels = len(w) // groups, w.shape[1]
    for n, f, *place in np.ndindex(*g.shape):
        for member, *tap in np.ndindex(*w.shape[1:]):
            c = f // filters * channels + member
            taken = [k - 1 - t if operation == "convolution" else t for t, k in zip(tap, w.shape[2:], strict=True)]
            cell = [
                int(source[o * s + t * d])
                for source, o, s, t, d in zip(sources, place, stride, taken, dilation, strict=True)
            ]
            upstream, filled = g[(n, f, *place)], -1 in cell
            of_kernel[(f, member, *tap)] += upstream * (padding_value if filled else x[(n, c, *cell)])
            if not filled:
                of_input[(n, c, *cell)] += upstream * w[(f, member, *tap)]
    return of_input, of_kernel, g.sum(axis=(0, *range(2, g.ndim)))
