"""First derivatives: the published numbers, and the direction each answers to."""

from __future__ import annotations

import numpy as np
import pytest

from service import kernels

# As printed: Sobel in Duda & Hart (1973), Prewitt (1970), Scharr as cv2.getDerivKernels(1, 0, cv2.FILTER_SCHARR),
# Roberts (1963). Signs for the `_x` kernels by the contract: positive to the right.
PUBLISHED = {
    "sobel_x": [[-1, 0, 1], [-2, 0, 2], [-1, 0, 1]],
    "prewitt_x": [[-1, 0, 1], [-1, 0, 1], [-1, 0, 1]],
    "scharr_x": [[-3, 0, 3], [-10, 0, 10], [-3, 0, 3]],
    "roberts_x": [[1, 0], [0, -1]],
    "roberts_y": [[0, 1], [-1, 0]],
}


@pytest.mark.parametrize("name", PUBLISHED)
def test_the_published_numbers(name: str) -> None:
    assert kernels.make(name).tolist() == PUBLISHED[name]


@pytest.mark.parametrize("family", ["sobel", "prewitt", "scharr"])
def test_y_is_the_transpose_of_x(family: str) -> None:
    np.testing.assert_array_equal(kernels.make(f"{family}_y"), kernels.make(f"{family}_x").T)


@pytest.mark.parametrize("family", ["sobel", "prewitt", "scharr"])
def test_x_is_positive_where_values_grow_to_the_right_and_y_where_they_grow_downwards(family: str) -> None:
    rows, columns = np.mgrid[0:3, 0:3]
    x, y = kernels.make(f"{family}_x"), kernels.make(f"{family}_y")
    assert (x * columns).sum() > 0
    assert (x * rows).sum() == 0
    assert (y * rows).sum() > 0
    assert (y * columns).sum() == 0


def test_roberts_is_positive_where_values_fall_along_its_diagonal() -> None:
    falling_right_down, falling_left_down = np.array([[2, 1], [1, 0]]), np.array([[1, 2], [0, 1]])
    x, y = kernels.make("roberts_x"), kernels.make("roberts_y")
    assert ((x * falling_right_down).sum(), (x * falling_left_down).sum()) == (2, 0)
    assert ((y * falling_left_down).sum(), (y * falling_right_down).sum()) == (2, 0)
