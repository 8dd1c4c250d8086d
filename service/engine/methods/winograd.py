"""Winograd: kernels of three to five taps and stride 1 with fewer products, by transforming tiles of input and output.

    Y = Aᵀ [ (G g Gᵀ) ⊙ (Bᵀ d B) ] A

F(m, k) computes m neighbouring outputs of a filter g of k taps from the m + k - 1 inputs d of a tile with as many
products in place of m·k, on each axis (Winograd 1980; Lavin & Gray, "Fast algorithms for convolutional neural
networks", arXiv:1509.09308, section 4). Over two axes F(4, 3) takes 36 products for 16 outputs where the definition
takes 144, F(2, 5) as many for 4 where it takes 100. Summed over the channels, the products become a matrix product
(filters × channels) · (channels × tiles) for each point of a tile, and the transforms are matrix products of their own,
an axis at a time.

The transforms' constants grow with the tile and cost digits. Tiles of six a side, F(4, 3), F(3, 4) and F(2, 5), keep
the engine's error bound when enough channels and taps average the errors out; with fewer channels, or on three axes,
F(2, 3) is taken. Every output of a tile feels every input of it, so what is not finite, or out of all proportion to its
surroundings, would leave its windows; and filters of a few taps, or that add up what may be alike in all channels, have
nothing to average errors out: see `choice`, and `averages_out` in `precision`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from itertools import product
from math import ceil, prod

import numpy as np

from service.engine.borders import Array, Region
from service.engine.control import DEFAULT_BUDGET_BYTES
from service.engine.machine import Machine, width
from service.engine.parallel import Workspace, run, shared
from service.engine.plans import ConvPlan
from service.engine.products import matmul

from .method import Method
from .transforms import CACHE_LINE, Turns, parts, points_of_tiles, transforms_of
from .work import Work, cut, extent, place

CHANNELS_FOR_6 = 32
"""Channels a group from which tiles of six keep the bound; below it F(4, 3) breaks it, up to 19-fold for a lone tap."""
TILE_ERRORS = {(4, 1): 2.0, (4, 2): 6.0, (4, 3): 14.0, (6, 1): 45.0, (6, 2): 400.0}
"""What an output of a lone tap w may be off by, in ε·max|x|·|w|, by a tile's side and axes: from hill climbing. Of six
cells on one axis that is 25; the rest is rounding of the sums over channels, which counts sooner there (measured)."""

_MOST_AXES = 3
"""With more, what a tile may be off by was not found."""

TILE_BYTES = 4 * 1024 * 1024
"""What a block's transformed tiles take."""
KERNEL_BYTES = 6 * 1024 * 1024
"""Transformed kernels up to here are made once and kept; larger ones a few filters at a time, beside all the tiles."""
FEW_KERNELS_BYTES = 5 * 1024 * 1024
"""What these few take, while a thread keeps its scratch memory."""
AT_ONCE = 64
"""Channels, or filters at most, whose transforms are made at once in that case, …"""
MANY_TILES = 256
"""… and tiles; with fewer tiles more channels."""


def unsuitable(plan: ConvPlan) -> str:
    """Return why this method cannot compute a plan, or nothing."""
    taps = plan.kernel_size[0]
    if taps not in (3, 4, 5) or any(k != taps for k in plan.kernel_size):
        return f"it takes kernels of 3, 4 or 5 taps, as many on every axis, not {list(plan.kernel_size)}"
    if plan.rank > _MOST_AXES:
        return f"it takes one to {_MOST_AXES} spatial axes, not {plan.rank}"
    if any(s != 1 for s in plan.stride):
        return f"it takes stride 1 on every axis, not {list(plan.stride)}"
    if any(d != 1 for d in plan.dilation):
        return f"it takes dilation 1 on every axis, not {list(plan.dilation)}"
    if taps > 3 and not _averaged(plan):
        return f"with {taps} taps it takes one or two axes and groups of at least {CHANNELS_FOR_6} channels"
    return ""


def tile_side(plan: ConvPlan) -> int:
    """Return how many inputs a tile has on each axis: as many as the error bound allows."""
    return 6 if _averaged(plan) else 4


def _averaged(plan: ConvPlan) -> bool:
    """Whether the errors of tiles of side 6 average out."""
    return plan.rank <= 2 and plan.channels // plan.groups >= CHANNELS_FOR_6


def compute(work: Work) -> None:
    """Fill `work.out`."""
    winograd = _Winograd(work)
    if _kernels_bytes(work.plan, work.out.itemsize) <= KERNEL_BYTES:
        _tiles_outside(winograd)
    else:
        _filters_outside(winograd)


def _kernels_bytes(plan: ConvPlan, itemsize: int) -> int:
    """Return what all transformed kernels take, with what lies between points."""
    a_point = plan.filters * (plan.channels // plan.groups) * itemsize + plan.groups * CACHE_LINE
    return int(tile_side(plan) ** plan.rank) * a_point


def _tiles_outside(winograd: _Winograd) -> None:
    """Transform the kernel once, then take block after block of tiles through all filters."""
    work, groups, filters, members = winograd.work, winograd.groups, winograd.filters, winograd.members
    shape = (groups, winograd.points, winograd.pitch(filters))
    most = winograd.points * max(filters, members)

    def transform_kernel(group: int, some: slice) -> None:
        winograd.transform_kernel(group, some.start, some.stop, kernels[group, :, some])

    def block(task: tuple[int, _Tiles], workspace: Workspace) -> None:
        group, tiles = task
        window, *scratch = workspace.arrays(
            work.out.dtype,
            (members, *tiles.reads(winograd.m, winograd.taps)),
            (most * tiles.count,),
            (most * tiles.count,),
        )
        turns = Turns(*scratch)
        winograd.gather(tiles, slice(group * members, (group + 1) * members), window, turns)
        workspace.await_prepared()
        turns.multiply(kernels[group], (winograd.points, members, tiles.count))
        winograd.scatter(tiles, slice(group * filters, (group + 1) * filters), turns)

    tiles = winograd.blocks(max(1, TILE_BYTES // (2 * most * work.out.itemsize)), work.threads)
    with shared(work.out.dtype, shape) as memory:
        kernels = winograd.unpadded(memory, filters)
        steps = [partial(transform_kernel, group, some) for group in range(groups) for some in parts(filters, AT_ONCE)]
        run(product(range(groups), tiles), block, work.control, work.threads, steps)


def _filters_outside(winograd: _Winograd) -> None:
    """Transform a stretch of tiles, then take it through the filters a few at a time, each transformed on its way."""
    work = winograd.work
    most = max(1, work.control.budget_bytes // 4 // (winograd.points * winograd.members * work.out.itemsize))
    for group, stretch in product(
        range(winograd.groups), _stretches(list(winograd.blocks(min(MANY_TILES, most), 1)), most)
    ):
        _take_through(winograd, group, stretch)


def _take_through(winograd: _Winograd, group: int, stretch: list[_Tiles]) -> None:
    """Compute a group's maps on a stretch of tiles."""
    work, members, points, dtype = winograd.work, winograd.members, winograd.points, winograd.work.out.dtype
    starts = np.cumsum([0, *(tiles.count for tiles in stretch)])
    total = int(starts[-1])

    def transform_input(task: tuple[int, slice], workspace: Workspace) -> None:
        index, some = task
        tiles, count = stretch[index], some.stop - some.start
        size = points * count * tiles.count
        window, *scratch = workspace.arrays(dtype, (count, *tiles.reads(winograd.m, winograd.taps)), (size,), (size,))
        turns = Turns(*scratch)
        winograd.gather(tiles, slice(group * members + some.start, group * members + some.stop), window, turns)
        data[:, some, starts[index] : starts[index + 1]] = turns.now(points, count, tiles.count)

    def multiply(some: slice, workspace: Workspace) -> None:
        count = some.stop - some.start
        size = points * count * total
        padded, *scratch = workspace.arrays(dtype, (points, winograd.pitch(count)), (size,), (size,))
        kernel = winograd.unpadded(padded, count)
        winograd.transform_kernel(group, some.start, some.stop, kernel)
        turns = Turns(*scratch)
        matmul(kernel, data, turns.now(points, count, total))
        winograd.untransform(turns, count, total)
        outputs = turns.now(winograd.m**winograd.rank, count, total)
        chosen = slice(group * winograd.filters + some.start, group * winograd.filters + some.stop)
        for tiles, start in zip(stretch, starts, strict=False):
            winograd.write(tiles, chosen, outputs[..., start : start + tiles.count], turns.spare)

    with shared(dtype, (points, members, total)) as data:
        at_once = AT_ONCE * max(1, MANY_TILES // max(tiles.count for tiles in stretch))
        at_once = min(at_once, -(-members // work.threads))  # channels lie apart in memory, the tiles of one do not
        run(product(range(len(stretch)), parts(members, at_once)), transform_input, work.control, work.threads)
        few = filters_at_once(members, dtype.itemsize * points)
        run(parts(winograd.filters, few), multiply, work.control, work.threads)


def filters_at_once(members: int, point_bytes: int) -> int:
    """Return how many filters' products are made at once beside all tiles: they take a share of the tiles' memory."""
    return max(1, min(AT_ONCE, members // 4, FEW_KERNELS_BYTES // (members * point_bytes)))


def _stretches(blocks: list[_Tiles], tiles: int) -> Iterator[list[_Tiles]]:
    """Yield runs of blocks that hold about so many tiles together."""
    stretch: list[_Tiles] = []
    for block in blocks:
        if stretch and sum(b.count for b in stretch) + block.count > tiles:
            yield stretch
            stretch = []
        stretch.append(block)
    yield stretch


@dataclass(frozen=True, slots=True)
class _Tiles:
    """A block of tiles of one image; `bounds` count tiles."""

    image: int
    bounds: Region
    shape: tuple[int, ...]
    """Tiles on each axis."""
    count: int
    """Tiles in all."""

    def reads(self, m: int, taps: int) -> tuple[int, ...]:
        """Return the size of the window that they read."""
        return tuple(tiles * m + taps - 1 for tiles in self.shape)


class _Winograd:
    """The transforms of one computation: sideⁿ `points` a tile."""

    def __init__(self, work: Work) -> None:
        plan, self.side = work.plan, tile_side(work.plan)
        self.work, self.rank, self.groups, self.taps = work, plan.rank, plan.groups, plan.kernel_size[0]
        self.m = self.side + 1 - self.taps
        found = transforms_of(self.side, self.taps, plan.rank, work.out.dtype)
        self.inverse, self.kernel, self.input = found
        self.points = self.side**plan.rank
        self.members, self.filters = plan.channels // plan.groups, plan.filters // plan.groups

    def pitch(self, filters: int) -> int:
        """Return from where to where so many transformed filters are kept, point by point, in elements.

        At a power of two all points would fall into the same few lines of the cache: it took twice as long to write.
        """
        return filters * self.members + CACHE_LINE // self.work.out.itemsize

    def unpadded(self, kernels: Array, filters: int) -> Array:
        """Return transformed filters at that pitch, (..., points, pitch), as (..., points, filters, C/G)."""
        used = kernels[..., : filters * self.members]
        return used.reshape(*used.shape[:-1], filters, self.members, copy=False)

    def blocks(self, tiles: int, sharers: int) -> Iterator[_Tiles]:
        """Yield blocks of about so many tiles, image by image; at least one for each sharer of a group."""
        plan = self.work.plan
        size = tuple(ceil(size / self.m) for size in plan.output_size)
        an_image = cut(size, min(tiles, ceil(prod(size) / ceil(sharers / (plan.batch * plan.groups)))))
        for image, bounds in product(range(plan.batch), an_image):
            yield _Tiles(image, bounds, extent(bounds), prod(extent(bounds)))

    def transform_kernel(self, group: int, first: int, last: int, out: Array) -> None:
        """Put G g Gᵀ of a group's filters first … last-1 into `out`, (points, filters, C/G)."""
        start = group * self.filters
        taps = self.work.kernel[start + first : start + last].reshape(-1, self.taps**self.rank)
        matmul(self.kernel, taps.T, out.reshape(self.points, -1, copy=False))

    def gather(self, tiles: _Tiles, channels: slice, window: Array, turns: Turns) -> None:
        """Leave Bᵀ d B of some channels of a block of tiles in `turns`, (points, channels, tiles)."""
        m, count = self.m, channels.stop - channels.start
        axes = zip(tiles.bounds, self.work.plan.padding, strict=True)
        region = tuple((start * m - before, stop * m + self.taps - 1 - before) for (start, stop), (before, _) in axes)
        x = self.work.window(tiles.image, channels, region, window)
        points = points_of_tiles(x, self.side, m, tiles.shape)
        turns.now(*points.shape)[...] = points
        turns.along_axes(self.input, self.rank, count * tiles.count)

    def scatter(self, tiles: _Tiles, filters: slice, turns: Turns) -> None:
        """Write Aᵀ M A of the products in `turns`, (points, filters, tiles), to the output."""
        count = filters.stop - filters.start
        self.untransform(turns, count, tiles.count)
        self.write(tiles, filters, turns.now(self.m**self.rank, count, tiles.count), turns.spare)

    def untransform(self, turns: Turns, filters: int, tiles: int) -> None:
        """Turn products, (points, filters, tiles), into outputs, (mⁿ, filters, tiles)."""
        turns.along_axes(self.inverse, self.rank, filters * tiles)

    def write(self, tiles: _Tiles, filters: slice, outputs: Array, spare: Array) -> None:
        """Write outputs, (mⁿ, filters, tiles), where they belong, and add the bias; `spare` holds as many."""
        m, count = self.m, filters.stop - filters.start
        sizes = zip(tiles.bounds, self.work.plan.output_size, strict=True)
        region = tuple((start * m, min(stop * m, size)) for (start, stop), size in sizes)
        target = self.work.out[(tiles.image, filters, *place(region))]
        shape = (count, *(m * n for n in tiles.shape))
        fits = target.shape == shape  # else the last tiles reach past the output
        whole = target if fits else spare[: prod(shape)].reshape(shape)
        self._interleave(outputs.reshape(*(m,) * self.rank, count, *tiles.shape, copy=False), whole)
        if not fits:
            target[...] = whole[(slice(None), *map(slice, target.shape[1:]))]
        self.work.add_bias(tiles.image, filters, region)

    def _interleave(self, outputs: Array, target: Array) -> None:
        """Copy (*m, filters, *tiles) to (filters, *tiles·m), tile beside tile."""
        rank, apart = self.rank, [length for n in target.shape[1:] for length in (n // self.m, self.m)]
        cells = target.reshape(len(target), *apart, copy=False)
        cells = cells.transpose(*range(2, 2 * rank + 1, 2), 0, *range(1, 2 * rank, 2))
        # In this order of axes a run goes over many tiles, not over the few outputs of one as a plain copy's would.
        np.positive(outputs, out=cells, order="C")


def seconds(plan: ConvPlan, itemsize: int, machine: Machine) -> float:
    """Return what one thread takes: the copies of tiles, the transforms, and the products that are left."""
    pair, side, rank = width(itemsize), tile_side(plan), plan.rank
    points, m = int(side**rank), side + 1 - plan.kernel_size[0]
    tiles = plan.batch * prod(ceil(size / m) for size in plan.output_size)
    members, filters = plan.channels // plan.groups, plan.filters // plan.groups
    few = 4 / filters + 8 / tiles
    multiplied = points * tiles * plan.filters * members * (1 + few)
    transformed = rank * points * tiles * (side * plan.channels + m * plan.filters)
    transformed += points * prod(plan.kernel_size) * plan.filters * members * 2 // 3  # in one product
    moved = (
        points * tiles * plan.channels + 2 * int(m**rank) * tiles * plan.filters + points * plan.filters * members / 4
    )
    blocks = max(plan.batch, 2 * points * max(members, filters) * itemsize * tiles // TILE_BYTES) * plan.groups
    work = multiplied / machine.products[pair] + transformed / machine.small_products[pair]
    return work + 1.3 * moved / machine.moves[pair] + blocks * 2 * machine.block  # moved in short runs


def working_bytes(plan: ConvPlan, itemsize: int, threads: int) -> int:
    """Return the memory that it takes: transformed kernels or tiles, and a block of tiles and products a thread."""
    side = tile_side(plan)
    points, m = int(side**plan.rank), side + 1 - plan.kernel_size[0]
    kernels = _kernels_bytes(plan, itemsize)
    if kernels <= KERNEL_BYTES:
        a_tile = points * max(plan.channels, plan.filters) // plan.groups * itemsize
        return kernels + threads * max(TILE_BYTES + TILE_BYTES // 2, 3 * a_tile)
    members = plan.channels // plan.groups
    few = filters_at_once(members, points * itemsize)
    tiles = min(
        DEFAULT_BUDGET_BYTES // 4,
        points * members * itemsize * plan.batch * prod(ceil(n / m) for n in plan.output_size),
    )
    return tiles + threads * (2 * tiles * few // members + points * few * members * itemsize + TILE_BYTES)


def tile_error(plan: ConvPlan) -> float:
    """Return what a lone tap of 1 costs, in ε: as found by hill climbing over the tiles of inputs up to 1."""
    return TILE_ERRORS[tile_side(plan), plan.rank]


METHOD = Method("winograd", compute, unsuitable, seconds, working_bytes, local=False, tile_error=tile_error)
