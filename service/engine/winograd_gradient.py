"""Winograd's kernel gradient: that of a three-tap kernel of stride 1, by transforming tiles of input and gradient.

    ∂L/∂w = Gᵀ [ Σ (A g Aᵀ) ⊙ (Bᵀ d B) ] G        summed over the tiles: g of the output's gradient, d of the input

Y = Aᵀ[(G w Gᵀ) ⊙ (Bᵀ d B)]A, the forward computation (`methods/winograd.py`), is linear in w, and this is the transpose
of that linear map, so F(4, 3) saves as many products here: over two axes it takes 36 for a tile where the definition
takes 144. Summed over the tiles they become (m + 2)ⁿ matrix products (filters × tiles) · (tiles × channels).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product
from math import ceil, prod, sqrt

import numpy as np

from .borders import Array, Region, fill
from .control import Control
from .methods.transforms import CACHE_LINE, Turns, parts, points_of_tiles, transforms_of
from .methods.winograd import TILE_ERRORS, unsuitable
from .methods.work import cut, extent
from .parallel import Workspace, run, shared
from .plans import ConvPlan
from .precision import SIZES_AT_ONCE, Survey
from .products import matmul

BLOCK_BYTES = 16 * 1024 * 1024
"""What the transformed tiles of a block take at most: what is done once a block costs more than their misses."""
PART_BYTES = 1024 * 1024
"""What one of two arrays takes in which a few channels' tiles are transformed: about a second-level cache."""
POINTS_AT_ONCE = 6
"""Points whose products are one thread's at once: of one axis all."""

FEWEST_CHANNELS = 32
"""Channels, and filters, a group below which the transforms outweigh the products that they save."""
FEWEST_POSITIONS = 2048
"""Outputs of all images below which too few tiles average their errors out: one alone costs up to 400·ε·max|x|·Σ|g|."""
FEWEST_COUNTING = 256
"""As many of a filter's outputs must have a gradient that counts, (Σ|g|)²/Σg² of them, where the filter itself does."""
FEWEST_TILES = 32
"""Tiles at once below which a memory budget leaves too narrow products."""


def worthwhile(plan: ConvPlan, method: str, itemsize: int, budget_bytes: int) -> bool:
    """Return whether a plan's kernel gradient is computed here, if the data allows."""
    if method not in ("auto", "winograd") or unsuitable(plan) or plan.kernel_size[0] != 3:
        return False
    channels, filters = plan.channels // plan.groups, plan.filters // plan.groups
    each = (_outputs_per_tile(plan) + 2) ** plan.rank * itemsize
    return (
        min(channels, filters) >= FEWEST_CHANNELS
        and plan.batch * prod(plan.output_size) >= FEWEST_POSITIONS
        and _filters_at_once(channels, each, budget_bytes) >= FEWEST_CHANNELS
        and _tiles_at_once(channels + filters, each, budget_bytes) >= FEWEST_TILES
    )


def allowed(input: Array, output_gradient: Array, padding_value: float) -> bool:
    """Return whether data lets tiles be transformed: both tame, as for the forward method, and no sum to be exact.

    Nor may a few outputs carry all of a filter's gradient, whose tiles alone would then have to average out.
    """
    survey = Survey(input, output_gradient, padding_value)
    if survey.integers or not survey.tame or not Survey(output_gradient, output_gradient[:1, :1], 0.0).tame:
        return False
    images, filters = output_gradient.shape[:2]
    totals, squares = np.zeros(filters), np.zeros(filters)
    some = max(1, SIZES_AT_ONCE * filters * images // output_gradient.size)
    for image in output_gradient:
        for start in range(0, filters, some):
            values = image[start : start + some].reshape(min(some, filters - start), -1)
            totals[start : start + some] += np.abs(values).sum(axis=1)
            squares[start : start + some] += np.vecdot(values, values)
    positions = images * prod(output_gradient.shape[2:])
    # Errors of a filter that add up are at most as many ε·max|x|·Σ|g|, and the bound has the largest Σ|g|.
    counts = max(TILE_ERRORS.values()) * totals > 4 * sqrt(positions) * totals.max()
    return bool((totals[counts] ** 2 >= FEWEST_COUNTING * squares[counts]).all())


def winograd_kernel_gradient(
    plan: ConvPlan,
    input: Array,
    output_gradient: Array,
    padding_value: float,
    control: Control,
    threads: int,
) -> Array:
    """Return the gradient of a plan's kernel as it is correlated, (*K, G, F/G, C/G), of the dtype of `output_gradient`.

    Each value is within 4·√(N·P)·ε·max|x|·max over filters of Σ|g| of the exact one, P positions an image and x with
    what pads it, unless the errors of nearly all tiles have one sign; what overflows on the way is not finite.

    Parameters
    ----------
    plan
        One that is `worthwhile`; its `operation` is not looked at.
    input : ndarray of shape (N, C, *S)
        `allowed` together with the gradient.
    output_gradient : ndarray of shape (N, F, *S')
        float32 or float64: what is computed in.
    padding_value
        What fills the padding of modes ``zeros`` and ``constant``.
    """
    filters, channels = plan.filters // plan.groups, plan.channels // plan.groups
    total = np.empty((*plan.kernel_size, plan.groups, filters, channels), output_gradient.dtype)
    each = (_outputs_per_tile(plan) + 2) ** plan.rank * output_gradient.itemsize
    filters_at_once = _filters_at_once(channels, each, control.budget_bytes)
    x = input.reshape(plan.batch, plan.groups, channels, *plan.input_size)
    g = output_gradient.reshape(plan.batch, plan.groups, filters, *plan.output_size)
    for group, some in product(range(plan.groups), parts(filters, filters_at_once)):
        inputs, gradients = x[:, group].swapaxes(0, 1), g[:, group, some].swapaxes(0, 1)
        sums = _Sums(plan, inputs, gradients, padding_value, control, threads)
        sums.compute(total[(..., group, some, slice(None))])
    return total


def _filters_at_once(channels: int, each: int, budget_bytes: int) -> int:
    """Return of how many filters the sums take a quarter of the budget, `each` bytes one of a channel."""
    return max(1, budget_bytes // 4 // (each * channels))


def _tiles_at_once(maps: int, each: int, budget_bytes: int) -> int:
    """Return how many tiles of so many maps a block has, `each` bytes one."""
    return max(1, min(BLOCK_BYTES, budget_bytes // 4) // (each * maps))


def _outputs_per_tile(plan: ConvPlan) -> int:
    """Return m; on three axes the constants of F(4, 3) would cost too many digits."""
    return 4 if plan.rank <= 2 else 2


@dataclass(frozen=True, slots=True)
class _Block:
    """Some images and, of each, some tiles; `bounds` count tiles."""

    images: slice
    bounds: Region

    @property
    def tiles(self) -> tuple[int, ...]:
        """Tiles on each axis."""
        return extent(self.bounds)

    @property
    def count(self) -> int:
        """Tiles of all images."""
        return int(self.images.stop - self.images.start) * prod(self.tiles)


class _Sums:
    """The sums of one group's channels and of some filters, over all tiles, and how they become the gradient."""

    def __init__(
        self, plan: ConvPlan, x: Array, g: Array, padding_value: float, control: Control, threads: int
    ) -> None:
        self.plan, self.x, self.g, self.padding_value = plan, x, g, padding_value
        self.control, self.threads, self.dtype = control, threads, g.dtype
        self.m = _outputs_per_tile(plan)
        inverse, taps, self.of_input = transforms_of(self.m + 2, 3, plan.rank, g.dtype)
        self.of_gradient, self.of_taps = np.ascontiguousarray(inverse.T), np.ascontiguousarray(taps.T)
        self.points = (self.m + 2) ** plan.rank

    def compute(self, out: Array) -> None:
        """Fill `out`, (*K, F/G, C/G)."""
        channels, filters = len(self.x), len(self.g)
        blocks = list(self._blocks(channels + filters))
        tiles = max(block.count for block in blocks)
        pitch = filters * channels + CACHE_LINE // self.dtype.itemsize  # no power of two: see `methods/winograd.py`
        with shared(self.dtype, (self.points * (pitch + (channels + filters) * tiles),)) as memory:
            padded, data = memory[: self.points * pitch].reshape(self.points, pitch), memory[self.points * pitch :]
            sums = padded[:, : filters * channels]
            for block in blocks:
                self._add(block, sums.reshape(self.points, filters, channels, copy=False), data, block is blocks[0])
            flat = out.reshape(len(self.of_taps), -1, copy=False)

            def untransform(some: slice, _: Workspace) -> None:
                matmul(self.of_taps, sums[:, some], flat[:, some])

            run(parts(filters * channels, 16 * 1024), untransform, self.control, self.threads)

    def _add(self, block: _Block, sums: Array, data: Array, first: bool) -> None:
        """Add a block's products to the sums, (points, filters, channels), or put them there."""
        channels, filters, tiles = len(self.x), len(self.g), block.count
        data = data[: self.points * (channels + filters) * tiles].reshape(self.points, channels + filters, tiles)
        x, g = data[:, :channels], data[:, channels:]

        def transform(task: tuple[bool, slice], workspace: Workspace) -> None:
            of_input, some = task
            if of_input:
                self._transform_input(block, some, x[:, some], workspace)
            else:
                self._transform_gradient(block, some, g[:, some], workspace)

        def multiply(some: slice, workspace: Workspace) -> None:
            target = sums[some]
            (found,) = workspace.arrays(self.dtype, (0 if first else len(target), filters, channels))
            matmul(g[some], x[some].swapaxes(1, 2), target if first else found)
            if not first:
                target += found

        channel_bytes = self.points * tiles * self.dtype.itemsize
        threads = max(1, min(self.threads, self.control.budget_bytes // 4 // (3 * channel_bytes)))
        at_once = max(1, min(PART_BYTES, self.control.budget_bytes // (16 * threads)) // channel_bytes)
        tasks = [(True, some) for some in parts(channels, at_once)] + [(False, s) for s in parts(filters, at_once)]
        run(tasks, transform, self.control, threads)
        run(parts(self.points, POINTS_AT_ONCE), multiply, self.control, self.threads)

    def _transform_input(self, block: _Block, channels: slice, out: Array, workspace: Workspace) -> None:
        """Put Bᵀ d B of some channels into `out`, (points, channels, tiles)."""
        before = [b for b, _ in self.plan.padding]
        region = tuple(
            (start * self.m - b, stop * self.m + 2 - b) for (start, stop), b in zip(block.bounds, before, strict=True)
        )
        x = self.x[channels, block.images]
        mode, value = self.plan.padding_mode, self.padding_value
        self._transform(x, region, mode, value, self.of_input, block, out, workspace)

    def _transform_gradient(self, block: _Block, filters: slice, out: Array, workspace: Workspace) -> None:
        """Put A g Aᵀ of some filters into `out`, (points, filters, tiles); g is zero past the output."""
        region = tuple((start * self.m, stop * self.m) for start, stop in block.bounds)
        self._transform(self.g[filters, block.images], region, "zeros", 0.0, self.of_gradient, block, out, workspace)

    def _transform(
        self,
        source: Array,
        region: Region,
        mode: str,
        value: float,
        matrix: Array,
        block: _Block,
        out: Array,
        workspace: Workspace,
    ) -> None:
        """Cut a region of (channels, images, *S) into tiles, m apart, and take these through `matrix` on every axis."""
        columns = len(source) * block.count
        window, *scratch = workspace.arrays(
            self.dtype, (*source.shape[:2], *extent(region)), (self.points * columns,), (self.points * columns,)
        )
        fill(source, region, window, mode, value)
        turns = Turns(*scratch)
        points = points_of_tiles(window, matrix.shape[1], self.m, block.tiles)
        turns.now(*points.shape)[...] = points
        turns.along_axes(matrix, self.plan.rank, columns, out)

    def _blocks(self, maps: int) -> Iterator[_Block]:
        """Yield blocks of tiles, of as many images as fit or of a part of one."""
        plan, each = self.plan, self.points * self.dtype.itemsize
        most = _tiles_at_once(maps, each, self.control.budget_bytes)
        size = tuple(ceil(n / self.m) for n in plan.output_size)
        together = max(1, most // prod(size))
        for image, bounds in product(range(0, plan.batch, together), cut(size, most)):
            yield _Block(slice(image, min(image + together, plan.batch)), bounds)
