"""Plans made before are given again to the same question alone."""

from __future__ import annotations

import numpy as np
import pytest

from service.engine import InvalidArgument, plan_conv
from service.engine.remembered import remembered, short_list_remembered

SHAPES = ((1, 1, 300), (1, 1, 3))


def test_the_same_plan_is_given_again() -> None:
    assert plan_conv(*SHAPES, stride=[2], padding="same") is plan_conv(*SHAPES, stride=[2], padding="same")


def test_values_that_are_equal_but_of_other_types_are_told_apart() -> None:
    shown = remembered(lambda *values: [*map(type, values)])
    assert shown(1, [2.0]) == [int, list]
    assert shown(True, [2.0]) == [bool, list]
    assert shown(1.0, (2,)) == [float, tuple]


def test_arrays_of_the_same_bytes_are_told_apart() -> None:
    # Two numbers of one byte, and one number of two: 257 = 1 + 256.
    assert plan_conv((1, 1, 300, 300), (1, 1, 3, 3), stride=np.array([1, 1], np.int8)).stride == (1, 1)
    assert plan_conv((1, 1, 300, 300), (1, 1, 3, 3), stride=np.int16(257)).stride == (257, 257)
    assert plan_conv(*SHAPES, padding=np.array([[1, 2]])).padding == ((1, 2),)
    with pytest.raises(InvalidArgument, match="two entries, but there is one spatial axis"):
        plan_conv(*SHAPES, padding=np.array([1, 2]))


def test_short_lists_are_given_again_and_long_ones_made_anew() -> None:
    made = []

    @short_list_remembered
    def count(number: int) -> list[int]:
        made.append(number)
        return list(range(number))

    assert count(3) is count(3)
    assert count(10_000) == count(10_000) == list(range(10_000))
    assert made == [3, 10_000, 10_000]
    for number in range(1000):  # no more are kept than a few dozen
        count(number)
    count(0)
    assert made[-1] == 0
    assert len(made) > 1000


def test_what_holds_itself_is_made_anew() -> None:
    made = []
    make = remembered(lambda value: made.append(len(value)))
    endless: list[object] = []
    endless.extend([endless] * 10)
    make(endless)
    make([[[[[[[[[[1]]]]]]]]]])
    make([[[[[[[[[[1]]]]]]]]]])
    assert made == [10, 1, 1]


def test_what_has_a_long_name_is_made_anew() -> None:
    made: list[str] = []

    @remembered
    def make(word: str) -> int:
        made.append(word[:1])
        return len(word)

    for word in ("a" * 900, "a" * 900, "b" * 1100, "b" * 1100):
        assert make(word) == len(word)
    assert made == ["a", "b", "b"]
