"""GEMM: every window a column, all filters at once in one matrix product.

    Y (F × P) = W (F × C·K) · X (C·K × P),    X[(c, k), o] = x[c, s·o + d·k - before]

the "im2col" lowering (Chellapilla, Puri & Simard, "High performance convolutional neural networks for document
processing", 2006), for P positions at a time so that X stays in the cache. Each column holds its window's taps and
nothing else: exact where plain summation is, and what is not finite stays in the windows that hold it. A kernel of one
tap needs no columns: X is the input itself.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from itertools import product
from math import gcd, prod

import numpy as np

from service.engine.borders import Array, Region
from service.engine.machine import Machine, width
from service.engine.parallel import Workspace, run
from service.engine.plans import ConvPlan
from service.engine.products import matmul
from service.engine.remembered import short_list_remembered

from .method import Method
from .work import Work, cut, extent, region_of, strided, windows

COLUMN_BYTES = 2048 * 1024
"""What a block of columns takes: enough to outweigh the calls that fill it …"""
FEWEST_COLUMNS = 96
"""… but a matrix product needs so many columns to be fast, wherever they lie."""
WORTH_SORTING = 12
"""Taps that meet a cell, on average, from which it pays to sort strided cells before they are copied."""


def compute(work: Work) -> None:
    """Fill `work.out`."""
    plan = work.plan
    filters = plan.filters // plan.groups
    blocks = _blocks(plan, work.out.itemsize, work.control.budget_bytes, work.threads)
    # With fewer blocks than threads the filters are shared out instead, each thread with columns of its own.
    parts = min(filters, work.shared_among(plan.batch * plan.groups * len(blocks)))
    matrix = work.kernel.reshape(plan.filters, plan.taps)
    maps = work.out.reshape(plan.batch, plan.filters, -1)

    def compute_block(task: tuple[int, int, tuple[Region, int], int], workspace: Workspace) -> None:
        image, group, (tile, start), part = task
        first = group * filters
        chosen = slice(first + part * filters // parts, first + (part + 1) * filters // parts)
        x = _columns(work, image, group, _block(plan, tile), workspace)
        matmul(matrix[chosen], x, maps[image, chosen, start : start + x.shape[1]])
        work.add_bias(image, chosen, tile)

    run(
        product(range(plan.batch), range(plan.groups), blocks, range(parts)),
        compute_block,
        work.control,
        work.threads,
    )


@dataclass(frozen=True, slots=True)
class _Block:
    """What it takes to compute a tile of positions.

    Attributes
    ----------
    region
        The cells of the padded input that they read.
    window, columns, phase
        Shapes: of the region, of the columns, and of every s-th cell of its rows where they are sorted by phase.
    one_tap
        Whether the region is the columns already.
    """

    region: Region
    window: tuple[int, ...]
    columns: tuple[int, ...]
    phase: tuple[int, ...] | None
    one_tap: bool


def _columns_at_once(plan: ConvPlan, itemsize: int) -> int:
    return max(FEWEST_COLUMNS, COLUMN_BYTES // (plan.taps * itemsize))


@short_list_remembered
def _blocks(plan: ConvPlan, itemsize: int, budget_bytes: int, threads: int) -> list[tuple[Region, int]]:
    """Return tiles of output positions, and the number of each one's first; if few, as many for each thread."""
    columns = min(_columns_at_once(plan, itemsize), max(1, budget_bytes // (3 * threads * plan.taps * itemsize)))
    sharers = -(-threads // (plan.batch * plan.groups))
    positions = prod(plan.output_size)
    number = -(-positions // columns)
    if number < 4 * sharers:
        columns = min(columns, max(FEWEST_COLUMNS, positions // (-(-number // sharers) * sharers)))
    found = cut(plan.output_size, columns)
    return [(tile, int(np.ravel_multi_index([start for start, _ in tile], plan.output_size))) for tile in found]


@lru_cache(maxsize=128)
def _block(plan: ConvPlan, tile: Region) -> _Block:
    members, region = plan.channels // plan.groups, region_of(plan, tile)
    *lead, row = members, *extent(region)
    sort = plan.stride[-1] > 1 and prod(plan.kernel_size) >= WORTH_SORTING * prod(plan.stride)
    return _Block(
        region,
        window=(*lead, row),
        columns=(members, *plan.kernel_size, *extent(tile)),
        phase=(*lead, -(-row // plan.stride[-1])) if sort else None,
        one_tap=plan.taps == members and all(s == 1 for s in plan.stride),
    )


def _columns(work: Work, image: int, group: int, block: _Block, workspace: Workspace) -> Array:
    """Return the windows of a tile as columns, (C/G·K, positions)."""
    plan, members = work.plan, block.columns[0]
    channels = slice(group * members, (group + 1) * members)
    window, columns, phase = workspace.arrays(work.out.dtype, block.window, block.columns, block.phase or (0,))
    x = work.window(image, channels, block.region, window)
    if block.one_tap and x[0].flags.c_contiguous:
        return x.reshape(members, -1)
    if block.phase:
        _copy_by_phase(x, plan, phase, columns)
    else:
        columns[...] = windows(x, plan, columns.shape)
    return columns.reshape(plan.taps, -1)


def _copy_by_phase(x: Array, plan: ConvPlan, phase: Array, columns: Array) -> None:
    """Fill columns, (channels, *K, *tile), by way of every s-th cell of each row, where a tap's cells are neighbours.

    Tap k meets the cells s·o + d·k: of those d·k mod s and every s-th from there, the one at o + ⌊d·k/s⌋. With
    g = gcd(s, d) so do taps k + s/g, k + 2s/g, …, each d/g further on.
    """
    rank, stride, dilation = plan.rank, plan.stride[-1], plan.dilation[-1]
    common = gcd(stride, dilation)
    steps = phase.strides[1:]
    along_taps = [d * step for d, step in zip(plan.dilation[:-1], steps, strict=False)]
    along_tile = [s * step for s, step in zip(plan.stride[:-1], steps, strict=False)]
    strides = (phase.strides[0], *along_taps, dilation // common * steps[-1], *along_tile, steps[-1])
    for first in range(min(stride // common, plan.kernel_size[-1])):
        before, rest = divmod(first * dilation, stride)
        cells = x[..., rest::stride]
        phase[..., : cells.shape[-1]] = cells
        target = columns[(*(slice(None),) * rank, slice(first, None, stride // common))]
        target[...] = strided(phase, target.shape, strides, before)


def seconds(plan: ConvPlan, itemsize: int, machine: Machine) -> float:
    """Return what one thread takes: a copy of every cell a tap, and the product."""
    pair, filters = width(itemsize), plan.filters // plan.groups
    positions = plan.batch * prod(plan.output_size)
    blocks = plan.batch * plan.groups * -(-prod(plan.output_size) // _columns_at_once(plan, itemsize))
    copied = positions * plan.taps * plan.groups if plan.taps * plan.groups > plan.channels else 0
    few = 4 / filters + 16 / prod(plan.output_size)
    product_seconds = plan.macs * (1 + few) / machine.products[pair]
    return product_seconds + copied / machine.moves[pair] + blocks * machine.block / 3  # a copy and a product


def working_bytes(plan: ConvPlan, itemsize: int, threads: int) -> int:
    """Return the memory that it takes: a block's window, sorted too if it is, and its columns, a thread."""
    block = _block(plan, cut(plan.output_size, _columns_at_once(plan, itemsize))[0])
    return threads * itemsize * (prod(block.window) + prod(block.phase or (0,)) + prod(block.columns))


METHOD = Method("gemm", compute, lambda _: "", seconds, working_bytes)
