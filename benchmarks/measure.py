"""Times that can be compared: every contestant in turn, round after round, so that a busy moment strikes all alike."""

from __future__ import annotations

import time
import tracemalloc
from collections.abc import Mapping
from dataclasses import dataclass
from math import exp, log
from statistics import fmean, median, quantiles
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.cases import Case
from benchmarks.contestants import PEERS, Answer, Call, this_engine
from service import engine

ENGINE = "engine"
SETTLE_SECONDS = 0.02
"""How long is waited before a contestant's turn: the idle threads of the one before still spin for a moment."""


@dataclass(frozen=True)
class Row:
    """One case: the median seconds of each contestant, how far the engine's times spread, its peak memory in bytes."""

    case: Case
    seconds: dict[str, float]
    spread: float
    peak_bytes: int

    def ratio(self, peer: str) -> float | None:
        """How many times as fast as a peer the engine is."""
        return self.seconds[peer] / self.seconds[ENGINE] if peer in self.seconds else None


def measure(case: Case, threads: int, rounds: int) -> Row:
    """Check that all contestants answer the same, then time them in turn."""
    calls: dict[str, Call] = {ENGINE: this_engine(case, threads)}
    for name, contestant in PEERS.items():
        call = contestant(case, threads)
        if call is not None:
            calls[name] = call
    check_agreement(case, calls)

    times: dict[str, list[float]] = {name: [] for name in calls}
    for _ in range(rounds):
        for name, call in calls.items():
            time.sleep(SETTLE_SECONDS)
            call()  # its data and code are in the cache again, and its threads awake
            start = time.perf_counter()
            call()
            times[name].append(time.perf_counter() - start)
    middle = {name: median(taken) for name, taken in times.items()}
    low, _, high = quantiles(times[ENGINE], n=4)
    return Row(case, middle, (high - low) / middle[ENGINE], peak_memory(calls[ENGINE]))


def check_agreement(case: Case, calls: Mapping[str, Call]) -> None:
    """Raise ArithmeticError if a peer's answer is not the engine's, within the rounding of so many terms."""
    ours = _arrays(calls[ENGINE]())
    tolerances = (_tolerance(case), _kernel_tolerance(case))[: len(ours)]
    for name, call in calls.items():
        theirs = _arrays(call())
        if len(theirs) != len(ours) or not all(map(_agree, theirs, ours, tolerances)):
            raise ArithmeticError(f"{name} and the engine disagree on {case.name}: their times cannot be compared")


def _arrays(answer: Answer) -> tuple[NDArray[Any], ...]:
    return answer if isinstance(answer, tuple) else (answer,)


def _agree(theirs: NDArray[Any], ours: NDArray[Any], tolerance: float) -> bool:
    """Whether two arrays are the same within a tolerance; what is not a number is never."""
    return theirs.shape == ours.shape and float(np.abs(theirs - ours).max()) <= tolerance


def _kernel_tolerance(case: Case) -> float:
    """Return the same for a kernel's gradient: a sum over all positions of values times sums of so many terms."""
    positions = case.macs / float(np.prod(case.kernel_shape)) if case.op == "gradients" else 0.0
    return 8 * float(np.finfo(case.dtype).eps) * positions * float(np.prod(case.kernel_shape[1:]))


def _tolerance(case: Case) -> float:
    """Return by how much two right answers may differ: the rounding of so many terms of unit variance.

    Where the engine takes a method that spreads its error, that is the bound that it promises of such a method instead:
    4·√taps·ε·max|x|·max over filters of Σ|k|.
    """
    terms, eps = float(np.prod(case.kernel_shape[1:])), float(np.finfo(case.dtype).eps)
    if case.op == "conv":
        options: dict[str, Any] = {"stride": case.stride, "padding": case.padding, "groups": case.groups}
        plan = engine.plan_conv(case.input_shape, case.kernel_shape, **options)
        if not engine.METHODS[engine.choose(plan, case.dtype)].local:
            values, weights = case.arrays()
            widest = np.abs(weights).reshape(len(weights), -1).sum(axis=1).max()
            return 4 * float(terms**0.5) * eps * float(np.abs(values).max() * widest)
    tolerance = 8 * eps * terms
    if case.op in ("gradients", "transposed"):
        tolerance *= max(case.kernel_shape[:2]) * (terms if case.op == "gradients" else 1)
    return tolerance


def peak_memory(call: Call) -> int:
    """Return the most bytes that Python and NumPy held at once during one call, its output included."""
    tracemalloc.start()
    try:
        call()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def table(rows: list[Row], limits: Mapping[str, float] | None = None) -> str:
    """Return the rows as a Markdown table; in brackets how many times as fast as that peer the engine is.

    `limits` are the seconds by case name that the machine allows at best.
    """
    peers = list(PEERS)
    limit = [" limit, ms |", " ---: |"] if limits is not None else ["", ""]
    lines = [
        "| case | engine, ms | spread | peak, MB |"
        + limit[0]
        + " "
        + " | ".join(f"{name}, ms" for name in peers)
        + " |",
        "| --- | ---: | ---: | ---: |" + limit[1] + " ---: |" * len(peers),
    ]
    for row in rows:
        ours = row.seconds[ENGINE]
        cells = [row.case.name, f"{ours * 1e3:.3g}", f"{row.spread:.0%}", f"{row.peak_bytes / 1e6:.1f}"]
        if limits is not None:
            cells.append(f"{limits[row.case.name] * 1e3:.3g}")
        for name in peers:
            ratio = row.ratio(name)
            cells.append("" if ratio is None else f"{row.seconds[name] * 1e3:.3g} ({ratio:.2g}×)")
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def means(rows: list[Row]) -> str:
    """Return a Markdown table of the ratios to each peer, by kind of case and dtype.

    The median stands beside the geometric mean, which a few slips of a peer can carry far away.
    """
    lines = [
        "| cases | dtype | peer | geometric mean | median | lowest | of |",
        "| --- | --- | --- | ---: | ---: | ---: | ---: |",
    ]
    kinds = list(dict.fromkeys(row.case.kind for row in rows))
    layers = [kind for kind in kinds if kind.endswith("layers") and kind != "depthwise layers"]
    groups = {kind: {kind} for kind in kinds} | ({"all layers but depthwise": set(layers)} if len(layers) > 1 else {})
    for name, members in groups.items():
        for dtype in sorted({row.case.dtype for row in rows}):
            for peer in PEERS:
                chosen = [row for row in rows if row.case.kind in members and row.case.dtype == dtype]
                ratios = [ratio for row in chosen if (ratio := row.ratio(peer)) is not None]
                if ratios:
                    mean = exp(fmean(map(log, ratios)))
                    numbers = f"{mean:.2f}× | {median(ratios):.2f}× | {min(ratios):.2f}× | {len(ratios)}"
                    lines.append(f"| {name} | {dtype} | {peer} | {numbers} |")
    return "\n".join(lines)
