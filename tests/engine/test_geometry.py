"""Sizes and plans: the formulas against a count of windows, and the numbers of the articles the project came from."""

from __future__ import annotations

import re
from collections import Counter
from itertools import product
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from service.engine import ConvPlan, EngineError, KernelTooLarge, plan_conv, plan_conv_transpose, plan_pool

axes = st.tuples(
    st.integers(1, 12), st.integers(1, 5), st.integers(1, 4), st.integers(1, 3), st.integers(0, 5), st.integers(0, 5)
)


@given(axis=axes)
@settings(max_examples=200, derandomize=True)
def test_the_output_counts_the_windows_that_fit(axis: tuple[int, ...]) -> None:
    n, k, s, d, before, after = axis
    reach = d * (k - 1) + 1
    starts = [i for i in range(0, n + before + after, s) if i + reach <= n + before + after]
    if not starts:
        return
    plan = plan_conv((1, 1, n), (1, 1, k), stride=s, dilation=d, padding=[[before, after]])
    assert plan.output_size == (len(starts),)
    assert plan.dropped == (n + before + after - starts[-1] - reach,)


@pytest.mark.parametrize(
    ("n", "k", "p", "s", "out"),
    [(5, 3, 0, 1, 3), (5, 3, 1, 1, 5), (6, 3, 0, 1, 4), (224, 7, 3, 2, 112), (32, 3, 0, 1, 30), (28, 3, 0, 1, 26)],
)
def test_the_sizes_of_the_articles(n: int, k: int, p: int, s: int, out: int) -> None:
    assert plan_conv((1, 1, n, n), (1, 1, k, k), padding=p, stride=s).output_size == (out, out)


@pytest.mark.parametrize(
    ("padding", "n", "k", "s", "d", "pads"),
    [  # semantics, rules 3 and 4
        ("same", 4, 2, 1, 1, (0, 1)),
        ("same_lower", 4, 2, 1, 1, (1, 0)),
        ("same", 8, 1, 3, 1, (0, 0)),  # k < s: clamped, not cropped
        ("same", 8, 3, 2, 1, (0, 1)),
        ("same_lower", 8, 3, 2, 1, (1, 0)),
        ("same", 9, 3, 2, 1, (1, 1)),
        ("same", 8, 3, 1, 2, (2, 2)),
        ("full", 8, 3, 1, 2, (4, 4)),
        ("valid", 8, 3, 1, 2, (0, 0)),
    ],
)
def test_names_of_padding_become_cells(padding: str, n: int, k: int, s: int, d: int, pads: tuple[int, int]) -> None:
    assert plan_conv((1, 1, n), (1, 1, k), padding=padding, stride=s, dilation=d).padding == (pads,)


@given(axis=axes)
@settings(max_examples=100, derandomize=True)
def test_same_makes_one_window_for_every_stride_begun(axis: tuple[int, ...]) -> None:
    n, k, s, d, *_ = axis
    for name in ("same", "same_lower"):
        assert plan_conv((1, 1, n), (1, 1, k), padding=name, stride=s, dilation=d).output_size == (-(-n // s),)


def test_a_plan_counts_taps_and_products() -> None:
    plan = plan_conv((2, 6, 10, 8), (4, 3, 3, 2), groups=2, padding=1)
    assert (plan.taps, plan.output_shape, plan.span) == (18, (2, 4, 10, 9), (3, 2))
    assert plan.macs == 2 * 4 * 10 * 9 * 18


@given(axis=axes, extra=st.integers(0, 3))
@settings(max_examples=100, derandomize=True)
def test_a_transposed_plan_leads_back(axis: tuple[int, ...], extra: int) -> None:
    n, k, s, d, before, after = axis
    if extra >= max(s, d) or (n - 1) * s - before - after + d * (k - 1) + extra + 1 < 1:
        return
    plan = plan_conv_transpose(
        (1, 2, n), (2, 3, k), stride=s, dilation=d, padding=[[before, after]], output_padding=extra
    )
    adjoint: ConvPlan = plan.adjoint
    if extra < s:
        back = plan_conv(plan.output_shape, (2, 3, k), stride=s, dilation=d, padding=[[before, after]])
        assert back.output_size == (n,)
        assert back == adjoint


@pytest.mark.parametrize(
    ("n", "options", "out"),
    [  # semantics, rules 6 and 10
        (4, {"kernel_size": 2, "stride": 3, "padding": 1, "ceil_mode": True}, 2),
        (5, {"kernel_size": 2, "stride": 2, "ceil_mode": True}, 3),
        (5, {"kernel_size": 2, "stride": 2}, 2),
        (3, {"output_size": 5}, 5),
    ],
)
def test_pools_round_up_only_where_a_window_starts_inside(n: int, options: dict[str, Any], out: int) -> None:
    assert plan_pool((1, 1, n), "max", **options).output_size == (out,)


@given(size=st.integers(1, 60), windows=st.integers(1, 80))
@settings(max_examples=300, derandomize=True)
def test_an_adaptive_pools_largest_window_is_its_kernel_size(size: int, windows: int) -> None:
    plan = plan_pool((1, 1, size), "max", output_size=windows)
    assert plan.kernel_size == (max(stop - start for start, stop in plan.windows(0)),)


def test_an_adaptive_pool_is_planned_without_counting_its_windows() -> None:
    assert plan_pool((1, 1, 7), "max", output_size=2**31 - 1).kernel_size == (2,)


@pytest.mark.parametrize("ceil_mode", [False, True])
@pytest.mark.parametrize("stride", [1, 2, 3])
def test_whoever_is_told_what_would_fit_can_do_it(stride: int, ceil_mode: bool) -> None:
    """Where a dilation is larger than the input no padding helps: a window that starts in it would hold no cell."""
    told: Counter[str] = Counter()
    for size, kernel, dilation, before, after in product(range(1, 6), range(1, 5), range(1, 6), range(3), range(3)):
        options: dict[str, Any] = {"stride": stride, "ceil_mode": ceil_mode}
        asked = options | {"kernel_size": kernel, "dilation": dilation, "padding": [[before, after]]}
        try:
            plan_pool((1, 1, size), "max", **asked)
        except KernelTooLarge as error:
            fits = re.search(r"; (pad by|use a dilation of) at (?:least|most) (\d+).*, or use a smaller", str(error))
            if fits is None:
                asked |= {"kernel_size": 1, "padding": 0}
            elif fits[1] == "pad by":
                asked["padding"] = [[before + int(fits[2]), after + int(fits[2])]]
            else:
                asked["dilation"] = int(fits[2])
            told[fits[1] if fits else "smaller"] += 1
            plan_pool((1, 1, size), "max", **asked)
        except EngineError:
            continue
    assert set(told) == {"pad by", "use a dilation of", "smaller"}
