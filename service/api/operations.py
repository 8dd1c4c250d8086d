"""The operations' routes, all made by one factory: negotiate, read, call one operation, write its answer.

A small request is worked on where it is, on the event loop: handing it to a thread would cost more than it does. It is
told by its bytes, and once its plan is known by its estimated time; whatever turns out to be more work than that, if
only while it is done, goes to a slot like every other.

What is somewhat larger, a brief one, waits for a slot, and is then worked on by the event loop too, unless longer work
is in progress. Measured on a layer of 0.4 MB of JSON: 2.5 ms there, 3.1 ms by way of a thread.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cache, partial
from typing import Any

from pydantic import BaseModel
from starlette.requests import Request
from starlette.responses import Response

from service.drawing.maps import unbounded
from service.engine import Cancelled, Control
from service.operations.answer import Answer
from service.operations.limits import Work, WorkLimits
from service.wire import ContentEncoding, write_json
from service.wire.arrays import count_of

from .admission import Ticket
from .answers import DRAWN_TRACES, Computed, Written, write_answer
from .bodies import Body, Reader, gather, validated
from .compression import accepted_encoding, compressed
from .errors import TooMuchForTheLoop
from .headers import header
from .negotiation import BYTES, JSON, NPY, PICTURES, ZIP, acceptable, negotiate
from .record import Record, record_of
from .state import Service, service_of

Operation = Callable[[Any, int, WorkLimits, Control], Answer]
Plan = Callable[[Any, int, WorkLimits], dict[str, Any]]
Job = Callable[[WorkLimits, Control], Written]

ARRAY_FORMS = (JSON, NPY, BYTES, ZIP)
PICTURE_FORMS = (*ARRAY_FORMS, *PICTURES)
_BYTES_A_SECOND = 50e6  # of bodies read and answers written, roughly: for the order of the queue
_BRIEF_BYTES, _BRIEF_SECONDS = 8, 2  # what is brief may have this many times the bytes and the seconds of what is small
_SURELY_SMALL_BYTES = 16 * 1024  # what is nested in so few is read before it is counted
_NESTED, _MOST_NESTED = (b"[", b"{", b'"'), 4 * 1024  # of JSON: each may stand for what is looked at by itself
_MOST_NUMBERS = 32 * 1024  # of what is brief
_OVERRUN = 5  # times its estimate that something may take on the event loop before it is given up there


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
    quick
        Whether the plan tells all of the work, so that a small request may be worked on at once.
    several
        Whether an answer may have more than one array.
    """

    path: str
    model: type[BaseModel]
    rank: int
    run: Operation
    offered: Sequence[str] = PICTURE_FORMS
    quick: bool = True
    several: bool = False

    async def __call__(self, request: Request) -> Response:
        """Answer one request."""
        media_types = self._media_types(header(request.scope, b"accept"))
        encoding = accepted_encoding(header(request.scope, b"accept-encoding"))
        written = await _worked_out(
            request,
            partial(self._work, media_types, encoding),
            quick_bytes=sys.maxsize if self.quick and set(media_types) <= set(ARRAY_FORMS) else 0,
            as_text=JSON in media_types,
            plain=encoding is None,
        )
        return Computed(written)

    def _media_types(self, accept: str | None) -> list[str]:
        """Return the media type that a client prefers, and behind one that may not hold the answer the next best."""
        taken = acceptable(accept, self.offered)
        unsure = (*PICTURES, *DRAWN_TRACES, *((NPY, BYTES) if self.several else ()))
        sure = next((index for index, media_type in enumerate(taken) if media_type not in unsure), len(taken))
        return taken[: sure + 1]

    def _work(
        self,
        media_types: Sequence[str],
        encoding: ContentEncoding | None,
        record: Record,
        read: Reader,
        limits: WorkLimits,
        control: Control,
    ) -> Written:
        with record.timings.phase("decode"):
            request = validated(self.model, read())
        with record.timings.phase("compute"):
            answer = self.run(request, self.rank, limits, control)
        record.macs = answer.fields.get("plan", {}).get("macs", 0)
        control.check()
        with record.timings.phase("encode"):
            return compressed(write_answer(answer, media_types, self.rank, limits.admit_drawing or unbounded), encoding)


@dataclass(frozen=True, slots=True)
class Planning:
    """One route that plans without computing.

    Attributes
    ----------
    path, model, rank, run
        As of `Computation`.
    quick_bytes
        Requests up to this size, and up to that of small ones, are worked on at once.
    """

    path: str
    model: type[BaseModel]
    rank: int
    run: Plan
    quick_bytes: int = sys.maxsize

    async def __call__(self, request: Request) -> Response:
        """Answer one request."""
        negotiate(header(request.scope, b"accept"), (JSON,))
        encoding = accepted_encoding(header(request.scope, b"accept-encoding"))
        job = partial(self._work, encoding)
        written = await _worked_out(request, job, quick_bytes=self.quick_bytes, as_text=True, plain=encoding is None)
        return Computed(written)

    def _work(
        self, encoding: ContentEncoding | None, record: Record, read: Reader, limits: WorkLimits, control: Control
    ) -> Written:
        with record.timings.phase("decode"):
            request = validated(self.model, read())
        control.check()
        with record.timings.phase("compute"):
            plan = self.run(request, self.rank, limits)
        with record.timings.phase("encode"):
            return compressed(Written(write_json(plan), JSON), encoding)


async def _worked_out(
    request: Request, work: Callable[..., Written], *, quick_bytes: int, as_text: bool, plain: bool
) -> Written:
    """Return what `work` makes of a request: on the event loop if it is small, or brief and not to be compressed."""
    service, record = service_of(request), record_of(request.scope)
    ticket = record.ticket = Ticket()
    body = await gather(request, service, ticket)
    record.bytes_in = body.size
    job = partial(work, record, body.read)
    quick_bytes = 0 if body.opaque else min(quick_bytes, _BRIEF_BYTES * service.settings.inline_bytes)
    quick = body.size <= quick_bytes and (body.size <= _SURELY_SMALL_BYTES or _count(_NESTED, body) <= _MOST_NESTED)
    if quick and body.size <= service.settings.inline_bytes:
        begin = time.perf_counter()
        try:
            return await _at_once(job, service.inline_limits if plain else service.compressed_limits, service)
        except TooMuchForTheLoop:
            record.timings.restart()
            record.timings.add("queue", time.perf_counter() - begin)  # for all that came of it
            quick = False
    ticket.cost = body.size / _BYTES_A_SECOND
    limits = replace(
        service.work_limits,
        admit=partial(_reserve, service, ticket, body, as_text),
        admit_drawing=lambda size: service.admission.reserve(ticket, ticket.reserved + size),
    )
    brief: Callable[[Control], Written] | None = None
    if plain and quick and body.as_json and _count((b",",), body) <= _MOST_NUMBERS:
        job = partial(work, record, cache(body.read))  # read once, even where it turns out not to be brief
        briefly = replace(limits, admit=partial(_reserve_briefly, service, ticket, body, as_text))

        def brief(control: Control) -> Written:
            watched = replace(control, cancelled=lambda: ticket.ended() or service.stopwatch.over())
            return _on_the_loop(partial(job, briefly, watched), service, _BRIEF_SECONDS)

    written = await service.work.run(partial(job, limits), ticket, record.timings, request.receive, brief)
    service.admission.release(ticket, kept=len(written.body))
    return written


def _count(marks: Sequence[bytes], body: Body) -> int:
    return sum(count_of(mark, text) for text in body.texts for mark in marks)


async def _at_once(job: Job, limits: WorkLimits, service: Service) -> Written:
    await service.pace.turn()
    begin = time.perf_counter()
    written = _on_the_loop(partial(job, limits, service.inline_control), service, 1)
    service.pace.took(time.perf_counter() - begin)
    return written


def _on_the_loop(job: Callable[[], Written], service: Service, times: float) -> Written:
    """Do a job that should take up to so many times what is small, and give it up where it takes far longer.

    Raises
    ------
    TooMuchForTheLoop
        Then, or if it is told by its plan.
    """
    service.stopwatch.begin(_OVERRUN * times * service.settings.inline_seconds)
    try:
        return job()
    except Cancelled:
        if service.stopwatch.over():
            raise TooMuchForTheLoop from None
        raise


def _reserve(service: Service, ticket: Ticket, body: Body, as_text: bool, work: Work) -> None:
    """Refuse work for which there is no memory before any of it is allocated."""
    service.admission.reserve(ticket, body.size + work.memory_bytes(as_text=as_text))


def _reserve_briefly(service: Service, ticket: Ticket, body: Body, as_text: bool, work: Work) -> None:
    """Refuse work that would hold up the event loop, and then as `_reserve` does."""
    service.keep_short(_BRIEF_SECONDS * service.settings.inline_seconds, float(as_text), work)
    _reserve(service, ticket, body, as_text, work)
