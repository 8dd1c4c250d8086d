"""A stack of layers, run on data: each layer is the operation that it is named after."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from service import engine
from service.schemas.networks import NetworkRequest
from service.schemas.requests import Conv1dRequest, ConvRequest, ConvTransposeRequest, PoolRequest

from . import network_layers as layers
from .answer import Answer
from .convolve import convolve
from .data import read_input
from .limits import WorkLimits, check_work
from .network_plan import LayerPlan, layer_named, network_rank, plan_network
from .pool import pool
from .transpose import convolve_transposed

Array = NDArray[Any]

# Spatial axes of an input whose layers have none, by its number of axes: features, a batch of them, planes, a batch.
_RANKS_WITHOUT_LAYERS = {1: 0, 2: 0, 3: 2, 4: 2, 5: 3}
_MODELS: dict[str, tuple[Callable[..., Answer], type[Any]]] = {
    "conv1d": (convolve, Conv1dRequest),
    "conv2d": (convolve, ConvRequest),
    "conv3d": (convolve, ConvRequest),
    **{f"conv_transpose{rank}d": (convolve_transposed, ConvTransposeRequest) for rank in (1, 2, 3)},
    **{f"pool{rank}d": (pool, PoolRequest) for rank in (1, 2, 3)},
}


def run_network(request: NetworkRequest, limits: WorkLimits, control: engine.Control) -> Answer:
    """Run a network.

    Raises
    ------
    EngineError, KernelError, OperationError
        For whatever does not fit, with the layer in the detail and the pointer, or where the layers together are
        beyond a limit: before any of them is computed.
    """
    source = read_input(request.input, request.color)
    shape = source.array.shape
    rank = network_rank(request.layers, _RANKS_WITHOUT_LAYERS.get(len(shape), max(0, len(shape) - 2)))
    plan = plan_network(request.layers, shape, rank, limits, every=request.returned == "all")
    dtype = source.dtype(request.dtype)
    check_work(plan, limits, dtype.itemsize)
    # All of them together were let in above; what one hands to the next is an output, and no layer's is too large.
    a_layer = replace(limits, admit=None, max_input_elements=sys.maxsize)
    values: Array = source.array.astype(dtype, copy=False)
    outputs: list[Array] = []
    for index, layer in enumerate(request.layers):
        control.check()
        rank = plan.layers[index - 1].rank if index else plan.rank
        with layer_named(index, layer), np.errstate(all="ignore"):
            values = _run(layer, values, rank, a_layer, control)
        if request.returned == "all":
            outputs.append(values)
    return _answer(request, plan.layers, values, outputs, source.style(request.range))


def _run(layer: Any, values: Array, rank: int, limits: WorkLimits, control: engine.Control) -> Array:
    if layer.type in _MODELS:
        run, model = _MODELS[layer.type]
        fields = {name: getattr(layer, name) for name in layer.model_fields_set if name != "type"}
        request = model(input=values, dtype=values.dtype.name, **fields)
        return run(request, int(layer.type[-2]), limits, control).arrays["feature_maps"]
    simple: dict[str, Callable[[], Array]] = {
        "relu": lambda: layers.elementwise(values, layers.relu, control),
        "leaky_relu": lambda: layers.elementwise(
            values, partial(layers.leaky_relu, slope=layer.negative_slope), control
        ),
        "sigmoid": lambda: layers.elementwise(values, layers.sigmoid, control),
        "tanh": lambda: layers.elementwise(values, np.tanh, control),
        "softmax": lambda: layers.softmax(values, rank, control),
        "flatten": lambda: layers.flatten(values, rank),
        "linear": lambda: layers.linear(values, layer, control),
        "batch_norm": lambda: layers.batch_norm(values, layer, rank, control),
    }
    return simple[layer.type]()


def _answer(
    request: NetworkRequest, plans: tuple[LayerPlan, ...], values: Array, outputs: list[Array], style: Any
) -> Answer:
    arrays = {"output": values} | {f"layers.{index}.output": output for index, output in enumerate(outputs)}
    fields: dict[str, Any] = {"output_shape": list(values.shape), "dtype": values.dtype.name}
    if outputs:
        fields["layers"] = [{"type": plan.type, "output_shape": list(plan.shape)} for plan in plans]
    # A picture of every layer that still has planes.
    sections = tuple(
        (f"layer {index}: {plan.type}", output)
        for index, (plan, output) in enumerate(zip(plans, outputs, strict=False))
        if plan.rank == 2
    )
    return Answer(
        arrays=arrays,
        fields=fields,
        encoding=request.encoding,
        maps=values,
        style=replace(style, color=style.color and all(plan.shared for plan in plans)),
        sections=sections,
        spatial_axes=plans[-1].rank,
    )
