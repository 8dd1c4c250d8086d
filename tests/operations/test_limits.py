"""What a plan is taken to cost, before any of it is computed."""

from __future__ import annotations

from service import engine
from service.operations.limits import work_of


def test_the_padding_that_a_kernel_reads_counts() -> None:
    near = engine.plan_conv((1, 64, 2), (1, 64, 3), dilation=1, padding=1)
    far = engine.plan_conv((1, 64, 2), (1, 64, 3), dilation=1_000_000, padding=1_000_000)
    assert work_of(near).seconds < 1e-5
    assert work_of(far).seconds > 1.0  # 64 rows of two million cells


def test_taps_that_are_read_one_by_one_count_no_more_than_they_are() -> None:
    farther = engine.plan_conv((1, 8, 1), (1, 8, 3), dilation=30_000_000, padding=30_000_000)
    assert work_of(farther).read_elements == 24
