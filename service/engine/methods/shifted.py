"""Shifted: taps as sums of shifted copies of what they meet, those of taps of one size added up first.

    y[p] = Σ_j v[j] · x[p + d·j] = Σ_a a · Σ_{|v[j]| = a} ±x[p + d·j]

An addition a tap and a multiplication a size: smoothing kernels are symmetric, derivatives antisymmetric, boxes have
one size alone. Each is a pass over a block that stays in the cache, which for very few taps is quicker than a product
with a band that is mostly zeros (see `bands`).

A block is added up as one run of memory, whatever its axes: NumPy takes as long to begin a row of 512 as to add up
three of them. The sums at the end of a row then reach into the next one; nobody reads those.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from service.engine.borders import Array


class Term(NamedTuple):
    """Taps of one size.

    Attributes
    ----------
    weight
        What their sum is multiplied by.
    first
        A tap.
    others
        The other taps, and whether each is added to the first or taken from it.
    """

    weight: float
    first: int
    others: list[tuple[int, bool]]


def terms_of(line: Array) -> list[Term]:
    """Return the taps of a line (K) that are not zero, by size; those of weight 1 first.

    Examples
    --------
    >>> terms_of(np.array([1.0, 2, 1]))
    [Term(weight=1.0, first=0, others=[(2, True)]), Term(weight=2.0, first=1, others=[])]
    """
    taps, alike = line.tolist(), dict[float, list[int]]()
    for tap, value in enumerate(taps):
        if value:
            alike.setdefault(abs(value), []).append(tap)
    terms = []
    for members in alike.values():
        first, *others = sorted(members, key=lambda tap: taps[tap] < 0)  # a positive one: of 1 and -1 the weight is 1
        terms.append(Term(taps[first], first, [(tap, taps[tap] == taps[first]) for tap in others]))
    return sorted(terms, key=lambda term: term.weight != 1)


def passes(terms: list[Term]) -> int:
    """Return how many arrays `add_up` writes, one at least."""
    return max(1, sum(len(term.others) + (term.weight != 1) + 1 for term in terms) - 1)


def add_up(x: Array, terms: list[Term], dilation: int, out: Array, memory: Array) -> None:
    """Put the sum of all terms along memory into `out`, of as many cells as all taps meet in `x`.

    All are of one axis and C-contiguous; `memory` is as long as `out`, for the terms after the first.
    """
    length = len(out)

    def shifted(tap: int) -> Array:
        return x[tap * dilation : tap * dilation + length]

    total: Array | None = None
    for weight, first, others in terms:
        goal, part = out if total is None else memory, shifted(first)
        for tap, added in others:
            part = (np.add if added else np.subtract)(part, shifted(tap), out=goal)
        if weight != 1:
            part = np.multiply(part, weight, out=goal)
        total = part if total is None else np.add(total, part, out=out)
    if total is not out:
        out[...] = total
