"""How long a request spent in each phase: what Server-Timing, the log and the metrics say."""

from __future__ import annotations

import time

PHASES = ("decode", "queue", "compute", "encode")


class Timings:
    """Seconds spent in each phase of one request; phases follow one another."""

    __slots__ = ("_begin", "_phase", "seconds")

    def __init__(self) -> None:
        self.seconds = dict.fromkeys(PHASES, 0.0)

    def phase(self, name: str) -> Timings:
        """Return a context that adds the time spent inside to a phase."""
        self._phase = name
        return self

    def __enter__(self) -> None:
        self._begin = time.perf_counter()

    def __exit__(self, *raised: object) -> None:
        self.seconds[self._phase] += time.perf_counter() - self._begin

    def add(self, name: str, seconds: float) -> None:
        """Add seconds to a phase."""
        self.seconds[name] += seconds

    def restart(self) -> None:
        """Forget what was spent: the work begins again elsewhere."""
        self.seconds = dict.fromkeys(PHASES, 0.0)

    def header(self) -> str:
        """Return the value of Server-Timing, in milliseconds."""
        return ", ".join([f"{name};dur={spent * 1000:.3f}" for name, spent in self.seconds.items()])
