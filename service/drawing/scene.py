"""A drawing before it is drawn: cells, texts, frames and signs, placed in pixels.

Traces are laid out once as scenes; SVG and GIF each only know how to draw a scene, so that both look alike.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

Role = Literal["ink", "muted", "window", "output"]
Anchor = Literal["start", "middle", "end"]
SignKind = Literal["times", "equals", "arrow"]

# The widest common digits are DejaVu Sans' and Verdana's, 0.636 of the font's size; a text is taken to be this wide.
CHARACTER_WIDTH = 0.64


class Cell(NamedTuple):
    """A cell of a grid: filled by its value's `level`, or as "padding" or "empty" where `level` is None."""

    x: float
    y: float
    width: float
    height: float
    level: int | None
    padding: bool = False

    def moved(self, x: float, y: float) -> Cell:
        """Return the same, so much further."""
        return Cell(self.x + x, self.y + y, self.width, self.height, self.level, self.padding)


class Text(NamedTuple):
    """A line of text; `y` is its middle."""

    x: float
    y: float
    text: str
    size: float
    role: Role = "ink"
    anchor: Anchor = "middle"
    bold: bool = False

    def moved(self, x: float, y: float) -> Text:
        """Return the same, so much further."""
        return Text(self.x + x, self.y + y, self.text, self.size, self.role, self.anchor, self.bold)

    @property
    def width(self) -> float:
        """An upper estimate, whatever sans-serif font it is drawn with."""
        return len(self.text) * self.size * CHARACTER_WIDTH

    @property
    def box(self) -> tuple[float, float, float, float]:
        """(left, top, right, bottom)."""
        left = self.x - {"start": 0.0, "middle": 0.5, "end": 1.0}[self.anchor] * self.width
        return left, self.y - self.size / 2, left + self.width, self.y + self.size / 2


class Frame(NamedTuple):
    """An outline around cells."""

    x: float
    y: float
    width: float
    height: float
    role: Role
    thick: bool = True

    def moved(self, x: float, y: float) -> Frame:
        """Return the same, so much further."""
        return Frame(self.x + x, self.y + y, self.width, self.height, self.role, self.thick)


class Sign(NamedTuple):
    """An operator, drawn in lines so that no font must have it; `x`, `y` is its middle."""

    x: float
    y: float
    kind: SignKind

    def moved(self, x: float, y: float) -> Sign:
        """Return the same, so much further."""
        return Sign(self.x + x, self.y + y, self.kind)


@dataclass
class Scene:
    """What is drawn, back to front: cells, texts, frames, signs."""

    width: float = 0.0
    height: float = 0.0
    cells: list[Cell] = field(default_factory=list)
    texts: list[Text] = field(default_factory=list)
    frames: list[Frame] = field(default_factory=list)
    signs: list[Sign] = field(default_factory=list)

    @property
    def grid_box(self) -> tuple[float, float, float, float]:
        """(left, top, right, bottom) of the cells alone; of everything where there is none."""
        if not self.cells:
            return 0.0, 0.0, self.width, self.height
        return (
            min(cell.x for cell in self.cells),
            min(cell.y for cell in self.cells),
            max(cell.x + cell.width for cell in self.cells),
            max(cell.y + cell.height for cell in self.cells),
        )

    def add(self, other: Scene, x: float, y: float) -> None:
        """Put another scene on this one with its corner at (x, y); this one grows where it must."""
        self.cells += [item.moved(x, y) for item in other.cells]
        self.texts += [item.moved(x, y) for item in other.texts]
        self.frames += [item.moved(x, y) for item in other.frames]
        self.signs += [item.moved(x, y) for item in other.signs]
        self.width = max(self.width, x + other.width)
        self.height = max(self.height, y + other.height)


def in_a_row(parts: Sequence[Scene], signs: Sequence[SignKind], gap: float) -> Scene:
    """Return scenes side by side, the middles of their grids on one line, an operator between each two."""
    tops = [(part.grid_box[1] + part.grid_box[3]) / 2 for part in parts]
    middle = max(tops)
    scene, x, edge = Scene(), 0.0, 0.0
    for place, (part, top) in enumerate(zip(parts, tops, strict=True)):
        left, _, right, _ = part.grid_box
        if place:
            scene.signs.append(Sign((edge + x + gap + left) / 2, middle, signs[place - 1]))
            x += gap
        scene.add(part, x, middle - top)
        edge = x + right
        x += part.width
    return scene


def stacked(scenes: Iterable[Scene], gap: float) -> Scene:
    """Return scenes one below the other."""
    whole = Scene()
    for scene in scenes:
        whole.add(scene, 0.0, whole.height + gap if whole.height else 0.0)
    return whole
