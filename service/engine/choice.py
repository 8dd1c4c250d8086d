"""Which method computes a convolution: the cheapest that keeps the contract.

The plan alone gives each method's cost. The data may then rule some out, since the contract is the definition's
(docs/semantics.md, 12 and 13): a method that is not local takes only finite data of tame range, and none where sums of
integers must come out exact; where these come near the last integer of a float64, so does only one that adds in order.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from itertools import product
from math import ceil, gcd, prod
from typing import Any

import numpy as np

from .arguments import quoted
from .control import DEFAULT_BUDGET_BYTES, DEFAULT_CONTROL, Control
from .errors import MethodNotApplicable, UnknownMethod
from .geometry import plan_conv
from .machine import MACHINE
from .methods import METHODS
from .methods.method import Method
from .methods.work import reaches_far
from .parallel import available_threads
from .phases import axis_phases, of_taps_that_meet
from .plans import ConvPlan, ConvTransposePlan
from .precision import Survey
from .scattering import scatters
from .spreading import sizes_of, spreads

MOST_SEPARABLE = 16
"""Filters up to which it pays to look whether all are separable."""
TINY = 1000
"""Products up to which the definition itself is taken, whatever else might save a microsecond of them."""
WORTH_SHARING = 900e-6
"""Seconds of one thread's work from which more threads take part: to wake and to await them takes some too."""

_MANY_PHASES = 64
_NAMES = ("auto", *METHODS)


@dataclass(frozen=True, slots=True)
class Estimate:
    """What a method would cost.

    Attributes
    ----------
    seconds
        Roughly, on the threads that there are.
    working_bytes
        Memory beyond input and output, at its peak.
    """

    seconds: float
    working_bytes: int


def choose(
    plan: ConvPlan | ConvTransposePlan,
    dtype: Any = np.float64,
    method: str = "auto",
    control: Control | None = None,
) -> str:
    """Return the name of the method that computes a plan, for data of tame range, within the control's memory budget.

    Raises
    ------
    UnknownMethod
        If `method` is not the name of one.
    MethodNotApplicable
        If the method asked for by name cannot compute this plan, or, where `control` is given, not within its budget.

    Examples
    --------
    >>> choose(plan_conv((1, 1, 5, 5), (1, 1, 3, 3)))
    'direct'
    """
    checked_method(method)
    if isinstance(plan, ConvTransposePlan):
        sizes = sizes_of(plan)
        if scatters(sizes, method):
            return "direct"
        if spreads(sizes, np.dtype(dtype).itemsize, method, control or DEFAULT_CONTROL):
            return "gemm"
    phases = _phases(plan) if isinstance(plan, ConvTransposePlan) else [plan]
    if not phases:  # padding may leave only positions that no input reaches
        return "direct"
    forward = _main_phase(plan) if isinstance(plan, ConvTransposePlan) else plan
    if method != "auto":
        (named,) = {_named(phase, method) for phase in phases}
        if control is not None:
            for part in (forward, *phases):
                if not _unsuitable(named, part):  # the largest kernel's taps may not all meet something
                    _check_budget(named, part, np.dtype(dtype).itemsize, control)
        return named.name
    budget = (control or DEFAULT_CONTROL).budget_bytes
    return next(m for m in _within_budget(forward, np.dtype(dtype).itemsize, budget) if not m.by_values).name


def estimate(
    plan: ConvPlan | ConvTransposePlan, dtype: Any = np.float64, control: Control | None = None
) -> dict[str, Estimate]:
    """Return what every method that can compute a plan would cost, by name, as ``"auto"`` considers them.

    That is the cheapest on one thread first, but ``"direct"`` before all where the work is tiny.

    Examples
    --------
    >>> sorted(estimate(plan_conv((1, 2, 9), (3, 2, 4), stride=2)))
    ['banded', 'direct', 'fft', 'gemm']
    """
    forward = _main_phase(plan) if isinstance(plan, ConvTransposePlan) else plan
    itemsize = np.dtype(dtype).itemsize
    found = {}
    for method in _ranked(forward, itemsize):
        threads = threads_for(method, forward, itemsize, control or DEFAULT_CONTROL)
        seconds = seconds_of(method, forward, itemsize) / threads
        found[method.name] = Estimate(seconds, method.working_bytes(forward, itemsize, threads))
    return found


def threads_for(method: Method, plan: ConvPlan, itemsize: int, control: Control) -> int:
    """Return how many threads a computation is shared among: if it is worth it, and as the memory budget allows."""
    if seconds_of(method, plan, itemsize) <= WORTH_SHARING:
        return 1
    threads = available_threads(control)
    while threads > 1 and method.working_bytes(plan, itemsize, threads) > control.budget_bytes:
        threads -= 1
    return threads


def method_for(plan: ConvPlan, itemsize: int, survey: Survey, method: str, control: Control) -> Method:
    """Return the method that computes `plan` on the data surveyed; the result's items have so many bytes.

    With ``"auto"`` it keeps to the memory budget too, unless it is too small for any; then the thriftiest is taken.

    Raises
    ------
    UnknownMethod
        If `method` is not the name of one.
    MethodNotApplicable
        If the method asked for by name cannot compute this plan, or not on this data, or not within the budget.
    """
    if checked_method(method) == "auto":
        ranked = _within_budget(plan, itemsize, control.budget_bytes)
        open_to_it = filter(_sums_products, ranked) if control.plain_sums else ranked
        return next(candidate for candidate in open_to_it if keeps_contract(candidate, plan, survey))
    named = _named(plan, method)
    _check_budget(named, plan, itemsize, control)
    if not named.local and not survey.finite:
        raise MethodNotApplicable(
            f'method "{method}" would spread what is not finite over the whole answer, and the '
            f'{"kernel" if survey.input_finite else "input"} holds such a value; use "auto", "direct" or "gemm"',
            "method",
        )
    return named


def keeps_contract(method: Method, plan: ConvPlan, survey: Survey) -> bool:
    """Return whether a method's answer on this data is as good as the definition's."""
    if method.in_order:
        return True
    if method.by_values and not (plan.filters <= MOST_SEPARABLE and survey.separated[-1] is not None):
        return False
    if survey.integers:
        return method.local and survey.sums_small
    if method.local:
        return True
    return plan.taps >= method.least_taps and survey.averages_out(method.tile_error(plan)) and survey.tame


@lru_cache(maxsize=1024)
def seconds_of(method: Method, plan: ConvPlan, itemsize: int) -> float:
    """Return what one thread takes; to work it out may take as long as a small convolution."""
    return method.seconds(plan, itemsize, MACHINE)


@lru_cache(maxsize=256)
def _ranked(plan: ConvPlan, itemsize: int) -> tuple[Method, ...]:
    """Return the methods that can compute a plan, the one to take first."""
    able = {name: method for name, method in METHODS.items() if not _unsuitable(method, plan)}
    costs = {name: seconds_of(method, plan, itemsize) for name, method in able.items()}
    if plan.macs <= TINY:
        costs["direct"] = 0.0
    return tuple(METHODS[name] for name in sorted(costs, key=costs.__getitem__))


@lru_cache(maxsize=256)
def _within_budget(plan: ConvPlan, itemsize: int, budget_bytes: int) -> tuple[Method, ...]:
    """Return the ranked methods that keep to a memory budget, and last the thriftiest of those that can do all."""
    ranked = _ranked(plan, itemsize)
    needs = {method.name: method.working_bytes(plan, itemsize, 1) for method in ranked}
    least = min(filter(_sums_products, ranked), key=lambda m: needs[m.name])
    # And direct, whose sums are right for all data.
    return (*(method for method in ranked if needs[method.name] <= budget_bytes), least, METHODS["direct"])


def _sums_products(method: Method) -> bool:
    """Whether each output is the sum of its own products, in some order; then it can compute all data too."""
    return method.local and not method.by_values


def checked_method(name: Any) -> str:
    """Return `name` if it is one that `method` takes.

    Raises
    ------
    UnknownMethod
    """
    if not isinstance(name, str) or name not in _NAMES:
        raise UnknownMethod(f'method is "{str(name)[:40]}"; it must be {quoted(_NAMES)}', "method")
    return name


def _unsuitable(method: Method, plan: ConvPlan) -> str:
    """Return why a method cannot compute a plan, as the end of a sentence, or nothing."""
    if not method.any_reach and reaches_far(plan):
        return f"it reads windows as a whole, and one of this kernel spans {prod(plan.span):,} cells"
    return method.unsuitable(plan)


def _check_budget(method: Method, plan: ConvPlan, itemsize: int, control: Control) -> None:
    """Refuse a method asked for by name that would take more memory than the usual budget, or a larger one.

    What is said supposes the usual budget; blocks are cut to a smaller one where they can be.
    """
    needs, budget = method.working_bytes(plan, itemsize, 1), max(control.budget_bytes, DEFAULT_BUDGET_BYTES)
    if needs > budget and method is not METHODS["direct"]:
        raise MethodNotApplicable(
            f'method "{method.name}" would take {needs:,} bytes of working memory for this, and the budget is '
            f'{budget:,}; use "auto" or "direct"',
            "method",
        )


def _named(plan: ConvPlan, name: Any) -> Method:
    checked_method(name)
    reason = _unsuitable(METHODS[name], plan)
    if reason:
        raise MethodNotApplicable(f'method "{name}" cannot do this: {reason}; use "auto" or another', "method")
    return METHODS[name]


def _phases(plan: ConvTransposePlan) -> list[ConvPlan]:
    """Return a forward convolution of every kernel size that a transposed one consists of; none if nothing is reached.

    Its input is as large as its kernel spans, at least: of the edges, where fewer cells are met, nothing is told. Where
    there are very many along an axis, of which most are alike, the largest stands for all.
    """
    if any(k > _MANY_PHASES < s for k, s in zip(plan.kernel_size, plan.stride, strict=True)):
        return [_main_phase(plan)]
    axes = zip(
        plan.padding, plan.output_size, plan.input_size, plan.kernel_size, plan.stride, plan.dilation, strict=True
    )
    kinds = []
    for (before, _), size, cells, taps, stride, dilation in axes:
        met = [of_taps_that_meet(p, cells) for p in axis_phases(before, before + size, cells, taps, stride, dilation)]
        kinds.append({(len(range(taps)[p.taps]), p.dilation) for p in met if p is not None})
    found = []
    for kind in product(*map(sorted, kinds)):
        kernel, dilation = zip(*kind, strict=True)
        size = [max(n, d * (k - 1) + 1) for n, k, d in zip(plan.input_size, kernel, dilation, strict=True)]
        shapes = (plan.batch, plan.channels, *size), (plan.filters, plan.channels // plan.groups, *kernel)
        found.append(plan_conv(*shapes, dilation=dilation, groups=plan.groups))
    return found


def _main_phase(plan: ConvTransposePlan) -> ConvPlan:
    """Return the largest of the forward convolutions that a transposed one consists of (see `transposed`)."""
    axes = list(zip(plan.input_size, plan.kernel_size, plan.stride, plan.dilation, plan.output_size, strict=True))
    kernel = tuple(ceil(k / (s // gcd(s, d))) for _, k, s, d, _ in axes)
    dilation = tuple(d // gcd(s, d) for _, _, s, d, _ in axes)
    wanted = [ceil(out / s) + d * (k - 1) - n for (n, _, s, _, out), k, d in zip(axes, kernel, dilation, strict=True)]
    grown = tuple(n + min(0, w) for (n, *_), w in zip(axes, wanted, strict=True))
    return plan_conv(
        (plan.batch, plan.channels, *grown),
        (plan.filters, plan.channels // plan.groups, *kernel),
        padding=[(max(0, w) // 2, max(0, w) - max(0, w) // 2) for w in wanted],
        dilation=dilation,
        groups=plan.groups,
    )
