"""Working memory beyond input and output: inside the budget for every method and shape, and what the plan says."""

from __future__ import annotations

import tracemalloc
from typing import Any

import numpy as np
import pytest

from service.engine import METHODS, Control, conv, estimate, plan_conv
from service.engine.control import DEFAULT_BUDGET_BYTES

SHAPES: dict[str, tuple[Any, Any, dict[str, Any]]] = {
    "picture": ((1, 1, 2500, 2500), (1, 1, 15, 15), {"padding": "same", "padding_mode": "reflect"}),
    "layer": ((1, 64, 112, 112), (64, 64, 3, 3), {"padding": 1}),
    "deep layer": ((2, 512, 14, 14), (512, 512, 3, 3), {"padding": 1}),
    "depthwise": ((1, 256, 112, 112), (256, 1, 3, 3), {"padding": 1, "groups": 256}),
    "signal": ((1, 1, 4_000_000), (1, 1, 301), {}),
    "volume": ((1, 8, 60, 60, 60), (8, 8, 3, 3, 3), {"padding": 1}),
    "strided channels": ((1, 256, 60, 60), (1, 256, 7, 7), {"stride": 3, "dilation": 2}),
    "first layer": ((1, 3, 300, 300), (64, 3, 7, 7), {"padding": 3, "stride": 2}),
    "wide padding": ((1, 1, 4, 4), (1, 1, 3, 3), {"padding": 900, "padding_mode": "symmetric"}),
}
SLOW = {
    ("direct", "deep layer"),
    ("fft", "deep layer"),
    ("direct", "layer"),
    ("fft", "layer"),
    ("banded", "deep layer"),
}
SLOW |= {("direct", "picture"), ("direct", "signal"), ("gemm", "picture"), ("banded", "layer"), ("gemm", "signal")}


def peak_beyond_output(x: Any, w: Any, method: str, options: dict[str, Any], control: Control) -> int:
    tracemalloc.start()
    try:
        out = conv(x, w, method=method, control=control, **options)
        return tracemalloc.get_traced_memory()[1] - out.nbytes
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize(
    ("method", "name"),
    [
        (method, name)
        for method in ("auto", *METHODS)
        for name, (x, w, options) in SHAPES.items()
        if (method, name) not in SLOW
        and (method == "auto" or not METHODS[method].unsuitable(plan_conv(x, w, **options)))
    ],
)
def test_working_memory_stays_inside_the_budget(method: str, name: str) -> None:
    shape, kernel, options = SHAPES[name]
    x = np.broadcast_to(np.float32(0.5), shape)
    plan = plan_conv(shape, kernel, **options)
    w = np.ones(kernel, np.float32)
    peak = peak_beyond_output(x, w, method, options, Control(threads=2))
    assert peak <= DEFAULT_BUDGET_BYTES
    if method != "auto":
        # A thread's scratch memory may be left from an earlier call, so the peak can be below the estimate.
        said = estimate(plan, np.float32, Control(threads=2))[method].working_bytes
        assert peak <= 1.5 * said + w.nbytes + 500_000
        assert said <= DEFAULT_BUDGET_BYTES


@pytest.mark.parametrize("threads", [1, 2])
def test_columns_of_many_channels_stay_inside_a_small_budget(threads: int) -> None:
    """As many columns as make a product fast would take 96 · 4096 · 9 values of 4 bytes: 14 MB."""
    x, w = np.broadcast_to(np.float32(0.5), (1, 4096, 14, 14)), np.ones((4, 4096, 3, 3), np.float32)
    budget = 8 * 1024 * 1024
    assert peak_beyond_output(x, w, "gemm", {"padding": 1}, Control(threads=threads, budget_bytes=budget)) <= budget
