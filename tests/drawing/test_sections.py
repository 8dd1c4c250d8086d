"""Several results in one picture, one below the other."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from service.drawing.contact_sheet import MAX_SHEET_PIXELS, PAPER, TITLE_HEIGHT, contact_sheet, title_width
from service.drawing.errors import SheetTooLarge
from service.drawing.pictures import draw_maps, draw_sections

WIDE, TALL = np.broadcast_to(0.0, (1, 1, 150_000)), np.broadcast_to(0.0, (1, 170_000, 1))


def test_each_is_a_sheet_under_its_title_and_the_rest_is_paper() -> None:
    maps, one = np.arange(8.0).reshape(2, 2, 2), np.arange(4.0).reshape(2, 2)
    picture = draw_sections([("first", maps), ("second", one)])
    sheet, lone = contact_sheet(maps), contact_sheet(one[None], ["0"])
    assert picture.dtype == np.uint8
    assert picture.shape == (3, 2 * TITLE_HEIGHT + len(sheet) + len(lone), sheet.shape[1])
    for channel in picture:
        np.testing.assert_array_equal(channel[TITLE_HEIGHT : TITLE_HEIGHT + len(sheet)], sheet)
        np.testing.assert_array_equal(channel[-len(lone) :, : lone.shape[1]], lone)
        assert (channel[-len(lone) :, lone.shape[1] :] == PAPER).all()
    assert picture[:, :TITLE_HEIGHT].min() < 100  # it is written


def test_a_title_wider_than_its_sheet_is_whole() -> None:
    text = "layer 12: conv_transpose2d, " * 4
    assert draw_sections([(text, np.zeros((2, 2)))]).shape[2] == title_width(text)


@pytest.mark.parametrize("order", [(WIDE, TALL), (TALL, WIDE)])
def test_a_wide_one_and_a_tall_one_are_refused_before_a_pixel_is_made(order: tuple[np.ndarray, ...]) -> None:
    """Each has its place within the limit; their rectangle has 25 000 million pixels."""
    admitted: list[int] = []
    with pytest.raises(SheetTooLarge, match=r"of 2 of the 2 results, .* pixels and the limit is 16000000; ") as caught:
        draw_sections([(str(index), maps) for index, maps in enumerate(order)], admit=admitted.append)
    assert caught.value.extra["limit"] == MAX_SHEET_PIXELS < 170_000 * 150_000 < caught.value.extra["actual"]
    assert not admitted


@pytest.mark.parametrize(
    "draw",
    [
        lambda admit: draw_maps(np.zeros((2, 3, 3)), admit=admit),
        lambda admit: draw_sections([("a", np.zeros((2, 3, 3)))], admit=admit),
    ],
)
def test_memory_for_a_sheet_is_asked_for_first(draw: Callable[[Callable[[int], None]], np.ndarray]) -> None:
    admitted: list[int] = []
    pixels = draw(admitted.append)
    assert admitted[0] >= 3 * pixels.nbytes

    def refuse(size: int) -> None:
        raise MemoryError(size)

    with pytest.raises(MemoryError):
        draw(refuse)
