"""Whether a filter is a product of one-axis filters, and of which: a Gaussian, a box, every Sobel-like derivative is.

    w[k₁, k₂] = u[k₁] · v[k₂]

The factors are the row and the column of the largest tap, if their product is the filter again to the last digit or so.
Those of an integer filter are integers whose product it is exactly, so that sums of integers stay exact.
"""

from __future__ import annotations

from functools import reduce

import numpy as np

from .borders import Array, Index


def factors(filter: Array) -> list[Array] | None:
    """Return one array of taps an axis whose outer product is `filter`, or None if there is none.

    There is none either where Σ|w| is beyond float64.

    Examples
    --------
    >>> factors(np.array([[1.0, 2, 3], [2, 4, 6]]))
    [array([1., 2.]), array([1., 2., 3.])]
    """
    sizes = np.abs(filter)
    total = float(np.add.reduce(sizes, axis=None, dtype=np.float64))
    if total == 0:
        return [np.zeros(taps, filter.dtype) for taps in filter.shape]
    if not total < float("inf"):
        return None
    peak = tuple(int(p) for p in np.unravel_index(sizes.argmax(), filter.shape))
    largest, small = float(filter.item(*peak)), float(np.finfo(filter.dtype).eps) * total
    if not abs(_minor(filter, peak)) <= 4 * small:
        return None
    whole = largest.is_integer() and abs(largest) < 2**53 and bool((filter == np.rint(filter)).all())
    found: list[Array] = []
    for axis in range(filter.ndim):
        through: Index = (*peak[:axis], slice(None), *peak[axis + 1 :])
        line = filter[through]
        # All but the first carry the shape alone; integers stay integers if the line's common divisor is taken out.
        divisor = int(np.gcd.reduce(line.astype(np.int64))) * (1 if largest > 0 else -1) if whole else largest
        found.append(line / divisor)
    again: Array = reduce(np.multiply.outer, found)
    scale = largest / float(again.item(*peak))
    found[0] = found[0] * scale
    np.multiply(again, scale, out=again)
    if whole:
        return found if scale.is_integer() and np.array_equal(again, filter) else None
    return found if float(np.add.reduce(np.abs(again - filter), axis=None)) <= small else None


def _minor(filter: Array, peak: tuple[int, ...]) -> float:
    """Return the minor of the largest tap and one in a corner, over the largest: zero where the filter is a product."""
    first, *others = [0 if p else n - 1 for p, n in zip(peak, filter.shape, strict=True)]
    largest, corner = filter.item(*peak), filter.item(first, *others)
    return float(corner - filter.item(first, *peak[1:]) / largest * filter.item(peak[0], *others))
