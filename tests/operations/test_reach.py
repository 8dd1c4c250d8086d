"""What positions see, against plain loops over taps: the set of cells that each position of each layer depends on."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from service.engine import EngineError
from service.operations.network_plan import network_plan
from service.operations.plan import conv_transpose_plan
from service.operations.reach import LONGEST_PERIOD
from service.schemas.answers import LayerPlan
from service.schemas.networks import NetworkPlanRequest
from service.schemas.requests import ConvTransposePlanRequest
from tests.operations.examples import FLATTEN, WIDE, linear

POSITIONS = 200  # looked at of each layer, from its first: more than a period of what is drawn below


def planned(size: int, layers: list[dict[str, Any]]) -> list[dict[str, Any]]:
    request = NetworkPlanRequest.model_validate({"input_shape": [1, size], "layers": layers})
    layer_plans: list[dict[str, Any]] = network_plan(request, WIDE)["layers"]
    return layer_plans


def fields(size: int, *layers: dict[str, Any]) -> list[int]:
    return [layer["receptive_field"][0] for layer in planned(size, list(layers))]


def inputs_of(layer: dict[str, Any], size: int, at: int) -> list[int]:
    """Return the positions of a layer's input that its output `at` depends on, padding counted on as far as it goes."""
    k, s, d = (layer.get(name, 1) for name in ("kernel_size", "stride", "dilation"))
    b = layer.get("b", 0)
    if "output_size" in layer:
        o = layer["output_size"]
        return list(range(at * size // o, -(-(at + 1) * size // o)))
    if layer["type"] == "conv_transpose1d":
        return [(at + b - d * t) // s for t in range(k) if (at + b - d * t) % s == 0]
    return [at * s - b + d * t for t in range(k)]


def by_loops(size: int, layers: list[dict[str, Any]], outputs: list[int]) -> list[int]:
    """Return each layer's largest extent of cells, over the first positions that there are."""
    sizes = [size, *outputs]

    def cells(depth: int, at: int, seen: dict[tuple[int, int], frozenset[int]]) -> frozenset[int]:
        if depth == 0:
            return frozenset([at])
        if (depth, at) not in seen:
            below = inputs_of(layers[depth - 1], sizes[depth - 1], at)
            found = [cells(depth - 1, place, seen) for place in below]
            seen[depth, at] = frozenset(cell for ends in found if ends for cell in (min(ends), max(ends)))
        return seen[depth, at]

    known: dict[tuple[int, int], frozenset[int]] = {}
    extents = []
    for depth in range(1, len(layers) + 1):
        seen = [cells(depth, at, known) for at in range(min(outputs[depth - 1], POSITIONS))]
        extents.append(max((max(found) - min(found) + 1 for found in seen if found), default=0))
    return extents


def layer(kind: str, k: int, s: int, d: int, b: int) -> dict[str, Any]:
    if kind == "adaptive":
        return {"type": "pool1d", "output_size": k + 2 * b}
    b = min(b, d * (k - 1))
    moved = {"kernel_size": k, "stride": s, "dilation": d, "padding": [[b, b]], "b": b}
    return {"type": kind} | moved | ({} if kind == "pool1d" else {"filters": 1})


LAYERS = st.builds(
    layer,
    st.sampled_from(["conv1d", "pool1d", "adaptive", "conv_transpose1d", "conv_transpose1d"]),
    st.integers(1, 4),
    st.integers(1, 4),
    st.integers(1, 4),
    st.integers(0, 2),
)


def without_notes(layers: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{name: value for name, value in layer.items() if name != "b"} for layer in layers]


@settings(derandomize=True, max_examples=300, deadline=None)
@given(st.integers(1, 40), st.lists(LAYERS, min_size=1, max_size=4))
def test_a_field_is_what_the_position_that_sees_most_sees(size: int, layers: list[dict[str, Any]]) -> None:
    try:
        plans = planned(size, without_notes(layers))
    except EngineError:
        return  # what does not fit has no field
    found = [plan["receptive_field"][0] for plan in plans]
    expected = by_loops(size, layers, [plan["output_shape"][1] for plan in plans])
    period = 1
    for depth, described in enumerate(layers):
        period *= described.get("output_size", described["stride"] if "filters" in described else 1)
        if period <= LONGEST_PERIOD:
            assert found[depth] == expected[depth]
        else:  # there the field may be bounded instead
            assert found[depth] >= expected[depth]


@pytest.mark.parametrize("k", range(1, 8))
@pytest.mark.parametrize("s", range(1, 6))
@pytest.mark.parametrize("d", range(1, 6))
def test_a_transposed_convolution_alone_and_as_a_network(k: int, s: int, d: int) -> None:
    request = ConvTransposePlanRequest(input_shape=[30], kernel_shape=[k], stride=s, dilation=d)
    field = conv_transpose_plan(request, 1, WIDE)["receptive_field"]
    alone = {"type": "conv_transpose1d", "filters": 1, "kernel_size": k, "stride": s, "dilation": d}
    assert field == fields(30, alone) == by_loops(30, [alone], [29 * s + d * (k - 1) + 1])
    assert field[0] <= -(-(d * (k - 1) + 1) // s)  # the span over the stride, which no output exceeds


# By hand: windows [0,3) [2,5) [4,7) of 7; [0,1) [0,1) [0,2) [1,2) [1,2) of 2; outputs 2i and 2i + 1 of cell i.
@pytest.mark.parametrize(
    ("size", "layers", "expected"),
    [
        (7, [{"output_size": 3}, {"output_size": 1}], [3, 7]),
        (7, [{"output_size": 3}, {"kernel_size": 2, "stride": 1}], [3, 5]),
        (2, [{"output_size": 5}, {"kernel_size": 3, "stride": 1}], [2, 2]),
        (8, [{"type": "conv_transpose1d", "filters": 1, "kernel_size": 2, "stride": 2}, {"kernel_size": 2}], [1, 1]),
        (
            8,
            [
                {"type": "conv_transpose1d", "filters": 1, "kernel_size": 2, "stride": 2},
                {"kernel_size": 2, "stride": 1},
            ],
            [1, 2],
        ),
        # Odd outputs depend on no input, and a layer that reads those alone on none either.
        (
            8,
            [
                {"type": "conv_transpose1d", "filters": 1, "kernel_size": 1, "stride": 2},
                {"type": "conv1d", "filters": 1, "kernel_size": 1, "stride": 2, "padding": 1},
                {"type": "conv_transpose1d", "filters": 1, "kernel_size": 3, "stride": 99},
            ],
            [1, 0, 0],
        ),
    ],
)
def test_fields_behind_fractional_jumps(size: int, layers: list[dict[str, Any]], expected: list[int]) -> None:
    assert fields(size, *({"type": "pool1d"} | layer for layer in layers)) == expected


def test_a_linear_layer_sees_what_all_features_see() -> None:
    assert fields(7, {"type": "pool1d", "output_size": 3}, FLATTEN, linear(1)) == [3, 3, 7]


def test_the_schema_says_which_periods_are_followed() -> None:
    assert f"more than {LONGEST_PERIOD}," in str(LayerPlan.model_fields["receptive_field"].description)


# A period of 1000 is bounded: by the longest window of one layer, by all of the axis for what reads all of it.
@pytest.mark.parametrize("size", [1999, 2001, 2500])
def test_long_periods_are_bounded_by_what_the_axis_has(size: int) -> None:
    found = fields(size, {"type": "pool1d", "output_size": 1000}, {"type": "pool1d", "output_size": 1})
    windows = [-(-(i + 1) * size // 1000) - i * size // 1000 for i in range(1000)]
    assert found == [max(windows), size]


# 1000 positions a cell; 2001 taps meet 2 or 3 cells, 3 neighbours of 500 the same number.
def test_large_strides_of_a_transposed_convolution_are_exact_alone() -> None:
    spread = {"type": "conv_transpose1d", "filters": 1, "kernel_size": 2001, "stride": 1000}
    assert fields(9, spread, {"type": "pool1d", "kernel_size": 500}) == [3, 3]
    assert fields(9, spread | {"kernel_size": 500, "dilation": 3}) == [1]  # taps of one remainder are 1000 apart


def test_numbers_beyond_a_floats_are_answered_whole() -> None:
    far = {"type": "conv1d", "filters": 1, "kernel_size": 1, "stride": 2**31 - 1, "padding": 2**31 - 1}
    last = planned(1, [far] * 60)[-1]
    assert last["jump"] == [(2**31 - 1) ** 60]
    assert isinstance(last["start"][0], int)


def test_the_longest_network_is_followed() -> None:
    moved = {"kernel_size": 7, "stride": 4, "dilation": 3, "padding": 9}
    layers = [{"type": "conv_transpose3d", "filters": 1, **moved}] * 3
    layers += [{"type": "pool3d", "kernel_size": 5, "stride": 1, "padding": 2}] * 253
    request = NetworkPlanRequest.model_validate({"input_shape": [1, 9, 9, 9], "layers": layers})
    assert len(network_plan(request, WIDE)["layers"]) == 256
