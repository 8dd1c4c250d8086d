"""Transposed convolution of data: a request of `conv_transpose1d`, `…2d` or `…3d` to feature maps."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from service import engine
from service.schemas.options import ConvTransposeOptions
from service.schemas.requests import ConvTransposeRequest

from .answer import Answer
from .convolve import sent_groups
from .data import Source, dtype_name, read_input
from .echo import transpose_echo
from .layout import Layout, Shape, transpose_layout
from .limits import WorkLimits, check_work


@dataclass(frozen=True, slots=True)
class TransposeProblem:
    """A transposed convolution as it was asked, in canonical form, decided but not computed."""

    source: Source
    layout: Layout
    plan: engine.ConvTransposePlan
    input: np.ndarray
    kernel: np.ndarray
    bias: np.ndarray | None
    dtype: np.dtype[Any]


def plan_conv_transpose(
    request: ConvTransposeOptions, rank: int, input_shape: Shape, kernel_shape: Shape
) -> tuple[Layout, engine.ConvTransposePlan]:
    """Return the layout and the plan of a transposed convolution from its options and shapes alone."""
    layout = transpose_layout(rank, input_shape, kernel_shape, sent_groups(request))
    plan = engine.plan_conv_transpose(
        layout.input_shape,
        layout.kernel_shape,
        stride=request.stride,
        padding=request.padding,
        output_padding=request.output_padding,
        dilation=request.dilation,
        groups=layout.groups,
    )
    return layout, plan


def prepare_transpose(
    request: ConvTransposeRequest, rank: int, limits: WorkLimits, *, backward: bool = False
) -> TransposeProblem:
    """Return the transposed convolution that a request asks for, checked in full before any of it is computed.

    `backward` where its gradients are.
    """
    source = read_input(request.input, request.color)
    layout, plan = plan_conv_transpose(request, rank, source.array.shape, request.kernel.shape)
    check_work(plan, limits, source.dtype(request.dtype).itemsize, backward=backward, method=request.method)
    return TransposeProblem(
        source=source,
        layout=layout,
        plan=plan,
        input=layout.input(source.array),
        kernel=layout.kernel(request.kernel),
        bias=layout.bias(request.bias, plan.output_shape),
        dtype=source.dtype(request.dtype),
    )


def transpose_keywords(request: ConvTransposeOptions, problem: TransposeProblem) -> dict[str, Any]:
    """Return the keyword arguments that the engine's transposed convolution and its gradients share."""
    return {
        "stride": request.stride,
        "padding": request.padding,
        "output_padding": request.output_padding,
        "dilation": request.dilation,
        "groups": problem.layout.groups,
    }


def convolve_transposed(
    request: ConvTransposeRequest, rank: int, limits: WorkLimits, control: engine.Control
) -> Answer:
    """Run a transposed convolution; parameters and errors are those of `convolve`."""
    problem = prepare_transpose(request, rank, limits)
    methods: list[str] = []
    maps = problem.layout.answer(
        engine.conv_transpose(
            problem.input,
            problem.kernel,
            problem.bias,
            **transpose_keywords(request, problem),
            method=request.method,
            dtype=problem.dtype,
            control=replace(control, on_method=methods.append),
        )
    )
    echo = transpose_echo(
        problem.plan,
        problem.layout,
        request.kernel.shape,
        problem.source.array.shape,
        dtype=dtype_name(problem.dtype),
        # Padding may leave only positions that no input reaches: nothing is computed then, by any method.
        method=next(iter(methods), "direct"),
    )
    style = problem.source.style(request.range)
    return Answer(
        arrays={"feature_maps": maps},
        fields={"output_shape": list(maps.shape), "dtype": dtype_name(maps.dtype), "plan": echo},
        encoding=request.encoding,
        maps=maps,
        style=style if problem.layout.shared else replace(style, color=False),
    )
