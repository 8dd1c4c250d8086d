"""The sheet as a picture: every map where it belongs, enlarged, labelled, within its limit."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from service.drawing.contact_sheet import GUTTER, LABEL_HEIGHT, MAX_SHEET_PIXELS, contact_sheet, plan_sheet
from service.drawing.errors import NoPicture, SheetTooLarge
from service.drawing.maps import Depth, Range
from service.drawing.palette import DIVERGING, rgb


def tile(sheet: NDArray[Any], index: int, count: int, size: int, scale: bool) -> NDArray[Any]:
    """Cut one map back out of a sheet of square maps, a pixel a value."""
    plan = plan_sheet(count, size, size, label_width=1, scale=scale)
    top, left = plan.corner(index)
    return sheet[..., top : top + plan.tile_height : plan.factor, left : left + plan.tile_width : plan.factor]


def test_each_map_of_a_grey_sheet_is_there_in_its_place() -> None:
    maps = np.random.default_rng(7).integers(0, 256, (8, 3, 3)).astype(float)
    sheet = contact_sheet(maps)
    assert sheet.dtype == np.uint8
    for index in range(8):
        np.testing.assert_array_equal(tile(sheet, index, 8, 3, False), maps[index])


def test_one_value_becomes_a_square_of_equal_pixels() -> None:
    plan = plan_sheet(2, 3, 3, label_width=1, scale=False)
    assert plan.factor == 42  # 128 // 3: a 3 x 3 map is easily seen
    sheet = contact_sheet(np.arange(18.0).reshape(2, 3, 3) * 10)
    top, left = plan.corner(1)
    square = sheet[top + 42 : top + 84, left + 84 : left + 126]
    assert (square == 140).all()


def test_a_16_bit_sheet_keeps_16_bits() -> None:
    maps = np.array([[[300.0, 40000.0], [1.0, 65535.0]]] * 2)
    sheet = contact_sheet(maps, depth=16)
    assert sheet.dtype == np.uint16
    np.testing.assert_array_equal(tile(sheet, 1, 2, 2, False), maps[1])
    assert sheet[0, 0] == 240 * 257  # the paper has the same grey as in 8 bits


@pytest.mark.parametrize(("depth", "step"), [(8, 1), (16, 256)])
def test_offset_draws_the_sign_in_colour_with_zero_in_the_middle(depth: Depth, step: int) -> None:
    maps = np.array([[[-128.0, 0.0], [127.0, 64.0]]] * 2) * step
    sheet = contact_sheet(maps, range="offset", depth=depth)
    assert sheet.dtype == np.uint8
    assert sheet.shape[0] == 3
    colours = tile(sheet, 0, 2, 2, True).transpose(1, 2, 0)
    assert tuple(colours[0, 0]) == rgb(DIVERGING[0])
    assert tuple(colours[0, 1]) == rgb(DIVERGING[5])
    assert tuple(colours[1, 0]) == rgb(DIVERGING[10])
    assert colours[1, 1, 0] > colours[1, 1, 2]  # more red than blue


def test_normalize_of_signed_maps_gives_zero_one_colour_on_the_whole_sheet() -> None:
    maps = np.array([[[-1.0, 0.0], [0.5, 1.0]], [[-300.0, 0.0], [3.0, 600.0]]])
    sheet = contact_sheet(maps, range="normalize")
    first, second = (tile(sheet, index, 2, 2, True).transpose(1, 2, 0) for index in (0, 1))
    assert tuple(first[0, 1]) == tuple(second[0, 1]) == rgb(DIVERGING[5])
    assert tuple(first[1, 1]) == tuple(second[1, 1]) == rgb(DIVERGING[10])  # each by its own largest magnitude
    assert tuple(second[0, 0]) != tuple(first[0, 0])


def test_normalize_of_maps_without_a_negative_value_is_grey() -> None:
    maps = np.array([[[0.0, 1.0], [2.0, 2.0]], [[5.0, 5.0], [7.0, 9.0]]])
    sheet = contact_sheet(maps, range="normalize")
    assert sheet.ndim == 2
    assert tile(sheet, 1, 2, 2, False).tolist() == [[0, 0], [128, 255]]


@pytest.mark.parametrize("range", ["clip", "absolute"])
def test_a_range_without_a_sign_is_grey(range: Range) -> None:
    assert contact_sheet(np.full((2, 3, 3), -60.0), range=range).ndim == 2


def test_labels_are_drawn_above_their_maps() -> None:
    sheet = contact_sheet(np.full((2, 3, 3), 255.0))
    plan = plan_sheet(2, 3, 3, label_width=1, scale=False)
    for index in (0, 1):
        top, left = plan.corner(index)
        assert sheet[top - LABEL_HEIGHT : top - 2, left : left + 12].min() < 100


@settings(derandomize=True, max_examples=100, deadline=None)
@given(
    count=st.integers(1, 300),
    height=st.integers(1, 60),
    width=st.integers(1, 60),
    label=st.integers(1, 80),
    scale=st.booleans(),
)
def test_maps_and_labels_stay_apart_and_inside(count: int, height: int, width: int, label: int, scale: bool) -> None:
    plan = plan_sheet(count, height, width, label_width=label, scale=scale)
    assert (plan.rows - 1) * plan.columns < count <= plan.rows * plan.columns  # no empty row
    assert plan.rows * (plan.columns - 1) < count  # no empty column
    assert plan.cell_width >= max(plan.tile_width + 2, label) + GUTTER
    assert plan.cell_height >= plan.tile_height + 2 + LABEL_HEIGHT
    top, _ = plan.corner(count - 1)
    assert top + plan.tile_height < plan.height
    assert plan.corner(plan.columns - 1)[1] + max(plan.tile_width, label) < plan.width


@settings(derandomize=True, max_examples=60, deadline=None)
@given(count=st.integers(4, 300), size=st.integers(1, 60))
def test_the_sheet_is_nearly_square(count: int, size: int) -> None:
    plan = plan_sheet(count, size, size, label_width=1, scale=False)
    assert 0.4 < plan.width / plan.height < 2.5


def test_a_sheet_beyond_its_limit_names_it_before_any_pixel_is_made() -> None:
    huge = np.broadcast_to(np.float64(np.nan), (1000, 1000, 1000))  # 8 GB if anyone touched it
    with pytest.raises(
        SheetTooLarge, match=r"1000 maps of 1000 x 1000 make a sheet .* limit is 16000000; ask for fewer"
    ) as caught:
        contact_sheet(huge)
    assert caught.value.extra["limit"] == MAX_SHEET_PIXELS
    assert caught.value.extra["actual"] > 1000**3


def test_a_value_that_is_not_finite_is_refused() -> None:
    with pytest.raises(NoPicture, match=r"the value at \[1, 0, 0\] is nan"):
        contact_sheet(np.array([[[0.0]], [[np.nan]]]))
