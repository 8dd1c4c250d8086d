"""The transposed convolution, as forward convolutions: one for each phase of the stride.

With w the kernel, u = q + before the output position before it is cropped, and no bias,

    y[n, f, u] = Σ_c Σ_k  w[c, f, k] · x[n, c, i]     over the taps k and cells i with  s·i + d·k = u.

With stride 1 these are the taps k of one window of x: a forward convolution with the flipped kernel, its channels and
filters swapped (Dumoulin & Visin, arXiv:1603.07285, relationships 8 to 11). With a larger stride u meets only the taps
with d·k ≡ u (mod s). These are k = k₀, k₀ + s/g, k₀ + 2s/g, … with g = gcd(s, d), and on the positions u = d·k₀ + s·m
they read x at m, m - d/g, m - 2d/g, …: again a forward convolution of stride 1, with a sub-kernel dilated by d/g,
interleaved into the output. No zero is ever inserted between cells (relationships 12 to 14 describe it so), and
every phase runs on the method that suits it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import product
from math import gcd, prod
from typing import Any

import numpy as np
import numpy.typing as npt

from .borders import Array, Index, Region
from .control import DEFAULT_CONTROL, Control
from .convolution import conv
from .geometry import plan_conv_transpose
from .precision import as_numbers, checked_bias, compute_dtype
from .sizes import Ints


def conv_transpose(
    input: npt.ArrayLike,
    kernel: npt.ArrayLike,
    bias: npt.ArrayLike | None = None,
    *,
    stride: Any = 1,
    padding: Any = 0,
    output_padding: Any = 0,
    dilation: Any = 1,
    groups: int = 1,
    method: str = "auto",
    dtype: Any = None,
    control: Control | None = None,
) -> Array:
    """Convolve transposed: the adjoint of `conv` with the same stride, padding, dilation and groups, not its inverse.

    Every input cell spreads the kernel, times its value, over the output; what overlaps adds up:
    y[n, f, s·i + d·k - before] += w[c, f, k] · x[n, c, i], and ⟨conv(a, w), x⟩ = ⟨a, conv_transpose(x, w)⟩.

    Parameters
    ----------
    input : array_like of shape (N, C, *S)
        Booleans, integers or real floats, in any layout.
    kernel : array_like of shape (C, F/G, *K)
        Input channels first. The array that `conv` takes to go from F channels to C, unchanged.
    bias : array_like of shape (F) or (F, *S'), optional
        Added to a filter's whole map, or position by position.
    stride, dilation : int or sequence of int
        s and d, one for all spatial axes or one each.
    padding : int or sequence
        Cells cropped from the output: one number, one a spatial axis, or one (before, after) pair a spatial axis.
    output_padding : int or sequence of int
        Cells added behind the output, below max(stride, dilation): it chooses among the sizes that a strided `conv`
        maps to one, and is what `conv` drops.
    groups : int
        G; channel c belongs to group ⌊c·G/C⌋.
    method : str
        The method of the forward convolutions, ``"auto"`` or by name.
    dtype : {None, "float32", "float64"}
        To compute and answer in; None is float32 for float16 and float32 input, float64 for all other.
    control : Control, optional
        Cancel check, number of threads, working memory.

    Returns
    -------
    ndarray of shape (N, F, *S')
        S' = (S - 1)s - before - after + d(K - 1) + output_padding + 1 on each axis.

    Raises
    ------
    EngineError
        One of its classes: whatever does not fit, and what would; `Cancelled` if `control` said so.

    References
    ----------
    Dumoulin & Visin, "A guide to convolution arithmetic for deep learning", arXiv:1603.07285, relationship 14.

    Examples
    --------
    >>> conv_transpose([[[1, 10, 100]]], [[[1, 2, 3]]])
    array([[[  1.,  12., 123., 230., 300.]]])
    >>> conv_transpose([[[1, 10, 100]]], [[[1, 2, 3]]], stride=2, padding=1, output_padding=1)
    array([[[  2.,  13.,  20., 130., 200., 300.]]])
    """
    data, weights = as_numbers(input, "input"), as_numbers(kernel, "kernel")
    plan = plan_conv_transpose(
        data.shape,
        weights.shape,
        stride=stride,
        padding=padding,
        output_padding=output_padding,
        dilation=dilation,
        groups=groups,
    )
    result_dtype = compute_dtype(data, dtype)
    offset = checked_bias(bias, plan.output_shape, result_dtype)
    spread = Spread(weights, plan.stride, plan.dilation, plan.groups, method, result_dtype, control or DEFAULT_CONTROL)
    region = tuple((before, before + size) for (before, _), size in zip(plan.padding, plan.output_size, strict=True))
    return spread.onto(region, data, offset)


@dataclass(frozen=True, slots=True)
class _AxisPhase:
    """What one phase of an axis reads and writes, for the output positions of one stretch."""

    taps: slice
    dilation: int
    target: slice  # of the stretch of output
    source: slice  # of the input
    padding: tuple[int, int]
    partial: bool  # whether the stretch holds positions of other phases, or that nothing reaches


@dataclass(frozen=True)
class Spread:
    """A transposed convolution before cropping: any stretch of it can be computed on its own.

    Attributes
    ----------
    kernel : ndarray of shape (C, F/G, *K)
        Of any real dtype.
    """

    kernel: Array
    stride: Ints
    dilation: Ints
    groups: int
    method: str
    dtype: np.dtype[Any]
    control: Control

    def onto(self, region: Region, data: Array, bias: Array | None = None) -> Array:
        """Return the output positions u of `region`, (N, F, *region).

        `bias` is (F, *1) or (F, *region).
        """
        size = tuple(stop - start for start, stop in region)
        if all(s == 1 for s in self.stride) and self._finite():
            (phases,) = self._combinations(region, data)
            if not any(phase.partial for phase in phases):
                return self._convolved(data, bias, phases)
        out = np.empty((len(data), self.filters, *size), self.dtype)
        out[...] = 0 if bias is None else bias
        # Half of the memory is for the phases, computed apart, the other half for computing them.
        halved = replace(self, control=replace(self.control, budget_bytes=self.control.budget_bytes // 2))
        for images, tile in halved._tiles(out, region):
            position: Index = (images, slice(None), *_within(tile, region))
            offset = bias[position[1:]] if bias is not None and bias.shape[1:] == size else bias
            halved._add(out[position], tile, data[images], offset)
        return out

    def _add(self, target: Array, tile: Region, data: Array, bias: Array | None) -> None:
        """Compute one tile of the output, which holds the bias so far."""
        if not self._finite():
            # A zero that pads would make 0 · ∞ = NaN of a tap that is not finite: a tap alone needs no padding.
            for tap in np.ndindex(*self.kernel.shape[2:]):
                alone: Index = (..., *(slice(t, t + 1) for t in tap))
                shifts = [t * d for t, d in zip(tap, self.dilation, strict=True)]
                shifted = tuple((a - shift, b - shift) for (a, b), shift in zip(tile, shifts, strict=True))
                single = replace(self, kernel=self.kernel[alone])
                for phases in single._combinations(shifted, data):
                    target[_targets(phases)] += single._convolved(data, None, phases)
            return
        for phases in self._combinations(tile, data):
            position = _targets(phases)
            whole = bias is not None and bias.shape[1:] == target.shape[2:]
            part = bias[position] if bias is not None and whole else bias
            target[position] = self._convolved(data, part, phases)

    def _finite(self) -> bool:
        return bool(np.isfinite(self.kernel).all()) or prod(self.kernel.shape[2:]) == 1

    def _tiles(self, out: Array, region: Region) -> list[tuple[slice, Region]]:
        """Split the images and a region so that what a tile's phases hold stays inside the budget."""
        images, filters, *size = out.shape
        chunk = [images, *size]
        for axis in range(len(chunk)):
            while prod(chunk) * filters * out.itemsize > self.control.budget_bytes and chunk[axis] > 1:
                chunk[axis] = -(-chunk[axis] // 2)
        bounds = ((0, images), *region)
        starts = (range(start, stop, step) for (start, stop), step in zip(bounds, chunk, strict=True))
        found = []
        for corner in product(*starts):
            ends = (min(c + step, stop) for c, step, (_, stop) in zip(corner, chunk, bounds, strict=True))
            first, *tile = zip(corner, ends, strict=True)
            found.append((slice(*first), tuple(tile)))
        return found

    def _combinations(self, region: Region, data: Array) -> list[tuple[_AxisPhase, ...]]:
        """Return the phases of a region that read anything: each axis' own, every one with every one."""
        axes = (self._phases(axis, *bounds, data.shape[2 + axis]) for axis, bounds in enumerate(region))
        return list(product(*axes))

    @property
    def filters(self) -> int:
        """F."""
        return int(self.kernel.shape[1]) * self.groups

    def _forward_kernel(self) -> Array:
        """Return the kernel as a convolution from C channels to F filters takes it, (F, C/G, *K), flipped."""
        channels, filters = self.kernel.shape[:2]
        grouped = self.kernel.reshape(self.groups, channels // self.groups, *self.kernel.shape[1:])
        swapped = grouped.swapaxes(1, 2).reshape(self.groups * filters, -1, *self.kernel.shape[2:])
        return np.flip(swapped, axis=tuple(range(2, swapped.ndim)))

    def _phases(self, axis: int, start: int, stop: int, cells: int) -> list[_AxisPhase]:
        """Return the phases of the positions start … stop-1 of an axis, over an input of `cells`."""
        taps, s, d = self.kernel.shape[2 + axis], self.stride[axis], self.dilation[axis]
        common = gcd(s, d)
        step, dilation = s // common, d // common
        phases = []
        for first in range(min(step, taps)):
            used = -(-(taps - first) // step)
            back = dilation * (used - 1)
            # start <= d·first + s·m < stop, and of these only positions m that a tap reaches.
            low, high = -((first * d - start) // s), -((first * d - stop) // s)
            low, high = max(low, 0), min(high, cells + back)
            if low >= high:
                continue
            head = first * d + s * low - start
            last = taps - 1 - first  # the kernel is flipped: this phase's last tap comes first
            phases.append(
                _AxisPhase(
                    taps=slice(last - step * (used - 1), last + 1, step),
                    dilation=dilation,
                    target=slice(head, head + s * (high - low - 1) + 1, s),
                    source=slice(max(0, low - back), min(cells, high)),
                    padding=(max(0, back - low), max(0, high - cells)),
                    partial=high - low < stop - start,
                )
            )
        return phases

    def _convolved(self, data: Array, bias: Array | None, phases: tuple[_AxisPhase, ...]) -> Array:
        if bias is not None and prod(bias.shape[1:]) == 1:
            bias = bias.reshape(-1)
        cells: Index = (..., *(phase.source for phase in phases))
        taps: Index = (..., *(phase.taps for phase in phases))
        return conv(
            data[cells],
            self._forward_kernel()[taps],
            bias,
            padding=[phase.padding for phase in phases],
            dilation=[phase.dilation for phase in phases],
            groups=self.groups,
            method=self.method,
            dtype=self.dtype,
            control=self.control,
        )


def _within(tile: Region, region: Region) -> tuple[slice, ...]:
    """Return where a part of a region lies in it."""
    return tuple(slice(a - start, b - start) for (a, b), (start, _) in zip(tile, region, strict=True))


def _targets(phases: tuple[_AxisPhase, ...]) -> Index:
    """Return where in a tile the positions of some axes' phases lie."""
    return (..., *(phase.target for phase in phases))
