"""A step of a trace as a panel: the input with its window, the kernel, the products, and the output so far."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from service.drawing.grids import CELL_HEIGHT, TITLE_HEIGHT, GridStyle, frame_cells, grid, style_of
from service.drawing.numbers import short, signed
from service.drawing.scene import CHARACTER_WIDTH, Scene, Text, in_a_row, stacked
from service.schemas.traced import Step, Trace

SIGN_WIDTH = 40.0
ROW_GAP = 14.0
HEADING_SIZE = 15.0
HEADING_HEIGHT = 30.0
LINE_SIZE = 13.0
LINE_HEIGHT = 19.0
# Nine products of two digits each, and their sum.
MIN_LINE_WIDTH = 630.0
MAX_LINES = 4
LABEL_WIDTH = 130.0


@dataclass(frozen=True)
class PanelStyle:
    """What all panels of a trace share, so that nothing moves from step to step but the window."""

    input: GridStyle
    kernel: GridStyle
    products: GridStyle
    output: GridStyle
    products_size: tuple[int, int]


def panel_style(trace: Trace) -> PanelStyle:
    """Return the styles in which every step of the trace fits."""
    products = [step.products for step in trace.steps if step.products is not None]
    kernels = [trace.kernel] if trace.kernel is not None else []
    source, kernel, product = style_of([trace.input.values], coordinates=True), style_of(kernels), style_of(products)
    if trace.rank == 1:  # drawn one below the other, cell under cell
        width = max(style.cell_width for style in (source, kernel, product))
        source, kernel, product = (replace(style, cell_width=width) for style in (source, kernel, product))
    sizes = [planes(array, trace.rank)[0].shape for array in products]
    largest = (max((rows for rows, _ in sizes), default=0), max((columns for _, columns in sizes), default=0))
    output = style_of([trace.output.values], coordinates=True)
    if trace.rank == 1:
        source, output = replace(source, coordinates="columns"), replace(output, coordinates="columns")
    return PanelStyle(source, kernel, product, output, largest)


def planes(values: NDArray[Any], rank: int) -> list[NDArray[Any]]:
    """Return (*S) or (C, *S) as a matrix a channel; a signal is a matrix of one row."""
    stack = values if values.ndim > rank else values[None]
    return [plane.reshape(1, -1) if rank == 1 else plane for plane in stack]


def panel(trace: Trace, index: int, style: PanelStyle) -> Scene:
    """Draw one step."""
    step = trace.steps[index]
    body = _signal(trace, index, style) if trace.rank == 1 else _matrices(trace, index, style)
    scene = Scene()
    scene.add(_heading(trace, index), 0.0, 0.0)
    scene.add(body, 0.0, HEADING_HEIGHT)
    scene.add(_lines(step, max(body.width, MIN_LINE_WIDTH)), 0.0, scene.height + 10)
    return scene


def _heading(trace: Trace, index: int) -> Scene:
    step = trace.steps[index]
    position = ", ".join(str(at) for at in step.position)
    if trace.start is None:
        title = f"Output ({position})"
    else:
        title = f"Step {trace.start + index + 1} of {trace.total_positions}: output ({position})"
    text = Text(0.0, HEADING_SIZE / 2 + 2, title, HEADING_SIZE, "ink", "start", bold=True)
    return Scene(text.width, HEADING_HEIGHT, texts=[text])


# -- two axes: matrices side by side


def _matrices(trace: Trace, index: int, style: PanelStyle) -> Scene:
    channels = range(len(planes(trace.input.values, 2)))
    left = stacked([_row(trace, trace.steps[index], channel, style) for channel in channels], ROW_GAP)
    return in_a_row([left, _output(trace, index, style.output)], ["arrow"], SIGN_WIDTH)


def _row(trace: Trace, step: Step, channel: int, style: PanelStyle) -> Scene:
    """Draw one channel: its part of the input, the kernel's, and their products."""
    suffix = f", channel {channel}" if trace.input.values.ndim > 2 else ""
    source = _input(trace, step, channel, style.input, suffix)
    if step.kernel is None or step.products is None or trace.kernel is None:
        return source
    met, sent = planes(step.kernel, 2)[channel], planes(trace.kernel, 2)[channel]
    flipped = ", flipped" if trace.plan.get("operation") == "convolution" else ""
    kernel = _kernel(step, met, sent, style.kernel, f"kernel{flipped}{suffix}")
    products = _products(step, channel, planes(step.products, 2)[channel], style, suffix)
    return in_a_row([source, kernel, products], ["times", "equals"], SIGN_WIDTH)


def _input(trace: Trace, step: Step, channel: int, style: GridStyle, suffix: str) -> Scene:
    view = trace.input
    origin = (view.origin[0], view.origin[1])
    title = f"input {view.size[0]} × {view.size[1]}{suffix}"
    scene = grid(
        planes(view.values, 2)[channel],
        style,
        title,
        origin=origin,
        padding=lambda row, column: not view.inside((row, column)),
        # What a pool's padding holds is never read, or counts as nothing: no number stands there.
        blank=None if step.products is not None else lambda row, column: not view.inside((row, column)),
    )
    _mark_window(scene, style, step, origin)
    return scene


def _mark_window(scene: Scene, style: GridStyle, step: Step, origin: tuple[int, int]) -> None:
    """Frame the window; where its taps lie apart, each of them too; the winner of a maximum or minimum."""
    spans = [(start - first, stop - first) for (start, stop), first in zip(_two(step.window), origin, strict=True)]
    if all(start < stop for start, stop in spans):
        frame_cells(scene, style, spans[0], spans[1], "window")
    size = step.patch.shape[-len(step.window) :]
    if size != tuple(stop - start for start, stop in step.window):
        for row, column in _taps(step, origin):
            frame_cells(scene, style, (row, row + 1), (column, column + 1), "window", thick=False)
    if "selected" in step.extra:
        row, column = (at - first for at, first in zip(_two_numbers(step.extra["selected"]), origin, strict=True))
        frame_cells(scene, style, (row, row + 1), (column, column + 1), "output")


def _taps(step: Step, origin: tuple[int, int]) -> list[tuple[int, int]]:
    """Return where each tap of a window lies, counted from the first drawn cell."""
    axes = []
    for (start, stop), count in zip(step.window, step.patch.shape[-len(step.window) :], strict=True):
        gap = (stop - start - 1) // (count - 1) if count > 1 else 1
        axes.append([start + gap * tap for tap in range(count)])
    if len(axes) == 1:
        axes = [[0], axes[0]]
    return [(row - origin[0], column - origin[1]) for row in axes[0] for column in axes[1]]


def _two(window: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    return [(0, 1), *window] if len(window) == 1 else list(window)


def _two_numbers(position: Sequence[int]) -> list[int]:
    return [0, *position] if len(position) == 1 else list(position)


def _kernel(step: Step, met: NDArray[Any], sent: NDArray[Any], style: GridStyle, title: str) -> Scene:
    """Draw the kernel as the step meets it; a transposed convolution's as it was sent, the taps met framed."""
    if "taps" not in step.extra:
        return grid(met, style, title)
    scene = grid(sent, style, title)
    for row in step.extra["taps"]:
        for tap in row:
            frame_cells(scene, style, (tap[0], tap[0] + 1), (tap[1], tap[1] + 1), "window", thick=False)
    return scene


def _products(step: Step, channel: int, values: NDArray[Any], style: PanelStyle, suffix: str) -> Scene:
    scene = grid(values, style.products, f"products{suffix}")
    scene.width = max(scene.width, style.products_size[1] * style.products.cell_width)
    scene.height = max(scene.height, TITLE_HEIGHT + style.products_size[0] * CELL_HEIGHT)
    if step.channel_sums is not None and len(step.channel_sums) > 1:
        text = f"sum {short(step.channel_sums[channel])}"
        below = Text(0.0, scene.height + LINE_HEIGHT / 2, text, LINE_SIZE, "ink", "start")
        scene.texts.append(below)
        scene.height += LINE_HEIGHT
    return scene


def _output(trace: Trace, index: int, style: GridStyle) -> Scene:
    """Draw the output as far as this step has filled it."""
    view = trace.output
    reached = {_place(trace, step.position) for step in trace.steps[: index + 1]}
    first = trace.start

    def blank(row: int, column: int) -> bool:
        place = _place(trace, (row, column) if trace.rank == 2 else (column,))
        return place not in reached and not (first is not None and place < first)

    values = planes(view.values, trace.rank)[0]
    origin = (view.origin[0], view.origin[1]) if trace.rank == 2 else (0, view.origin[0])
    title = "output " + " × ".join(str(n) for n in view.size) if trace.rank == 2 else ""
    scene = grid(values, style, title, origin=origin, blank=blank)
    row, column = (at - start for at, start in zip(_two_numbers(trace.steps[index].position), origin, strict=True))
    frame_cells(scene, style, (row, row + 1), (column, column + 1), "output")
    return scene


def _place(trace: Trace, position: tuple[int, ...]) -> int:
    return int(np.ravel_multi_index(position, trace.output.size))


# -- one axis: rows one below the other, cell under cell


def _signal(trace: Trace, index: int, style: PanelStyle) -> Scene:
    step, view = trace.steps[index], trace.input
    stages = "stages" in step.extra
    several = view.values.ndim > 1
    scene = Scene()
    for channel, values in enumerate(planes(view.values, 1)):
        suffix = f" {channel}" if several else ""
        origin = (0, view.origin[0])
        row = grid(
            values,
            style.input,
            "",
            origin=origin,
            padding=lambda _, column: not view.inside((column,)),
            blank=None if step.products is not None else lambda _, column: not view.inside((column,)),
        )
        _mark_window(row, style.input, step, origin)
        _labelled(scene, f"input{suffix}", row)
        if step.products is None or step.kernel is None:
            continue
        label = f"folded, at t = {displaced(step)}" if stages else f"kernel{suffix}"
        _labelled(scene, label, _aligned(step, planes(step.kernel, 1)[channel], style.kernel, view.origin[0]))
        label = "multiplied" if stages else f"products{suffix}"
        _labelled(scene, label, _aligned(step, planes(step.products, 1)[channel], style.products, view.origin[0]))
    output = _output(trace, index, style.output)
    summed = "dt·sum" if "sample_spacing" in step.extra else "summed"
    _labelled(scene, f"{summed}, so far" if stages else "output so far", output)
    return scene


def displaced(step: Step) -> str:
    """Return the t that a folded kernel stands at, in the units of the sample spacing where there is one."""
    return short(step.extra["stages"]["displace"] * step.extra.get("sample_spacing", 1), 6)


def _labelled(scene: Scene, label: str, row: Scene) -> None:
    """Put a row below what is there, its label to its left."""
    y = scene.height + (ROW_GAP / 2 if scene.height else 0)
    middle = (row.grid_box[1] + row.grid_box[3]) / 2
    scene.texts.append(Text(0.0, y + middle, label, LINE_SIZE, "muted", "start"))
    scene.add(row, LABEL_WIDTH, y)


def _aligned(step: Step, values: NDArray[Any], style: GridStyle, origin: int) -> Scene:
    """Draw taps below the input's cells that they meet."""
    scene = Scene()
    for value, (_, column) in zip(values[0], _taps(step, (0, origin)), strict=True):
        scene.add(grid(np.array([[value]]), style, ""), column * style.cell_width, 0.0)
    return scene


# -- the arithmetic below


def _lines(step: Step, width: float) -> Scene:
    """Write the expression in at most `MAX_LINES` lines, its value at the end."""
    characters = int(width / (LINE_SIZE * CHARACTER_WIDTH))
    lines = wrapped(signed(step.expression), characters)
    result = f"= {short(step.value, 6)}"
    if len(lines) > MAX_LINES:
        lines = [*lines[: MAX_LINES - 1], "…"]
    if len(lines[-1]) + 1 + len(result) <= characters:
        lines[-1] = f"{lines[-1]} {result}"
    else:
        lines.append(result)
    scene = Scene()
    for number, line in enumerate(lines):
        text = Text(0.0, (number + 0.5) * LINE_HEIGHT, line, LINE_SIZE, "ink", "start")
        scene.texts.append(text)
        scene.width = max(scene.width, text.width)
    scene.height = len(lines) * LINE_HEIGHT
    return scene


def wrapped(expression: str, characters: int) -> list[str]:
    """Break an expression before its signs into lines of at most so many characters."""
    lines, line = [], ""
    for word in expression.replace(" + ", "\n+ ").replace(", ", ",\n").split("\n"):
        if line and len(line) + 1 + len(word) > characters:
            lines.append(line)
            line = word
        else:
            line = f"{line} {word}" if line else word
    return [*lines, line]
