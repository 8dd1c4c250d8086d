"""Where the work is done: a bounded number of threads, a bounded queue before them, and a refusal beyond that."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from .errors import HttpProblem
from .middleware import Timings

T = TypeVar("T")


class Slots:
    """Runs jobs off the event loop, as many at once as there are slots.

    Parameters
    ----------
    slots
        Jobs that run at once.
    queue_length
        Jobs that may wait; one more is refused.
    """

    def __init__(self, slots: int, queue_length: int) -> None:
        self._executor = ThreadPoolExecutor(slots, thread_name_prefix="slot")
        self._room = slots + queue_length
        self._admitted = 0

    async def run(self, job: Callable[[], T], timings: Timings) -> T:
        """Return a job's result; its time in the queue goes into `timings`.

        Raises
        ------
        HttpProblem
            If every slot is taken and the queue is full.
        """
        if self._admitted >= self._room:
            raise HttpProblem(
                "saturated",
                f"{self._room} requests are being worked on or waiting; try again shortly",
                headers={"Retry-After": "1"},
            )
        self._admitted += 1
        asked = time.perf_counter()

        def begin() -> T:
            timings.add("queue", time.perf_counter() - asked)
            return job()

        try:
            return await asyncio.get_running_loop().run_in_executor(self._executor, begin)
        finally:
            self._admitted -= 1

    @property
    def full(self) -> bool:
        """Whether the next job would be refused."""
        return self._admitted >= self._room

    def close(self) -> None:
        """Wait for the jobs that run and end the threads."""
        self._executor.shutdown(wait=True, cancel_futures=True)
