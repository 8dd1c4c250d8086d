"""Direct: the definition itself, a tap at a time over whole blocks of positions.

    y[n, f, o] = Σ_c Σ_k  w[f, c, k] · x[n, c, s·o + d·k - before]

For each filter, channel and tap, the shifted block of input times one number is added to the block of output. Nothing
but the window's own taps touches a position, in one fixed order, so it is exact where plain summation is, keeps what
is not finite where it is, and serves as the measure of every other method.

Where each channel has one filter of its own (a depthwise layer), the same sums are taken of many channels at once,
which are laid innermost for that: y[o, c] = Σ_k w[k, c] · x[s·o + d·k - before, c], by one `einsum`. The rows of its
small planes would be too short for NumPy's loops, and their calls too many.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product
from math import prod

import numpy as np

from service.engine.borders import Array, Index, Region, gather
from service.engine.machine import Machine, width
from service.engine.parallel import Workspace, run
from service.engine.plans import ConvPlan

from .method import Method
from .work import (
    BLOCK_BYTES,
    Grid,
    Work,
    cut,
    extent,
    few_taps,
    met_by,
    place,
    reaches_far,
    region_of,
    taps,
    tiles,
    window_cells,
    windows,
)

CHANNELS = 256
"""Channels at once, where they are laid innermost; more of small planes."""
LANES = 32
"""Channels from which that pays."""
APART = 128
"""Bytes between the many channels of a cell and those of the next: at a power of two, as numbers of channels are, all
cells of a channel fall into the same lines of the cache, and to lay them back took up to nine times as long."""
DEPTHWISE_BYTES = 4 * BLOCK_BYTES
"""What a block's input takes there."""
DEPTHWISE_CELLS = 8192
"""Cells that twice a window's span may have there."""
FEW_TERMS = 4096
"""Products of a map up to which they are made by one call and added by another."""
LONE_ROWS = 32
"""Times as many may be made by one call where each map has a single position."""
AT_ONCE_BYTES = 4 * BLOCK_BYTES
"""What its input and products may take then."""
GATHER_CALLS = 25
"""Calls that it takes to find the cells that a tap meets from afar."""
LISTED_TAPS = 4096
"""Taps whose places are listed at once."""
FEW_TAPS = 64
"""Taps up to which where they read is remembered from one computation to the next."""


def compute(work: Work) -> None:
    """Fill `work.out`."""
    plan = work.plan
    if is_depthwise(plan):
        _compute_depthwise(work)
        return
    filters = plan.filters // plan.groups

    def block(task: tuple[int, int, Region], workspace: Workspace) -> None:
        image, group, tile = task
        maps = range(group * filters, (group + 1) * filters)
        fill_tile(work, image, maps, tile, workspace)
        work.add_bias(image, slice(maps.start, maps.stop), tile)

    blocks = _tiles(plan, work.out.itemsize, work.shared_among(plan.batch * plan.groups))
    run(product(range(plan.batch), range(plan.groups), blocks), block, work.control, work.threads)


def _tiles(plan: ConvPlan, itemsize: int, least: int = 1) -> Grid:
    if reaches_far(plan):
        return cut(plan.output_size, min(BLOCK_BYTES // itemsize, -(-prod(plan.output_size) // least)))
    return tiles(plan, window_cells(plan, BLOCK_BYTES // itemsize), least)


def is_depthwise(plan: ConvPlan) -> bool:
    """Whether every channel has one filter of its own, there are many, and a window of many fits the cache."""
    twice = prod(2 * reach for reach in plan.span)
    return plan.groups == plan.channels == plan.filters >= LANES and twice <= DEPTHWISE_CELLS


def _compute_depthwise(work: Work) -> None:
    plan, itemsize = work.plan, work.out.itemsize
    together = _channels_at_once(plan, itemsize)
    runs = -(-plan.channels // together)  # of about the same length: einsum adds a lone channel in another order

    def block(task: tuple[int, int, Region], workspace: Workspace) -> None:
        image, number, tile = task
        channels = slice(number * plan.channels // runs, (number + 1) * plan.channels // runs)
        _fill_depthwise(work, image, channels, tile, workspace)
        work.add_bias(image, channels, tile)

    blocks = _depthwise_tiles(plan, itemsize, together)
    run(product(range(plan.batch), range(runs), blocks), block, work.control, work.threads)


def _channels_at_once(plan: ConvPlan, itemsize: int) -> int:
    plane = prod(extent(region_of(plan, tuple((0, n) for n in plan.output_size))))
    return int(min(max(CHANNELS, DEPTHWISE_BYTES // (itemsize * plane)), plan.channels))


def _pitch(channels: int, itemsize: int) -> int:
    """Return from where to where so many channels of neighbouring cells lie, in elements."""
    return channels + (APART // itemsize if channels * itemsize >= 8 * APART else 0)


def _depthwise_tiles(plan: ConvPlan, itemsize: int, together: int) -> Grid:
    return tiles(plan, window_cells(plan, max(1, DEPTHWISE_BYTES // (itemsize * together))))


def _fill_depthwise(work: Work, image: int, channels: slice, tile: Region, workspace: Workspace) -> None:
    """Fill a tile of some channels, laid innermost on the way."""
    plan, region = work.plan, region_of(work.plan, tile)
    count = channels.stop - channels.start
    pitch = _pitch(count, work.out.itemsize)
    x, y = workspace.arrays(work.out.dtype, (*extent(region), pitch), (*extent(tile), pitch))
    x, y = x[..., :count], y[..., :count]
    goal = x.transpose(-1, *range(plan.rank))
    window = work.window(image, channels, region, goal)
    if window is not goal:
        goal[...] = window
    weights = np.ascontiguousarray(work.kernel[channels, 0].transpose(*range(1, plan.rank + 1), 0))
    along_taps, cells, lane = range(plan.rank), range(plan.rank, 2 * plan.rank), 2 * plan.rank
    # One call for all taps, in their order; it adds each product to its sum at once.
    taken = windows(goal, plan, (count, *plan.kernel_size, *y.shape[:-1]))
    np.einsum(taken, [lane, *along_taps, *cells], weights, [*along_taps, lane], [*cells, lane], out=y)
    work.out[(image, channels, *place(tile))] = y.transpose(-1, *range(plan.rank))


def fill_tile(work: Work, image: int, filters: range, tile: Region, workspace: Workspace) -> None:
    """Fill a tile of the maps of some filters of a group, without the bias."""
    plan, region = work.plan, region_of(work.plan, tile)
    if reaches_far(plan):
        _fill_from_afar(work, image, filters, tile, workspace)
        return
    if _at_once_cells(plan, tile, work.out.itemsize):
        _fill_at_once(work, image, filters, tile, workspace)
        return
    if prod(extent(tile)) == 1:
        _fill_alone(work, image, filters, tile, workspace)
        return
    shifts = _shifts(plan, tile) if prod(plan.kernel_size) <= LISTED_TAPS else None
    window, term = workspace.arrays(work.out.dtype, (1, *extent(region)), extent(tile))
    channels = _channels(plan, filters)
    for member, channel in enumerate(range(channels.start, channels.stop)):
        x = work.window(image, slice(channel, channel + 1), region, window)[0]
        for f in filters:
            work.control.check()
            y = work.out[(image, f, *place(tile))]
            weights = work.kernel[f, member].reshape(-1)
            # As numbers of Python: twice as quick to multiply by.
            pairs = zip(weights.tolist(), shifts, strict=True) if shifts else _many_taps(work, weights, tile)
            for i, (weight, (_, shift)) in enumerate(pairs):
                first = i == 0 and member == 0
                np.multiply(x[shift], weight, out=y if first else term)
                if not first:
                    np.add(y, term, out=y)


def _channels(plan: ConvPlan, filters: range) -> slice:
    """Return the channels that filters of one group read."""
    members = plan.channels // plan.groups
    group = filters.start // (plan.filters // plan.groups)
    return slice(group * members, (group + 1) * members)


def _fill_from_afar(work: Work, image: int, filters: range, tile: Region, workspace: Workspace) -> None:
    """Fill a tile from the cells that each tap meets, where a whole window would take too much memory."""
    plan, size = work.plan, extent(tile)
    cells, term = workspace.arrays(work.out.dtype, size, size)
    channels = _channels(plan, filters)
    for member, channel in enumerate(range(channels.start, channels.stop)):
        for tap in np.ndindex(*plan.kernel_size):
            work.control.check()
            positions = met_by(plan, tap, tile)
            gather(work.input[image, channel], positions, cells, plan.padding_mode, work.padding_value)
            for f in filters:
                y, first = work.out[(image, f, *place(tile))], member == 0 and not any(tap)
                np.multiply(cells, work.kernel[(f, member, *tap)], out=y if first else term)
                if not first:
                    np.add(y, term, out=y)


def _at_once_cells(plan: ConvPlan, tile: Region, itemsize: int) -> int:
    """Return what it takes to fill a small tile at once, in cells; 0 where it is filled tap by tap."""
    positions, members = prod(extent(tile)), plan.channels // plan.groups
    if not 1 < positions <= FEW_TERMS // plan.taps:  # a lone sum would not be added in order
        return 0
    cells = members * (prod(extent(region_of(plan, tile))) + plan.taps * positions)
    return cells if cells * itemsize <= AT_ONCE_BYTES else 0


def _fill_at_once(work: Work, image: int, filters: range, tile: Region, workspace: Workspace) -> None:
    """Fill a small tile: of each map all products, and then their sums, a row of products added to those before."""
    plan, region, size = work.plan, region_of(work.plan, tile), extent(tile)
    members = plan.channels // plan.groups
    window, terms = workspace.arrays(work.out.dtype, (members, *extent(region)), (members, *plan.kernel_size, *size))
    x = windows(work.window(image, _channels(plan, filters), region, window), plan, terms.shape)
    for f in filters:
        work.control.check()
        np.multiply(x, work.kernel[f].reshape(members, *plan.kernel_size, *(1,) * plan.rank), out=terms)
        np.add.reduce(terms.reshape(plan.taps, *size), axis=0, out=work.out[(image, f, *place(tile))])


def _fill_alone(work: Work, image: int, filters: range, tile: Region, workspace: Workspace) -> None:
    """Fill a single position of many maps: of some all products, and then each one's sum, in order."""
    plan, members = work.plan, work.plan.channels // work.plan.groups
    region, size = region_of(plan, tile), (members, *plan.kernel_size)
    window, x, terms = workspace.arrays(work.out.dtype, (members, *extent(region)), size, (FEW_TERMS * LONE_ROWS,))
    shape = (*size, *(1,) * plan.rank)
    x[...] = windows(work.window(image, _channels(plan, filters), region, window), plan, shape).reshape(size)
    cells, weights = x.reshape(-1), work.kernel.reshape(plan.filters, -1)
    out = work.out[(image, slice(None), *place(tile))].reshape(-1)
    together = max(1, len(terms) // plan.taps)
    for first in range(filters.start, filters.stop, together):
        maps = slice(first, min(first + together, filters.stop))
        for start in range(0, plan.taps, len(terms)):
            work.control.check()
            taken = weights[maps, start : start + len(terms)]
            products = terms[: taken.size].reshape(taken.shape)
            np.multiply(taken, cells[start : start + len(terms)], out=products)
            if start:
                products[:, 0] += out[maps]
            out[maps] = np.add.accumulate(products, axis=1, out=products)[:, -1]


def _many_taps(work: Work, weights: Array, tile: Region) -> Iterator[tuple[float, tuple[tuple[int, ...], Index]]]:
    """Yield each weight and what it meets, some at a time: of a million taps the list would take far more than they."""
    places = taps(work.plan, tile)
    for start in range(0, len(weights), LISTED_TAPS):
        work.control.check()
        yield from zip(weights[start : start + LISTED_TAPS].tolist(), places, strict=False)


def _shifts(plan: ConvPlan, tile: Region) -> list[tuple[tuple[int, ...], Index]]:
    return few_taps(plan, tile) if plan.taps <= FEW_TAPS else list(taps(plan, tile))


def seconds(plan: ConvPlan, itemsize: int, machine: Machine) -> float:
    """Return what one thread takes: two calls a tap, channel and filter, which read and write two arrays each.

    Of a depthwise layer a loop over the channels a cell and tap, and the copies that lay them innermost and back.
    """
    pair = width(itemsize)
    if is_depthwise(plan):
        together = _channels_at_once(plan, itemsize)
        blocks = len(_depthwise_tiles(plan, itemsize, together)) * plan.batch * -(-plan.channels // together)
        added = plan.macs * (machine.call / 100 / together + 2 / machine.passes[pair])
        moved = 3 * prod(plan.input_shape) + 7 * prod(plan.output_shape)
        return added + moved / machine.moves[pair] + blocks * (machine.call + machine.block / 4)
    blocks = len(_tiles(plan, itemsize)) * plan.batch
    if reaches_far(plan):
        gathered = blocks * plan.channels * prod(plan.kernel_size) * (GATHER_CALLS * machine.call)
        return gathered + (2 * blocks * plan.filters * plan.taps * machine.call + 6 * plan.macs / machine.moves[pair])
    calls = 2 * blocks * plan.filters * plan.taps
    return calls * machine.call + blocks * machine.block / 4 + 4 * plan.macs / machine.passes[pair]


def working_bytes(plan: ConvPlan, itemsize: int, threads: int) -> int:
    """Return the memory that it takes: a block of input and one of products, a thread."""
    if is_depthwise(plan):
        together = _channels_at_once(plan, itemsize)
        tile = _depthwise_tiles(plan, itemsize, together)[0]
        cells = prod(extent(region_of(plan, tile))) + prod(extent(tile))
        return threads * itemsize * _pitch(together, itemsize) * cells
    tile = _tiles(plan, itemsize)[0]
    positions = prod(extent(tile))
    # From afar the cells that a tap meets, and where on each axis they lie.
    read = positions + 4 * sum(extent(tile)) if reaches_far(plan) else prod(extent(region_of(plan, tile)))
    return threads * itemsize * max(read + positions, _at_once_cells(plan, tile, itemsize))


METHOD = Method("direct", compute, lambda _: "", seconds, working_bytes, in_order=True, any_reach=True)
