"""Banded: several rows of output by one matrix product, for filters that are too few to fill one.

    Y[r, p] = Σ_j  B[r, j] · X[j, p],    B[r, (c, k₂, s·r + d·k₁)] = w[c, k₁, k₂],  zero elsewhere

GEMM gives a lone filter one row of a matrix, and copies every input cell once a tap. Here R neighbouring rows of output
share the rows of input between them: B holds R copies of the filter, each a stride lower, so that a column X[:, p] of
(R-1)s + d(k₁-1) + 1 input rows yields R outputs. That is k₂·(1 + (k₁-1)/R) copies of a cell in place of k₁·k₂, for
(R + k₁ - 1)/k₁ times the products, and BLAS is that much faster than passes over the taps. B is a Toeplitz matrix
(Golub & Van Loan, "Matrix Computations", section 4.7). A depthwise layer is one such product a channel and R rows.
A signal of one axis has no rows: there R is a stretch of the signal, and X lies the other way round.

The zeros of B times an infinity or a NaN would spread it over all R rows, so a block that holds one is left to direct.
"""

from __future__ import annotations

from functools import lru_cache
from itertools import product
from math import prod

import numpy as np
from numpy.lib.stride_tricks import as_strided

from service.engine.borders import Array, Region
from service.engine.machine import Machine, width
from service.engine.parallel import Workspace, run
from service.engine.plans import ConvPlan
from service.engine.precision import all_finite

from . import direct
from .bands import band, reach, strips
from .method import Method
from .work import Work, cut, extent, place, region_of

STACK_BYTES = 1024 * 1024
"""What the stacked input X of one product takes: with its output it stays in a core's second-level cache."""
WINDOW_BYTES = 2048 * 1024
"""What a block's window of the input takes, from which several X are copied."""


def rows_at_once(plan: ConvPlan) -> int:
    """Return R: the taller the kernel the more rows (measured), evened out over the output's rows."""
    height, outputs = plan.kernel_size[0], plan.output_size[0]
    rows = 4 if height < 7 < outputs else 8 if height < 12 else 12
    along = 16 if height < 32 else 32
    most = along if plan.rank == 1 else rows
    parts = -(-outputs // most)
    return -(-outputs // parts)


def compute(work: Work) -> None:
    """Fill `work.out`."""
    plan = work.plan
    rows = rows_at_once(plan)
    bands = {r: _bands(work.kernel, plan, r) for r in {rows, plan.output_size[0] % rows} - {0}}

    def block(task: tuple[int, tuple[int, int], Region], workspace: Workspace) -> None:
        image, groups, tile = task
        (start, stop), *others = tile
        # The last rows may be fewer than R.
        whole = start + (stop - start) // rows * rows
        for first, last in ((start, whole), (whole, stop)):
            if first < last:
                part = ((first, last), *others)
                _multiply(work, bands[min(rows, last - first)], image, groups, part, workspace)
        per_group = plan.filters // plan.groups
        work.add_bias(image, slice(groups[0] * per_group, groups[1] * per_group), tile)

    groups, tiles = _blocks(plan, rows, work.out.itemsize, work.shared_among(plan.batch))
    run(product(range(plan.batch), groups, tiles), block, work.control, work.threads)


@lru_cache(maxsize=64)
def _blocks(plan: ConvPlan, rows: int, itemsize: int, least: int = 1) -> tuple[list[tuple[int, int]], list[Region]]:
    """Return the runs of groups and the tiles of positions, so that a block's window is about `WINDOW_BYTES`.

    There are at least `least` blocks, if the groups and rows can be shared out so far.
    """
    others = cut(plan.output_size[1:], max(64, STACK_BYTES // (_depth(plan, rows) * itemsize)))
    widths = zip(extent(others[0]), plan.stride[1:], plan.span[1:], strict=True)
    line = prod((size - 1) * s + reach for size, s, reach in widths) * (plan.channels // plan.groups) * itemsize
    stacks = max(1, WINDOW_BYTES // (line * rows * plan.stride[0]))
    all_stacks = -(-plan.output_size[0] // rows)
    stacks = min(stacks, -(-all_stacks * plan.groups // least))
    high = rows * -(-all_stacks // -(-all_stacks // stacks))
    bands = [(start, min(start + high, plan.output_size[0])) for start in range(0, plan.output_size[0], high)]
    together = max(1, stacks // all_stacks)
    groups = [(start, min(start + together, plan.groups)) for start in range(0, plan.groups, together)]
    return groups, [(band, *other) for band in bands for other in others]


def _depth(plan: ConvPlan, rows: int) -> int:
    """Return how many rows X has."""
    return reach(rows, plan.stride[0], plan.span[0]) * (plan.taps // plan.kernel_size[0])


def _bands(kernel: Array, plan: ConvPlan, rows: int) -> Array:
    """Return B of every filter, (G, F/G, 1, R, C/G·K₂·reach)."""
    bands = band(np.moveaxis(kernel, 2, -1), rows, plan.stride[0], plan.dilation[0])
    return bands.reshape(plan.groups, plan.filters // plan.groups, 1, rows, -1)


def _multiply(
    work: Work, bands: Array, image: int, groups: tuple[int, int], tile: Region, workspace: Workspace
) -> None:
    """Fill a tile, whose rows are a multiple of R, for a run of groups."""
    plan, count, rows = work.plan, groups[1] - groups[0], bands.shape[3]
    members, filters = plan.channels // plan.groups, plan.filters // plan.groups
    region, read = region_of(plan, tile), reach(rows, plan.stride[0], plan.span[0])
    high, *wide = extent(tile)
    total, others = high // rows, plan.kernel_size[1:]
    positions = prod(wide)
    stacks = min(total, max(1, STACK_BYTES // (_depth(plan, rows) * positions * count * work.out.itemsize)))
    window, stack = workspace.arrays(
        work.out.dtype, (count * members, *extent(region)), (count, stacks, members, *others, read, *wide)
    )
    x = work.window(image, slice(groups[0] * members, groups[1] * members), region, window)
    if not all_finite(x):
        for group in range(*groups):
            direct.fill_tile(work, image, group, tile, workspace)
        return
    # (count, stacks, members, read, *region past the rows)
    source = strips(x.reshape(count, members, *x.shape[1:]), 2, read, rows * plan.stride[0]).swapaxes(1, 2)
    # What each tap of the other axes meets of it, (count, stacks, members, *K₂, read, *wide), as a view.
    *outer, down, steps = *source.strides[:4], source.strides[4:]
    along_taps = [d * step for d, step in zip(plan.dilation[1:], steps, strict=True)]
    along_tile = [s * step for s, step in zip(plan.stride[1:], steps, strict=True)]
    shape = (*source.shape[:3], *others, read, *wide)
    shifted = as_strided(source, shape, (*outer, *along_taps, down, *along_tile), writeable=False)
    chosen = slice(groups[0] * filters, groups[1] * filters)
    y = work.out[(image, chosen, *place(tile))].reshape(count, filters, total, rows, -1, copy=False)
    band = bands[groups[0] : groups[1]]
    for first in range(0, total, stacks):
        n = min(stacks, total - first)
        stack[:, :n] = shifted[:, first : first + n]
        stacked, result = stack[:, None, :n], y[:, :, first : first + n]
        if plan.rank == 1:
            np.matmul(stacked.reshape(count, 1, n, -1), band[:, :, 0].swapaxes(-1, -2), out=result[..., 0])
        else:
            np.matmul(band, stacked.reshape(count, 1, n, band.shape[-1], positions), out=result)


def seconds(plan: ConvPlan, itemsize: int, machine: Machine) -> float:
    """Return what one thread takes: a pass over the windows, k₂ copies of R + k₁ - 1 rows for every R, the product."""
    pair, rows = width(itemsize), rows_at_once(plan)
    outputs = plan.batch * plan.groups * prod(plan.output_size)
    depth = _depth(plan, rows)
    copied = outputs * depth / rows + plan.batch * plan.channels * prod(plan.input_size)
    copied *= 1 + 20 / plan.output_size[-1]  # short runs take longer
    multiplied = outputs * (plan.filters // plan.groups) * depth
    groups, tiles = _blocks(plan, rows, itemsize)
    # A signal's bands are rows of one product; others are a small product each.
    products = plan.batch * plan.groups * -(-plan.output_size[0] // rows) if plan.rank > 1 else 0
    blocks = plan.batch * len(groups) * len(tiles) * machine.block + products * machine.call / 8
    # Whole rows are copied faster than windows are; products of so few rows run at little more than half full speed.
    return blocks + copied / (1.6 * machine.moves[pair]) + 1.75 * multiplied / machine.products[pair]


def working_bytes(plan: ConvPlan, itemsize: int, threads: int) -> int:
    """Return the memory that it takes: a block's window and its stacked input, a thread, and all bands."""
    rows = rows_at_once(plan)
    bands = plan.filters * rows * _depth(plan, rows)
    return bands * itemsize + threads * (WINDOW_BYTES + STACK_BYTES)


METHOD = Method("banded", compute, lambda _: "", seconds, working_bytes)
