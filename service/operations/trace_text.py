"""A step's arithmetic as a person writes it."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from service.engine.pool_kinds import POOL_KINDS


def number(value: Any) -> str:
    """Return a number as written by hand: whole ones whole, others with six digits."""
    plain = float(value)
    if plain.is_integer() and abs(plain) < 1e15:
        return str(int(plain))
    digits, _, exponent = f"{plain:.6g}".partition("e")
    return f"{digits}e{int(exponent)}" if exponent else digits


def factor(value: Any) -> str:
    """Return a number as it stands after a sign: a negative one in brackets."""
    text = number(value)
    return f"({text})" if text.startswith("-") else text


def products(patch: NDArray[Any], kernel: NDArray[Any], *, channelled: bool) -> str:
    """Return `10×1 + 20×0 + …`, a bracket a channel where there are several."""
    if channelled and len(patch) > 1:
        parts = [products(plane, taps, channelled=False) for plane, taps in zip(patch, kernel, strict=True)]
        return " + ".join(f"({part})" for part in parts)
    pairs = zip(patch.ravel(), kernel.ravel(), strict=True)
    return " + ".join(f"{factor(value)}×{factor(tap)}" for value, tap in pairs) or "0"


def weighted(text: str, spacing: float | None, bias: Any) -> str:
    """Return an expression times the sample spacing, plus the bias, each where there is one."""
    if spacing is not None:
        text = f"{number(spacing)}×({text})"
    if bias is not None:
        text = f"{text} {'-' if bias < 0 else '+'} {number(abs(bias))}"
    return text


def pooled(kind: str, values: Iterable[Any], divisor: int | None, p: float) -> str:
    """Return `max(1, 2, …)`, `(1 + 2 + …)/4`, `(|1|^2 + …)^(1/2)` or, where nothing is done to the sum, `1 + 2 + …`."""
    cells, defined = list(values), POOL_KINDS[kind]
    if defined.better is not None:
        return f"{kind}({', '.join(number(value) for value in cells)})"
    if defined.prepare is not None:
        power = number(p)
        return f"({' + '.join(f'|{number(value)}|^{power}' for value in cells)})^(1/{power})"
    total = " + ".join(factor(value) for value in cells)
    return f"({total})/{divisor}" if defined.averages else total or "0"


def plain_sum(values: NDArray[Any]) -> Any:
    """Return the sum of an array, rounded once, in the array's dtype."""
    try:
        total = math.fsum(values.ravel().tolist())
    except (OverflowError, ValueError):  # beyond the floats, or infinities of both signs
        with np.errstate(all="ignore"):
            total = float(values.sum(dtype=np.float64))
    with np.errstate(over="ignore"):
        return values.dtype.type(total)
