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
        How many threads a computation is cut up for; None cuts it for the machine's cores. Sums that are cut otherwise
        may round otherwise.
    at_once
        How many of these run beside each other; None lets all. The answer is the same whatever this is, bit for bit.
    budget_bytes
        Working memory beyond input and output.
    on_method
        Told the name of the method that computes, once it is chosen.
    plain_sums
        Whether ``"auto"`` takes only methods that add up each output's own products, which others come to on other
        ways: a step that shows the products then shows where the output is from.
    """

    cancelled: Callable[[], bool] | None = None
    threads: int | None = None
    at_once: int | None = None
    budget_bytes: int = DEFAULT_BUDGET_BYTES
    on_method: Callable[[str], None] | None = None
    plain_sums: bool = False

    def check(self) -> None:
        """Raise `Cancelled` if the caller asked to stop."""
        if self.cancelled is not None and self.cancelled():
            raise Cancelled

    def report_method(self, name: str) -> None:
        """Tell the caller which method computes."""
        if self.on_method is not None:
            self.on_method(name)


DEFAULT_CONTROL = Control()
