"""What every method is given: the plan, the arrays, where the answer goes, and how to run."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from itertools import product
from math import prod
from typing import NamedTuple, overload

import numpy as np
from numpy.lib.stride_tricks import as_strided

from service.engine.borders import Array, Index, Positions, Region, fill
from service.engine.control import Control
from service.engine.plans import ConvPlan, ConvTransposePlan
from service.engine.precision import Survey
from service.engine.sizes import Ints

BLOCK_BYTES = 256 * 1024
"""What one array of a block takes: a block of input, of output and of products share a core's second-level cache."""
FAR_CELLS = 1024 * 1024
"""Cells that a block's window has at most where a kernel reaches farther than that cache holds. Where twice its span on
each axis is more, no window is read as a whole: there would be about a block a position."""
_FEW_TILES = 512
GATHER_CELLS = 3000
"""Cells that are read in the time that it takes to find those that a tap meets."""


class Work(NamedTuple):  # made in a fifth of the time that a frozen dataclass takes
    """One convolution to compute.

    Attributes
    ----------
    plan
        The shapes; letters as there.
    input : ndarray of shape (N, C, *S)
        Of any real dtype and layout.
    kernel : ndarray of shape (F, C/G, *K)
        C-contiguous, of the output's dtype, already flipped if the operation asks for it: methods correlate.
    bias : ndarray of shape (F, *1) or (F, *S'), or None
        Of the output's dtype.
    padding_value
        What fills the padding of modes ``zeros`` and ``constant``.
    out : ndarray of shape (N, F, *S')
        C-contiguous, uninitialised; float32 or float64.
    control
        Cancel check and memory.
    threads
        How many to share the blocks among.
    survey
        What is known of input and kernel.
    """

    plan: ConvPlan
    input: Array
    kernel: Array
    bias: Array | None
    padding_value: float
    out: Array
    control: Control
    threads: int
    survey: Survey

    def shared_among(self, items: int) -> int:
        """Return into how many parts each of so many items must be cut for every thread to have one."""
        return -(-self.threads // items)

    def add_bias(self, image: int, filters: slice, tile: Region) -> None:
        """Add the bias to a finished tile of the output, while it is still in the cache."""
        if self.bias is not None:
            whole = self.bias.shape[1:] == self.plan.output_size
            self.out[(image, filters, *place(tile))] += (
                self.bias[(filters, *place(tile))] if whole else self.bias[filters]
            )

    def window(self, image: int, channels: slice, region: Region, out: Array | None = None) -> Array:
        """Return a region of the padded input, (channels, *region), in the output's dtype.

        A view where the region lies inside an input of that dtype; otherwise a copy, in `out` if it is given.
        """
        inside = _inside(self.plan, region)
        if inside is not None and self.input.dtype == self.out.dtype:
            return self.input[(image, channels, *inside)]
        source = self.input[image, channels]
        if out is None:
            out = np.empty((len(source), *(stop - start for start, stop in region)), self.out.dtype)
        return fill(source, region, out, self.plan.padding_mode, self.padding_value)


@lru_cache(maxsize=256)
def _inside(plan: ConvPlan, region: Region) -> Index | None:
    """Return a region of the padded input as slices of the input, or None if it reaches into the padding."""
    reaches_out = any(start < 0 or stop > n for (start, stop), n in zip(region, plan.input_size, strict=True))
    return None if reaches_out else place(region)


def region_of(plan: ConvPlan, tile: Region) -> Region:
    """Return the part of the padded input that a tile of output positions reads, in the input's own coordinates."""
    axes = zip(tile, plan.stride, plan.padding, plan.span, strict=True)
    return tuple((start * s - before, (stop - 1) * s - before + reach) for (start, stop), s, (before, _), reach in axes)


def taps(plan: ConvPlan, tile: Region) -> Iterator[tuple[tuple[int, ...], Index]]:
    """Yield each tap's place in the kernel and the slices of `region_of(plan, tile)` that it meets, a window each."""
    counts = [stop - start for start, stop in tile]
    for tap in product(*map(range, plan.kernel_size)):
        axes = zip(tap, counts, plan.stride, plan.dilation, strict=True)
        yield tap, tuple(slice(t * d, t * d + (count - 1) * s + 1, s) for t, count, s, d in axes)


def windows(x: Array, plan: ConvPlan, shape: tuple[int, ...]) -> Array:
    """Return what each tap meets of the cells that a tile reads, given as (channels, *region), as a view of them.

    Of `shape` (channels, *K, *tile): the windows that `taps` yields, all at once.
    """
    lead, *steps = x.strides
    along_taps = [d * step for d, step in zip(plan.dilation, steps, strict=True)]
    along_tile = [s * step for s, step in zip(plan.stride, steps, strict=True)]
    return strided(x, shape, (lead, *along_taps, *along_tile))


def strided(x: Array, shape: tuple[int, ...], strides: tuple[int, ...], first: int = 0) -> Array:
    """Return a view of `x` from its `first` cell on, of any shape and strides inside it; not to be written to."""
    if x.flags.c_contiguous:
        return np.ndarray(shape, x.dtype, x, first * x.itemsize, strides)  # a tenth of what as_strided takes
    return as_strided(x[..., first:], shape, strides, writeable=False)


@lru_cache(maxsize=128)
def few_taps(plan: ConvPlan, tile: Region) -> list[tuple[tuple[int, ...], Index]]:
    """Return all that `taps` yields, remembered: for kernels of few taps, of which many small inputs may follow."""
    return list(taps(plan, tile))


def reaches_far(plan: ConvPlan | ConvTransposePlan) -> bool:
    """Whether a kernel's window spans so much that only the cells that its taps meet are read."""
    return prod(2 * reach for reach in plan.span) > FAR_CELLS


def cells_read(plan: ConvPlan | ConvTransposePlan) -> int:
    """Return what a computation reads at most, in cells of the padded input, each of them once for all filters.

    Where taps are read one by one, to find their cells counts too; of a transposed convolution that alone, since it
    reads no padding.

    Examples
    --------
    >>> from service.engine.geometry import plan_conv
    >>> cells_read(plan_conv((1, 8, 1), (1, 8, 3), dilation=1000, padding=1000))  # one window a channel
    16008
    """
    maps, taps = plan.batch * plan.channels, prod(plan.kernel_size)
    if isinstance(plan, ConvTransposePlan):
        return maps * taps * (prod(plan.input_size) + GATHER_CELLS) if reaches_far(plan) else 0
    if reaches_far(plan):
        return maps * taps * (prod(plan.output_size) + GATHER_CELLS)
    padded = (n + before + after for n, (before, after) in zip(plan.input_size, plan.padding, strict=True))
    return maps * min(prod(padded), prod(plan.output_size) * prod(plan.span))


def met_by(plan: ConvPlan, tap: tuple[int, ...], tile: Region) -> list[Positions]:
    """Return which cells of the padded input a tap meets at a tile, axis by axis."""
    axes = zip(tap, tile, plan.stride, plan.dilation, plan.padding, strict=True)
    return [np.arange(start, stop) * s + t * d - before for t, (start, stop), s, d, (before, _) in axes]


def window_cells(plan: ConvPlan, cells: int) -> int:
    """Return how many cells a block's window is to have: so many, or twice the kernel's span on each axis.

    With less, most of what a block reads would be there for a few positions, and with little more than the span there
    would be a block a position.
    """
    return max(cells, prod(2 * reach for reach in plan.span))


class Grid(Sequence[Region]):
    """Tiles of an area, all but the last along an axis of one size, in the order of memory.

    A few are kept; of many each is made when it is asked for, as all together would take more than what is computed.
    """

    __slots__ = ("_axes", "_few", "_size", "_steps")

    def __init__(self, size: Ints, steps: Ints) -> None:
        self._size, self._steps = size, steps
        self._axes = [range(0, n, step) for n, step in zip(size, steps, strict=True)]
        self._few = tuple(self._made()) if len(self) <= _FEW_TILES else None

    @property
    def steps(self) -> Ints:
        """The size of a tile that is not the last."""
        return self._steps

    def __len__(self) -> int:
        return prod(map(len, self._axes))

    def __iter__(self) -> Iterator[Region]:
        return self._made() if self._few is None else iter(self._few)

    @overload
    def __getitem__(self, index: int) -> Region: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[Region]: ...
    def __getitem__(self, index: int | slice) -> Region | Sequence[Region]:
        if isinstance(index, slice):
            return [self[number] for number in range(*index.indices(len(self)))]
        number = range(len(self))[index]
        starts: list[int] = []
        for axis in reversed(self._axes):
            number, place = divmod(number, len(axis))
            starts.insert(0, axis[place])
        return self._from(starts)

    def _made(self) -> Iterator[Region]:
        return map(self._from, product(*self._axes))

    def _from(self, starts: Iterable[int]) -> Region:
        return tuple((s, min(s + step, n)) for s, step, n in zip(starts, self._steps, self._size, strict=True))


@lru_cache(maxsize=256)
def tiles(plan: ConvPlan, cells: int, least: int = 1, long_rows: int = 1024) -> Grid:
    """Split the output positions into tiles whose regions of the padded input hold about `cells` cells; `least` tiles.

    The axis that is cut next is the one where the overlap of neighbouring regions costs least; rows, up to long ones,
    stay whole if that costs little. For the sake of `least` nothing is cut into more than twice as many: kernels that
    reach far have large regions however small the tiles.
    """
    chunk = list(plan.output_size)

    def reads(axis: int, length: int) -> int:
        return (length - 1) * plan.stride[axis] + plan.span[axis]

    def too_large(region: int) -> bool:
        number = prod(-(-n // c) for n, c in zip(plan.output_size, chunk, strict=True))
        return region > cells or (region > share and number < 2 * least)

    share = -(-prod(reads(a, c) for a, c in enumerate(chunk)) // least)
    while too_large(prod(reads(a, c) for a, c in enumerate(chunk))) and max(chunk) > 1:
        halves = [-(-c // 2) for c in chunk]
        costs = [
            (2 * reads(a, h) / reads(a, c) + (a == plan.rank - 1 and c <= long_rows) / 2, a)
            for a, (c, h) in enumerate(zip(chunk, halves, strict=True))
            if c > 1
        ]
        axis = min(costs)[1]
        chunk[axis] = halves[axis]
    return Grid(plan.output_size, tuple(chunk))


@lru_cache(maxsize=256)
def cut(size: tuple[int, ...], positions: int) -> Grid:
    """Split positions into tiles of about so many, each one run of memory in a C-contiguous array of that size."""
    chunk = list(size)
    for axis, length in enumerate(size):
        parts = -(-prod(size[axis:]) // max(positions, 1))
        chunk[axis] = max(1, -(-length // parts))
        if chunk[axis] > 1 or parts <= 1:
            break
    return Grid(size, tuple(chunk))


def place(tile: Region) -> Index:
    """Return a tile as the slices that index it."""
    return tuple(slice(*bounds) for bounds in tile)


def extent(tile: Region) -> tuple[int, ...]:
    """Return a tile's size on each axis."""
    return tuple(stop - start for start, stop in tile)
