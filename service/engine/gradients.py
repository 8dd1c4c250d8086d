"""The backward passes of the convolutions: from the gradient of an output to those of what it was computed from.

For a loss L and y = conv(x, w) + b, with g = ∂L/∂y: ∂L/∂x is the transposed convolution of g with w, its padding folded
back onto the cells it was copied from; ∂L/∂w correlates x with g; ∂L/∂b sums g over whatever shares a bias.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from math import prod
from typing import Any

import numpy as np
import numpy.typing as npt

from . import blas
from .borders import PADDING_MODES, Array, Region, fold
from .choice import checked_method
from .control import DEFAULT_CONTROL, Control
from .convolution import checked_padding_value
from .cropped import cropped_input_gradient, cropped_kernel_gradient
from .errors import ShapeMismatch
from .geometry import plan_conv, plan_conv_transpose
from .kernel_gradient import kernel_gradient
from .methods.work import cut
from .ordered import sum_matters, summed_in_order
from .parallel import Workspace, available_threads, run
from .plans import ConvPlan
from .precision import as_numbers, compute_dtype
from .transposed import Spread

A_THREAD_EACH_MACS = range(20_000_000, 500_000_000)
"""Work with which each gradient gets a thread of its own. With less it costs more to wake one than it saves, and with
more the gradients' own parts are so long that it costs little to share them out."""
MARGIN_PARTS = 4
"""A padding's gradient is computed in parts that each take such a share of the working memory."""
SHARE_BYTES = 16 * 1024 * 1024
"""Working memory that each then needs, so that it is computed as fast as alone."""


@dataclass(frozen=True, slots=True)
class ConvGradients:
    """The gradients of a convolution, each shaped as what it belongs to.

    Attributes
    ----------
    input : ndarray of shape (N, C, *S)
    kernel : ndarray of shape (F, C/G, *K)
        For a transposed convolution (C, F/G, *K).
    bias : ndarray of shape (F) or (F, *S')
    """

    input: Array
    kernel: Array
    bias: Array


def conv_gradients(
    input: npt.ArrayLike,
    kernel: npt.ArrayLike,
    output_gradient: npt.ArrayLike,
    *,
    stride: Any = 1,
    padding: Any = 0,
    padding_mode: str = "zeros",
    padding_value: float = 0.0,
    dilation: Any = 1,
    groups: int = 1,
    operation: str = "cross_correlation",
    bias_per_position: bool = False,
    method: str = "auto",
    dtype: Any = None,
    control: Control | None = None,
) -> ConvGradients:
    """Return the gradients of `conv` from the gradient of its output.

    With g the gradient of the output, correlated, stride s and dilation d:

    - ∂L/∂x[n, c, i] = Σ_f Σ_k w[f, c, k] · g[n, f, o] over s·o + d·k - before = i, plus what its copies in the padding
      received;
    - ∂L/∂w[f, c, k] = Σ_n Σ_o g[n, f, o] · x[n, c, s·o + d·k - before];
    - ∂L/∂b[f] = Σ_n Σ_o g[n, f, o].

    Parameters
    ----------
    input : array_like of shape (N, C, *S)
        What `conv` was given, as all that follows and is not described here.
    kernel : array_like of shape (F, C/G, *K)
    output_gradient : array_like of shape (N, F, *S')
        ∂L/∂y.
    operation : str
        With ``"convolution"`` the flip is undone: the kernel's gradient is that of the kernel as it was sent.
    bias_per_position : bool
        Whether the bias is (F, *S') rather than (F): its gradient is then summed over the batch alone.

    Returns
    -------
    ConvGradients
        `input`, `kernel` and `bias`, of the compute dtype.

    Raises
    ------
    EngineError
        As `conv`, and `ShapeMismatch` if `output_gradient` has not the output's shape.

    References
    ----------
    Dumoulin & Visin, "A guide to convolution arithmetic for deep learning", arXiv:1603.07285, section 4.1 and
    relationship 14 (`output_padding` there is what the stride dropped here).

    Examples
    --------
    >>> gradients = conv_gradients([[[1, 2, 3, 4]]], [[[1, 0, -1]]], [[[1, 10]]])
    >>> gradients.input
    array([[[  1.,  10.,  -1., -10.]]])
    >>> gradients.kernel
    array([[[21., 32., 43.]]])
    >>> gradients.bias
    array([11.])
    """
    data, weights = as_numbers(input, "input"), as_numbers(kernel, "kernel")
    plan = plan_conv(
        data.shape,
        weights.shape,
        stride=stride,
        padding=padding,
        padding_mode=padding_mode,
        dilation=dilation,
        groups=groups,
        operation=operation,
    )
    checked_method(method)  # where nothing is reached no convolution asks
    upstream = _checked_gradient(output_gradient, plan.output_shape)
    fill_value = checked_padding_value(padding_value, plan.padding_mode)
    result_dtype, control = compute_dtype(data, dtype), control or DEFAULT_CONTROL
    flipped = tuple(range(2, weights.ndim)) if plan.operation == "convolution" else ()
    with blas.single_threaded, np.errstate(all="ignore"):
        weights = np.flip(weights, flipped).astype(result_dtype, copy=False)

        def of_kernel(running: Control) -> Array:
            return kernel_gradient(plan, data, upstream, fill_value, result_dtype, method, running)

        def of_input(running: Control) -> Array:
            spread = Spread(weights, plan.stride, plan.dilation, plan.groups, method, running)
            return _input_gradient(plan, spread, upstream)

        kernel_found, input_found = _side_by_side(plan.macs, control, of_kernel, of_input)
        return ConvGradients(
            input=input_found,
            kernel=np.ascontiguousarray(np.flip(kernel_found, flipped)),
            bias=_bias_gradient(upstream, bias_per_position, result_dtype),
        )


def conv_transpose_gradients(
    input: npt.ArrayLike,
    kernel: npt.ArrayLike,
    output_gradient: npt.ArrayLike,
    *,
    stride: Any = 1,
    padding: Any = 0,
    output_padding: Any = 0,
    dilation: Any = 1,
    groups: int = 1,
    bias_per_position: bool = False,
    method: str = "auto",
    dtype: Any = None,
    control: Control | None = None,
) -> ConvGradients:
    """Return the gradients of `conv_transpose` from the gradient of its output.

    A transposed convolution is the adjoint of a convolution, so with g the gradient of the output: ∂L/∂x = conv(g, w),
    and the kernel's gradient is that of this convolution, where x stands for the gradient of its output.

    Parameters
    ----------
    input : array_like of shape (N, C, *S)
        What `conv_transpose` was given, as all that follows and is not described here.
    kernel : array_like of shape (C, F/G, *K)
    output_gradient : array_like of shape (N, F, *S')
        ∂L/∂y.
    bias_per_position : bool
        Whether the bias is (F, *S') rather than (F): its gradient is then summed over the batch alone.

    Returns
    -------
    ConvGradients
        `input`, `kernel` and `bias`, of the compute dtype.

    Raises
    ------
    EngineError
        As `conv_transpose`, and `ShapeMismatch` if `output_gradient` has not the output's shape.

    References
    ----------
    Dumoulin & Visin, "A guide to convolution arithmetic for deep learning", arXiv:1603.07285, section 4.1: one matrix
    and its transpose are the forward and the backward pass of a convolution, and the other way round here.

    Examples
    --------
    >>> gradients = conv_transpose_gradients([[[1, 10]]], [[[1, 2]]], [[[1, 2, 3, 4]]], stride=2)
    >>> gradients.input, gradients.kernel
    (array([[[ 5., 11.]]]), array([[[31., 42.]]]))
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
    upstream = _checked_gradient(output_gradient, plan.output_shape)
    result_dtype, control = compute_dtype(data, dtype), control or DEFAULT_CONTROL
    with blas.single_threaded, np.errstate(all="ignore"):

        def of_kernel(running: Control) -> Array:
            return cropped_kernel_gradient(plan, data, upstream, method, result_dtype, running)

        def of_input(running: Control) -> Array:
            return cropped_input_gradient(plan, weights, upstream, method, result_dtype, running)

        kernel_found, input_found = _side_by_side(plan.macs, control, of_kernel, of_input)
        return ConvGradients(
            input=input_found,
            kernel=np.ascontiguousarray(kernel_found),
            bias=_bias_gradient(upstream, bias_per_position, result_dtype),
        )


def _side_by_side(macs: int, control: Control, *gradients: Callable[[Control], Array]) -> list[Array]:
    """Return gradients that take about as long as each other, on a thread each where that is quicker."""
    threads, budget_bytes = available_threads(control), control.budget_bytes // len(gradients)
    if threads < len(gradients) or macs not in A_THREAD_EACH_MACS or budget_bytes < SHARE_BYTES:
        return [gradient(control) for gradient in gradients]
    share = replace(
        control,
        threads=threads // len(gradients),
        at_once=max(1, (control.at_once or threads) // len(gradients)),
        budget_bytes=budget_bytes,
    )
    found: dict[int, Array] = {}

    def compute(task: tuple[int, Callable[[Control], Array]], _: Workspace) -> None:
        number, gradient = task
        found[number] = gradient(share)

    run(enumerate(gradients), compute, control, threads)
    return [found[number] for number in range(len(gradients))]


def _checked_gradient(value: npt.ArrayLike, output_shape: tuple[int, ...]) -> Array:
    gradient = as_numbers(value, "output_gradient")
    if gradient.shape != output_shape:
        raise ShapeMismatch(
            f"the output_gradient has shape {list(gradient.shape)}; it must have the output's, {list(output_shape)}",
            "output_gradient",
        )
    return gradient


def _bias_gradient(upstream: Array, per_position: bool, dtype: np.dtype[Any]) -> Array:
    images, filters, *size = upstream.shape
    if sum_matters(upstream, dtype, images if per_position else images * prod(size)):
        sums = summed_in_order(
            np.moveaxis(upstream, 0, -1).reshape(-1, images) if per_position else upstream.swapaxes(0, 1)
        )
        return sums.reshape(filters, *size) if per_position else sums
    if not per_position:  # along memory first, where NumPy adds in pairs; over images it adds one by one
        upstream = upstream.sum(axis=tuple(range(2, upstream.ndim)), dtype=dtype)
    return np.asarray(upstream.sum(axis=0, dtype=np.float64), dtype)


def _input_gradient(plan: ConvPlan, spread: Spread, upstream: Array) -> Array:
    """Return the gradient of a convolution's input: the part inside it, and what the padding copied, folded back."""
    before = [b for b, _ in plan.padding]
    inside = tuple((b, b + n) for b, n in zip(before, plan.input_size, strict=True))
    gradient = spread.onto(inside, upstream)
    if PADDING_MODES[plan.padding_mode].source is not None:
        cells = max(1, spread.control.budget_bytes // (MARGIN_PARTS * plan.batch * plan.channels * gradient.itemsize))
        for region in (part for margin in _margins(plan) for part in _parts(margin, cells)):
            spread.control.check()
            shifted = tuple((start + b, stop + b) for (start, stop), b in zip(region, before, strict=True))
            fold(spread.onto(shifted, upstream), region, gradient, plan.padding_mode)
    return gradient


def _parts(region: Region, cells: int) -> Iterator[Region]:
    """Yield parts of a region, of at most so many cells unless a single one is more."""
    size = tuple(stop - start for start, stop in region)
    for part in cut(size, cells):
        yield tuple((start + a, start + b) for (start, _), (a, b) in zip(region, part, strict=True))


def _margins(plan: ConvPlan) -> Iterator[Region]:
    """Yield regions, in the input's coordinates, that cover the padding once: on an axis, whole across those behind."""
    inside = [(0, n) for n in plan.input_size]
    padded = [(-before, n + after) for (before, after), n in zip(plan.padding, plan.input_size, strict=True)]
    for axis, n in enumerate(plan.input_size):
        for start, stop in ((padded[axis][0], 0), (n, padded[axis][1])):
            if start < stop:
                yield (*inside[:axis], (start, stop), *padded[axis + 1 :])
