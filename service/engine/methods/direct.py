"""Direct: the definition itself, a tap at a time over whole blocks of positions.

    y[n, f, o] = Σ_c Σ_k  w[f, c, k] · x[n, c, s·o + d·k - before]

For each filter, channel and tap, the shifted block of input times one number is added to the block of output. Nothing
but the window's own taps touches a position, in one fixed order, so it is exact where plain summation is, keeps what
is not finite where it is, and serves as the measure of every other method.
"""

from __future__ import annotations

import numpy as np

from service.engine.borders import Index

from .work import BLOCK_BYTES, Work, region_of, taps, tiles


def compute(work: Work) -> None:
    """Fill `work.out`."""
    plan = work.plan
    channels, filters = plan.channels // plan.groups, plan.filters // plan.groups
    for tile in tiles(plan, BLOCK_BYTES // (4 * work.out.itemsize)):
        region, shifts = region_of(plan, tile), list(taps(plan, tile))
        position: Index = tuple(slice(*bounds) for bounds in tile)
        product = np.empty([stop - start for start, stop in tile], work.out.dtype)
        for image in range(plan.batch):
            for channel in range(plan.channels):
                work.control.check()
                group, member = divmod(channel, channels)
                block = work.window(image, slice(channel, channel + 1), region)[0]
                for f in range(group * filters, (group + 1) * filters):
                    target = work.out[(image, f, *position)]
                    for i, (tap, shift) in enumerate(shifts):
                        first = i == 0 and member == 0
                        np.multiply(block[shift], work.kernel[(f, member, *tap)], out=target if first else product)
                        if not first:
                            target += product
            if work.bias is not None:
                whole = work.bias.shape[1:] == plan.output_size
                work.out[(image, slice(None), *position)] += work.bias[(slice(None), *position)] if whole else work.bias
