"""The gradients of a transposed convolution: those of its adjoint, save that what was cropped is no data.

The adjoint reads zeros where the output was cropped. Times what is finite they are nothing, but 0 · ∞ = NaN: so where
the kernel, or the input, holds what is not finite, each window, or each tap, takes part with its cells alone that lie
in the output.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise, product

import numpy as np

from .borders import Array, Index
from .control import Control
from .convolution import conv
from .geometry import plan_conv
from .kernel_gradient import kernel_gradient
from .methods import METHODS
from .plans import ConvPlan, ConvTransposePlan
from .precision import FloatType, all_finite
from .sizes import Ints


def cropped_input_gradient(
    plan: ConvTransposePlan, kernel: Array, upstream: Array, method: str, dtype: FloatType, control: Control
) -> Array:
    """Return conv(upstream, kernel), on the positions that are the input's own.

    Where dilation lets output_padding exceed the stride, the convolution would find more windows than the input has
    cells: what reaches past the last cell's own window is left away, padding first.
    """
    kernel = kernel.astype(dtype, copy=False)  # what overflows is not finite
    # What spreads over all positions is for the convolution to refuse.
    if _crops(plan) and not all_finite(kernel) and (method == "auto" or METHODS[method].local):
        return _windows_apart(plan.adjoint, kernel, upstream, method, dtype, control)
    pads, source = [], []
    axes = zip(plan.padding, plan.output_padding, plan.output_size, strict=True)
    for (before, after), extra, size in axes:
        pads.append((before, max(0, after - extra)))
        source.append(slice(0, max(0, size - max(0, extra - after))))
    if any(cells.stop == 0 for cells in source):
        return np.zeros(plan.input_shape, dtype)
    cells: Index = (..., *source)
    return conv(
        upstream[cells],
        kernel,
        stride=plan.stride,
        padding=pads,
        dilation=plan.dilation,
        groups=plan.groups,
        method=method,
        dtype=dtype,
        control=control,
    )


def cropped_kernel_gradient(
    plan: ConvTransposePlan, input: Array, upstream: Array, method: str, dtype: FloatType, control: Control
) -> Array:
    """Return the gradient of the kernel, (C, F/G, *K)."""
    adjoint = plan.adjoint
    found = kernel_gradient(adjoint, upstream, input, 0.0, dtype, method, control)
    if not _crops(plan) or np.isfinite(found).all() or all_finite(input.astype(dtype, copy=False)):
        return found
    for tap in np.ndindex(*plan.kernel_size):
        positions, cells = _met(adjoint, tap)
        given, read = input[positions], upstream[cells]
        if given.shape == input.shape:
            continue
        taken: Index = (..., *(slice(t, t + 1) for t in tap))
        found[taken] = 0
        if given.size:
            ones = (1,) * adjoint.rank
            alone = plan_conv(read.shape, (*adjoint.kernel_shape[:2], *ones), groups=plan.groups)
            found[taken] = kernel_gradient(alone, read, given, 0.0, dtype, method, control)
    return found


def _crops(plan: ConvTransposePlan) -> bool:
    return any(map(any, plan.padding))


def _windows_apart(
    plan: ConvPlan, kernel: Array, data: Array, method: str, dtype: FloatType, control: Control
) -> Array:
    """Return a convolution whose windows hold the cells of `data` alone; those of the same taps are taken at once."""
    out = np.zeros(plan.output_shape, dtype)
    for runs in product(*(_runs(plan, axis) for axis in range(plan.rank))):
        positions: Index = (..., *(position for position, _, _ in runs))
        taps: Index = (..., *(tap for _, tap, _ in runs))
        cells: Index = (..., *(cell for _, _, cell in runs))
        out[positions] = conv(
            data[cells],
            kernel[taps],
            stride=plan.stride,
            dilation=plan.dilation,
            groups=plan.groups,
            method=method,
            dtype=dtype,
            control=control,
        )
    return out


def _runs(plan: ConvPlan, axis: int) -> Iterator[tuple[slice, slice, slice]]:
    """Yield along an axis the positions whose windows have the same taps in the input, these taps and their cells."""
    n, k, s, d = plan.input_size[axis], plan.kernel_size[axis], plan.stride[axis], plan.dilation[axis]
    starts = np.arange(plan.output_size[axis]) * s - plan.padding[axis][0]
    low, high = np.maximum(0, -(starts // d)), np.minimum(k, -((starts - n) // d))
    changes = np.flatnonzero((np.diff(low) != 0) | (np.diff(high) != 0)) + 1
    for first, stop in pairwise([0, *changes.tolist(), len(starts)]):
        taps = slice(int(low[first]), int(high[first]))
        if taps.start < taps.stop:
            start = int(starts[first]) + d * taps.start
            reach = (stop - 1 - first) * s + d * (taps.stop - 1 - taps.start) + 1
            yield slice(first, stop), taps, slice(start, start + reach)


def _met(plan: ConvPlan, tap: Ints) -> tuple[Index, Index]:
    """Return the positions at which a tap meets a cell of the input, and these cells."""
    positions: list[slice] = []
    cells: list[slice] = []
    axes = zip(tap, plan.input_size, plan.output_size, plan.stride, plan.dilation, plan.padding, strict=True)
    for t, n, count, s, d, (before, _) in axes:
        shift = t * d - before
        low = max(0, -(shift // s))
        high = max(low, min(count, -((shift - n) // s)))
        positions.append(slice(low, high))
        cells.append(slice(low * s + shift, max(low, high - 1) * s + shift + 1, s) if low < high else slice(0, 0))
    return (..., *positions), (..., *cells)
