"""The same question without data: sizes, cost and the limit that would refuse it, from shapes alone."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from math import prod
from typing import Any

import numpy as np

from service import engine
from service.engine import EngineError
from service.schemas.requests import ConvPlanRequest, ConvTransposePlanRequest, PoolPlanRequest

from .convolve import plan_conv
from .data import read_input, read_kernel
from .echo import conv_echo, pool_echo, transpose_echo
from .formula import conv_formula, pool_formula, transpose_formula
from .layout import Layout, Shape
from .limits import WorkLimits, exceeded, too_many_read, work_of
from .pool import index_elements, plan_pool
from .sight import input_sight, through_transposed
from .transpose import plan_conv_transpose


@dataclass(frozen=True, slots=True)
class PlannedInput:
    """An input by its shape, and the dtype its computation would have."""

    shape: Shape
    dtype: np.dtype[Any]


def conv_plan(request: ConvPlanRequest, rank: int, limits: WorkLimits) -> dict[str, Any]:
    """Return the whole plan of a convolution.

    Raises
    ------
    EngineError, KernelError, OperationError
        For whatever does not fit. What is merely beyond a limit is answered, with `accepted` false.
    """
    planned = planned_input(request)
    kernel_shape = _kernel_shape(request, rank)
    with sent_shapes(request):
        layout, plan = plan_conv(request, rank, planned.shape, kernel_shape)
    biases = bias_parameters(request, layout, plan.output_shape)
    parameters = prod(kernel_shape) + biases
    refused = _refused(plan, planned.dtype, _sent_taps(request, kernel_shape) + biases, limits)
    estimates = {} if refused else engine.estimate(plan, planned.dtype, _control(limits))
    method = _method(plan, planned.dtype, request.method, estimates, limits)
    echo = conv_echo(
        plan,
        layout,
        kernel_shape,
        planned.shape,
        dtype=planned.dtype.name,
        method=method,
        padding_value=request.padding_value,
        sample_spacing=vars(request).get("sample_spacing"),
    )
    working_bytes = estimates[method].working_bytes if method in estimates else None
    answer = _answer(plan, echo, conv_formula(plan), parameters, planned.dtype, working_bytes, refused)
    return answer | _shown(estimates, request.estimates)


def conv_transpose_plan(request: ConvTransposePlanRequest, rank: int, limits: WorkLimits) -> dict[str, Any]:
    """Return the whole plan of a transposed convolution; errors are those of `conv_plan`."""
    planned = planned_input(request)
    kernel_shape = _kernel_shape(request, rank)
    with sent_shapes(request):
        layout, plan = plan_conv_transpose(request, rank, planned.shape, kernel_shape)
    biases = bias_parameters(request, layout, plan.output_shape)
    parameters = prod(kernel_shape) + biases
    refused = _refused(plan, planned.dtype, _sent_taps(request, kernel_shape) + biases, limits)
    estimates = {} if refused else engine.estimate(plan, planned.dtype, _control(limits))
    method = _method(plan, planned.dtype, request.method, estimates, limits)
    echo = transpose_echo(plan, layout, kernel_shape, planned.shape, dtype=planned.dtype.name, method=method)
    working_bytes = estimates[method].working_bytes if method in estimates else None
    answer = _answer(plan, echo, transpose_formula(plan), parameters, planned.dtype, working_bytes, refused)
    return answer | _shown(estimates, request.estimates)


def pool_plan(request: PoolPlanRequest, rank: int, limits: WorkLimits) -> dict[str, Any]:
    """Return the whole plan of a pool; errors are those of `conv_plan`."""
    planned = planned_input(request)
    with sent_shapes(request):
        layout, plan = plan_pool(request, rank, planned.shape)
    echo = pool_echo(plan, layout, planned.shape, dtype=planned.dtype.name)
    working_bytes = engine.pool_working_bytes(plan, planned.dtype, _control(limits))
    indices = index_elements(request, plan, planned.dtype)
    refused = _refused(plan, planned.dtype, 0, limits, also_answered=indices)
    return _answer(plan, echo, pool_formula(plan), 0, planned.dtype, working_bytes, refused)


def _sent_taps(request: Any, kernel_shape: Shape) -> int:
    """Return how many of a kernel's taps a request for the operation holds: of one by its name, none."""
    return 0 if isinstance(request.kernel, (str, dict)) else prod(kernel_shape)


def _refused(plan: Any, dtype: np.dtype[Any], sent: int, limits: WorkLimits, *, also_answered: int = 0) -> str | None:
    """Return the limit that refuses the operation, if any; what is beyond one may be too large even to estimate.

    `sent` are the numbers that a request has beside the input.
    """
    work = replace(work_of(plan, dtype.itemsize), also_answered=also_answered)
    found = exceeded(work, limits) or too_many_read(work.input_elements + sent, limits)
    return found[0] if found else None


def _method(
    plan: Any, dtype: np.dtype[Any], sent: str, estimates: dict[str, engine.Estimate], limits: WorkLimits
) -> str | None:
    """Return the name of the method that would compute a plan; None where a limit refuses it and none was named."""
    if sent == "auto" and not estimates:
        return None
    # Of what a limit refuses, not even the memory is estimated.
    return engine.choose(plan, dtype=dtype, method=sent, control=_control(limits) if estimates else None)


def _control(limits: WorkLimits) -> engine.Control:
    return engine.Control(budget_bytes=limits.working_bytes)


def _shown(estimates: dict[str, engine.Estimate], wanted: bool) -> dict[str, Any]:
    """Return every method's estimate for the answer, as `auto` considers them, where they were asked for."""
    if not wanted:
        return {}
    return {
        "estimates": {
            name: {"seconds": estimate.seconds, "working_bytes": estimate.working_bytes}
            for name, estimate in estimates.items()
        }
    }


@contextmanager
def sent_shapes(request: Any) -> Iterator[None]:
    """Point whatever is raised for an array to the shape that was sent in its place."""
    try:
        yield
    except EngineError as error:
        field = f"{error.argument}_shape"
        if field in ("input_shape", "kernel_shape") and getattr(request, field, None) is not None:
            raise type(error)(error.detail, field) from error
        raise


def planned_input(request: Any) -> PlannedInput:
    """Return the shape and dtype of a plan's input, given by its shape or by itself."""
    if request.input_shape is not None:
        return PlannedInput(
            tuple(request.input_shape), np.dtype("float64" if request.dtype == "auto" else request.dtype)
        )
    source = read_input(request.input, request.color)
    return PlannedInput(source.array.shape, source.dtype(request.dtype))


def _kernel_shape(request: Any, rank: int) -> Shape:
    if request.kernel_shape is not None:
        return tuple(request.kernel_shape)
    return tuple(read_kernel(request.kernel, rank).shape)


def bias_parameters(request: Any, layout: Layout, output_shape: Shape) -> int:
    """Return the parameters of the bias of a plan, or of a layer: true counts one a filter, an array its size."""
    if request.bias is None or request.bias is False:
        return 0
    if request.bias is True:
        return output_shape[1]
    bias = layout.bias(request.bias, output_shape)
    return 0 if bias is None else int(bias.size)


def _seen(plan: engine.ConvPlan | engine.ConvTransposePlan | engine.PoolPlan) -> tuple[int, ...]:
    """Return the input cells that one output depends on, an axis: what the plan of a network of this alone says."""
    if isinstance(plan, engine.ConvTransposePlan):
        return through_transposed(input_sight(plan.input_size), plan).field
    return plan.span  # an adaptive pool's is its largest window


def _answer(
    plan: Any,
    echo: dict[str, Any],
    formula: list[dict[str, Any]],
    parameters: int,
    dtype: np.dtype[Any],
    working_bytes: int | None,
    refused: str | None,
) -> dict[str, Any]:
    return {
        "plan": echo,
        "formula": formula,
        "receptive_field": list(_seen(plan)),
        "parameters": parameters,
        "macs": work_of(plan).macs,
        "bytes": {
            "input": prod(plan.input_shape) * dtype.itemsize,
            "output": prod(plan.output_shape) * dtype.itemsize,
            "working": working_bytes,
        },
        "accepted": refused is None,
        "refused_by": refused,
    }
