"""Networks run on data, against each layer worked out on its own with NumPy and plain loops."""

from __future__ import annotations

import itertools
import math
import tracemalloc
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from service import engine
from service.kernels import UnknownKernel
from service.operations.answer import Answer
from service.operations.errors import LimitExceeded
from service.operations.limits import Work
from service.operations.networks import run_network
from service.schemas.networks import NetworkRequest
from tests.operations.examples import CONTROL, FLATTEN, RELU, WIDE, limits

RNG = np.random.default_rng(11)
RAMP = np.arange(10.0, 251.0, 10.0).reshape(5, 5)
EDGE = np.array([[1, 0, -1]] * 3)


def run(input: Any, layers: list[dict[str, Any]], **fields: Any) -> Answer:
    given = fields.pop("limits", WIDE)
    return run_network(NetworkRequest.model_validate({"input": input, "layers": layers, **fields}), given, CONTROL)


def output(input: Any, *layers: dict[str, Any], **fields: Any) -> NDArray[Any]:
    result: NDArray[Any] = run(input, list(layers), **fields).arrays["output"]
    return result


def conv_by_loops(planes: NDArray[Any], kernel: NDArray[Any], bias: NDArray[Any]) -> NDArray[Any]:
    """Return each filter's sum of products at each position: (C, H, W), (F, C, k, k), (F) -> (F, H', W')."""
    filters, _, rows, columns = kernel.shape
    height, width = planes.shape[1] - rows + 1, planes.shape[2] - columns + 1
    maps = np.empty((filters, height, width))
    for f, y, x in np.ndindex(filters, height, width):
        maps[f, y, x] = (planes[:, y : y + rows, x : x + columns] * kernel[f]).sum() + bias[f]
    return maps


def test_a_small_network_layer_by_layer() -> None:
    planes = RNG.normal(size=(2, 8, 8))
    kernel, bias = RNG.normal(size=(3, 2, 3, 3)), RNG.normal(size=3)
    weight, offset = RNG.normal(size=(4, 27)), RNG.normal(size=4)
    answer = run(
        planes,
        [
            {"type": "conv2d", "kernel": kernel, "bias": bias},
            RELU,
            {"type": "pool2d", "kernel_size": 2},
            FLATTEN,
            {"type": "linear", "weight": weight, "bias": offset},
            {"type": "softmax"},
        ],
        **{"return": "all"},
    )
    maps = conv_by_loops(planes, kernel, bias)
    lit = np.maximum(maps, 0)
    pooled = lit.reshape(3, 3, 2, 3, 2).max(axis=(2, 4))
    scores = weight @ pooled.reshape(27) + offset
    chances = np.exp(scores) / np.exp(scores).sum()
    for index, expected in enumerate([maps, lit, pooled, pooled.reshape(27), scores, chances]):
        np.testing.assert_allclose(answer.arrays[f"layers.{index}.output"], expected, rtol=1e-12, atol=1e-13)
    np.testing.assert_array_equal(answer.arrays["output"], answer.arrays["layers.5.output"])
    assert answer.fields["output_shape"] == [4]
    assert [layer["type"] for layer in answer.fields["layers"]] == [
        "conv2d",
        "relu",
        "pool2d",
        "flatten",
        "linear",
        "softmax",
    ]
    assert [layer["output_shape"] for layer in answer.fields["layers"]] == [
        [3, 6, 6],
        [3, 6, 6],
        [3, 3, 3],
        [27],
        [4],
        [4],
    ]


def test_a_batch_goes_through_sample_by_sample() -> None:
    batch = RNG.normal(size=(3, 2, 6, 6))
    layers: list[dict[str, Any]] = [
        {"type": "conv2d", "kernel": RNG.normal(size=(2, 2, 3, 3)), "padding": "same"},
        {"type": "batch_norm", "mean": RNG.normal(size=2), "variance": RNG.random(2) + 0.5},
        {"type": "softmax"},
        FLATTEN,
        {"type": "linear", "weight": RNG.normal(size=(5, 72))},
    ]
    whole = output(batch, *layers)
    assert whole.shape == (3, 5)
    for sample, expected in zip(batch, whole, strict=True):
        np.testing.assert_allclose(output(sample, *layers), expected, rtol=1e-12)


# Each by its definition, on the same five numbers.
@pytest.mark.parametrize(
    ("layer", "function"),
    [
        (RELU, lambda x: max(x, 0.0)),
        ({"type": "leaky_relu"}, lambda x: x if x >= 0 else 0.01 * x),
        ({"type": "leaky_relu", "negative_slope": 0.5}, lambda x: x if x >= 0 else 0.5 * x),
        ({"type": "sigmoid"}, lambda x: 1 / (1 + math.exp(-x))),
        ({"type": "tanh"}, math.tanh),
    ],
)
def test_activations(layer: dict[str, Any], function: Any) -> None:
    values = np.array([-2.5, -0.5, 0.0, 0.25, 3.0])
    np.testing.assert_allclose(output(values, layer), [function(float(x)) for x in values], rtol=1e-14)


def test_activations_stay_finite_where_their_formulas_overflow() -> None:
    values = np.array([-1e300, -1000.0, 1000.0, 1e300])
    assert output(values, {"type": "sigmoid"}).tolist() == [0, 0, 1, 1]
    assert output(values, {"type": "softmax"}).tolist() == [0, 0, 0, 1]


def test_softmax_is_over_the_channels_of_each_position() -> None:
    planes = RNG.normal(size=(3, 4, 5))
    shares = output(planes, {"type": "softmax"})
    np.testing.assert_allclose(shares, np.exp(planes) / np.exp(planes).sum(axis=0), rtol=1e-12)
    conv = {"type": "conv2d", "kernel": "identity", "padding": 1}
    np.testing.assert_array_equal(output(RAMP, conv, {"type": "softmax"}), np.ones((5, 5)))  # one channel


@pytest.mark.parametrize("shape", [(2, 2), (1, 2, 2), (1, 1, 2, 2)])
def test_softmax_of_one_channel_is_one_but_where_it_is_undefined(shape: tuple[int, ...]) -> None:
    values = np.array([1, 2, 3, np.nan]).reshape(shape)
    shares = output(values, {"type": "pool2d", "kernel_size": 1}, {"type": "softmax"})
    np.testing.assert_array_equal(shares, np.array([1, 1, 1, np.nan]).reshape(shape))


def test_a_linear_layer_adds_integers_in_their_order_where_float64_would_round_others() -> None:
    cancelling = np.array([2.0**53, -(2.0**53), 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0])
    ones = {"type": "linear", "weight": np.ones((1, 16)), "bias": np.array([2])}
    assert output(cancelling, ones).tolist() == [3]
    samples, weight = np.stack([cancelling, np.ones(16)] * 20), np.stack([np.ones(16), cancelling, np.zeros(16)])
    expected = [[1, 2.0**107, 0], [16, 1, 0]] * 20
    np.testing.assert_array_equal(output(samples, {"type": "linear", "weight": weight}), expected)


def test_batch_norm_a_channel() -> None:
    planes = RNG.normal(size=(2, 3, 3))
    numbers = {name: RNG.random(2) + 0.5 for name in ("mean", "variance", "weight", "bias")}
    result = output(planes, {"type": "batch_norm", "epsilon": 0.1, **numbers})
    for channel in range(2):
        mean, variance, weight, bias = (numbers[name][channel] for name in ("mean", "variance", "weight", "bias"))
        expected = (planes[channel] - mean) / math.sqrt(variance + 0.1) * weight + bias
        np.testing.assert_allclose(result[channel], expected, rtol=1e-12)


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.int8])
def test_a_small_epsilon_is_added_to_a_variance_of_any_dtype(dtype: Any) -> None:
    """In float16 1e-8 would be 0, and the sum with it."""
    norm = {"type": "batch_norm", "mean": np.zeros(1), "variance": np.zeros(1, dtype), "epsilon": 1e-8}
    result = output(RAMP[None], norm)
    np.testing.assert_allclose(result, RAMP[None] * 1e4, rtol=1e-12)


# More values than a block has, along each axis by turns, and none a multiple of it; features have no planes.
@pytest.mark.parametrize("shape", [(50_001,), (3, 40_003), (70_001, 2), (2, 3, 211, 97), (40_003, 2, 2), (9_001, 5, 3)])
def test_layers_are_computed_block_by_block(shape: tuple[int, ...]) -> None:
    values = RNG.normal(size=shape).astype(np.float32)
    axis = {1: 0, 2: 1, 3: 0, 4: 1}[len(shape)]
    numbers = {name: RNG.random(shape[axis]) + 0.5 for name in ("mean", "variance", "weight", "bias")}
    layers: dict[str, dict[str, Any]] = {
        "sigmoid": {"type": "sigmoid"},
        "softmax": {"type": "softmax"},
        "batch_norm": {"type": "batch_norm", **numbers},
    }
    exact = values.astype(np.float64)
    powers = np.exp(exact)
    a_channel = {name: given.reshape(-1, *(1,) * (values.ndim - axis - 1)) for name, given in numbers.items()}
    scale = a_channel["weight"] / np.sqrt(a_channel["variance"] + 1e-5)
    expected = {
        "sigmoid": 1 / (1 + np.exp(-exact)),
        "softmax": powers / powers.sum(axis=axis, keepdims=True),
        "batch_norm": (exact - a_channel["mean"]) * scale + a_channel["bias"],
    }
    for name, layer in layers.items():
        tracemalloc.start()
        try:
            result = output(values, layer)
            beyond = tracemalloc.get_traced_memory()[1] - result.nbytes
        finally:
            tracemalloc.stop()
        np.testing.assert_allclose(result, expected[name], rtol=1e-5, atol=1e-6, err_msg=name)
        assert beyond < 3 * 2**20, name  # a few blocks, the numbers a channel and the copy that is answered


def test_a_layer_ends_between_its_blocks() -> None:
    asked = itertools.count()
    control = engine.Control(cancelled=lambda: next(asked) > 20)
    values = np.zeros((1, 64, 256, 256), np.float32)
    norm = {"type": "batch_norm", "mean": np.zeros(64), "variance": np.ones(64)}
    for layer in ({"type": "tanh"}, {"type": "softmax"}, norm):
        asked = itertools.count()
        request = NetworkRequest.model_validate({"input": values, "layers": [layer]})
        with pytest.raises(engine.Cancelled):
            run_network(request, WIDE, control)


def test_every_ranked_operation_is_a_layer() -> None:
    signal = RNG.normal(size=(2, 9))
    layers: list[dict[str, Any]] = [
        {"type": "conv1d", "kernel": RNG.normal(size=(3, 2, 3)), "sample_spacing": 0.5},
        {"type": "pool1d", "kernel_size": 2, "kind": "average"},
        {"type": "conv_transpose1d", "kernel": RNG.normal(size=(3, 1, 2)), "stride": 2},
    ]
    first = engine.conv(signal[None], layers[0]["kernel"]) * 0.5
    second = engine.pool(first, "average", 2)
    third = engine.conv_transpose(second, layers[2]["kernel"], stride=2)
    np.testing.assert_allclose(output(signal, *layers), third[0], rtol=1e-12)
    assert (
        output(np.ones((4, 4, 4)), {"type": "conv3d", "kernel": np.ones((2, 2, 2))}).tolist()
        == np.full((3, 3, 3), 8).tolist()
    )


def test_integers_stay_exact() -> None:
    layers: list[dict[str, Any]] = [
        {"type": "conv2d", "kernel": EDGE},
        RELU,
        FLATTEN,
        {"type": "linear", "weight": np.ones((1, 9), dtype=int)},
    ]
    assert output(RAMP, layers[0]).tolist() == [[-60.0] * 3] * 3
    assert output(-RAMP, *layers).tolist() == [540]


@pytest.mark.parametrize(
    ("dtype", "asked", "given"),
    [("float32", "auto", "float32"), ("int64", "auto", "float64"), ("float64", "float32", "float32")],
)
def test_one_dtype_all_the_way(dtype: str, asked: str, given: str) -> None:
    layers: list[dict[str, Any]] = [
        {"type": "conv2d", "kernel": EDGE, "bias": 0.5},
        {"type": "leaky_relu"},
        {"type": "sigmoid"},
        {"type": "batch_norm", "mean": np.ones(1), "variance": np.ones(1)},
        {"type": "softmax"},
        FLATTEN,
        {"type": "linear", "weight": np.ones((2, 9)), "bias": np.ones(2)},
    ]
    answer = run(RAMP.astype(dtype), layers, dtype=asked, **{"return": "all"})
    assert {array.dtype.name for array in answer.arrays.values()} == {given}
    assert answer.fields["dtype"] == given


def test_what_is_sent_is_not_written_to() -> None:
    values = np.array([-1.0, 2.0])
    output(values, RELU, {"type": "linear", "weight": np.ones((2, 2)), "bias": np.ones(2)})
    assert values.tolist() == [-1, 2]


def test_the_last_layer_alone_is_answered_unless_all_are_asked_for() -> None:
    answer = run(RAMP, [RELU, {"type": "tanh"}])
    assert list(answer.arrays) == ["output"]
    assert "layers" not in answer.fields


def test_layers_together_are_held_to_the_limits_before_any_runs() -> None:
    layer: dict[str, Any] = {"type": "conv2d", "kernel": EDGE, "padding": "same"}
    assert run(RAMP, [layer] * 2, limits=limits(max_macs=450)).fields["output_shape"] == [5, 5]
    with pytest.raises(LimitExceeded, match=r"675 multiply-accumulates, and max_macs is 450"):
        run(RAMP, [layer] * 3, limits=limits(max_macs=450))
    with pytest.raises(LimitExceeded, match="max_output_elements is 60"):
        run(RAMP, [layer] * 2, limits=limits(max_output_elements=60), **{"return": "all"})


def test_a_network_is_let_in_once_with_all_its_work() -> None:
    asked: list[Work] = []
    layer = {"type": "conv2d", "kernel": EDGE, "padding": "same"}
    run(RAMP, [layer] * 3, limits=replace(WIDE, admit=asked.append))
    assert [work.macs for work in asked] == [3 * 25 * 9]


# 1 x 3 spread to 4 x ((3 - 1)·10 + 2) = 4 x 22, pooled to 4 x 1; and (5 + 2·6)² cells of one padded plane, then 4 x 4.
SPREAD: dict[str, Any] = {"type": "conv_transpose1d", "kernel": np.ones((1, 4, 2)), "stride": 10}
POOLED: dict[str, Any] = {"type": "pool1d", "output_size": 1}
PADDED: dict[str, Any] = {"type": "conv2d", "kernel": EDGE, "padding": 6, "stride": 4}


@pytest.mark.parametrize(
    ("input", "layers", "limit", "actual"),
    [
        (np.ones((1, 3)), [SPREAD, POOLED], "max_output_elements", 88),
        (RAMP, [RELU, PADDED], "max_padded_elements", 289),
        (np.ones((1, 3)), [SPREAD, POOLED], "max_input_elements", 3),
        # 4 channels share one filter of 50 taps: it is there four times.
        (np.ones((4, 60)), [RELU, {"type": "conv1d", "kernel": np.ones(50)}], "max_kernel_elements", 200),
    ],
)
def test_an_inner_layer_is_held_to_the_limits_before_any_runs(
    input: Any, layers: list[dict[str, Any]], limit: str, actual: int
) -> None:
    run(input, layers, limits=limits(**{limit: actual}))

    def computing() -> bool:
        raise AssertionError("a layer was computed")

    request = NetworkRequest.model_validate({"input": input, "layers": layers})
    with pytest.raises(LimitExceeded, match=rf"{actual} .*, and {limit} is {actual - 1}; ") as caught:
        run_network(request, limits(**{limit: actual - 1}), engine.Control(cancelled=computing))
    assert caught.value.pointer == ""
    assert (caught.value.extra["name"], caught.value.extra["actual"]) == (limit, actual)


def test_memory_is_asked_for_what_layers_hand_on_beside_the_answer() -> None:
    asked: list[Work] = []
    run(np.ones((1, 3)), [SPREAD, POOLED], limits=replace(WIDE, admit=asked.append))
    run(np.ones((1, 3)), [SPREAD, POOLED], limits=replace(WIDE, admit=asked.append), **{"return": "all"})
    run(np.ones((1, 3)), [RELU], limits=replace(WIDE, admit=asked.append))
    assert [(work.output_elements, work.passed_elements, work.inner_elements) for work in asked] == [
        (4, 92, 88),  # 88 of the first layer with the 4 of the second, rather than with the 3 of the input
        (96, 92, 0),
        (3, 6, 0),
    ]
    run(RAMP, [RELU, PADDED], limits=replace(WIDE, admit=asked.append))
    assert asked[3].read_elements == 12 * 12  # 4 windows of 3 cells an axis, 4 apart
    alone = replace(asked[0], passed_elements=0, inner_elements=0)
    assert asked[0].memory_bytes(as_text=False) - alone.memory_bytes(as_text=False) == 92 * 8
    assert asked[0].seconds - alone.seconds == pytest.approx(88 / 1e8, rel=1e-6)


def test_planes_are_flattened_where_no_layer_has_axes() -> None:
    weight = {"type": "linear", "weight": np.ones((1, 12), dtype=int)}
    assert output(np.ones((3, 2, 2)), FLATTEN, weight).tolist() == [12]
    assert output(np.ones((5, 3, 2, 2)), FLATTEN, weight).tolist() == [[12]] * 5


def test_an_end_is_asked_for_between_layers() -> None:
    asked = iter([False] * 3 + [True] * 100)
    control = engine.Control(cancelled=lambda: next(asked))
    request = NetworkRequest.model_validate({"input": RAMP, "layers": [RELU] * 50})
    with pytest.raises(engine.Cancelled):
        run_network(request, WIDE, control)


def test_an_unknown_kernel_names_its_layer() -> None:
    with pytest.raises(UnknownKernel, match=r'layer 1 \(conv2d\): there is no kernel "sobelx"; did you mean') as caught:
        run(RAMP, [RELU, {"type": "conv2d", "kernel": "sobelx"}])
    assert caught.value.pointer == "/layers/1/kernel"


@pytest.mark.parametrize(
    ("layer", "message"),
    [
        (
            {"type": "batch_norm", "mean": np.ones(3), "variance": np.ones(1)},
            r"the mean has shape \[3\]; it must be \[1\]",
        ),
        (
            {"type": "batch_norm", "mean": np.ones(1), "variance": np.full(1, -1.0)},
            r"variance \+ epsilon must be above 0",
        ),
        ({"type": "linear", "weight": np.ones((2, 4))}, "put a flatten layer before it"),
    ],
)
def test_numbers_that_do_not_fit_are_refused(layer: dict[str, Any], message: str) -> None:
    with pytest.raises(engine.EngineError, match=message):
        run(RAMP, [{"type": "conv2d", "kernel": "identity"}, layer])
