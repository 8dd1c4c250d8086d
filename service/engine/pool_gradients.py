"""The backward pass of a pool: the gradient of every window handed to the cells that made its value."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from math import prod
from typing import Any

import numpy as np
import numpy.typing as npt

from . import blas, ordered_windows, pool_passes, scaled_windows
from .borders import Array
from .control import DEFAULT_CONTROL, Control
from .errors import ShapeMismatch
from .geometry import plan_pool
from .parallel import Workspace, run
from .plans import PoolPlan
from .pool_kinds import POOL_KINDS, PoolKind
from .pooling import block_cells, planes_of, threads_for
from .precision import as_numbers, compute_dtype
from .windows import AxisWindows, Block, blocks, pieces


def pool_gradients(
    input: npt.ArrayLike,
    output_gradient: npt.ArrayLike,
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
    dtype: Any = None,
    control: Control | None = None,
) -> Array:
    """Return the gradient of a pool's input from the gradient of its output.

    With g the gradient of a window's value y, a cell x of the window receives

    - max and min: g if the window selected it, otherwise nothing. Of equals the first is selected, of NaN the first;
    - average: g / divisor;
    - lp: g · |x|^(p-1) · sign(x) · y^(1-p), and nothing where y = 0 or x = 0.

    A cell of several windows receives the sum.

    Parameters
    ----------
    input : array_like of shape (N, C, *S)
        What `pool` was given, as all that follows and is not described here.
    output_gradient : array_like of shape (N, C, *S')
        ∂L/∂y.

    Returns
    -------
    ndarray of shape (N, C, *S)
        ∂L/∂x, of the compute dtype.

    Raises
    ------
    EngineError
        As `pool`, and `ShapeMismatch` if `output_gradient` has not the output's shape.

    Examples
    --------
    >>> pool_gradients([[[3, 7, 7, 1]]], [[[10, 1]]], "max", 2)
    array([[[ 0., 10.,  1.,  0.]]])
    >>> pool_gradients([[[3, 7, 7, 1]]], [[[10, 1]]], "average", 3, stride=1, dtype="float64") * 3
    array([[[10., 11., 11.,  1.]]])
    """
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
    upstream = as_numbers(output_gradient, "output_gradient")
    if upstream.shape != plan.output_shape:
        raise ShapeMismatch(
            f"the output_gradient has shape {list(upstream.shape)}; it must have the output's, "
            f"{list(plan.output_shape)}",
            "output_gradient",
        )
    gradient = np.zeros(plan.input_shape, compute_dtype(data, dtype))
    _fill(plan, data, upstream, gradient, control or DEFAULT_CONTROL)
    return gradient


def _fill(plan: PoolPlan, data: Array, upstream: Array, gradient: Array, control: Control) -> None:
    kind, dtype = POOL_KINDS[plan.kind], gradient.dtype
    cells = gradient.reshape(-1, *plan.input_size)
    values = upstream.reshape(-1, *plan.output_size)

    def compute(task: tuple[Array, int, list[Block]], _: Workspace) -> None:
        planes, first, parts = task
        for block in parts:
            source, target = planes[block.cells], cells[first:][block.cells]
            g = values[first:][block.windows].astype(dtype, copy=False)
            if kind.better is None:
                _share(source, g, block.axes, kind, target, control)
            else:
                _hand_over(source, g, block.axes, kind, kind.better, cells[first:][block.planes])

    threads = threads_for(plan, control)
    limits = block_cells(dtype, kind.better is not None, threads, control)
    # Blocks of one plane share cells where windows overlap: one thread does them all.
    tasks = (
        (planes, first, list(group))
        for first, planes in planes_of(data)
        for _, group in groupby(blocks(plan, len(planes), *limits), key=lambda block: block.planes.start)
    )
    with blas.single_threaded, np.errstate(all="ignore"):
        run(tasks, compute, control, threads)


def _hand_over(
    source: Array, g: Array, axes: Sequence[AxisWindows], kind: PoolKind, better: np.ufunc, planes: Array
) -> None:
    """Add each window's gradient to the cell that it selected."""
    value, positions = np.empty(g.shape, g.dtype), np.empty(g.shape, np.int64)
    pool_passes.select(source, axes, kind, better, value, positions)
    size = prod(planes.shape[1:])
    positions += (np.arange(len(planes)) * size).reshape(-1, *(1,) * (g.ndim - 1))
    np.add.at(planes.reshape(-1), positions.reshape(-1), g.reshape(-1))


def _share(
    source: Array, g: Array, axes: Sequence[AxisWindows], kind: PoolKind, cells: Array, control: Control
) -> None:
    """Add what each cell receives where all cells of a window have a share in its value."""
    p = axes[0].plan.p
    if kind.averages:
        g = g / pool_passes.divisors(axes, g.dtype)
        if ordered_windows.share_matters(g, axes):
            ordered_windows.share(g, axes, cells)
            return
    if kind.finish_slope is not None:
        value = np.empty(g.shape, g.dtype)
        pool_passes.combine(source, axes, kind, value, control)
        slope = np.empty_like(value)
        kind.finish_slope(value, p, slope)
        if kind.scales and p > 1:
            scaled = scaled_windows.unsafe_slopes(value, slope)
            if scaled.any():
                scaled_windows.share(source, axes, kind, p, scaled, g, value, cells, control)
                g, slope = np.where(scaled, 0, g), np.where(scaled, 0, slope)
        g = g * slope
    if all(windows.count == 1 for windows in axes):  # which may hold more than any block
        window = pool_passes.single_window(axes)
        source, cells = source[window], cells[window]
        for piece in pieces(source.shape, pool_passes.PIECE_CELLS):
            cells[piece] += _sloped(np.broadcast_to(g, source[piece].shape), source[piece], kind, p)
    else:
        cells += _sloped(pool_passes.spread(g, axes), source, kind, p)


def _sloped(received: Array, source: Array, kind: PoolKind, p: float) -> Array:
    """Return what reached the prepared cells as what reaches the cells: nothing stays nothing, whatever the slope."""
    if kind.prepare_slope is None:
        return received
    slope = np.array(source, received.dtype)
    kind.prepare_slope(slope, p, slope)
    slope *= received
    slope[received == 0] = 0
    return slope
