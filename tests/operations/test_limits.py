"""What a plan is taken to cost, before any of it is computed."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from service import engine
from service.operations.errors import LimitExceeded
from service.operations.limits import Work, check_work, work_of
from tests.operations.examples import WIDE


def test_the_padding_that_a_kernel_reads_counts() -> None:
    near = engine.plan_conv((1, 64, 2), (1, 64, 3), dilation=1, padding=1)
    far = engine.plan_conv((1, 64, 2), (1, 64, 3), dilation=200_000, padding=200_000)
    assert work_of(near).seconds < 1e-4
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


def test_a_backward_pass_counts_what_it_answers_and_its_taps() -> None:
    """A kernel as large as the input has one output, and gradients as large as both."""
    plan, asked = engine.plan_conv((1, 1, 300, 300), (1, 1, 300, 300)), list[Work]()
    check_work(plan, replace(WIDE, admit=asked.append), backward=True)
    check_work(plan, replace(WIDE, admit=asked.append))
    backward, forward = asked
    assert forward.output_elements == 1
    assert backward.output_elements + backward.also_answered >= 3 * 300 * 300
    assert backward.memory_bytes(as_text=True) - forward.memory_bytes(as_text=True) >= 3 * 300 * 300 * 32
    assert backward.seconds > forward.seconds + 0.5  # 90,000 taps
    with pytest.raises(LimitExceeded, match="90,000 output elements"):
        check_work(plan, replace(WIDE, max_output_elements=80_000), backward=True)


def test_samples_and_phases_that_python_begins_one_by_one_count() -> None:
    many = work_of(engine.plan_conv((40_000, 1, 1), (1, 1, 1)))
    assert many.seconds > 0.2  # as it takes
    phases = work_of(engine.plan_conv_transpose((1, 1, 1, 1), (1, 1, 63, 63), stride=50))
    assert phases.rounds == 2500
    by_name = work_of(engine.plan_conv((1, 30_000, 1), (1, 30_000, 1)))
    assert by_name.parts > 30_000


def test_text_takes_more_memory_than_the_values_it_tells() -> None:
    work = work_of(engine.plan_conv((1, 1, 1000), (1, 1, 1)), 4)
    assert work.memory_bytes(as_text=True) - work.memory_bytes(as_text=False) == 1000 * (24 - 4)


def test_a_backward_pass_counts_the_copied_padding_that_it_folds_back() -> None:
    """A hundred taps far apart in the padding of one cell: seconds, from some hundred bytes."""
    sizes: dict[str, Any] = {"stride": (2, 3513), "dilation": (600_000, 1), "padding": "same"}
    asked = list[Work]()
    for mode in ("circular", "zeros"):
        plan = engine.plan_conv((1, 1, 1, 1), (1, 1, 100, 1), padding_mode=mode, **sizes)
        check_work(plan, replace(WIDE, admit=asked.append), backward=True)
    copied, filled = asked
    assert copied.seconds > 1
    assert filled.seconds < 0.1
