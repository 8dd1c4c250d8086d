"""Pooling: every window of a map reduced to one value, in blocks that stay in cache."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product
from math import prod
from typing import Any

import numpy as np
import numpy.typing as npt

from .borders import Array, Region
from .control import DEFAULT_CONTROL, Control
from .errors import InvalidArgument
from .geometry import PoolPlan, plan_pool
from .pool_kinds import POOL_KINDS, PoolKind
from .precision import as_numbers, compute_dtype
from .windows import AxisWindows, combine_axis, select_axis

BLOCK_CELLS = 64 * 1024


def pool(
    input: npt.ArrayLike,
    kind: str = "max",
    kernel_size: Any = None,
    *,
    stride: Any = None,
    padding: Any = 0,
    dilation: Any = 1,
    ceil_mode: bool = False,
    count_include_pad: bool = True,
    divisor_override: int | None = None,
    p: float = 2,
    output_size: Any = None,
    return_indices: bool = False,
    dtype: Any = None,
    control: Control | None = None,
) -> Any:
    """Reduce every window of every map to one value."""
    data = as_numbers(input, "input")
    plan = plan_pool(
        data.shape,
        kind,
        kernel_size,
        stride=stride,
        padding=padding,
        dilation=dilation,
        ceil_mode=ceil_mode,
        count_include_pad=count_include_pad,
        divisor_override=divisor_override,
        p=p,
        output_size=output_size,
    )
    if return_indices and POOL_KINDS[kind].keeps is None:
        raise InvalidArgument(
            f'return_indices asks for the position that each window selects, but kind "{kind}" selects none; '
            'leave it out, or set kind to "max" or "min"',
            "return_indices",
        )
    out = np.empty(plan.output_shape, compute_dtype(data, dtype))
    indices = np.empty(plan.output_shape, np.int64) if return_indices else None
    # What overflows or is not finite in the data is the data's; the answer carries it.
    with np.errstate(all="ignore"):
        _fill(plan, data, out, indices, control or DEFAULT_CONTROL)
    return out if indices is None else (out, indices)


def _fill(plan: PoolPlan, data: Array, out: Array, indices: Array | None, control: Control) -> None:
    planes = data.reshape(-1, *plan.input_size)
    maps = out.reshape(-1, *plan.output_size)
    places = None if indices is None else indices.reshape(maps.shape)
    kind = POOL_KINDS[plan.kind]
    for first, last, region in blocks(plan, len(planes)):
        control.check()
        target = (slice(first, last), *(slice(*bounds) for bounds in region))
        axes = [AxisWindows(plan, axis, *bounds) for axis, bounds in enumerate(region)]
        source = planes[(slice(first, last), *(slice(*windows.cells) for windows in axes))]
        source = source.astype(out.dtype, copy=False)
        if places is None or kind.keeps is None:
            combine_block(source, axes, kind, maps[target])
        else:
            maps[target], places[target] = select_block(source, axes, kind.keeps)


def combine_block(source: Array, axes: list[AxisWindows], kind: PoolKind, out: Array) -> None:
    """Write each window's value into `out`, (planes, *counts), from the cells that `axes` read, (planes, *cells)."""
    p = axes[0].plan.p
    if kind.prepare is not None:
        prepared = np.empty(source.shape, source.dtype)
        kind.prepare(source, p, prepared)
        source = prepared
    for windows in axes:
        shape = list(source.shape)
        shape[windows.axis + 1] = windows.count
        target = out if windows is axes[-1] else np.empty(shape, source.dtype)
        combine_axis(source, windows, kind, target)
        source = target
    if kind.averages:
        np.divide(out, divisors(axes, out.dtype), out=out)
    if kind.finish is not None:
        kind.finish(out, p, out)


def select_block(source: Array, axes: list[AxisWindows], keeps: np.ufunc) -> tuple[Array, Array]:
    """Return the cell that each window selects and its flat position in the plane; arguments as `combine_block`."""
    positions: Array | None = None
    for windows in reversed(axes):
        source, positions = select_axis(source, positions, windows, keeps)
    return source, np.asarray(positions)


def divisors(axes: list[AxisWindows], dtype: Any) -> Any:
    """Return what the sum over each window is divided by, broadcastable to a block: (*counts) or a number.

    Declared padding counts if the plan says so; what a ceil-mode window reaches past it never does (semantics: 7).
    """
    plan = axes[0].plan
    if plan.divisor_override is not None:
        return dtype.type(plan.divisor_override)
    whole = dtype.type(1)
    for windows in axes:
        shape = [1] * plan.rank
        shape[windows.axis] = -1
        whole = whole * windows.sizes(include_pad=plan.count_include_pad).astype(dtype).reshape(shape)
    return whole


def blocks(plan: PoolPlan, planes: int) -> Iterator[tuple[int, int, Region]]:
    """Yield blocks of the output, (first plane, last plane, window range of each axis), that fit the cache."""
    chunk = [planes, *plan.output_size]

    def cells() -> int:
        reads = [
            min(n, -(-c * n // o) + 1 if plan.adaptive else (c - 1) * s + reach)
            for c, n, o, s, reach in zip(
                chunk[1:], plan.input_size, plan.output_size, plan.stride, plan.span, strict=True
            )
        ]
        return chunk[0] * prod(reads)

    for axis in range(len(chunk)):
        while cells() > BLOCK_CELLS and chunk[axis] > 1:
            chunk[axis] = -(-chunk[axis] // 2)
    totals = (planes, *plan.output_size)
    starts = (range(0, total, step) for total, step in zip(totals, chunk, strict=True))
    for corner in product(*starts):
        bounds = [(c, min(c + step, total)) for c, step, total in zip(corner, chunk, totals, strict=True)]
        yield (*bounds[0], tuple(bounds[1:]))
