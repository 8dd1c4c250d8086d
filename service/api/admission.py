"""Who may work, and how much at once: by bytes and estimated time, before anything is allocated.

Small requests are worked on at once on the event loop (:class:`Pace` keeps them from starving the others). Everything
else takes three steps: a place in the bounded queue, memory for its body and arrays, and one of the slots. Whatever
finds no room is refused with a 503 and costs nothing more.

All workers share one queue, one memory budget and one set of slots through the board: each reads the sum and adds to
its own column. Two that look at the same moment may both enter, so a bound may be passed by one request a worker.
"""

from __future__ import annotations

import asyncio
import heapq
import itertools
import math
import threading
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from .board import Board
from .errors import ClientGone, HttpProblem

WAITING, RUNNING, RESERVED = "waiting", "running", "reserved_bytes"
IN_FLIGHT = (WAITING, RUNNING, RESERVED)
"""What the board holds of requests in flight; zero again when their worker dies."""

_LOOK_AGAIN_SECONDS = 0.002  # how often a worker looks whether another has freed what its own requests wait for


@dataclass(frozen=True, slots=True)
class Bounds:
    """How much is worked on at once, by all workers together.

    Attributes
    ----------
    slots
        Requests that are worked on.
    queue_length
        Requests that wait, for memory or a slot.
    memory_bytes
        Memory of all requests together: bodies, arrays, answers.
    """

    slots: int
    queue_length: int
    memory_bytes: int


@dataclass(slots=True)
class Ticket:
    """What one request holds, and whether it is still wanted.

    Attributes
    ----------
    cost
        Seconds that it may take, roughly: whoever costs less goes first, and time spent waiting counts.
    deadline
        When it must be done, by the monotonic clock.
    reserved
        Bytes of the memory budget.
    gone
        Whether its client has left.
    turn
        Done when its wait for a slot is over; None unless it waits.
    """

    cost: float = 0.0
    deadline: float = math.inf
    reserved: int = 0
    gone: bool = False
    turn: asyncio.Future[None] | None = None

    def leave(self) -> None:
        """End the wait or the computation: nobody wants its result."""
        self.gone = True
        if self.turn is not None and not self.turn.done():
            self.turn.set_exception(ClientGone())

    def ended(self) -> bool:
        """Whether to stop computing: asked by the engine between blocks."""
        return self.gone or time.monotonic() > self.deadline


@dataclass(order=True, slots=True)
class _Place:
    """A place in the queue of one worker."""

    rank: float
    number: int
    turn: asyncio.Future[None] = field(compare=False)


class Admission:
    """The queue, the memory and the slots of one worker, bounded together with those of all others."""

    def __init__(self, bounds: Bounds, board: Board) -> None:
        self.bounds = bounds
        self._board = board
        self._queue: list[_Place] = []
        self._numbers = itertools.count()
        self._reserving = threading.Lock()  # jobs reserve in their threads
        self._looking: asyncio.TimerHandle | None = None

    @property
    def full(self) -> bool:
        """Whether the next request that needs a slot would be refused."""
        return self._board.total(WAITING) >= self.bounds.queue_length and not self._free_slot()

    def refuse_if_full(self) -> None:
        """Refuse a request that would need a slot before its body is read."""
        if self.full:
            raise self._queue_full()

    def reserve(self, ticket: Ticket, wanted: int) -> None:
        """Have a request hold `wanted` bytes of memory, or as many as it holds already.

        Raises
        ------
        HttpProblem
            If the others leave no room: with 503, or with 422 if there could never be room.
        """
        more = wanted - ticket.reserved
        if more <= 0:
            return
        with self._reserving:
            self.refuse_without_room(wanted, more)
            self._board.add(RESERVED, more)
        ticket.reserved += more

    def refuse_without_room(self, wanted: int, more: int | None = None) -> None:
        """Refuse what takes `wanted` bytes, `more` of them beyond what it holds, if there is no room for it.

        Raises
        ------
        HttpProblem
            As `reserve`.
        """
        budget = self.bounds.memory_bytes
        if wanted > budget:
            raise HttpProblem(
                "limit-exceeded",
                f"this takes about {wanted:,} bytes of memory, and max_memory_bytes is {budget:,}; "
                "send less data at once, or ask for fewer outputs",
                name="max_memory_bytes",
                limit=budget,
                actual=wanted,
            )
        if self._board.total(RESERVED) + (wanted if more is None else more) > budget:
            raise saturated("the memory for requests is taken", "memory")

    def release(self, ticket: Ticket, kept: int = 0) -> None:
        """Give back a request's memory, but for what is kept until its answer is sent."""
        spare = ticket.reserved - kept
        if spare > 0:
            with self._reserving:
                self._board.add(RESERVED, -spare)
            ticket.reserved = kept

    @asynccontextmanager
    async def slot(self, ticket: Ticket) -> AsyncIterator[int]:
        """Wait for a slot and hold it; gives the number of requests that then have one.

        Raises
        ------
        HttpProblem
            If the queue is full, or the deadline passes.
        ClientGone
            If the client leaves.
        """
        if self._queue or not self._free_slot():
            await self._wait(ticket)
        else:
            self._board.add(RUNNING)
        try:
            yield int(self._board.total(RUNNING))
        finally:
            self._board.add(RUNNING, -1)
            self._call_next()

    def _queue_full(self) -> HttpProblem:
        length = self.bounds.queue_length
        return saturated(f"{length} requests wait already" if length else "every slot is taken", "queue")

    async def _wait(self, ticket: Ticket) -> None:
        """Stand in the queue; returns with a slot."""
        if self._board.total(WAITING) >= self.bounds.queue_length:
            raise self._queue_full()
        turn = ticket.turn = asyncio.get_running_loop().create_future()
        heapq.heappush(self._queue, _Place(time.monotonic() + ticket.cost, next(self._numbers), turn))
        self._board.add(WAITING)
        self._look_again()
        try:
            async with asyncio.timeout_at(asyncio.get_running_loop().time() + ticket.deadline - time.monotonic()):
                await turn
        except BaseException as error:
            if turn.done() and not turn.cancelled() and turn.exception() is None:  # the slot came at the same moment
                self._board.add(RUNNING, -1)
            if isinstance(error, TimeoutError):
                raise saturated("no slot became free in time", "deadline") from None
            raise
        finally:
            turn.cancel()
            ticket.turn = None
            self._board.add(WAITING, -1)
            self._call_next()

    def _free_slot(self) -> bool:
        """Whether this worker may start one more: where any is free, and up to its own share in any case."""
        slots = self.bounds.slots
        own_share = slots // self._board.workers
        return self._board.own(RUNNING) < own_share or self._board.total(RUNNING) < slots

    def _call_next(self) -> None:
        while self._queue and self._free_slot():
            turn = heapq.heappop(self._queue).turn
            if not turn.done():
                self._board.add(RUNNING)
                turn.set_result(None)
        self._look_again()

    def _look_again(self) -> None:
        """Come back while something waits: slots that other workers free do not call here."""
        if self._looking is None and self._queue:
            self._looking = asyncio.get_running_loop().call_later(_LOOK_AGAIN_SECONDS, self._looked)

    def _looked(self) -> None:
        self._looking = None
        self._call_next()


def saturated(what: str, reason: str) -> HttpProblem:
    """Return the refusal of a request for which there is no room just now."""
    return HttpProblem("saturated", f"{what}; try again shortly", headers={"Retry-After": "1"}, reason=reason)
