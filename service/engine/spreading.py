"""A transposed convolution as one matrix product, and additions where its parts fall.

    p[f, k, i] = Σ_c w[c, f, k] · x[c, i]        y[f, s·i + d·k] += p[f, k, i]

The kernel lies in memory as the product needs it, so that nothing is rearranged, however many weights there are. The
sum over the taps of a phase is done on whole blocks as one row of memory: x is laid out with zeros behind each row, as
many as a tap reaches back, so that a tap's part need only be begun further on. Each phase is then interleaved into the
output, once.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product
from math import gcd, prod

import numpy as np

from .borders import Array, Index, Region
from .control import Control
from .parallel import KEPT_BYTES, Workspace, available_threads, run
from .phases import axis_phases
from .sizes import Ints

LEAST_ROWS = 64
"""Rows of the product, filters times taps, that a block has if it can; of more channels as many rows as channels, since
all filters of a block share the copy of its input."""

MOST_TAPS = 400
"""Of a larger kernel each phase is worth an FFT."""

FEW_FILTERS = 8
"""A group's filters up to which stride 1 is worth computing here."""

THREADED_MACS = 2_000_000
"""Below this a thread costs more than it saves."""


def spreads(stride: Ints, kernel_shape: Ints, method: str) -> bool:
    """Return whether a transposed convolution is computed here, by what ``"gemm"`` is to a forward one.

    With stride 1 it is also a forward convolution. That copies the channels once a tap to make one product; this makes
    as many parts as filters times taps and adds them, so it is for few filters of many channels, (C/G, F/G, *K).
    """
    channels, filters, *kernel = kernel_shape
    narrow = filters <= FEW_FILTERS and channels >= 2 * filters and prod(kernel) > 1
    return (any(s > 1 for s in stride) or narrow) and method in ("auto", "gemm") and prod(kernel) <= MOST_TAPS


@dataclass(frozen=True, slots=True)
class _Task:
    """What one thread does at once: some images, groups, filters of each, and positions."""

    images: slice
    groups: slice
    filters: slice
    tile: Region


def _shared_out(parts: int, threads: int) -> int:
    """Return at least so many parts that all threads have as many of."""
    return -(-parts // threads) * threads if parts > 1 else parts


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

    @property
    def _steps(self) -> list[int]:
        """From which tap to the next one of the same phase, on each axis."""
        return [s // gcd(s, d) for s, d in zip(self.stride, self.dilation, strict=True)]

    def compute(self) -> None:
        """Fill `out`."""
        macs = self.data.size * prod(self.kernel.shape[2:])
        threads = available_threads(self.control) if macs >= THREADED_MACS else 1
        run(self._tasks(threads), self._block, self.control, threads)

    def _tasks(self, threads: int) -> list[_Task]:
        """Split images, groups, filters and positions so that a thread keeps a block's memory, and all have as many."""
        groups, channels, filters, *kernel = self.kernel.shape
        taps, maps = prod(kernel), groups * filters
        most = max(1, min(KEPT_BYTES, self.control.budget_bytes // (2 * threads)) // self.out.itemsize)
        whole = len(self.data) * prod(-(-(b - a) // s) for (a, b), s in zip(self.region, self.stride, strict=True))
        a_map = taps + prod(map(min, kernel, self._steps))  # a cell's products, and sums
        together = max(1, min(maps, -(-max(LEAST_ROWS, channels) // taps)))
        cells = max(1, most // (together * a_map + channels))
        if whole <= cells:
            together = max(1, min(-(-maps // threads), (most // whole - channels) // a_map))
            together = -(-maps // _shared_out(-(-maps // together), threads))
        else:
            cells = min(cells, -(-whole * 9 // 8 // _shared_out(-(-whole // cells), threads)))  # halves are uneven
        images, tile = self._cut(cells)
        by_filter = min(filters, together)
        by_group = max(1, min(together // filters, most // (min(cells, whole) * (filters * a_map + channels))))
        return [
            _Task(slice(n, n + images), slice(g, g + by_group), slice(f, f + by_filter), positions)
            for g in range(0, groups, by_group)
            for f in range(0, filters, by_filter)
            for n in range(0, len(self.data), images)
            for positions in tile
        ]

    def _cut(self, cells: int) -> tuple[int, list[Region]]:
        """Return how many images, and which stretches of output, read about that many cells."""
        chunk = [len(self.data), *(stop - start for start, stop in self.region)]
        units = (1, *self.stride)
        for axis in range(len(chunk)):
            while chunk[axis] > units[axis] and prod(-(-c // s) for c, s in zip(chunk, units, strict=True)) > cells:
                chunk[axis] = -(-chunk[axis] // 2)
        stretches = (
            [(a, min(a + step, stop)) for a in range(start, stop, step)]
            for (start, stop), step in zip(self.region, chunk[1:], strict=True)
        )
        return chunk[0], list(product(*stretches))

    def _block(self, task: _Task, workspace: Workspace) -> None:
        """Compute some images and filters at one stretch of output."""
        size = self.data.shape[3:]
        axes = [
            axis_phases(*bounds, *rest)
            for bounds, *rest in zip(task.tile, size, self.kernel.shape[3:], self.stride, self.dilation, strict=True)
        ]
        target, bias = self._target(task)
        reached = prod(sum(phase.high - phase.low for phase in phases) for phases in axes)
        if reached < prod(target.shape[3:]):
            target[...] = 0 if bias is None else bias
        if not reached:
            return
        bounds = [
            (max(0, min(phase.low - phase.back for phase in phases)), min(n, max(phase.high for phase in phases)))
            for phases, n in zip(axes, size, strict=True)
        ]
        sums = self._sums(task, bounds, workspace)
        corner = [start for start, _ in bounds]
        for phases in product(*axes):
            first: Index = (slice(None), slice(None), *(phase.taps.start for phase in phases))
            read: Index = (..., *(slice(p.low - c, p.high - c) for p, c in zip(phases, corner, strict=True)))
            write: Index = (..., *(phase.target for phase in phases))
            found = np.moveaxis(sums[first][read], 2, 0)
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

    def _sums(self, task: _Task, bounds: list[tuple[int, int]], workspace: Workspace) -> Array:
        """Return every phase's sum over its taps, (G, F/G, *phases, N, *cells with the zeros behind)."""
        inside: Index = (task.images, task.groups, slice(None), *(slice(*pair) for pair in bounds))
        source = self.data[inside]
        weights = self.kernel[task.groups, :, task.filters]
        images, groups, channels, *cells = source.shape
        filters, *kernel = weights.shape[2:]
        steps = self._steps
        backs = [
            (k - 1) // step * d * step // s
            for k, step, s, d in zip(kernel, steps, self.stride, self.dilation, strict=True)
        ]
        laid = [n + back for n, back in zip(cells, backs, strict=True)]
        units = [prod(laid[axis + 1 :]) for axis in range(len(laid))]
        length = images * prod(laid) - sum(back * unit for back, unit in zip(backs, units, strict=True))
        phases = [min(step, k) for step, k in zip(steps, kernel, strict=True)]
        added = phases != kernel or laid != cells
        block, parts, sums = workspace.arrays(
            self.out.dtype,
            (groups, channels, images, *laid),
            (groups, filters * prod(kernel), length),
            (groups, filters, *phases, images * prod(laid) if added else 0),
        )
        if laid != cells:
            block[...] = 0
        head: Index = (..., *(slice(0, n) for n in cells))
        block[head] = np.moveaxis(source, 0, 2)
        rows = block.reshape(groups, channels, -1)[..., :length]
        turned = weights.reshape(groups, channels, -1).swapaxes(1, 2)
        if channels == 1:
            np.multiply(turned, rows, out=parts)
        else:
            np.matmul(turned, rows, out=parts)
        each = parts.reshape(groups, filters, *kernel, length)
        if added:
            self._add_taps(each, steps, units, sums)
        else:
            sums = each
        return sums.reshape(groups, filters, *phases, images, *laid)

    def _add_taps(self, parts: Array, steps: list[int], units: list[int], sums: Array) -> None:
        """Add the taps of all phases, each begun as much further on as it reaches back: the j-th ones at once."""
        kernel, length = parts.shape[2:-1], parts.shape[-1]
        for j in np.ndindex(*(-(-k // step) for k, step in zip(kernel, steps, strict=True))):
            taps = [slice(i * step, min((i + 1) * step, k)) for i, step, k in zip(j, steps, kernel, strict=True)]
            part = parts[(slice(None), slice(None), *taps)]
            phases = [slice(0, tap.stop - tap.start) for tap in taps]
            backs = [i * d * step // s for i, d, step, s in zip(j, self.dilation, steps, self.stride, strict=True)]
            shift = sum(back * unit for back, unit in zip(backs, units, strict=True))
            into = sums[(slice(None), slice(None), *phases, slice(shift, shift + length))]
            if any(j):
                into += part
            else:
                into[...] = part
                sums[..., length:] = 0
