"""A network planned from shapes: what each layer makes, costs and sees."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import pairwise, takewhile
from math import prod
from typing import Any

import numpy as np

from service import engine
from service.engine import Cancelled, EngineError
from service.engine.arguments import per_axis
from service.engine.checks import check_conv_channels
from service.kernels import KernelError
from service.schemas.networks import NetworkPlanRequest

from .convolve import plan_conv
from .data import read_kernel
from .errors import OperationError
from .layout import Shape
from .limits import WorkLimits, exceeded, padded_elements, too_many_read, work_of
from .network_layers import check_batch_norm, check_linear, check_linear_bias
from .plan import bias_parameters
from .pool import plan_pool
from .sight import Sight, input_sight, through_transposed, through_windows
from .transpose import plan_conv_transpose

_ITEM_BYTES = 4  # of a float32, in which summaries of models count, whatever the data that one is run on


@dataclass(frozen=True, slots=True)
class LayerPlan:
    """One layer, decided.

    Attributes
    ----------
    shape
        The output's, in the form that the layers pass on: (*S), (C, *S) or (N, C, *S).
    rank
        Spatial axes of the output.
    macs
        Multiply-accumulates.
    work
        What counts against the limit on them: with the cells that a pool reads.
    shared
        Whether it keeps a picture's channels apart, and so a colour picture one.
    weights
        Values in its kernel as it is applied: a filter that the channels share is there once a channel.
    padded
        Cells of one of its planes with their padding.
    read
        Cells that it reads as a convolution, padding among them.
    """

    type: str
    shape: Shape
    rank: int
    parameters: int
    macs: int
    work: int
    sight: Sight
    shared: bool
    weights: int = 0
    padded: int = 0
    read: int = 0


@dataclass(frozen=True, slots=True)
class NetworkPlan:
    """A whole network, in the attributes by which limits know an operation's plan."""

    input_shape: Shape
    rank: int
    layers: tuple[LayerPlan, ...]
    output_elements: int

    @property
    def output_shape(self) -> Shape:
        """As one axis: every value that the answer holds."""
        return (self.output_elements,)

    @property
    def kernel_shape(self) -> Shape:
        """As one axis: the weights of the layer that has most."""
        return (max(max(layer.parameters, layer.weights) for layer in self.layers),)

    @property
    def macs(self) -> int:
        """The layers' work together."""
        return sum(layer.work for layer in self.layers)

    @property
    def padded_elements(self) -> int:
        """The cells of the largest plane that a layer pads."""
        return max(layer.padded for layer in self.layers)

    @property
    def read_elements(self) -> int:
        """The cells that the layers read together."""
        return sum(layer.read for layer in self.layers)

    @property
    def largest_output(self) -> int:
        """The values that the layer makes which makes most."""
        return max(prod(layer.shape) for layer in self.layers)

    @property
    def passed_elements(self) -> int:
        """The values of a layer's input and output, which are there at once, where they are most together."""
        shapes = (self.input_shape, *(layer.shape for layer in self.layers))
        return max(prod(before) + prod(after) for before, after in pairwise(shapes))

    @property
    def inner_elements(self) -> int:
        """The values that layers make and the answer does not hold."""
        return max(0, sum(prod(layer.shape) for layer in self.layers) - self.output_elements)


def network_plan(request: NetworkPlanRequest, limits: WorkLimits) -> dict[str, Any]:
    """Return the whole plan of a network.

    Raises
    ------
    EngineError, KernelError, OperationError
        For whatever does not fit, with the layer in the detail and the pointer. What is merely beyond a limit is
        answered, with `accepted` false.
    """
    shape = tuple(request.input_shape)
    rank = network_rank(request.layers, len(shape) - 1)  # a sample is (C, *S) where nothing says otherwise
    if len(shape) == rank + 2:
        raise engine.ShapeMismatch(
            f"the input shape is {list(shape)}; a plan is of one sample: leave out the batch, {list(shape[1:])}",
            "input_shape",
        )
    if len(shape) not in (rank, rank + 1):
        axes = "1 axis" if len(shape) == 1 else f"{len(shape)} axes"
        raise engine.ShapeMismatch(
            f"the input shape is {list(shape)}, {axes}; a plan is of one sample: give {rank} spatial "
            f"{'axis' if rank == 1 else 'axes'}, alone or with the channels in front",
            "input_shape",
        )
    plan = plan_network(request.layers, shape, rank, limits, every=False)
    sent = prod(shape) + sum(layer.parameters for layer in plan.layers)
    found = exceeded(work_of(plan), limits) or too_many_read(sent, limits)
    return {
        "output_shape": list(plan.layers[-1].shape),
        "layers": [_described(layer) for layer in plan.layers],
        "total_parameters": sum(layer.parameters for layer in plan.layers),
        "total_macs": sum(layer.macs for layer in plan.layers),
        "bytes": {
            "parameters": _ITEM_BYTES * sum(layer.parameters for layer in plan.layers),
            "largest_output": _ITEM_BYTES * plan.largest_output,
            "all_outputs": _ITEM_BYTES * sum(prod(layer.shape) for layer in plan.layers),
        },
        "accepted": found is None,
        "refused_by": found[0] if found else None,
    }


def _described(layer: LayerPlan) -> dict[str, Any]:
    sight = layer.sight
    return {
        "type": layer.type,
        "output_shape": list(layer.shape),
        "parameters": layer.parameters,
        "macs": layer.macs,
        "bytes": {"output": _ITEM_BYTES * prod(layer.shape), "parameters": _ITEM_BYTES * layer.parameters},
        "receptive_field": list(sight.field),
        "jump": _numbers(sight.jump),
        "start": _numbers(sight.start),
    }


def _numbers(values: Sequence[Fraction] | None) -> list[float] | None:
    """Return numbers as JSON has them: the whole ones, and those too large for a float's halves, as integers."""
    if values is None:
        return None
    return [round(value) if value.denominator == 1 or abs(value) >= 2**53 else float(value) for value in values]


def network_rank(layers: Sequence[Any], otherwise: int) -> int:
    """Return the input's number of spatial axes: the first layer's that reads any, or `otherwise` where none does."""
    for layer in takewhile(lambda layer: layer.type != "flatten", layers):  # behind it there are none
        if _has_axes(layer.type):
            return int(layer.type[-2])
    return otherwise


def _has_axes(kind: str) -> bool:
    return kind[-1] == "d" and kind[-2].isdigit()


def plan_network(layers: Sequence[Any], shape: Shape, rank: int, limits: WorkLimits, *, every: bool) -> NetworkPlan:
    """Plan layers one after the other.

    Parameters
    ----------
    layers
        Of a network that runs or is planned.
    shape
        The input's, with or without a batch.
    rank
        The input's spatial axes.
    limits
        By whose memory a method asked for by name is judged.
    every
        Whether the answer holds every layer's output.

    Raises
    ------
    EngineError, OperationError
        For whatever does not fit.
    """
    if not shape:
        raise engine.ShapeMismatch(
            "the input is a single number, of shape []; layers take arrays: send it as [1], or with more axes", "input"
        )
    first = rank
    sight = input_sight(shape[len(shape) - rank :])
    plans: list[LayerPlan] = []
    current = shape
    for index, layer in enumerate(layers):
        with layer_named(index, layer):
            plans.append(_planned(layer, current, rank, sight, limits))
        current, rank, sight = plans[-1].shape, plans[-1].rank, plans[-1].sight
    kept = sum(prod(plan.shape) for plan in plans) if every else 0
    return NetworkPlan(shape, first, tuple(plans), kept + prod(current))


@contextmanager
def layer_named(index: int, layer: Any) -> Iterator[None]:
    """Put the layer into whatever is raised for it: into the detail, and in front of the pointer to what was sent."""
    kind = layer.type
    try:
        yield
    except Cancelled:
        raise
    except EngineError as error:
        place = "" if error.argument in ("", "input") else f"/{error.argument}"
        if place == "/kernel" and layer.kernel is None:  # its filters and channels were made to fit: it is the size
            place = "/kernel_size"
        raise type(error)(f"layer {index} ({kind}): {error.detail}", f"layers/{index}{place}") from error
    except OperationError as error:
        pointer = f"/layers/{index}{error.pointer}"
        raise type(error)(f"layer {index} ({kind}): {error.detail}", pointer, **error.extra) from error
    except KernelError as error:
        raise type(error)(f"layer {index} ({kind}): {error.detail}", f"/layers/{index}{error.pointer}") from error


def _planned(layer: Any, shape: Shape, rank: int, sight: Sight, limits: WorkLimits) -> LayerPlan:
    if _has_axes(layer.type) and int(layer.type[-2]) != rank:
        flat = " after flatten" if rank == 0 else ""
        axes = "1 spatial axis" if rank == 1 else f"{rank} spatial axes"
        raise engine.ShapeMismatch(
            f"its input has shape {list(shape)} and {axes}{flat}; it works on {layer.type[-2]}", ""
        )
    if layer.type.startswith("conv_transpose"):
        return _conv_transpose(layer, shape, sight, limits)
    if layer.type.startswith("conv"):
        return _conv(layer, shape, sight, limits)
    if layer.type.startswith("pool"):
        return _pool(layer, shape, sight)
    if layer.type == "flatten":
        return _flatten(shape, rank, sight)
    if layer.type == "linear":
        return _linear(layer, shape, rank, sight)
    unchanged = LayerPlan(layer.type, shape, rank, 0, 0, prod(shape), sight, shared=True)
    if layer.type == "batch_norm":
        channels = shape[-rank - 1] if len(shape) > rank else 1
        check_batch_norm(layer, channels)
        return replace(unchanged, parameters=_batch_norm_parameters(layer, channels))
    return unchanged


def _batch_norm_parameters(layer: Any, channels: int) -> int:
    if "mean" in layer.model_fields_set and not isinstance(layer.bias, bool):  # as it is run: what is there
        return sum(int(np.size(numbers)) for numbers in (layer.weight, layer.bias) if numbers is not None)
    return channels if layer.bias is False else 2 * channels


def _kernel_shape(layer: Any, shape: Shape, rank: int, *, transposed: bool = False) -> Shape:
    """Return the kernel's shape, however it was given."""
    if layer.kernel is not None:
        return tuple(np.shape(layer.kernel)) if transposed else tuple(read_kernel(layer.kernel, rank).shape)
    size = per_axis(layer.kernel_size, rank, "kernel_size", minimum=1)
    channels = shape[-rank - 1] if len(shape) > rank else 1
    # The kernel is made to fit here, so that groups are all that can be wrong with it, of either operation.
    check_conv_channels((1, channels), (layer.filters, max(1, channels // layer.groups)), layer.groups)
    if transposed:
        return (channels, layer.filters // layer.groups, *size)
    return (layer.filters, channels // layer.groups, *size)


def _check_method(layer: Any, plan: engine.ConvPlan | engine.ConvTransposePlan, limits: WorkLimits) -> None:
    """Refuse a method named that there is not, that cannot compute the plan, or not within the memory."""
    if layer.method != "auto":
        # Of what a limit refuses, not even the memory is estimated.
        known = exceeded(work_of(plan), limits) is None
        engine.choose(
            plan, method=layer.method, control=engine.Control(budget_bytes=limits.working_bytes) if known else None
        )


def _conv(layer: Any, shape: Shape, sight: Sight, limits: WorkLimits) -> LayerPlan:
    rank = int(layer.type[-2])
    kernel = _kernel_shape(layer, shape, rank)
    layout, plan = plan_conv(layer, rank, shape, kernel)
    _check_method(layer, plan, limits)
    return LayerPlan(
        layer.type,
        layout.answer_shape(plan.output_shape),
        rank,
        prod(kernel) + bias_parameters(layer, layout, plan.output_shape),
        plan.macs,
        plan.macs,
        through_windows(sight, plan),
        layout.shared,
        prod(plan.kernel_shape),
        padded_elements(plan),
        engine.cells_read(plan),
    )


def _conv_transpose(layer: Any, shape: Shape, sight: Sight, limits: WorkLimits) -> LayerPlan:
    rank = int(layer.type[-2])
    kernel = _kernel_shape(layer, shape, rank, transposed=True)
    layout, plan = plan_conv_transpose(layer, rank, shape, kernel)
    _check_method(layer, plan, limits)
    return LayerPlan(
        layer.type,
        layout.answer_shape(plan.output_shape),
        rank,
        prod(kernel) + bias_parameters(layer, layout, plan.output_shape),
        plan.macs,
        plan.macs,
        through_transposed(sight, plan),
        layout.shared,
        prod(plan.kernel_shape),
        padded_elements(plan),
        engine.cells_read(plan),
    )


def _pool(layer: Any, shape: Shape, sight: Sight) -> LayerPlan:
    rank = int(layer.type[-2])
    layout, plan = plan_pool(layer, rank, shape)
    output = layout.answer_shape(plan.output_shape)
    return LayerPlan(layer.type, output, rank, 0, 0, plan.operations, through_windows(sight, plan), shared=True)


def _flatten(shape: Shape, rank: int, sight: Sight) -> LayerPlan:
    flat = (shape[0], prod(shape[1:])) if len(shape) == rank + 2 else (prod(shape),)
    return LayerPlan("flatten", flat, 0, 0, 0, 0, sight.flattened(shape[len(shape) - rank :]), shared=False)


def _linear(layer: Any, shape: Shape, rank: int, sight: Sight) -> LayerPlan:
    if rank or len(shape) not in (1, 2):
        raise engine.ShapeMismatch(
            f"its input has shape {list(shape)}; a linear layer takes features: put a flatten layer before it", ""
        )
    features = shape[-1]
    weight = getattr(layer, "weight", None)
    if weight is not None:
        check_linear(weight, features)
    outputs = layer.features if weight is None else weight.shape[0]
    check_linear_bias(layer.bias, outputs)
    biased = layer.bias is not None and layer.bias is not False
    macs = prod(shape) * outputs
    output = (*shape[:-1], outputs)
    parameters = outputs * features + outputs * biased
    return LayerPlan("linear", output, 0, parameters, macs, macs, sight.weighed(), shared=False)
