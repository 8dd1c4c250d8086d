"""The transposed convolution: the adjoint of the convolution.

With w the kernel, u = q + before the output position before it is cropped, and no bias,

    y[n, f, u] = Σ_c Σ_k  w[c, f, k] · x[n, c, i]     over the taps k and cells i with  s·i + d·k = u.

With stride 1 these are the taps of one window of x: a forward convolution with the flipped kernel, its channels and
filters swapped (Dumoulin & Visin, arXiv:1603.07285, relationships 8 to 11), on whatever method suits it. With a larger
stride no zero is inserted between cells, as relationships 12 to 14 describe it: the output splits into phases
(`phases.py`), computed together from one product (`spreading.py`, which is also for few filters), or each as a forward
convolution where another method is asked for by name or the kernel is very large.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import product
from math import prod
from typing import Any

import numpy as np
import numpy.typing as npt

from . import blas
from .borders import Array, Index, Region
from .choice import checked_method
from .control import DEFAULT_CONTROL, Control
from .convolution import conv
from .geometry import plan_conv_transpose
from .ordered import MOST
from .phases import AxisPhase, axis_phases, of_taps_that_meet
from .precision import Survey, all_finite, as_numbers, checked_bias, compute_dtype
from .scattering import scatter, scatters
from .sizes import Ints
from .spreading import Sizes, Spreading, spreads


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
    checked_method(method)  # where nothing is reached no convolution asks
    result_dtype = compute_dtype(data, dtype)
    offset = checked_bias(bias, plan.output_shape, result_dtype)
    region = tuple((before, before + size) for (before, _), size in zip(plan.padding, plan.output_size, strict=True))
    # A float64 kernel may overflow in float32, and sums in either.
    with blas.single_threaded, np.errstate(all="ignore"):
        weights = weights.astype(result_dtype, copy=False)
        spread = Spread(weights, plan.stride, plan.dilation, plan.groups, method, control or DEFAULT_CONTROL)
        return spread.onto(region, data, offset)


@dataclass(frozen=True)
class Spread:
    """A transposed convolution before cropping: any stretch of it can be computed on its own.

    Attributes
    ----------
    kernel : ndarray of shape (C, F/G, *K)
        Of the result's dtype: what overflows in it is not finite.
    """

    kernel: Array
    stride: Ints
    dilation: Ints
    groups: int
    method: str
    control: Control

    @property
    def dtype(self) -> np.dtype[Any]:
        """What is computed in."""
        return self.kernel.dtype

    def onto(self, region: Region, data: Array, bias: Array | None = None) -> Array:
        """Return the output positions u of `region`, (N, F, *region).

        `bias` is (F, *1) or (F, *region).
        """
        size = tuple(stop - start for start, stop in region)
        grouped = self.kernel.reshape(self.groups, -1, *self.kernel.shape[1:])
        images = data.reshape(len(data), self.groups, -1, *data.shape[2:])
        sizes = Sizes(grouped.shape, images.shape, region, self.stride, self.dilation)
        finite = self._finite()
        scattered = finite and scatters(sizes, self.method)
        spread = (
            finite
            and not scattered
            and spreads(sizes, self.dtype.itemsize, self.method, self.control)
            and self._sums_in_any_order(images, grouped)
        )
        if all(s == 1 for s in self.stride) and finite and not spread and not scattered:
            (phases,) = self._combinations(region, data) or [()]
            if phases and all(p.high - p.low == n for p, n in zip(phases, size, strict=True)):
                return self._convolved(data, bias, phases)
        out = np.empty((len(data), self.filters, *size), self.dtype)
        if spread:
            weights = np.ascontiguousarray(grouped)
            self.control.report_method("gemm")
            Spreading(weights, self.stride, self.dilation, images, bias, region, out, self.control).compute()
            return out
        out[...] = 0 if bias is None else bias
        # Half of the memory is for the phases, computed apart, the other half for computing them.
        halved = replace(self, control=replace(self.control, budget_bytes=self.control.budget_bytes // 2))
        if scattered:
            halved._scatter(out, region, images, grouped)
            return out
        for part, tile in halved._tiles(out, region, self.filters):
            halved._add(out[(part, slice(None), *_within(tile, region))], tile, data[part])
        return out

    def _scatter(self, out: Array, region: Region, images: Array, kernel: Array) -> None:
        """Add everything tap by tap, each the products of all channels' cells, with as many filters as there are."""
        self.control.report_method("direct")
        in_order = self._macs(images) <= MOST and not self._sums_in_any_order(images, kernel)
        maps = max(self.filters, images.shape[1] * images.shape[2])
        for part, tile in self._tiles(out, region, maps):
            target = out[(part, slice(None), *_within(tile, region))]
            scatter(kernel, self.stride, self.dilation, images[part], target, tile, self.control, in_order=in_order)

    def _macs(self, images: Array) -> int:
        """Return the products of a cell and a tap, whether or not the region holds where they fall."""
        return images.size * self.kernel.size // len(self.kernel)

    def _sums_in_any_order(self, data: Array, kernel: Array) -> bool:
        """Whether sums come out the same in whatever order: no integers, or none that float64 would round."""
        if self.method != "auto" or self.dtype != np.float64:
            return True
        groups, channels, filters, *size = kernel.shape
        by_filter = kernel.swapaxes(1, 2).reshape(groups * filters, channels, *size)
        survey = Survey(data, by_filter, 0.0)
        return not survey.integers or survey.sums_small

    def _add(self, target: Array, tile: Region, data: Array) -> None:
        """Add one tile of the output to what it holds."""
        if self._finite():
            for phases in self._combinations(tile, data):
                target[_targets(phases)] += self._convolved(data, None, phases)
            return
        # A zero that pads would make 0 · ∞ = NaN of a tap that is not finite: a tap alone needs no padding.
        for tap in np.ndindex(*self.kernel.shape[2:]):
            alone: Index = (..., *(slice(t, t + 1) for t in tap))
            shifts = [t * d for t, d in zip(tap, self.dilation, strict=True)]
            shifted = tuple((a - shift, b - shift) for (a, b), shift in zip(tile, shifts, strict=True))
            single = replace(self, kernel=self.kernel[alone])
            for phases in single._combinations(shifted, data):
                target[_targets(phases)] += single._convolved(data, None, phases)

    @property
    def filters(self) -> int:
        """F."""
        return int(self.kernel.shape[1]) * self.groups

    def _finite(self) -> bool:
        return prod(self.kernel.shape[2:]) == 1 or all_finite(self.kernel)

    def _tiles(self, out: Array, region: Region, maps: int) -> list[tuple[slice, Region]]:
        """Split the images and a region so that what a tile's phases hold, of so many maps, stays inside the budget."""
        images, _, *size = out.shape
        chunk = [images, *size]
        for axis in range(len(chunk)):
            while prod(chunk) * maps * out.itemsize > self.control.budget_bytes and chunk[axis] > 1:
                chunk[axis] = -(-chunk[axis] // 2)
        bounds = ((0, images), *region)
        starts = (range(start, stop, step) for (start, stop), step in zip(bounds, chunk, strict=True))
        found = []
        for corner in product(*starts):
            ends = (min(c + step, stop) for c, step, (_, stop) in zip(corner, chunk, bounds, strict=True))
            first, *tile = zip(corner, ends, strict=True)
            found.append((slice(*first), tuple(tile)))
        return found

    def _combinations(self, region: Region, data: Array) -> list[tuple[AxisPhase, ...]]:
        """Return the phases of a region that read anything: each axis' own, every one with every one."""
        axes = zip(region, data.shape[2:], self.kernel.shape[2:], self.stride, self.dilation, strict=True)
        found = ((n, axis_phases(*bounds, n, k, s, d)) for bounds, n, k, s, d in axes)
        met = ([of_taps_that_meet(phase, n) for phase in phases] for n, phases in found)
        return list(product(*([phase for phase in phases if phase is not None] for phases in met)))

    def _convolved(self, data: Array, bias: Array | None, phases: tuple[AxisPhase, ...]) -> Array:
        """Return one phase as a convolution with its taps, flipped, channels and filters swapped: (F, C/G, *taps)."""
        cells: Index = (
            ...,
            *(slice(max(0, p.low - p.back), min(n, p.high)) for p, n in zip(phases, data.shape[2:], strict=True)),
        )
        taps: Index = (..., *(phase.taps for phase in phases))
        used = self.kernel[taps]
        grouped = used.reshape(self.groups, -1, *used.shape[1:])
        weights = grouped.swapaxes(1, 2).reshape(self.filters, -1, *used.shape[2:])
        if bias is not None and prod(bias.shape[1:]) == 1:
            bias = bias.reshape(-1)
        return conv(
            data[cells],
            np.flip(weights, axis=tuple(range(2, weights.ndim))),
            bias,
            padding=[(max(0, p.back - p.low), max(0, p.high - n)) for p, n in zip(phases, data.shape[2:], strict=True)],
            dilation=[phase.dilation for phase in phases],
            groups=self.groups,
            method=self.method,
            dtype=self.dtype,
            control=self.control,
        )


def _within(tile: Region, region: Region) -> tuple[slice, ...]:
    """Return where a part of a region lies in it."""
    return tuple(slice(a - start, b - start) for (a, b), (start, _) in zip(tile, region, strict=True))


def _targets(phases: tuple[AxisPhase, ...]) -> Index:
    """Return where in a tile the positions of some axes' phases lie."""
    return (..., *(phase.target for phase in phases))
