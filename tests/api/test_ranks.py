"""One and three spatial axes: the same operations by the same fields, and what `conv1d` has of its own."""

from __future__ import annotations

from typing import Any

import httpx
import numpy as np
import pytest
from scipy import signal

from tests.exchange import answered, maps, refused

RNG = np.random.default_rng(3)
SIGNAL = RNG.integers(-9, 10, (12,)).astype(float)
VOLUME = RNG.integers(-9, 10, (4, 5, 6)).astype(float)


class TestOneAxis:
    def test_a_sequence_through_a_filter_a_bank_and_a_layer(self, service: httpx.Client) -> None:
        bank = RNG.integers(-3, 4, (4, 3)).astype(float)
        expected = [np.correlate(SIGNAL, kernel) for kernel in bank]
        np.testing.assert_array_equal(maps(service, "/v1/conv1d", input=SIGNAL, kernel=bank[0]), expected[0])
        np.testing.assert_array_equal(maps(service, "/v1/conv1d", input=SIGNAL, kernel=bank), expected)
        np.testing.assert_array_equal(maps(service, "/v1/conv1d", input=[SIGNAL], kernel=bank[:, None]), expected)

    @pytest.mark.parametrize(
        ("padding", "expected"),
        [("same", [3, 5, 7, 4]), ("same_lower", [1, 3, 5, 7]), ("full", [1, 3, 5, 7, 4]), ([[0, 2]], [3, 5, 7, 4, 0])],
    )
    def test_padding(self, service: httpx.Client, padding: Any, expected: Any) -> None:
        # Rule 3: x = 1 2 3 4, k = 1 1.
        assert maps(service, "/v1/conv1d", input=[1, 2, 3, 4], kernel=[1, 1], padding=padding).tolist() == expected

    @pytest.mark.parametrize(("operation", "expected"), [("cross_correlation", [3, 2, 1]), ("convolution", [1, 2, 3])])
    def test_an_impulse(self, service: httpx.Client, operation: str, expected: Any) -> None:
        # Rule 1.
        found = maps(service, "/v1/conv1d", input=[0, 0, 1, 0, 0], kernel=[1, 2, 3], operation=operation)
        assert found.tolist() == expected

    def test_sample_spacing_multiplies_the_sum_and_not_the_bias(self, service: httpx.Client) -> None:
        fields = {"input": [1, 2, 3, 4], "kernel": [1, 1], "bias": [10]}
        assert maps(service, "/v1/conv1d", **fields).tolist() == [13, 15, 17]
        assert maps(service, "/v1/conv1d", **fields, sample_spacing=0.5).tolist() == [11.5, 12.5, 13.5]

    @pytest.mark.parametrize("path", ["/v1/conv2d", "/v1/conv3d", "/v1/conv_transpose1d", "/v1/pool1d"])
    def test_sample_spacing_belongs_to_conv1d(self, service: httpx.Client, path: str) -> None:
        response = service.post(path, json={"sample_spacing": 1})
        problem = response.json()
        assert response.status_code == 422
        assert "/sample_spacing" in {error["pointer"] for error in problem["errors"]}

    def test_a_named_kernel_has_two_axes(self, service: httpx.Client) -> None:
        response = service.post("/v1/conv1d", json={"input": [1, 2, 3], "kernel": "box"})
        refused(response, 422, "no-named-kernel", "two axes", "/kernel")

    def test_pools_and_transposes(self, service: httpx.Client) -> None:
        assert maps(service, "/v1/pool1d", input=[1, 5, 2, 4], kernel_size=2).tolist() == [5, 4]
        assert maps(service, "/v1/pool1d", input=[[1, 5, 2, 4]], kind="average", output_size=1).tolist() == [[3]]
        found = maps(service, "/v1/conv_transpose1d", input=[1, 2, 3], kernel=[1, 1], stride=2)
        assert found.tolist() == [1, 1, 2, 2, 3, 3]


class TestThreeAxes:
    def test_a_volume_through_a_filter_and_a_layer(self, service: httpx.Client) -> None:
        kernel = RNG.integers(-3, 4, (2, 3, 2)).astype(float)
        expected = signal.correlate(VOLUME, kernel, mode="valid", method="direct")
        np.testing.assert_array_equal(maps(service, "/v1/conv3d", input=VOLUME, kernel=kernel), expected)
        layer = RNG.integers(-3, 4, (2, 2, 2, 3, 2)).astype(float)
        data = np.stack([VOLUME, -2 * VOLUME])
        expected = [signal.correlate(data, taps, mode="valid", method="direct")[0] for taps in layer]
        np.testing.assert_array_equal(maps(service, "/v1/conv3d", input=data, kernel=layer), expected)

    @pytest.mark.parametrize(
        ("option", "value"), [("stride", [1, 2, 3]), ("padding", [0, 1, 2]), ("dilation", [2, 1, 3])]
    )
    def test_one_number_an_axis(self, service: httpx.Client, option: str, value: Any) -> None:
        plan = answered(service, "/v1/conv3d", input=VOLUME, kernel=np.ones((1, 1, 1)), **{option: value})["plan"]
        wanted = [[cells, cells] for cells in value] if option == "padding" else value
        assert plan[option] == wanted

    def test_pools_and_transposes(self, service: httpx.Client) -> None:
        data = VOLUME[:4, :4, :6]
        expected = data.reshape(2, 2, 2, 2, 3, 2).max(axis=(1, 3, 5))
        np.testing.assert_array_equal(maps(service, "/v1/pool3d", input=data, kernel_size=2), expected)
        found = maps(service, "/v1/conv_transpose3d", input=[[[2]]], kernel=VOLUME)
        np.testing.assert_array_equal(found, 2 * VOLUME)


@pytest.mark.parametrize("path", ["/v1/conv1d", "/v1/conv3d", "/v1/pool1d", "/v1/pool3d", "/v1/conv_transpose1d"])
def test_there_is_no_picture_of_what_has_not_two_axes(service: httpx.Client, path: str) -> None:
    rank = int(path[-2])
    fields: dict[str, Any] = {"input": np.ones([2] * rank).tolist()}
    fields |= {"kernel_size": 2} if "pool" in path else {"kernel": np.ones([1] * rank).tolist()}
    response = service.post(path, json=fields, headers={"Accept": "image/png"})
    refused(response, 422, "no-picture", "a picture has 2")


NUMBER = {"shape": [], "dtype": "float64", "data": [3]}


@pytest.mark.parametrize(
    ("path", "fields", "detail", "pointer"),
    [
        ("/v1/conv1d", {"input": NUMBER, "kernel": [1]}, r"takes \(L\), \(C, L\) or \(N, C, L\)$", "/input"),
        ("/v1/conv_transpose2d", {"input": NUMBER, "kernel": [[1]]}, r"takes \(H, W\), \(C, H, W\) or ", "/input"),
        ("/v1/pool2d", {"input": NUMBER, "kernel_size": 1}, r"takes \(H, W\), \(C, H, W\) or ", "/input"),
        ("/v1/conv2d", {"input": [[1]], "kernel": NUMBER}, r"takes \(kh, kw\), \(F, kh, kw\) or ", "/kernel"),
    ],
)
def test_a_single_number_is_told_which_axes_would_do(
    service: httpx.Client, path: str, fields: dict[str, Any], detail: str, pointer: str
) -> None:
    refused(service.post(path, json=fields), 422, "shape-mismatch", rf"is a single number, .* {detail}", pointer)
