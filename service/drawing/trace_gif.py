"""A trace as an animation: the window slides, the output fills."""

from __future__ import annotations

import io
from collections import Counter
from collections.abc import Collection, Sequence
from typing import Any

from PIL import Image, ImageDraw

from service.drawing.errors import TraceTooLarge
from service.drawing.lettering import MASK_MARGIN, lettered
from service.drawing.maps import Admit, unbounded
from service.drawing.palette import LIGHT, rgb
from service.drawing.scene import Cell, Frame, Scene, Sign, Text, stacked
from service.drawing.trace_figure import figure_heading, require_drawable, side_needed
from service.drawing.trace_panels import panel, panel_style
from service.schemas.traced import MAX_SIDE, Trace

MAX_FRAMES = 100
# Width × height × frames: about 100 frames of 12 x 12 by 3 x 3, and some two seconds of drawing.
MAX_ANIMATION_PIXELS = 64_000_000

COLORS = 128
# Of a pixel, all pictures that have colours at one time: what stands still, three for the palette, and the next frame.
_COLOUR_BYTES = 20
FRAME_MILLISECONDS = 900
LAST_MILLISECONDS = 2_500
MARGIN = 20
PANEL_GAP = 22.0

_ROLES = {"ink": LIGHT.ink, "muted": LIGHT.muted, "window": LIGHT.window, "output": LIGHT.output}


def trace_gif(
    trace: Trace,
    *,
    max_frames: int = MAX_FRAMES,
    max_pixels: int = MAX_ANIMATION_PIXELS,
    admit: Admit = unbounded,
) -> bytes:
    """Draw a trace, a frame a step, looping.

    Parameters
    ----------
    trace
    max_frames
    max_pixels
        Of all frames together.
    admit
        Told how many bytes of memory the frames take, before any is taken; may refuse.

    Raises
    ------
    TraceTooLarge
        Naming the limit and what came.
    """
    require_drawable(trace)
    _check_frames(trace, max_frames)
    style = panel_style(trace)
    heading = figure_heading(trace)
    scenes: list[Scene] = []
    width = height = 2 * MARGIN
    count = len(trace.steps)
    for index in range(count):
        scenes.append(stacked([heading, panel(trace, index, style)], PANEL_GAP))
        width = max(width, round(scenes[-1].width) + 2 * MARGIN)
        height = max(height, round(scenes[-1].height) + 2 * MARGIN)
        pixels = count * width * height
        if pixels > max_pixels:  # as the first step tells, mostly: a hundred of them take seconds to lay out
            reason = (
                f"{count} frames of {height} × {width} are {pixels} pixels and an animation has at most {max_pixels}"
            )
            raise _too_large(trace, reason, max_pixels // (width * height), max_pixels, pixels)
    admit((count + _COLOUR_BYTES) * width * height)
    return _animated(scenes, width, height)


def _check_frames(trace: Trace, max_frames: int) -> None:
    """Refuse more steps than an animation has frames, or steps that lie too far apart for a screen."""
    count, needed, fitting = len(trace.steps), side_needed(trace), trace.in_view
    if fitting < count:
        reason = (
            f"these {count} steps need {needed} cells a side and an animation has room for {MAX_SIDE}, "
            f"in which the first {fitting} lie"
        )
        raise _too_large(trace, reason, fitting, MAX_SIDE, needed)
    if count > max_frames:
        reason = f"an animation has at most {max_frames} frames and this page has {count} steps"
        raise _too_large(trace, reason, max_frames, max_frames, count)


def _too_large(trace: Trace, reason: str, fitting: int, limit: int, actual: int) -> TraceTooLarge:
    if trace.start is None:
        return TraceTooLarge(f"{reason}; ask for fewer positions", "/positions", limit=limit, actual=actual)
    return TraceTooLarge(f"{reason}; ask for count = {fitting} or fewer", "/count", limit=limit, actual=actual)


def _animated(scenes: Sequence[Scene], width: int, height: int) -> bytes:
    """Encode scenes with one palette for all frames, so that what does not move costs nothing."""
    common = _common(scenes)
    base = Image.new("RGB", (width, height), rgb(LIGHT.background))
    _draw(base, common)
    still = {*common.cells, *common.texts, *common.frames, *common.signs}

    def frame(scene: Scene) -> Image.Image:
        image = base.copy()
        _draw(image, _without(scene, still))
        return image

    palette = _palette([frame(scene) for scene in (scenes[0], scenes[len(scenes) // 2], scenes[-1])])
    # Each frame loses two thirds of its bytes before the next is drawn.
    flat = [frame(scene).quantize(palette=palette, dither=Image.Dither.NONE) for scene in scenes]
    durations = [FRAME_MILLISECONDS] * (len(flat) - 1) + [LAST_MILLISECONDS]
    buffer = io.BytesIO()
    flat[0].save(
        buffer, "GIF", save_all=True, append_images=flat[1:], duration=durations, loop=0, optimize=True, disposal=1
    )
    return buffer.getvalue()


def _common(scenes: Sequence[Scene]) -> Scene:
    """Return what stands still: most of a frame, drawn once."""
    first, *others = scenes
    for other in others:
        there = {*other.cells, *other.texts, *other.frames, *other.signs}
        first = _kept(first, there)
    return first


def _kept(scene: Scene, items: Collection[Any]) -> Scene:
    return Scene(
        scene.width,
        scene.height,
        [item for item in scene.cells if item in items],
        [item for item in scene.texts if item in items],
        [item for item in scene.frames if item in items],
        [item for item in scene.signs if item in items],
    )


def _without(scene: Scene, items: Collection[Any]) -> Scene:
    everything = {*scene.cells, *scene.texts, *scene.frames, *scene.signs}
    return _kept(scene, everything.difference(items))


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


def _draw(image: Image.Image, scene: Scene) -> None:
    draw = ImageDraw.Draw(image)
    for cell in scene.cells:
        _draw_cell(draw, cell)
    for text in scene.texts:
        _draw_text(image, text)
    for frame in scene.frames:
        _draw_frame(draw, frame)
    for sign in scene.signs:
        _draw_sign(draw, sign)


def _draw_cell(draw: ImageDraw.ImageDraw, cell: Cell) -> None:
    fill = LIGHT.values[cell.level] if cell.level is not None else LIGHT.background if cell.padding else LIGHT.surface
    box = (MARGIN + cell.x, MARGIN + cell.y, MARGIN + cell.x + cell.width, MARGIN + cell.y + cell.height)
    left, top, right, bottom = (round(side) for side in box)
    draw.rectangle((left, top, right, bottom), fill=rgb(fill), outline=rgb(LIGHT.line))
    if cell.padding:
        for start in range(left, right, 5):
            for y in (top, bottom):
                draw.line((start, y, min(start + 2, right), y), fill=rgb(LIGHT.padding))
        for start in range(top, bottom, 5):
            for x in (left, right):
                draw.line((x, start, x, min(start + 2, bottom)), fill=rgb(LIGHT.padding))


def _draw_text(image: Image.Image, text: Text) -> None:
    mask, length = lettered(text.text, text.size, text.bold)
    left = MARGIN + text.x - {"start": 0.0, "middle": 0.5, "end": 1.0}[text.anchor] * length
    corner = (round(left) - MASK_MARGIN, round(MARGIN + text.y - mask.height / 2))
    image.paste(rgb(_ROLES[text.role]), (*corner, corner[0] + mask.width, corner[1] + mask.height), mask)


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
