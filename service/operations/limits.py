"""The limits on work, checked from a plan before anything is allocated."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass
from math import prod
from typing import Any

from .errors import LimitExceeded

_MEND = "send less data at once, or ask for fewer outputs: a larger stride, fewer filters, less padding"

_ARRAY_BYTES = 8
_ANSWER_BYTES = 32  # a float64 and its digits
_MACS_A_SECOND = 2e9
_ELEMENTS_A_SECOND = 1e8


@dataclass(frozen=True, slots=True)
class WorkLimits:
    """What one request may ask for.

    Attributes
    ----------
    max_output_elements
        Values in an answer's largest array.
    max_kernel_elements
        Values in a kernel.
    max_macs
        Multiply-accumulates of a computation (of a pool: cells read).
    max_input_elements
        Values in the input. Reading a request refuses more before this does; a plan without data has only this.
    admit
        Asked once the work is known and before any of it is done; raises where there is no room for it.
    """

    max_output_elements: int
    max_kernel_elements: int
    max_macs: int
    max_input_elements: int = sys.maxsize
    admit: Callable[[Work], None] | None = None


@dataclass(frozen=True, slots=True)
class Work:
    """What a plan would cost, in the units of the limits."""

    output_elements: int
    kernel_elements: int
    macs: int
    input_elements: int = 0

    @property
    def memory_bytes(self) -> int:
        """Memory of the arrays and of the answer's text, as float64 and JSON need it: other forms need less."""
        return (self.input_elements + self.kernel_elements) * _ARRAY_BYTES + self.output_elements * _ANSWER_BYTES

    @property
    def seconds(self) -> float:
        """Time on one core that it would take, within a factor of a few."""
        return self.macs / _MACS_A_SECOND + (self.input_elements + self.output_elements) / _ELEMENTS_A_SECOND


def work_of(plan: Any) -> Work:
    """Return what an engine plan would cost."""
    kernel = getattr(plan, "kernel_shape", ())
    macs = plan.macs if hasattr(plan, "macs") else plan.operations
    return Work(prod(plan.output_shape), prod(kernel) if kernel else 0, macs, prod(plan.input_shape))


def exceeded(work: Work, limits: WorkLimits) -> tuple[str, int, int] | None:
    """Return the first limit that the work is beyond, as (name, limit, actual), or None."""
    pairs = (
        ("max_input_elements", limits.max_input_elements, work.input_elements),
        ("max_kernel_elements", limits.max_kernel_elements, work.kernel_elements),
        ("max_output_elements", limits.max_output_elements, work.output_elements),
        ("max_macs", limits.max_macs, work.macs),
    )
    return next(((name, limit, actual) for name, limit, actual in pairs if actual > limit), None)


def check_work(plan: Any, limits: WorkLimits) -> None:
    """Refuse a plan beyond a limit.

    Raises
    ------
    LimitExceeded
        With the limit's name, its number and the actual one.
    """
    work = work_of(plan)
    found = exceeded(work, limits)
    if found is None:
        if limits.admit is not None:
            limits.admit(work)
        return
    name, limit, actual = found
    what = name.removeprefix("max_").replace("_", " ").replace("macs", "multiply-accumulates")
    raise LimitExceeded(
        f"this asks for {actual:,} {what}, and {name} is {limit:,}; {_MEND}", "", name=name, limit=limit, actual=actual
    )
