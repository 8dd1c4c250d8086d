"""Which input cells the positions of one axis depend on, followed from layer to layer.

Behind convolutions and pools the cells move by the jump from one position to the next, and their number is a formula.
Behind a transposed convolution or an adaptive pool some positions see more than their neighbours, but the pattern comes
again: after as many positions as the stride has, or as adaptive windows fill a whole number of cells. So one period of
it is kept and followed exactly while it is short (:class:`Reach`), and beyond that the two lines that hold it in
(:class:`Bounds`).
Padding counts as cells, as it does for all receptive fields.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from math import floor, gcd

Cells = tuple[int, int] | None
"""The first and the last cell that a position depends on; None where a transposed convolution's taps leave it out."""

LONGEST_PERIOD = 64
"""Positions of a period that is followed exactly: as many as take less than a millisecond an axis of a layer."""


@dataclass(frozen=True, slots=True)
class Reach:
    """What each position of an axis depends on.

    Attributes
    ----------
    period
        That of the positions from 0 on; those behind them see the same, shifted.
    shift
        Cells from what one period sees to what the next does.
    """

    period: tuple[Cells, ...] = ((0, 0),)
    shift: int = 1

    def at(self, position: int) -> Cells:
        """Return what one position depends on; any integer is one, outside the axis too, where padding is."""
        turns, place = divmod(position, len(self.period))
        cells = self.period[place]
        return None if cells is None else (cells[0] + turns * self.shift, cells[1] + turns * self.shift)

    def field(self, positions: int) -> int:
        """Return how many cells the position depends on, of the first so many, that depends on most."""
        return max((last - first + 1 for first, last in filter(None, self.period[:positions])), default=0)

    def windowed(self, taps: int, dilation: int, stride: int, before: int) -> Reach:
        """Return what the outputs of a convolution or pool depend on, q on the positions q·s - b + d·t."""
        length = len(self.period) // gcd(len(self.period), stride)
        window = self._together(taps, dilation)
        period = tuple(window.at(q * stride - before) for q in range(length))
        return Reach(period, stride * length // len(self.period) * self.shift)

    def transposed(self, taps: int, dilation: int, stride: int, before: int) -> Reach | Bounds:
        """Return what the outputs of a transposed convolution depend on, q on all i with q + b = i·s + d·t for a tap t.

        With g = gcd(s, d) these are none unless g divides q + b, else every (s/g)-th tap meets one, d/g apart.
        """
        shared = gcd(stride, dilation)
        every, apart = stride // shared, dilation // shared
        fewest, most = max(1, taps // every), -(-taps // every)
        met = {number: self._together(number, apart) for number in {fewest, most}}
        if len(self.period) * stride > LONGEST_PERIOD:
            return self._bounds().transposed(taps, dilation, stride, before, met[most].field(len(self.period)))
        inverse = pow(apart, -1, every)

        def seen(place: int) -> Cells:
            tap = place // shared * inverse % every
            number = -(-(taps - tap) // every)
            if place % shared or number < 1:
                return None
            return met[number].at((place - dilation * tap) // stride - (number - 1) * apart)

        return Reach(tuple(seen(q + before) for q in range(len(self.period) * stride)), self.shift)

    def adaptive(self, size: int, windows: int, longest: int) -> Reach | Bounds:
        """Return what the outputs of an adaptive pool depend on, q on the positions from ⌊q·n/o⌋ to ⌈(q + 1)·n/o⌉.

        `longest` is how many positions the longest of these windows holds.
        """
        shared = gcd(size, windows)
        turns = len(self.period) // gcd(len(self.period), size // shared)
        length = windows // shared * turns
        if length > LONGEST_PERIOD:
            return self._bounds().adaptive(size, windows, longest, self._together(longest, 1).field(len(self.period)))
        ends = [(q * size // windows, -(-(q + 1) * size // windows)) for q in range(length)]
        met = {taps: self._together(taps, 1) for taps in {stop - start for start, stop in ends}}
        period = tuple(met[stop - start].at(start) for start, stop in ends)
        return Reach(period, size // shared * turns // len(self.period) * self.shift)

    def _together(self, taps: int, dilation: int) -> Reach:
        """Return what so many positions, d apart, from each one on see together, the first to the last cell of all."""
        window, reached, enough = self, 1, min(taps, len(self.period))
        while reached < enough:  # twice as many each time
            step = min(reached, enough - reached)
            window = window._joined(step * dilation)
            reached += step
        return window._joined((taps - enough) * dilation)  # of more than a period, the last ones alone see further

    def _joined(self, distance: int) -> Reach:
        """Return what each position sees together with the one so far behind it."""
        if distance == 0:
            return self
        return Reach(tuple(_joined(cells, self.at(q + distance)) for q, cells in enumerate(self.period)), self.shift)

    def _bounds(self) -> Bounds:
        slope = Fraction(self.shift, len(self.period))
        seen = [(cells[0] - q * slope, cells[1] - q * slope) for q, cells in enumerate(self.period) if cells]
        if not seen:
            return Bounds(Fraction(0), Fraction(-1), slope)
        return Bounds(min(first for first, _ in seen), max(last for _, last in seen), slope)


@dataclass(frozen=True, slots=True)
class Bounds:
    """Lines that hold in what each position of an axis depends on: q on no cell outside low + q·slope, high + q·slope.

    Attributes
    ----------
    most
        A number of cells than which no position sees more, where one closer than the lines' is known.
    """

    low: Fraction
    high: Fraction
    slope: Fraction
    most: int | None = None

    def field(self, positions: int) -> int:  # noqa: ARG002  # as of a Reach: the lines are those of all positions
        """Return a number of cells than which no position depends on more."""
        between = floor(self.high - self.low) + 1
        return between if self.most is None else min(between, self.most)

    def windowed(self, taps: int, dilation: int, stride: int, before: int) -> Bounds:
        """As `Reach.windowed`."""
        start = self.slope * -before
        return Bounds(self.low + start, self.high + start + self.slope * dilation * (taps - 1), self.slope * stride)

    def transposed(self, taps: int, dilation: int, stride: int, before: int, most: int | None = None) -> Bounds:
        """As `Reach.transposed`: i is at least (q + b - d(k - 1))/s and at most (q + b)/s."""
        slope = self.slope / stride
        return Bounds(self.low + slope * (before - dilation * (taps - 1)), self.high + slope * before, slope, most)

    def adaptive(self, size: int, windows: int, longest: int, most: int | None = None) -> Bounds:  # noqa: ARG002  # as of a Reach
        """As `Reach.adaptive`: rounding to whole cells moves an end by at most 1 - gcd(n, o)/o."""
        rounded = 1 - Fraction(gcd(size, windows), windows)
        slope = self.slope * size / windows
        return Bounds(self.low - self.slope * rounded, self.high + slope + self.slope * (rounded - 1), slope, most)


def _joined(one: Cells, other: Cells) -> Cells:
    if one is None or other is None:
        return one or other
    return min(one[0], other[0]), max(one[1], other[1])
