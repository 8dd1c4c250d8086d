"""The animation as a file: a frame a step, small, bounded, the window moving."""

from __future__ import annotations

import io
from dataclasses import replace
from typing import Any, ClassVar

import numpy as np
import pytest
from PIL import Image

from service.drawing.errors import TraceTooLarge
from service.drawing.palette import LIGHT, rgb
from service.drawing.trace_gif import trace_gif
from service.schemas.traced import Step
from tests.drawing.examples import EDGE, KINDS, anchor, conv, of_size


def frames(data: bytes) -> list[np.ndarray[tuple[int, ...], np.dtype[np.uint8]]]:
    image = Image.open(io.BytesIO(data))
    found = []
    for index in range(getattr(image, "n_frames", 1)):
        image.seek(index)
        found.append(np.array(image.convert("RGB")))
    return found


def left_edge(frame: np.ndarray[tuple[int, ...], np.dtype[np.uint8]]) -> tuple[int, int]:
    """Return the first row and column of the window's frame."""
    rows, columns = np.nonzero((frame == rgb(LIGHT.window)).all(axis=-1))
    return int(rows.min()), int(columns.min())


def test_a_frame_a_step_and_the_window_slides() -> None:
    data = trace_gif(anchor())
    assert data[:6] == b"GIF89a"
    shown = frames(data)
    assert len(shown) == 9
    places = [left_edge(frame) for frame in shown]
    cell_height, cell_width = places[3][0] - places[0][0], places[1][1] - places[0][1]
    assert (cell_height, cell_width) == (30, 35)
    assert places == [
        (places[0][0] + row * cell_height, places[0][1] + column * cell_width)
        for row in range(3)
        for column in range(3)
    ]


def test_the_output_fills() -> None:
    filled = [int((frame == rgb(LIGHT.values[0])).all(axis=-1).sum()) for frame in frames(trace_gif(anchor()))]
    assert filled == sorted(filled)
    assert filled[8] > filled[0] + 4_000  # eight cells of 30 x 35, less their numbers


def test_it_loops_and_rests_on_the_last_frame() -> None:
    image = Image.open(io.BytesIO(trace_gif(anchor())))
    assert image.info["loop"] == 0
    first = image.info["duration"]
    image.seek(8)
    assert image.info["duration"] > first


def test_the_anchor_is_small() -> None:
    assert len(trace_gif(anchor())) < 100_000


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_trace_is_drawn(kind: str) -> None:
    trace = of_size(kind, 4)
    assert len(frames(trace_gif(trace))) == len(trace.steps)


def test_too_many_frames_are_refused_with_the_limit() -> None:
    with pytest.raises(TraceTooLarge, match="at most 4 frames and this page has 9 steps; ask for count = 4") as caught:
        trace_gif(anchor(), max_frames=4)
    assert (caught.value.slug, caught.value.extra) == ("trace-too-large", {"limit": 4, "actual": 9})


def test_too_many_pixels_are_refused_with_the_limit() -> None:
    with pytest.raises(
        TraceTooLarge, match=r"9 frames of \d+ × \d+ are \d+ pixels .* at most 600000; ask for count = 2"
    ):
        trace_gif(anchor(), max_pixels=600_000)


def test_steps_too_far_apart_for_a_screen_are_refused_with_the_limit() -> None:
    with pytest.raises(
        TraceTooLarge, match=r"these 64 steps need 30 cells .* room for 24, .* 22 lie; ask for count = 22"
    ) as caught:
        trace_gif(conv(input=np.ones((30, 30)), kernel=EDGE, count=64))
    assert caught.value.extra == {"limit": 24, "actual": 30}
    assert len(frames(trace_gif(conv(input=np.ones((30, 30)), kernel=EDGE, count=22)))) == 22


def test_picked_positions_are_told_what_fits_them() -> None:
    with pytest.raises(TraceTooLarge, match="ask for fewer positions") as caught:
        trace_gif(conv(input=np.ones((40, 40)), kernel=EDGE, positions=[[0, 0], [37, 37]]))
    assert caught.value.pointer == "/positions"


class Looked(tuple[Step, ...]):
    """Steps that note which of them are looked at one by one."""

    __slots__ = ()
    seen: ClassVar[set[int]] = set()

    def __getitem__(self, index: Any) -> Any:
        if isinstance(index, int):
            self.seen.add(index)
        return super().__getitem__(index)


def test_an_animation_that_is_too_large_is_refused_by_its_first_step() -> None:
    with pytest.raises(TraceTooLarge, match="ask for count = "):
        trace_gif(replace(anchor(), steps=Looked(anchor().steps)), max_pixels=600_000)
    assert Looked.seen == {0}
