"""Every step of a computation, by the engine that computes the result.

The operation itself is run first and each step's `value` is read from its answer, so that a trace cannot disagree with
it; windows, taps and products are then laid out for the positions asked for. A method that spreads rounding may give a
window of zeros beside bright ones 1e-14: where the products do not add up to the answer, and no method was named, the
operation is run once more by one that sums them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from service import engine
from service.engine.pool_kinds import POOL_KINDS
from service.schemas.trace import ConvTraceRequest, ConvTransposeTraceRequest, PoolTraceRequest
from service.schemas.traced import Step, Trace

from . import trace_text as text
from .answer import Answer, TraceAnswer
from .convolve import ConvProblem, convolve, prepare_conv
from .data import read_input
from .formula import conv_formula, pool_formula, transpose_formula
from .limits import WorkLimits
from .pool import plan_pool, pool
from .trace_page import Position, chosen_channel, chosen_map, chosen_sample, input_view, output_view, page
from .trace_taps import Taps, conv_taps, pool_absent, pool_taps, transpose_taps
from .transpose import convolve_transposed, prepare_transpose


def answered(trace: Callable[..., Trace]) -> Callable[..., TraceAnswer]:
    """Return a trace's operation as one that answers like the others."""

    def operation(request: Any, rank: int, limits: WorkLimits, control: engine.Control) -> TraceAnswer:
        found = trace(request, rank, limits, control)
        return TraceAnswer(arrays={}, fields=found.as_dict(), encoding=request.encoding, trace=found)

    return operation


def conv_trace(request: ConvTraceRequest, rank: int, limits: WorkLimits, control: engine.Control) -> Trace:
    """Trace a convolution.

    Raises
    ------
    EngineError, KernelError, OperationError
        As the convolution; and where a position, sample, filter or channel does not exist, or a page has more taps
        than it may.
    """
    problem = prepare_conv(request, rank, replace(limits, admit=None))  # the convolution below asks to be let in
    plan, layout, dtype = problem.plan, problem.layout, problem.dtype
    sample = chosen_sample(request, plan.batch)
    picked, index = chosen_map(request, shared=layout.shared, channels=plan.channels, filters=plan.filters)
    positions, start, following = page(request, plan.output_size, plan.taps)
    width = plan.channels // plan.groups
    first = index // (plan.filters // plan.groups) * width
    planes = problem.input[sample, first : first + width]
    sent = problem.kernel[index].astype(dtype)
    if problem.sent_kernel.ndim < rank + 2:  # no channel axis in the filter, none in the steps
        planes, sent = planes[0], sent[0]
    outside = request.padding_value if plan.padding_mode == "constant" else 0.0

    def lay_out(output: NDArray[Any]) -> tuple[Step, ...]:
        return tuple(
            _conv_step(problem, conv_taps(plan, at), planes, sent, outside, at, index, output[at]) for at in positions
        )

    run, named = partial(convolve, request, rank), request.method != "auto"
    answer, output, steps = _stepwise(run, plan.output_shape, (sample, index), lay_out, limits, control, named=named)
    return Trace(
        operation=f"conv{rank}d",
        output_shape=tuple(answer.fields["output_shape"]),
        plan=answer.fields["plan"],
        formula=conv_formula(plan),
        chosen={"sample": sample, picked: index},
        total_positions=prod(plan.output_size),
        steps=steps,
        following=following,
        start=start,
        input=input_view(
            planes,
            plan.input_size,
            plan.padding,
            [step.window for step in steps],
            mode=plan.padding_mode,
            value=outside,
            dtype=dtype,
        ),
        output=output_view(output, positions),
        kernel=sent,
        encoding=request.encoding,
    )


def _conv_step(
    problem: ConvProblem,
    taps: Taps,
    planes: NDArray[Any],
    sent: NDArray[Any],
    outside: float,
    position: Position,
    index: int,
    value: Any,
) -> Step:
    plan = problem.plan
    flipped = plan.operation == "convolution"
    kernel = np.flip(sent, tuple(range(-plan.rank, 0))) if flipped else sent
    patch = taps.read(planes, outside, problem.dtype)
    bias = _bias_at(problem.bias, index, position, problem.dtype)
    extra = {} if problem.sample_spacing is None else {"sample_spacing": problem.sample_spacing}
    step = _product_step(position, taps, patch, kernel, value, bias, problem.sample_spacing, extra)
    if not flipped or plan.rank > 1:
        return step
    # As the convolution integral is taught: h is folded, displaced to t, multiplied with x, and summed.
    at = position[0] * plan.stride[0] - plan.padding[0][0] + plan.span[0] - 1
    stages = {"fold": kernel, "displace": at, "multiply": step.products, "integrate": value}
    return replace(step, extra={"stages": stages, **extra})


def conv_transpose_trace(
    request: ConvTransposeTraceRequest, rank: int, limits: WorkLimits, control: engine.Control
) -> Trace:
    """Trace a transposed convolution: which input cells reach each position, and the taps they meet.

    Raises
    ------
    EngineError, OperationError
        As `conv_trace`.
    """
    problem = prepare_transpose(request, rank, replace(limits, admit=None))
    plan, layout, dtype = problem.plan, problem.layout, problem.dtype
    sample = chosen_sample(request, plan.batch)
    picked, index = chosen_map(request, shared=layout.shared, channels=plan.channels, filters=plan.filters)
    width = plan.channels // plan.groups
    positions, start, following = page(request, plan.output_size, width * prod(plan.kernel_size))
    group, within = divmod(index, plan.filters // plan.groups)
    planes = problem.input[sample, group * width : (group + 1) * width]
    sent = problem.kernel[group * width : (group + 1) * width, within].astype(dtype)
    if layout.shared:
        planes, sent = planes[0], sent[0]

    def lay_out(output: NDArray[Any]) -> tuple[Step, ...]:
        steps = []
        for position in positions:
            taps = transpose_taps(plan, position)
            patch = taps.read(planes, 0.0, dtype)
            met: tuple[Any, ...] = (..., *np.ix_(*taps.kernel)) if taps.kernel is not None else (...,)
            bias = _bias_at(problem.bias, index, position, dtype)
            extra = {"taps": taps.kernel_positions}
            steps.append(_product_step(position, taps, patch, sent[met], output[position], bias, None, extra))
        return tuple(steps)

    run, named = partial(convolve_transposed, request, rank), request.method != "auto"
    answer, output, steps = _stepwise(run, plan.output_shape, (sample, index), lay_out, limits, control, named=named)
    none = ((0, 0),) * rank
    return Trace(
        operation=f"conv_transpose{rank}d",
        output_shape=tuple(answer.fields["output_shape"]),
        plan=answer.fields["plan"],
        formula=transpose_formula(plan),
        chosen={"sample": sample, picked: index},
        total_positions=prod(plan.output_size),
        steps=steps,
        following=following,
        start=start,
        input=input_view(
            planes, plan.input_size, none, [step.window for step in steps], mode="zeros", value=0.0, dtype=dtype
        ),
        output=output_view(output, positions),
        kernel=sent,
        encoding=request.encoding,
    )


def _stepwise(
    run: Callable[[WorkLimits, engine.Control], Answer],
    shape: tuple[int, ...],
    chosen: tuple[int, int],
    lay_out: Callable[[NDArray[Any]], tuple[Step, ...]],
    limits: WorkLimits,
    control: engine.Control,
    *,
    named: bool,
) -> tuple[Answer, NDArray[Any], tuple[Step, ...]]:
    """Return the operation's answer, the map of the (sample, filter) chosen, and the steps laid out from that.

    A method that was `named` is taken at its word.
    """
    answer = run(limits, control)
    output = answer.arrays["feature_maps"].reshape(shape)[chosen]
    steps = lay_out(output)
    if named or all(map(_adds_up, steps)):
        return answer, output, steps
    del answer, output, steps  # memory was reserved for one of each
    answer = run(replace(limits, admit=None), replace(control, plain_sums=True))
    output = answer.arrays["feature_maps"].reshape(shape)[chosen]
    return answer, output, lay_out(output)


def _adds_up(step: Step) -> bool:
    """Whether the value is the sum of the products: exactly if they are integers, else but for taps·ε·Σ|products|."""
    products, kind = np.asarray(step.products, np.float64), np.finfo(step.patch.dtype)
    spacing = float(step.extra.get("sample_spacing", 1.0))
    with np.errstate(all="ignore"):
        total = float(np.abs(products).sum()) * abs(spacing) + abs(float(step.bias))
        off = abs(float(products.sum()) * spacing + float(step.bias) - float(step.value))
        whole = spacing == 1 and float(step.bias).is_integer() and bool((products == np.rint(products)).all())
    exact = whole and total * kind.eps < 1
    return not off > (0.0 if exact else (products.size + 2) * float(kind.eps) * total)


def _product_step(
    position: Position,
    taps: Taps,
    patch: NDArray[Any],
    kernel: NDArray[Any],
    value: Any,
    bias: Any,
    spacing: float | None,
    extra: Mapping[str, Any],
) -> Step:
    """Return a step whose value is a sum of products."""
    channelled = patch.ndim > len(position)
    with np.errstate(all="ignore"):
        products = patch * kernel
    written = text.products(patch, kernel, channelled=channelled)
    return Step(
        position=position,
        window=taps.window,
        patch=patch,
        padded=np.broadcast_to(taps.padded, patch.shape),
        sources=taps.sources,
        value=value,
        expression=text.weighted(written, spacing, bias),
        kernel=kernel,
        products=products,
        sum=text.plain_sum(products),
        bias=patch.dtype.type(0) if bias is None else bias,
        channel_sums=np.array([text.plain_sum(plane) for plane in products]) if channelled else None,
        extra=extra,
    )


def pool_trace(request: PoolTraceRequest, rank: int, limits: WorkLimits, control: engine.Control) -> Trace:
    """Trace a pool.

    Raises
    ------
    EngineError, OperationError
        As `conv_trace`.
    """
    source = read_input(request.input, request.color)
    layout, plan = plan_pool(request, rank, source.array.shape)
    dtype = source.dtype(request.dtype)
    sample, channel = chosen_sample(request, plan.batch), chosen_channel(request, plan.channels)
    positions, start, following = page(request, plan.output_size, prod(plan.kernel_size))
    selects = plan.kind in ("max", "min")
    answer = pool(request.model_copy(update={"return_indices": selects}), rank, limits, control)
    maps = {name: array.reshape(plan.output_shape)[sample, channel] for name, array in answer.arrays.items()}
    output, winners = maps["feature_maps"], maps.get("indices")
    plane = layout.input(source.array)[sample, channel]
    steps = tuple(
        _pool_step(
            request, plan, plane, position, output[position], None if winners is None else int(winners[position]), dtype
        )
        for position in positions
    )
    pads = [(before, after + over) for (before, after), over in zip(plan.padding, plan.overhang, strict=True)]
    return Trace(
        operation=f"pool{rank}d",
        output_shape=tuple(answer.fields["output_shape"]),
        plan=answer.fields["plan"],
        formula=pool_formula(plan),
        chosen={"sample": sample, "channel": channel},
        total_positions=prod(plan.output_size),
        steps=steps,
        following=following,
        start=start,
        input=input_view(
            plane, plan.input_size, pads, [step.window for step in steps], mode="zeros", value=0.0, dtype=dtype
        ),
        output=output_view(output, positions),
        encoding=request.encoding,
    )


def _pool_step(
    request: PoolTraceRequest,
    plan: engine.PoolPlan,
    plane: NDArray[Any],
    position: Position,
    value: Any,
    winner: int | None,
    dtype: np.dtype[Any],
) -> Step:
    taps = pool_taps(plan, position)
    patch = taps.read(plane, 0.0, dtype)
    absent = pool_absent(plan, taps)
    present = patch[~absent]
    extra: dict[str, Any] = {}
    divisor, total = None, None
    kind = POOL_KINDS[plan.kind]
    if kind.better is None and kind.prepare is None:
        total = text.plain_sum(present)
    if kind.averages:
        divisor = extra["divisor"] = plan.divisor_override or int(present.size)
    if winner is not None:
        extra["selected"] = [int(at) for at in np.unravel_index(winner, plan.input_size)]
        if request.return_indices:
            extra["index"] = winner
    return Step(
        position=position,
        window=taps.window,
        patch=patch,
        padded=taps.padded,
        sources=taps.sources,
        value=value,
        expression=text.pooled(plan.kind, present, divisor, plan.p),
        absent=absent if absent.any() else None,
        sum=total,
        extra=extra,
    )


def _bias_at(bias: NDArray[Any] | None, index: int, position: Position, dtype: np.dtype[Any]) -> Any:
    """Return the bias (F) or (F, *S') of one position, or None."""
    if bias is None:
        return None
    return dtype.type(bias[index] if bias.ndim == 1 else bias[(index, *position)])
