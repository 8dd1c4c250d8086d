"""The layers of a network that are no operation of their own: activations, normalisation, flatten and linear."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from service.engine import errors
from service.schemas import networks as schemas

Array = NDArray[Any]


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


def softmax(values: Array, rank: int) -> Array:
    """exp x over its sum over the channels, from exp(x - max x), which cannot overflow; of one channel, all 1."""
    axis = values.ndim - rank - 1
    if axis < 0:
        return np.ones_like(values)
    powers = np.exp(values - values.max(axis=axis, keepdims=True))
    result: Array = powers / powers.sum(axis=axis, keepdims=True)
    return result


def flatten(values: Array, rank: int) -> Array:
    """All values of a sample as one axis."""
    return values.reshape(len(values), -1) if values.ndim == rank + 2 else values.reshape(-1)


def linear(values: Array, layer: schemas.LinearLayer) -> Array:
    """Weight times x, plus the bias."""
    dtype = values.dtype
    result: Array = values @ layer.weight.astype(dtype, copy=False).T
    if layer.bias is not None:
        result += layer.bias.astype(dtype, copy=False)
    return result


def batch_norm(values: Array, layer: schemas.BatchNormLayer, rank: int) -> Array:
    """(x - mean) / sqrt(variance + epsilon) · weight + bias, a number a channel."""
    dtype = values.dtype
    shape = (-1, *(1,) * rank) if values.ndim > rank else (1,) * rank

    def a_channel(numbers: Array) -> Array:
        return numbers.astype(dtype, copy=False).reshape(shape)

    scale = 1 / np.sqrt(layer.variance.astype(np.float64) + layer.epsilon)
    result: Array = (values - a_channel(layer.mean)) * a_channel(scale)
    if layer.weight is not None:
        result *= a_channel(layer.weight)
    if layer.bias is not None:
        result += a_channel(layer.bias)
    return result


def check_linear(weight: Array, features: int) -> None:
    """Refuse a weight that does not fit so many input features.

    Raises
    ------
    ShapeMismatch
    """
    if weight.ndim != 2 or weight.shape[1] != features or weight.shape[0] == 0:
        raise errors.ShapeMismatch(
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
    raise errors.ShapeMismatch(f"the bias {came}; it must be [{features}], one number an output feature", "bias")


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
            raise errors.ShapeMismatch(f"the {name} {came}; it must be [{channels}], one number a channel", name)
    if layer.variance is not None and not (layer.variance + layer.epsilon > 0).all():
        raise errors.InvalidArgument("variance + epsilon must be above 0 in every channel", "variance")
