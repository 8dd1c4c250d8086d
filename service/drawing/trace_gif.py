"""A trace as an animation: the window slides, the output fills."""

from __future__ import annotations

import io
from collections import Counter
from collections.abc import Sequence
from typing import Any

from PIL import Image, ImageDraw, ImageFont

from service.drawing.errors import TraceTooLarge
from service.drawing.numbers import MINUS
from service.drawing.palette import LIGHT, rgb
from service.drawing.scene import Cell, Frame, Scene, Sign, Text, stacked
from service.drawing.trace_figure import figure_heading, require_drawable
from service.drawing.trace_panels import panel, panel_style
from service.schemas.traced import Trace

MAX_FRAMES = 100
# Width × height × frames: about 100 frames of 12 x 12 by 3 x 3, and some two seconds of drawing.
MAX_ANIMATION_PIXELS = 64_000_000

COLORS = 128
FRAME_MILLISECONDS = 900
LAST_MILLISECONDS = 2_500
MARGIN = 20
PANEL_GAP = 22.0

_ROLES = {"ink": LIGHT.ink, "muted": LIGHT.muted, "window": LIGHT.window, "output": LIGHT.output}
# How texts are spelled with the signs that Pillow's built-in font has.
_SPELLED = (
    (MINUS, "-"),
    (" × ", " x "),
    ("×", "·"),
    (" → ", " to "),
    ("⌊", "floor("),
    ("⌈", "ceil("),
    ("⌋", ")"),
    ("⌉", ")"),
)


def trace_gif(trace: Trace, *, max_frames: int = MAX_FRAMES, max_pixels: int = MAX_ANIMATION_PIXELS) -> bytes:
    """Draw a trace, a frame a step, looping.

    Parameters
    ----------
    trace
    max_frames
    max_pixels
        Of all frames together.

    Raises
    ------
    TraceTooLarge
        Naming the limit and what came.
    """
    require_drawable(trace)
    if len(trace.steps) > max_frames:
        raise TraceTooLarge(
            f"an animation has at most {max_frames} frames and this page has {len(trace.steps)} steps; "
            f"ask for count = {max_frames} or fewer",
            "/count",
            limit=max_frames,
            actual=len(trace.steps),
        )
    style = panel_style(trace)
    heading = figure_heading(trace)
    scenes = [stacked([heading, panel(trace, index, style)], PANEL_GAP) for index in range(len(trace.steps))]
    width = round(max(scene.width for scene in scenes)) + 2 * MARGIN
    height = round(max(scene.height for scene in scenes)) + 2 * MARGIN
    if width * height * len(scenes) > max_pixels:
        fitting = max_pixels // (width * height)
        raise TraceTooLarge(
            f"{len(scenes)} frames of {height} × {width} are {len(scenes) * width * height} pixels "
            f"and an animation has at most {max_pixels}; ask for count = {fitting} or fewer",
            "/count",
            limit=max_pixels,
            actual=len(scenes) * width * height,
        )
    return _animated(scenes, width, height)


def _animated(scenes: Sequence[Scene], width: int, height: int) -> bytes:
    """Encode scenes with one palette for all frames, so that what does not move costs nothing."""
    palette = _palette([_frame(scene, width, height) for scene in (scenes[0], scenes[len(scenes) // 2], scenes[-1])])
    # Each frame loses two thirds of its bytes before the next is drawn.
    flat = [_frame(scene, width, height).quantize(palette=palette, dither=Image.Dither.NONE) for scene in scenes]
    durations = [FRAME_MILLISECONDS] * (len(flat) - 1) + [LAST_MILLISECONDS]
    buffer = io.BytesIO()
    flat[0].save(
        buffer, "GIF", save_all=True, append_images=flat[1:], duration=durations, loop=0, optimize=True, disposal=1
    )
    return buffer.getvalue()


def _palette(frames: Sequence[Image.Image]) -> Image.Image:
    """Return the theme's colours, exactly, and those that the smooth edges of these frames' texts add most often."""
    theme = [
        LIGHT.background,
        LIGHT.surface,
        LIGHT.ink,
        LIGHT.muted,
        LIGHT.line,
        LIGHT.window,
        LIGHT.output,
        *LIGHT.values,
    ]
    chosen = [rgb(colour) for colour in theme]
    counted: Counter[Any] = Counter()
    for frame in frames:
        counted.update({colour: count for count, colour in frame.getcolors(frame.width * frame.height) or []})
    chosen += [colour for colour, _ in counted.most_common(COLORS) if colour not in chosen]
    image = Image.new("P", (1, 1))
    image.putpalette([channel for colour in chosen[:COLORS] for channel in colour])
    return image


def _frame(scene: Scene, width: int, height: int) -> Image.Image:
    image = Image.new("RGB", (width, height), rgb(LIGHT.background))
    draw = ImageDraw.Draw(image)
    for cell in scene.cells:
        _draw_cell(draw, cell)
    for text in scene.texts:
        _draw_text(draw, text)
    for frame in scene.frames:
        _draw_frame(draw, frame)
    for sign in scene.signs:
        _draw_sign(draw, sign)
    return image


def _draw_cell(draw: ImageDraw.ImageDraw, cell: Cell) -> None:
    fill = LIGHT.values[cell.level] if cell.level is not None else LIGHT.background if cell.padding else LIGHT.surface
    box = (MARGIN + cell.x, MARGIN + cell.y, MARGIN + cell.x + cell.width, MARGIN + cell.y + cell.height)
    draw.rectangle(tuple(round(side) for side in box), fill=rgb(fill), outline=rgb(LIGHT.line))


def _draw_text(draw: ImageDraw.ImageDraw, text: Text) -> None:
    spelled = text.text
    for sign, spelling in _SPELLED:
        spelled = spelled.replace(sign, spelling)
    anchor = {"start": "lm", "middle": "mm", "end": "rm"}[text.anchor]
    place = (MARGIN + text.x, MARGIN + text.y)
    stroke = 0.4 if text.bold else 0
    draw.text(
        place,
        spelled,
        fill=rgb(_ROLES[text.role]),
        font=ImageFont.load_default(text.size),
        anchor=anchor,
        stroke_width=stroke,
    )


def _draw_frame(draw: ImageDraw.ImageDraw, frame: Frame) -> None:
    box = (MARGIN + frame.x, MARGIN + frame.y, MARGIN + frame.x + frame.width, MARGIN + frame.y + frame.height)
    reach = 1 if frame.thick else 0
    left, top, right, bottom = (round(side) for side in box)
    draw.rectangle(
        (left - reach, top - reach, right + reach, bottom + reach),
        outline=rgb(_ROLES[frame.role]),
        width=3 if frame.thick else 2,
    )


def _draw_sign(draw: ImageDraw.ImageDraw, sign: Sign) -> None:
    x, y = round(MARGIN + sign.x), round(MARGIN + sign.y)
    strokes = {
        "times": [((-6, -6), (6, 6)), ((-6, 6), (6, -6))],
        "equals": [((-8, -4), (8, -4)), ((-8, 4), (8, 4))],
        "arrow": [((-12, 0), (12, 0)), ((5, -6), (12, 0)), ((5, 6), (12, 0))],
    }
    for (from_x, from_y), (to_x, to_y) in strokes[sign.kind]:
        draw.line((x + from_x, y + from_y, x + to_x, y + to_y), fill=rgb(LIGHT.muted), width=2)
