"""The SVG as a file: valid, self-contained, in two themes, small."""

from __future__ import annotations

import re
from xml.etree import ElementTree

import numpy as np
import pytest

from service.drawing.errors import TraceTooLarge
from service.drawing.palette import DARK, LIGHT
from service.drawing.trace_svg import trace_svg
from tests.drawing.examples import EDGE, KINDS, anchor, conv, of_size, pooled

SVG = "{http://www.w3.org/2000/svg}"


@pytest.mark.parametrize("kind", KINDS)
def test_it_is_valid_xml_without_any_reference_to_the_outside(kind: str) -> None:
    text = trace_svg(of_size(kind, 5))
    root = ElementTree.fromstring(text)
    assert root.tag == f"{SVG}svg"
    assert {element.tag.removeprefix(SVG) for element in root.iter()} <= {
        *("svg", "title", "desc", "style", "rect", "g", "path", "text"),
    }
    assert not re.search(r"href|url\(|@import|<script|\son\w+=", text)
    assert text.count("http") == 1  # the namespace's name


def test_every_text_lies_inside_the_picture() -> None:
    root = ElementTree.fromstring(trace_svg(anchor()))
    width, height = float(root.attrib["width"]), float(root.attrib["height"])
    assert root.attrib["viewBox"] == f"0 0 {root.attrib['width']} {root.attrib['height']}"
    for text in root.iter(f"{SVG}text"):
        assert 0 <= float(text.attrib["x"]) <= width
        assert 0 <= float(text.attrib["y"]) <= height


def test_it_shows_every_step_with_its_arithmetic() -> None:
    texts = [text.text for text in ElementTree.fromstring(trace_svg(anchor())).iter(f"{SVG}text")]
    assert texts.count("10×1 + 20×0 + 30×(−1) + 60×1 + 70×0 + 80×(−1) + 110×1 + 120×0 + 130×(−1) = −60") == 1
    assert [text for text in texts if text and text.startswith("Step")] == [
        f"Step {number} of 9: output ({row}, {column})"
        for number, (row, column) in enumerate([(row, column) for row in range(3) for column in range(3)], 1)
    ]


def test_a_formula_ends_in_its_result_and_adaptive_windows_are_told() -> None:
    assert ">rows: ⌊(5 + 0 + 0 − 1·(3 − 1) − 1) / 1⌋ + 1 = 3<" in trace_svg(anchor())
    assert ">samples: 2 windows, window i from ⌊i·3/2⌋ to ⌈(i + 1)·3/2⌉<" in trace_svg(
        pooled(1, input=np.arange(3), output_size=2)
    )


def test_it_has_a_light_and_a_dark_theme() -> None:
    style = ElementTree.fromstring(trace_svg(anchor())).find(f"{SVG}style")
    assert style is not None
    assert style.text is not None
    light, dark = style.text.split("@media (prefers-color-scheme:dark)")
    assert LIGHT.background in light
    assert DARK.background in dark
    # Whatever one theme colours, the other colours too.
    assert set(re.findall(r"\.trace \.(\w+)\{(?:fill|stroke):#", light)) == set(
        re.findall(r"\.trace \.(\w+)\{(?:fill|stroke):#", dark)
    )


def test_the_anchor_is_small() -> None:
    assert len(trace_svg(anchor()).encode()) < 60_000


def test_what_does_not_fit_is_left_out_and_said() -> None:
    text = trace_svg(anchor(), max_cells=120)  # 25 + 9 + 9 + 9 a step
    assert text.count("Step ") == 2
    assert "… and 7 more: ask for start = 2<" in text


def test_a_page_says_how_to_get_the_next_and_picked_positions_have_none() -> None:
    assert "… and 7 more: ask for start = 2<" in trace_svg(conv(input=np.ones((5, 5)), kernel=EDGE, count=2))
    assert "more: ask for" not in trace_svg(conv(input=np.ones((5, 5)), kernel=EDGE, start=7, count=2))
    assert "more: ask for" not in trace_svg(conv(input=np.ones((5, 5)), kernel=EDGE, positions=[[0, 0]]))


def test_of_a_large_input_the_first_steps_are_drawn() -> None:
    text = trace_svg(conv(input=np.ones((1000, 1000)), kernel=EDGE))
    assert "input 1000 × 1000" in text
    assert text.count("Step ") == 22
    assert "… and 995982 more: ask for start = 22<" in text


def test_a_window_too_wide_for_a_screen_is_refused_with_the_limit() -> None:
    with pytest.raises(
        TraceTooLarge, match="room for 24 cells a side and a window of this computation has 30"
    ) as caught:
        trace_svg(conv(input=np.ones((40, 40)), kernel=np.ones((30, 2))))
    assert caught.value.extra == {"limit": 24, "actual": 30}


def test_a_few_positions_of_a_large_input_are_drawn_with_what_is_around_them() -> None:
    text = trace_svg(conv(input=np.ones((1000, 1000)), kernel=EDGE, positions=[[500, 500], [501, 502]]))
    assert ">500<" in text
    assert "input 1000 × 1000" in text


def test_too_many_channels_are_refused_with_the_limit() -> None:
    with pytest.raises(TraceTooLarge, match="room for 8 channels and this filter reads 9"):
        trace_svg(conv(input=np.ones((9, 4, 4)), kernel=np.ones((1, 9, 3, 3))))


def test_nine_products_and_their_sum_stand_on_one_line() -> None:
    text = trace_svg(conv(input=np.arange(10, 100, 10).reshape(3, 3), kernel=EDGE))
    assert "+ 70×1 + 80×0 + 90×(−1) = −60<" in text
