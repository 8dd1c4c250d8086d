"""A plan as an answer shows it: what was understood, with every default put in and every name resolved."""

from __future__ import annotations

from typing import Any

from service import engine

from .layout import Layout, Shape


def conv_echo(
    plan: engine.ConvPlan,
    layout: Layout,
    kernel_shape: Shape,
    input_shape: Shape,
    *,
    dtype: str,
    method: str | None,
    padding_value: float,
    sample_spacing: float | None = None,
) -> dict[str, Any]:
    """Return a convolution's plan in the form of the request."""
    echo: dict[str, Any] = {
        "operation": plan.operation,
        "input_shape": list(input_shape),
        "kernel_shape": list(kernel_shape),
        "output_shape": list(layout.answer_shape(plan.output_shape)),
        "stride": list(plan.stride),
        "padding": [list(pair) for pair in plan.padding],
        "padding_mode": plan.padding_mode,
        "dilation": list(plan.dilation),
        "groups": plan.groups,
        "dtype": dtype,
        "method": method,
        "macs": plan.macs,
    }
    if plan.padding_mode == "constant":
        echo["padding_value"] = padding_value
    if sample_spacing is not None:
        echo["sample_spacing"] = sample_spacing
    if any(plan.dropped):
        echo["dropped"] = list(plan.dropped)
    return echo


def transpose_echo(
    plan: engine.ConvTransposePlan,
    layout: Layout,
    kernel_shape: Shape,
    input_shape: Shape,
    *,
    dtype: str,
    method: str | None,
) -> dict[str, Any]:
    """Return a transposed convolution's plan in the form of the request."""
    return {
        "operation": "conv_transpose",
        "input_shape": list(input_shape),
        "kernel_shape": list(kernel_shape),
        "output_shape": list(layout.answer_shape(plan.output_shape)),
        "stride": list(plan.stride),
        "padding": [list(pair) for pair in plan.padding],
        "output_padding": list(plan.output_padding),
        "dilation": list(plan.dilation),
        "groups": plan.groups,
        "dtype": dtype,
        "method": method,
        "macs": plan.macs,
    }


def pool_echo(plan: engine.PoolPlan, layout: Layout, input_shape: Shape, *, dtype: str) -> dict[str, Any]:
    """Return a pool's plan in the form of the request; an adaptive pool has no window's options to show."""
    output_shape = layout.answer_shape(plan.output_shape)
    echo: dict[str, Any] = {
        "operation": "pool",
        "kind": plan.kind,
        "input_shape": list(input_shape),
        "output_shape": list(output_shape),
    }
    if plan.adaptive:
        echo["output_size"] = list(plan.output_size)
    else:
        echo |= {
            "kernel_size": list(plan.kernel_size),
            "stride": list(plan.stride),
            "padding": [list(pair) for pair in plan.padding],
            "dilation": list(plan.dilation),
            "ceil_mode": plan.ceil_mode,
        }
    if plan.kind == "average" and not plan.adaptive:
        echo["count_include_pad"] = plan.count_include_pad
        if plan.divisor_override is not None:
            echo["divisor_override"] = plan.divisor_override
    if plan.kind == "lp":
        echo["p"] = plan.p
    echo |= {"dtype": dtype, "operations": plan.operations}
    for name, cells in (("dropped", plan.dropped), ("overhang", plan.overhang)):
        if any(cells):
            echo[name] = list(cells)
    return echo
