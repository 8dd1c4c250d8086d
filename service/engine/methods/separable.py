"""Separable: a filter that is a product of one-axis filters, one axis after the other.

    w[k₁, k₂] = u[k₁] · v[k₂]   ⟹   Y = B_u · X · B_vᵀ

k₁ + k₂ taps a position in place of k₁·k₂, of filters whose values are such a product (see `factors`). Each pass is a
matrix product with the band of its taps (see `bands`), over views of the block: nothing is copied.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from itertools import product
from math import prod

import numpy as np

from service.engine.borders import Array, Index, Region
from service.engine.errors import MethodNotApplicable
from service.engine.machine import Machine, width
from service.engine.parallel import Workspace, run
from service.engine.plans import ConvPlan
from service.engine.precision import all_finite
from service.engine.products import matmul

from . import direct
from .bands import band, reach, strips
from .method import Method
from .work import Work, extent, place, region_of, tiles, window_cells

CELLS = 256 * 1024
"""Cells of a block's window: it, the passes between and the output share a core's second-level cache."""
ROWS, COLUMN_BYTES = 4, 64
"""Outputs of a band, across memory and along it: few waste few products on zeros, but products need some width."""


def unsuitable(plan: ConvPlan) -> str:
    """Return why this method cannot compute a plan, or nothing."""
    if plan.rank < 2:
        return "it takes two or more spatial axes"
    if plan.channels != plan.groups:
        return "it takes filters that read one channel each"
    return ""


def compute(work: Work) -> None:
    """Fill `work.out`.

    Raises
    ------
    MethodNotApplicable
        If a filter is no product of one-axis filters.
    """
    plan = work.plan
    found = work.survey.separated
    if found[-1] is None:
        raise MethodNotApplicable(
            f"filter {len(found) - 1} is no outer product of one-axis filters, so it is not separable; "
            'use method "auto" or another',
            "method",
        )
    heights = _heights(plan, work.out.itemsize)
    bands = [
        [
            band(taps[None], rows, stride, dilation)[0]
            for taps, rows, stride, dilation in zip(lines, heights, plan.stride, plan.dilation, strict=True)
        ]
        for lines in found
        if lines is not None
    ]
    for matrices in bands:
        matrices[-1] = np.ascontiguousarray(matrices[-1].T)  # BLAS takes twice as long with a transposed view

    def block(task: tuple[int, int, Region], workspace: Workspace) -> None:
        image, f, tile = task
        _fill_tile(work, bands[f], image, f, tile, workspace)
        work.add_bias(image, slice(f, f + 1), tile)

    blocks = tiles(plan, window_cells(plan, CELLS), work.shared_among(plan.batch * plan.filters))
    run(product(range(plan.batch), range(plan.filters), blocks), block, work.control, work.threads)


@dataclass(frozen=True, slots=True)
class _Block:
    """How a tile of positions is computed.

    Attributes
    ----------
    region
        The cells of the padded input that they read.
    sizes
        What each pass reads, first all cells of the region.
    passes
        Of each, the products: which of its inputs and outputs along its axis, and how many rows a product yields.
    """

    region: Region
    sizes: list[tuple[int, ...]]
    passes: list[list[tuple[Index, Index, int]]]


@lru_cache(maxsize=128)
def _block(plan: ConvPlan, itemsize: int, tile: Region) -> _Block:
    region, size = region_of(plan, tile), extent(tile)
    cells = extent(region)
    axes = enumerate(zip(size, _heights(plan, itemsize), plan.stride, plan.span, strict=True))
    return _Block(
        region,
        [(*size[:axis], *cells[axis:]) for axis in range(plan.rank)],  # after each one more axis has the output's size
        [_products(axis, *rest) for axis, rest in axes],
    )


def _products(axis: int, count: int, most: int, stride: int, span: int) -> list[tuple[Index, Index, int]]:
    """Return the products of a pass: as many rows at once as the band has, and the rest, for which a corner of it."""
    whole = count // most * most
    return [
        (
            _along(axis, slice(first * stride, first * stride + reach(last - first, stride, span))),
            _along(axis, slice(first, last)),
            min(most, last - first),
        )
        for first, last in ((0, whole), (whole, count))
        if first < last
    ]


def _fill_tile(work: Work, bands: list[Array], image: int, f: int, tile: Region, workspace: Workspace) -> None:
    """Fill a tile of one filter's map."""
    plan, block = work.plan, _block(work.plan, work.out.itemsize, tile)
    channel = f // (plan.filters // plan.groups)
    first, *others = block.sizes
    window, *between = workspace.arrays(work.out.dtype, (1, *first), *others)
    x = work.window(image, slice(channel, channel + 1), block.region, window)[0]
    if not all_finite(x):  # a band's zeros would spread it
        direct.fill_tile(work, image, range(f, f + 1), tile, workspace)
        return
    axes = zip(bands, block.passes, plan.stride, [*between, work.out[(image, f, *place(tile))]], strict=True)
    for axis, (matrix, products, stride, y) in enumerate(axes):
        for inputs, outputs, rows in products:
            _multiply(x[inputs], matrix, axis, rows, stride, y[outputs])
        x = y


def _multiply(x: Array, matrix: Array, axis: int, rows: int, stride: int, out: Array) -> None:
    """Put a band's product with what so many rows of it read, place after place along an axis, into `out`."""
    count = out.shape[axis] // rows
    read = x.shape[axis] - (count - 1) * rows * stride
    source = strips(x, axis, read, rows * stride)
    goal = out.reshape(*out.shape[:axis], count, rows, *out.shape[axis + 1 :], copy=False)
    if axis == x.ndim - 1:  # (…, lines, strips, read) · bandᵀ
        matmul(source.swapaxes(-3, -2), matrix[:read, :rows], goal.swapaxes(-3, -2))
    elif axis == x.ndim - 2:  # band · (…, strips, read, columns)
        matmul(matrix[:rows, :read], source, goal)
    else:
        matmul(matrix[:rows, :read], np.moveaxis(source, axis + 1, -2), np.moveaxis(goal, axis + 1, -2))


def _heights(plan: ConvPlan, itemsize: int) -> list[int]:
    """Return how many outputs the band of each axis has: no more than there are, each takes a stride of memory."""
    heights = [ROWS] * (plan.rank - 1) + [COLUMN_BYTES // itemsize]
    return [min(rows, n) for rows, n in zip(heights, plan.output_size, strict=True)]


def _along(axis: int, cells: slice) -> Index:
    return (*(slice(None),) * axis, cells)


def seconds(plan: ConvPlan, itemsize: int, machine: Machine) -> float:
    """Return what one thread takes: for each axis the product with a band, over what earlier axes have left."""
    pair, cells, total = width(itemsize), list(plan.input_size), 0.0
    axes = zip(plan.output_size, _heights(plan, itemsize), plan.stride, plan.span, strict=True)
    for axis, (size, rows, stride, span) in enumerate(axes):
        cells[axis] = size
        total += prod(cells) * reach(rows, stride, span) / machine.small_products[pair]
    blocks = len(tiles(plan, window_cells(plan, CELLS))) * machine.block
    found = 20 * machine.call  # to find a filter's factors
    return plan.filters * (found + plan.batch * (total + prod(plan.input_size) / machine.moves[pair] + blocks))


def working_bytes(plan: ConvPlan, itemsize: int, threads: int) -> int:
    """Return the memory that it takes: all bands, a block's window and what each pass but the last leaves, a thread."""
    axes = zip(_heights(plan, itemsize), plan.stride, plan.span, strict=True)
    bands = sum(rows * reach(rows, stride, span) for rows, stride, span in axes)
    return plan.filters * bands * itemsize + threads * itemsize * plan.rank * prod(
        extent(region_of(plan, tiles(plan, window_cells(plan, CELLS))[0]))
    )


METHOD = Method("separable", compute, unsuitable, seconds, working_bytes, by_values=True)
