"""Pooling: every window of a map reduced to one value, in blocks that stay in cache."""

from __future__ import annotations

from math import prod
from typing import Any

import numpy as np
import numpy.typing as npt

from . import blas, pool_passes
from .borders import Array
from .control import DEFAULT_CONTROL, Control
from .geometry import plan_pool
from .parallel import Workspace, available_threads, run
from .plans import PoolPlan
from .pool_kinds import POOL_KINDS, check_indices
from .precision import as_numbers, compute_dtype
from .windows import Block, blocks

BLOCK_BYTES = 1024 * 1024
"""What a block reads: a core's second-level cache. What is done once a block costs more than the misses."""

THREADED_CELLS = 1024 * 1024
"""Cells of input below which a thread costs more than it saves."""


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
    """Reduce every window of every map to one value, over any number of spatial axes.

    The window of output position o holds the cells x[n, c, s·o + d·k - before] for the taps k < K that lie in the
    input: padding is beside the input, not in it. Its value is

    - max, min: the greatest or the least; a NaN, if there is one;
    - average: the sum divided by the number of cells, the declared padding counted or not;
    - lp: (Σ|x|^p)^(1/p), so that p = 1 is the sum of magnitudes and p = 2 the Euclidean norm.

    Parameters
    ----------
    input : array_like of shape (N, C, *S)
        Booleans, integers or real floats, in any layout.
    kind : str
        ``"max"``, ``"average"``, ``"min"`` or ``"lp"``.
    kernel_size : int or sequence of int
        K, one for all spatial axes or one each.
    stride : int or sequence of int, optional
        s; the kernel's size if it is not given, so that windows lie side by side.
    padding : int, sequence, or str
        Cells around the input, at most d(K-1) a side: as for `conv`.
    dilation : int or sequence of int
        d.
    ceil_mode : bool
        Let a last window overhang the padded input, if it does not start behind the input and the padding before it.
    count_include_pad : bool
        Whether an average counts the declared padding. What a window overhangs is never counted.
    divisor_override : int, optional
        What an average divides by instead.
    p : float
        The exponent of ``"lp"``, above 0.
    output_size : int or sequence of int, optional
        Instead of `kernel_size`, adaptive windows: the o-th holds the cells ⌊o·S/S'⌋ … ⌈(o+1)·S/S'⌉ - 1 of an axis.
        1 is a global pool.
    return_indices : bool
        For max and min, return also where the selected cells stand. Of equals the first in row-major order is selected,
        of NaN the first.
    dtype : {None, "float32", "float64"}
        To compute and answer in; None is float32 for float16 and float32 input, float64 for all other.
    control : Control, optional
        Cancel check, number of threads, working memory.

    Returns
    -------
    ndarray of shape (N, C, *S')
        S' = ⌊(S + before + after - d(K-1) - 1)/s⌋ + 1 on each axis. With `return_indices` this and an int64 array of
        the same shape, flat positions in each plane.

    Raises
    ------
    EngineError
        One of its classes: whatever does not fit, and what would; `Cancelled` if `control` said so.

    References
    ----------
    Dumoulin & Visin, "A guide to convolution arithmetic for deep learning", arXiv:1603.07285, relationship 7 and
    section 3; the norm is that of ONNX's LpPool.

    Examples
    --------
    >>> pool([[[1, 5, 2, 2, 3]]], "max", 2, return_indices=True)
    (array([[[5., 2.]]]), array([[[1, 2]]]))
    >>> pool([[[1, 2, 3, 4, 5]]], "average", 2, ceil_mode=True)
    array([[[1.5, 3.5, 5. ]]])
    >>> pool([[[3, 4, 0, 1]]], "lp", 2)
    array([[[5., 1.]]])
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
    check_indices(kind, return_indices)
    out = np.empty(plan.output_shape, compute_dtype(data, dtype))
    indices = np.empty(plan.output_shape, np.int64) if return_indices else None
    _fill(plan, data, out, indices, control or DEFAULT_CONTROL)
    return out if indices is None else (out, indices)


def _fill(plan: PoolPlan, data: Array, out: Array, indices: Array | None, control: Control) -> None:
    kind = POOL_KINDS[plan.kind]
    maps = out.reshape(-1, *plan.output_size)
    places = None if indices is None else indices.reshape(maps.shape)

    def compute(task: tuple[Array, int, Block], _: Workspace) -> None:
        planes, first, block = task
        source, target = planes[block.cells], maps[first:][block.windows]
        if places is None or kind.better is None:
            pool_passes.combine(source, block.axes, kind, target, control)
            if kind.better is not None:
                pool_passes.find_and_sign_zeros(source, block.axes, kind, kind.better, target)
        else:
            positions = places[first:][block.windows]
            pool_passes.select(source, block.axes, kind, kind.better, target, positions)
            pool_passes.sign_zeros(source, block.axes, target, positions)

    threads = threads_for(plan, control)
    sizes = block_cells(out.dtype, indices is not None, threads, control)
    tasks = ((planes, first, block) for first, planes in planes_of(data) for block in blocks(plan, len(planes), *sizes))
    with blas.single_threaded, np.errstate(all="ignore"):
        run(tasks, compute, control, threads)


def planes_of(data: Array) -> list[tuple[int, Array]]:
    """Return (N, C, *S) as (number of the first plane, planes) parts, (planes, *S): one where that needs no copy."""
    images, channels = data.shape[:2]
    if images == 1 or channels == 1 or data.strides[0] == channels * data.strides[1]:
        return [(0, data.reshape(-1, *data.shape[2:]))]
    return [(image * channels, data[image]) for image in range(images)]


def threads_for(plan: PoolPlan, control: Control) -> int:
    """Return how many threads a pool is worth: starting one costs as much as a few ten thousand cells."""
    return available_threads(control) if prod(plan.input_shape) >= THREADED_CELLS else 1


def block_cells(dtype: np.dtype[Any], positions: bool, threads: int, control: Control) -> tuple[int, int]:
    """Return how many cells a block should read, to stay in the cache, and how many at most, to stay in the budget."""
    most = max(1, control.budget_bytes // (threads * _bytes_a_cell(dtype, positions)))
    return min(BLOCK_BYTES // dtype.itemsize, most), most


def pool_working_bytes(plan: PoolPlan, dtype: Any = np.float64, control: Control | None = None) -> int:
    """Return the memory that a pool takes beyond input and output, at its peak.

    Examples
    --------
    >>> pool_working_bytes(plan_pool((1, 1, 4, 4), "max", 2))  # six float64 a cell of the one block
    768
    """
    kind, running = np.dtype(dtype), control or DEFAULT_CONTROL
    threads = threads_for(plan, running)
    cells = min(block_cells(kind, False, threads, running)[0], prod(plan.input_shape))
    return threads * cells * _bytes_a_cell(kind, False)


def _bytes_a_cell(dtype: np.dtype[Any], positions: bool) -> int:
    return 6 * dtype.itemsize + (2 * 8 + 6 if positions else 0)
