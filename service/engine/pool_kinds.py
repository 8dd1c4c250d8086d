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
from .errors import InvalidArgument

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


def _power_slope(values: Array, p: float, out: Array) -> None:
    """Write |x|^(p-1) sign(x), the derivative of |x|^p/p; 0 at x = 0."""
    if p == 2:
        np.copyto(out, values)
        return
    magnitude = np.abs(values)
    np.power(magnitude, p - 1, out=magnitude, where=magnitude != 0)
    np.copysign(magnitude, values, out=out)


def _root_slope(values: Array, p: float, out: Array) -> None:
    """Write y^(1-p), the derivative of (p·z)^(1/p) where it is y; 0 at y = 0, where no cell differs from 0."""
    zero = values == 0
    np.power(values, 1 - p, out=out)
    out[zero] = 0


@dataclass(frozen=True, slots=True)
class PoolKind:
    """How a window becomes one value.

    Attributes
    ----------
    combine
        Joins two cells, or two parts of a window, in any order.
    identity
        What `combine` leaves everything else unchanged by: what stands in the padding.
    better
        (candidate, best) → True where a candidate that comes later is selected instead; None if the value is not one of
        the window's cells, so that it has no position.
    averages
        Whether the combined value is divided by the window's divisor.
    prepare, finish
        What is done to the cells before they are combined and to the value after, or None. Both know `p`.
    prepare_slope, finish_slope
        Their derivatives, up to factors that cancel: prepare's from the cells x, finish's from the values y it gave.
        By the chain rule ∂L/∂x = prepare'(x) · (the sum of g · finish'(y) over the windows that hold x).
    scales
        Whether y(c·x) = c·y(x) for c > 0, and finish'(1) = 1: then a window whose powers overflow or vanish is computed
        apart, divided by its greatest magnitude (`scaled_windows.py`).
    """

    combine: np.ufunc
    identity: float
    better: np.ufunc | None = None
    averages: bool = False
    prepare: Power | None = None
    finish: Power | None = None
    prepare_slope: Power | None = None
    finish_slope: Power | None = None
    scales: bool = False


POOL_KINDS = {
    "max": PoolKind(np.maximum, -np.inf, better=np.greater),
    "average": PoolKind(np.add, 0.0, averages=True),
    "min": PoolKind(np.minimum, np.inf, better=np.less),
    "lp": PoolKind(  # (Σ|x|^p)^(1/p)
        np.add,
        0.0,
        prepare=_power_of_magnitude,
        finish=_root,
        prepare_slope=_power_slope,
        finish_slope=_root_slope,
        scales=True,
    ),
}
"""The kinds of pool by name. `np.maximum` and `np.minimum` answer NaN where either is NaN (docs/semantics.md, 8)."""


def check_indices(kind: str, wanted: bool) -> None:
    """Refuse positions of a kind that selects none.

    Raises
    ------
    InvalidArgument
        If `wanted` and the kind's answers stand nowhere in their windows.
    """
    if wanted and POOL_KINDS[kind].better is None:
        raise InvalidArgument(
            f'return_indices asks for the position that each window selects, but kind "{kind}" selects none; '
            'leave it out, or set kind to "max" or "min"',
            "return_indices",
        )
