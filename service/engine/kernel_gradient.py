"""The gradient of a convolution's kernel: every tap's own product of the input, shifted, with the output's gradient.

    ∂L/∂w[f, c, k] = Σ_n Σ_o  g[n, f, o] · x[n, c, s·o + d·k - before]

For one tap k this is a matrix product a group, (F/G, positions) times (positions, C/G). With stride 1 the positions
need not be gathered: g is laid out as wide as the input, with zeros where no window starts, so that every tap reads the
same block of input as one long row, only begun further on. Those zeros would turn what is not finite into NaN where no
window meets it, so then, and with a larger stride, each tap's cells are copied out. Where a group has few channels the
taps may be stacked into one product instead, since a narrow one is slow. Three taps an axis on many channels go through
Winograd's transforms (`winograd_gradient.py`).

A kernel of very many taps is itself like an output: its gradient is the input convolved with g, stride and dilation
exchanged, and images and channels too, and that is computed as every convolution is.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from math import prod
from typing import NamedTuple, TypeAlias

import numpy as np

from .borders import Array, Index, Region, fill, gather
from .choice import method_for, seconds_of, threads_for
from .control import Control
from .convolution import conv
from .geometry import plan_conv
from .machine import MACHINE, width
from .methods.work import cut, extent, met_by, reaches_far, region_of, strided, taps, tiles, window_cells
from .ordered import kernel_gradient_in_order, products_matter
from .parallel import Workspace, available_threads, run
from .plans import ConvPlan
from .precision import FloatType, Survey
from .sizes import Ints
from .winograd_gradient import allowed, winograd_kernel_gradient, worthwhile

BLOCK_BYTES = 1024 * 1024
"""What is taken at once: a core's second-level cache."""

LEAST_POSITIONS = 256
"""And no fewer positions than this, so that adding a product to the sum costs little beside the product."""

STACKED_BELOW = 16
"""The channels a group below which taps may be stacked."""

COPIED, CALLED, NARROW = 10, 50_000, 0.36
"""What stacking costs and saves, in cells that a product reads (measured): to copy a cell; a call for a product; and
a multiply-accumulate of the narrow product of one tap beside one of all taps."""

LEAST_WINDOWS = 12
"""The windows' worth of cells that a block must hold for taps to be stacked: with fewer it has few positions."""

SUMS_BYTES = 4 * 1024 * 1024
"""What the sums of all threads take at most, where each has its own."""

MANY_TAPS = 256
"""Taps from which the gradient may be a convolution: one by one, each takes a dozen calls of NumPy."""

TAP_SECONDS = 30e-6
"""What these calls take in themselves (measured)."""

MOST_ROUNDS = 16 * 1024
"""Of Python, an image and a tap each, up to which products may be added one by one."""

THREADED_MACS = 25_000_000
"""Below this a thread costs more than it saves."""


def kernel_gradient(
    plan: ConvPlan,
    input: Array,
    output_gradient: Array,
    padding_value: float,
    dtype: FloatType,
    method: str,
    control: Control,
) -> Array:
    """Return the gradient of a plan's kernel as it is correlated, (F, C/G, *K).

    Parameters
    ----------
    plan
        The convolution. Its `operation` is not looked at.
    input : ndarray of shape (N, C, *S)
    output_gradient : ndarray of shape (N, F, *S')
    padding_value
        What fills the padding of modes ``zeros`` and ``constant``.
    dtype
        To compute and answer in.
    method
        What the convolution is asked to be computed by: ``"winograd"`` and ``"auto"`` allow that method here too.
    """
    threads = available_threads(control) if plan.macs >= THREADED_MACS else 1
    if (
        output_gradient.dtype == dtype
        and worthwhile(plan, method, dtype.itemsize, control.budget_bytes)
        and allowed(input, output_gradient, padding_value)
    ):
        found = winograd_kernel_gradient(plan, input, output_gradient, padding_value, control, threads)
        if np.isfinite(found).all():  # else something overflowed, perhaps in a transform alone
            return _filters_first(found)
    terms = plan.batch * prod(plan.output_size)
    in_turn = method in ("auto", "direct") and plan.batch * prod(plan.kernel_size) <= MOST_ROUNDS
    if in_turn and products_matter(input, output_gradient, dtype, terms, plan.macs, padding_value):
        return _filters_first(kernel_gradient_in_order(plan, input, output_gradient, padding_value, dtype, control))
    if method == "auto" and _is_quicker_convolved(plan, input, output_gradient, padding_value, dtype, control, threads):
        return _convolved(plan, input, output_gradient, padding_value, dtype, control)
    shares = _shares(plan, dtype, threads, control.budget_bytes)
    filters, channels = plan.filters // plan.groups, plan.channels // plan.groups
    totals = np.zeros((shares[0].parts, *plan.kernel_size, plan.groups, filters, channels), dtype)

    def add(products: _Products, workspace: Workspace) -> None:
        for images, tile in products.steps():
            control.check()
            given = _Given(input[images], output_gradient[images], tile, padding_value, totals[products.part])
            (products.add_from_afar if products.far else products.add)(given, workspace, control)

    run(shares, add, control, threads)
    if any(share.wide for share in shares) and not np.isfinite(totals).all():
        totals[...] = 0
        run([replace(share, exact=True) for share in shares], add, control, threads)
    for part in totals[1:]:  # in one order, whichever thread was done first
        totals[0] += part
    return _filters_first(totals[0])


def _is_quicker_convolved(
    plan: ConvPlan,
    input: Array,
    output_gradient: Array,
    padding_value: float,
    dtype: FloatType,
    control: Control,
    threads: int,
) -> bool:
    """Return whether the gradient is computed as a convolution, by what both ways are estimated to take.

    Of the methods only that counts which the convolution would take, on these very data: without FFT, all of g is a
    kernel for which a call a tap takes far longer than a call for each tap of the kernel itself.
    """
    taps, itemsize = prod(plan.kernel_size), dtype.itemsize
    # Beside what the convolution takes: g as its kernel, and the answer before it is turned, once each for the survey.
    copies = 2 * (output_gradient.size + prod(plan.kernel_shape)) * itemsize
    if plan.groups > 1 or taps < MANY_TAPS or copies > control.budget_bytes // 2:
        return False
    exchanged = plan_conv(
        (plan.channels, plan.batch, *plan.input_size),
        (plan.filters, plan.batch, *plan.output_size),
        stride=plan.dilation,
        dilation=plan.stride,
        padding=plan.padding,
        padding_mode=plan.padding_mode,
    )
    as_kernel = output_gradient.swapaxes(0, 1).astype(dtype, copy=False)
    survey = Survey(input.swapaxes(0, 1), as_kernel, padding_value)
    method = method_for(exchanged, itemsize, survey, "auto", control)
    pair = width(itemsize)
    read = plan.batch * prod(plan.output_size) * taps * (plan.channels + plan.filters)
    one_by_one = taps * TAP_SECONDS
    one_by_one += (plan.macs / MACHINE.products[pair] + read / MACHINE.moves[pair]) / threads
    return seconds_of(method, exchanged, itemsize) / threads_for(method, exchanged, itemsize, control) < one_by_one / 2


def _convolved(
    plan: ConvPlan, input: Array, output_gradient: Array, padding_value: float, dtype: FloatType, control: Control
) -> Array:
    """Return the gradient as a convolution of the input, (C, N, *S), with the output's, (F, N, *S')."""
    found = conv(
        input.swapaxes(0, 1),
        output_gradient.swapaxes(0, 1),
        stride=plan.dilation,
        dilation=plan.stride,
        padding=plan.padding,
        padding_mode=plan.padding_mode,
        padding_value=padding_value,
        dtype=dtype,
        control=replace(control, on_method=None),
    )
    # There are more where the stride leaves cells over.
    wanted: Index = (..., *(slice(0, k) for k in plan.kernel_size))
    return found[wanted].swapaxes(0, 1)


def _filters_first(total: Array) -> Array:
    """Return sums, (*K, G, F/G, C/G), as a kernel, (F, C/G, *K)."""
    *kernel_size, groups, filters, channels = total.shape
    return np.moveaxis(total.reshape(*kernel_size, groups * filters, channels), (-2, -1), (0, 1))


def _shares(plan: ConvPlan, dtype: FloatType, threads: int, budget_bytes: int) -> list[_Products]:
    """Split the groups among the threads; of fewer groups the positions, or the filters where there are many weights.

    With filters of its own a thread copies all that is read for itself; with positions of its own it has sums of its
    own, as large as the kernel.
    """
    filters = plan.filters // plan.groups
    by_group, everything, budget = -(-plan.groups // threads), slice(0, filters), budget_bytes // threads
    if plan.groups >= threads:
        starts = range(0, plan.groups, by_group)
        return [_Products(plan, slice(g, min(g + by_group, plan.groups)), everything, dtype, budget) for g in starts]
    sums_bytes = threads * prod(plan.kernel_shape) * dtype.itemsize
    if sums_bytes <= min(SUMS_BYTES, budget_bytes // 4):
        groups = slice(0, plan.groups)
        return [_Products(plan, groups, everything, dtype, budget, part=n, parts=threads) for n in range(threads)]
    by_filter = -(-filters // threads)
    return [
        _Products(plan, slice(g, g + 1), slice(f, min(f + by_filter, filters)), dtype, budget)
        for g in range(plan.groups)
        for f in range(0, filters, by_filter)
    ]


_Step: TypeAlias = tuple[slice, Region]
"""Images and output positions."""


class _Given(NamedTuple):
    """What one step adds products of: some images, a tile of output positions, and the sums, (*K, G, F/G, C/G)."""

    input: Array
    gradient: Array
    tile: Region
    padding_value: float
    total: Array


@dataclass(frozen=True)
class _Products:
    """One thread's share: some groups, some filters of each, and one part of the positions of all images.

    `budget` is the working memory that it may take, in bytes.
    """

    plan: ConvPlan
    groups: slice
    filters: slice
    dtype: FloatType
    budget: int
    part: int = 0
    parts: int = 1
    exact: bool = False

    @property
    def size(self) -> tuple[int, int, int]:
        """Groups, filters of each and channels of each."""
        channels = self.plan.channels // self.plan.groups
        return self.groups.stop - self.groups.start, self.filters.stop - self.filters.start, channels

    @cached_property
    def far(self) -> bool:
        """Whether a window spans so much that only the cells that its taps meet are read, for memory's sake too."""
        groups, filters, channels = self.size
        twice = prod(2 * reach for reach in self.plan.span)
        return reaches_far(self.plan) or twice * groups * (channels + filters) * self.dtype.itemsize > self.budget // 2

    @cached_property
    def stacked(self) -> bool:
        """Whether all taps make one product: with few channels, and where a product a tap would take longer."""
        plan, (groups, filters, channels) = self.plan, self.size
        if self.far or channels >= STACKED_BELOW or filters == 1 or prod(plan.kernel_size) == 1:
            return False
        if any(s > 1 for s in plan.stride):  # then cells are copied either way
            return True
        each = groups * (channels + filters + channels * prod(plan.kernel_size)) * self.dtype.itemsize
        if BLOCK_BYTES // each < min(LEAST_WINDOWS * prod(plan.span), prod(plan.input_size)):
            return False
        positions = groups * plan.batch * prod(plan.output_size) // self.parts
        narrow = NARROW * channels * filters
        return channels * positions * COPIED <= (channels + filters + narrow) * positions + CALLED

    @cached_property
    def wide(self) -> bool:
        """Whether taps are read in place, which takes zeros between the gradient's rows if there are several."""
        return all(s == 1 for s in self.plan.stride) and not (self.stacked or self.exact or self.far)

    @property
    def depth(self) -> int:
        """How many rows a group's copied cells have: of all taps, of one, or none where they are read in place."""
        if self.stacked:
            return self.size[2] * prod(self.plan.kernel_size)
        return 0 if self.wide else self.size[2]

    def steps(self) -> list[_Step]:
        """Return the images and the output positions that are taken at once."""
        groups, filters, channels = self.size
        if self.far:
            each = groups * (channels + filters) * self.dtype.itemsize
            positions = max(1, min(BLOCK_BYTES, self.budget) // each)
            some = cut(self.plan.output_size, positions)
            return self._own([(slice(n, n + 1), tile) for n in range(self.plan.batch) for tile in some])
        read = prod(self.plan.stride)  # cells a position
        each = groups * (channels + -(-(filters + self.depth) // read)) * self.dtype.itemsize
        enough = window_cells(self.plan, max(BLOCK_BYTES // each, LEAST_POSITIONS * read))
        cells = max(1, min(enough, self.budget // each))
        found = []
        for tile in tiles(self.plan, cells, -(-self.parts // self.plan.batch)):
            together = max(1, cells // prod(stop - start for start, stop in region_of(self.plan, tile)))
            together = min(together, -(-self.plan.batch // self.parts))
            found += [(slice(n, min(n + together, self.plan.batch)), tile) for n in range(0, self.plan.batch, together)]
        return self._own(found)

    def _own(self, steps: list[_Step]) -> list[_Step]:
        return steps[self.part * len(steps) // self.parts : (self.part + 1) * len(steps) // self.parts]

    def _read(self, given: _Given) -> tuple[Array, Array, Array]:
        """Return this share's part of the input, (N, groups, C/G, *S), of the gradient at the tile, and of the sums."""
        plan, images = self.plan, len(given.input)
        source = given.input.reshape(images, plan.groups, -1, *plan.input_size)[:, self.groups]
        position: Index = (slice(None), self.groups, self.filters, *(slice(*bounds) for bounds in given.tile))
        share = given.gradient.reshape(images, plan.groups, -1, *plan.output_size)[position]
        return source, share, given.total[(..., self.groups, self.filters, slice(None))]

    def add(self, given: _Given, workspace: Workspace, control: Control) -> None:
        """Add some images' products at a tile of output positions to the sums."""
        plan, (groups, filters, channels), tile, images = self.plan, self.size, given.tile, len(given.input)
        source, share, target = self._read(given)
        region = region_of(plan, tile)
        cells, positions = ([stop - start for start, stop in bounds] for bounds in (region, tile))
        laid = cells if self.wide else positions
        gathered = images > 1 or laid != positions
        block, upstream, copied = workspace.arrays(
            self.dtype,
            (groups, channels, images, *cells),
            (groups, filters, images if gathered else 0, *laid),
            (groups, self.depth, images * prod(laid)),
        )
        fill(source, region, np.moveaxis(block, 2, 0), plan.padding_mode, given.padding_value)
        if gathered:
            _lay(share, upstream, positions)
            rows = upstream.reshape(groups, filters, -1)
        else:
            rows = share[0].astype(self.dtype, copy=False).reshape(groups, filters, -1)
        if self.stacked:
            copied.reshape(groups, channels, *plan.kernel_size, images, *positions)[...] = _windows(block, plan, tile)
            found = (rows @ copied.swapaxes(1, 2)).reshape(groups, filters, channels, *plan.kernel_size)
            target += np.moveaxis(found, (0, 1, 2), (-3, -2, -1))
            return
        shifts = list(taps(plan, tile))
        reads = self._in_place(block, shifts) if self.wide else [block[(..., *shift)] for _, shift in shifts]
        width = prod(reads[0].shape[2:])
        rows, copied = rows[..., :width], copied[..., :width]
        for (tap, _), read in zip(shifts, reads, strict=True):
            control.check()
            if not self.wide:
                copied.reshape(read.shape)[...] = read
            target[tap] += rows @ (read if self.wide else copied).swapaxes(1, 2)

    def add_from_afar(self, given: _Given, workspace: Workspace, control: Control) -> None:
        """Do what `add` does, reading for each tap the cells that it meets and no others."""
        plan, (groups, filters, channels), size, images = self.plan, self.size, extent(given.tile), len(given.input)
        source, share, target = self._read(given)
        copied, upstream = workspace.arrays(
            self.dtype, (groups, channels, images, *size), (groups, filters, images, *size)
        )
        np.moveaxis(upstream, 2, 0)[...] = share
        rows = upstream.reshape(groups, filters, -1)
        for tap in np.ndindex(*plan.kernel_size):
            control.check()
            cells = met_by(plan, tap, given.tile)
            gather(source, cells, np.moveaxis(copied, 2, 0), plan.padding_mode, given.padding_value)
            target[tap] += rows @ copied.reshape(groups, channels, -1).swapaxes(1, 2)

    def _in_place(self, block: Array, shifts: list[tuple[Ints, tuple[slice, ...]]]) -> list[Array]:
        """Return what each tap reads of the block as one row, (groups, C/G, cells)."""
        row = block.reshape(*block.shape[:2], -1)
        units = [prod(block.shape[axis + 1 :]) for axis in range(3, block.ndim)]
        starts = [sum(cells.start * unit for cells, unit in zip(shift, units, strict=True)) for _, shift in shifts]
        return [row[..., start : row.shape[-1] - starts[-1] + start] for start in starts]


def _windows(block: Array, plan: ConvPlan, tile: Region) -> Array:
    """Return what each tap meets of a block, (groups, C/G, N, *cells), all at once: (groups, C/G, *K, N, *tile)."""
    of_groups, of_channels, of_images, *steps = block.strides
    along_taps = [d * step for d, step in zip(plan.dilation, steps, strict=True)]
    along_tile = [s * step for s, step in zip(plan.stride, steps, strict=True)]
    shape = (*block.shape[:2], *plan.kernel_size, block.shape[2], *extent(tile))
    return strided(block, shape, (of_groups, of_channels, *along_taps, of_images, *along_tile))


def _lay(share: Array, upstream: Array, positions: list[int]) -> None:
    """Copy a gradient, (N, G, F/G, *tile), images behind filters, with zeros behind each row."""
    if list(upstream.shape[3:]) != positions:
        upstream[...] = 0
    inside: Index = (..., *(slice(0, count) for count in positions))
    np.moveaxis(upstream, 2, 0)[inside] = share
