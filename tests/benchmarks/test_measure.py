"""A benchmark that compares different computations says nothing, so the comparison itself is tested; no time is."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from dataclasses import fields
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest
from numpy.typing import NDArray

from benchmarks.__main__ import described
from benchmarks.calibrate import as_source
from benchmarks.cases import CASES, Case
from benchmarks.contestants import PEERS, this_engine
from benchmarks.limits import Limits
from benchmarks.measure import ENGINE, Row, check_agreement, means, measure, table
from benchmarks.plot import plot
from service.engine.machine import Machine

ROOT = Path(__file__).resolve().parents[2]
SMALL = Case("small", (1, 1, 9, 8), (1, 1, 3, 3))


def test_every_peer_takes_part_in_a_picture_filter_and_agrees_with_the_engine() -> None:
    row = measure(SMALL, threads=1, rounds=2)

    assert set(row.seconds) == {ENGINE, *PEERS} - {"np.matmul"}
    assert row.peak_bytes >= 7 * 6 * 4


def test_a_layer_of_one_tap_is_compared_with_the_bare_product() -> None:
    row = measure(Case("strided", (2, 3, 8, 7), (4, 3, 1, 1), stride=2), threads=1, rounds=2)

    assert {"np.matmul", ENGINE} < set(row.seconds)


@pytest.mark.parametrize(
    "change", [lambda y: y + 0.01, lambda y: y[..., 1:], lambda y: -y, lambda y: y * np.nan, lambda y: (y, y)]
)
def test_a_peer_that_answers_something_else_is_found(change: Callable[[Any], Any]) -> None:
    ours = this_engine(SMALL, 1)

    with pytest.raises(ArithmeticError, match="other and the engine disagree on small"):
        check_agreement(SMALL, {ENGINE: ours, "other": lambda: change(ours())})


@pytest.mark.parametrize("which", [0, 1])
def test_both_gradients_are_compared(which: int) -> None:
    case = Case("backward", (2, 3, 8, 8), (4, 3, 3, 3), 1, 1, op="gradients")
    ours = this_engine(case, 1)

    def amiss() -> tuple[NDArray[Any], ...]:
        gradients = list(ours())
        gradients[which] = gradients[which] * 1.01
        return tuple(gradients)

    check_agreement(case, {ENGINE: ours})
    with pytest.raises(ArithmeticError, match="other and the engine disagree on backward"):
        check_agreement(case, {ENGINE: ours, "other": amiss})


def test_the_commit_is_told_where_git_knows_it(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    asked = ("git", "rev-parse", "--short", "HEAD")
    head = subprocess.run(asked, cwd=ROOT, capture_output=True, text=True, check=True).stdout.strip()
    assert head in described()
    monkeypatch.setenv("PATH", str(tmp_path))  # where there is no git
    assert described() == ""


def test_the_table_shows_a_peer_by_its_time_and_its_ratio_to_the_engine() -> None:
    row = Row(SMALL, {ENGINE: 0.002, "SciPy": 0.005}, spread=0.07, peak_bytes=1_500_000)

    last = table([row]).splitlines()[-1]

    assert last.startswith("| small | 2 | 7% | 1.5 | 5 (2.5×) |")


def test_the_means_are_geometric_and_have_the_median_beside_them() -> None:
    rows = [Row(SMALL, {ENGINE: 1.0, "SciPy": ratio}, 0.0, 0) for ratio in (0.5, 0.5, 32.0)]

    assert means(rows).splitlines()[2:] == ["| small pictures | float32 | SciPy | 2.00× | 0.50× | 0.50× | 3 |"]


def test_every_case_is_of_a_kind_and_layers_are_summed_up_together_too() -> None:
    layers = [case for case in CASES if case.kind in ("3×3 layers", "1×1 layers", "other layers")]
    assert len(layers) > 100
    rows = [Row(case, {ENGINE: 1.0, "SciPy": 2.0}, 0.0, 0) for case in CASES]

    text = means(rows)

    assert (
        f"| all layers but depthwise | float32 | SciPy | 2.00× | 2.00× | 2.00× | {_count(layers, 'float32')} |" in text
    )
    assert all(f"| {case.kind} |" in text for case in CASES)


def _count(cases: list[Case], dtype: str) -> int:
    return sum(case.dtype == dtype for case in cases)


def test_a_limit_is_the_slower_of_products_and_memory() -> None:
    limits = Limits({"float32": 378.0, "float64": 1.0}, 1e9)

    assert SMALL.macs == 7 * 6 * 9
    assert limits.seconds(SMALL) == 1.0
    assert Limits({"float32": 1e12, "float64": 1.0}, float(SMALL.moved_bytes)).seconds(SMALL) == 1.0


def test_the_picture_has_a_bar_for_every_peer_that_took_part() -> None:
    row = Row(SMALL, {ENGINE: 1.0, "SciPy": 0.5, "OpenCV": 4.0}, 0.0, 0)

    picture = ElementTree.fromstring(plot([row]))

    assert [title.text for title in picture.iter("{http://www.w3.org/2000/svg}title")] == [
        "SciPy: 0.50×",
        "OpenCV: 4.00×",
    ]


@pytest.mark.parametrize("op", ["transposed", "gradients", "max pool", "average pool"])
def test_every_kind_of_case_can_be_asked_of_the_engine(op: str) -> None:
    case = Case(op, (1, 2, 6, 6), (2, 2) if op.endswith("pool") else (2, 2, 2, 2), op=op)

    answer = this_engine(case, 1)()
    assert all(np.isfinite(array).all() for array in (answer if isinstance(answer, tuple) else (answer,)))


def test_calibrated_constants_are_rates_of_a_machine() -> None:
    lines = as_source(Machine()).splitlines()

    assert [line.split(":")[0].strip() for line in lines] == [field.name for field in fields(Machine)]


def test_cases_have_names_of_their_own() -> None:
    assert len({case.name for case in CASES}) == len(CASES)
