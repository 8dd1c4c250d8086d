"""`POST /v1/conv_transpose2d`: every field that the contract lists, against the scatter that defines it."""

from __future__ import annotations

from typing import Any

import httpx
import numpy as np
import pytest
from numpy.typing import NDArray

from tests.exchange import answered, maps

PATH = "/v1/conv_transpose2d"
RNG = np.random.default_rng(11)


def scattered(
    data: NDArray[Any],
    kernel: NDArray[Any],
    stride: tuple[int, int] = (1, 1),
    dilation: tuple[int, int] = (1, 1),
    output_padding: tuple[int, int] = (0, 0),
) -> NDArray[Any]:
    """Spread (C, H, W) through (C, F, kh, kw) without padding: each cell adds its multiple of the kernel."""
    size = [
        (n - 1) * s + d * (k - 1) + 1 + o
        for n, k, s, d, o in zip(data.shape[1:], kernel.shape[2:], stride, dilation, output_padding, strict=True)
    ]
    out = np.zeros((kernel.shape[1], *size))
    for c, i, j in np.ndindex(*data.shape):
        for f, a, b in np.ndindex(*kernel.shape[1:]):
            out[f, i * stride[0] + a * dilation[0], j * stride[1] + b * dilation[1]] += (
                data[c, i, j] * kernel[c, f, a, b]
            )
    return out


X = RNG.integers(-5, 6, (2, 3, 4)).astype(float)
K = RNG.integers(-5, 6, (2, 3, 2, 3)).astype(float)


def test_the_answer_is_whole(service: httpx.Client) -> None:
    assert answered(service, PATH, input=[[1, 2], [3, 4]], kernel=[[1, 1], [1, 1]], stride=2) == {
        "feature_maps": [[1, 1, 2, 2], [1, 1, 2, 2], [3, 3, 4, 4], [3, 3, 4, 4]],
        "output_shape": [4, 4],
        "dtype": "float64",
        "plan": {
            "operation": "conv_transpose",
            "input_shape": [2, 2],
            "kernel_shape": [2, 2],
            "output_shape": [4, 4],
            "stride": [2, 2],
            "padding": [[0, 0], [0, 0]],
            "output_padding": [0, 0],
            "dilation": [1, 1],
            "groups": 1,
            "dtype": "float64",
            "method": "gemm",
            "macs": 16,
        },
    }


@pytest.mark.parametrize(("stride", "s"), [(1, (1, 1)), (2, (2, 2)), ([3, 1], (3, 1))])
@pytest.mark.parametrize(("dilation", "d"), [(1, (1, 1)), ([2, 3], (2, 3))])
def test_stride_and_dilation(service: httpx.Client, stride: Any, s: Any, dilation: Any, d: Any) -> None:
    answer = answered(service, PATH, input=X, kernel=K, stride=stride, dilation=dilation)
    assert (answer["plan"]["stride"], answer["plan"]["dilation"]) == (list(s), list(d))
    np.testing.assert_array_equal(answer["feature_maps"], scattered(X, K, s, d))


@pytest.mark.parametrize(
    ("padding", "cut"), [(1, ((1, 1), (1, 1))), ([0, 2], ((0, 0), (2, 2))), ([[1, 0], [0, 2]], ((1, 0), (0, 2)))]
)
def test_padding_is_cut_off(service: httpx.Client, padding: Any, cut: Any) -> None:
    answer = answered(service, PATH, input=X, kernel=K, padding=padding)
    whole = scattered(X, K)
    (top, bottom), (left, right) = cut
    expected = whole[:, top : whole.shape[1] - bottom, left : whole.shape[2] - right]
    assert answer["plan"]["padding"] == [list(pair) for pair in cut]
    np.testing.assert_array_equal(answer["feature_maps"], expected)


@pytest.mark.parametrize(("output_padding", "o"), [(1, (1, 1)), ([0, 2], (0, 2))])
def test_output_padding_lengthens_the_end(service: httpx.Client, output_padding: Any, o: Any) -> None:
    answer = answered(service, PATH, input=X, kernel=K, stride=3, output_padding=output_padding)
    assert answer["plan"]["output_padding"] == list(o)
    np.testing.assert_array_equal(answer["feature_maps"], scattered(X, K, (3, 3), output_padding=o))


def test_groups(service: httpx.Client) -> None:
    found = maps(service, PATH, input=X, kernel=K, groups=2)
    expected = np.concatenate([scattered(X[c : c + 1], K[c : c + 1]) for c in range(2)])
    np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("lead", [(), (2,), (4, 2)])
def test_one_filter_for_every_channel(service: httpx.Client, lead: tuple[int, ...]) -> None:
    data = RNG.integers(-5, 6, (*lead, 3, 4)).astype(float)
    answer = answered(service, PATH, input=data, kernel=K[0, 0])
    planes = data.reshape(-1, 1, 3, 4)
    expected = np.stack([scattered(plane, K[:1, :1])[0] for plane in planes])
    found = np.array(answer["feature_maps"])
    np.testing.assert_array_equal(found.reshape(expected.shape), expected)
    assert found.shape == (*lead, 4, 6)
    assert answer["plan"]["groups"] == (lead[-1] if lead else 1)


@pytest.mark.parametrize("bias", [[1, -2, 3], RNG.integers(-5, 6, (3, 4, 6)).tolist()])
def test_bias(service: httpx.Client, bias: Any) -> None:
    given = np.array(bias, float)
    expected = scattered(X, K) + (given[:, None, None] if given.ndim == 1 else given)
    np.testing.assert_array_equal(maps(service, PATH, input=X, kernel=K, bias=bias), expected)


def test_it_is_the_adjoint_of_the_convolution(service: httpx.Client) -> None:
    # <conv(x), y> = <x, conv_transpose(y)>, the dropped remainder given as output_padding.
    x, kernel = RNG.integers(-5, 6, (2, 8, 7)).astype(float), K.transpose(1, 0, 2, 3)
    options = {"stride": [3, 2], "padding": 1, "dilation": [1, 2]}
    forward = answered(service, "/v1/conv2d", input=x, kernel=kernel, **options)
    y = RNG.integers(-5, 6, forward["output_shape"]).astype(float)
    dropped = forward["plan"].get("dropped", [0, 0])
    back = maps(service, PATH, input=y, kernel=kernel, **options, output_padding=dropped)
    assert back.shape == x.shape
    assert (np.array(forward["feature_maps"]) * y).sum() == (x * back).sum()


@pytest.mark.parametrize(("sent", "computed"), [("uint8", "float64"), ("float32", "float32")])
def test_dtype_and_encoding(service: httpx.Client, sent: str, computed: str) -> None:
    data = {"shape": [1, 2], "dtype": sent, "data": [1, 2]}
    answer = answered(service, PATH, input=data, kernel=[[1, 1]], encoding="flat")
    assert answer["feature_maps"] == {"shape": [1, 3], "dtype": computed, "data": [1, 3, 2]}


def test_every_method_that_takes_it_gives_the_same_answer(service: httpx.Client) -> None:
    expected = scattered(X, K, (2, 1))
    taken = []
    for method in service.get("/v1/limits").json()["methods"]:
        fields = {"input": X.tolist(), "kernel": K.tolist(), "stride": [2, 1], "method": method}
        response = service.post(PATH, json=fields)
        if response.status_code == 422:
            assert response.json()["type"] == "/problems/method-not-applicable"
            continue
        assert response.json()["plan"]["method"] == method
        np.testing.assert_allclose(response.json()["feature_maps"], expected, rtol=0, atol=1e-9, err_msg=method)
        taken.append(method)
    assert "direct" in taken
