"""What a caller may say about how a computation runs, as against what it computes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from .errors import Cancelled

DEFAULT_BUDGET_BYTES = 64 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Control:
    """How a computation runs.

    Attributes
    ----------
    cancelled
        Asked between blocks; when it answers True the computation ends with :class:`~service.engine.errors.Cancelled`.
    threads
        Threads that a computation may use; None lets it use the machine's cores.
    budget_bytes
        Working memory beyond input and output.
    """

    cancelled: Callable[[], bool] | None = None
    threads: int | None = None
    budget_bytes: int = DEFAULT_BUDGET_BYTES

    def check(self) -> None:
        """Raise `Cancelled` if the caller asked to stop."""
        if self.cancelled is not None and self.cancelled():
            raise Cancelled


DEFAULT_CONTROL = Control()
