"""How long one piece of work holds up the event loop, so that it is given up where its estimate was far too low.

An estimate knows the shapes alone: a method asked for by name, or numbers of unusual sizes, may take many times as
long.
"""

from __future__ import annotations

import time


class Stopwatch:
    """Tells when the event loop has worked on something for too long; on one thing at a time, as it does."""

    def __init__(self) -> None:
        self._seconds = self._begin = self._used = 0.0

    def begin(self, seconds: float) -> None:
        """Let what begins now take so many seconds."""
        self._seconds, self._begin, self._used = seconds, time.perf_counter(), time.thread_time()

    def over(self) -> bool:
        """Whether it has taken more; what it waited for a core does not count."""
        if time.perf_counter() - self._begin <= self._seconds:  # which is asked for sooner
            return False
        return time.thread_time() - self._used > self._seconds
