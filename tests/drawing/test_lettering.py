"""Lines of text for pixels: every sign that a drawing writes has a shape of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from service.drawing.lettering import MASK_MARGIN, lettered
from service.drawing.numbers import signed
from service.drawing.trace_figure import figure_heading
from service.drawing.trace_panels import panel, panel_style
from tests.drawing.examples import KINDS, of_size

if TYPE_CHECKING:
    from numpy.typing import NDArray


def ink(text: str) -> NDArray[np.bool_]:
    """Return where a line has ink, without the rows and columns that have none."""
    mask = np.array(lettered(text, 40.0, False)[0]) > 127
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    return mask[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]


# What fonts show for a character that they do not have.
MISSING = ink("\uffff")


@pytest.mark.parametrize("kind", KINDS)
def test_every_character_of_a_trace_is_one_that_can_be_drawn(kind: str) -> None:
    trace = of_size(kind, 4)
    texts = figure_heading(trace).texts + panel(trace, 0, panel_style(trace)).texts
    written = set("".join(text.text for text in texts) + signed("⌊-1⌋ ⌈2⌉ × → · …")) - {" "}
    assert {character for character in written if np.array_equal(ink(character), MISSING)} == set()


def test_signs_have_their_shapes() -> None:
    for turned in (ink("×")[:, ::-1], ink("×")[::-1]):
        assert (ink("×") != turned).mean() < 0.25  # strokes begin and end on whole pixels
    assert (ink("→") != ink("→")[::-1]).mean() < 0.25
    height, width = ink("−").shape
    assert width > 3 * height
    for name, foot in (("⌊", -1), ("⌋", -1), ("⌈", 0), ("⌉", 0)):
        stem = 0 if name in "⌊⌈" else -1
        assert ink(name)[foot].mean() > 0.8 > 0.5 > ink(name)[-1 - foot].mean()
        assert ink(name)[:, stem].mean() > 0.8 > 0.5 > ink(name)[:, -1 - stem].mean()


def test_a_line_is_as_long_as_its_parts() -> None:
    parts = [lettered(part, 14.0, False)[1] for part in ("input 5 ", "×", " 5")]
    mask, length = lettered("input 5 × 5", 14.0, False)
    assert length == sum(parts)
    assert mask.width == length + 2 * MASK_MARGIN
