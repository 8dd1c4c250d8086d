"""Traces against the operations they trace, and against windows laid out by NumPy's own padding of indices."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from pydantic import BaseModel

from service.operations.convolve import convolve
from service.operations.errors import LimitExceeded, NoSuchPosition
from service.operations.pool import pool
from service.operations.trace import conv_trace, conv_transpose_trace, pool_trace
from service.operations.transpose import convolve_transposed
from service.schemas import trace as schemas
from service.schemas.traced import Trace
from service.wire import write_json
from tests.operations.examples import CONTROL
from tests.operations.examples import WIDE as LIMITS

# S4's anchor.
RAMP = np.arange(10, 251, 10).reshape(5, 5)
EDGE = np.array([[1, 0, -1]] * 3)

# Names of our padding modes in NumPy's pad.
NUMPY_MODES = {"reflect": "reflect", "symmetric": "symmetric", "replicate": "edge", "circular": "wrap"}


def conv(rank: int = 2, **fields: Any) -> Trace:
    model: type[schemas.ConvTraceRequest] = schemas.Conv1dTraceRequest if rank == 1 else schemas.ConvTraceRequest
    return conv_trace(model(**fields), rank, LIMITS, CONTROL)


def transposed(**fields: Any) -> Trace:
    return conv_transpose_trace(schemas.ConvTransposeTraceRequest(**fields), 2, LIMITS, CONTROL)


def pooled(rank: int = 2, **fields: Any) -> Trace:
    return pool_trace(schemas.PoolTraceRequest(**fields), rank, LIMITS, CONTROL)


def own_answer(run: Any, model: type[BaseModel], rank: int, fields: dict[str, Any]) -> NDArray[Any]:
    """Return what the operation itself answers to the same request."""
    answer: NDArray[Any] = run(model(**fields), rank, LIMITS, CONTROL).arrays["feature_maps"]
    return answer


def worked_out(expression: str) -> float:
    """Work an expression out, as a reader would."""
    python = re.sub(r"\|(-?[\d.e+]+)\|\^([\d.]+)", r"abs(\1)**\2", expression).replace("×", "*").replace("^", "**")
    functions = {"max": lambda *values: max(values), "min": lambda *values: min(values), "abs": abs}
    return float(eval(python, {"__builtins__": {}}, functions))


def padded_indices(size: int, pads: tuple[int, int], mode: str) -> list[int]:
    """Return the cell that each cell of a padded axis shows, -1 where it is filled in."""
    cells = np.arange(size)
    if mode in NUMPY_MODES:
        return [int(cell) for cell in np.pad(cells, pads, mode=NUMPY_MODES[mode])]  # type: ignore[call-overload]  # a str where NumPy lists its modes
    return [int(cell) for cell in np.pad(cells, pads, constant_values=-1)]


ONE_AXIS = st.tuples(
    st.integers(1, 6), st.integers(1, 3), st.integers(1, 3), st.integers(1, 2), st.integers(0, 3), st.integers(0, 3)
)


@settings(derandomize=True, max_examples=120, deadline=None)
@given(
    axes=st.lists(ONE_AXIS, min_size=1, max_size=2),
    mode=st.sampled_from(["zeros", "constant", *NUMPY_MODES]),
    operation=st.sampled_from(["cross_correlation", "convolution"]),
    form=st.sampled_from(["filter", "bank", "layer", "grouped"]),
    biased=st.booleans(),
    seed=st.integers(0, 2**32 - 1),
)
def test_a_convolutions_steps_are_its_own(
    axes: list[tuple[int, ...]], mode: str, operation: str, form: str, biased: bool, seed: int
) -> None:
    axes = [(n + k * d, k, s, d, b, a) for n, k, s, d, b, a in axes]
    rank, rng = len(axes), np.random.default_rng(seed)
    size, taps = tuple(axis[0] for axis in axes), tuple(axis[1] for axis in axes)
    input_lead, kernel_lead = {
        "filter": ((2,), ()),
        "bank": ((), (3,)),
        "layer": ((2,), (3, 2)),
        "grouped": ((4,), (2, 2)),
    }[form]
    fields: dict[str, Any] = {
        "input": rng.integers(-9, 10, input_lead + size),
        "kernel": rng.integers(-3, 4, kernel_lead + taps),
        "stride": [axis[2] for axis in axes],
        "dilation": [axis[3] for axis in axes],
        "padding": [[axis[4], axis[5]] for axis in axes],
        "padding_mode": mode,
        "operation": operation,
    }
    if mode == "constant":
        fields["padding_value"] = 7.0
    if form == "grouped":
        fields["groups"] = 2
    if biased:
        fields["bias"] = rng.integers(-9, 10, 3 if form in ("bank", "layer") else 2)
    picked = {"channel": 1} if form == "filter" else {"filter": 1}
    trace = conv(rank, **fields, **picked, count=1000)
    maps = own_answer(convolve, schemas.ConvTraceRequest, rank, fields)
    kernel = fields["kernel"] if form == "filter" else fields["kernel"][1]
    kernel = np.flip(kernel, tuple(range(-rank, 0))) if operation == "convolution" else kernel
    planes = {"filter": lambda x: x[1], "bank": lambda x: x, "layer": lambda x: x, "grouped": lambda x: x[2:]}[form](
        fields["input"]
    )
    shown = [padded_indices(n, (b, a), mode) for n, _, _, _, b, a in axes]

    assert trace.output_shape == maps.shape
    assert len(trace.steps) == trace.total_positions == maps[0 if form != "filter" else 1].size
    for step in trace.steps:
        assert step.value == maps[(1, *step.position)]  # bit for bit
        starts = [at * s - b for at, (_, _, s, _, b, _) in zip(step.position, axes, strict=True)]
        assert step.window == tuple(
            (start, start + d * (k - 1) + 1) for start, (_, k, _, d, _, _) in zip(starts, axes, strict=True)
        )
        for tap in np.ndindex(taps):
            reads = [start + d * t for start, (_, _, _, d, _, _), t in zip(starts, axes, tap, strict=True)]
            outside = any(not 0 <= at < n for at, n in zip(reads, size, strict=True))
            source = [cells[at + axis[4]] for cells, at, axis in zip(shown, reads, axes, strict=True)]
            filled = -1 in source
            assert step.padded[(..., *tap)].all() == step.padded[(..., *tap)].any() == outside
            assert step.sources[tap].tolist() == ([-1] * rank if filled else source)
            expected = (7.0 if mode == "constant" else 0.0) if filled else planes[(..., *source)]
            np.testing.assert_array_equal(step.patch[(..., *tap)], expected)
        np.testing.assert_array_equal(np.asarray(step.kernel), kernel)
        np.testing.assert_array_equal(np.asarray(step.products), step.patch * kernel)
        assert step.sum == np.asarray(step.products).sum()
        assert step.sum + step.bias == step.value == worked_out(step.expression)
        assert step.bias == (fields["bias"][1] if biased else 0)
        if form in ("layer", "grouped"):
            np.testing.assert_array_equal(
                step.channel_sums, np.asarray(step.products).sum(axis=tuple(range(1, rank + 1)))
            )


@settings(derandomize=True, max_examples=40, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), narrow=st.booleans(), method=st.sampled_from(["auto", "direct"]))
def test_fractions_sum_to_the_value_within_rounding(seed: int, narrow: bool, method: str) -> None:
    rng = np.random.default_rng(seed)
    dtype = np.float32 if narrow else np.float64
    fields: dict[str, Any] = {
        "input": rng.normal(size=(3, 6, 7)).astype(dtype),
        "kernel": rng.normal(size=(2, 3, 3, 2)),
        "bias": rng.normal(size=2),
        "method": method,
    }
    trace = conv(**fields, filter=1)
    maps = own_answer(convolve, schemas.ConvTraceRequest, 2, fields)
    for step in trace.steps:
        products = np.asarray(step.products)
        assert step.value == maps[(1, *step.position)]
        assert step.value.dtype == products.dtype == dtype
        bound = products.size * np.finfo(dtype).eps * (np.abs(products).sum() + abs(step.bias))
        assert abs(float(products.sum(dtype=np.float64)) + float(step.bias) - float(step.value)) <= bound


def _dark_beside_bright(kind: str) -> tuple[NDArray[Any], NDArray[Any], tuple[int, int]]:
    """Return an input, a kernel and a position whose products the method `auto` takes would not add up to."""
    random = np.random.default_rng(0)
    if kind == "fft":
        image = random.random((120, 120))
        image[:, :60] = 0
        return image, random.random((21, 21)), (3, 3)
    if kind == "winograd":
        layer = random.standard_normal((32, 34, 34))
        layer[:, 14:] = 0
        return layer, random.standard_normal((32, 32, 3, 3)), (14, 0)
    image = np.full((40, 40), 0.5)
    image[:20] = 0
    kernel = np.zeros((7, 7))
    kernel[0], kernel[6, 6] = 1e10, 1e-7  # nearly a product of a column and a row
    return image, kernel, (14, 0)


@pytest.mark.parametrize("kind", ["fft", "winograd", "separable"])
def test_products_add_up_where_the_quickest_method_spreads_rounding(kind: str) -> None:
    image, kernel, position = _dark_beside_bright(kind)
    fields: dict[str, Any] = {"input": image, "kernel": kernel, "positions": [list(position)]}
    named = conv(**fields, method=kind).steps[0]
    if kind != "separable":
        assert convolve(schemas.ConvTraceRequest(**fields), 2, LIMITS, CONTROL).fields["plan"]["method"] == kind
    trace = conv(**fields)
    step = trace.steps[0]
    products, theirs = np.asarray(step.products), np.asarray(named.products)
    assert trace.plan["method"] not in ("fft", "winograd", "separable")
    allowed = kernel[0].size * np.finfo(float).eps * float(np.abs(products).sum())
    assert abs(products.sum() - step.value) <= allowed
    assert abs(theirs.sum() - named.value) > allowed  # a method by name is taken at its word


@pytest.mark.parametrize("kind", ["fft", "winograd", "separable"])
def test_a_method_by_name_is_run_once(kind: str) -> None:
    image, kernel, position = _dark_beside_bright(kind)
    fields: dict[str, Any] = {"input": image, "kernel": kernel, "positions": [list(position)], "method": kind}

    def checks(run: Any) -> int:
        """Return how often a run asks whether to go on."""
        asked: list[bool] = []

        def cancelled() -> bool:
            asked.append(True)
            return False

        run(schemas.ConvTraceRequest(**fields), 2, LIMITS, replace(CONTROL, cancelled=cancelled))
        return len(asked)

    assert checks(conv_trace) == checks(convolve) > 0


def test_a_value_is_the_operations_own_wherever_products_add_up_to_it() -> None:
    random = np.random.default_rng(1)
    fields: dict[str, Any] = {"input": random.random((120, 120)), "kernel": random.random((21, 21))}
    trace = conv(**fields, positions=[[0, 0], [50, 7]])
    assert trace.plan["method"] == "fft"
    maps = own_answer(convolve, schemas.ConvTraceRequest, 2, fields)
    assert [step.value for step in trace.steps] == [maps[0, 0], maps[50, 7]]


@settings(derandomize=True, max_examples=80, deadline=None)
@given(
    axes=st.lists(
        st.tuples(
            st.integers(1, 4),
            st.integers(1, 4),
            st.integers(1, 3),
            st.integers(1, 2),
            st.integers(0, 1),
            st.integers(0, 1),
        ),
        min_size=2,
        max_size=2,
    ),
    form=st.sampled_from(["filter", "layer", "grouped"]),
    biased=st.booleans(),
    seed=st.integers(0, 2**32 - 1),
)
def test_a_transposed_convolutions_steps_are_its_own(
    axes: list[tuple[int, ...]], form: str, biased: bool, seed: int
) -> None:
    axes = [(n, k, s, d, min(b, d * (k - 1) // 2), min(a, d * (k - 1) // 2)) for n, k, s, d, b, a in axes]
    rng = np.random.default_rng(seed)
    size, taps = tuple(axis[0] for axis in axes), tuple(axis[1] for axis in axes)
    input_lead, kernel_lead = {"filter": ((2,), ()), "layer": ((2,), (2, 3)), "grouped": ((4,), (4, 1))}[form]
    fields: dict[str, Any] = {
        "input": rng.integers(-9, 10, input_lead + size),
        "kernel": rng.integers(-3, 4, kernel_lead + taps),
        "stride": [axis[2] for axis in axes],
        "dilation": [axis[3] for axis in axes],
        "padding": [[axis[4], axis[5]] for axis in axes],
    }
    if form == "grouped":
        fields["groups"] = 2
    if biased:
        fields["bias"] = rng.integers(-9, 10, {"filter": 2, "layer": 3, "grouped": 2}[form])
    picked = {"channel": 1} if form == "filter" else {"filter": 1}
    trace = transposed(**fields, **picked, count=1000)
    maps = own_answer(convolve_transposed, schemas.ConvTransposeTraceRequest, 2, fields)
    weights = {"filter": lambda w: w, "layer": lambda w: w[:, 1], "grouped": lambda w: w[2:, 0]}[form](fields["kernel"])
    planes = {"filter": lambda x: x[1], "layer": lambda x: x, "grouped": lambda x: x[2:]}[form](fields["input"])
    for step in trace.steps:
        assert step.value == maps[(1, *step.position)]
        assert step.sum + step.bias == step.value == worked_out(step.expression)
        # Every cell and tap that write to this position, found by trying them all.
        reached = {
            (cell, tap)
            for cell in np.ndindex(size)
            for tap in np.ndindex(taps)
            if all(
                i * s + d * t - b == at
                for i, t, at, (_, _, s, d, b, _) in zip(cell, tap, step.position, axes, strict=True)
            )
        }
        met = np.array(step.extra["taps"], dtype=int).reshape(-1, 2)
        cells = step.sources.reshape(-1, 2)
        assert {(tuple(cell), tuple(tap)) for cell, tap in zip(cells.tolist(), met.tolist(), strict=True)} == reached
        if len(cells):  # in the input's order, the window around them
            assert cells.tolist() == sorted(cells.tolist())
            assert step.window == tuple((int(axis.min()), int(axis.max()) + 1) for axis in cells.T)
        for place in np.ndindex(step.patch.shape[-2:]):
            np.testing.assert_array_equal(step.patch[(..., *place)], planes[(..., *step.sources[place])])
            tap = step.extra["taps"][place[0]][place[1]]
            np.testing.assert_array_equal(np.asarray(step.kernel)[(..., *place)], weights[(..., *tap)])
        assert not step.padded.any()


@settings(derandomize=True, max_examples=120, deadline=None)
@given(
    axes=st.lists(
        st.tuples(
            st.integers(1, 7),
            st.integers(1, 3),
            st.integers(1, 3),
            st.integers(1, 2),
            st.integers(0, 2),
            st.integers(0, 2),
        ),
        min_size=1,
        max_size=2,
    ),
    kind=st.sampled_from(["max", "min", "average", "lp"]),
    ceil_mode=st.booleans(),
    counted=st.booleans(),
    seed=st.integers(0, 2**32 - 1),
)
def test_a_pools_steps_are_its_own(
    axes: list[tuple[int, ...]], kind: str, ceil_mode: bool, counted: bool, seed: int
) -> None:
    # Pads small enough that every window holds a cell of the input.
    axes = [(n + d * (k - 1), k, s, d, min(b, (k - 1) // 2), min(a, (k - 1) // 2)) for n, k, s, d, b, a in axes]
    rank, rng = len(axes), np.random.default_rng(seed)
    fields: dict[str, Any] = {
        "input": rng.integers(-4, 5, (2, *(axis[0] for axis in axes))),
        "kind": kind,
        "kernel_size": [axis[1] for axis in axes],
        "stride": [axis[2] for axis in axes],
        "dilation": [axis[3] for axis in axes],
        "padding": [[axis[4], axis[5]] for axis in axes],
        "ceil_mode": ceil_mode,
    }
    if kind == "average":
        fields["count_include_pad"] = counted
    trace = pooled(rank, **fields, channel=1, count=1000)
    maps = own_answer(pool, schemas.PoolTraceRequest, rank, fields)
    plane = fields["input"][1]
    for step in trace.steps:
        assert step.value == maps[(1, *step.position)]
        assert worked_out(step.expression) == pytest.approx(float(step.value), rel=1e-5, abs=1e-12)
        present = np.ones_like(step.padded) if step.absent is None else ~step.absent
        for tap in np.ndindex(step.patch.shape):
            reads = [at * s - b + d * t for at, t, (_, _, s, d, b, _) in zip(step.position, tap, axes, strict=True)]
            outside = any(not 0 <= at < axis[0] for at, axis in zip(reads, axes, strict=True))
            beyond = any(at >= axis[0] + axis[5] for at, axis in zip(reads, axes, strict=True))
            assert step.padded[tap] == outside
            left_out = outside and (kind in ("max", "min") or (kind == "average" and not counted))
            assert present[tap] == (not (left_out or beyond))
            if not outside:
                assert step.patch[tap] == plane[tuple(reads)]
                assert step.sources[tap].tolist() == reads
        if kind in ("max", "min"):
            assert plane[tuple(step.extra["selected"])] == step.value


def test_the_anchor_as_json() -> None:
    answer = conv(input=RAMP, kernel=EDGE).as_dict()
    assert answer["output_shape"] == [3, 3]
    assert answer["total_positions"] == 9
    assert answer["formula"][0]["expression"] == "⌊(5 + 0 + 0 − 1·(3 − 1) − 1) / 1⌋ + 1"
    first = answer["steps"][0]
    assert first["position"] == [0, 0]
    assert first["window"] == [[0, 3], [0, 3]]
    assert first["patch"].tolist() == [[10, 20, 30], [60, 70, 80], [110, 120, 130]]
    assert first["products"].tolist() == [[10, 0, -30], [60, 0, -80], [110, 0, -130]]
    assert (first["sum"], first["bias"], first["value"]) == (-60, 0, -60)
    assert first["expression"].startswith("10×1 + 20×0 + 30×(-1) + 60×1")
    assert [step["value"] for step in answer["steps"]] == [-60] * 9
    assert answer["next_start"] is None
    assert bytes(write_json(answer)).startswith(b'{"output_shape":[3,3],')


def test_numbers_come_in_the_encoding_asked_for() -> None:
    step = conv(input=RAMP, kernel=EDGE, count=1, encoding="flat").as_dict()["steps"][0]
    assert step["patch"]["shape"] == [3, 3]
    assert step["patch"]["data"].tolist() == [10, 20, 30, 60, 70, 80, 110, 120, 130]
    step = pooled(input=RAMP, kernel_size=2, padding=1, count=4, encoding="base64").as_dict()["steps"][0]
    assert step["patch"] == [[None, None], [None, 10.0]]  # there is no null in base64


# By hand, on 1 2 3 padded by reflection to 2 1 2 3 2: the first tap stands outside and mirrors cell 1.
def test_a_reflected_tap_names_the_cell_it_mirrors() -> None:
    first = conv(1, input=np.array([1, 2, 3]), kernel=np.array([10, 1]), padding=1, padding_mode="reflect").as_dict()[
        "steps"
    ][0]
    assert first["window"] == [[-1, 1]]
    assert first["padded"].tolist() == [True, False]
    assert first["sources"] == [[1], [0]]
    assert first["patch"].tolist() == [2, 1]


def test_a_filled_in_tap_names_no_cell() -> None:
    first = conv(1, input=np.array([1, 2, 3]), kernel=np.array([10, 1]), padding=1).as_dict()["steps"][0]
    assert first["sources"] == [None, [0]]


def test_what_a_max_pool_never_reads_is_null() -> None:
    first = pooled(input=RAMP, kernel_size=2, padding=1, return_indices=True).as_dict()["steps"][0]
    assert first["patch"] == [[None, None], [None, 10.0]]
    assert (first["selected"], first["index"]) == ([0, 0], 0)
    assert first["expression"] == "max(10)"


# [1..5], k 2, s 2, ceil: the overhang is in neither count (semantics 7).
def test_an_overhang_is_in_no_mean() -> None:
    last = pooled(1, input=np.arange(1, 6), kind="average", kernel_size=2, ceil_mode=True).as_dict()["steps"][-1]
    assert (last["patch"], last["divisor"], last["expression"]) == ([5.0, None], 1, "(5)/1")


def test_a_ragged_average_counts_its_padding_only_when_told() -> None:
    fields = {"input": np.array([3, 6, 9]), "kind": "average", "kernel_size": 2, "padding": [[1, 0]]}
    assert pooled(1, **fields).steps[0].expression == "(0 + 3)/2"
    assert pooled(1, **fields, count_include_pad=False).steps[0].expression == "(3)/1"
    assert pooled(1, **fields, divisor_override=5).steps[0].expression == "(0 + 3)/5"


# 7 → 3: [0,3) [2,5) [4,7) (semantics 10).
def test_adaptive_windows_are_their_own() -> None:
    steps = pooled(1, input=np.arange(7), output_size=3).steps
    assert [step.window for step in steps] == [((0, 3),), ((2, 5),), ((4, 7),)]
    assert [step.extra["selected"] for step in steps] == [[2], [4], [6]]


# S2: x = 1 2 3 4 and h = 1 2 3, by hand: 1·1, 1·2 + 2·1, 1·3 + 2·2 + 3·1, …; with dt a half, half of each.
def test_a_signal_is_folded_displaced_multiplied_and_integrated() -> None:
    trace = conv(
        1,
        input=np.array([1, 2, 3, 4]),
        kernel=np.array([1, 2, 3]),
        padding="full",
        operation="convolution",
        sample_spacing=0.5,
    )
    stages = [step.extra["stages"] for step in trace.steps]
    assert [stage["displace"] for stage in stages] == [0, 1, 2, 3, 4, 5]
    assert all(stage["fold"].tolist() == [3, 2, 1] for stage in stages)
    assert stages[2]["multiply"].tolist() == [3, 4, 3]
    assert [stage["integrate"] for stage in stages] == [0.5, 2, 5, 8, 8.5, 6]
    assert trace.steps[2].expression == "0.5×(1×3 + 2×2 + 3×1)"


def test_a_bias_a_position_is_each_positions_own() -> None:
    bias = np.arange(9).reshape(3, 3)
    steps = conv(input=RAMP, kernel=EDGE, bias=bias).steps
    assert [step.bias for step in steps] == list(range(9))
    assert [step.value for step in steps] == [index - 60 for index in range(9)]


@pytest.mark.parametrize("trace", [conv, transposed, pooled])
def test_a_trace_is_let_in_once(trace: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[Any] = []
    monkeypatch.setitem(globals(), "LIMITS", replace(LIMITS, admit=asked.append))
    fields = {"kernel_size": 2} if trace is pooled else {"kernel": EDGE}
    trace(input=RAMP, **fields)
    assert len(asked) == 1


def test_pages_join_to_the_whole() -> None:
    whole = conv(input=RAMP, kernel=EDGE)
    pages, start = [], 0
    while True:
        part = conv(input=RAMP, kernel=EDGE, start=start, count=4)
        pages += [step.position for step in part.steps]
        if part.following is None:
            break
        assert part.as_dict()["next_start"] == start + 4
        start = part.following
    assert pages == [step.position for step in whole.steps]


def test_positions_are_shown_in_the_order_asked() -> None:
    trace = conv(input=RAMP, kernel=EDGE, positions=[[2, 1], [0, 0]])
    assert [step.position for step in trace.steps] == [(2, 1), (0, 0)]
    assert "next_start" not in trace.as_dict()


def test_a_sample_of_a_batch_is_picked() -> None:
    batch = np.stack([RAMP, RAMP * 2])[:, None]
    trace = conv(input=batch, kernel=EDGE, sample=1, count=1)
    assert trace.steps[0].value == -120
    assert trace.chosen == {"sample": 1, "channel": 0}


def test_a_large_input_shows_its_first_page() -> None:
    trace = conv(input=np.ones((1000, 1000)), kernel=EDGE)
    assert (len(trace.steps), trace.total_positions, trace.following) == (64, 998 * 998, 64)
    assert trace.input.values.shape == (3, 24)  # what the first steps read, not a million cells
    assert trace.in_view == 22


def test_a_page_left_to_itself_is_cut_to_the_limit_on_taps() -> None:
    trace = conv(input=np.ones((512, 20, 20)), kernel=np.ones((1, 512, 3, 3)))
    assert (len(trace.steps), trace.following) == (14, 14)  # 65536 // 4608


@pytest.mark.parametrize(
    ("fields", "error", "message", "pointer"),
    [
        (
            {"positions": [[0, 3]]},
            NoSuchPosition,
            r"position \[0, 3\] lies outside .* size is \[3, 3\]; .* \[2, 2\]",
            "/positions/0",
        ),
        ({"positions": [[0, 0], [1]]}, NoSuchPosition, r"position \[1\] must have 2 entries", "/positions/1"),
        ({"start": 9}, NoSuchPosition, "start is 9; it must be below 9", "/start"),
        ({"sample": 1}, NoSuchPosition, "sample is 1; there is 1 sample, so it must be 0", "/sample"),
        ({"channel": 1}, NoSuchPosition, "channel is 1; there is 1 channel", "/channel"),
        ({"filter": 1}, NoSuchPosition, "filter is 1, but the kernel is one filter.*pick by channel", "/filter"),
        (
            {"kernel": np.stack([EDGE] * 2), "filter": 2},
            NoSuchPosition,
            "filter is 2; there are 2 filters, 0 to 1",
            "/filter",
        ),
        (
            {"kernel": np.stack([EDGE] * 2), "channel": 1},
            NoSuchPosition,
            "channel is 1, but .*pick by filter",
            "/channel",
        ),
    ],
)
def test_what_is_not_there_is_refused(fields: dict[str, Any], error: type[Any], message: str, pointer: str) -> None:
    with pytest.raises(error, match=message) as caught:
        conv(**({"input": RAMP, "kernel": EDGE} | fields))
    assert caught.value.pointer == pointer


# 512 channels of 3 x 3 are 4608 taps, 65536 // 4608 = 14; of 9 x 9 they are 41472; of 12 x 12 they are 73728.
@pytest.mark.parametrize(
    ("size", "asked", "message", "pointer"),
    [
        (3, {"count": 100}, r"100 steps of 4608 taps each .* is 65536; ask for at most 14 positions", "/count"),
        (3, {"positions": [[0, 0]] * 15}, "15 steps .* ask for at most 14 positions", "/positions"),
        (9, {"positions": [[0, 0]] * 2}, "2 steps .* ask for at most 1 position$", "/positions"),
        (12, {"positions": [[0, 0]]}, "1 step of 73728 taps .* trace a smaller kernel", "/positions"),
        (12, {}, "1 step of 73728 taps .* trace a smaller kernel", ""),
    ],
)
def test_a_page_of_too_many_taps_names_the_limit(size: int, asked: dict[str, Any], message: str, pointer: str) -> None:
    with pytest.raises(LimitExceeded, match=message) as caught:
        conv(input=np.ones((512, 20, 20)), kernel=np.ones((1, 512, size, size)), **asked)
    assert (caught.value.extra["limit"], caught.value.pointer) == (65_536, pointer)


def test_positions_and_a_page_are_not_asked_for_together() -> None:
    with pytest.raises(ValueError, match="both positions and count came"):
        schemas.ConvTraceRequest(input=RAMP, kernel=EDGE, positions=[[0, 0]], count=2)
