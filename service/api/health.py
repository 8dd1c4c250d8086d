"""Whether this process lives, and whether it should be sent requests."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response

from service import __version__

from .errors import HttpProblem
from .openapi_responses import problem_responses
from .state import service_of

router = APIRouter(tags=["operations of the service"])

_ALIVE: dict[int | str, dict[str, Any]] = {
    200: {"description": "Yes.", "content": {"application/json": {"example": {"status": "ok", "version": __version__}}}}
}


@router.get("/livez", summary="Is the process alive?", responses=_ALIVE, operation_id="livez")
async def livez() -> Response:
    """Answers as long as the event loop runs. Restart the process when it does not."""
    return JSONResponse({"status": "ok", "version": __version__})


@router.get(
    "/readyz",
    summary="Should requests be sent here?",
    responses=_ALIVE | problem_responses("stopping", "saturated"),
    operation_id="readyz",
)
async def readyz(request: Request) -> Response:
    """Turns 503 as soon as the process was told to stop, and while its queue is full."""
    # Neither is given a reason as what refuses a request is, which is counted.
    service = service_of(request)
    if service.stopping:
        raise HttpProblem(
            "stopping", "this instance was told to stop; send requests to another", headers={"Retry-After": "1"}
        )
    if service.admission.full:
        raise HttpProblem("saturated", "the queue is full; send requests to another", headers={"Retry-After": "1"})
    return JSONResponse({"status": "ok", "version": __version__})


@router.get(
    "/metrics",
    summary="What Prometheus scrapes",
    responses={
        200: {"description": "Prometheus' text format.", "content": {"text/plain": {"schema": {"type": "string"}}}},
        **problem_responses("unauthorized", "quota-exceeded"),
    },
    operation_id="metrics",
    response_class=PlainTextResponse,
)
async def metrics(request: Request) -> Response:
    """Requests by operation and status, seconds by phase, what is in flight and queued, refusals by reason, work done.

    The numbers are those of all worker processes together, whichever of them answers.
    """
    return Response(service_of(request).metrics.text(), media_type="text/plain; version=0.0.4; charset=utf-8")
