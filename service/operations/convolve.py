"""Convolution of data: a request of `conv1d`, `conv2d` or `conv3d` to feature maps."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np

from service import engine
from service.engine.convolution import checked_padding_value, computed
from service.engine.remembered import remembered
from service.schemas.options import ConvOptions
from service.schemas.requests import ConvRequest

from .answer import Answer
from .data import Source, dtype_name, read_input, read_kernel
from .echo import conv_echo
from .layout import Layout, Shape, conv_layout
from .limits import WorkLimits, check_work


class ConvProblem(NamedTuple):
    """A convolution as it was asked, in canonical form, decided but not computed."""

    source: Source
    sent_kernel: np.ndarray
    layout: Layout
    plan: engine.ConvPlan
    input: np.ndarray
    kernel: np.ndarray
    bias: np.ndarray | None
    dtype: np.dtype[Any]
    sample_spacing: float | None


def sent_groups(request: Any) -> int | None:
    """Return the request's groups, or None where they were left out."""
    return request.groups if "groups" in request.model_fields_set else None


def plan_conv(
    request: ConvOptions, rank: int, input_shape: Shape, kernel_shape: Shape
) -> tuple[Layout, engine.ConvPlan]:
    """Return the layout and the plan of a convolution from its options and shapes alone."""
    return _decided(
        rank,
        input_shape,
        kernel_shape,
        sent_groups(request),
        request.stride,
        request.padding,
        request.padding_mode,
        request.padding_value,
        request.dilation,
        request.operation,
    )


@remembered
def _decided(
    rank: int,
    input_shape: Shape,
    kernel_shape: Shape,
    groups: int | None,
    stride: Any,
    padding: Any,
    padding_mode: str,
    padding_value: float,
    dilation: Any,
    operation: str,
) -> tuple[Layout, engine.ConvPlan]:
    layout = conv_layout(rank, input_shape, kernel_shape, groups)
    plan = engine.plan_conv(
        layout.input_shape,
        layout.kernel_shape,
        stride=stride,
        padding=padding,
        padding_mode=padding_mode,
        dilation=dilation,
        groups=layout.groups,
        operation=operation,
    )
    checked_padding_value(padding_value, plan.padding_mode)
    return layout, plan


def prepare_conv(request: ConvRequest, rank: int, limits: WorkLimits, *, backward: bool = False) -> ConvProblem:
    """Return the convolution that a request asks for, checked in full before any of it or of its gradients is made."""
    source = read_input(request.input, request.color)
    kernel = read_kernel(request.kernel, rank)
    layout, plan = plan_conv(request, rank, source.array.shape, kernel.shape)
    dtype = source.dtype(request.dtype)
    check_work(plan, limits, dtype.itemsize, backward=backward, method=request.method)
    return ConvProblem(
        source=source,
        sent_kernel=kernel,
        layout=layout,
        plan=plan,
        input=layout.input(source.array),
        kernel=layout.kernel(kernel),
        bias=layout.bias(request.bias, plan.output_shape),
        dtype=dtype,
        sample_spacing=vars(request).get("sample_spacing"),  # pydantic is slow to say that a model has none
    )


def convolve(request: ConvRequest, rank: int, limits: WorkLimits, control: engine.Control) -> Answer:
    """Run a convolution.

    Parameters
    ----------
    request
        A validated request.
    rank
        Spatial axes of the operation.
    limits, control
        What it may cost, and how it runs.

    Raises
    ------
    EngineError, KernelError, OperationError
        For whatever does not fit, or is beyond a limit.
    """
    problem = prepare_conv(request, rank, limits)
    maps, method = run_conv(request, problem, control)
    echo = conv_echo(
        problem.plan,
        problem.layout,
        problem.sent_kernel.shape,
        problem.source.array.shape,
        dtype=dtype_name(problem.dtype),
        method=method,
        padding_value=request.padding_value,
        sample_spacing=problem.sample_spacing,
    )
    style = problem.source.style(request.range)
    if style.color and not problem.layout.shared:
        style = replace(style, color=False)
    return Answer(
        arrays={"feature_maps": maps},
        fields={"output_shape": list(maps.shape), "dtype": dtype_name(maps.dtype), "plan": echo},
        encoding=request.encoding,
        maps=maps,
        style=style,
    )


def run_conv(request: ConvRequest, problem: ConvProblem, control: engine.Control) -> tuple[np.ndarray, str]:
    """Return the feature maps in the input's form, and the name of the method that made them."""
    methods: list[str] = []
    noting = replace(control, on_method=methods.append)
    # dt · Σ x(τ) h(t − τ): the sum first, which stays exact on integers, then the spacing, then the bias.
    maps = computed(
        problem.plan,
        problem.input,
        problem.kernel,
        problem.bias if problem.sample_spacing is None else None,
        dtype=problem.dtype,
        padding_value=request.padding_value,
        method=request.method,
        control=noting,
    )
    if problem.sample_spacing is None:
        return problem.layout.answer(maps), methods[0]
    with np.errstate(all="ignore"):  # what overflows is infinite, as it is inside the engine
        maps *= problem.dtype.type(problem.sample_spacing)
        if problem.bias is not None:
            maps += aligned_bias(problem.bias, problem.plan.rank).astype(problem.dtype)
    return problem.layout.answer(maps), methods[0]


def aligned_bias(bias: np.ndarray, rank: int) -> np.ndarray:
    """Return a bias (F) or (F, *S') as it adds to maps (N, F, *S')."""
    return bias.reshape(bias.shape + (1,) * rank) if bias.ndim == 1 else bias
