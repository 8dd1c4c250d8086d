"""What `range` means, value by value, and which maps have no picture."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from service.drawing.errors import NoPicture
from service.drawing.maps import Depth, Range, require_picture, to_pixels


# By hand: halves go to the even neighbour, then 0..255 or 0..65535.
@pytest.mark.parametrize(
    ("range", "depth", "values", "pixels"),
    [
        ("clip", 8, [-60, -0.5, 0.5, 1.5, 2.5, 254.5, 255.5, 1e300], [0, 0, 0, 2, 2, 254, 255, 255]),
        ("clip", 16, [-1, 0.5, 1.5, 300, 65534.5, 65536], [0, 0, 2, 300, 65534, 65535]),
        ("absolute", 8, [-60, -0.5, -1.5, 2.5, -300], [60, 0, 2, 2, 255]),
        ("absolute", 16, [-60, -300.5, 1e9], [60, 300, 65535]),
        ("offset", 8, [-129, -128, -60, -0.5, 0, 0.5, 127, 128], [0, 0, 68, 128, 128, 128, 255, 255]),
        ("offset", 16, [-32769, -32768, -60, 0, 32767, 32768], [0, 0, 32708, 32768, 65535, 65535]),
        ("normalize", 8, [-60, -10, 40], [0, 128, 255]),
        ("normalize", 16, [1, 2, 3], [0, 32768, 65535]),
        ("normalize", 8, [-60, -60, -60], [128, 128, 128]),
        ("normalize", 16, [7, 7], [32768, 32768]),
        ("normalize", 8, [-1.7e308, 0, 1.7e308], [0, 128, 255]),
        ("normalize", 8, [0, 5e-324], [0, 255]),
    ],
)
def test_values_become_pixels(range: Range, depth: Depth, values: list[float], pixels: list[int]) -> None:
    drawn = to_pixels(np.array([values]), range, depth)
    assert drawn.dtype == (np.uint8 if depth == 8 else np.uint16)
    assert drawn.tolist() == [pixels]


def test_each_map_is_normalized_on_its_own() -> None:
    drawn = to_pixels(np.array([[[0.0, 1.0]], [[0.0, 1000.0]]]), "normalize")
    assert drawn.tolist() == [[[0, 255]], [[0, 255]]]


# In float32 the sum, 253.5 less a little, would round to 253.5 and from there to 254.
def test_offset_is_added_in_float64() -> None:
    assert to_pixels(np.array([[125.5 - 2**-17]], dtype=np.float32), "offset").tolist() == [[253]]


@settings(derandomize=True, max_examples=60, deadline=None)
@given(
    arrays.arrays(np.float32, (2, 3, 5), elements=st.floats(-(2.0**20), 2.0**20, width=32)),
    st.sampled_from(["clip", "absolute", "normalize", "offset"]),
    st.sampled_from([8, 16]),
)
def test_float32_is_drawn_as_the_same_values_in_float64(
    values: np.ndarray[Any, Any], range: Range, depth: Depth
) -> None:
    values[0] = np.round(values[0] * 2) / 2  # halves, which rounding is about
    np.testing.assert_array_equal(to_pixels(values, range, depth), to_pixels(values.astype(float), range, depth))


@pytest.mark.parametrize("dtype", ["bool", "int8", "uint16", "int64", "float16", "float32"])
def test_any_real_dtype_is_drawn(dtype: str) -> None:
    assert to_pixels(np.array([[0, 1]], dtype=dtype), "clip").tolist() == [[0, 1]]


def test_what_is_drawn_is_not_written_to() -> None:
    values = np.array([[-3.0, 4.0]])
    to_pixels(values, "absolute")
    assert values.tolist() == [[-3.0, 4.0]]


@settings(derandomize=True, max_examples=60, deadline=None)
@given(
    arrays.arrays(np.float64, arrays.array_shapes(min_dims=2, max_dims=3, max_side=5), elements=st.floats(-1e6, 1e6)),
    st.sampled_from(["clip", "absolute", "normalize", "offset"]),
    st.sampled_from([8, 16]),
)
def test_a_larger_value_is_never_darker(values: np.ndarray[Any, Any], range: Range, depth: Depth) -> None:
    one_map = np.abs(values) if range == "absolute" else values
    one_map = one_map.reshape(1, -1)
    pixels = to_pixels(one_map, range, depth)[0].astype(int)
    assert (np.diff(pixels[np.argsort(one_map[0], kind="stable")]) >= 0).all()


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_a_value_that_is_not_finite_is_refused_and_found(bad: float) -> None:
    maps = np.zeros((2, 3, 4))
    maps[1, 2, 3] = bad
    maps[1, 2, 1] = bad
    with pytest.raises(NoPicture, match=rf"the value at \[1, 2, 1\] is {bad} .* application/x-npy"):
        to_pixels(maps)


@pytest.mark.parametrize(("axes", "named"), [(1, "1 spatial axis "), (3, "3 spatial axes ")])
def test_maps_without_two_spatial_axes_are_refused(axes: int, named: str) -> None:
    with pytest.raises(NoPicture, match=f"the maps have {named}and a picture has 2"):
        require_picture(np.zeros((2, 2, 2)), axes)


def test_empty_maps_are_refused() -> None:
    with pytest.raises(NoPicture, match=r"shape \[0, 3, 3\] hold no value"):
        require_picture(np.zeros((0, 3, 3)), 2)
