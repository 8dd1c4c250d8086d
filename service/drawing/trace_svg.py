"""A trace as one SVG: a panel a step, light and dark, without any reference to the outside."""

from __future__ import annotations

from collections import defaultdict
from xml.sax.saxutils import escape

from service.drawing.palette import DARK, LIGHT, Theme
from service.drawing.scene import Frame, Scene, Sign, Text, stacked
from service.drawing.trace_figure import MAX_SVG_CELLS, figure_heading, fitting_steps, require_drawable
from service.drawing.trace_panels import panel, panel_style
from service.schemas.traced import Trace

MARGIN = 24.0
PANEL_GAP = 34.0
FONTS = "system-ui,-apple-system,'Segoe UI','Helvetica Neue','DejaVu Sans',sans-serif"


def trace_svg(trace: Trace, *, max_cells: int = MAX_SVG_CELLS) -> str:
    """Draw a trace.

    Parameters
    ----------
    trace
    max_cells
        Cells drawn at most; steps of the page that would pass it are left out. A last line says how to get the rest.

    Raises
    ------
    TraceTooLarge
        The input or output has more cells a side, or more channels, than a drawing has room for.
    """
    require_drawable(trace)
    count = fitting_steps(trace, max_cells)
    style = panel_style(trace)
    scenes = [figure_heading(trace), *(panel(trace, index, style) for index in range(count))]
    if count < len(trace.steps) or trace.following is not None:
        scenes.append(_left_out(trace, count))
    return _document(stacked(scenes, PANEL_GAP), trace)


def _left_out(trace: Trace, count: int) -> Scene:
    if trace.start is None:
        told = f"… and {len(trace.steps) - count} more: ask for fewer positions"
    else:
        start = trace.start + count
        told = f"… and {trace.total_positions - start} more: ask for start = {start}"
    text = Text(0.0, 10.0, told, 13.0, "muted", "start")
    return Scene(text.width, 20.0, texts=[text])


def _document(scene: Scene, trace: Trace) -> str:
    width, height = scene.width + 2 * MARGIN, scene.height + 2 * MARGIN
    title = f"Trace of {trace.operation}: {len(trace.steps)} of {trace.total_positions} output positions"
    size = f'width="{_n(width)}" height="{_n(height)}"'
    return "".join(
        (
            f'<svg xmlns="http://www.w3.org/2000/svg" class="trace" role="img" {size} ',
            f'viewBox="0 0 {_n(width)} {_n(height)}">',
            f"<title>{escape(title)}</title>",
            f"<desc>{escape(' '.join(step.expression for step in trace.steps[:1]))}</desc>",
            f"<style>{_style()}</style>",
            f'<rect class="bg" {size}/>',
            f'<g transform="translate({_n(MARGIN)} {_n(MARGIN)})">',
            _cells(scene),
            _texts(scene),
            *(_frame(frame) for frame in scene.frames),
            *(_sign(sign) for sign in scene.signs),
            "</g></svg>",
        )
    )


def _style() -> str:
    shared = (
        f".trace text{{font-family:{FONTS};font-variant-numeric:tabular-nums;dominant-baseline:central}}"
        ".trace .m{text-anchor:middle}.trace .e{text-anchor:end}.trace .b{font-weight:600}"
        ".trace .frame{fill:none;stroke-width:3;stroke-linejoin:round}.trace .thin{stroke-width:1.5}"
        ".trace .sign{fill:none;stroke-width:2;stroke-linecap:round;stroke-linejoin:round}"
        ".trace .padding{stroke-dasharray:3 2}"
    )
    return f"{shared}{_theme(LIGHT)}@media (prefers-color-scheme:dark){{{_theme(DARK)}}}"


def _theme(theme: Theme) -> str:
    fills = "".join(f".trace .v{index}{{fill:{fill}}}" for index, fill in enumerate(theme.values))
    return (
        f".trace .bg{{fill:{theme.background}}}.trace .cell{{stroke:{theme.line}}}{fills}"
        f".trace .empty{{fill:{theme.surface}}}.trace .padding{{fill:{theme.background};stroke:{theme.padding}}}"
        f".trace .ink{{fill:{theme.ink}}}.trace .muted{{fill:{theme.muted}}}"
        f".trace .sign{{stroke:{theme.muted}}}"
        f".trace .window{{stroke:{theme.window}}}.trace .output{{stroke:{theme.output}}}"
    )


def _cells(scene: Scene) -> str:
    """Draw all cells of one fill as one path: a tenth of the bytes of a rectangle each."""
    paths: dict[str, list[str]] = defaultdict(list)
    for cell in scene.cells:
        fill = "padding" if cell.padding else "empty" if cell.level is None else f"v{cell.level}"
        outline = f"M{_n(cell.x)} {_n(cell.y)}h{_n(cell.width)}v{_n(cell.height)}h{_n(-cell.width)}z"
        paths[fill].append(outline)
    # Padding last: its dashes lie over the lines of the cells beside it.
    order = sorted(paths, key=lambda fill: (fill == "padding", fill))
    return "".join(f'<path class="cell {fill}" d="{"".join(paths[fill])}"/>' for fill in order)


def _texts(scene: Scene) -> str:
    """Draw texts in groups of one look, so that each carries only its place."""
    groups: dict[str, list[str]] = defaultdict(list)
    for text in scene.texts:
        anchor = {"start": "", "middle": " m", "end": " e"}[text.anchor]
        bold = " b" if text.bold else ""
        look = f'class="{text.role}{anchor}{bold}" font-size="{_n(text.size)}"'
        groups[look].append(f'<text x="{_n(text.x)}" y="{_n(text.y)}">{escape(text.text)}</text>')
    return "".join(f"<g {look}>{''.join(texts)}</g>" for look, texts in groups.items())


def _frame(frame: Frame) -> str:
    thin = "" if frame.thick else " thin"
    return (
        f'<rect class="frame {frame.role}{thin}" x="{_n(frame.x)}" y="{_n(frame.y)}" '
        f'width="{_n(frame.width)}" height="{_n(frame.height)}"/>'
    )


def _sign(sign: Sign) -> str:
    strokes = {
        "times": "m-6-6 12 12m0-12-12 12",
        "equals": "m-8-4h16m-16 8h16",
        "arrow": "m-12 0h24m-7-6 7 6-7 6",
    }
    return f'<path class="sign" d="M{_n(sign.x)} {_n(sign.y)}{strokes[sign.kind]}"/>'


def _n(value: float) -> str:
    """Return a coordinate in as few characters as its tenth of a pixel needs."""
    return f"{value:.1f}".removesuffix(".0")
