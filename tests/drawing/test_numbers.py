"""Numbers in cells: short, and true to their sign."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from service.drawing.numbers import short


# By hand: whole and short ones as they are, others with three digits, large and small ones with an exponent.
@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0, "0"),
        (-0.0, "0"),
        (-60, "−60"),
        (1234567, "1234567"),
        (0.5, "0.5"),
        (1 / 3, "0.333"),
        (-12.345, "−12.3"),
        (1234.5, "1234.5"),
        (12345.5, "12346"),
        (211.5, "211.5"),
        (np.float32(211.1), "211.1"),
        (117.10000000000001, "117.1"),
        (0.00012345, "0.000123"),
        (-0.0000012345, "−1.2e−6"),
        (12345678, "1.2e7"),
        (-2e300, "−2e300"),
        (float("inf"), "inf"),
        (float("nan"), "nan"),
    ],
)
def test_a_number_in_a_cell(value: float, text: str) -> None:
    assert short(value) == text


@settings(derandomize=True, max_examples=200, deadline=None)
@given(st.floats(-1e307, 1e307))
def test_a_number_is_short_and_close(value: float) -> None:
    text = short(value)
    assert len(text) <= 9
    assert float(text.replace("−", "-")) == pytest.approx(value, rel=0.051)
