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

from dataclasses import dataclass
from functools import lru_cache
from itertools import product
from math import prod

import numpy as np

from service.engine.borders import Array, Region
from service.engine.machine import Machine, width
from service.engine.parallel import Workspace, run
from service.engine.plans import ConvPlan
from service.engine.precision import all_finite

from . import direct
from .bands import band, reach
from .method import Method
from .work import Grid, Work, cut, extent, place, region_of, strided

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


@dataclass(frozen=True, slots=True)
class _Block:
    """How a tile of positions is computed.

    Attributes
    ----------
    region
        The cells of the padded input that they read.
    cells, wide
        The sizes of the region, and of the tile past its rows.
    at_once
        How many X a product takes at most.
    runs
        Of R rows an X, and of the fewer that are left: the first of the rows, how many X, and how many rows one yields.
    """

    region: Region
    cells: tuple[int, ...]
    wide: tuple[int, ...]
    at_once: int
    runs: list[tuple[int, int, int]]


def compute(work: Work) -> None:
    """Fill `work.out`."""
    plan = work.plan
    rows = rows_at_once(plan)
    bands = {r: _bands(work.kernel, plan, r) for r in {rows, plan.output_size[0] % rows} - {0}}
    per_group = plan.filters // plan.groups

    together, tiles, at_once = _blocks(plan, rows, work.out.itemsize, work.shared_among(plan.batch))

    def compute_block(task: tuple[int, int, Region], workspace: Workspace) -> None:
        image, first, tile = task
        groups = (first, min(first + together, plan.groups))
        _multiply(work, bands, image, groups, tile, _block(plan, rows, at_once, tile), workspace)
        work.add_bias(image, slice(groups[0] * per_group, groups[1] * per_group), tile)

    starts = range(0, plan.groups, together)
    run(product(range(plan.batch), starts, tiles), compute_block, work.control, work.threads)


@lru_cache(maxsize=64)
def _blocks(plan: ConvPlan, rows: int, itemsize: int, least: int = 1) -> tuple[int, Grid, int]:
    """Return how many groups, and which tiles of positions, so that a block's window is about `WINDOW_BYTES`.

    There are at least `least` blocks, if the groups and rows can be shared out so far. The third is of how many X one
    product of a block is at most.
    """
    others = cut(plan.output_size[1:], max(64, STACK_BYTES // (_depth(plan, rows) * itemsize)))
    widths = zip(extent(others[0]), plan.stride[1:], plan.span[1:], strict=True)
    line = prod((size - 1) * s + reach for size, s, reach in widths) * (plan.channels // plan.groups) * itemsize
    stacks = max(1, WINDOW_BYTES // (line * rows * plan.stride[0]))
    all_stacks = -(-plan.output_size[0] // rows)
    stacks = min(stacks, -(-all_stacks * plan.groups // least))
    high = rows * -(-all_stacks // -(-all_stacks // stacks))
    together = min(plan.groups, max(1, stacks // all_stacks))
    at_once = max(1, STACK_BYTES // (_depth(plan, rows) * prod(extent(others[0])) * together * itemsize))
    return together, Grid(plan.output_size, (high, *others.steps)), at_once


@lru_cache(maxsize=128)
def _block(plan: ConvPlan, rows: int, at_once: int, tile: Region) -> _Block:
    """Return how a tile is computed by products of at most so many X."""
    region, (high, *wide) = region_of(plan, tile), extent(tile)
    whole, rest = divmod(high, rows)
    runs = [(0, whole, rows)] * (whole > 0) + [(whole * rows, 1, rest)] * (rest > 0)
    return _Block(region, extent(region), tuple(wide), at_once, runs)


def _stacked_cells(plan: ConvPlan, groups: int, block: _Block) -> int:
    """Return the cells of the X that a product of so many groups takes at most."""
    return (
        groups
        * prod(block.wide)
        * max(min(stacks, block.at_once) * _depth(plan, rows) for _, stacks, rows in block.runs)
    )


def _depth(plan: ConvPlan, rows: int) -> int:
    """Return how many rows X has."""
    return reach(rows, plan.stride[0], plan.span[0]) * (plan.taps // plan.kernel_size[0])


def _bands(kernel: Array, plan: ConvPlan, rows: int) -> Array:
    """Return B of every filter, (G, F/G, 1, R, C/G·K₂·reach)."""
    filters, channels, *others = range(kernel.ndim)
    down, *across = others
    bands = band(kernel.transpose(filters, channels, *across, down), rows, plan.stride[0], plan.dilation[0])
    return bands.reshape(plan.groups, plan.filters // plan.groups, 1, rows, -1)


def _multiply(
    work: Work,
    bands: dict[int, Array],
    image: int,
    groups: tuple[int, int],
    tile: Region,
    block: _Block,
    workspace: Workspace,
) -> None:
    """Fill a tile for a run of groups."""
    plan, count = work.plan, groups[1] - groups[0]
    members, filters, taps = plan.channels // plan.groups, plan.filters // plan.groups, plan.kernel_size[1:]
    positions, down = prod(block.wide), plan.stride[0]
    window, memory = workspace.arrays(
        work.out.dtype, (count * members, *block.cells), (_stacked_cells(plan, count, block),)
    )
    x = work.window(image, slice(groups[0] * members, groups[1] * members), block.region, window)
    if not all_finite(x):
        for group in range(*groups):
            maps = range(group * filters, (group + 1) * filters)
            direct.fill_tile(work, image, maps, tile, workspace)
        return
    channel, line, *steps = x.strides
    along_taps = [d * step for d, step in zip(plan.dilation[1:], steps, strict=True)]
    along_tile = [s * step for s, step in zip(plan.stride[1:], steps, strict=True)]
    chosen = slice(groups[0] * filters, groups[1] * filters)
    y = work.out[(image, chosen, *place(tile))].reshape(count, filters, -1, positions, copy=False)
    for first, stacks, rows in block.runs:
        # X of each stack, with what each tap of the other axes meets of it: (count, stacks, members, *K₂, read, *wide).
        shape = (members, *taps, reach(rows, down, plan.span[0]), *block.wide)
        strides = (members * channel, rows * down * line, channel, *along_taps, line, *along_tile)
        shifted = strided(x[:, first * down :], (count, stacks, *shape), strides)
        results = y[:, :, first : first + stacks * rows].reshape(count, filters, stacks, rows, positions, copy=False)
        chosen_bands = bands[rows][groups[0] : groups[1]]
        for start in range(0, stacks, block.at_once):
            n = min(block.at_once, stacks - start)
            stacked = memory[: count * n * prod(shape)].reshape(count, n, *shape)
            stacked[...] = shifted[:, start : start + n]
            result = results[:, :, start : start + n]
            if plan.rank == 1:
                np.matmul(stacked.reshape(count, 1, n, -1), chosen_bands[:, :, 0].swapaxes(-1, -2), out=result[..., 0])
            else:
                np.matmul(chosen_bands, stacked.reshape(count, 1, n, -1, positions), out=result)


def seconds(plan: ConvPlan, itemsize: int, machine: Machine) -> float:
    """Return what one thread takes: a pass over the windows, k₂ copies of R + k₁ - 1 rows for every R, the product."""
    pair, rows = width(itemsize), rows_at_once(plan)
    outputs = plan.batch * plan.groups * prod(plan.output_size)
    depth = _depth(plan, rows)
    copied = outputs * depth / rows + plan.batch * plan.channels * prod(plan.input_size)
    copied *= 1 + 20 / plan.output_size[-1]  # short runs take longer
    multiplied = outputs * (plan.filters // plan.groups) * depth
    together, tiles, _ = _blocks(plan, rows, itemsize)
    # A signal's bands are rows of one product; others are a small product each.
    products = plan.batch * plan.groups * -(-plan.output_size[0] // rows) if plan.rank > 1 else 0
    blocks = plan.batch * -(-plan.groups // together) * len(tiles) * machine.block / 2 + products * machine.call / 8
    # Whole rows are copied faster than windows are; products of so few rows run at little more than half full speed.
    return blocks + copied / (1.6 * machine.moves[pair]) + 1.75 * multiplied / machine.products[pair]


def working_bytes(plan: ConvPlan, itemsize: int, threads: int) -> int:
    """Return the memory that it takes: a block's window and its stacked input, a thread, and all bands."""
    rows = rows_at_once(plan)
    bands = plan.filters * sum(r * _depth(plan, r) for r in {rows, plan.output_size[0] % rows})
    count, tiles, at_once = _blocks(plan, rows, itemsize)
    block = _block(plan, rows, at_once, tiles[0])
    window = count * (plan.channels // plan.groups) * prod(block.cells)
    return itemsize * (bands + threads * (window + _stacked_cells(plan, count, block)))


METHOD = Method("banded", compute, lambda _: "", seconds, working_bytes)
