"""What the service offers: its named kernels, and the limits in force."""

from __future__ import annotations

import asyncio
import math
import re
from collections import Counter
from dataclasses import asdict
from typing import Any

import numpy as np
from fastapi import APIRouter
from numpy.typing import NDArray
from starlette.requests import Request
from starlette.responses import Response

from service import engine, kernels
from service.wire import write_json, write_npy

from .answers import Computed, Written, shape_headers
from .errors import HttpProblem
from .headers import header
from .negotiation import BYTES, JSON, NPY, negotiate
from .openapi_responses import CATALOGUE_PROBLEMS, json_response, problem_responses
from .state import service_of
from .validators import unless_known

router = APIRouter(prefix="/v1", tags=["about the service"])
_MANY_TAPS = 4096  # whose text, a tenth of a megabyte, takes some milliseconds to compress
_INTEGER = re.compile(r"[+-]?\d{1,18}", re.ASCII)
_NUMBER = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?", re.ASCII)


def _described(name: str) -> dict[str, Any]:
    kernel = kernels.describe(name)
    return {
        "name": kernel.name,
        "description": kernel.description,
        "parameters": [asdict(parameter) for parameter in kernel.parameters],
        "size": list(kernel.size),
        "source": kernel.source,
    }


def _made(name: str, matrix: NDArray[np.float64]) -> dict[str, Any]:
    return _described(name) | {"size": list(matrix.shape), "kernel": matrix}


def _example(name: str) -> dict[str, Any]:
    made = _made(name, kernels.make(name))
    return made | {"kernel": made["kernel"].tolist()}


@router.get(
    "/kernels",
    summary="List the named kernels",
    responses=json_response("KernelList") | problem_responses(*CATALOGUE_PROBLEMS),
    operation_id="list_kernels",
)
async def list_kernels(request: Request) -> Response:
    """Every kernel that can be used by name, with what it detects, its parameters and the source of its numbers."""
    negotiate(header(request.scope, b"accept"), (JSON,))
    return unless_known(request, write_json({"kernels": [_described(name) for name in kernels.names()]}), JSON)


@router.get(
    "/kernels/{name}",
    summary="Make a named kernel",
    responses=json_response("KernelAnswer", _example("sobel_y"), {NPY: {}, BYTES: {}})
    | problem_responses(
        *CATALOGUE_PROBLEMS, "not-found", "unknown-kernel-parameter", "kernel-parameter-invalid", "invalid-field"
    ),
    openapi_extra={
        "parameters": [
            {
                "name": "parameters",
                "in": "query",
                "description": "The kernel's own parameters, each as a query argument: `?size=5&sigma=1.2`.",
                "schema": {"type": "object", "additionalProperties": {"type": "number"}},
                "style": "form",
                "explode": True,
            }
        ]
    },
    operation_id="get_kernel",
)
async def get_kernel(request: Request, name: str) -> Response:
    """A kernel's numbers, made with the parameters given as query arguments."""
    media_type = negotiate(header(request.scope, b"accept"), (JSON, NPY, BYTES))
    if name not in kernels.names():
        try:
            kernels.describe(name)
        except kernels.UnknownKernel as error:
            raise HttpProblem("not-found", error.detail) from None
    parameters = _query_parameters(request)
    try:
        matrix = kernels.make(name, **parameters)
    except kernels.KernelError as error:  # a query has the parameters themselves, and no kernel around them
        raise type(error)(error.detail, error.pointer.removeprefix("/kernel")) from None

    def answer() -> Response:
        if media_type in (NPY, BYTES):
            return unless_known(request, write_npy(matrix), media_type, shape_headers(matrix.shape, matrix.dtype.name))
        return unless_known(request, write_json(_made(name, matrix)), JSON)

    return await asyncio.to_thread(answer) if matrix.size > _MANY_TAPS else answer()


@router.get(
    "/limits",
    summary="List the limits in force",
    responses=json_response("Limits") | problem_responses(*CATALOGUE_PROBLEMS),
    operation_id="list_limits",
)
async def list_limits(request: Request) -> Response:
    """Every limit on a request, with its number, and the methods by name."""
    negotiate(header(request.scope, b"accept"), (JSON,))
    limits = service_of(request).settings.limits()
    return Computed(Written(write_json({"limits": limits, "methods": list(engine.METHODS)}), JSON))


def _query_parameters(request: Request) -> dict[str, Any]:
    """Return query arguments as the numbers they spell; what spells none is left for the kernel to refuse."""
    given = request.query_params.multi_items()
    for name, times in Counter(name for name, _ in given).items():
        if times > 1:
            raise HttpProblem("invalid-field", f"{name[:60]} was given {times} times; give it once", f"/{name}")
    return {name: _number(text) for name, text in given}


def _number(text: str) -> int | float | str:
    if _INTEGER.fullmatch(text):
        return int(text)
    value = float(text) if _NUMBER.fullmatch(text) else math.inf
    return value if math.isfinite(value) else text
