"""The forms in which people write data and kernels, and the canonical (N, C, *S) and (F, C/G, *K) of the engine.

An answer has its input's form: no batch axis in, none out; a matrix through one filter is a matrix again.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import prod
from typing import Any

import numpy as np

from service.engine import errors
from service.engine.checks import check_conv_channels, check_transpose_channels
from service.engine.ordered import sum_matters, summed_in_order

Shape = tuple[int, ...]

_AXES = {1: ("L",), 2: ("H", "W"), 3: ("D", "H", "W")}
_KERNEL_AXES = {1: ("k",), 2: ("kh", "kw"), 3: ("kd", "kh", "kw")}


@dataclass(frozen=True, slots=True)
class Layout:
    """How an input's form maps to (N, C, *S) and back.

    Attributes
    ----------
    input_shape, kernel_shape
        Canonical; a pool has no kernel and leaves its shape empty.
    groups
        As sent, or C where one filter serves every channel.
    batched
        Whether the input, and so the answer, has a batch axis.
    channelled
        Whether the answer has a channel axis.
    shared
        Whether one filter of the spatial axes alone is applied to every channel.
    """

    input_shape: Shape
    batched: bool
    channelled: bool
    kernel_shape: Shape = ()
    groups: int = 1
    shared: bool = False

    def input(self, array: np.ndarray) -> np.ndarray:
        """Return the input with batch and channel axes."""
        return array.reshape(self.input_shape)

    def kernel(self, array: np.ndarray) -> np.ndarray:
        """Return the kernel with filter and channel axes; a shared filter is there once a channel, without a copy."""
        if self.shared and self.kernel_shape[0] > 1:
            return np.broadcast_to(array, self.kernel_shape)
        return array.reshape(self.kernel_shape)

    def kernel_gradient(self, gradient: np.ndarray, sent_shape: Shape) -> np.ndarray:
        """Return the kernel's gradient in the form that it was sent in; a shared filter's is the channels' sum."""
        if self.shared:
            channels = gradient.reshape(-1, *sent_shape)
            if sum_matters(channels, gradient.dtype, len(channels)):
                return summed_in_order(channels.reshape(len(channels), -1).T).reshape(sent_shape)
            return np.asarray(channels.sum(axis=0))
        return gradient.reshape(sent_shape)

    def bias(self, bias: Any, output_shape: Shape) -> np.ndarray | None:
        """Return the bias as (F), or as (F, *S') where it is one a position.

        Raises
        ------
        ShapeMismatch
            If it is neither; the detail says both shapes that would do.
        """
        if bias is None:
            return None
        filters, positions = output_shape[1], output_shape[2:]
        given = np.asarray(bias)
        if given.shape == self.answer_shape(output_shape)[int(self.batched) :]:
            return given.reshape(filters, *positions)
        if given.shape == (filters,) or (given.ndim == 0 and filters == 1):
            return given.reshape(filters)
        one_map = ", or one number" if filters == 1 else ""
        wanted = list(self.answer_shape(output_shape)[int(self.batched) :])
        came = f"has shape {list(given.shape)}" if given.ndim else "is one number"
        raise errors.ShapeMismatch(
            f"the bias {came}; it must be [{filters}], one number a filter{one_map}, or {wanted}, one a position of "
            "the output without the batch",
            "bias",
        )

    def answer_shape(self, canonical: Shape) -> Shape:
        """Return the shape of an answer in the input's form."""
        kept = canonical[:1] * self.batched + canonical[1:2] * self.channelled
        return (*kept, *canonical[2:])

    def answer(self, maps: np.ndarray) -> np.ndarray:
        """Return an answer in the input's form."""
        return maps.reshape(self.answer_shape(maps.shape))

    def output_gradient(self, gradient: np.ndarray, output_shape: Shape) -> np.ndarray:
        """Return a gradient of the answer with batch and channel axes, after checking its shape."""
        wanted = self.answer_shape(output_shape)
        if gradient.shape != wanted:
            raise errors.ShapeMismatch(
                f"the output gradient has shape {list(gradient.shape)}; it must have the output's, {list(wanted)}",
                "output_gradient",
            )
        return gradient.reshape(output_shape)


def input_layout(rank: int, shape: Shape) -> Layout:
    """Return the layout of an input of `rank` spatial axes, alone or with channels or batch and channels in front."""
    axes = _AXES[rank]
    _refuse_empty(shape, "input")
    if len(shape) == rank:
        return Layout(input_shape=(1, 1, *shape), batched=False, channelled=False)
    if len(shape) == rank + 1:
        return Layout(input_shape=(1, *shape), batched=False, channelled=True)
    if len(shape) == rank + 2:
        return Layout(input_shape=shape, batched=True, channelled=True)
    forms = f"{_form(axes)}, {_form(('C', *axes))} or {_form(('N', 'C', *axes))}"
    raise errors.ShapeMismatch(f"the input {_came(shape)}; an operation on {_axes(rank)} takes {forms}", "input")


def conv_layout(rank: int, input_shape: Shape, kernel_shape: Shape, groups: int | None) -> Layout:
    """Return the layout of a convolution. `groups` is None where it was left out."""
    layout = input_layout(rank, input_shape)
    channels = layout.input_shape[1]
    if len(kernel_shape) == rank:
        return _shared_layout(layout, kernel_shape, groups)
    _check_kernel_axes(rank, kernel_shape, "(F, C/groups, {})", bank=True)
    parts = 1 if groups is None else groups
    bank = len(kernel_shape) == rank + 1
    canonical = (kernel_shape[0], 1, *kernel_shape[1:]) if bank else kernel_shape
    # As many one-channel filters as channels, or twice as many, are rather a depthwise layer without its groups.
    if bank or (canonical[1] == parts == 1 and canonical[0] % channels):
        _refuse_bank_on_channels(rank, input_shape, kernel_shape, channels)
    check_conv_channels(layout.input_shape, canonical, parts, input_shape)
    return replace(layout, channelled=True, kernel_shape=canonical, groups=parts)


def transpose_layout(rank: int, input_shape: Shape, kernel_shape: Shape, groups: int | None) -> Layout:
    """Return the layout of a transposed convolution, whose kernel is (C, F/groups, *K), or (*K) for every channel."""
    layout = input_layout(rank, input_shape)
    if len(kernel_shape) == rank:
        return _shared_layout(layout, kernel_shape, groups)
    _check_kernel_axes(rank, kernel_shape, "(C, F/groups, {})", bank=False)
    parts = 1 if groups is None else groups
    check_transpose_channels(layout.input_shape, kernel_shape, parts, input_shape)
    return replace(layout, channelled=True, kernel_shape=kernel_shape, groups=parts)


def _shared_layout(layout: Layout, kernel_shape: Shape, groups: int | None) -> Layout:
    channels = layout.input_shape[1]
    _refuse_empty(kernel_shape, "kernel")
    if groups is not None and groups != channels:
        raise errors.GroupsMismatch(
            f"groups is {groups}, but the kernel {list(kernel_shape)} is one filter, applied to every channel on its "
            "own: leave groups out, or send a kernel with filters and channels",
            "groups",
        )
    return replace(layout, kernel_shape=(channels, 1, *kernel_shape), groups=channels, shared=True)


def _refuse_bank_on_channels(rank: int, input_shape: Shape, kernel_shape: Shape, channels: int) -> None:
    if channels == 1:
        return
    axes, filters = ", ".join(_KERNEL_AXES[rank]), kernel_shape[0]
    detail = (
        f"the kernel has shape {list(kernel_shape)}, {filters} {'filter' if filters == 1 else 'filters'} for "
        f"one-channel data, but the input {list(input_shape)} has {channels} channels; "
    )
    if filters == 1:
        first = "first axis" if len(kernel_shape) == rank + 1 else "first two axes"
        mend = f"drop the kernel's {first}, ({axes}), to filter every channel on its own, or send a layer, "
    else:
        mend = f"send one filter, ({axes}), to filter every channel on its own, or a layer, "
    color = ', or set color to "gray" to read a picture as one channel' if channels == 3 else ""
    last = input_shape[-1]
    if last == 1 or (last == 3 and channels != 3):
        form = _form(("C", *_AXES[rank]))
        raise errors.ChannelMismatch(
            f"{detail}its last axis has {last}: it looks channels-last; send channels first, {form}", "input"
        )
    raise errors.ChannelMismatch(f"{detail}{mend}(F, {channels}, {axes}){color}", "kernel")


def _check_kernel_axes(rank: int, kernel_shape: Shape, layer: str, *, bank: bool) -> None:
    _refuse_empty(kernel_shape, "kernel")
    allowed = (rank + 1, rank + 2) if bank else (rank + 2,)
    if len(kernel_shape) in allowed:
        return
    axes = ", ".join(_KERNEL_AXES[rank])
    forms = [_form(_KERNEL_AXES[rank])] + ([f"(F, {axes})"] if bank else []) + [layer.format(axes)]
    raise errors.ShapeMismatch(
        f"the kernel {_came(kernel_shape)}; an operation on {_axes(rank)} takes {', '.join(forms[:-1])} or {forms[-1]}",
        "kernel",
    )


def _came(shape: Shape) -> str:
    return f"has shape {list(shape)}, {_axes(len(shape))}" if shape else "is a single number, of shape []"


def _refuse_empty(shape: Shape, what: str) -> None:
    if prod(shape) == 0:
        raise errors.ShapeMismatch(f"the {what} has shape {list(shape)}; every axis must have at least one entry", what)


def _axes(number: int) -> str:
    return "1 axis" if number == 1 else f"{number} axes"


def _form(axes: tuple[str, ...]) -> str:
    return f"({', '.join(axes)})" if len(axes) > 1 else f"({axes[0]})"
