"""A benchmark that compares different computations says nothing, so the comparison itself is tested; no time is."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from numpy.typing import NDArray

from benchmarks.cases import CASES, Case
from benchmarks.contestants import PEERS, this_engine
from benchmarks.measure import ENGINE, Row, check_agreement, measure, table

SMALL = Case("small", (1, 1, 9, 8), (1, 1, 3, 3))


def test_every_peer_takes_part_in_a_picture_filter_and_agrees_with_the_engine() -> None:
    row = measure(SMALL, threads=1, rounds=2)

    assert set(row.seconds) == {ENGINE, *PEERS}
    assert row.peak_bytes >= 7 * 6 * 4


@pytest.mark.parametrize("change", [lambda y: y + 0.01, lambda y: y[..., 1:], lambda y: -y])
def test_a_peer_that_answers_something_else_is_found(change: Callable[[NDArray[Any]], NDArray[Any]]) -> None:
    ours = this_engine(SMALL, 1)

    with pytest.raises(ArithmeticError, match="other and the engine disagree on small"):
        check_agreement(SMALL, {ENGINE: ours, "other": lambda: change(ours())})


def test_the_table_shows_a_peer_by_its_time_and_its_ratio_to_the_engine() -> None:
    row = Row(SMALL, {ENGINE: 0.002, "SciPy": 0.005}, spread=0.07, peak_bytes=1_500_000)

    last = table([row]).splitlines()[-1]

    assert last.startswith("| small | 2 | 7% | 1.5 | 5 (2.5×) |")


def test_cases_have_names_of_their_own() -> None:
    assert len({case.name for case in CASES}) == len(CASES)
