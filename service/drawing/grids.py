"""A matrix as a grid of cells: values on fills that show their sign and size, with coordinates and a title."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from service.drawing.numbers import short
from service.drawing.palette import level
from service.drawing.scene import CHARACTER_WIDTH, Cell, Frame, Role, Scene, Text

CELL_HEIGHT = 30.0
MIN_CELL_WIDTH = 34.0
VALUE_SIZE = 14.0
COORDINATE_SIZE = 10.0
TITLE_SIZE = 12.0
TITLE_HEIGHT = 20.0
COORDINATE_HEIGHT = 15.0
_CELL_MARGIN = 8.0


@dataclass(frozen=True, slots=True)
class GridStyle:
    """What all drawings of one matrix share, so that a grid keeps its size and colours from step to step.

    Attributes
    ----------
    cell_width
        Wide enough for the longest number of any step.
    bound
        The largest magnitude of any step, which the strongest fill stands for.
    coordinates
        Whether rows and columns are numbered, or columns alone.
    """

    cell_width: float
    bound: float
    coordinates: Literal["columns"] | bool

    @property
    def left(self) -> float:
        """Room for the rows' numbers."""
        return 30.0 if self.coordinates is True else 0.0


def style_of(values: Sequence[NDArray[Any]], *, coordinates: bool = False) -> GridStyle:
    """Return the style in which all of these matrices fit."""
    flat = np.concatenate([np.asarray(array, dtype=np.float64).ravel() for array in values] + [np.zeros(1)])
    longest = max(len(short(value)) for value in np.unique(flat))
    width = max(MIN_CELL_WIDTH, longest * VALUE_SIZE * CHARACTER_WIDTH + _CELL_MARGIN)
    return GridStyle(width, float(np.abs(flat).max()), coordinates)


def grid(
    values: NDArray[Any],
    style: GridStyle,
    title: str,
    *,
    origin: tuple[int, int] = (0, 0),
    padding: Callable[[int, int], bool] | None = None,
    blank: Callable[[int, int], bool] | None = None,
) -> Scene:
    """Draw a matrix.

    Parameters
    ----------
    values : ndarray of shape (R, C)
    style
    title
        Above it.
    origin
        Coordinates of the first cell.
    padding, blank : callable (row, column) -> bool, optional
        Of a cell's coordinates: whether it lies in the padding; whether its value is not shown.
    """
    scene = Scene()
    rows, columns = values.shape
    top = (TITLE_HEIGHT if title else 0.0) + (COORDINATE_HEIGHT if style.coordinates else 0.0)
    for row in range(rows):
        for column in range(columns):
            at = (row + origin[0], column + origin[1])
            x, y = style.left + column * style.cell_width, top + row * CELL_HEIGHT
            outside = padding is not None and padding(*at)
            hidden = blank is not None and blank(*at)
            fill = None if outside or hidden else level(float(values[row, column]), style.bound)
            scene.cells.append(Cell(x, y, style.cell_width, CELL_HEIGHT, fill, outside))
            if not hidden:
                middle = (x + style.cell_width / 2, y + CELL_HEIGHT / 2)
                text = short(values[row, column])
                scene.texts.append(Text(*middle, text, VALUE_SIZE, "muted" if outside else "ink"))
    scene.width = style.left + columns * style.cell_width
    scene.height = top + rows * CELL_HEIGHT
    if title:
        heading = Text(style.left, TITLE_HEIGHT / 2 - 1, title, TITLE_SIZE, "muted", "start")
        scene.texts.append(heading)
        scene.width = max(scene.width, style.left + heading.width)
    if style.coordinates:
        _number(scene, values.shape, style, top, origin)
    return scene


def _number(scene: Scene, shape: tuple[int, ...], style: GridStyle, top: float, origin: tuple[int, int]) -> None:
    """Put the coordinates around a grid's cells."""
    for column in range(shape[1]):
        x = style.left + (column + 0.5) * style.cell_width
        text = short(column + origin[1])
        scene.texts.append(Text(x, top - COORDINATE_HEIGHT / 2, text, COORDINATE_SIZE, "muted"))
    if style.coordinates == "columns":
        return
    for row in range(shape[0]):
        y = top + (row + 0.5) * CELL_HEIGHT
        text = short(row + origin[0])
        scene.texts.append(Text(style.left - 6, y, text, COORDINATE_SIZE, "muted", "end"))


def frame_cells(
    scene: Scene,
    style: GridStyle,
    rows: tuple[int, int],
    columns: tuple[int, int],
    role: Role,
    *,
    thick: bool = True,
) -> None:
    """Outline cells: `rows` and `columns` are (first, past the last), counted from the first drawn."""
    left, top, _, _ = scene.grid_box
    scene.frames.append(
        Frame(
            left + columns[0] * style.cell_width,
            top + rows[0] * CELL_HEIGHT,
            (columns[1] - columns[0]) * style.cell_width,
            (rows[1] - rows[0]) * CELL_HEIGHT,
            role,
            thick,
        )
    )
