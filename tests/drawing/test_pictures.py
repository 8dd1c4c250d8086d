"""Which picture an answer becomes: grey, colour or a sheet."""

from __future__ import annotations

import numpy as np
import pytest

from service.drawing.contact_sheet import contact_sheet
from service.drawing.errors import NoPicture, SheetTooLarge
from service.drawing.pictures import draw_maps


@pytest.mark.parametrize("shape", [(2, 3), (1, 2, 3), (1, 1, 2, 3)])
def test_one_map_is_a_grey_picture_of_its_own_size(shape: tuple[int, ...]) -> None:
    values = np.arange(6.0).reshape(shape)
    assert draw_maps(values).tolist() == [[0, 1, 2], [3, 4, 5]]


@pytest.mark.parametrize("shape", [(3, 2, 2), (1, 3, 2, 2)])
def test_three_channels_of_a_picture_stay_a_colour_picture(shape: tuple[int, ...]) -> None:
    values = np.arange(12.0).reshape(shape)
    assert draw_maps(values, rgb=True).tolist() == np.arange(12).reshape(3, 2, 2).tolist()


def test_the_channels_of_a_colour_picture_lie_innermost_as_encoders_want_them() -> None:
    drawn = draw_maps(np.arange(60.0).reshape(3, 4, 5), rgb=True)
    assert np.moveaxis(drawn, 0, -1).flags.c_contiguous


def test_three_maps_that_are_no_picture_become_a_sheet() -> None:
    maps = np.arange(12.0).reshape(3, 2, 2)
    np.testing.assert_array_equal(draw_maps(maps), contact_sheet(maps, ["0", "1", "2"]))


def test_a_batch_is_labelled_sample_and_map() -> None:
    maps = np.arange(16.0).reshape(2, 2, 2, 2)
    labels = ["0.0", "0.1", "1.0", "1.1"]
    np.testing.assert_array_equal(draw_maps(maps), contact_sheet(maps.reshape(4, 2, 2), labels))


def test_a_batch_of_single_maps_is_labelled_by_sample() -> None:
    maps = np.arange(12.0).reshape(3, 1, 2, 2)
    np.testing.assert_array_equal(draw_maps(maps), contact_sheet(maps.reshape(3, 2, 2), ["0", "1", "2"]))


def test_range_and_depth_reach_the_pixels() -> None:
    assert draw_maps(np.array([[-60.0, 0.0]]), range="offset").tolist() == [[68, 128]]
    assert draw_maps(np.array([[-60.0, 0.0]]), range="offset", depth=16).tolist() == [[32708, 32768]]
    assert draw_maps(np.full((3, 1, 1), -60.0), rgb=True, range="absolute").tolist() == [[[60]]] * 3


def test_the_limit_reaches_the_sheet() -> None:
    with pytest.raises(SheetTooLarge, match="the limit is 100;"):
        draw_maps(np.zeros((2, 3, 3)), max_pixels=100)


def test_one_dimension_has_no_picture() -> None:
    with pytest.raises(NoPicture, match="the maps have 1 spatial axis"):
        draw_maps(np.zeros((2, 3)), spatial_axes=1)
