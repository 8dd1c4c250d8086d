"""The size formula of each axis with the numbers put in, for plans and traces."""

from __future__ import annotations

from typing import Any

from service import engine

_NAMES = {1: ("samples",), 2: ("rows", "columns"), 3: ("planes", "rows", "columns")}


def conv_formula(plan: engine.ConvPlan) -> list[dict[str, Any]]:
    """Return floor((n + b + a - d(k-1) - 1)/s) + 1 for each axis of a convolution."""
    return [
        _entry(
            plan.rank,
            axis,
            f"⌊({n} + {b} + {a} − {d}·({k} − 1) − 1) / {s}⌋ + 1",
            "⌊(n + before + after − dilation·(k − 1) − 1) / stride⌋ + 1",
            result,
            {"n": n, "before": b, "after": a, "dilation": d, "k": k, "stride": s},
        )
        for axis, (n, (b, a), d, k, s, result) in enumerate(
            zip(
                plan.input_size,
                plan.padding,
                plan.dilation,
                plan.kernel_size,
                plan.stride,
                plan.output_size,
                strict=True,
            )
        )
    ]


def transpose_formula(plan: engine.ConvTransposePlan) -> list[dict[str, Any]]:
    """Return (n-1)s - b - a + d(k-1) + output_padding + 1 for each axis of a transposed convolution."""
    return [
        _entry(
            plan.rank,
            axis,
            f"({n} − 1)·{s} − {b} − {a} + {d}·({k} − 1) + {o} + 1",
            "(n − 1)·stride − before − after + dilation·(k − 1) + output_padding + 1",
            result,
            {"n": n, "stride": s, "before": b, "after": a, "dilation": d, "k": k, "output_padding": o},
        )
        for axis, (n, s, (b, a), d, k, o, result) in enumerate(
            zip(
                plan.input_size,
                plan.stride,
                plan.padding,
                plan.dilation,
                plan.kernel_size,
                plan.output_padding,
                plan.output_size,
                strict=True,
            )
        )
    ]


def pool_formula(plan: engine.PoolPlan) -> list[dict[str, Any]]:
    """Return the formula of each axis of a pool: a convolution's with ceil_mode's rule, or the adaptive windows."""
    return [_adaptive(plan, axis) if plan.adaptive else _windowed(plan, axis) for axis in range(plan.rank)]


def _adaptive(plan: engine.PoolPlan, axis: int) -> dict[str, Any]:
    n, o = plan.input_size[axis], plan.output_size[axis]
    return _entry(
        plan.rank,
        axis,
        f"{o} windows, window i from ⌊i·{n}/{o}⌋ to ⌈(i + 1)·{n}/{o}⌉",
        "output_size windows, window i from ⌊i·n/output_size⌋ to ⌈(i + 1)·n/output_size⌉",
        o,
        {"n": n, "output_size": o},
    )


def _windowed(plan: engine.PoolPlan, axis: int) -> dict[str, Any]:
    n, k, s, d = plan.input_size[axis], plan.kernel_size[axis], plan.stride[axis], plan.dilation[axis]
    (b, a), result = plan.padding[axis], plan.output_size[axis]
    left, right = ("⌈", "⌉") if plan.ceil_mode else ("⌊", "⌋")
    expression = f"{left}({n} + {b} + {a} − {d}·({k} − 1) − 1) / {s}{right} + 1"
    symbols = f"{left}(n + before + after − dilation·(k − 1) − 1) / stride{right} + 1"
    if plan.ceil_mode and result != -(-(n + b + a - d * (k - 1) - 1) // s) + 1:
        expression += " − 1"
        symbols += " − 1, as the last window would start in the padding after the input"
    return _entry(
        plan.rank,
        axis,
        expression,
        symbols,
        result,
        {"n": n, "before": b, "after": a, "dilation": d, "k": k, "stride": s},
    )


def _entry(rank: int, axis: int, expression: str, general: str, result: int, symbols: dict[str, int]) -> dict[str, Any]:
    names = _NAMES.get(rank)
    return {
        "axis": axis,
        "name": names[axis] if names else f"axis {axis}",
        "expression": expression,
        "result": result,
        "general": general,
        "symbols": symbols,
    }
