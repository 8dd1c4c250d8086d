"""Work off the event loop: a thread a slot, an end to its time, and an end when its client leaves."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import replace
from typing import Any, TypeVar

from starlette.types import Receive

from service.engine import Cancelled, Control

from .admission import Admission, Ticket
from .errors import ClientGone, HttpProblem, TooMuchForTheLoop
from .giving_back import give_back
from .timings import Timings

T = TypeVar("T")

_LAST_SECONDS = 5.0
_IDLE_SECONDS = 1.0  # without work in this worker, after which its free memory is given back
_GIVE_BACK_SECONDS = 5.0  # after which that is done beside the work too: it would grow by a tenth a minute
_ASIDE_SECONDS, _ASIDE_EVERY = 0.0002, 0.008  # how long a thread stands aside for the event loop, and how often
_NICENESS = 5  # a third of the event loop's weight: health and small requests are answered while all cores compute


class Work:
    """Runs jobs in threads, as many at once as :class:`Admission` lets.

    Parameters
    ----------
    admission
        Who may work.
    deadline_seconds
        How long a request may take from when its body is here, waiting included.
    working_bytes
        Memory of one computation beyond input and output.
    cores
        Cores that the computations of all workers share.

    Attributes
    ----------
    control
        How everything is computed, here and on the event loop: cut up for all cores, however many of them are free, so
        that a request is answered alike whatever else is in progress.
    """

    def __init__(self, admission: Admission, deadline_seconds: float, working_bytes: int, cores: int) -> None:
        self.admission = admission
        self._deadline_seconds = deadline_seconds
        self._cores = cores
        self.control = Control(threads=cores, at_once=1, budget_bytes=working_bytes)
        self._jobs: set[Future[Any]] = set()
        self._long = 0
        self._idle: asyncio.TimerHandle | None = None
        self._give_back_at = 0.0
        self._threads = ThreadPoolExecutor(admission.bounds.slots, thread_name_prefix="slot", initializer=_step_back)

    async def run(
        self,
        job: Callable[[Control], T],
        ticket: Ticket,
        timings: Timings,
        receive: Receive,
        brief: Callable[[Control], T] | None = None,
    ) -> T:
        """Return a job's result, worked out in a slot; its time in the queue goes into `timings`.

        `brief` does the same on the event loop, or raises :class:`TooMuchForTheLoop`. It is asked first unless longer
        jobs are in progress, which it would hold up: a thread takes a while to be handed a body that another core has
        in its cache, and reading and writing keep the interpreter from the loop wherever they run.

        Raises
        ------
        HttpProblem
            If there is no room, or the work runs past its deadline.
        ClientGone
            If the client leaves first: a job that waits then never begins, one that computes ends between two blocks.
        """
        ticket.deadline = time.monotonic() + self._deadline_seconds
        watcher = asyncio.create_task(_watch(receive, ticket))
        asked = time.perf_counter()
        running_job: Future[T] | None = None
        try:
            async with self.admission.slot(ticket) as running:
                control = replace(self.control, cancelled=ticket.ended)
                long = brief is None
                if brief is not None and not self._long:
                    await asyncio.sleep(0)  # the loop looks after others between two of them
                    timings.add("queue", time.perf_counter() - asked)
                    control.check()
                    try:
                        return brief(control)
                    except TooMuchForTheLoop:
                        long = True
                        timings.restart()
                polite = _Polite(ticket.ended)
                control = replace(control, cancelled=polite.ended, at_once=max(1, self._cores // running))

                def begin() -> T:
                    timings.add("queue", time.perf_counter() - asked)
                    control.check()
                    return job(control)

                running_job = self._threads.submit(begin)
                self._jobs.add(running_job)
                running_job.add_done_callback(self._jobs.discard)
                self._long += long
                try:
                    return await asyncio.wrap_future(running_job)
                finally:
                    self._long -= long
        except Cancelled:
            if ticket.gone:
                raise ClientGone from None
            raise self._too_late() from None
        finally:
            ticket.leave()  # whatever ends the wait for it ends the computation
            watcher.cancel()
            self._keep_memory_flat()
            # It holds what was raised, whose traceback holds this frame: a circle, and in it all arrays of a refusal.
            del running_job

    def _keep_memory_flat(self) -> None:
        """Have free memory given back now and then while there is work, and once there is none."""
        loop = asyncio.get_running_loop()
        if loop.time() >= self._give_back_at:
            if self._give_back_at:
                self._give_back()
            self._give_back_at = loop.time() + _GIVE_BACK_SECONDS
        if self._idle is not None:
            self._idle.cancel()
        self._idle = loop.call_later(_IDLE_SECONDS, self._looked)

    def _looked(self) -> None:
        self._idle = None
        if not self._jobs:
            self._give_back()

    def _give_back(self) -> None:
        with contextlib.suppress(RuntimeError):  # the threads are at their end
            self._threads.submit(give_back)

    def _too_late(self) -> HttpProblem:
        seconds = self._deadline_seconds
        return HttpProblem(
            "cancelled",
            f"the work was not done after {seconds:g} seconds, waiting included; try again, or ask for less at once",
            headers={"Retry-After": "1"},
            reason="deadline",
            limit=seconds,
        )

    def close(self) -> None:
        """End the threads; a job that nobody wants any more gets a moment to see it, and does not hold up the stop."""
        if self._idle is not None:
            self._idle.cancel()
        self._threads.shutdown(wait=False, cancel_futures=True)
        left = wait(self._jobs.copy(), _LAST_SECONDS).not_done
        if left:
            logging.getLogger("service").error("%d jobs did not end within %g s of the stop", len(left), _LAST_SECONDS)


def _step_back() -> None:
    """Let the event loop go before this thread, and the engine's that it starts, where they want the same core."""
    if sys.platform == "linux":  # elsewhere a priority is the whole process's
        with contextlib.suppress(OSError):
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), _NICENESS)


class _Polite:
    """Asks between blocks whether to stop, and stands aside for a moment now and then.

    NumPy lets go of the interpreter for each operation and takes it back before the event loop is awake to take it, so
    that a thread of many small ones could keep it away for half a second.
    """

    def __init__(self, ended: Callable[[], bool]) -> None:
        self._ended = ended
        self._next = 0.0

    def ended(self) -> bool:
        """Whether to stop."""
        now = time.monotonic()
        if now >= self._next:
            if self._next:
                time.sleep(_ASIDE_SECONDS)
            self._next = now + _ASIDE_EVERY
        return self._ended()


async def _watch(receive: Receive, ticket: Ticket) -> None:
    """Wait for the client to leave; its body is here, so nothing else can come."""
    while (await receive())["type"] != "http.disconnect":
        pass
    ticket.leave()
