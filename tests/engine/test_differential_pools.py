"""Random pools and transposed convolutions against onnxruntime."""

from __future__ import annotations

import pytest

from tests.differential_pools import cases, differences

SEED, COUNT, PARTS = 20, 480, 4


@pytest.mark.parametrize("part", range(PARTS))
def test_no_answer_differs(part: int) -> None:
    mine = [case for case in cases(SEED, COUNT) if case.number // 4 % PARTS == part]
    assert [line for case in mine for line in differences(case)] == []
