"""Separable: a filter that is a product of one-axis filters, one axis after the other.

    w[k₁, k₂] = u[k₁] · v[k₂]   ⟹   Y = B_u · X · B_vᵀ

k₁ + k₂ taps a position in place of k₁·k₂; a Gaussian, a box and every Sobel-like derivative are of this kind. Each pass
is a matrix product with the band of its taps (see `bands`), over views of the block: nothing is copied. Whether a
filter is a product, and of which factors, is found from its values: the row and the column of its largest tap, provided
that their product is the filter again to the last digit or so. Factors of an integer filter are integers, so that sums
of integers stay exact.
"""

from __future__ import annotations

from itertools import product
from math import prod

import numpy as np

from service.engine.borders import Array, Index, Region
from service.engine.errors import MethodNotApplicable
from service.engine.machine import Machine, width
from service.engine.parallel import Workspace, run
from service.engine.plans import ConvPlan
from service.engine.precision import all_finite

from . import direct
from .bands import band, reach, strips
from .method import Method
from .work import Work, extent, place, region_of, tiles

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


def factors(filter: Array) -> list[Array] | None:
    """Return one array of taps an axis whose outer product is `filter`, or None if there is none.

    Examples
    --------
    >>> factors(np.array([[1.0, 2, 3], [2, 4, 6]]))
    [array([1., 2.]), array([1., 2., 3.])]
    """
    if not np.isfinite(filter).all() or not filter.any():
        return None
    sizes = np.abs(filter)
    peak = np.unravel_index(sizes.argmax(), filter.shape)
    small = np.finfo(filter.dtype).eps * float(sizes.sum())
    if abs(_minor(filter, [int(p) for p in peak])) > 4 * small * float(sizes[peak]):
        return None
    found: list[Array] = []
    for axis in range(filter.ndim):
        line = filter[tuple(slice(None) if a == axis else p for a, p in enumerate(peak))]
        # All but the first carry the shape alone; integers stay integers if the line's common divisor is taken out.
        whole = bool((filter == np.rint(filter)).all()) and abs(filter[peak]) < 2**31
        divisor = np.gcd.reduce(line.astype(np.int64)) * np.sign(line[peak[axis]]) if whole else filter[peak]
        found.append((line / divisor).astype(filter.dtype))
    again = found[0]
    for taps in found[1:]:
        again = np.multiply.outer(again, taps)
    found[0] = found[0] * (filter[peak] / again[peak])
    again = again * (filter[peak] / again[peak])
    return found if np.abs(again - filter).sum() <= small else None


def _minor(filter: Array, peak: list[int]) -> float:
    """Return a minor of the largest tap and one in a corner, zero where the filter is a product: most are not."""
    first, *others = [0 if p else n - 1 for p, n in zip(peak, filter.shape, strict=True)]
    largest, corner = filter.item(*peak), filter.item(first, *others)
    return float(largest * corner - filter.item(first, *peak[1:]) * filter.item(peak[0], *others))


def compute(work: Work) -> None:
    """Fill `work.out`.

    Raises
    ------
    MethodNotApplicable
        If a filter is no product of one-axis filters.
    """
    plan = work.plan
    bands: list[list[Array]] = []
    for f in range(plan.filters):
        found = factors(work.kernel[f, 0])
        if found is None:
            raise MethodNotApplicable(
                f"filter {f} is no outer product of one-axis filters, so it is not separable; "
                'use method "auto" or another',
                "method",
            )
        axes = zip(found, _heights(plan, work.out.itemsize), plan.stride, plan.dilation, strict=True)
        bands.append([band(taps[None], rows, stride, dilation)[0] for taps, rows, stride, dilation in axes])

    def block(task: tuple[int, int, Region], workspace: Workspace) -> None:
        image, f, tile = task
        _fill_tile(work, bands[f], image, f, tile, workspace)
        work.add_bias(image, slice(f, f + 1), tile)

    blocks = tiles(plan, CELLS, work.shared_among(plan.batch * plan.filters))
    run(product(range(plan.batch), range(plan.filters), blocks), block, work.control, work.threads)


def _fill_tile(work: Work, bands: list[Array], image: int, f: int, tile: Region, workspace: Workspace) -> None:
    plan, region = work.plan, region_of(work.plan, tile)
    channel = f // (plan.filters // plan.groups)
    # After each pass one more axis has the output's size.
    sizes = [(*extent(tile)[: a + 1], *extent(region)[a + 1 :]) for a in range(plan.rank - 1)]
    window, *between = workspace.arrays(work.out.dtype, (1, *extent(region)), *sizes)
    x = work.window(image, slice(channel, channel + 1), region, window)[0]
    if not all_finite(x):  # a band's zeros would spread it
        direct.fill_tile(work, image, channel, tile, workspace)
        return
    for axis, (matrix, y) in enumerate(zip(bands, [*between, work.out[(image, f, *place(tile))]], strict=True)):
        _pass(x, matrix, axis, plan, y)
        x = y


def _pass(x: Array, matrix: Array, axis: int, plan: ConvPlan, out: Array) -> None:
    """Correlate `x` along one axis into `out`, as many rows at once as the band has; fewer take a corner of it."""
    stride, span, count = plan.stride[axis], plan.span[axis], out.shape[axis]
    most = len(matrix)
    whole = count // most * most
    for first, last in ((0, whole), (whole, count)):
        if first == last:
            continue
        rows = min(most, last - first)
        read = reach(rows, stride, span)
        corner = matrix[:rows, :read]
        part = x[_along(axis, slice(first * stride, first * stride + reach(last - first, stride, span)))]
        source = strips(part, axis, read, rows * stride)
        goal = out[_along(axis, slice(first, last))]
        goal = goal.reshape(*goal.shape[:axis], -1, rows, *goal.shape[axis + 1 :], copy=False)
        if axis == x.ndim - 1:  # (…, lines, strips, read) · cornerᵀ
            turned = np.ascontiguousarray(corner.T)  # BLAS takes twice as long with a transposed view
            np.matmul(source.swapaxes(-3, -2), turned, out=goal.swapaxes(-3, -2))
        elif axis == x.ndim - 2:  # corner · (…, strips, read, columns)
            np.matmul(corner, source, out=goal)
        else:
            np.matmul(corner, np.moveaxis(source, axis + 1, -2), out=np.moveaxis(goal, axis + 1, -2))


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
    blocks = len(tiles(plan, CELLS)) * machine.block * (plan.rank + 1)
    return plan.batch * plan.filters * (total + prod(plan.input_size) / machine.moves[pair] + blocks)


def working_bytes(plan: ConvPlan, itemsize: int, threads: int) -> int:
    """Return the memory that it takes: all bands, a block's window and what each pass but the last leaves, a thread."""
    axes = zip(_heights(plan, itemsize), plan.stride, plan.span, strict=True)
    bands = sum(rows * reach(rows, stride, span) for rows, stride, span in axes)
    return plan.filters * bands * itemsize + threads * itemsize * plan.rank * prod(
        extent(region_of(plan, tiles(plan, CELLS)[0]))
    )


METHOD = Method("separable", compute, unsuitable, seconds, working_bytes, by_values=True)
