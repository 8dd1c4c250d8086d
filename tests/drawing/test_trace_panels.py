"""The layout of a step: no text upon another, the window and the output's cell where they belong."""

from __future__ import annotations

import numpy as np
import pytest

from service.drawing.scene import Scene, Text
from service.drawing.trace_panels import panel, panel_style, wrapped
from service.schemas.traced import Trace
from tests.drawing.examples import EDGE, KINDS, RAMP, anchor, conv, of_size, pooled, transposed


def drawn(trace: Trace, index: int = 0) -> Scene:
    return panel(trace, index, panel_style(trace))


def overlapping(texts: list[Text]) -> list[tuple[str, str]]:
    """Return every two texts whose boxes meet."""
    found = []
    for place, one in enumerate(texts):
        for other in texts[:place]:
            (left, top, right, bottom), (left2, top2, right2, bottom2) = one.box, other.box
            if left < right2 and left2 < right and top < bottom2 and top2 < bottom:
                found.append((one.text, other.text))
    return found


def value_frames(scene: Scene, role: str) -> list[list[str]]:
    """Return the texts that lie inside each thick frame of a role."""
    frames = [frame for frame in scene.frames if frame.role == role and frame.thick]
    return [
        [
            text.text
            for text in scene.texts
            if text.size == 14  # a cell's value
            and frame.x < text.x < frame.x + frame.width
            and frame.y < text.y < frame.y + frame.height
        ]
        for frame in frames
    ]


@pytest.mark.parametrize("kind", KINDS)
def test_no_text_lies_upon_another_from_3_to_12_cells_a_side(kind: str) -> None:
    for side in range(3, 13):
        trace = of_size(kind, side)
        for index in range(len(trace.steps)):
            assert overlapping(drawn(trace, index).texts) == []


def test_the_overlap_check_can_fail() -> None:
    texts = [Text(0, 0, "10", 14), Text(10, 3, "20", 14)]
    assert overlapping(texts) == [("20", "10")]


@pytest.mark.parametrize("kind", KINDS)
def test_a_cells_number_fits_its_cell(kind: str) -> None:
    scene = drawn(of_size(kind, 7))
    for text in scene.texts:
        if text.size != 14:
            continue
        left, top, right, bottom = text.box
        assert any(
            cell.x <= left and right <= cell.x + cell.width and cell.y <= top and bottom <= cell.y + cell.height
            for cell in scene.cells
        ), text


def test_the_window_and_the_output_cell_are_framed() -> None:
    scene = drawn(anchor(), 4)
    assert value_frames(scene, "window") == [["70", "80", "90", "120", "130", "140", "170", "180", "190"]]
    assert value_frames(scene, "output") == [["−60"]]


def test_the_output_fills_step_by_step() -> None:
    trace = anchor(start=3, count=3)
    shown = [[text.text for text in drawn(trace, index).texts].count("−60") for index in range(3)]
    assert shown == [4, 5, 6]  # the three of the page before, and this page's so far


def test_picked_positions_fill_only_themselves() -> None:
    trace = anchor(positions=[[2, 2], [0, 0]])
    shown = [[text.text for text in drawn(trace, index).texts].count("−60") for index in range(2)]
    assert shown == [1, 2]


def test_dilated_taps_are_framed_one_by_one() -> None:
    scene = drawn(conv(input=RAMP, kernel=EDGE, dilation=2))
    assert len([frame for frame in scene.frames if frame.role == "window" and not frame.thick]) == 9
    assert len([frame for frame in scene.frames if frame.role == "window" and frame.thick]) == 1


def test_the_winner_of_a_maximum_is_framed() -> None:
    assert value_frames(drawn(pooled(input=RAMP, kernel_size=2)), "output") == [["70"], ["70"]]


def test_the_taps_that_a_transposed_convolution_meets_are_framed() -> None:
    scene = drawn(transposed(input=RAMP[:2, :2], kernel=EDGE, stride=2, positions=[[2, 2]]))
    assert len([frame for frame in scene.frames if frame.role == "window" and not frame.thick]) == 4


def test_a_signal_is_displaced_in_the_units_of_its_spacing() -> None:
    """At position 2 of samples half a unit apart t is 1, and what fills the output is dt times the sum."""
    fields = {"input": np.ones(4), "kernel": np.ones(2), "operation": "convolution", "padding": "full"}
    for spacing, labels in (
        (None, ["folded, at t = 2", "summed, so far"]),
        (0.5, ["folded, at t = 1", "dt·sum, so far"]),
    ):
        trace = conv(1, **fields, **({} if spacing is None else {"sample_spacing": spacing}))
        assert set(labels) <= {text.text for text in drawn(trace, 2).texts}


def test_a_position_that_nothing_reaches_is_drawn() -> None:
    trace = transposed(input=RAMP[:2, :2], kernel=EDGE[:1, :1], stride=2, positions=[[1, 1]])
    assert "0 = 0" in [text.text for text in drawn(trace).texts]


def test_padding_is_marked_and_a_pools_holds_no_number() -> None:
    reflected = drawn(conv(input=RAMP, kernel=EDGE, padding=1, padding_mode="reflect"))
    assert sum(cell.padding for cell in reflected.cells) == 24
    assert [text.text for text in reflected.texts if text.role == "muted" and text.size == 14][:7] == [
        *("70", "60", "70", "80", "90", "100", "90"),
    ]
    empty = drawn(pooled(input=RAMP, kernel_size=3, padding=1))
    assert [text for text in empty.texts if text.role == "muted" and text.size == 14] == []


# By hand: breaks before a sign, never within a product.
def test_long_expressions_are_wrapped_before_a_sign() -> None:
    assert wrapped("10×1 + 20×(−1) + 30×0", 14) == ["10×1 + 20×(−1)", "+ 30×0"]
    assert wrapped("max(1, 22, 333)", 10) == ["max(1, 22,", "333)"]
