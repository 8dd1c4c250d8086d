"""The phases of a transposed convolution along an axis. Integers only.

Of the taps k with s·i + d·k = u, an output position u meets only those with d·k ≡ u (mod s). These are k = k₀,
k₀ + s/g, k₀ + 2s/g, … with g = gcd(s, d); on the positions u = d·k₀ + s·m they read the input at m, m - d/g,
m - 2d/g, …: a convolution of stride 1, with every (s/g)-th tap, dilated by d/g.
"""

from __future__ import annotations

from dataclasses import dataclass
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
        m of the first position, and one past the last.
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
