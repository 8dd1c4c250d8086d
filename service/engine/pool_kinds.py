"""The kinds of pool, one entry each: a new kind is one more entry here.

Every kind is y = finish(combine over the window of prepare(x)), with a `combine` that may be done one axis after the
other. From this the forward pass, the plan's check of `kind` and the gradients all follow.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np

from .borders import Array

Power: TypeAlias = Callable[[Array, float, Array], Any]
"""(values, p, out): writes into `out`, which may be `values`."""


def _power_of_magnitude(values: Array, p: float, out: Array) -> None:
    """Write |x|^p."""
    if p == 2:
        np.multiply(values, values, out=out)
        return
    np.abs(values, out=out)
    if p != 1:
        np.power(out, p, out=out)


def _root(values: Array, p: float, out: Array) -> None:
    """Write y^(1/p)."""
    if p == 2:
        np.sqrt(values, out=out)
    elif p != 1:
        np.power(values, 1 / p, out=out)


@dataclass(frozen=True, slots=True)
class PoolKind:
    """How a window becomes one value.

    Attributes
    ----------
    combine
        Joins two cells, or two parts of a window, in any order.
    identity
        What `combine` leaves everything else unchanged by: what stands in the padding.
    keeps
        (best, candidate) → True where the earlier one stays the answer although the two may tie; None if the answer is
        not one of the window's cells, so that it has no index.
    averages
        Whether the combined value is divided by the window's divisor.
    prepare, finish
        What is done to the cells before they are combined and to the value after, or None. Both know `p`.
    """

    combine: np.ufunc
    identity: float
    keeps: np.ufunc | None = None
    averages: bool = False
    prepare: Power | None = None
    finish: Power | None = None


POOL_KINDS = {
    "max": PoolKind(np.maximum, -np.inf, keeps=np.greater_equal),
    "average": PoolKind(np.add, 0.0, averages=True),
    "min": PoolKind(np.minimum, np.inf, keeps=np.less_equal),
    "lp": PoolKind(np.add, 0.0, prepare=_power_of_magnitude, finish=_root),
}
"""The kinds of pool by name. `np.maximum` and `np.minimum` answer NaN where either is NaN (semantics: 8)."""
