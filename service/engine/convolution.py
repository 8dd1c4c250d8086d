"""The convolution: check the arrays, plan from their shapes, choose a method, compute into one output."""

from __future__ import annotations

from math import frexp, isfinite, ldexp
from typing import Any

import numpy as np
import numpy.typing as npt

from . import blas
from .arguments import as_float, shown
from .borders import Array
from .choice import method_for, threads_for
from .control import DEFAULT_CONTROL, Control
from .errors import InvalidArgument
from .geometry import plan_conv
from .methods.method import Method
from .methods.work import Work
from .plans import ConvPlan
from .precision import FloatType, Survey, as_numbers, checked_bias, compute_dtype


def conv(
    input: npt.ArrayLike,
    kernel: npt.ArrayLike,
    bias: npt.ArrayLike | None = None,
    *,
    stride: Any = 1,
    padding: Any = 0,
    padding_mode: str = "zeros",
    padding_value: float = 0.0,
    dilation: Any = 1,
    groups: int = 1,
    operation: str = "cross_correlation",
    method: str = "auto",
    dtype: Any = None,
    control: Control | None = None,
) -> Array:
    """Convolve a batch of inputs with a bank of filters, over any number of spatial axes.

    y[n, f, o] = bias[f] + Σ_c Σ_k w[f, c, k] · x[n, c, s·o + d·k - before], the sum over the C/G channels c of the
    filter's group and the taps k; with `operation` ``"convolution"`` the kernel is flipped on every spatial axis.

    Parameters
    ----------
    input : array_like of shape (N, C, *S)
        Booleans, integers or real floats, in any layout. N inputs of C channels.
    kernel : array_like of shape (F, C/G, *K)
        F filters.
    bias : array_like of shape (F) or (F, *S'), optional
        Added to a filter's whole map, or position by position.
    stride, dilation : int or sequence of int
        s and d, one for all spatial axes or one each.
    padding : int, sequence, or str
        Cells around the input: one number, one a spatial axis, one (before, after) pair a spatial axis, or
        ``"valid"`` (0), ``"same"`` (S' = ⌈S/s⌉, the odd cell after), ``"same_lower"`` (the odd cell before),
        ``"full"`` (d(k-1) on both sides).
    padding_mode : str
        ``"zeros"``, ``"constant"``, ``"reflect"``, ``"symmetric"``, ``"replicate"`` or ``"circular"``.
    padding_value : float
        What fills the padding of mode ``"constant"``.
    groups : int
        G; filter f reads the channels of group ⌊f·G/F⌋.
    operation : str
        ``"cross_correlation"`` or ``"convolution"``.
    method : str
        ``"auto"``, or a method by name.
    dtype : {None, "float32", "float64"}
        To compute and answer in; None is float32 for float16 and float32 input, float64 for all other.
    control : Control, optional
        Cancel check, number of threads, working memory.

    Returns
    -------
    ndarray of shape (N, F, *S')
        S' = ⌊(S + before + after - d(K-1) - 1)/s⌋ + 1 on each axis. Always a new, C-contiguous array.

    Raises
    ------
    EngineError
        One of its classes: whatever does not fit, and what would; `Cancelled` if `control` said so.

    References
    ----------
    Dumoulin & Visin, "A guide to convolution arithmetic for deep learning", arXiv:1603.07285, relationship 15.

    Examples
    --------
    >>> ramp = np.arange(10.0, 260.0, 10.0).reshape(1, 1, 5, 5)
    >>> edges = np.array([[[[1, 0, -1]] * 3]])
    >>> conv(ramp, edges)[0, 0]
    array([[-60., -60., -60.],
           [-60., -60., -60.],
           [-60., -60., -60.]])
    >>> conv([[[0, 0, 1, 0, 0]]], [[[1, 2, 3]]], operation="convolution")
    array([[[1., 2., 3.]]])
    """
    data, weights = as_numbers(input, "input"), as_numbers(kernel, "kernel")
    result_dtype = compute_dtype(data, dtype)
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
    return computed(
        plan, data, weights, bias, dtype=result_dtype, padding_value=padding_value, method=method, control=control
    )


def computed(
    plan: ConvPlan,
    data: Array,
    weights: Array,
    bias: npt.ArrayLike | None,
    *,
    dtype: FloatType,
    padding_value: float = 0.0,
    method: str = "auto",
    control: Control | None = None,
) -> Array:
    """Compute a convolution that is planned already, of arrays of the plan's shapes; all else as in :func:`conv`."""
    offset = checked_bias(bias, plan.output_shape, dtype)
    fill_value = checked_padding_value(padding_value, plan.padding_mode)
    running = control or DEFAULT_CONTROL
    if plan.operation == "convolution":
        weights = np.flip(weights, axis=tuple(range(2, weights.ndim)))
    out = np.empty(plan.output_shape, dtype)
    with blas.single_threaded, np.errstate(all="ignore"):  # what overflows or is not finite is the data's
        weights = np.ascontiguousarray(weights, dtype)
        survey = Survey(data, weights, fill_value)
        chosen = method_for(plan, out.itemsize, survey, method, running)
        running.report_method(chosen.name)
        threads = threads_for(chosen, plan, out.itemsize, running)
        work = Work(plan, data, weights, offset, fill_value, out, running, threads, survey)
        if method != "auto" and not chosen.local and survey.overflows:
            _compute_scaled(chosen, work)
        else:
            chosen.compute(work)
    return out


def _compute_scaled(method: Method, work: Work) -> None:
    """Compute from input and kernel brought down to 1, where a transform of them as they are would overflow.

    By powers of two, which is exact but for what is too small beside the largest to count.
    """
    (_, of_input), (_, of_kernel) = map(frexp, work.survey.largest)
    data = work.input.astype(np.promote_types(work.input.dtype, work.out.dtype), copy=False)
    method.compute(
        work._replace(
            input=np.ldexp(data, -of_input),
            kernel=np.ldexp(work.kernel, -of_kernel),
            padding_value=ldexp(work.padding_value, -of_input),
            bias=None,
        )
    )
    np.ldexp(work.out, of_input + of_kernel, out=work.out)
    if work.bias is not None:
        work.out[...] += work.bias


def checked_padding_value(value: Any, padding_mode: str) -> float:
    """Return the number that fills the padding.

    Raises
    ------
    InvalidArgument
        If it is not a finite number, or given with a mode that would ignore it.
    """
    number = as_float(value)
    if not isfinite(number):
        raise InvalidArgument(f"padding_value is {shown(value)}; it must be a finite number", "padding_value")
    if number != 0 and padding_mode != "constant":
        raise InvalidArgument(
            f'padding_value is {value}, which padding_mode "{padding_mode}" would ignore; '
            'set padding_mode to "constant"',
            "padding_value",
        )
    return number
