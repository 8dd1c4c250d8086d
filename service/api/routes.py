"""Every operation's route: the family, its ranks, and what OpenAPI says of each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from fastapi import APIRouter
from fastapi.routing import APIRoute
from pydantic import BaseModel

from service.engine import Control
from service.operations.answer import Answer
from service.operations.convolve import convolve
from service.operations.gradients import conv_gradients, conv_transpose_gradients, pool_gradients
from service.operations.limits import WorkLimits
from service.operations.network_plan import network_plan
from service.operations.networks import run_network
from service.operations.plan import conv_plan, conv_transpose_plan, pool_plan
from service.operations.pool import pool
from service.operations.trace import answered, conv_trace, conv_transpose_trace, pool_trace
from service.operations.transpose import convolve_transposed
from service.schemas import requests as schemas
from service.schemas import trace as traces
from service.schemas.networks import NetworkPlanRequest, NetworkRequest

from . import examples, teaching_examples
from .answers import TRACE_FORMS
from .negotiation import JSON
from .openapi import request_body
from .openapi_responses import OPERATION_PROBLEMS, Responses, answer_response, problem_responses
from .operations import ARRAY_FORMS, PICTURE_FORMS, Computation, Operation, Plan, Planning

_DATA = {
    1: ("one-dimensional", "signals and sequences", "(L)", "(C, L)", "(N, C, L)"),
    2: ("two-dimensional", "matrices and pictures", "(H, W)", "(C, H, W)", "(N, C, H, W)"),
    3: ("three-dimensional", "volumes and video", "(D, H, W)", "(C, D, H, W)", "(N, C, D, H, W)"),
}


@dataclass(frozen=True, slots=True)
class Family:
    """One operation over all ranks.

    Attributes
    ----------
    name
        Of the path, before the rank: ``conv`` for ``/v1/conv2d``.
    what
        What people call it.
    text
        What it does, for OpenAPI.
    tag
        The group of routes that it stands in, in OpenAPI.
    answer
        The name of its answer's model.
    run, run_plan, run_gradients, run_trace
        What computes, plans, goes backward and shows every step.
    request, plan, gradients
        Models of the requests, by rank.
    trace
        Likewise, of the ranks that can be traced.
    examples
        Request bodies for OpenAPI, by name.
    """

    name: str
    tag: str
    what: str
    text: str
    answer: str
    run: Operation
    run_plan: Plan
    run_gradients: Operation
    request: dict[int, type[BaseModel]]
    plan: dict[int, type[BaseModel]]
    gradients: dict[int, type[BaseModel]]
    run_trace: Operation
    trace: dict[int, type[BaseModel]]
    examples: dict[str, dict[str, Any]]


def _takes_all(op: str, idle: Sequence[str]) -> str:
    """Return what OpenAPI says of the fields that `/{op}` heeds and a route below it does not."""
    named = [f"`{name}`" for name in idle]
    listed = " and ".join([", ".join(named[:-1]), named[-1]] if len(named) > 1 else named)
    change = "changes" if len(named) == 1 else "change"
    return f" Takes every field of `/{op}`, so that one document serves both; {listed} {change} nothing here."


def _every(model: type[BaseModel]) -> dict[int, type[BaseModel]]:
    return {1: model, 2: model, 3: model}


FAMILIES: Sequence[Family] = (
    Family(
        name="conv",
        tag="convolution",
        what="convolution",
        text="Slides each filter over the input; every value of a feature map is the sum of the products of a window "
        "with the filter, plus the bias. The size of an axis is "
        "⌊(n + before + after − dilation·(k − 1) − 1) / stride⌋ + 1. The default, cross-correlation, takes the kernel "
        "as it is; `operation: convolution` flips it.",
        answer="ConvAnswer",
        run=convolve,
        run_plan=conv_plan,
        run_gradients=conv_gradients,
        request={1: schemas.Conv1dRequest, 2: schemas.Conv2dRequest, 3: schemas.Conv3dRequest},
        plan={1: schemas.Conv1dPlanRequest, 2: schemas.ConvPlanRequest, 3: schemas.ConvPlanRequest},
        gradients={1: schemas.Conv1dGradientsRequest, 2: schemas.ConvGradientsRequest, 3: schemas.ConvGradientsRequest},
        run_trace=answered(conv_trace),
        trace={1: traces.Conv1dTraceRequest, 2: traces.ConvTraceRequest},
        examples=examples.CONV,
    ),
    Family(
        name="conv_transpose",
        tag="transposed convolution",
        what="transposed convolution",
        text="Spreads each input value over the output through the filter: the adjoint of a convolution with the same "
        "stride, padding and dilation, not its inverse. The size of an axis is "
        "(n − 1)·stride − before − after + dilation·(k − 1) + output_padding + 1. The kernel is (C, F/groups, *K).",
        answer="ConvTransposeAnswer",
        run=convolve_transposed,
        run_plan=conv_transpose_plan,
        run_gradients=conv_transpose_gradients,
        request=_every(schemas.ConvTransposeRequest),
        plan=_every(schemas.ConvTransposePlanRequest),
        gradients=_every(schemas.ConvTransposeGradientsRequest),
        run_trace=answered(conv_transpose_trace),
        trace={2: traces.ConvTransposeTraceRequest},
        examples=examples.TRANSPOSE,
    ),
    Family(
        name="pool",
        tag="pooling",
        what="pooling",
        text="Reduces each window of each channel to its largest, mean or smallest value, or its p-norm. Windows of "
        "`kernel_size`, or `output_size` adaptive ones; `output_size: 1` is global. Max and min never choose padding.",
        answer="PoolAnswer",
        run=pool,
        run_plan=pool_plan,
        run_gradients=pool_gradients,
        request=_every(schemas.PoolRequest),
        plan=_every(schemas.PoolPlanRequest),
        gradients=_every(schemas.PoolGradientsRequest),
        run_trace=answered(pool_trace),
        trace={1: traces.PoolTraceRequest, 2: traces.PoolTraceRequest},
        examples=examples.POOL,
    ),
)


def _add(
    router: APIRouter,
    endpoint: Computation | Planning,
    tag: str,
    summary: str,
    text: str,
    responses: Responses,
    body: dict[str, Any],
) -> None:
    name = endpoint.path.strip("/").replace("/", "_")
    router.add_api_route(
        endpoint.path,
        endpoint.__call__,
        methods=["POST"],
        name=name,
        operation_id=name,
        tags=[tag],
        summary=summary,
        description=text,
        responses=responses | problem_responses(*OPERATION_PROBLEMS),
        openapi_extra={"requestBody": body},
    )


def _add_family(router: APIRouter, family: Family, rank: int) -> None:
    op = f"{family.name}{rank}d"
    kind, data, *shapes = _DATA[rank]
    takes = f"Takes {', '.join(shapes[:-1])} or {shapes[-1]}: {data}. The answer has the input's form."
    offered = PICTURE_FORMS if rank == 2 else ARRAY_FORMS
    indices = ["return_indices"] if family.name == "pool" else []
    # 1-D and 3-D maps have no picture, but are asked for one and told so with a 422 instead of a bare 406.
    several = family.name == "pool"  # values, and the indices of the cells they come from
    compute = Computation(f"/{op}", family.request[rank], rank, family.run, PICTURE_FORMS, several=several)
    _add(
        router,
        compute,
        family.tag,
        f"{kind.capitalize()} {family.what}",
        f"{family.text}\n\n{takes}",
        answer_response(family.answer, examples.ANSWERS.get(op, {}), offered),
        request_body(compute.model, family.examples[op], examples.FORMS.get(op, {})),
    )
    plan = Planning(f"/{op}/plan", family.plan[rank], rank, family.run_plan)
    _add(
        router,
        plan,
        family.tag,
        f"Plan a {kind} {family.what}",
        f"The sizes, formulas, receptive field, parameters, cost and memory of `POST /v1/{op}`, from shapes alone: "
        "the same fields with `input_shape` and `kernel_shape` in place of the arrays. Says whether this service would "
        f"do it, and which limit would refuse it.{_takes_all(op, ['encoding', 'range', *indices])}",
        answer_response("PlanAnswer", {}, (JSON,)),
        request_body(plan.model, examples.PLANS[op], {}),
    )
    gradients = Computation(
        f"/{op}/gradients", family.gradients[rank], rank, family.run_gradients, ARRAY_FORMS, several=True
    )
    _add(
        router,
        gradients,
        family.tag,
        f"Backward pass of a {kind} {family.what}",
        f"The gradients of a loss with respect to what `POST /v1/{op}` takes, from the gradient with respect to its "
        "answer. "
        + (
            "Ties in max and min go to the first."
            if family.name == "pool"
            else "With `learning_rate`, also the kernel and the bias after one step of gradient descent."
        )
        + _takes_all(op, ["range", *indices]),
        answer_response("GradientsAnswer", {}, ARRAY_FORMS),
        request_body(gradients.model, examples.GRADIENTS[op], {}),
    )


def _add_trace(router: APIRouter, family: Family, rank: int) -> None:
    op = f"{family.name}{rank}d"
    # The steps are more work than the plan tells: never on the event loop.
    trace = Computation(f"/{op}/trace", family.trace[rank], rank, family.run_trace, TRACE_FORMS, quick=False)
    _add(
        router,
        trace,
        family.tag,
        f"Every step of a {_DATA[rank][0]} {family.what}",
        f"How each value of `POST /v1/{op}` came to be: its window, what lies in the padding, each product, their sum. "
        "A page at a time (`start`, `count`), or the `positions` picked; of one map of one sample. As JSON, as a "
        f"handout in Markdown, as a drawing or as an animation.{_takes_all(op, ['range'])}",
        answer_response("TraceAnswer", {}, TRACE_FORMS),
        request_body(trace.model, teaching_examples.TRACES[op], {}),
    )


def _run_network(request: NetworkRequest, _rank: int, limits: WorkLimits, control: Control) -> Answer:
    """Run a network, whose layers have ranks of their own."""
    return run_network(request, limits, control)


def _plan_network(request: NetworkPlanRequest, _rank: int, limits: WorkLimits) -> dict[str, Any]:
    """Plan a network; as `_run_network`."""
    return network_plan(request, limits)


def _add_networks(router: APIRouter) -> None:
    run = Computation("/networks", NetworkRequest, 2, _run_network, PICTURE_FORMS, quick=False, several=True)
    _add(
        router,
        run,
        "networks",
        "Run a stack of layers",
        "Each layer is the operation that it is named after, or an activation, `flatten`, `linear`, `batch_norm`; it "
        "takes what the one before it makes. Answers the last output, or with `return: all` every layer's; as a "
        "picture, every layer's maps.",
        answer_response("NetworkAnswer", {}, PICTURE_FORMS),
        request_body(run.model, teaching_examples.NETWORKS, {}),
    )
    # A layer may take a millisecond: to build a large named kernel, to follow cells through many windows.
    plan = Planning("/networks/plan", NetworkPlanRequest, 2, _plan_network, quick_bytes=2048)
    _add(
        router,
        plan,
        "networks",
        "Plan a stack of layers",
        "Output shape, parameters, multiply-accumulates, memory, receptive field, jump and start of each layer, and "
        "the totals, from the shape of one sample. Layers may give `filters` and `kernel_size` in place of `kernel`, "
        "and `features` in place of `weight`. It is arithmetic on shapes: one beyond the limits is planned as any "
        "other, and `accepted` and `refused_by` tell that it would not be run.",
        answer_response("NetworkPlanAnswer", {}, (JSON,)),
        request_body(plan.model, teaching_examples.NETWORK_PLANS, {}),
    )


def make_router() -> APIRouter:
    """Return the router of every operation, and their request models with it."""
    router = APIRouter(prefix="/v1")
    for family in FAMILIES:
        for rank in (1, 2, 3):
            _add_family(router, family, rank)
            if rank in family.trace:
                _add_trace(router, family, rank)
    _add_networks(router)
    return router


router = make_router()

ENDPOINTS = {route.path: (route.name, route.endpoint) for route in router.routes if isinstance(route, APIRoute)}
"""Every operation's name and endpoint by its path, for the short way past the router."""

MODELS: tuple[type[BaseModel], ...] = tuple(
    dict.fromkeys(
        [
            *(
                model
                for family in FAMILIES
                for models in (family.request, family.plan, family.gradients, family.trace)
                for model in models.values()
            ),
            NetworkRequest,
            NetworkPlanRequest,
        ]
    )
)
"""Every request model, once."""
