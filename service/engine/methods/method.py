"""What there is to know about a method without running it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from service.engine.machine import Machine
from service.engine.plans import ConvPlan

from .work import Work


@dataclass(frozen=True, slots=True, eq=False)
class Method:
    """A way to compute a convolution.

    Attributes
    ----------
    name
        What `method` takes.
    compute
        Fills ``work.out``.
    unsuitable
        Why it cannot compute a plan, as the end of a sentence; empty if it can.
    seconds
        (plan, bytes of an item, machine) → what one thread takes.
    working_bytes
        (plan, bytes of an item, threads) → memory beyond input and output, at its peak.
    local
        Whether each output feels its own window alone. What is not spreads rounding, and what is not finite, over
        more than that.
    least_taps
        Products an output from which it keeps the engine's error bound; with fewer it keeps the bound of so many.
    tile_error
        What a method that spreads rounding may be off by for a lone tap of 1, in ε·max|x|: so much times the largest
        √Σw² of a filter, where that is more than the engine's bound. Zero if it never is.
    in_order
        Whether it adds the products of an output one by one in the order of channels and taps, so that its partial
        sums are those of plain summation.
    by_values
        Whether the kernel's values, beside its shape, decide if it can.
    any_reach
        Whether it has no need of whole windows beside each other in a block, so that taps may lie far apart.
    """

    name: str
    compute: Callable[[Work], None]
    unsuitable: Callable[[ConvPlan], str]
    seconds: Callable[[ConvPlan, int, Machine], float]
    working_bytes: Callable[[ConvPlan, int, int], int]
    local: bool = True
    least_taps: int = 1
    tile_error: Callable[[ConvPlan], float] = lambda _: 0.0
    in_order: bool = False
    by_values: bool = False
    any_reach: bool = False
