"""Which method computes a plan: the cheapest that keeps the contract."""

from __future__ import annotations

from typing import Any

from .arguments import quoted
from .errors import UnknownMethod
from .geometry import ConvPlan, ConvTransposePlan
from .methods import METHODS

FEW = 8
"""Filters a group below which a matrix product of windows has too few rows."""
TINY = 50_000
"""Multiply-accumulates below which nothing pays but the plain way."""


def choose(plan: ConvPlan | ConvTransposePlan, dtype: Any = None, method: str = "auto") -> str:
    """Return the name of the method that computes a convolution, from its plan alone.

    Raises
    ------
    UnknownMethod
        If nothing has that name.
    """
    if method == "auto":
        if plan.macs < TINY:
            return "direct"
        return "gemm" if plan.filters // plan.groups >= FEW else "banded"
    if method not in METHODS:
        raise UnknownMethod(f'method is "{str(method)[:40]}"; it must be {quoted(("auto", *METHODS))}', "method")
    return method
