"""Direct: the definition itself, a tap at a time over whole blocks of positions.

    y[n, f, o] = Σ_c Σ_k  w[f, c, k] · x[n, c, s·o + d·k - before]

For each filter, channel and tap, the shifted block of input times one number is added to the block of output. Nothing
but the window's own taps touches a position, in one fixed order, so it is exact where plain summation is, keeps what
is not finite where it is, and serves as the measure of every other method.
"""

from __future__ import annotations

from itertools import product
from math import prod

import numpy as np

from service.engine.borders import Region
from service.engine.machine import Machine, width
from service.engine.parallel import Workspace, run
from service.engine.plans import ConvPlan

from .method import Method
from .work import BLOCK_BYTES, Work, extent, few_taps, place, region_of, taps, tiles

FEW_TAPS = 64
"""Taps up to which where they read is remembered from one computation to the next."""


def compute(work: Work) -> None:
    """Fill `work.out`."""
    plan = work.plan
    filters = plan.filters // plan.groups

    def block(task: tuple[int, int, Region], workspace: Workspace) -> None:
        image, group, tile = task
        fill_tile(work, image, group, tile, workspace)
        work.add_bias(image, slice(group * filters, (group + 1) * filters), tile)

    blocks = tiles(plan, BLOCK_BYTES // work.out.itemsize, work.shared_among(plan.batch * plan.groups))
    run(product(range(plan.batch), range(plan.groups), blocks), block, work.control, work.threads)


def fill_tile(work: Work, image: int, group: int, tile: Region, workspace: Workspace) -> None:
    """Fill a tile of a group's output maps, without the bias."""
    plan, region = work.plan, region_of(work.plan, tile)
    shifts = few_taps(plan, tile) if plan.taps <= FEW_TAPS else list(taps(plan, tile))
    window, term = workspace.arrays(work.out.dtype, (1, *extent(region)), extent(tile))
    members, filters = plan.channels // plan.groups, plan.filters // plan.groups
    for member in range(members):
        channel = group * members + member
        x = work.window(image, slice(channel, channel + 1), region, window)[0]
        for f in range(group * filters, (group + 1) * filters):
            work.control.check()
            y = work.out[(image, f, *place(tile))]
            for i, (tap, shift) in enumerate(shifts):
                first = i == 0 and member == 0
                np.multiply(x[shift], work.kernel[(f, member, *tap)], out=y if first else term)
                if not first:
                    y += term


def seconds(plan: ConvPlan, itemsize: int, machine: Machine) -> float:
    """Return what one thread takes: two calls a tap, channel and filter, which read and write two arrays each."""
    blocks = len(tiles(plan, BLOCK_BYTES // itemsize)) * plan.batch
    calls = 2 * blocks * plan.filters * plan.taps
    return calls * machine.call + blocks * machine.block / 4 + 4 * plan.macs / machine.passes[width(itemsize)]


def working_bytes(plan: ConvPlan, itemsize: int, threads: int) -> int:
    """Return the memory that it takes: a block of input and one of products, a thread."""
    tile = tiles(plan, BLOCK_BYTES // itemsize)[0]
    return threads * itemsize * (prod(extent(region_of(plan, tile))) + prod(extent(tile)))


METHOD = Method("direct", compute, lambda _: "", seconds, working_bytes, in_order=True)
