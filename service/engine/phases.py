"""The phases of a transposed convolution along an axis. Integers only.

Of the taps k with s·i + d·k = u, an output position u meets only those with d·k ≡ u (mod s). These are k = k₀,
k₀ + s/g, k₀ + 2s/g, … with g = gcd(s, d); on the positions u = d·k₀ + s·m they read the input at m, m - d/g,
m - 2d/g, …: a convolution of stride 1, with every (s/g)-th tap, dilated by d/g.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import gcd


@dataclass(frozen=True, slots=True)
class AxisPhase:
    """The positions of a stretch of output that one k₀ reaches, and what they read.

    Attributes
    ----------
    taps
        Of the kernel: k₀, k₀ + s/g, …
    dilation
        d/g.
    low, high
        m of the first position, and one past the last; negative where its first tap reads before the input.
    back
        How far behind m the last tap reads.
    target
        The positions, counted from the start of the stretch.
    """

    taps: slice
    dilation: int
    low: int
    high: int
    back: int
    target: slice


def of_taps_that_meet(phase: AxisPhase, cells: int) -> AxisPhase | None:
    """Return a phase without the taps that meet no cell of the input at any of its positions; None if none does.

    Of a large kernel and a small input, or a small stretch, they may be nearly all.
    """
    last = (phase.taps.stop - 1 - phase.taps.start) // phase.taps.step
    first = max(0, -((cells - 1 - phase.low) // phase.dilation))
    last = min(last, (phase.high - 1) // phase.dilation)
    if first > last:  # as between two taps that lie farther apart than the input is long
        return None
    start, shift = phase.taps.start + first * phase.taps.step, first * phase.dilation
    return replace(
        phase,
        taps=slice(start, start + (last - first) * phase.taps.step + 1, phase.taps.step),
        low=phase.low - shift,
        high=phase.high - shift,
        back=(last - first) * phase.dilation,
    )


def axis_phases(start: int, stop: int, cells: int, taps: int, stride: int, dilation: int) -> list[AxisPhase]:
    """Return the phases that reach the positions start … stop-1, before cropping, from an input of `cells`."""
    common = gcd(stride, dilation)
    step, between = stride // common, dilation // common
    found = []
    for first in range(min(step, taps)):
        back = between * ((taps - 1 - first) // step)
        # start <= d·first + s·m < stop, and of these only the m that a tap reaches from a cell.
        low = max(0, -((first * dilation - start) // stride))
        high = min(cells + back, -((first * dilation - stop) // stride))
        if low < high:
            head = first * dilation + stride * low - start
            target = slice(head, head + stride * (high - low - 1) + 1, stride)
            found.append(AxisPhase(slice(first, taps, step), between, low, high, back, target))
    return found
