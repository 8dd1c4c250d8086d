"""The gradient of a convolution's kernel: every tap's own product of the input, shifted, with the output's gradient.

    ∂L/∂w[f, c, k] = Σ_n Σ_o  g[n, f, o] · x[n, c, s·o + d·k - before]

For one tap k this is a matrix product, (F/G, positions) times (positions, C/G), a group; the blocks of positions are
chosen so that the input which all taps share stays in cache.
"""

from __future__ import annotations

import numpy as np

from .borders import Array, Index, fill
from .control import Control
from .geometry import ConvPlan
from .methods.work import BLOCK_BYTES, region_of, taps, tiles
from .precision import FloatType


def kernel_gradient(
    plan: ConvPlan, input: Array, output_gradient: Array, padding_value: float, dtype: FloatType, control: Control
) -> Array:
    """Return the gradient of a plan's kernel as it is correlated, (F, C/G, *K).

    Parameters
    ----------
    plan
        The convolution. Its `operation` is not looked at.
    input : ndarray of shape (N, C, *S)
    output_gradient : ndarray of shape (N, F, *S')
    padding_value
        What fills the padding of modes ``zeros`` and ``constant``.
    dtype
        To compute and answer in.
    """
    groups, channels, filters = plan.groups, plan.channels // plan.groups, plan.filters // plan.groups
    total = np.zeros((*plan.kernel_size, groups, filters, channels), dtype)
    for tile in tiles(plan, BLOCK_BYTES // dtype.itemsize // plan.channels):
        region, shifts = region_of(plan, tile), list(taps(plan, tile))
        position: Index = (slice(None), *(slice(*bounds) for bounds in tile))
        block = np.empty((plan.channels, *(stop - start for start, stop in region)), dtype)
        for image in range(plan.batch):
            control.check()
            fill(input[image], region, block, plan.padding_mode, padding_value)
            upstream = output_gradient[image][position].astype(dtype).reshape(groups, filters, -1)
            for tap, shift in shifts:
                patch = block[(slice(None), *shift)].reshape(groups, channels, -1)
                total[tap] += upstream @ patch.swapaxes(1, 2)
    return np.moveaxis(total.reshape(*plan.kernel_size, plan.filters, channels), (-2, -1), (0, 1))
