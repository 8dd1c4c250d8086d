"""`pool`: other frameworks' answers, plain loops, the rules that people get wrong, and laws."""

from __future__ import annotations

import tracemalloc
from itertools import product
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from numpy.typing import NDArray

from service import engine
from tests.golden import Golden, golden
from tests.oracles import pooling as oracle

Array = NDArray[Any]
NAN, INF = np.nan, np.inf


def row(*values: float) -> Array:
    """Return a 1-D map as (1, 1, n)."""
    return np.array(values, float).reshape(1, 1, -1)


@pytest.mark.parametrize("case", golden("pool"))
def test_agrees_with_other_frameworks(case: Golden) -> None:
    found = engine.pool(case.arrays["input"], **case.parameters)
    output, indices = found if isinstance(found, tuple) else (found, np.empty(0))
    case.check(output=output, indices=indices)


@st.composite
def pools(draw: st.DrawFn) -> tuple[Array, dict[str, Any], list[Any]]:
    """Draw an input, a windowed pool that fits it, and the oracle's windows."""
    rank = draw(st.integers(1, 3))
    options: dict[str, list[Any]] = {name: [] for name in ("kernel_size", "stride", "padding", "dilation")}
    size = []
    ceil_mode = draw(st.booleans())
    axes = []
    for _ in range(rank):
        k, s, d = draw(st.integers(1, 4)), draw(st.integers(1, 4)), draw(st.integers(1, 2))
        before, after = draw(st.integers(0, d * (k - 1))), draw(st.integers(0, d * (k - 1)))
        n = draw(st.integers(max(d, d * (k - 1) + 1 - before - after), 7))
        size.append(n)
        for name, value in zip(options, (k, s, (before, after), d), strict=True):
            options[name].append(value)
        axes.append(oracle.axis_windows(n, k, s, before, after, d, ceil_mode=ceil_mode))
    seed = draw(st.integers(0, 2**32 - 1))
    # Few different values, so that ties are everywhere.
    values = np.random.default_rng(seed).integers(-3, 4, (draw(st.integers(1, 2)), draw(st.integers(1, 2)), *size))
    return values.astype(float), {**options, "ceil_mode": ceil_mode}, axes


@given(pools(), st.sampled_from(["max", "min"]), st.sampled_from([0.0, 0.1, 0.5]))
@settings(max_examples=120, derandomize=True, deadline=None)
def test_selects_as_plain_loops_do(drawn: tuple[Array, dict[str, Any], list[Any]], kind: str, nans: float) -> None:
    values, options, axes = drawn
    values[np.random.default_rng(values.size).random(values.shape) < nans] = NAN
    expected, positions, _ = oracle.pool(values, None, axes, kind)
    found, indices = engine.pool(values, kind, **options, return_indices=True)
    assert_array_equal(found, expected)
    assert_array_equal(indices, positions)
    assert_array_equal(engine.pool(values, kind, **options), expected)


@given(pools(), st.booleans(), st.sampled_from([None, 1, 7]))
@settings(max_examples=80, derandomize=True, deadline=None)
def test_averages_as_plain_loops_do(drawn: tuple[Array, dict[str, Any], list[Any]], padded: bool, by: Any) -> None:
    values, options, axes = drawn
    options |= {"count_include_pad": padded, "divisor_override": by}
    expected, _, _ = oracle.pool(values, None, axes, "average", count_include_pad=padded, divisor_override=by)
    # Integers: the sum is exact, and one division rounds once in both.
    assert_array_equal(engine.pool(values, "average", **options), expected)


@given(pools(), st.sampled_from([1, 2, 3, 0.5]))
@settings(max_examples=60, derandomize=True, deadline=None)
def test_takes_the_norm_as_plain_loops_do(drawn: tuple[Array, dict[str, Any], list[Any]], p: float) -> None:
    values, options, axes = drawn
    expected, _, _ = oracle.pool(values, None, axes, "lp", p=p)
    assert_allclose(engine.pool(values, "lp", **options, p=p), expected, rtol=1e-13, atol=0)


@given(
    st.lists(st.tuples(st.integers(1, 12), st.integers(1, 14)), min_size=1, max_size=2),
    st.sampled_from(["max", "min", "average", "lp"]),
)
@settings(max_examples=80, derandomize=True, deadline=None)
def test_adaptive_windows_are_those_of_plain_loops(sizes: list[tuple[int, int]], kind: str) -> None:
    values = np.random.default_rng(3).integers(-4, 5, (1, 2, *(n for n, _ in sizes))).astype(float)
    axes = [oracle.adaptive_windows(n, o) for n, o in sizes]
    expected, positions, _ = oracle.pool(values, None, axes, kind)
    output_size = [o for _, o in sizes]
    assert_allclose(engine.pool(values, kind, output_size=output_size), expected, rtol=1e-14, atol=0)
    if kind in ("max", "min"):
        _, indices = engine.pool(values, kind, output_size=output_size, return_indices=True)
        assert_array_equal(indices, positions)


# -- semantics 6 to 10, each on the smallest case that tells it from its neighbour


def test_ceil_mode_drops_a_window_that_starts_in_the_padding() -> None:
    # Windows start at -1, 2 and 5; the last would lie in the padding alone: 2 windows, not 3.
    assert_array_equal(engine.pool(row(1, 2, 3, 4), "max", 2, stride=3, padding=1, ceil_mode=True), row(1, 4))


@pytest.mark.parametrize("count_include_pad", [True, False])
def test_ceil_mode_overhang_is_in_no_divisor(count_include_pad: bool) -> None:
    pooled = engine.pool(row(1, 2, 3, 4, 5), "average", 2, ceil_mode=True, count_include_pad=count_include_pad)
    assert_array_equal(pooled, row(1.5, 3.5, 5.0))


def test_declared_padding_is_in_the_divisor_if_asked() -> None:
    ones = np.ones((1, 1, 3, 3))
    assert engine.pool(ones, "average", 3, stride=1, padding=1)[0, 0, 0, 0] == 4 / 9
    assert engine.pool(ones, "average", 3, stride=1, padding=1, count_include_pad=False)[0, 0, 0, 0] == 1


def test_divisor_override_beats_both_counts() -> None:
    pooled = engine.pool(row(1, 2, 3, 4, 5), "average", 2, padding=1, ceil_mode=True, divisor_override=4)
    assert_array_equal(pooled, row(0.25, 1.25, 2.25))


@pytest.mark.parametrize(("kind", "sign"), [("max", 1), ("min", -1)])
def test_padding_is_never_selected(kind: str, sign: int) -> None:
    values = sign * row(-5, -6, -7)
    found, indices = engine.pool(values, kind, 3, stride=1, padding=1, return_indices=True)
    assert_array_equal(found, sign * row(-5, -5, -6))
    assert_array_equal(indices, [[[0, 0, 1]]])
    assert_array_equal(engine.pool(values, kind, 3, stride=1, padding=1), found)


@pytest.mark.parametrize(("kind", "value"), [("max", -INF), ("min", INF)])
def test_a_cell_that_equals_what_pads_is_still_the_one_selected(kind: str, value: float) -> None:
    _, indices = engine.pool(np.full((1, 1, 2, 2), value), kind, 2, stride=1, padding=1, return_indices=True)
    assert_array_equal(indices[0, 0], [[0, 0, 1], [0, 0, 1], [2, 2, 3]])


def test_ties_keep_the_first_in_row_major_order() -> None:
    # 7 stands at (0, 2) and (1, 0): the first row wins, although its column is the later one.
    _, indices = engine.pool([[[[0, 1, 7], [7, 2, 3]]]], "max", (2, 3), return_indices=True)
    assert indices[0, 0, 0, 0] == 2


def test_a_nan_is_the_windows_answer_and_the_first_one_its_position() -> None:
    values = np.array([[[[5, 1, NAN], [NAN, 9, 3]]]])
    for kind in ("max", "min"):
        found, indices = engine.pool(values, kind, (2, 3), return_indices=True)
        assert np.isnan(found[0, 0, 0, 0])
        assert indices[0, 0, 0, 0] == 2


def test_a_nan_stays_in_the_windows_that_hold_it() -> None:
    values = row(1, NAN, 3, 4, INF, 6, 7)
    assert_array_equal(engine.pool(values, "max", 2), row(NAN, 4, INF))
    assert_array_equal(engine.pool(values, "average", 2), row(NAN, 3.5, INF))
    assert_array_equal(engine.pool(values, "lp", 2, stride=1, p=1), row(NAN, NAN, 7, INF, INF, 13))


def test_the_norm_is_of_magnitudes_and_not_rescaled_at_an_overhang() -> None:
    assert engine.pool(row(-1, 2), "lp", 2, p=1)[0, 0, 0] == 3
    assert engine.pool(row(1, 2, 3, 4, 5), "lp", 2, ceil_mode=True)[0, 0, -1] == 5


def test_adaptive_windows_overlap_and_may_outnumber_the_cells() -> None:
    assert_array_equal(engine.pool(row(*range(7)), "max", output_size=3), row(2, 4, 6))
    assert_array_equal(engine.pool(row(*range(7)), "min", output_size=3), row(0, 2, 4))
    assert_array_equal(engine.pool(row(1, 2), "average", output_size=5), row(1, 1, 1.5, 2, 2))


# -- numbers


def test_integer_sums_are_exact() -> None:
    large = 2.0**52
    assert engine.pool(row(large, 1, -large, 1), "average", 4, divisor_override=1)[0, 0, 0] == 2


@pytest.mark.parametrize(
    ("dtype", "expected"),
    [(np.float16, "float32"), (np.float32, "float32"), (np.uint8, "float64"), (bool, "float64"), (">f8", "float64")],
)
def test_dtype_follows_the_input(dtype: Any, expected: str) -> None:
    values = np.array([[[0, 1, 1, 0]]], dtype)
    pooled = engine.pool(values, "average", 2)
    assert pooled.dtype == expected
    assert_array_equal(pooled, row(0.5, 0.5))
    assert engine.pool(values, "max", 2, dtype="float32").dtype == np.float32


def test_integers_do_not_wrap() -> None:
    assert engine.pool(np.full((1, 1, 4), 255, np.uint8), "average", 4, divisor_override=1)[0, 0, 0] == 1020
    assert engine.pool(np.array([[[-128, 0]]], np.int8), "lp", 2, p=1)[0, 0, 0] == 128


# -- laws


VALUES = np.random.default_rng(5).standard_normal((2, 3, 13, 17))


def test_pools_in_steps_are_one_pool() -> None:
    steps = engine.pool(engine.pool(VALUES, "max", (2, 2), stride=1), "max", (3, 2), stride=1)
    assert_array_equal(steps, engine.pool(VALUES, "max", (4, 3), stride=1))


def test_a_second_pass_over_plateaus_changes_nothing() -> None:
    """Closing is idempotent: a max pool, then a min pool of the same window, twice or once."""

    def closed(x: Array) -> Array:
        widened = engine.pool(x, "max", 3, stride=1, padding=[[2, 2], [2, 2]])
        return np.asarray(engine.pool(widened, "min", 3, stride=1))

    assert_array_equal(closed(closed(VALUES)), closed(VALUES))


def test_values_lie_between_the_least_and_the_greatest() -> None:
    options: dict[str, Any] = {"kernel_size": (3, 4), "stride": (2, 1), "padding": 1, "ceil_mode": True}
    low, high = engine.pool(VALUES, "min", **options), engine.pool(VALUES, "max", **options)
    average = engine.pool(VALUES, "average", **options, count_include_pad=False)
    assert (low <= average).all()
    assert (average <= high).all()
    assert_array_equal(low, -engine.pool(-VALUES, "max", **options))


@pytest.mark.parametrize("kind", ["max", "min", "average", "lp"])
def test_tiles_pooled_apart_join_to_the_whole(kind: str) -> None:
    whole = engine.pool(VALUES, kind, (3, 4), stride=(2, 3), dilation=(2, 1))
    above = engine.pool(VALUES[:, :, : 2 * 2 + 5], kind, (3, 4), stride=(2, 3), dilation=(2, 1))
    below = engine.pool(VALUES[:, :, 2 * 3 :], kind, (3, 4), stride=(2, 3), dilation=(2, 1))
    assert_array_equal(np.concatenate([above, below], axis=2), whole)


@pytest.mark.parametrize("kind", ["max", "min", "average", "lp"])
def test_layout_and_byte_order_do_not_matter(kind: str) -> None:
    expected = engine.pool(VALUES, kind, 3, stride=2)
    forms = [np.asfortranarray(VALUES), VALUES.astype(">f8"), VALUES.transpose(1, 0, 3, 2).copy().transpose(1, 0, 3, 2)]
    for form in forms:
        assert_array_equal(engine.pool(form, kind, 3, stride=2), expected)


# -- blocks, memory, threads


@pytest.mark.parametrize("kind", ["max", "min", "average", "lp"])
@pytest.mark.parametrize("shape", [(1, 1, 530, 611), (40, 9, 19, 23), (1, 1, 300_007), (1, 2, 40, 70, 65)])
def test_blocks_join_without_a_seam(kind: str, shape: tuple[int, ...]) -> None:
    """Against windows of the whole array, of which the engine never makes one."""
    values = np.random.default_rng(7).integers(-9, 10, shape).astype(np.float32)
    rank = len(shape) - 2
    for k, s, pad in ((3, 2, 1), (2, 2, 0), (9, 1, 4)):
        options: dict[str, Any] = {"kernel_size": k, "stride": s, "padding": pad}
        fills = {"max": -INF, "min": INF, "average": 0, "lp": 0}
        padded = np.pad(values, [(0, 0), (0, 0), *[(pad, pad)] * rank], constant_values=fills[kind])
        if kind == "lp":
            padded = padded**2
        for axis in range(2, rank + 2):  # an axis at a time: all windows at once would not fit
            windows = np.lib.stride_tricks.sliding_window_view(padded, k, axis)
            windows = windows[(slice(None),) * axis + (slice(None, None, s),)]
            padded = windows.max(-1) if kind == "max" else windows.min(-1) if kind == "min" else windows.sum(-1)
        found = engine.pool(values, kind, **options)
        found = found * k**rank if kind == "average" else found**2 if kind == "lp" else found
        assert_allclose(found, padded, rtol=1e-6, atol=1e-4)


@pytest.mark.parametrize(("shape", "output"), [((1, 1, 700, 600), (401, 230)), ((30, 40, 23, 31), (9, 40))])
def test_adaptive_blocks_join_without_a_seam(shape: tuple[int, ...], output: tuple[int, int]) -> None:
    values = np.random.default_rng(9).standard_normal(shape)
    found, indices = engine.pool(values, "max", output_size=output, return_indices=True)
    rows, columns = (oracle.adaptive_windows(n, o) for n, o in zip(shape[2:], output, strict=True))
    by_row = np.stack([values[:, :, cells].max(axis=2) for cells, _ in rows], axis=2)
    expected = np.stack([by_row[..., cells].max(axis=3) for cells, _ in columns], axis=3)
    assert_array_equal(found, expected)
    assert_array_equal(engine.pool(values, "max", output_size=output), expected)
    flat = values.reshape(*shape[:2], -1)
    assert_array_equal(np.take_along_axis(flat, indices.reshape(*shape[:2], -1), 2).reshape(expected.shape), expected)


def test_a_window_larger_than_any_block_still_selects_the_first() -> None:
    values = np.zeros((1, 1, 500, 400))
    values[0, 0, [170, 480], [30, 2]] = 7
    assert engine.pool(values, "max", output_size=1, return_indices=True)[1] == 170 * 400 + 30
    values[0, 0, [200, 490], [399, 0]] = NAN
    found, indices = engine.pool(values, "min", output_size=1, return_indices=True)
    assert np.isnan(found)
    assert indices == 200 * 400 + 399


@pytest.mark.parametrize("kind", ["max", "average", "lp"])
def test_threads_do_not_change_the_answer(kind: str) -> None:
    values = np.random.default_rng(8).standard_normal((2, 8, 120, 130)).astype(np.float32)
    one, two = (engine.pool(values, kind, 3, stride=2, control=engine.Control(threads=t)) for t in (1, 2))
    assert_array_equal(one, two)


@pytest.mark.parametrize(
    ("shape", "kind", "options"),
    [
        ((1, 1, 3000, 2000), "max", {"kernel_size": 3, "stride": 2, "padding": 1}),
        ((1, 1, 3000, 2000), "lp", {"kernel_size": 51, "stride": 1}),
        ((1, 1, 6_000_000), "average", {"kernel_size": 1000, "stride": 1}),
        ((1, 1, 3, 1500, 1500), "min", {"kernel_size": 3}),
        ((1, 1, 3000, 2000), "average", {"output_size": 1}),
        ((1, 1, 3000, 2000), "max", {"kernel_size": 2, "return_indices": True}),
    ],
)
def test_working_memory_stays_inside_the_budget(shape: tuple[int, ...], kind: str, options: dict[str, Any]) -> None:
    budget = 4 * 1024 * 1024
    values = np.zeros(shape, np.float32)
    tracemalloc.start()
    try:
        found = engine.pool(values, kind, **options, control=engine.Control(budget_bytes=budget))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    answer = sum(array.nbytes for array in (found if isinstance(found, tuple) else (found,)))
    assert peak - answer <= budget


def test_a_cancelled_pool_ends() -> None:
    with pytest.raises(engine.Cancelled, match="cancelled"):
        engine.pool(VALUES, "max", 2, control=engine.Control(cancelled=lambda: True))


# -- refusals that are the pool's own; the plan's are tested with the plan


@pytest.mark.parametrize("kind", ["average", "lp"])
def test_indices_are_refused_where_nothing_is_selected(kind: str) -> None:
    with pytest.raises(engine.InvalidArgument, match=f'kind "{kind}" selects none') as caught:
        engine.pool(row(1, 2), kind, 2, return_indices=True)
    assert caught.value.pointer == "/return_indices"


@pytest.mark.parametrize("values", [[[["a"]]], [[[1j]]]])
def test_only_real_numbers_are_pooled(values: Any) -> None:
    with pytest.raises(engine.InvalidArgument, match="it must hold booleans, integers or real"):
        engine.pool(values, "max", 1)


def test_every_kind_is_pooled_in_every_number_of_dimensions() -> None:
    for kind, rank in product(("max", "min", "average", "lp"), (1, 2, 3, 4)):
        assert engine.pool(np.ones((1, 1, *(3,) * rank)), kind, 3, p=2).shape == (1, 1, *(1,) * rank)


@pytest.mark.parametrize("kind", ["max", "min"])
@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
@pytest.mark.parametrize(
    "options",
    [
        {"kernel_size": 2},
        {"kernel_size": (3, 2), "stride": 1, "padding": (1, 0)},
        {"kernel_size": (2, 3), "dilation": 2, "stride": (1, 3), "padding": (0, 2)},
        {"output_size": 1},
        {"output_size": (4, 5)},
    ],
)
def test_a_zero_has_the_sign_of_the_cell_that_its_index_names(kind: str, dtype: Any, options: dict[str, Any]) -> None:
    random = np.random.default_rng(9)
    x = np.copysign(random.choice([0, 0, 0, 1], (2, 3, 17, 40)), -1 if kind == "max" else 1).astype(dtype)
    x[x == 0] = np.copysign(0, random.choice([-1.0, 1], np.count_nonzero(x == 0)))
    values, indices = engine.pool(x, kind, **options, return_indices=True)
    flat = x.reshape(2, 3, -1)
    named = np.take_along_axis(flat, indices.reshape(2, 3, -1), 2).reshape(values.shape)
    assert_array_equal(np.signbit(values), np.signbit(named))
    assert_array_equal(values, named)
    alone = engine.pool(x, kind, **options)  # nor does it matter whether positions are asked for
    assert_array_equal(np.signbit(alone), np.signbit(named))
    assert_array_equal(alone, named)


def test_the_first_of_two_zeros_is_the_answer() -> None:
    values, indices = engine.pool([[[0.0, -0.0, -0.0, 0.0]]], "max", 2, return_indices=True)
    assert np.signbit(values).tolist() == [[[False, True]]]
    assert indices.tolist() == [[[0, 2]]]
