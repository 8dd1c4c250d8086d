"""Every way in: JSON in three spellings, forms with text and files, .npy in all its forms, pictures, compressed bodies.

Whatever the way, the same question has the same answer.
"""

from __future__ import annotations

import base64
import gzip
import io
import json
import sys
from collections.abc import Iterator
from typing import Any

import httpx
import numpy as np
import pytest
from numpy.lib import format as npy_format
from numpy.typing import NDArray
from PIL import Image

from tests.exchange import answered, plain

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

GRID = [[1, 3, 2, 0], [4, 2, 1, 5], [0, 1, 9, 7], [2, 6, 3, 8]]
QUESTIONS: list[tuple[str, dict[str, Any]]] = [
    ("/v1/conv2d", {"input": GRID, "kernel": [[1, 0], [0, -1]]}),
    ("/v1/conv2d", {"input": GRID, "kernel": "sobel_x", "padding": "same", "padding_mode": "mirror"}),
    ("/v1/conv2d", {"input": GRID, "kernel": {"name": "gaussian", "size": 3, "sigma": 0.7}, "encoding": "flat"}),
    ("/v1/conv2d", {"input": GRID, "kernel": [[1]], "bias": 2.5, "stride": 2, "dilation": [1, 2], "dtype": "float32"}),
    ("/v1/conv2d", {"input": [GRID], "kernel": [[1, 2]], "bias": [1], "padding": [[1, 0], [0, 2]], "groups": 1}),
    (
        "/v1/conv2d",
        {
            "input": {"shape": [2, 2], "dtype": "uint8", "data": [1, 2, 3, 4]},
            "kernel": {"shape": [1, 1], "dtype": "int8", "base64": "Ag=="},
            "padding": 1,
            "padding_mode": "constant",
            "padding_value": -1.5,
            "operation": "convolution",
            "method": "direct",
        },
    ),
    ("/v1/conv1d", {"input": [1, 2, 3], "kernel": [1, 1], "padding": "full", "sample_spacing": 0.5}),
    ("/v1/conv_transpose2d", {"input": [[1, 2]], "kernel": [[1, 1]], "stride": [1, 2], "output_padding": [0, 1]}),
    (
        "/v1/pool2d",
        {
            "input": GRID,
            "kind": "average",
            "kernel_size": [3, 2],
            "stride": 1,
            "padding": [1, 0],
            "ceil_mode": True,
            "count_include_pad": False,
            "divisor_override": 7,
        },
    ),
    ("/v1/pool2d", {"input": GRID, "kind": "lp", "p": 1.5, "output_size": 2}),
    ("/v1/pool2d", {"input": GRID, "kernel_size": 2, "return_indices": True}),
    ("/v1/conv2d/plan", {"input_shape": [3, 9, 9], "kernel_shape": [4, 3, 3, 3], "bias": True}),
    (
        "/v1/conv2d/gradients",
        {"input": GRID, "kernel": [[1, 2]], "bias": 0, "output_gradient": np.ones((4, 3)), "learning_rate": 0.1},
    ),
]


def npy(array: NDArray[Any], version: tuple[int, int] | None = None) -> bytes:
    file = io.BytesIO()
    npy_format.write_array(file, array, version=version, allow_pickle=False)
    return file.getvalue()


def as_text(fields: dict[str, Any]) -> dict[str, str]:
    """Return fields as the text parts of a form: what is no string is written as JSON."""
    return {name: value if isinstance(value, str) else json.dumps(plain(value)) for name, value in fields.items()}


def form(service: httpx.Client, path: str, text: dict[str, str], files: dict[str, Any] | None = None) -> dict[str, Any]:
    # httpx writes a urlencoded form unless there is a file; a part without a name for its file is a text part.
    parts: dict[str, Any] = {name: (None, value) for name, value in text.items()} | (files or {})
    response = service.post(path, files=parts)
    assert response.status_code == 200, response.text
    answer: dict[str, Any] = response.json()
    return answer


class TestForms:
    @pytest.mark.parametrize(("path", "fields"), QUESTIONS)
    def test_a_form_asks_what_json_asks(self, service: httpx.Client, path: str, fields: dict[str, Any]) -> None:
        assert form(service, path, as_text(fields)) == answered(service, path, **fields)

    @pytest.mark.parametrize(("path", "fields"), [case for case in QUESTIONS if "plan" not in case[0]])
    def test_arrays_as_json_files_and_as_npy(self, service: httpx.Client, path: str, fields: dict[str, Any]) -> None:
        arrays = {
            name: np.array(value, np.float64)
            for name, value in fields.items()
            if name in ("input", "kernel", "bias", "output_gradient") and isinstance(value, (list, np.ndarray))
        }
        rest = as_text({name: value for name, value in fields.items() if name not in arrays})
        expected = answered(service, path, **fields)
        as_json = {name: (f"{name}.dat", json.dumps(array.tolist())) for name, array in arrays.items()}
        assert form(service, path, rest, as_json) == expected
        assert (
            form(service, path, rest, {name: (f"{name}.dat", npy(array)) for name, array in arrays.items()}) == expected
        )

    def test_numbers_and_booleans_are_spelt_as_in_json(self, service: httpx.Client) -> None:
        text = {"input": json.dumps(GRID), "kernel_size": "2", "ceil_mode": "true", "count_include_pad": "false"}
        answer = form(service, "/v1/pool2d", text | {"kind": "average"})
        assert answer["plan"]["ceil_mode"] is True
        assert answer["plan"]["count_include_pad"] is False

    def test_text_around_json_may_have_space(self, service: httpx.Client) -> None:
        text = {"input": f"\n {json.dumps(GRID)} ", "kernel": " [[1]]\n", "stride": " 2 "}
        assert form(service, "/v1/conv2d", text)["feature_maps"] == [[1, 2], [0, 9]]

    def test_bytes_decide_and_not_the_name(self, service: httpx.Client) -> None:
        file = io.BytesIO()
        Image.fromarray(np.array(GRID, np.uint8)).save(file, "PNG")
        parts = {"input": ("grid.npy", file.getvalue(), "application/json")}
        answer = form(service, "/v1/conv2d", {"kernel": "[[1]]"}, parts)
        assert answer["feature_maps"] == [GRID]


NUMBERS = np.array([[0, 1, 2], [3, 100, 5]])


class TestNpy:
    @pytest.mark.parametrize("version", [(1, 0), (2, 0), (3, 0)])
    def test_versions(self, service: httpx.Client, version: tuple[int, int]) -> None:
        parts = {"input": ("x", npy(NUMBERS.astype(np.float32), version))}
        assert form(service, "/v1/conv2d", {"kernel": "[[1]]"}, parts)["feature_maps"] == NUMBERS.tolist()

    @pytest.mark.parametrize("order", ["C", "F"])
    @pytest.mark.parametrize("endian", ["<", ">"])
    @pytest.mark.parametrize("code", ["u1", "i1", "u2", "i2", "u4", "i4", "u8", "i8", "f2", "f4", "f8"])
    def test_dtypes_orders_and_bytes(self, service: httpx.Client, code: str, endian: str, order: Any) -> None:
        array = np.array(NUMBERS, dtype=f"{endian}{code}", order=order)
        parts = {"input": ("x", npy(array)), "kernel": ("k", npy(np.array([[1, 1]], dtype=f"{endian}{code}")))}
        answer = form(service, "/v1/conv2d", {}, parts)
        assert answer["feature_maps"] == [[1, 3], [103, 105]]
        assert answer["dtype"] == ("float32" if code in ("f2", "f4") else "float64")

    def test_bool(self, service: httpx.Client) -> None:
        parts = {"input": ("x", npy(NUMBERS > 2))}
        answer = form(service, "/v1/conv2d", {"kernel": "[[1]]"}, parts)
        assert answer["feature_maps"] == [[0, 0, 0], [1, 1, 1]]

    def test_values_that_json_cannot_carry(self, service: httpx.Client) -> None:
        parts: dict[str, Any] = {
            "input": ("x", npy(np.array([[1.0, np.nan, np.inf, 2.0, 3.0]]))),
            "kernel": (None, "[[1, 1]]"),
        }
        response = service.post("/v1/conv2d", files=parts, headers={"Accept": "application/x-npy"})
        found = np.load(io.BytesIO(response.content))
        np.testing.assert_array_equal(found, [[np.nan, np.nan, np.inf, 5]])


class TestArraysInJson:
    @pytest.mark.parametrize(
        "dtype", ["uint8", "int8", "uint16", "int16", "int32", "int64", "float16", "float32", "float64"]
    )
    def test_flat_and_packed(self, service: httpx.Client, dtype: str) -> None:
        values = np.array([1, 2, 3, 4, 5, 100], dtype)
        head: dict[str, Any] = {"shape": [2, 3], "dtype": dtype}
        little = values.astype(values.dtype.newbyteorder("<")).tobytes()
        flat = answered(service, "/v1/conv2d", input=head | {"data": values.tolist()}, kernel=[[1, 1]])
        packed = answered(
            service, "/v1/conv2d", input=head | {"base64": base64.b64encode(little).decode()}, kernel=[[1, 1]]
        )
        assert flat == packed
        assert flat["feature_maps"] == [[3, 5], [9, 105]]

    def test_nested_numbers_in_every_spelling_of_json(self, service: httpx.Client) -> None:
        body = b'{"input": [[1, 1.0, 1e0, 10E-1, -0, 0.1e+1]], "kernel": [[1]], "stride": 1}'
        response = service.post("/v1/conv2d", content=body, headers={"Content-Type": "application/json"})
        assert response.json()["feature_maps"] == [[1, 1, 1, 1, 0, 1]]

    def test_floats_keep_their_last_bit(self, service: httpx.Client) -> None:
        data = np.random.default_rng(2).normal(size=(3, 7)) * np.logspace(-300, 300, 7)
        assert answered(service, "/v1/conv2d", input=data, kernel=[[1]])["feature_maps"] == data.tolist()


class TestContentType:
    @pytest.mark.parametrize("value", ["application/json", "application/json; charset=utf-8", "Application/JSON"])
    def test_json(self, service: httpx.Client, value: str) -> None:
        body = json.dumps({"input": [[1]], "kernel": [[2]]})
        response = service.post("/v1/conv2d", content=body, headers={"Content-Type": value})
        assert response.json()["feature_maps"] == [[2]]


class TestContentEncoding:
    BODY = json.dumps({"input": GRID, "kernel": [[1]]}).encode()

    @pytest.mark.parametrize(
        ("encoding", "body"),
        [
            ("gzip", gzip.compress(BODY)),
            ("x-gzip", gzip.compress(BODY)),
            ("GZIP", gzip.compress(BODY[:10]) + gzip.compress(BODY[10:])),
            ("zstd", zstd.compress(BODY)),
            ("identity", BODY),
        ],
    )
    def test_json(self, service: httpx.Client, encoding: str, body: bytes) -> None:
        headers = {"Content-Type": "application/json", "Content-Encoding": encoding}
        response = service.post("/v1/conv2d", content=body, headers=headers)
        assert response.json()["feature_maps"] == GRID

    def test_a_list_in_several_lines(self, service: httpx.Client) -> None:
        encodings = [("Content-Encoding", "identity"), ("Content-Encoding", "gzip")]
        headers = [("Content-Type", "application/json"), *encodings]
        response = service.post("/v1/conv2d", content=gzip.compress(self.BODY), headers=headers)
        assert response.json()["feature_maps"] == GRID

    @pytest.mark.parametrize(("encoding", "compress"), [("gzip", gzip.compress), ("zstd", zstd.compress)])
    def test_forms(self, service: httpx.Client, encoding: str, compress: Any) -> None:
        parts: dict[str, Any] = {"input": ("x", npy(np.array(GRID))), "kernel": (None, "[[1]]")}
        plain_form = service.build_request("POST", "/v1/conv2d", files=parts)
        headers = {"Content-Type": plain_form.headers["content-type"], "Content-Encoding": encoding}
        response = service.post("/v1/conv2d", content=compress(plain_form.read()), headers=headers)
        assert response.json()["feature_maps"] == GRID


def test_a_body_in_pieces_needs_no_length(service: httpx.Client) -> None:
    body = json.dumps({"input": GRID, "kernel": [[1]]}).encode()

    def pieces() -> Iterator[bytes]:
        for start in range(0, len(body), 7):
            yield body[start : start + 7]

    response = service.post("/v1/conv2d", content=pieces(), headers={"Content-Type": "application/json"})
    assert "content-length" not in response.request.headers
    assert response.json()["feature_maps"] == GRID
