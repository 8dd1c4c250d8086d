"""Separable: a filter that is a product of one-axis filters, one axis after the other.

    w[k₁, k₂] = u[k₁] · v[k₂]   ⟹   Y = B_u · X · B_vᵀ

k₁ + k₂ taps a position in place of k₁·k₂, of filters whose values are such a product (see `factors`). Each pass is a
matrix product with the band of its taps (see `bands`), over views of the block: nothing is copied. Along memory a band
has more zeros than taps, for the sake of BLAS: very few taps are added up one by one instead, first (see `shifted`).
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
from .shifted import Term, add_up, passes, terms_of
from .work import Grid, Work, extent, place, region_of, tiles, window_cells

CELLS = 256 * 1024
"""Cells of a block's window: it, the passes between and the output share a core's second-level cache."""
SHIFTED_BYTES = 640 * 1024
"""What it takes where taps are added up, each in a pass of its own over the block."""
LONG_ROWS = 16 * 1024
"""Cells up to which rows stay whole there: whole rows are one run of memory."""
MOST_PASSES, MANY_CELLS = (3, 6), 2 * 1024 * 1024
"""Passes up to which that is quicker than a product, in maps of fewer cells and of so many (measured)."""
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
    filters = [_filter(lines, plan, work.out.itemsize) for lines in found if lines is not None]

    def block(task: tuple[int, int, Region], workspace: Workspace) -> None:
        image, f, tile = task
        _fill_tile(work, filters[f], image, f, tile, workspace)
        work.add_bias(image, slice(f, f + 1), tile)

    shifted = all(filter.terms for filter in filters)
    blocks = _tiles(plan, work.out.itemsize, shifted, work.shared_among(plan.batch * plan.filters))
    run(product(range(plan.batch), range(plan.filters), blocks), block, work.control, work.threads)


def _tiles(plan: ConvPlan, itemsize: int, shifted: bool, least: int = 1) -> Grid:
    """Return the tiles of a filter's map, where taps are added up and where they are not."""
    if shifted:
        return tiles(plan, window_cells(plan, SHIFTED_BYTES // itemsize), least, LONG_ROWS)
    return tiles(plan, window_cells(plan, CELLS), least)


@dataclass(frozen=True, slots=True)
class _Filter:
    """How a filter is applied.

    Attributes
    ----------
    terms
        The taps of the last axis, where they are added up; none elsewhere.
    bands
        Of the taps of each other axis, or of each; of the last transposed.
    gaps
        Whether a tap of the last axis is zero, and so in no term.
    """

    terms: list[Term]
    bands: list[Array]
    gaps: bool


def _filter(lines: list[Array], plan: ConvPlan, itemsize: int) -> _Filter:
    last = lines[-1]
    terms = terms_of(last)
    if not _adds_up(plan, passes(terms)):
        terms = []
    axes = zip(lines[:-1] if terms else lines, _heights(plan, itemsize), plan.stride, plan.dilation, strict=False)
    bands = [band(taps[None], rows, stride, dilation)[0] for taps, rows, stride, dilation in axes]
    if not terms:
        bands[-1] = np.ascontiguousarray(bands[-1].T)  # BLAS takes twice as long with a transposed view
    return _Filter(terms, bands, bool((last == 0).any()))


def _adds_up(plan: ConvPlan, passes: int) -> bool:
    """Whether the taps along memory, in so many passes, are added up rather than multiplied by a band."""
    few, more = MOST_PASSES
    return plan.stride[-1] == 1 and passes <= (more if prod(plan.output_size) >= MANY_CELLS else few)


@dataclass(frozen=True, slots=True)
class _Block:
    """How a tile of positions is computed.

    Attributes
    ----------
    region
        The cells of the padded input that they read.
    sizes
        What each product reads, first all cells of the region.
    passes
        Of each axis, the products: which of its inputs and outputs along it, and how many rows one yields.
    """

    region: Region
    sizes: list[tuple[int, ...]]
    passes: list[list[tuple[Index, Index, int]]]


@lru_cache(maxsize=128)
def _block(plan: ConvPlan, itemsize: int, tile: Region, shifted: bool) -> _Block:
    """Return how a tile is computed; where the taps of the last axis are added up, how it is from there on."""
    region, size = region_of(plan, tile), extent(tile)
    cells, last = extent(region), plan.rank - 1
    axes = list(enumerate(zip(size, _heights(plan, itemsize), plan.stride, plan.span, strict=True)))
    products = [_products(axis, *rest) for axis, rest in axes]
    if not shifted:
        return _Block(region, [(*size[:axis], *cells[axis:]) for axis, _ in axes], products)
    sizes = [(*size[:axis], *cells[axis:last], size[last] if axis else cells[last]) for axis in range(last)]
    return _Block(region, sizes, products[:last])


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


def _fill_tile(work: Work, filter: _Filter, image: int, f: int, tile: Region, workspace: Workspace) -> None:
    """Fill a tile of one filter's map."""
    plan, shifted = work.plan, bool(filter.terms)
    block = _block(plan, work.out.itemsize, tile, shifted)
    channel, y = f // (plan.filters // plan.groups), work.out[(image, f, *place(tile))]
    first, *others = block.sizes
    window, *between = workspace.arrays(work.out.dtype, (1, *first), *others, *[first] * (2 * shifted))
    x = cells = work.window(image, slice(channel, channel + 1), block.region, window)[0]
    if shifted:
        x = _added_up(x, filter.terms, plan, window[0], between.pop(), between.pop())
    for axis, (products, goal) in enumerate(zip(block.passes, [*between, y], strict=True)):
        for inputs, outputs, rows in products:
            _multiply(x[inputs], filter.bands[axis], axis, rows, plan.stride[axis], goal[outputs])
        x = goal
    # The zeros of a band spread what is not finite; what overflows on the way, and would not in a plain sum, shows too.
    if not all_finite(y) or (filter.gaps and shifted and not all_finite(cells)):
        direct.fill_tile(work, image, range(f, f + 1), tile, workspace)


def _added_up(x: Array, terms: list[Term], plan: ConvPlan, window: Array, memory: Array, out: Array) -> Array:
    """Return the sums of the terms along the last axis, in rows that are as long as those of `x`."""
    if not x.flags.c_contiguous:
        window[...] = x
        x = window
    met = x.size - plan.span[-1] + 1
    add_up(x.reshape(-1), terms, plan.dilation[-1], out.reshape(-1)[:met], memory.reshape(-1)[:met])
    return out


def _multiply(x: Array, matrix: Array, axis: int, rows: int, stride: int, out: Array) -> None:
    """Put a band's product with what so many rows of it read, place after place along an axis, into `out`.

    Where `out` has shorter rows, what `x` has past them is left out.
    """
    count = out.shape[axis] // rows
    read = x.shape[axis] - (count - 1) * rows * stride
    source = strips(x, axis, read, rows * stride)
    goal = out.reshape(*out.shape[:axis], count, rows, *out.shape[axis + 1 :], copy=False)
    if axis == x.ndim - 1:  # (…, lines, strips, read) · bandᵀ
        matmul(source.swapaxes(-3, -2), matrix[:read, :rows], goal.swapaxes(-3, -2))
        return
    source = source[..., : out.shape[-1]]
    if axis == x.ndim - 2:  # band · (…, strips, read, columns)
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
    """Return what one thread takes: for each axis the product with a band, over what earlier axes have left.

    Along memory the taps are taken to be symmetric, and to be added up where they are few.
    """
    pair, cells, total = width(itemsize), list(plan.input_size), 0.0
    heights, last = _heights(plan, itemsize), plan.rank - 1
    added = 3 * (plan.kernel_size[last] - 1) // 2 or 1
    shifted = _adds_up(plan, added)
    if shifted:
        total += prod(cells) * added / machine.passes[pair]
        cells[last] = plan.output_size[last]
    for axis in range(plan.rank - shifted):
        cells[axis] = plan.output_size[axis]
        total += prod(cells) * reach(heights[axis], plan.stride[axis], plan.span[axis]) / machine.small_products[pair]
    blocks = len(_tiles(plan, itemsize, shifted)) * machine.block / 4
    found = 20 * machine.call  # to find a filter's factors
    return plan.filters * (found + plan.batch * (total + prod(plan.input_size) / machine.moves[pair] + blocks))


def working_bytes(plan: ConvPlan, itemsize: int, threads: int) -> int:
    """Return the memory that it takes: all bands, a block's window and what each pass but the last leaves, a thread."""
    axes = zip(_heights(plan, itemsize), plan.stride, plan.span, strict=True)
    bands = sum(rows * reach(rows, stride, span) for rows, stride, span in axes)
    # Where taps are added up there is an array more, of what are mostly smaller blocks.
    cells = [
        (plan.rank + shifted) * prod(extent(region_of(plan, _tiles(plan, itemsize, shifted)[0])))
        for shifted in (False, True)
    ]
    return itemsize * (plan.filters * bands + threads * max(cells))


METHOD = Method("separable", compute, unsuitable, seconds, working_bytes, by_values=True)
