"""The limits on work, checked from a plan before anything is allocated."""

from __future__ import annotations

import math
import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache
from itertools import accumulate
from math import prod
from operator import mul
from typing import Any

from service import engine
from service.engine.borders import PADDING_MODES

from .errors import LimitExceeded

_LESS = "send less data at once"
_LESS_KERNEL = "use fewer filters or channels, or a smaller kernel"
# What would help, by limit and kind of plan: what makes a convolution smaller makes a transposed one larger.
_MENDS: dict[str, dict[str, str]] = {
    "max_input_elements": dict.fromkeys(("conv", "conv_transpose", "pool", "adaptive", "network"), _LESS),
    "max_kernel_elements": {
        "conv": _LESS_KERNEL,
        "conv_transpose": _LESS_KERNEL,
        "network": "give the largest layer fewer filters, channels or features, or a smaller kernel",
    },
    "max_output_elements": {
        "conv": f"{_LESS}, or ask for fewer outputs: a larger stride, fewer filters, less padding",
        "conv_transpose": f"{_LESS}, or ask for fewer outputs: a smaller stride, fewer filters, more padding",
        "pool": f"{_LESS}, or ask for fewer outputs: a larger stride, less padding",
        "adaptive": "ask for a smaller output_size, or send fewer samples or channels at once",
        "network": f"{_LESS}, make the largest layer's output smaller, or ask for the last layer's alone",
    },
    "max_padded_elements": {
        "conv": "pad by less, or send a smaller input",
        "conv_transpose": "use a smaller stride, dilation or kernel, or send a smaller input",
        "network": "pad convolutions by less, and give transposed ones a smaller stride, dilation or kernel",
    },
    "max_macs": {
        "conv": f"{_LESS}, or compute less of it: a larger stride, fewer filters, a smaller kernel",
        "conv_transpose": f"{_LESS}, or use fewer filters or a smaller kernel",
        "pool": f"{_LESS}, or read less of it: a larger stride, a smaller kernel_size",
        "adaptive": "ask for a smaller output_size, or send fewer samples or channels at once",
        "network": f"{_LESS}, or give the layers fewer filters or smaller kernels",
    },
}
# Most of the time goes into the work, and most of the memory into the arrays: less of these helps.
_MENDS["deadline_seconds"] = _MENDS["max_macs"]
_MENDS["max_memory_bytes"] = _MENDS["max_output_elements"]
_NOUNS = {
    "max_macs": "multiply-accumulates",
    "max_memory_bytes": "bytes of memory",
    "deadline_seconds": "seconds of computing on all cores",
}

_READ_BYTES = 8  # a value as it is read: a float64 from JSON, or one from a picture and its copy in the result's dtype
_DIGITS_BYTES = 24  # a value in an answer's text, at most
_MACS_A_SECOND = 2e9
_ELEMENTS_A_SECOND = 1e8
_ROUND_SECONDS = 15e-6
_NORM_PARTS = 20  # of a window whose powers overflow: 0.1 ms
_NAMED_PARTS = 10  # of one that a method asked for by name goes through by itself: 0.05 ms
_SHOWN_DIGITS = 6  # of seconds, behind the point
_FOLDS_A_READ = 10  # time that a cell of a copied padding takes on the way back, in cells that are read


@dataclass(frozen=True, slots=True)
class WorkLimits:
    """What one request may ask for.

    Attributes
    ----------
    max_output_elements
        Values in an answer's largest array, or that any one layer of a network makes.
    max_kernel_elements
        Values in a kernel, or in the weights of any one layer of a network.
    max_macs
        Multiply-accumulates of a computation (of a pool: cells read).
    max_input_elements
        Values in the input. Reading a request refuses more before this does; a plan without data has only this.
    max_padded_elements
        Values in one plane with its padding, of any one layer of a network. A window may span all of it however few its
        taps are, so that a few bytes of a request could else ask for any amount of memory.
    max_memory_bytes
        Memory of a request's arrays. The text that they come in, or are answered in, is judged when it is there.
    deadline_seconds, cores
        Time that the work may take, as estimated, on so many cores.
    working_bytes
        Memory that one computation may take beyond input and output; methods are chosen by it, and nothing is refused.
    admit
        Asked once the work is known and before any of it is done; raises where there is no room for it.
    admit_drawing
        Told the bytes that a drawing of the answer takes, before any is taken; likewise.
    """

    max_output_elements: int
    max_kernel_elements: int
    max_macs: int
    max_input_elements: int = sys.maxsize
    max_padded_elements: int = sys.maxsize
    max_memory_bytes: int = sys.maxsize
    deadline_seconds: float = math.inf
    cores: int = 1
    working_bytes: int = engine.Control().budget_bytes
    admit: Callable[[Work], None] | None = None
    admit_drawing: Callable[[int], None] | None = None


@dataclass(frozen=True)
class Work:
    """What a plan would cost, in the units of the limits.

    Attributes
    ----------
    output_elements
        What the answer holds, in its largest array.
    kernel_elements, input_elements
        Values in the kernel, of a network in its largest layer's weights, and in the input.
    macs
        Multiply-accumulates; of a pool the cells read.
    item_bytes
        Of a value of the result.
    padded_elements
        Values in one plane with its padding.
    rounds
        How often Python begins anew whatever the method: for each sample, and of a transposed convolution's each phase.
    parts
        Samples' planes and maps, and taps: what some methods go through one by one; and a norm's windows, each several
        times, as where its powers overflow.
    read_elements
        The cells that convolutions read, their padding among them: a few bytes may ask for many.
    largest_output, passed_elements, inner_elements
        Of a network, else 0: what the layer that makes most makes; what it holds at once beside the answer, a layer's
        input and its output; and what all layers make that is not answered.
    output_lists
        Lists that an answer's largest array is nested in.
    also_answered
        What further answers hold beside the largest: those of a backward pass, a pool's indices.
    """

    output_elements: int
    kernel_elements: int
    macs: int
    rounds: int = 0
    parts: int = 0
    input_elements: int = 0
    item_bytes: int = 8
    padded_elements: int = 0
    read_elements: int = 0
    largest_output: int = 0
    passed_elements: int = 0
    inner_elements: int = 0
    output_lists: int = 0
    also_answered: int = 0

    def memory_bytes(self, *, as_text: bool) -> int:
        """Return the memory of the arrays and of the answer: each value's digits if it is text, or the value."""
        if not as_text:
            return self.array_bytes
        return self.array_bytes + (self.output_elements + self.also_answered) * (_DIGITS_BYTES - self.item_bytes)

    @cached_property
    def array_bytes(self) -> int:
        """Memory of the arrays, and of an answer that is no text."""
        read = self.input_elements + self.kernel_elements
        answered = 2 * (self.output_elements + self.also_answered) + self.passed_elements
        return read * _READ_BYTES + answered * self.item_bytes

    @cached_property
    def seconds(self) -> float:
        """Time on one core that it would take, within a factor of a few."""
        moved = max(self.input_elements, self.read_elements) + self.output_elements + self.inner_elements
        return self.macs / _MACS_A_SECOND + moved / _ELEMENTS_A_SECOND + self.rounds * _ROUND_SECONDS


@lru_cache(1024)
def work_of(plan: Any, item_bytes: int = 8) -> Work:
    """Return what an engine plan would cost, with values of `item_bytes` in the result."""
    kernel = getattr(plan, "kernel_shape", ())
    macs = plan.macs if hasattr(plan, "macs") else plan.operations
    convolution = isinstance(plan, (engine.ConvPlan, engine.ConvTransposePlan))
    read = engine.cells_read(plan) if convolution else getattr(plan, "read_elements", 0)
    rounds, parts = _pieces(plan) if convolution else (0, _NORM_PARTS * _norms(plan))
    return Work(
        output_elements=prod(plan.output_shape),
        kernel_elements=prod(kernel) if kernel else 0,
        macs=macs,
        rounds=rounds,
        parts=parts,
        input_elements=prod(plan.input_shape),
        item_bytes=item_bytes,
        padded_elements=padded_elements(plan),
        read_elements=read,
        largest_output=getattr(plan, "largest_output", 0),
        passed_elements=getattr(plan, "passed_elements", 0),
        inner_elements=getattr(plan, "inner_elements", 0),
        output_lists=sum(accumulate(plan.output_shape[:-1], mul)),
    )


def _backward(work: Work, plan: Any) -> Work:
    """Return what a plan's backward pass would cost.

    It answers what is shaped as the input and the kernel, and as the kernel once more after a step of descent; where a
    kernel is as large as the input, that is far more than the output. Python begins anew for each tap.
    """
    answered = work.input_elements + 2 * (work.kernel_elements + getattr(plan, "filters", 0))
    largest = max(work.output_elements, work.input_elements, work.kernel_elements)
    rounds = work.rounds + (prod(plan.kernel_size) if work.kernel_elements else 0)
    return replace(
        work,
        output_elements=largest,
        also_answered=max(0, answered - largest),
        rounds=rounds,
        read_elements=work.read_elements + _folded_elements(plan),
    )


def _folded_elements(plan: Any) -> int:
    """Return what folding the gradient of a copied padding back costs, in cells that are read."""
    if not isinstance(plan, engine.ConvPlan) or PADDING_MODES[plan.padding_mode].source is None:
        return 0
    margin = padded_elements(plan) - prod(plan.input_size)
    return _FOLDS_A_READ * plan.batch * plan.channels * margin


def _pieces(plan: engine.ConvPlan | engine.ConvTransposePlan) -> tuple[int, int]:
    """Return a convolution's rounds and parts."""
    taps = prod(plan.kernel_size)
    phases = 1
    if isinstance(plan, engine.ConvTransposePlan):  # taps that lie a stride apart meet the same cells of the output
        phases = prod(map(min, plan.stride, plan.kernel_size))
    return plan.batch * phases, plan.batch * (plan.channels + plan.filters) + taps


def _norms(plan: Any) -> int:
    """Return a pool's windows whose cells are raised to a power."""
    return prod(plan.output_shape) if isinstance(plan, engine.PoolPlan) and plan.kind == "lp" and plan.p > 1 else 0


def padded_elements(plan: Any) -> int:
    """Return the cells of one plane with its padding; a transposed convolution's is the output before it is cut."""
    if not isinstance(plan, (engine.ConvPlan, engine.ConvTransposePlan)):
        return getattr(plan, "padded_elements", 0)  # a network's; a pool reads no window as a whole
    size = plan.output_size if isinstance(plan, engine.ConvTransposePlan) else plan.input_size
    return prod(n + before + after for n, (before, after) in zip(size, plan.padding, strict=True))


def exceeded(work: Work, limits: WorkLimits) -> tuple[str, float, float] | None:
    """Return the first limit that the work is beyond, as (name, limit, actual), or None."""
    pairs: tuple[tuple[str, float, float], ...] = (
        ("max_input_elements", limits.max_input_elements, work.input_elements),
        ("max_kernel_elements", limits.max_kernel_elements, work.kernel_elements),
        ("max_output_elements", limits.max_output_elements, max(work.output_elements, work.largest_output)),
        ("max_padded_elements", limits.max_padded_elements, work.padded_elements),
        ("max_macs", limits.max_macs, work.macs),
        ("max_memory_bytes", limits.max_memory_bytes, work.array_bytes),
        ("deadline_seconds", limits.deadline_seconds, work.seconds / limits.cores),
    )
    for name, limit, actual in pairs:
        if actual > limit:
            return name, limit, round(actual, _SHOWN_DIGITS)
    return None


def too_many_read(elements: int, limits: WorkLimits) -> tuple[str, float, float] | None:
    """Return the limit, as `exceeded` does, that reading refuses a request by whose arrays hold so many elements."""
    limit = limits.max_input_elements
    return ("max_input_elements", limit, elements) if elements > limit else None


def check_work(
    plan: Any,
    limits: WorkLimits,
    item_bytes: int = 8,
    *,
    backward: bool = False,
    also_answered: int = 0,
    method: str = "auto",
) -> None:
    """Refuse a plan beyond a limit, or its backward pass, by some method; `also_answered` is as of `Work`.

    Raises
    ------
    LimitExceeded
        With the limit's name, its number and the actual one.
    """
    work = work_of(plan, item_bytes)
    if backward:
        work = _backward(work, plan)
    if also_answered:
        work = replace(work, also_answered=also_answered)
    if method != "auto":
        work = replace(work, parts=_NAMED_PARTS * work.parts)
    found = exceeded(work, limits)
    if found is None:
        if limits.admit is not None:
            limits.admit(work)
        return
    name, limit, actual = found
    what = _NOUNS.get(name, name.removeprefix("max_").replace("_", " "))
    mend = _MENDS[name][_kind(plan)]
    raise LimitExceeded(
        f"this asks for {actual:,} {what}, and {name} is {limit:,}; {mend}", "", name=name, limit=limit, actual=actual
    )


def _kind(plan: Any) -> str:
    if isinstance(plan, engine.ConvTransposePlan):
        return "conv_transpose"
    if isinstance(plan, engine.PoolPlan):
        return "adaptive" if plan.adaptive else "pool"
    return "conv" if isinstance(plan, engine.ConvPlan) else "network"
