"""`POST /v1/{op}/gradients`: each gradient shaped as what it belongs to was sent, and one step of descent.

The numbers are checked by finite differences of the operation itself, asked over HTTP: on integers a step of 1 is exact
for what is linear.
"""

from __future__ import annotations

from typing import Any

import httpx
import numpy as np
import pytest
from numpy.typing import NDArray

from tests.exchange import answered, refused


def integers(seed: int, **shapes: tuple[int, ...]) -> dict[str, Any]:
    """Return an array of small integers for each name; a case draws from a seed of its own, whichever others run."""
    random = np.random.default_rng(seed)
    return {name: random.integers(-4, 5, shape).astype(np.float64) for name, shape in shapes.items()}


def upstream_of(shape: Any) -> NDArray[np.float64]:
    """Return the gradient of a loss with respect to an output."""
    return np.asarray(integers(100, output=tuple(shape))["output"])


def loss(service: httpx.Client, path: str, upstream: NDArray[Any], fields: dict[str, Any]) -> float:
    return float((np.array(answered(service, path, **fields)["feature_maps"]) * upstream).sum())


def by_differences(service: httpx.Client, path: str, upstream: NDArray[Any], fields: dict[str, Any], name: str) -> Any:
    """Return the gradient of sum(upstream * op) with respect to a field that the operation is linear in."""
    value = np.array(fields[name], float)
    base = loss(service, path, upstream, fields)
    gradient = np.zeros(value.shape)
    for at in np.ndindex(*value.shape):
        moved = value.copy()
        moved[at] += 1
        gradient[at] = loss(service, path, upstream, fields | {name: moved}) - base
    return gradient


CONVOLUTIONS: dict[str, tuple[str, dict[str, Any]]] = {
    "matrix and filter": ("/v1/conv2d", integers(1, input=(4, 5), kernel=(2, 3)) | {"bias": 2}),
    "shared filter": ("/v1/conv2d", integers(2, input=(2, 2, 3, 4), kernel=(2, 2), bias=(2,))),
    "bank": ("/v1/conv2d", integers(3, input=(4, 4), kernel=(3, 2, 2), bias=(3,))),
    "layer, bias a position": (
        "/v1/conv2d",
        integers(4, input=(2, 2, 4, 4), kernel=(2, 2, 3, 2), bias=(2, 2, 3)),
    ),
    "every option": (
        "/v1/conv2d",
        integers(5, input=(4, 4, 5), kernel=(2, 2, 2, 2), bias=(2,))
        | {
            "groups": 2,
            "stride": [2, 1],
            "dilation": [1, 2],
            "padding": [[1, 0], [2, 1]],
            "padding_mode": "reflect",
            "operation": "convolution",
        },
    ),
    "sample spacing": (
        "/v1/conv1d",
        integers(6, input=(6,)) | {"kernel": np.array([1.0, -2.0, 3.0]), "bias": 1, "sample_spacing": 0.5},
    ),
    "volume": ("/v1/conv3d", integers(7, input=(2, 3, 3), kernel=(2, 2, 1))),
    "transposed": (
        "/v1/conv_transpose2d",
        integers(8, input=(2, 2, 3), kernel=(2, 3, 2, 2), bias=(3,))
        | {
            "stride": 2,
            "padding": [0, 1],
            "output_padding": 1,
            "dilation": [1, 2],
        },
    ),
    "transposed, shared filter": (
        "/v1/conv_transpose1d",
        integers(9, input=(2, 3), kernel=(2,), bias=(2,)),
    ),
}


@pytest.mark.parametrize("case", CONVOLUTIONS)
def test_gradients_are_the_slopes_of_the_operation(service: httpx.Client, case: str) -> None:
    path, fields = CONVOLUTIONS[case]
    upstream = upstream_of(answered(service, path, **fields)["output_shape"])
    answer = answered(service, f"{path}/gradients", **fields, output_gradient=upstream)
    wanted = [name for name in ("input", "kernel", "bias") if name in fields]
    assert list(answer) == [f"{name}_gradient" for name in wanted]
    for name in wanted:
        found = np.array(answer[f"{name}_gradient"])
        assert found.shape == np.shape(fields[name]), name
        np.testing.assert_allclose(found, by_differences(service, path, upstream, fields, name), rtol=0, atol=1e-9)


def test_one_step_of_descent(service: httpx.Client) -> None:
    path, fields = CONVOLUTIONS["layer, bias a position"]
    upstream = upstream_of((2, 2, 2, 3))
    without = answered(service, f"{path}/gradients", **fields, output_gradient=upstream)
    answer = answered(service, f"{path}/gradients", **fields, output_gradient=upstream, learning_rate=0.25)
    assert list(answer) == ["input_gradient", "kernel_gradient", "bias_gradient", "updated_kernel", "updated_bias"]
    for name in ("kernel", "bias"):
        gradient = np.array(without[f"{name}_gradient"])
        np.testing.assert_array_equal(answer[f"updated_{name}"], np.array(fields[name]) - 0.25 * gradient)


def test_without_a_bias_there_is_no_gradient_of_it(service: httpx.Client) -> None:
    fields = {"input": [[1, 2]], "kernel": [[1]], "output_gradient": [[1, 1]]}
    assert set(answered(service, "/v1/conv2d/gradients", **fields)) == {"input_gradient", "kernel_gradient"}
    stepped = answered(service, "/v1/conv2d/gradients", **fields, learning_rate=1)
    assert set(stepped) == {"input_gradient", "kernel_gradient", "updated_kernel"}


def test_a_named_kernel_has_a_gradient_of_its_numbers(service: httpx.Client) -> None:
    answer = answered(
        service, "/v1/conv2d/gradients", input=np.eye(4), kernel="sobel_x", output_gradient=[[1, 0], [0, 0]]
    )
    assert answer["kernel_gradient"] == np.eye(3).tolist()


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"kind": "max", "kernel_size": 2}, [[0, 5], [0, 0]]),
        ({"kind": "min", "kernel_size": 2}, [[5, 0], [0, 0]]),
        ({"kind": "average", "kernel_size": 2}, [[1.25, 1.25], [1.25, 1.25]]),
        ({"kind": "average", "kernel_size": 2, "divisor_override": 5}, [[1, 1], [1, 1]]),
        ({"kind": "average", "output_size": 1}, [[1.25, 1.25], [1.25, 1.25]]),
        # d/dx (sum x^2)^(1/2) = x / norm; 1 + 16 + 4 + 4 = 25.
        ({"kind": "lp", "kernel_size": 2}, [[1, 4], [2, 2]]),
        ({"kind": "lp", "kernel_size": 2, "p": 1}, [[5, 5], [5, 5]]),
    ],
)
def test_pools(service: httpx.Client, fields: dict[str, Any], expected: Any) -> None:
    answer = answered(service, "/v1/pool2d/gradients", input=[[1, 4], [2, 2]], output_gradient=[[5]], **fields)
    assert list(answer) == ["input_gradient"]
    np.testing.assert_allclose(answer["input_gradient"], expected, rtol=1e-14)


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("average", [1, 1, 3, 2, 2]),
        ("max", [0, 0, 9, 0, 0]),
        ("min", [3, 0, 0, 0, 6]),
    ],  # windows 0-2 and 2-4 of 1 4 9 7 2
)
def test_adaptive_windows_that_overlap_share_a_cell(service: httpx.Client, kind: str, expected: list[float]) -> None:
    fields = {"input": [1, 4, 9, 7, 2], "kind": kind, "output_size": 2, "output_gradient": [3, 6]}
    assert answered(service, "/v1/pool1d/gradients", **fields)["input_gradient"] == expected


@pytest.mark.parametrize("kind", ["max", "min"])
def test_ties_send_the_gradient_to_the_first(service: httpx.Client, kind: str) -> None:
    fields = {"input": [3, 3, 3], "kind": kind, "kernel_size": 2, "stride": 1, "output_gradient": [1, 10]}
    assert answered(service, "/v1/pool1d/gradients", **fields)["input_gradient"] == [1, 10, 0]


@pytest.mark.parametrize(
    ("path", "fields", "wanted"),
    [
        ("/v1/conv2d", {"input": [[1, 2], [3, 4]], "kernel": [[1]]}, r"\[2, 2\]"),
        ("/v1/conv_transpose2d", {"input": [[1, 2]], "kernel": [[1, 1]]}, r"\[1, 3\]"),
        ("/v1/pool2d", {"input": [[1, 2], [3, 4]], "kernel_size": 2}, r"\[1, 1\]"),
    ],
)
def test_the_output_gradient_has_the_outputs_shape(
    service: httpx.Client, path: str, fields: dict[str, Any], wanted: str
) -> None:
    response = service.post(f"{path}/gradients", json=fields | {"output_gradient": [[1, 2, 3, 4]]})
    refused(
        response, 422, "shape-mismatch", rf"has shape \[1, 4\]; it must have the output's, {wanted}", "/output_gradient"
    )


@pytest.mark.parametrize("encoding", ["flat", "base64"])
def test_encoding_holds_for_every_gradient(service: httpx.Client, encoding: str) -> None:
    answer = answered(
        service,
        "/v1/conv2d/gradients",
        input={"shape": [1, 2], "dtype": "float32", "data": [1, 2]},
        kernel=[[1]],
        bias=0,
        output_gradient=[[1, 1]],
        learning_rate=1,
        encoding=encoding,
    )
    assert len(answer) == 5
    for name, array in answer.items():
        assert array["dtype"] == "float32", name
        assert ("base64" in array) == (encoding == "base64")


@pytest.mark.parametrize("path", ["/v1/conv2d/gradients", "/v1/conv_transpose2d/gradients"])
@pytest.mark.parametrize(("method", "slug"), [("nonsense", "unknown-method"), ("winograd", "method-not-applicable")])
def test_the_method_is_heeded(service: httpx.Client, path: str, method: str, slug: str) -> None:
    asked = {"input": [[1, 2], [3, 4]], "kernel": [[1]], "output_gradient": [[1, 1], [1, 1]], "method": method}
    refused(service.post(path, json=asked), 422, slug, f'"{method}"', "/method")


def test_a_pools_indices_are_asked_for_as_of_the_pool_itself(service: httpx.Client) -> None:
    asked = {"input": [1, 2], "kernel_size": 2, "output_gradient": [1], "return_indices": True}
    assert answered(service, "/v1/pool1d/gradients", **asked) == {"input_gradient": [0, 1]}
    response = service.post("/v1/pool1d/gradients", json=asked | {"kind": "average"})
    refused(response, 422, "invalid-value", "selects none", "/return_indices")


def test_a_step_that_overflows_is_infinite(service: httpx.Client) -> None:
    fields = {"input": [1, 2, 3], "kernel": [1, -1], "output_gradient": [1, 1], "learning_rate": 1e308}
    refused(service.post("/v1/conv1d/gradients", json=fields), 422, "non-finite-answer", "/updated_kernel/0 is -inf")
    fields = {"input": [1, 2, 3], "kernel": [1, 1], "sample_spacing": 1e308}
    refused(service.post("/v1/conv1d", json=fields), 422, "non-finite-answer", "/feature_maps/0 is infinity")


def test_a_shared_filters_gradient_adds_its_channels_one_by_one(service: httpx.Client) -> None:
    """2⁵³ - 2⁵³ + 1 + 0 is 1, and 0 added in pairs."""
    channels = [2**53, -(2**53), 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0]
    answer = answered(
        service,
        "/v1/conv1d/gradients",
        input=[[value] for value in channels],
        kernel=[1],
        output_gradient=[[1]] * 16,
    )
    assert answer["kernel_gradient"] == [1]
