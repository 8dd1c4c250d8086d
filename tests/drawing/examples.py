"""Traces to draw, each of another kind."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from service import engine
from service.operations.trace import conv_trace, conv_transpose_trace, pool_trace
from service.schemas import trace as schemas
from service.schemas.traced import Trace
from tests.operations.examples import WIDE as LIMITS

RAMP = np.arange(10, 251, 10).reshape(5, 5)
EDGE = np.array([[1, 0, -1]] * 3)


def conv(rank: int = 2, **fields: Any) -> Trace:
    model: type[schemas.ConvTraceRequest] = schemas.Conv1dTraceRequest if rank == 1 else schemas.ConvTraceRequest
    return conv_trace(model(**fields), rank, LIMITS, engine.Control())


def transposed(**fields: Any) -> Trace:
    return conv_transpose_trace(schemas.ConvTransposeTraceRequest(**fields), 2, LIMITS, engine.Control())


def pooled(rank: int = 2, **fields: Any) -> Trace:
    return pool_trace(schemas.PoolTraceRequest(**fields), rank, LIMITS, engine.Control())


def anchor(**fields: Any) -> Trace:
    """S4: a 5 x 5 ramp by a 3 x 3 edge kernel, nine times -60."""
    return conv(input=RAMP, kernel=EDGE, **fields)


def of_size(kind: str, side: int) -> Trace:
    """Return a trace of an input of `side` cells a side."""
    rng = np.random.default_rng(side)
    awkward = rng.normal(size=(side, side)) * 10.0 ** rng.integers(-9, 9)
    kernel = rng.normal(size=(3, 3))
    makers: dict[str, Callable[[], Trace]] = {
        "whole numbers": lambda: conv(input=rng.integers(0, 256, (side, side)), kernel=EDGE, count=3),
        "fractions": lambda: conv(
            input=awkward, kernel=kernel, padding=1, padding_mode="reflect", bias=-0.125, count=2
        ),
        "large": lambda: conv(input=-rng.integers(10**5, 10**6, (side, side)), kernel=EDGE * 1000, count=2),
        "flipped": lambda: conv(input=awkward, kernel=kernel, operation="convolution", dilation=2, padding=2, count=2),
        "channels": lambda: conv(input=rng.normal(size=(3, side, side)), kernel=rng.normal(size=(1, 3, 3, 3)), count=1),
        "maximum": lambda: pooled(input=awkward, kernel_size=2, padding=1, count=3),
        "average": lambda: pooled(input=awkward, kernel_size=3, kind="average", padding=1, ceil_mode=True, count=3),
        "norm": lambda: pooled(input=awkward, kernel_size=3, kind="lp", p=1.5, count=2),
        "adaptive": lambda: pooled(input=awkward, output_size=2),
        "signal": lambda: conv(
            1,
            input=awkward[0],
            kernel=kernel[0],
            padding="full",
            dilation=2,
            operation="convolution",
            sample_spacing=0.1,
        ),
        "signal of channels": lambda: conv(1, input=awkward[:2], kernel=kernel[None, :2]),
        "signal pooled": lambda: pooled(1, input=awkward[0], kernel_size=2, padding=1),
        "transposed": lambda: transposed(input=awkward, kernel=kernel[:2, :2], stride=2, padding=1, count=3),
    }
    return makers[kind]()


KINDS = (
    "whole numbers",
    "fractions",
    "large",
    "flipped",
    "channels",
    "maximum",
    "average",
    "norm",
    "adaptive",
    "signal",
    "signal of channels",
    "signal pooled",
    "transposed",
)
