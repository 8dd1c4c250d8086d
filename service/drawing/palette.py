"""The colours of every drawing, light and dark: one place, so that sheets, traces and the page look alike.

Signed values are blue below zero and orange-red above, pale at zero: a pair that people with the common colour vision
deficiencies tell apart (RdBu of Harrower & Brewer 2003, "ColorBrewer.org", The Cartographic Journal 40).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

# Full strength, for pixels without text on them: negative, zero, positive.
DIVERGING = (
    "#053061", "#2166ac", "#4393c3", "#92c5de", "#d1e5f0",
    "#f7f7f7",
    "#fddbc7", "#f4a582", "#d6604d", "#b2182b", "#67001f",
)  # fmt: skip


@dataclass(frozen=True)
class Theme:
    """The colours of one appearance.

    Attributes
    ----------
    background, surface : str
        Behind everything; behind a cell that holds no value.
    ink, muted : str
        Text, and text that stands back.
    line : str
        Cell borders.
    window, output : str
        The window on the input, and the cell of the output that it makes.
    padding : str
        What marks a cell that the input does not have.
    values : tuple of str
        Cell fills from the most negative through zero to the most positive. `ink` is readable on all of them.
    """

    background: str
    surface: str
    ink: str
    muted: str
    line: str
    window: str
    output: str
    padding: str
    values: tuple[str, ...]


LIGHT = Theme(
    background="#ffffff",
    surface="#f6f7f9",
    ink="#1b2330",
    muted="#5b6675",
    line="#c3cad4",
    window="#c77700",
    output="#00795a",
    padding="#9aa5b3",
    values=(
        "#92c5de", "#a9d1e4", "#c0dcea", "#d6e7f0", "#eaf2f6",
        "#fbfbfb",
        "#fdf0e8", "#fce2d3", "#fad3bd", "#f7bea0", "#f4a582",
    ),
)  # fmt: skip

DARK = Theme(
    background="#14181f",
    surface="#1c222b",
    ink="#eef2f7",
    muted="#9fabba",
    line="#3d4755",
    window="#ffb443",
    output="#3ed3a3",
    padding="#6d7a8a",
    values=(
        "#1d5f91", "#1f5480", "#21496e", "#223e5b", "#233447",
        "#262b33",
        "#3c302d", "#543630", "#6d3c31", "#874130", "#a0462d",
    ),
)  # fmt: skip


_LEVELS, _MIDDLE = 256, 128


def level(value: float, bound: float) -> int:
    """Return the index in a theme's `values` for a value, where `bound` is the largest magnitude shown.

    Only zero itself takes the middle: a small value still shows its sign.
    """
    middle = len(LIGHT.values) // 2
    if value == 0 or bound == 0:
        return middle
    steps = max(1, round(middle * min(1.0, abs(value) / bound)))
    return middle + steps if value > 0 else middle - steps


def diverging_table() -> NDArray[np.uint8]:
    """Return `DIVERGING` interpolated, with its middle at level 128, where the "offset" range puts zero: (256, 3)."""
    anchors = np.array([rgb(colour) for colour in DIVERGING], dtype=np.float64)
    below = np.linspace(-1.0, 0.0, _MIDDLE + 1)[:-1]
    above = np.linspace(0.0, 1.0, _LEVELS - _MIDDLE)
    at = np.concatenate([below, above])
    stops = np.linspace(-1.0, 1.0, len(DIVERGING))
    channels = [np.rint(np.interp(at, stops, channel)) for channel in anchors.T]
    return np.stack(channels, axis=1).astype(np.uint8, copy=False)


def rgb(colour: str) -> tuple[int, int, int]:
    """Return "#rrggbb" as three numbers."""
    return int(colour[1:3], 16), int(colour[3:5], 16), int(colour[5:7], 16)
