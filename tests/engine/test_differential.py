"""Random convolutions against SciPy and onnxruntime, by every method, each within the engine's bound."""

from __future__ import annotations

import pytest

from tests.differential import cases, differences

SEED, COUNT, PARTS = 20, 360, 6


@pytest.mark.parametrize("part", range(PARTS))
def test_no_answer_differs_by_more_than_rounding(part: int) -> None:
    mine = [case for case in cases(SEED, COUNT) if case.number % PARTS == part]
    assert [line for case in mine for line in differences(case, ask_onnxruntime=case.number % 10 == part)] == []
