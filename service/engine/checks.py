"""What the plans refuse, and what they say about it: which numbers came, the likely cause, and what would do."""

from __future__ import annotations

from math import inf
from typing import Any

from . import errors
from .arguments import Pads, as_float, at_least, axis_name, counted
from .sizes import Ints, span

MOST_COLORS = 4
"""A last axis of no more entries is likely that of red, green, blue and alpha, where channels are many."""


def checked_rank(input_shape: Ints, kernel_shape: Ints | None = None) -> int:
    """Return the number of spatial axes, after refusing shapes that are not canonical or hold nothing."""
    rank = len(input_shape) - 2
    if rank < 1:
        raise errors.ShapeMismatch(
            f"the input has shape {list(input_shape)}; it must be (N, C, *S): batch, channels and at least one "
            "spatial axis",
            "input",
        )
    if kernel_shape is not None and len(kernel_shape) != rank + 2:
        raise errors.ShapeMismatch(
            f"the kernel has shape {list(kernel_shape)}, {len(kernel_shape)} axes; beside an input of shape "
            f"{list(input_shape)} it must have {rank + 2}",
            "kernel",
        )
    for shape, argument in ((input_shape, "input"), (kernel_shape or (), "kernel")):
        if any(length < 1 for length in shape):
            raise errors.ShapeMismatch(
                f"the {argument} has shape {list(shape)}; every axis must have at least one entry", argument
            )
    return rank


def check_conv_channels(input_shape: Ints, kernel_shape: Ints, groups: int, sent: Ints | None = None) -> None:
    """Refuse channels that do not fit, naming the likely cause: channels-last data, a one-channel bank, bad groups.

    `sent` is the input's shape as its sender wrote it, if that is not (N, C, *S): what the detail shows.
    """
    sent = sent or input_shape
    channels, filters, per_group = input_shape[1], kernel_shape[0], kernel_shape[1]
    taken = per_group * groups
    if taken == channels:
        _check_divides(groups, filters, "filter")
        return
    noun = "channel" if per_group == 1 else "channels"
    each = " a group" if groups > 1 else ""
    detail = f"the kernel {list(kernel_shape)} takes {per_group} {noun}{each} but the input {list(sent)} has {channels}"
    _refuse_groups(detail, channels, filters, groups, kernel_shape)
    _refuse_channels_last(detail, taken, sent, len(input_shape) - 2)
    _check_divides(groups, channels, "channel")
    wanted = channels // groups
    split = f" in {groups} groups, {wanted} each" if groups > 1 else ""
    if per_group == 1 and filters % channels == 0:
        mend = f"for filters that each read one channel (depthwise) set groups to {channels}"
        raise errors.ChannelMismatch(f"{detail}{split}; {mend}", "groups")
    if kernel_shape[-1] == wanted and per_group > 1:
        mend = f"the kernel's last axis has {wanted}: it looks channels-last; send it as (F, C/groups, *K)"
    elif per_group == 1:
        mend = f"give every filter {wanted} channels, shape {[filters, wanted, *kernel_shape[2:]]}"
    else:
        shape = [filters, wanted, *kernel_shape[2:]]
        mend = f"send a kernel of shape {shape}, or an input of {taken} channels"
    raise errors.ChannelMismatch(f"{detail}{split}; {mend}", "kernel")


def check_transpose_channels(input_shape: Ints, kernel_shape: Ints, groups: int, sent: Ints | None = None) -> None:
    """Refuse channels that do not fit a transposed kernel, (C, F/groups, *K); `sent` as for a convolution."""
    sent = sent or input_shape
    channels, taken = input_shape[1], kernel_shape[0]
    if taken == channels:
        _check_divides(groups, channels, "channel")
        return
    noun = "channel" if taken == 1 else "channels"
    detail = f"the kernel {list(kernel_shape)} takes {taken} {noun} but the input {list(sent)} has {channels}"
    _refuse_channels_last(detail, taken, sent, len(input_shape) - 2)
    detail += "; a transposed kernel is (C, F/groups, *K), input channels first"
    if kernel_shape[1] == channels:
        detail += ": its first two axes look swapped, as for a forward convolution"
    raise errors.ChannelMismatch(detail, "kernel")


def _refuse_groups(detail: str, channels: int, filters: int, groups: int, kernel_shape: Ints) -> None:
    """Refuse groups that are amiss whichever axis the channels are, or other groups than those with which all fits.

    They come before the guess that channels are last, which any axis of the right length would seem to confirm.
    """
    per_group = kernel_shape[1]
    others, rest = divmod(channels, per_group)
    if not rest and filters % others == 0:
        _check_divides(groups, channels, "channel")
    if groups > 1 and channels == per_group:
        split = f", or send it as (F, C/groups, *K), shape {[filters, channels // groups, *kernel_shape[2:]]}"
        raise errors.ChannelMismatch(
            f"{detail} in {groups} groups; the kernel's second axis has all {channels}: leave groups out"
            f"{'' if filters % groups else split}",
            "groups",
        )
    _check_divides(groups, filters, "filter")


def _refuse_channels_last(detail: str, taken: int, sent: Ints, rank: int) -> None:
    """Refuse an input whose last axis is what the kernel takes; of spatial axes alone none can be the channels."""
    if sent[-1] == taken and len(sent) > rank:
        raise errors.ChannelMismatch(
            f"{detail}; the input's last axis has {taken}: it looks channels-last; send channels first, that is, move "
            "the last axis in front of the spatial ones",
            "input",
        )


def _check_divides(groups: int, number: int, what: str) -> None:
    if number % groups:
        divisors = [g for g in range(1, min(number, 4096) + 1) if number % g == 0]
        counted = f"the {number} {what}s" if number > 1 else f"the one {what}"
        raise errors.GroupsMismatch(
            f"groups is {groups}, which does not divide {counted}; it may be {_listed(divisors)}", "groups"
        )


def _listed(numbers: list[int]) -> str:
    shown = [str(number) for number in numbers[:12]]
    return shown[0] if len(shown) == 1 else f"{', '.join(shown[:-1])} or {shown[-1]}"


def check_fits(
    counts: Ints,
    channels: int,
    size: Ints,
    kernel: Ints,
    pads: Pads,
    dilation: Ints,
    argument: str,
    overhang: Ints | None = None,
) -> None:
    """Refuse a kernel of which not one window fits, saying how much padding would do, or that channels come last.

    `overhang`, which pools alone have, is how far a window may reach beyond the padding, on each axis.
    """
    rank = len(size)
    beyond = overhang or (0,) * rank
    for axis, (count, n, k, (b, a), d, over) in enumerate(
        zip(counts, size, kernel, pads, dilation, beyond, strict=True)
    ):
        if count >= 1:
            continue
        reach, padded = span(k, d), n + b + a
        more = -(-(reach - over - padded) // 2)
        mend = f"pad by at least {counted(more, axis, rank)} {'more ' if b or a else ''}on each side, or "
        if overhang is not None and d > n:  # no padding helps: windows would hold no cell (`check_windows_meet_input`)
            closer = min(n, (padded + over - 1) // (k - 1))
            fits = closer * (k - 1) >= max(b, a, 1)
            mend = f"use a dilation of at most {closer}, or " if fits else "pad by less, and " if b or a else ""
        dilated = f" ({k} taps at dilation {d})" if d > 1 else ""
        colors = axis == rank - 1 and n <= MOST_COLORS < channels
        swapped = (
            f"; but with {channels} channels of {counted(n, axis, rank)} the input looks channels-last: then send "
            "channels first"
        )
        raise errors.KernelTooLarge(
            f"the kernel spans {counted(reach, axis, rank)}{dilated} but the padded input has {padded}; "
            f"{mend}use a smaller kernel{swapped if colors else ''}",
            argument,
        )


def check_output_padding(output_padding: Ints, stride: Ints, dilation: Ints) -> None:
    """Refuse an output padding that no remainder of a stride, and no dilation, accounts for."""
    for axis, (o, s, d) in enumerate(zip(output_padding, stride, dilation, strict=True)):
        if o >= max(s, d):
            raise errors.OutputPaddingTooLarge(
                f"output_padding is {o} on the {axis_name(axis, len(stride), plural=False)} axis; it must be below "
                f"max(stride, dilation) = {max(s, d)}, so at most {max(s, d) - 1}",
                "output_padding",
            )


def check_output_remains(output_size: Ints, pads: Pads) -> None:
    """Refuse a transposed convolution whose padding removes a whole axis of the output."""
    rank = len(output_size)
    for axis, (length, pair) in enumerate(zip(output_size, pads, strict=True)):
        if length < 1:
            unpadded = length + sum(pair)
            raise errors.EmptyOutput(
                f"padding is {list(pair)} on the {axis_name(axis, rank, plural=False)} axis, which removes all "
                f"{counted(unpadded, axis, rank)} of the output; it may be at most {unpadded - 1} in all",
                "padding",
            )


def checked_exponent(p: Any) -> float:
    """Return the exponent of a norm, whichever type of number it has."""
    number = as_float(p)
    if not 0 < number < inf:
        raise errors.InvalidArgument(f"p is {str(p)[:40]}; it must be a finite number above 0", "p")
    return number


def check_kind_options(kind: str, count_include_pad: bool, divisor_override: int | None, p: float) -> None:
    """Refuse a pool's option that its kind would ignore."""
    if divisor_override is not None:
        at_least(divisor_override, 1, "divisor_override")
    ignored = [
        ("divisor_override", divisor_override is not None, "average"),
        ("count_include_pad", not count_include_pad, "average"),
        ("p", p != 2, "lp"),
    ]
    for argument, given, owner in ignored:
        if given and kind != owner:
            raise errors.InvalidArgument(
                f'{argument} says nothing about kind "{kind}"; leave it out, or set kind to "{owner}"', argument
            )


def check_adaptive_options(
    stride: Any, padding: Any, dilation: Any, ceil_mode: bool, count_include_pad: bool, divisor: int | None
) -> None:
    """Refuse the options that adaptive windows would ignore."""
    given = [
        ("stride", stride is not None),
        ("padding", padding != 0),
        ("dilation", dilation != 1),
        ("ceil_mode", bool(ceil_mode)),
        ("count_include_pad", not count_include_pad),
        ("divisor_override", divisor is not None),
    ]
    for argument, present in given:
        if present:
            raise errors.InvalidArgument(
                f"{argument} does not go with output_size: adaptive windows follow from the sizes alone; "
                "leave it out, or give kernel_size instead of output_size",
                argument,
            )


def check_pool_padding(pads: Pads, kernel: Ints, dilation: Ints) -> None:
    """Refuse padding that reaches past a pool's window: more than d(k-1) a side (ONNX's limit)."""
    for axis, (pair, k, d) in enumerate(zip(pads, kernel, dilation, strict=True)):
        if max(pair) > d * (k - 1):
            raise errors.PaddingTooLarge(
                f"padding is {list(pair)} on the {axis_name(axis, len(kernel), plural=False)} axis, but a window of "
                f"{k} at dilation {d} can use at most {d * (k - 1)} a side; pad by less, or use a larger kernel_size",
                "padding",
            )


def check_windows_meet_input(counts: Ints, size: Ints, pads: Pads, stride: Ints, dilation: Ints) -> None:
    """Refuse a window whose taps all fall beside the input: between dilated taps, where the axis is shorter than d.

    A window that starts at x < 0 first reads cell x mod d, which is in the input if it is below n.
    """
    for axis, (count, n, (before, _), s, d) in enumerate(zip(counts, size, pads, stride, dilation, strict=True)):
        early = min(count, -(-before // s))
        if n >= d or not early:
            continue
        # Of the early windows i, those with (i·s - before) mod d >= n: a difference of two floor sums.
        start = -before % d
        if _floor_sum(early, d, s, start + d - n) != _floor_sum(early, d, s, start):
            raise errors.EmptyWindow(
                f"a window that starts in the padding holds no cell of the input: its taps are {d} apart but the input "
                f"has {counted(n, axis, len(size))}; use a smaller dilation or less padding",
                "dilation",
            )


def _floor_sum(count: int, modulus: int, step: int, start: int) -> int:
    """Return the sum of floor((step·i + start) / modulus) for i < count (Graham, Knuth, Patashnik, section 3.5)."""
    total = 0
    while count > 0:
        total += (count - 1) * count // 2 * (step // modulus) + count * (start // modulus)
        step, start = step % modulus, start % modulus
        last = step * count + start
        count, start, modulus, step = last // modulus, last % modulus, step, modulus
        if modulus == 0:
            break
    return total
