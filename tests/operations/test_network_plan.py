"""Networks planned from shapes: the published totals, and what each position sees, worked out window by window."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from service import engine
from service.operations.errors import OperationError
from service.operations.network_plan import network_plan
from service.schemas.answers import LayerPlan, NetworkPlanAnswer
from service.schemas.networks import NetworkPlanRequest
from tests.operations.examples import (
    FLATTEN,
    RELU,
    WIDE,
    alexnet,
    conv,
    lenet5,
    limits,
    linear,
    resnet50_trunk,
    vgg16,
)


def planned(input_shape: list[int], layers: list[dict[str, Any]], **given: int) -> dict[str, Any]:
    request = NetworkPlanRequest.model_validate({"input_shape": input_shape, "layers": layers})
    return network_plan(request, limits(**given))


# Simonyan & Zisserman (2014), table 2: 138 M; 15.47 G multiply-accumulates; fields as in Araujo et al. (2019), table 1.
def test_vgg16() -> None:
    plan = planned([3, 224, 224], vgg16())
    assert plan["total_parameters"] == 138_357_544
    assert plan["total_macs"] == 15_470_264_320
    assert plan["output_shape"] == [1000]
    assert plan["bytes"]["parameters"] == 4 * 138_357_544  # as float32
    assert plan["bytes"]["largest_output"] == 4 * 64 * 224 * 224 == plan["layers"][0]["bytes"]["output"]
    assert plan["layers"][0]["bytes"]["parameters"] == 4 * (64 * 3 * 9 + 64)
    fields = [layer["receptive_field"] for layer in plan["layers"] if layer["type"] in ("conv2d", "pool2d")]
    assert fields[-2:] == [[196, 196], [212, 212]]  # conv5_3, pool5


def test_alexnet() -> None:
    plan = planned([3, 224, 224], alexnet())
    assert plan["total_parameters"] == 61_100_840
    assert plan["layers"][12]["output_shape"] == [256, 6, 6]


def test_lenet5() -> None:
    plan = planned([1, 28, 28], lenet5())
    assert plan["total_parameters"] == 61_706
    assert [layer["output_shape"] for layer in plan["layers"] if layer["type"] == "conv2d"] == [
        [6, 28, 28],
        [16, 10, 10],
        [120, 1, 1],
    ]


# torchvision's resnet50: conv1 9408, bn1 128, layer1.0's three convolutions 4096 + 36864 + 16384 and 128 + 128 + 512.
def test_the_trunk_of_resnet50() -> None:
    plan = planned([3, 224, 224], resnet50_trunk())
    assert plan["total_parameters"] == 9_408 + 128 + 4_096 + 128 + 36_864 + 128 + 16_384 + 512
    assert plan["output_shape"] == [256, 56, 56]


# S4: 32 → 30 → 28 → 26, receptive field 7 x 7; and two 3 x 3 layers see 5 x 5.
def test_three_small_filters_see_seven_cells() -> None:
    plan = planned([1, 32, 32], [conv(1, 3)] * 3)
    assert [layer["output_shape"] for layer in plan["layers"]] == [[1, 30, 30], [1, 28, 28], [1, 26, 26]]
    assert [layer["receptive_field"] for layer in plan["layers"]] == [[3, 3], [5, 5], [7, 7]]


# S4: 64 filters 3 x 3 have 640 parameters on one channel, 1792 on three.
@pytest.mark.parametrize(("channels", "parameters"), [(1, 640), (3, 1792)])
def test_sixty_four_filters(channels: int, parameters: int) -> None:
    assert planned([channels, 8, 8], [conv(64, 3)])["total_parameters"] == parameters


LAYER = st.tuples(st.integers(1, 4), st.integers(1, 3), st.integers(1, 2), st.integers(0, 2), st.booleans())


@settings(derandomize=True, max_examples=100, deadline=None)
@given(st.lists(LAYER, min_size=1, max_size=4))
def test_what_a_position_sees_is_what_its_windows_reach(described: list[tuple[int, int, int, int, bool]]) -> None:
    layers: list[dict[str, Any]] = []
    for k, s, d, b, pooled in described:
        b = min(b, d * (k - 1))
        layer = {"type": "pool1d"} if pooled else {"type": "conv1d", "filters": 1}
        layers.append(layer | {"kernel_size": k, "stride": s, "dilation": d, "padding": [[b, b]]})
    plan = planned([1, 400], layers)

    def reach(depth: int, at: int) -> tuple[int, int]:
        """Return the first and last input cell, padding counted on, that position `at` depends on."""
        if depth == 0:
            return at, at
        layer = layers[depth - 1]
        first = at * layer["stride"] - layer["padding"][0][0]
        last = first + layer["dilation"] * (layer["kernel_size"] - 1)
        return reach(depth - 1, first)[0], reach(depth - 1, last)[1]

    for depth, layer in enumerate(plan["layers"], 1):
        first, last = reach(depth, 0)
        assert layer["receptive_field"] == [last - first + 1]
        assert layer["start"] == [(first + last) / 2]
        assert layer["jump"] == [reach(depth, 1)[0] - first]


# By hand: n 3, k 3, s 2, b 1 of a transposed convolution. Output 0 is reached by input 0 (tap 1), output 1 by inputs 0
# and 1 (taps 2 and 0): two cells at most, half a cell further each time, the first one's centre at input 0.
def test_a_transposed_convolution_halves_the_jump() -> None:
    layer = planned([1, 3], [{"type": "conv_transpose1d", "filters": 1, "kernel_size": 3, "stride": 2, "padding": 1}])[
        "layers"
    ][0]
    assert (layer["receptive_field"], layer["jump"], layer["start"]) == ([2], [0.5], [0])


# 7 → 3: windows [0,3) [2,5) [4,7).
def test_an_adaptive_pool_sees_its_largest_window() -> None:
    layer = planned([1, 7], [{"type": "pool1d", "output_size": 3}])["layers"][0]
    assert (layer["receptive_field"], layer["start"]) == ([3], [1])
    assert layer["jump"] == [pytest.approx(7 / 3)]


def test_a_linear_layer_sees_all_of_it() -> None:
    layers = planned([1, 8, 8], [conv(1, 3), FLATTEN, linear(2)])["layers"]
    assert [layer["receptive_field"] for layer in layers] == [[3, 3], [3, 3], [8, 8]]
    assert [layer["jump"] for layer in layers] == [[1, 1], None, None]


# Without a batch there are channels and what they hold, however many axes that has.
@pytest.mark.parametrize("shape", [[10], [4, 10], [3, 5, 5], [3, 5, 5, 5], [1, 3, 5, 5, 5]])
def test_a_sample_is_channels_first_where_no_layer_reads_axes(shape: list[int]) -> None:
    plan = planned(shape, [{"type": "batch_norm"}, {"type": "softmax"}, FLATTEN, linear(7)])
    assert plan["output_shape"] == [7]
    assert plan["layers"][0]["parameters"] == 2 * shape[0]
    assert plan["layers"][0]["receptive_field"] == [1] * (len(shape) - 1)
    assert plan["layers"][3]["receptive_field"] == shape[1:]
    assert plan["total_macs"] == 7 * int(np.prod(shape))


def test_arrays_are_taken_in_place_of_sizes() -> None:
    plan = planned(
        [2, 6, 6],
        [
            {"type": "conv2d", "kernel": np.ones((4, 2, 3, 3)), "bias": False},
            {"type": "batch_norm", "mean": np.ones(4), "variance": np.ones(4), "weight": np.ones(4)},
            FLATTEN,
            {"type": "linear", "weight": np.ones((5, 64)), "bias": np.ones(5)},
        ],
    )
    assert [layer["parameters"] for layer in plan["layers"]] == [72, 8, 0, 325]


def test_groups_divide_the_kernel() -> None:
    assert planned([4, 6, 6], [conv(4, 3, groups=4, bias=False)])["total_parameters"] == 36


# conv2d's answer and conv_transpose2d's are one: 5 filters do not divide into 2 groups, nor 4 channels into 3.
@pytest.mark.parametrize("kind", ["conv2d", "conv_transpose2d"])
@pytest.mark.parametrize(
    ("filters", "groups", "message"),
    [(5, 2, "groups is 2, which does not divide the 5 filters"), (6, 3, "does not divide the 4 channels")],
)
def test_groups_that_do_not_divide_are_refused(kind: str, filters: int, groups: int, message: str) -> None:
    layer = {"type": kind, "filters": filters, "kernel_size": 3, "groups": groups}
    with pytest.raises(engine.GroupsMismatch, match=message) as caught:
        planned([4, 8, 4], [layer])
    assert caught.value.pointer == "/layers/0/groups"


@pytest.mark.parametrize(
    ("kind", "size", "message"),
    [
        ("conv2d", [3], "kernel_size has 1 entry but there are 2 spatial axes"),
        ("conv2d", [], "kernel_size has 0 entries but there are 2 spatial axes"),
        ("conv3d", [3, 3], "kernel_size has 2 entries but there are 3 spatial axes"),
        ("conv_transpose2d", [], "kernel_size has 0 entries but there are 2 spatial axes"),
        ("pool2d", [3], "kernel_size has 1 entry but there are 2 spatial axes"),
    ],
)
def test_a_kernel_size_has_an_entry_a_spatial_axis(kind: str, size: list[int], message: str) -> None:
    layer: dict[str, Any] = {"type": kind, "kernel_size": size} | ({} if kind == "pool2d" else {"filters": 4})
    with pytest.raises(engine.InvalidArgument, match=message) as caught:
        planned([1, *[5] * int(kind[-2])], [layer])
    assert caught.value.pointer == "/layers/0/kernel_size"


def test_what_is_beyond_a_limit_is_answered_with_its_name() -> None:
    plan = planned([3, 224, 224], vgg16(), max_macs=10**9)
    assert (plan["accepted"], plan["refused_by"]) == (False, "max_macs")
    assert planned([3, 224, 224], vgg16())["accepted"] is True


# 1 x 3 spread to 4 x ((3 - 1)·10 + 2) = 4 x 22 and pooled to 4 x 1; a plane of 5 x 5 padded to 17 x 17 before 4 x 4.
@pytest.mark.parametrize(
    ("shape", "layers", "limit", "actual"),
    [
        (
            [1, 3],
            [
                {"type": "conv_transpose1d", "filters": 4, "kernel_size": 2, "stride": 10},
                {"type": "pool1d", "output_size": 1},
            ],
            "max_output_elements",
            88,
        ),
        ([1, 5, 5], [RELU, conv(1, 3, padding=6, stride=4)], "max_padded_elements", 289),
    ],
)
def test_an_inner_layer_counts_against_the_limits(
    shape: list[int], layers: list[dict[str, Any]], limit: str, actual: int
) -> None:
    assert planned(shape, layers, **{limit: actual})["accepted"] is True
    assert planned(shape, layers, **{limit: actual - 1})["refused_by"] == limit


@pytest.mark.parametrize(
    ("shape", "layers", "message", "pointer"),
    [
        ([1, 1, 8, 8], [conv(1, 3)], r"leave out the batch, \[1, 8, 8\]", "/input_shape"),
        ([1, 3, 5, 5, 5], [conv(1, 3)], r"5 axes; a plan is of one sample: give 2 spatial axes, alone", "/input_shape"),
        ([5], [conv(1, 3)], r"1 axis; a plan is of one sample: give 2 spatial axes", "/input_shape"),
        ([4, 10], [linear(3)], r"layer 0 \(linear\): .*put a flatten layer before it", "/layers/0"),
        ([1, 4, 4], [conv(1, 3), RELU, conv(1, 7)], r"layer 2 \(conv2d\): .*kernel", "/layers/2/kernel_size"),
        ([1, 4, 4], [{"type": "conv2d", "kernel": np.ones((5, 5))}], "kernel spans 5 rows", "/layers/0/kernel"),
        ([1, 4, 4], [linear(3)], r"layer 0 \(linear\): .*put a flatten layer before it", "/layers/0"),
        (
            [1, 4, 4],
            [FLATTEN, conv(1, 3)],
            r"layer 1 \(conv2d\): .*0 spatial axes after flatten; it works on 2",
            "/layers/1",
        ),
        (
            [6],
            [FLATTEN, {"type": "pool3d", "kernel_size": 2}],
            r"layer 1 \(pool3d\): .*shape \[6\] and 0 spatial axes after flatten; it works on 3",
            "/layers/1",
        ),
        (
            [1, 4, 4],
            [conv(1, 3), {"type": "pool1d", "kernel_size": 2}],
            r"layer 1 \(pool1d\): .*2 spatial axes",
            "/layers/1",
        ),
        ([4], [{"type": "linear", "weight": np.ones((2, 3))}], r"layer 0 \(linear\): .*\(O, 4\)", "/layers/0/weight"),
        ([1, 4, 4], [{"type": "pool2d", "kernel_size": 2, "padding": 2}], r"layer 0 \(pool2d\)", "/layers/0/padding"),
        ([1, 4, 4], [conv(1, 2, method="zzz")], 'method is "zzz"', "/layers/0/method"),
        ([1, 8, 8], [conv(1, 3, stride=2, method="winograd")], 'method "winograd" cannot', "/layers/0/method"),
        (
            [1, 4, 4],
            [{"type": "conv_transpose2d", "filters": 1, "kernel_size": 2, "method": "zzz"}],
            'method is "zzz"',
            "/layers/0/method",
        ),
        ([4], [linear(2) | {"bias": np.ones(3)}], r"bias has shape \[3\]; it must be \[2\]", "/layers/0/bias"),
        ([4], [linear(2) | {"bias": 7.0}], r"bias is one number; it must be \[2\]", "/layers/0/bias"),
        ([2, 4, 4], [{"type": "batch_norm", "bias": 7.0}], r"bias is one number; .*\[2\]", "/layers/0/bias"),
        ([1, 9], [{"type": "conv1d", "kernel": "sobel_x"}], r"layer 0 \(conv1d\): .*by name", "/layers/0/kernel"),
    ],
)
def test_what_does_not_fit_names_its_layer(shape: list[int], layers: list[Any], message: str, pointer: str) -> None:
    with pytest.raises((engine.EngineError, OperationError), match=message) as caught:
        planned(shape, layers)
    assert getattr(caught.value, "pointer", None) == pointer


@pytest.mark.parametrize(
    ("layer", "message"),
    [
        ({"type": "conv2d", "filters": 3}, "filters came; give kernel, or filters and kernel_size"),
        ({"type": "conv2d"}, "neither came"),
        (
            {"type": "conv2d", "kernel": "sobel_x", "filters": 1, "kernel_size": 3},
            "kernel and filters and kernel_size came",
        ),
        ({"type": "conv2d", "kernel": "sobel_x", "kernel_size": 5}, "kernel and kernel_size came"),
        ({"type": "conv2d", "kernel": "sobel_x", "filters": 5}, "kernel and filters came"),
        ({"type": "linear"}, "neither came; give weight or features"),
        ({"type": "dropout"}, "dropout"),
        ({"type": "relu", "slope": 1}, "slope"),
    ],
)
def test_a_layer_that_says_too_little_or_too_much_is_refused(layer: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        planned([1, 8, 8], [layer])


def test_the_answer_is_what_its_schema_declares() -> None:
    plan = planned([1, 8, 8], [conv(1, 3)])
    assert set(plan) == set(NetworkPlanAnswer.model_fields)
    assert set(plan["layers"][0]) == set(LayerPlan.model_fields)


def test_limits_of_the_tests_are_never_reached() -> None:
    assert WIDE.max_macs > 15_470_264_320


def test_a_method_by_name_is_judged_by_its_memory_in_every_layer() -> None:
    layers: list[dict[str, Any]] = [
        {"type": "pool2d", "kernel_size": 1},
        {"type": "conv2d", "filters": 1, "kernel_size": 301, "method": "gemm"},
    ]
    with pytest.raises(engine.MethodNotApplicable, match=r"layer 1 .* bytes of working memory"):
        planned([1500, 1500], layers)
    layers[1]["method"] = "fft"
    assert planned([1500, 1500], layers)["accepted"] is True
