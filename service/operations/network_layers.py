"""The layers of a network that are no operation of their own: activations, normalisation, flatten and linear."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import product
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from service import engine
from service.engine.ordered import product_in_order, products_matter
from service.schemas import networks as schemas

Array = NDArray[Any]

_BLOCK_VALUES = 32 * 1024  # 256 KiB of float64: a block and two more made of it stay in a core's cache
_MACS_AT_ONCE = 2**30  # a fraction of a second


def elementwise(values: Array, function: Callable[[Array], Array], control: engine.Control) -> Array:
    """Return a function of every value, block by block, so that what it makes on the way stays in the cache."""
    flat = np.ascontiguousarray(values).reshape(1, 1, -1)
    result = np.empty_like(flat)
    for block in _blocks(flat.shape, control):
        result[block] = function(flat[block])
    return result.reshape(values.shape)


def relu(values: Array) -> Array:
    """max(x, 0); NaN stays NaN."""
    result: Array = np.maximum(values, values.dtype.type(0))
    return result


def leaky_relu(values: Array, slope: float) -> Array:
    """x, or slope·x below zero."""
    return np.where(values < 0, values * values.dtype.type(slope), values)


def sigmoid(values: Array) -> Array:
    """1 / (1 + exp(-x)), from exp(-|x|), which cannot overflow."""
    small = np.exp(-np.abs(values))
    result: Array = np.where(values < 0, small, values.dtype.type(1)) / (1 + small)
    return result


def softmax(values: Array, rank: int, control: engine.Control) -> Array:
    """exp x over its sum over the channels, from exp(x - max x), which cannot overflow; of one channel 1, or NaN."""
    planes = _planes(values, rank)
    result = np.empty_like(planes)
    for block in _blocks(planes.shape, control, whole_channels=True):
        powers = result[block]
        np.subtract(planes[block], planes[block].max(axis=1, keepdims=True), out=powers)
        np.exp(powers, out=powers)
        powers /= powers.sum(axis=1, keepdims=True)
    return result.reshape(values.shape)


def flatten(values: Array, rank: int) -> Array:
    """All values of a sample as one axis."""
    return values.reshape(len(values), -1) if values.ndim == rank + 2 else values.reshape(-1)


def linear(values: Array, layer: schemas.LinearLayer, control: engine.Control) -> Array:
    """Weight times x, plus the bias; some samples at a time, so that it can be stopped between them."""
    dtype = values.dtype
    weight = layer.weight.astype(dtype, copy=False).T
    samples = np.atleast_2d(values)
    # Only then: sums of integers that a product might round.
    if products_matter(samples, weight, dtype, len(weight), len(samples) * weight.size):
        result = product_in_order(samples, weight.T, control)
    else:
        result = np.empty((len(samples), weight.shape[1]), dtype)
        step = max(1, _MACS_AT_ONCE // max(1, weight.size))
        for start in range(0, len(samples), step):
            control.check()
            np.matmul(samples[start : start + step], weight, out=result[start : start + step])
    if layer.bias is not None:
        result += layer.bias.astype(dtype, copy=False)
    return result.reshape(*values.shape[:-1], -1)


def batch_norm(values: Array, layer: schemas.BatchNormLayer, rank: int, control: engine.Control) -> Array:
    """(x - mean) / sqrt(variance + epsilon) · weight + bias, a number a channel."""
    planes = _planes(values, rank)
    result = np.empty_like(planes)

    def a_channel(numbers: Array) -> Array:
        return numbers.astype(values.dtype, copy=False).reshape(-1, 1)

    mean = a_channel(layer.mean)
    scale = a_channel(1 / np.sqrt(layer.variance.astype(np.float64) + layer.epsilon))
    weight = None if layer.weight is None else a_channel(layer.weight)
    bias = None if layer.bias is None else a_channel(layer.bias)
    for block in _blocks(planes.shape, control):
        normed, channels = result[block], block[1]
        np.subtract(planes[block], mean[channels], out=normed)
        normed *= scale[channels]
        if weight is not None:
            normed *= weight[channels]
        if bias is not None:
            normed += bias[channels]
    return result.reshape(values.shape)


def _planes(values: Array, rank: int) -> Array:
    """Return values as (samples, channels, cells), without a copy where they lie in order."""
    cells = prod(values.shape[values.ndim - rank :])
    channels = values.shape[-rank - 1] if values.ndim > rank else 1
    samples = prod(values.shape[: max(0, values.ndim - rank - 1)])
    return np.ascontiguousarray(values).reshape(samples, channels, cells)


def _blocks(
    shape: tuple[int, ...], control: engine.Control, *, whole_channels: bool = False
) -> Iterator[tuple[slice, slice, slice]]:
    """Yield the parts of a (samples, channels, cells) array, of so many values each, in memory's order.

    Raises
    ------
    Cancelled
        Between them.
    """
    samples, channels, cells = shape
    many_cells = min(max(1, cells), max(1, _BLOCK_VALUES // max(1, channels)) if whole_channels else _BLOCK_VALUES)
    many_channels = max(1, channels if whole_channels else min(channels, _BLOCK_VALUES // many_cells))
    many_samples = max(1, _BLOCK_VALUES // (many_cells * many_channels))
    steps = zip((samples, channels, cells), (many_samples, many_channels, many_cells), strict=True)
    for starts in product(*(range(0, size, step) for size, step in steps)):
        control.check()
        sample, channel, cell = starts
        yield (
            slice(sample, sample + many_samples),
            slice(channel, channel + many_channels),
            slice(cell, cell + many_cells),
        )


def check_linear(weight: Array, features: int) -> None:
    """Refuse a weight that does not fit so many input features.

    Raises
    ------
    ShapeMismatch
    """
    if weight.ndim != 2 or weight.shape[1] != features or weight.shape[0] == 0:
        raise engine.ShapeMismatch(
            f"the weight has shape {list(weight.shape)}; it must be (O, {features}), a row an output feature, "
            f"for {features} input features",
            "weight",
        )


def check_linear_bias(bias: Any, features: int) -> None:
    """Refuse a bias that is not one number an output feature; None, true and false say only whether there is one.

    Raises
    ------
    ShapeMismatch
    """
    if bias is None or isinstance(bias, bool) or np.shape(bias) == (features,):
        return
    came = f"has shape {list(np.shape(bias))}" if np.ndim(bias) else "is one number"
    raise engine.ShapeMismatch(f"the bias {came}; it must be [{features}], one number an output feature", "bias")


def check_batch_norm(layer: Any, channels: int) -> None:
    """Refuse numbers that are not one a channel, and a variance that has no root.

    Raises
    ------
    ShapeMismatch, InvalidArgument
    """
    for name in ("mean", "variance", "weight", "bias"):
        numbers = getattr(layer, name)
        if numbers is not None and not isinstance(numbers, bool) and np.shape(numbers) != (channels,):
            came = f"has shape {list(np.shape(numbers))}" if np.ndim(numbers) else "is one number"
            raise engine.ShapeMismatch(f"the {name} {came}; it must be [{channels}], one number a channel", name)
    # As it is computed: in float16, say, a small epsilon is 0.
    if layer.variance is not None and not (np.asarray(layer.variance, np.float64) + layer.epsilon > 0).all():
        raise engine.InvalidArgument("variance + epsilon must be above 0 in every channel", "variance")
