"""Sums of integers one by one, in the plain order, where any other would round.

Below 2⁵³ a float64 sum of integers is exact in whatever order (docs/semantics.md, 12). From there on it may be exact in
the plain order alone, as 2⁵³ - 2⁵³ + 1 is: an image after the other, positions in row-major order. Whether sums can get
so far is told by the first values of most data, which are no integers, and by one product of others with themselves.
One by one takes tens of times as long: of more than four million products the usual order has to do.
"""

from __future__ import annotations

from math import prod, sqrt
from typing import Any

import numpy as np

from .borders import Array, Index, gather
from .control import Control
from .methods.work import cut, extent, met_by, place
from .plans import ConvPlan
from .precision import FloatType, Survey, all_integers, may_be_integers

EXACT = 2.0**53
"""Up to here float64 holds every integer."""
MOST = 4 * 1024 * 1024
"""Products up to which they are added one by one."""
PRODUCTS = 64 * 1024
"""Products that are made at once, to be added one by one: they stay in a core's cache."""


def sum_matters(array: Array, dtype: np.dtype[Any], terms: int, power: float = 1) -> bool:
    """Whether a sum of |x|^power over so many cells may depend on the order: of integers, and above 2⁵³."""
    return (
        dtype == np.float64
        and array.size <= MOST
        and float(power).is_integer()
        and may_be_integers(array)
        and not bound(array, terms, power) < EXACT
        and all_integers(array)
    )


def products_matter(a: Array, b: Array, dtype: np.dtype[Any], terms: int, macs: int, filler: float = 0.0) -> bool:
    """Whether a sum of so many products a·b, for one b of (N, F, …), may depend on the order; `filler` pads `a`.

    `macs` are the products of all sums.
    """
    if dtype != np.float64 or macs > MOST or not (may_be_integers(b) and may_be_integers(a)):
        return False
    if max(bound(a, 1), abs(filler)) * bound(b, terms) < EXACT:
        return False
    survey = Survey(a, b.swapaxes(0, 1).astype(dtype, copy=False), filler)
    return survey.integers and not survey.sums_small


def bound(array: Array, terms: int, power: float = 1) -> float:
    """Return what no sum of |x|^power over so many cells can be above; NaN where there is one."""
    with np.errstate(over="ignore", invalid="ignore"):
        if array.dtype.kind in "biu" and array.dtype.itemsize <= 4:
            return float(np.float64(256.0) ** (array.dtype.itemsize * power)) * terms
        if array.flags.forc and array.dtype.kind == "f" and array.itemsize >= 4:
            flat = array.ravel("K")
            squares = float(np.dot(flat, flat)) * (1 + 1e-3)  # float32 rounds too
            return sqrt(terms * squares) if power == 1 else float(np.float64(squares) ** (power / 2))
        largest = max(float(array.max()), -float(array.min()))
        return float(np.float64(largest) ** power) * terms


def in_order(total: Array, terms: Array) -> Array:
    """Return a total, (...), and after it all terms, (..., n), added one by one."""
    return np.asarray(np.add.accumulate(np.concatenate([total[..., None], terms], axis=-1), axis=-1)[..., -1])


def summed_in_order(terms: Array) -> Array:
    """Return the sums over all but the first axis, each one by one in row-major order, in float64."""
    rows = terms.reshape(len(terms), -1)
    found = np.zeros(len(rows))
    together = max(1, PRODUCTS // rows.shape[1])
    for first in range(0, len(rows), together):
        some = slice(first, first + together)
        for start in range(0, rows.shape[1], PRODUCTS):
            found[some] = in_order(found[some], rows[some, start : start + PRODUCTS].astype(np.float64))
    return found


def product_in_order(rows: Array, weight: Array, control: Control) -> Array:
    """Return Σᵢ weight[o, i] · rows[n, i], (N, O), each sum one by one."""
    found = np.empty((len(rows), len(weight)))
    samples, outputs = max(1, PRODUCTS // weight.size), max(1, PRODUCTS // weight.shape[1])
    for first in range(0, len(rows), samples):
        some = rows[first : first + samples, np.newaxis]
        for start in range(0, len(weight), outputs):
            control.check()
            products = some * weight[start : start + outputs]
            sums = np.add.accumulate(products, axis=-1, out=products)[..., -1]
            found[first : first + samples, start : start + outputs] = sums
    return found


def kernel_gradient_in_order(
    plan: ConvPlan, input: Array, output_gradient: Array, padding_value: float, dtype: FloatType, control: Control
) -> Array:
    """Return the gradient of a plan's kernel, (*K, G, F/G, C/G), from products added one by one."""
    groups, filters, channels = plan.groups, plan.filters // plan.groups, plan.channels // plan.groups
    total = np.zeros((*plan.kernel_size, groups, filters, channels), dtype)
    x = input.reshape(plan.batch, groups, channels, *plan.input_size)
    g = output_gradient.reshape(plan.batch, groups, filters, *plan.output_size)
    for image in range(plan.batch):
        for tile in cut(plan.output_size, max(1, PRODUCTS // (groups * filters * channels))):
            size = extent(tile)
            chosen: Index = (image, ..., *place(tile))
            given = g[chosen].astype(dtype, copy=False)
            rows, cells = given.reshape(groups, filters, 1, -1), np.empty((groups, channels, *size), dtype)
            for tap in np.ndindex(*plan.kernel_size):
                control.check()
                gather(x[image], met_by(plan, tap, tile), cells, plan.padding_mode, padding_value)
                products = rows * cells.reshape(groups, 1, channels, prod(size))
                total[tap] = in_order(total[tap], products)
    return total
