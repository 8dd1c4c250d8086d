"""The operations' routes, all made by one factory: negotiate, read, call one operation, write its answer."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel
from starlette.requests import Request
from starlette.responses import Response

from service.engine import Control
from service.operations.answer import Answer
from service.operations.limits import WorkLimits
from service.wire import write_json

from .answers import Written, write_answer
from .bodies import Reader, gather, validated
from .middleware import Timings
from .negotiation import BYTES, JSON, NPY, PICTURES, ZIP, negotiate
from .state import service_of

Operation = Callable[[Any, int, WorkLimits, Control], Answer]
Plan = Callable[[Any, int, WorkLimits], dict[str, Any]]

ARRAY_FORMS = (JSON, NPY, BYTES, ZIP)
PICTURE_FORMS = (*ARRAY_FORMS, *PICTURES)


@dataclass(frozen=True, slots=True)
class Computation:
    """One route that computes.

    Attributes
    ----------
    path
        Below ``/v1``, such as ``/conv2d``.
    model
        The request's schema.
    rank
        Spatial axes.
    run
        The operation.
    offered
        Media types of the answer, JSON first.
    """

    path: str
    model: type[BaseModel]
    rank: int
    run: Operation
    offered: Sequence[str] = PICTURE_FORMS

    async def __call__(self, request: Request) -> Response:
        """Answer one request."""
        media_type = negotiate(request.headers.get("accept"), self.offered)
        service = service_of(request)
        settings = service.settings
        read = await gather(request, settings.read_limits(), settings.body_seconds)
        timings: Timings = request.state.timings
        control = Control(budget_bytes=settings.working_bytes)
        limits = settings.work_limits()
        written = await service.slots.run(lambda: self._work(read, media_type, limits, control, timings), timings)
        headers = {**written.headers, "Vary": "Accept"}
        return Response(written.body, headers=headers, media_type=written.media_type)

    def _work(self, read: Reader, media_type: str, limits: WorkLimits, control: Control, timings: Timings) -> Written:
        with timings.phase("decode"):
            request = validated(self.model, read())
        with timings.phase("compute"):
            answer = self.run(request, self.rank, limits, control)
        with timings.phase("encode"):
            return write_answer(answer, media_type, self.rank)


@dataclass(frozen=True, slots=True)
class Planning:
    """One route that plans without computing; attributes as of `Computation`."""

    path: str
    model: type[BaseModel]
    rank: int
    run: Plan

    async def __call__(self, request: Request) -> Response:
        """Answer one request."""
        negotiate(request.headers.get("accept"), (JSON,))
        service = service_of(request)
        settings = service.settings
        read = await gather(request, settings.read_limits(), settings.body_seconds)
        timings: Timings = request.state.timings
        limits = settings.work_limits()
        body = await service.slots.run(lambda: self._work(read, limits, timings), timings)
        return Response(body, media_type=JSON)

    def _work(self, read: Reader, limits: WorkLimits, timings: Timings) -> bytes:
        with timings.phase("decode"):
            request = validated(self.model, read())
        with timings.phase("compute"):
            plan = self.run(request, self.rank, limits)
        with timings.phase("encode"):
            return write_json(plan)
