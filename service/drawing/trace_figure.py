"""What every drawing of a trace shares: its heading, and what it has room for."""

from __future__ import annotations

from service.drawing.errors import TraceTooLarge
from service.drawing.scene import Scene, Text
from service.schemas.traced import MAX_SIDE, Step, Trace

MAX_CHANNELS = 8
# Some 500 KB of SVG.
MAX_SVG_CELLS = 8_000

TITLE_SIZE = 18.0
FORMULA_SIZE = 13.0
FORMULA_HEIGHT = 20.0


def require_drawable(trace: Trace) -> None:
    """Refuse a trace of which no picture has room for even one step.

    Raises
    ------
    TraceTooLarge
        Naming the limit and what came.
    """
    first = trace.steps[0]
    sides = [stop - start for start, stop in first.window]
    sides += trace.kernel.shape[-trace.rank :] if trace.kernel is not None else ()
    if max(sides) > MAX_SIDE:
        raise TraceTooLarge(
            f"a drawing has room for {MAX_SIDE} cells a side and a window of this computation has {max(sides)}; "
            "ask for application/json",
            "",
            limit=MAX_SIDE,
            actual=max(sides),
        )
    channels = 1 if trace.input.values.ndim == trace.rank else trace.input.values.shape[0]
    if channels > MAX_CHANNELS:
        raise TraceTooLarge(
            f"a drawing has room for {MAX_CHANNELS} channels and this filter reads {channels}; "
            "ask for application/json",
            "/kernel",
            limit=MAX_CHANNELS,
            actual=channels,
        )


def side_needed(trace: Trace) -> int:
    """Return the cells a side of the smallest part of the input that holds every step's window."""
    needed = 0
    for axis in range(trace.rank):
        spans = [step.window[axis] for step in trace.steps]
        needed = max(needed, max(stop for _, stop in spans) - min(start for start, _ in spans))
    return needed


def fitting_steps(trace: Trace, max_cells: int) -> int:
    """Return how many steps of the page, from the first, fit a drawing of so many cells; at least one."""
    return min(trace.in_view, max(1, max_cells // max(1, _panel_cells(trace, trace.steps[0]))))


def _panel_cells(trace: Trace, step: Step) -> int:
    kernel = 0 if trace.kernel is None else trace.kernel.size
    products = 0 if step.products is None else step.products.size
    return trace.input.values.size + trace.output.values.size + kernel + products


def figure_heading(trace: Trace) -> Scene:
    """Draw the title and the size formula of each axis."""
    scene = Scene(height=TITLE_SIZE + 10)
    title = Text(0.0, TITLE_SIZE / 2, figure_title(trace), TITLE_SIZE, "ink", "start", bold=True)
    scene.texts.append(title)
    scene.width = title.width
    for entry in trace.formula:
        told = "window" in entry["expression"]  # adaptive windows are told, not computed
        line = f"{entry['name']}: {entry['expression']}" + ("" if told else f" = {entry['result']}")
        text = Text(0.0, scene.height + FORMULA_HEIGHT / 2, line, FORMULA_SIZE, "muted", "start")
        scene.texts.append(text)
        scene.width = max(scene.width, text.width)
        scene.height += FORMULA_HEIGHT
    return scene


def figure_title(trace: Trace) -> str:
    """Return the sentence that a drawing opens with."""
    size = " × ".join(str(n) for n in trace.input.size)
    result = " × ".join(str(n) for n in trace.output.size)
    what = trace.operation if trace.kernel is not None else f"{trace.plan.get('kind')} {trace.operation}"
    if trace.plan.get("operation") == "convolution":
        what += ", kernel flipped"
    if trace.kernel is None:
        return f"{what}: input {size} → output {result}"
    kernel = " × ".join(str(n) for n in trace.kernel.shape[-trace.rank :])
    return f"{what}: input {size}, kernel {kernel} → output {result}"
