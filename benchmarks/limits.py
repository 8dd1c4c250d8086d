"""The machine's limits, measured beside the cases: no convolution by definition can be faster than both allow."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from statistics import median
from typing import Any

import numpy as np

from benchmarks.cases import Case


@dataclass(frozen=True)
class Limits:
    """Multiply-accumulates a second of NumPy's matrix product, for each dtype, and bytes a second of a copy."""

    products: dict[str, float]
    bytes: float

    def seconds(self, case: Case) -> float:
        """Return what a case takes at least: its products at full speed, or its arrays moved once."""
        return max(case.macs / self.products[case.dtype], case.moved_bytes / self.bytes)


def measure_limits(threads: int) -> Limits:
    """Measure them, on so many threads."""
    products = {}
    for dtype in ("float32", "float64"):
        a = np.random.default_rng(1).standard_normal((1024, 1024)).astype(dtype)
        products[dtype] = 1024**3 / typical(lambda a=a: np.matmul(a, a))  # type: ignore[misc]  # bound at once
    source = np.ones(8 * 1024 * 1024, np.float32)
    target = np.empty_like(source)
    halves = np.array_split(np.arange(source.size), threads)
    slices = [slice(int(part[0]), int(part[-1]) + 1) for part in halves]

    def copy(part: slice) -> None:
        target[part] = source[part]

    with ThreadPoolExecutor(threads) as pool:
        return Limits(products, 2 * source.nbytes / typical(lambda: list(pool.map(copy, slices))))


def typical(call: Callable[[], Any], rounds: int = 9) -> float:
    """Return the median seconds of a call."""
    taken = []
    for _ in range(rounds):
        start = time.perf_counter()
        call()
        taken.append(time.perf_counter() - start)
    return median(taken)
