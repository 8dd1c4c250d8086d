"""Direct: the definition itself, a tap at a time over whole blocks of positions.

    y[n, f, o] = Σ_c Σ_k  w[f, c, k] · x[n, c, s·o + d·k - before]

For each filter, channel and tap, the shifted block of input times one number is added to the block of output. Nothing
but the window's own taps touches a position, in one fixed order, so it is exact where plain summation is, keeps what
is not finite where it is, and serves as the measure of every other method.
"""

from __future__ import annotations

from itertools import product

import numpy as np

from service.engine.borders import Region
from service.engine.parallel import Workspace, run

from .work import BLOCK_BYTES, Work, extent, place, region_of, taps, tiles


def compute(work: Work) -> None:
    """Fill `work.out`."""
    plan = work.plan

    def block(task: tuple[int, int, Region], workspace: Workspace) -> None:
        image, group, tile = task
        region, shifts = region_of(plan, tile), list(taps(plan, tile))
        window, term = workspace.arrays(work.out.dtype, (1, *extent(region)), extent(tile))
        filters = range(group * plan.filters // plan.groups, (group + 1) * plan.filters // plan.groups)
        for member in range(plan.channels // plan.groups):
            channel = group * plan.channels // plan.groups + member
            x = work.window(image, slice(channel, channel + 1), region, window)[0]
            for f in filters:
                work.control.check()
                y = work.out[(image, f, *place(tile))]
                for i, (tap, shift) in enumerate(shifts):
                    first = i == 0 and member == 0
                    np.multiply(x[shift], work.kernel[(f, member, *tap)], out=y if first else term)
                    if not first:
                        y += term
        work.add_bias(image, slice(filters.start, filters.stop), tile)

    blocks = tiles(plan, BLOCK_BYTES // work.out.itemsize)
    run(product(range(plan.batch), range(plan.groups), blocks), block, work.control, work.threads)
