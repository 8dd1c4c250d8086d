"""Lines of text as masks for pixels: Pillow's built-in font, and the signs of mathematics that it lacks."""

from __future__ import annotations

import functools
import itertools
import math
import re
from typing import Any, NamedTuple

from PIL import Image, ImageDraw, ImageFont

from service.drawing.numbers import MINUS

# Room to the left and right of a line, for what reaches beyond its length.
MASK_MARGIN = 2

_FINENESS = 8  # pixels are drawn so many times finer a side, then averaged

_Point = tuple[float, float]


class _Glyph(NamedTuple):
    """A sign in units of the font's size: its length, and its strokes, with y downwards from the middle of a line."""

    length: float
    strokes: tuple[tuple[_Point, ...], ...]


_GLYPHS = {
    MINUS: _Glyph(0.58, (((0.08, 0.05), (0.5, 0.05)),)),
    "×": _Glyph(0.58, (((0.1, -0.13), (0.46, 0.23)), ((0.1, 0.23), (0.46, -0.13)))),
    "→": _Glyph(0.96, (((0.08, 0.05), (0.88, 0.05)), ((0.64, -0.19), (0.88, 0.05), (0.64, 0.29)))),
    "⌊": _Glyph(0.38, (((0.12, -0.4), (0.12, 0.5), (0.33, 0.5)),)),
    "⌋": _Glyph(0.38, (((0.26, -0.4), (0.26, 0.5), (0.05, 0.5)),)),
    "⌈": _Glyph(0.38, (((0.12, 0.5), (0.12, -0.4), (0.33, -0.4)),)),
    "⌉": _Glyph(0.38, (((0.26, 0.5), (0.26, -0.4), (0.05, -0.4)),)),
}
_RUNS = re.compile(f"([{''.join(_GLYPHS)}])")


@functools.lru_cache(maxsize=4096)
def lettered(text: str, size: float, bold: bool) -> tuple[Image.Image, int]:
    """Return a line of text as a mask, and its length; the same numbers are written over and over.

    The text starts `MASK_MARGIN` pixels from the mask's left side, and its middle is the mask's.
    """
    font = _font(size)
    runs = [run for run in _RUNS.split(text) if run]
    # Whole pixels: a bold text that starts between two would be drawn further right than one that does not.
    lengths = [round(_GLYPHS[run].length * size if run in _GLYPHS else font.getlength(run)) for run in runs]
    mask = Image.new("L", (sum(lengths) + 2 * MASK_MARGIN, 2 * math.ceil(size)))
    draw = ImageDraw.Draw(mask)
    for run, start in zip(runs, itertools.accumulate(lengths, initial=MASK_MARGIN), strict=False):
        if run in _GLYPHS:
            glyph = _drawn(run, size, bold)
            mask.paste(glyph, (start, (mask.height - glyph.height) // 2))
        else:
            place = (start, mask.height / 2)
            draw.text(place, run, fill=255, font=font, anchor="lm", stroke_width=0.4 if bold else 0)
    return mask, sum(lengths)


def _drawn(sign: str, size: float, bold: bool) -> Image.Image:
    length, strokes = _GLYPHS[sign]
    width, height = math.ceil(length * size), 2 * math.ceil(size)
    fine = Image.new("L", (width * _FINENESS, height * _FINENESS))
    draw = ImageDraw.Draw(fine)
    for stroke in strokes:
        points = [(x * size * _FINENESS, (height / 2 + y * size) * _FINENESS) for x, y in stroke]
        draw.line(points, fill=255, width=round((0.12 if bold else 0.085) * size * _FINENESS), joint="curve")
    return fine.resize((width, height), Image.Resampling.BOX)


@functools.lru_cache(maxsize=16)
def _font(size: float) -> Any:
    return ImageFont.load_default(size)
