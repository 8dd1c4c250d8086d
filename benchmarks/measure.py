"""Times that can be compared: every contestant in turn, round after round, so that a busy moment strikes all alike."""

from __future__ import annotations

import time
import tracemalloc
from collections.abc import Mapping
from dataclasses import dataclass
from statistics import median, quantiles

import numpy as np

from benchmarks.cases import Case
from benchmarks.contestants import PEERS, Call, this_engine

ENGINE = "engine"


@dataclass(frozen=True)
class Row:
    """One case: the median seconds of each contestant, how far the engine's times spread, its peak memory in bytes."""

    case: Case
    seconds: dict[str, float]
    spread: float
    peak_bytes: int


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
            start = time.perf_counter()
            call()
            times[name].append(time.perf_counter() - start)
    middle = {name: median(taken) for name, taken in times.items()}
    low, _, high = quantiles(times[ENGINE], n=4)
    return Row(case, middle, (high - low) / middle[ENGINE], peak_memory(calls[ENGINE]))


def check_agreement(case: Case, calls: Mapping[str, Call]) -> None:
    """Raise ArithmeticError if a peer's answer is not the engine's, within the rounding of so many terms."""
    ours = calls[ENGINE]()
    terms = float(np.prod(case.kernel_shape[1:]))
    tolerance = 8 * float(np.finfo(case.dtype).eps) * terms  # the data are of unit variance
    for name, call in calls.items():
        theirs = call()
        if theirs.shape != ours.shape or float(np.abs(theirs - ours).max()) > tolerance:
            raise ArithmeticError(f"{name} and the engine disagree on {case.name}: their times cannot be compared")


def peak_memory(call: Call) -> int:
    """Return the most bytes that Python and NumPy held at once during one call, its output included."""
    tracemalloc.start()
    try:
        call()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def table(rows: list[Row]) -> str:
    """Return the rows as a Markdown table; in brackets how many times as fast as that peer the engine is."""
    peers = list(PEERS)
    lines = [
        "| case | engine, ms | spread | peak, MB | " + " | ".join(f"{name}, ms" for name in peers) + " |",
        "| --- | ---: | ---: | ---: |" + " ---: |" * len(peers),
    ]
    for row in rows:
        ours = row.seconds[ENGINE]
        cells = [row.case.name, f"{ours * 1e3:.3g}", f"{row.spread:.0%}", f"{row.peak_bytes / 1e6:.1f}"]
        for name in peers:
            theirs = row.seconds.get(name)
            cells.append("" if theirs is None else f"{theirs * 1e3:.3g} ({theirs / ours:.2g}×)")
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)
