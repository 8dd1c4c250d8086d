"""Borders: filled as NumPy pads, folded back as the adjoint, in memory of the block alone."""

from __future__ import annotations

import tracemalloc
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from service.engine.borders import PADDING_MODES, fill, fold

NUMPY_NAMES: dict[str, Any] = {
    "zeros": "constant",
    "constant": "constant",
    "reflect": "reflect",
    "symmetric": "symmetric",
    "replicate": "edge",
    "circular": "wrap",
}


@pytest.mark.parametrize(
    ("mode", "expected"),
    [  # semantics, rule 5: two cells on each side of 1 2 3 4
        ("reflect", [3, 2, 1, 2, 3, 4, 3, 2]),
        ("symmetric", [2, 1, 1, 2, 3, 4, 4, 3]),
        ("replicate", [1, 1, 1, 2, 3, 4, 4, 4]),
        ("circular", [3, 4, 1, 2, 3, 4, 1, 2]),
        ("zeros", [0, 0, 1, 2, 3, 4, 0, 0]),
    ],
)
def test_two_cells_beside_an_axis(mode: str, expected: list[int]) -> None:
    assert fill(np.array([1, 2, 3, 4]), ((-2, 6),), np.empty(8, int), mode).tolist() == expected


def test_every_mode_is_compared_with_numpy() -> None:
    assert set(NUMPY_NAMES) == set(PADDING_MODES)


@st.composite
def regions(draw: st.DrawFn) -> tuple[tuple[int, ...], tuple[tuple[int, int], ...]]:
    size = tuple(draw(st.lists(st.integers(1, 5), min_size=1, max_size=3)))
    region = []
    for n in size:
        start = draw(st.integers(-9, n + 8))
        region.append((start, draw(st.integers(start + 1, n + 9))))
    return size, tuple(region)


@pytest.mark.parametrize("mode", PADDING_MODES)
@given(case=regions())
@settings(max_examples=60, derandomize=True, deadline=None)
def test_a_region_is_cut_from_what_numpy_pads(
    mode: str, case: tuple[tuple[int, ...], tuple[tuple[int, int], ...]]
) -> None:
    size, region = case
    x = np.random.default_rng(1).integers(1, 100, (2, *size)).astype(float)
    options = {"constant_values": 7.0 if mode == "constant" else 0.0} if PADDING_MODES[mode].source is None else {}
    whole = np.pad(x, [(0, 0), *[(9, 9)] * len(size)], mode=NUMPY_NAMES[mode], **options)
    expected = whole[(slice(None), *(slice(a + 9, b + 9) for a, b in region))]
    found = fill(x, region, np.empty(expected.shape), mode, 7.0 if mode == "constant" else 0.0)
    assert np.array_equal(found, expected)


@pytest.mark.parametrize("mode", PADDING_MODES)
@given(case=regions())
@settings(max_examples=60, derandomize=True, deadline=None)
def test_fold_is_the_adjoint_of_fill(mode: str, case: tuple[tuple[int, ...], tuple[tuple[int, int], ...]]) -> None:
    size, region = case
    rng = np.random.default_rng(2)
    x = rng.integers(-9, 10, (2, *size))
    g = rng.integers(-9, 10, (2, *(b - a for a, b in region)))
    filled = fill(x, region, np.empty(g.shape, int), mode)
    assert (filled * g).sum() == (x * fold(g, region, np.zeros(x.shape, int), mode)).sum()


@pytest.mark.parametrize("mode", PADDING_MODES)
def test_a_block_far_out_in_the_padding_takes_memory_of_the_block_alone(mode: str) -> None:
    x = np.arange(6.0).reshape(1, 2, 3)
    far = ((10**9, 10**9 + 4), (-(10**9), 5 - 10**9))
    tracemalloc.start()
    fill(x, far, np.empty((1, 4, 5)), mode)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 20_000


def test_a_block_is_cast_to_the_dtype_that_takes_it() -> None:
    wide = fill(np.array([200, 250], np.uint8), ((0, 4),), np.empty(4, np.float32), "circular")
    assert wide.dtype == np.float32
    assert wide.tolist() == [200, 250, 200, 250]
