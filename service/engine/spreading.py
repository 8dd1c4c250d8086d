"""A transposed convolution as one matrix product, and additions where its parts fall.

    p[f, k, i] = Σ_c w[c, f, k] · x[c, i]        y[f, s·i + d·k] += p[f, k, i]

The kernel lies in memory as the product needs it, so that nothing is rearranged, however many weights there are. The
sum over the taps of a phase is done on whole blocks as one row of memory: x is laid out with zeros behind each row, as
many as a tap reaches back, so that a tap's part need only be begun further on. Each phase is then interleaved into the
output, once.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from itertools import product
from math import gcd, prod
from typing import NamedTuple

import numpy as np

from .borders import Array, Index, Region
from .control import Control
from .parallel import KEPT_BYTES, Workspace, available_threads, run
from .phases import axis_phases
from .plans import ConvTransposePlan
from .products import matmul
from .sizes import Ints

LEAST_ROWS = 64
"""Rows of the product, filters times taps, that a block has if it can; of more channels as many rows as channels, since
all filters of a block share the copy of its input."""

MOST_TAPS = 400
"""Of a larger kernel each phase is worth an FFT."""

FEW_FILTERS = 8
"""A group's filters up to which stride 1 is worth computing here."""

MOST_ZEROS = 4
"""How many cells of a block there may be for each that is read; the others are zeros."""

FEW_CELLS = 1024
"""And a block of so few may be zeros all but one."""

MOST_KEPT = 512
"""Tasks that are kept for the next of the same sizes."""

THREADED_MACS = 2_000_000
"""Below this a thread costs more than it saves."""


@dataclass(frozen=True, slots=True)
class _Task:
    """What one thread does at once: some images, groups, filters of each, and positions."""

    images: slice
    groups: slice
    filters: slice
    tile: Region


@dataclass(frozen=True, slots=True)
class Sizes:
    """All that the places of things follow from.

    Attributes
    ----------
    kernel
        (G, C/G, F/G, *K)
    data
        (N, G, C/G, *S)
    region
        The output positions wanted, before cropping.
    """

    kernel: Ints
    data: Ints
    region: Region
    stride: Ints
    dilation: Ints

    @property
    def steps(self) -> Ints:
        """From which tap to the next one of the same phase, on each axis."""
        return tuple(s // gcd(s, d) for s, d in zip(self.stride, self.dilation, strict=True))

    @property
    def between(self) -> Ints:
        """How far apart two such taps reach, in cells of the input."""
        return tuple(d * step // s for d, step, s in zip(self.dilation, self.steps, self.stride, strict=True))

    @property
    def behind(self) -> Ints:
        """How many zeros lie behind what is read."""
        reaches = zip(self.kernel[3:], self.steps, self.between, strict=True)
        return tuple((k - 1) // step * between for k, step, between in reaches)

    @property
    def apart(self) -> Ints:
        """How far apart the cells are that the phases read for the same positions."""
        axes = zip(self.kernel[3:], self.steps, self.stride, self.dilation, strict=True)
        return tuple((min(step, k) - 1) * d // s for k, step, s, d in axes)

    def laid(self, axis: int, length: int) -> int:
        """Return what a stretch of output takes in a block at most: the cells that it reads, and the zeros behind."""
        read = -(-length // self.stride[axis]) + self.apart[axis]
        return min(self.data[3 + axis], read) + self.behind[axis]


@dataclass(frozen=True, slots=True)
class _Layout:
    """Where things lie in a block of one tile, whatever its images and filters.

    Attributes
    ----------
    inside
        The cells that the tile reads, of the input's spatial axes.
    laid
        Their size with the zeros behind.
    head, zeros
        Where in these the cells lie, and where zeros.
    phases
        How many of them there are, on each axis.
    taps
        Those that are added at once, a round each: of the kernel, to which phases, and how far back they reach.
    targets
        For each phase: which of the sums it is, which cells of these, and where in the tile they go.
    full
        Whether the phases reach all of the tile.
    """

    inside: Index
    laid: Ints
    head: Index
    zeros: list[Index]
    phases: Ints
    taps: list[tuple[Index, Index, int]]
    targets: list[tuple[Index, Index, Index]]
    full: bool


def sizes_of(plan: ConvTransposePlan) -> Sizes:
    """Return the sizes of a whole transposed convolution."""
    channels, filters = plan.channels // plan.groups, plan.filters // plan.groups
    return Sizes(
        (plan.groups, channels, filters, *plan.kernel_size),
        (plan.batch, plan.groups, channels, *plan.input_size),
        tuple((before, before + size) for (before, _), size in zip(plan.padding, plan.output_size, strict=True)),
        plan.stride,
        plan.dilation,
    )


def spreads(sizes: Sizes, itemsize: int, method: str, control: Control) -> bool:
    """Return whether a transposed convolution is computed here, by what ``"gemm"`` is to a forward one.

    With stride 1 it is also a forward convolution. That copies the channels once a tap to make one product; this makes
    as many parts as filters times taps and adds them, so it is for few filters of many channels, (G, C/G, F/G, *K).
    Taps that lie far apart would take more zeros than cells, and more memory than there is for them.
    """
    if method not in ("auto", "gemm"):
        return False
    most, threads = _at_once(sizes, itemsize, control)
    return _is_worth_it(sizes, most, threads, max(FEW_CELLS, control.budget_bytes // (threads * itemsize)))


@lru_cache(maxsize=256)
def _is_worth_it(sizes: Sizes, most: int, threads: int, room: int) -> bool:
    """Return whether it is, in blocks of so many cells or, where they cannot be so small, of what there is room for."""
    _, channels, filters, *kernel = sizes.kernel
    narrow = filters <= FEW_FILTERS and channels >= 2 * filters and prod(kernel) > 1
    if not (any(s > 1 for s in sizes.stride) or narrow) or prod(kernel) > MOST_TAPS:
        return False
    if not any(sizes.behind) and not any(sizes.apart):
        return True
    split = _split(sizes, most, threads)
    extent = [min(step, stop - start) for step, (start, stop) in zip(split.chunk, sizes.region, strict=True)]
    laid = [sizes.laid(axis, length) for axis, length in enumerate(extent)]
    read = split.images * prod(n - behind for n, behind in zip(laid, sizes.behind, strict=True))
    block = split.images * prod(laid)
    held = split.groups * (channels + split.filters * (prod(kernel) + prod(map(min, kernel, sizes.steps))))
    return block * held <= room and block <= max(MOST_ZEROS * read, FEW_CELLS)


def _at_once(sizes: Sizes, itemsize: int, control: Control) -> tuple[int, int]:
    """Return the cells that a block may hold, and the threads."""
    macs = prod(sizes.data) * prod(sizes.kernel[2:])
    threads = available_threads(control) if macs >= THREADED_MACS else 1
    return max(1, min(KEPT_BYTES, control.budget_bytes // (2 * threads)) // itemsize), threads


@dataclass(frozen=True)
class Spreading:
    """One to compute.

    Attributes
    ----------
    kernel : ndarray of shape (G, C/G, F/G, *K)
    data : ndarray of shape (N, G, C/G, *S)
    bias : ndarray of shape (F, *1) or (F, *region), or None
    region
        The output positions wanted, before cropping.
    out : ndarray of shape (N, F, *region)
        C-contiguous, uninitialised.
    """

    kernel: Array
    stride: Ints
    dilation: Ints
    data: Array
    bias: Array | None
    region: Region
    out: Array
    control: Control

    def compute(self) -> None:
        """Fill `out`."""
        sizes = Sizes(self.kernel.shape, self.data.shape, self.region, self.stride, self.dilation)
        most, threads = _at_once(sizes, self.out.itemsize, self.control)

        def block(task: _Task, workspace: Workspace) -> None:
            self._block(task, _layout(sizes, task.tile), workspace)

        run(_tasks(sizes, _split(sizes, most, threads)), block, self.control, threads)

    def _block(self, task: _Task, layout: _Layout, workspace: Workspace) -> None:
        """Compute some images and filters at one stretch of output."""
        target, bias = self._target(task)
        if not layout.full:
            target[...] = 0 if bias is None else bias
        if not layout.targets:
            return
        sums = self._sums(task, layout, workspace)
        for phase, read, write in layout.targets:
            found = sums[phase][read]
            if bias is None:
                target[write] = found
            else:
                np.add(found, bias if prod(bias.shape[2:]) == 1 else bias[write], out=target[write])

    def _target(self, task: _Task) -> tuple[Array, Array | None]:
        """Return the task's part of the output, (N, G, F/G, *tile), and of the bias, (G, F/G, *tile or *1)."""
        groups, filters = len(self.kernel), self.kernel.shape[2]
        tile = [slice(a - start, b - start) for (a, b), (start, _) in zip(task.tile, self.region, strict=True)]
        grouped = self.out.reshape(len(self.out), groups, filters, *self.out.shape[2:])
        where: Index = (task.images, task.groups, task.filters, *tile)
        if self.bias is None:
            return grouped[where], None
        bias = self.bias.reshape(groups, filters, *self.bias.shape[1:])[task.groups, task.filters]
        whole: Index = (slice(None), slice(None), *tile)
        return grouped[where], bias[whole] if self.bias.shape[1:] == self.out.shape[2:] else bias

    def _sums(self, task: _Task, layout: _Layout, workspace: Workspace) -> Array:
        """Return every phase's sum over its taps, (N, G, F/G, *phases, *cells with the zeros behind)."""
        source = self.data[(task.images, task.groups, slice(None), *layout.inside)]
        weights = self.kernel[task.groups, :, task.filters]
        images, groups, channels, *cells = source.shape
        filters, *kernel = weights.shape[2:]
        whole = images * prod(layout.laid)
        # A row ends with its last cell, not with the zeros behind it.
        length = whole - layout.taps[-1][2]
        added = len(layout.taps) > 1 or layout.laid != (*cells,)
        block, parts, sums = workspace.arrays(
            self.out.dtype,
            (groups, channels, images, *layout.laid),
            (groups, filters * prod(kernel), length),
            (groups, filters, *layout.phases, whole if added else 0),
        )
        for zeros in layout.zeros:
            block[zeros] = 0
        block[layout.head] = source.transpose(1, 2, 0, *range(3, source.ndim))
        rows = block.reshape(groups, channels, -1)[..., :length]
        turned = weights.reshape(groups, channels, -1).swapaxes(1, 2)
        if channels == 1:
            np.multiply(turned, rows, out=parts)
        else:
            matmul(turned, rows, parts)
        each = parts.reshape(groups, filters, *kernel, length)
        if added:
            _add_taps(each, layout, sums)
        else:
            sums = each
        axes = len(layout.phases)
        found = sums.reshape(groups, filters, *layout.phases, images, *layout.laid)
        return found.transpose(2 + axes, *range(2 + axes), *range(3 + axes, found.ndim))


def _add_taps(parts: Array, layout: _Layout, sums: Array) -> None:
    """Add the taps of all phases, each begun as much further on as it reaches back, a round at once."""
    length = parts.shape[-1]
    for number, (taps, phases, shift) in enumerate(layout.taps):
        into = sums[(slice(None), slice(None), *phases, slice(shift, shift + length))]
        if number:
            into += parts[(slice(None), slice(None), *taps)]
        else:
            into[...] = parts[(slice(None), slice(None), *taps)]
            sums[..., length:] = 0


def _shared_out(parts: int, threads: int) -> int:
    """Return at least so many parts that all threads have as many of."""
    return -(-parts // threads) * threads if parts > 1 else parts


class _Split(NamedTuple):
    """How much of everything a task has, but for the last of each."""

    images: int
    groups: int
    filters: int
    chunk: Ints

    def number(self, sizes: Sizes) -> int:
        """Return how many tasks there are."""
        groups, _, filters, *_ = sizes.kernel
        extent = (stop - start for start, stop in sizes.region)
        whole = (sizes.data[0], groups, filters, *extent)
        return prod(-(-n // step) for n, step in zip(whole, (*self[:3], *self.chunk), strict=True))


@lru_cache(maxsize=256)
def _split(sizes: Sizes, most: int, threads: int) -> _Split:
    """Split images, groups, filters and positions so that a block holds at most so many cells, and all have as many."""
    groups, channels, filters, *kernel = sizes.kernel
    taps, maps, images = prod(kernel), groups * filters, sizes.data[0]
    whole = images * prod(sizes.laid(axis, b - a) for axis, (a, b) in enumerate(sizes.region))
    a_map = taps + prod(map(min, kernel, sizes.steps))  # a cell's products, and sums
    together = max(1, min(maps, -(-max(LEAST_ROWS, channels) // taps)))
    cells = max(1, most // (together * a_map + channels))
    if whole <= cells:
        together = max(1, min(-(-maps // threads), (most // whole - channels) // a_map))
        together = -(-maps // _shared_out(-(-maps // together), threads))
    else:
        cells = min(cells, -(-whole * 9 // 8 // _shared_out(-(-whole // cells), threads)))  # halves are uneven
    at_once, chunk = _cut(sizes, cells)
    by_group = max(1, min(together // filters, most // (min(cells, whole) * (filters * a_map + channels))))
    return _Split(at_once, min(groups, by_group), min(filters, together), chunk)


def _tasks(sizes: Sizes, split: _Split) -> Iterable[_Task]:
    """Return the tasks, a few of them remembered; of many each is made when its turn comes."""
    return _few_tasks(sizes, split) if split.number(sizes) <= MOST_KEPT else _made(sizes, split)


@lru_cache(maxsize=64)
def _few_tasks(sizes: Sizes, split: _Split) -> tuple[_Task, ...]:
    return tuple(_made(sizes, split))


def _made(sizes: Sizes, split: _Split) -> Iterator[_Task]:
    groups, _, filters, *_ = sizes.kernel
    for g in range(0, groups, split.groups):
        for f in range(0, filters, split.filters):
            for n in range(0, sizes.data[0], split.images):
                stretches = (
                    [(a, min(a + step, stop)) for a in range(start, stop, step)]
                    for (start, stop), step in zip(sizes.region, split.chunk, strict=True)
                )
                of = slice(n, n + split.images), slice(g, g + split.groups), slice(f, f + split.filters)
                yield from (_Task(*of, tile) for tile in product(*stretches))


def _cut(sizes: Sizes, cells: int) -> tuple[int, Ints]:
    """Return how many images, and how long stretches of output, read about that many cells."""
    chunk = [sizes.data[0], *(stop - start for start, stop in sizes.region)]
    units = (1, *sizes.stride)

    def laid(axis: int, length: int) -> int:
        return sizes.laid(axis - 1, length) if axis else length

    for axis in range(len(chunk)):
        while chunk[axis] > units[axis] and prod(laid(a, c) for a, c in enumerate(chunk)) > cells:
            half = -(-chunk[axis] // 2)
            if 4 * laid(axis, half) > 3 * laid(axis, chunk[axis]):
                break  # most of it are zeros, which there would be for either half
            chunk[axis] = half
    return chunk[0], tuple(chunk[1:])


@lru_cache(maxsize=32)
def _layout(sizes: Sizes, tile: Region) -> _Layout:
    """Return where things lie in a block of a tile."""
    kernel, cells, steps = sizes.kernel[3:], sizes.data[3:], sizes.steps
    axes = [
        axis_phases(*bounds, *rest)
        for bounds, *rest in zip(tile, cells, kernel, sizes.stride, sizes.dilation, strict=True)
    ]
    reached = prod(sum(phase.high - phase.low for phase in phases) for phases in axes)
    full = reached == prod(stop - start for start, stop in tile)
    if not reached:
        return _Layout((), (), (), [], (), [], [], full)
    bounds = [
        (max(0, min(phase.low - phase.back for phase in phases)), min(n, max(phase.high for phase in phases)))
        for phases, n in zip(axes, cells, strict=True)
    ]
    read = [stop - start for start, stop in bounds]
    laid = [n + behind for n, behind in zip(read, sizes.behind, strict=True)]
    units = [prod(laid[axis + 1 :]) for axis in range(len(laid))]
    taps: list[tuple[Index, Index, int]] = []
    for j in np.ndindex(*(-(-k // step) for k, step in zip(kernel, steps, strict=True))):
        chosen = [slice(i * step, min((i + 1) * step, k)) for i, step, k in zip(j, steps, kernel, strict=True)]
        shift = sum(i * b * unit for i, b, unit in zip(j, sizes.between, units, strict=True))
        taps.append((tuple(chosen), tuple(slice(0, tap.stop - tap.start) for tap in chosen), shift))
    corner = [start for start, _ in bounds]
    targets: list[tuple[Index, Index, Index]] = [
        (
            (slice(None), slice(None), slice(None), *(phase.taps.start for phase in phases)),
            (..., *(slice(p.low - c, p.high - c) for p, c in zip(phases, corner, strict=True))),
            (..., *(phase.target for phase in phases)),
        )
        for phases in product(*axes)
    ]
    return _Layout(
        inside=tuple(slice(*pair) for pair in bounds),
        laid=tuple(laid),
        head=(..., *(slice(0, n) for n in read)),
        zeros=[
            (..., slice(n, None), *(slice(0, m) for m in laid[axis + 1 :]))
            for axis, n in enumerate(read)
            if n < laid[axis]
        ],
        phases=tuple(min(step, k) for step, k in zip(steps, kernel, strict=True)),
        taps=taps,
        targets=targets,
        full=full,
    )
