"""Kernels that add detail back: published numbers, and flat areas left alone."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from service import kernels


# Gonzalez & Woods, 4th ed., section 3.6; GIMP's Emboss matrix.
@pytest.mark.parametrize(
    ("name", "taps"),
    [
        ("sharpen", [[0, -1, 0], [-1, 5, -1], [0, -1, 0]]),
        ("emboss", [[-2, -1, 0], [-1, 1, 1], [0, 1, 2]]),
    ],
)
def test_the_published_numbers(name: str, taps: list[list[float]]) -> None:
    assert kernels.make(name).tolist() == taps


def test_unsharp_is_twice_the_picture_less_its_blur() -> None:
    twice = 2 * np.pad([[1.0]], 2)
    np.testing.assert_allclose(kernels.make("unsharp"), twice - kernels.make("gaussian"), rtol=1e-14)


def test_unsharp_of_amount_zero_changes_nothing() -> None:
    np.testing.assert_array_equal(kernels.make("unsharp", size=3, amount=0), kernels.make("identity"))


@settings(derandomize=True, max_examples=40, deadline=None)
@given(half=st.integers(0, 10), sigma=st.floats(0.1, 42), amount=st.floats(0, 100))
def test_unsharp_leaves_flat_areas_alone(half: int, sigma: float, amount: float) -> None:
    kernel = kernels.make("unsharp", size=2 * half + 1, sigma=sigma, amount=amount)
    assert kernel.sum() == pytest.approx(1, abs=1e-13 * (1 + amount))
