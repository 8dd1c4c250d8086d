"""Every shape rule: from an operation's arguments and shapes to its frozen plan (`plans.py`), by integers alone.

Padding is resolved here, once, into explicit cells before and after each spatial axis.

Letters, as in Dumoulin & Visin, "A guide to convolution arithmetic for deep learning" (arXiv:1603.07285): an axis of
n cells, a kernel of k taps, stride s, dilation d, b and a cells of padding before and after. A dilated kernel spans
d(k-1)+1 cells (section 5.1); a convolution or pool has floor((n + b + a - d(k-1) - 1) / s) + 1 windows
(relationships 6 and 15), and its transpose (relationships 13 and 14) an output of
(n-1)s - b - a + d(k-1) + output_padding + 1 cells.
"""

from __future__ import annotations

from math import gcd
from typing import Any, TypedDict

from . import checks, errors
from .arguments import (
    OPERATIONS,
    Pads,
    at_least,
    one_of,
    padding_amounts,
    padding_mode_name,
    per_axis,
)
from .plans import ConvPlan, ConvTransposePlan, PoolPlan
from .pool_kinds import POOL_KINDS
from .remembered import remembered
from .sizes import Ints, ceil_window_count, same_padding, span, window_count


def _resolve_padding(padding: Any, size: Ints, kernel: Ints, stride: Ints, dilation: Ints) -> Pads:
    amounts = padding_amounts(padding, len(size))
    axes = zip(size, kernel, stride, dilation, strict=True)
    if amounts == "valid":
        return ((0, 0),) * len(size)
    if amounts == "full":
        return tuple((d * (k - 1), d * (k - 1)) for _, k, _, d in axes)
    if isinstance(amounts, str):
        return tuple(same_padding(n, k, s, d, lower=amounts == "same_lower") for n, k, s, d in axes)
    return amounts


@remembered
def plan_conv(
    input_shape: Ints,
    kernel_shape: Ints,
    *,
    stride: Any = 1,
    padding: Any = 0,
    padding_mode: str = "zeros",
    dilation: Any = 1,
    groups: int = 1,
    operation: str = "cross_correlation",
) -> ConvPlan:
    """Plan a convolution of an (N, C, *S) input with an (F, C/G, *K) kernel.

    Raises
    ------
    EngineError
        One of its classes for whatever does not fit; the detail says what would.

    Examples
    --------
    >>> plan_conv((1, 3, 224, 224), (64, 3, 7, 7), stride=2, padding=3).output_shape
    (1, 64, 112, 112)
    >>> plan_conv((1, 1, 8), (1, 1, 3), padding="same", stride=3).padding
    ((0, 1),)
    """
    rank = checks.checked_rank(input_shape, kernel_shape)
    strides = per_axis(stride, rank, "stride", minimum=1)
    dilations = per_axis(dilation, rank, "dilation", minimum=1)
    batch, channels, *_ = input_shape
    size, kernel = input_shape[2:], kernel_shape[2:]
    checks.check_conv_channels(input_shape, kernel_shape, at_least(groups, 1, "groups"))
    pads = _resolve_padding(padding, size, kernel, strides, dilations)
    counts = tuple(
        window_count(n, b, a, k, s, d)
        for n, (b, a), k, s, d in zip(size, pads, kernel, strides, dilations, strict=True)
    )
    checks.check_fits(counts, channels, size, kernel, pads, dilations, "kernel")
    return ConvPlan(
        operation=one_of(operation, OPERATIONS, "operation"),
        batch=batch,
        channels=channels,
        filters=kernel_shape[0],
        groups=int(groups),
        input_size=size,
        kernel_size=kernel,
        stride=strides,
        padding=pads,
        padding_mode=padding_mode_name(padding_mode),
        dilation=dilations,
        output_size=counts,
        dropped=_dropped(counts, size, pads, kernel, strides, dilations),
    )


@remembered
def plan_conv_transpose(
    input_shape: Ints,
    kernel_shape: Ints,
    *,
    stride: Any = 1,
    padding: Any = 0,
    output_padding: Any = 0,
    dilation: Any = 1,
    groups: int = 1,
) -> ConvTransposePlan:
    """Plan a transposed convolution of an (N, C, *S) input with a (C, F/G, *K) kernel.

    `output_padding` chooses among the input sizes that a strided convolution maps to one output size; it is below
    max(stride, dilation) on every axis.

    Raises
    ------
    EngineError
        One of its classes for whatever does not fit; the detail says what would.

    Examples
    --------
    >>> plan_conv_transpose((1, 2, 4), (2, 1, 3), stride=2, padding=1, output_padding=1).output_size
    (8,)
    """
    rank = checks.checked_rank(input_shape, kernel_shape)
    strides = per_axis(stride, rank, "stride", minimum=1)
    dilations = per_axis(dilation, rank, "dilation", minimum=1)
    extra = per_axis(output_padding, rank, "output_padding", minimum=0)
    pads = padding_amounts(padding, rank)
    if isinstance(pads, str):
        raise errors.InvalidArgument(
            f'padding is "{pads}", but a transposed convolution takes no names: '
            "give an integer, one integer a spatial axis, or one [before, after] pair a spatial axis",
            "padding",
        )
    checks.check_output_padding(extra, strides, dilations)
    size, kernel = input_shape[2:], kernel_shape[2:]
    checks.check_transpose_channels(input_shape, kernel_shape, at_least(groups, 1, "groups"))
    output = tuple(
        (n - 1) * s - b - a + span(k, d) + o
        for n, s, (b, a), k, d, o in zip(size, strides, pads, kernel, dilations, extra, strict=True)
    )
    checks.check_output_remains(output, pads)
    return ConvTransposePlan(
        batch=input_shape[0],
        channels=input_shape[1],
        filters=kernel_shape[1] * int(groups),
        groups=int(groups),
        input_size=size,
        kernel_size=kernel,
        stride=strides,
        padding=pads,
        output_padding=extra,
        dilation=dilations,
        output_size=output,
    )


@remembered
def plan_pool(
    input_shape: Ints,
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
) -> PoolPlan:
    """Plan a pool of an (N, C, *S) input: windows of `kernel_size`, or `output_size` adaptive ones.

    Raises
    ------
    EngineError
        One of its classes for whatever does not fit; the detail says what would.

    Examples
    --------
    >>> plan_pool((1, 1, 4), "max", 2, stride=3, padding=1, ceil_mode=True).output_size
    (2,)
    >>> plan_pool((1, 1, 7), "average", output_size=3).windows(0)
    [(0, 3), (2, 5), (4, 7)]
    """
    rank = checks.checked_rank(input_shape)
    one_of(kind, tuple(POOL_KINDS), "kind")
    if (kernel_size is None) == (output_size is None):
        given = "both are" if kernel_size is not None else "neither is"
        raise errors.InvalidArgument(
            f"{given} given: a pool takes kernel_size, or output_size for adaptive windows (1 for a global pool)",
            "kernel_size" if kernel_size is None else "output_size",
        )
    p = checks.checked_exponent(p)
    checks.check_kind_options(kind, count_include_pad, divisor_override, p)
    size = input_shape[2:]
    if output_size is not None:
        checks.check_adaptive_options(stride, padding, dilation, ceil_mode, count_include_pad, divisor_override)
        windows = _adaptive(size, per_axis(output_size, rank, "output_size", minimum=1))
    else:
        windows = _regular(input_shape, kernel_size, stride, padding, dilation, ceil_mode=ceil_mode)
    return PoolPlan(
        kind=kind,
        batch=input_shape[0],
        channels=input_shape[1],
        input_size=size,
        ceil_mode=bool(ceil_mode),
        count_include_pad=bool(count_include_pad),
        divisor_override=divisor_override,
        p=p,
        adaptive=output_size is not None,
        **windows,
    )


class _Windows(TypedDict):
    """What a pool's windows are, as its plan has it."""

    kernel_size: Ints
    stride: Ints
    padding: Pads
    dilation: Ints
    output_size: Ints
    dropped: Ints
    overhang: Ints


def _adaptive(size: Ints, counts: Ints) -> _Windows:
    """Return so many windows that are as nearly equal as they can be."""
    ones, zeros = (1,) * len(size), (0,) * len(size)
    return _Windows(
        kernel_size=tuple(_largest_window(n, o) for n, o in zip(size, counts, strict=True)),
        stride=ones,
        padding=((0, 0),) * len(size),
        dilation=ones,
        output_size=counts,
        dropped=zeros,
        overhang=zeros,
    )


def _regular(
    input_shape: Ints, kernel_size: Any, stride: Any, padding: Any, dilation: Any, *, ceil_mode: bool
) -> _Windows:
    """Return windows of one size, a stride apart."""
    size = input_shape[2:]
    kernel = per_axis(kernel_size, len(size), "kernel_size", minimum=1)
    strides = kernel if stride is None else per_axis(stride, len(size), "stride", minimum=1)
    dilations = per_axis(dilation, len(size), "dilation", minimum=1)
    pads = _resolve_padding(padding, size, kernel, strides, dilations)
    checks.check_pool_padding(pads, kernel, dilations)
    count = ceil_window_count if ceil_mode else window_count
    counts = tuple(
        count(n, b, a, k, s, d) for n, (b, a), k, s, d in zip(size, pads, kernel, strides, dilations, strict=True)
    )
    beyond = tuple(s - 1 if ceil_mode else 0 for s in strides)
    checks.check_fits(counts, input_shape[1], size, kernel, pads, dilations, "kernel_size", beyond)
    checks.check_windows_meet_input(counts, size, pads, strides, dilations)
    ends = _dropped(counts, size, pads, kernel, strides, dilations)
    return _Windows(
        kernel_size=kernel,
        stride=strides,
        padding=pads,
        dilation=dilations,
        output_size=counts,
        dropped=tuple(max(0, e) for e in ends),
        overhang=tuple(max(0, -e) for e in ends),
    )


def _largest_window(size: int, windows: int) -> int:
    """Return the length of the longest of the adaptive windows from ⌊i·n/o⌋ to ⌈(i + 1)·n/o⌉.

    With n = q·o + r it is q, and one more where the windows' bounds do not all fall on whole cells, and two more where
    some window has such a bound at either end: where r/o is not one over a whole number.
    """
    quotient, remainder = divmod(size, windows)
    if remainder == 0:
        return quotient
    return quotient + (1 if remainder == gcd(size, windows) else 2)


def _dropped(counts: Ints, size: Ints, pads: Pads, kernel: Ints, stride: Ints, dilation: Ints) -> Ints:
    axes = zip(counts, size, pads, kernel, stride, dilation, strict=True)
    return tuple(n + b + a - (count - 1) * s - span(k, d) for count, n, (b, a), k, s, d in axes)
