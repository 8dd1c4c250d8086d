"""What a plan is taken to cost, before any of it is computed."""

from __future__ import annotations

from typing import Any

from service import engine
from service.operations.limits import work_of


def test_the_padding_that_a_kernel_reads_counts() -> None:
    near = engine.plan_conv((1, 64, 2), (1, 64, 3), dilation=1, padding=1)
    far = engine.plan_conv((1, 64, 2), (1, 64, 3), dilation=200_000, padding=200_000)
    assert work_of(near).seconds < 1e-5
    assert work_of(far).seconds > 0.2  # 64 rows of 400,000 cells


def test_taps_that_are_read_one_by_one_count_with_what_it_takes_to_find_them() -> None:
    plan: dict[str, Any] = {"dilation": 30_000_000, "padding": 30_000_000}
    for farther in (
        engine.plan_conv((1, 8, 1), (1, 8, 3), **plan),
        engine.plan_conv_transpose((1, 8, 1), (8, 1, 3), **plan),
    ):
        assert 24 <= work_of(farther).read_elements < 24 * 10_000
    many = engine.plan_conv((1, 1, 1, 1), (1, 1, 255, 255), dilation=30, padding=3810)
    assert work_of(many).seconds > 1.0  # as it takes
