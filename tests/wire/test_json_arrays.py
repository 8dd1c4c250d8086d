"""Flat and packed objects: exact to the last bit in every dtype, and refused at the member or element at fault."""

from __future__ import annotations

import base64
import json
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from service.wire import WireError, encode_array, read_json, write_json
from service.wire.arrays import DTYPES
from service.wire.errors import (
    ArraySizeMismatch,
    EmptyArray,
    InvalidArray,
    InvalidBase64,
    NotAnArray,
    TooManyAxes,
    TooManyElements,
    UnsupportedDtype,
    ValueOutOfRange,
)
from tests.wire.asked import FIELDS, LIMITS


def read(text: str) -> np.ndarray[Any, Any]:
    array = read_json(f'{{"input": {text}}}'.encode(), FIELDS, LIMITS)["input"]
    assert isinstance(array, np.ndarray)
    return array


@settings(derandomize=True, max_examples=120, deadline=None)
@given(st.data())
def test_arrays_come_back_to_the_last_bit(data: st.DataObject) -> None:
    dtype = np.dtype(data.draw(st.sampled_from(DTYPES)))
    floats: Any = {"allow_nan": False, "allow_infinity": False} if dtype.kind == "f" else {}
    array = data.draw(hnp.arrays(dtype, hnp.array_shapes(max_side=4), elements=hnp.from_dtype(dtype, **floats)))
    for encoding in ("flat", "base64"):
        body = bytes(write_json({"input": encode_array(array, encoding)}))
        for text in (body, body[:-1] + b', "b": "\\u005b"}'):  # the second is walked through carefully
            got = read_json(text, FIELDS, LIMITS)["input"]
            assert (got.dtype, got.shape) == (array.dtype, array.shape)
            np.testing.assert_array_equal(got, array)  # a flat -0 among integers-as-floats is 0, so not the bytes


@pytest.mark.parametrize("text", ["[]", "[1]", "[1, 1, 1, 1, 1]"])
def test_a_shape_may_have_no_axis_or_as_many_as_the_limit(text: str) -> None:
    assert read(f'{{"shape": {text}, "dtype": "int8", "data": [7]}}').shape == tuple(json.loads(text))


def test_int64_loses_nothing() -> None:
    array = read(
        '{"shape": [3], "dtype": "int64", "data": [9223372036854775807, -9223372036854775808, 9007199254740993]}'
    )
    assert array.tolist() == [9223372036854775807, -9223372036854775808, 9007199254740993]


def test_whole_numbers_may_be_written_as_floats() -> None:
    array = read('{"shape": [3], "dtype": "uint16", "data": [1.0, 2e2, 65535]}')
    assert array.tolist() == [1, 200, 65535]
    assert array.dtype == np.uint16


def test_integers_beside_floats_lose_nothing() -> None:
    array = read('{"shape": [3], "dtype": "int64", "data": [9007199254740993, 1.0, -9223372036854775808]}')
    assert array.tolist() == [9007199254740993, 1, -9223372036854775808]


def test_packed_data_is_little_endian_and_row_major() -> None:
    packed = base64.b64encode(bytes([1, 0, 2, 0, 3, 0, 4, 0])).decode()
    assert read(f'{{"shape": [2, 2], "dtype": "uint16", "base64": "{packed}"}}').tolist() == [[1, 2], [3, 4]]


def test_packed_data_may_escape_its_slashes() -> None:  # as PHP's json_encode does
    packed = base64.b64encode(b"\xff\xff\xff").decode().replace("/", "\\/")
    assert read(f'{{"shape": [3], "dtype": "uint8", "base64": "{packed}"}}').tolist() == [255] * 3


def test_packed_floats_may_be_non_finite() -> None:
    packed = base64.b64encode(np.array([np.nan, np.inf, -np.inf], "<f4").tobytes()).decode()
    array = read(f'{{"shape": [3], "dtype": "float32", "base64": "{packed}"}}')
    np.testing.assert_array_equal(array, [np.nan, np.inf, -np.inf])


ELEMENTS = [
    ("uint8", "[1, 256]", "/input/data/1", "is 256; uint8 holds 0 to 255"),
    ("uint8", "[1, -1]", "/input/data/1", "is -1; uint8 holds"),
    ("int8", "[1, 128]", "/input/data/1", "holds -128 to 127"),
    ("int16", "[40000, 1]", "/input/data/0", "is 40000"),
    ("int32", "[1, 2147483648]", "/input/data/1", "is 2147483648"),
    ("int64", "[1, 9223372036854775808]", "/input/data/1", "is 9223372036854775808"),
    ("int64", "[1, 99999999999999999999]", "/input/data/1", "int64 holds"),
    ("int64", "[1, 9223372036854775807.0]", "/input/data/1", "int64 holds"),
    ("int64", "[1, 1e18]", "/input/data/1", "write all its digits"),
    ("int64", "[1, 1e300]", "/input/data/1", "int64 holds"),
    ("uint8", "[0.5, 1]", "/input/data/0", "is 0.5; uint8 holds whole numbers"),
    ("int64", "[1, 1e-3]", "/input/data/1", "whole numbers"),
    ("float16", "[1, 65520]", "/input/data/1", "is 65520; float16 holds"),
    ("float32", "[1, -1e39]", "/input/data/1", "float32 holds"),
]


@pytest.mark.parametrize(("dtype", "data", "pointer", "words"), ELEMENTS)
def test_a_number_that_the_dtype_cannot_hold_is_refused(dtype: str, data: str, pointer: str, words: str) -> None:
    with pytest.raises(ValueOutOfRange, match=words) as caught:
        read(f'{{"shape": [2], "dtype": "{dtype}", "data": {data}}}')
    assert caught.value.pointer == pointer


def test_the_largest_numbers_that_fit_are_read() -> None:
    assert read('{"shape": [1], "dtype": "float16", "data": [65519]}')[0] == 65504
    assert read('{"shape": [2], "dtype": "int8", "data": [-128, 127]}').tolist() == [-128, 127]


FAULTS = [
    ('{"shape": [1]}', InvalidArray, "", "neither data nor base64"),
    ('{"dtype": "uint8"}', InvalidArray, "", "neither data nor base64"),
    ('{"shape": [1], "dtype": "uint8", "data": [1], "base64": "AQ=="}', InvalidArray, "", "both data and base64"),
    ('{"dtype": "uint8", "data": [1]}', InvalidArray, "/shape", "shape is missing"),
    ('{"shape": [1], "data": [1]}', InvalidArray, "/dtype", "dtype is missing"),
    ('{"shape": [1], "dtype": "uint8", "data": [1], "order": "F"}', InvalidArray, "/order", '"order" is not part'),
    ('{"shape": [1], "dtype": "uint8", "data": [1], "a/b": 0}', InvalidArray, "/a~1b", '"a/b" is not part'),
    ('{"shape": 1, "dtype": "uint8", "data": [1]}', InvalidArray, "/shape", "the number 1; it must be a list"),
    ('{"shape": [1.0], "dtype": "uint8", "data": [1]}', InvalidArray, "/shape", "list of integers"),
    ('{"shape": [true], "dtype": "uint8", "data": [1]}', InvalidArray, "/shape", "list of integers"),
    ('{"shape": ["1"], "dtype": "uint8", "data": [1]}', InvalidArray, "/shape", "list of integers"),
    ('{"shape": null, "dtype": "uint8", "data": [1]}', InvalidArray, "/shape", "null"),
    ('{"shape": [1, 0], "dtype": "uint8", "data": []}', EmptyArray, "/shape", r"the array's shape is \[1, 0\]"),
    ('{"shape": [-1], "dtype": "uint8", "data": [1]}', EmptyArray, "/shape", r"the array's shape is \[-1\]"),
    ('{"shape": [1, 1, 1, 1, 1, 1], "dtype": "uint8", "data": [1]}', TooManyAxes, "/shape", "6 axes"),
    ('{"shape": [1], "dtype": "uint32", "data": [1]}', UnsupportedDtype, "/dtype", '"uint32".*one of uint8'),
    ('{"shape": [1], "dtype": "object", "data": [1]}', UnsupportedDtype, "/dtype", '"object"'),
    ('{"shape": [1], "dtype": "<f8", "data": [1]}', UnsupportedDtype, "/dtype", '"<f8"'),
    ('{"shape": [1], "dtype": "float64\\u0000", "data": [1]}', UnsupportedDtype, "/dtype", "one of"),
    ('{"shape": [1], "dtype": ["uint8"], "data": [1]}', UnsupportedDtype, "/dtype", "a list of 1"),
    ('{"shape": [1], "dtype": {}, "data": [1]}', UnsupportedDtype, "/dtype", "an object"),
    ('{"shape": [2, 2], "dtype": "uint8", "data": [1, 2, 3]}', ArraySizeMismatch, "/data", "3 elements but .* needs 4"),
    ('{"shape": [1], "dtype": "uint8", "data": [1, 2]}', ArraySizeMismatch, "/data", "2 elements"),
    ('{"shape": [1], "dtype": "uint8", "data": []}', ArraySizeMismatch, "/data", "0 elements"),
    ('{"shape": [2, 1], "dtype": "uint8", "data": [[1], [2]]}', NotAnArray, "/data/0", "data is a flat list"),
    ('{"shape": [2], "dtype": "uint8", "data": [1, [2, 3]]}', NotAnArray, "/data/1", "is a list of 2; data is a flat"),
    ('{"shape": [2], "dtype": "uint8", "data": [1, true]}', NotAnArray, "/data/1", "is true"),
    ('{"shape": [2], "dtype": "float32", "data": [1, null]}', NotAnArray, "/data/1", "is null"),
    ('{"shape": [2], "dtype": "float32", "data": ["1", 2]}', NotAnArray, "/data/0", "without quotes"),
    ('{"shape": [1], "dtype": "uint8", "data": "1"}', NotAnArray, "/data", "must be a flat list of 1 element"),
    ('{"shape": [1], "dtype": "uint8", "data": 1}', NotAnArray, "/data", "the number 1"),
    ('{"shape": [1], "dtype": "uint8", "data": {"0": 1}}', NotAnArray, "/data", "an object"),
    ('{"shape": [100000, 100000], "dtype": "uint8", "data": [1]}', TooManyElements, "", "10,000,000,000 elements"),
    ('{"shape": [99999999999999999999, 2], "dtype": "uint8", "data": [1]}', InvalidArray, "/shape", "list of integers"),
    ('{"shape": [1], "dtype": "uint8", "base64": 1}', InvalidBase64, "/base64", "must be a string"),
    ('{"shape": [1], "dtype": "uint8", "base64": "AQ="}', InvalidBase64, "/base64", "3 characters"),
    ('{"shape": [1], "dtype": "uint8", "base64": "AQ"}', InvalidBase64, "/base64", "2 characters"),
    ('{"shape": [1], "dtype": "uint8", "base64": "A Q="}', InvalidBase64, "/base64", "character 1 is ' '"),
    ('{"shape": [1], "dtype": "uint8", "base64": "AQ==\\n"}', InvalidBase64, "/base64", "character 4 is"),
    ('{"shape": [1], "dtype": "uint8", "base64": "AQ==AQ=="}', InvalidBase64, "/base64", "character 2"),
    ('{"shape": [1], "dtype": "uint8", "base64": "A-_="}', InvalidBase64, "/base64", "character 1 is '-'"),
    ('{"shape": [1], "dtype": "uint8", "base64": "é==="}', InvalidBase64, "/base64", "character 0 is 'é'"),
    ('{"shape": [1], "dtype": "uint8", "base64": "A→=="}', InvalidBase64, "/base64", "character 1 is '→'"),
    ('{"shape": [1], "dtype": "uint8", "base64": "\\ud83d\\ude00"}', InvalidBase64, "/base64", "character 0 is '😀'"),
    ('{"shape": [1], "dtype": "uint8", "base64": "AR=="}', InvalidBase64, "/base64", "bits are set behind"),
    ('{"shape": [2], "dtype": "uint8", "base64": "AQ=="}', ArraySizeMismatch, "/base64", "1 bytes but .* needs 2"),
    ('{"shape": [1], "dtype": "uint8", "base64": ""}', ArraySizeMismatch, "/base64", "0 bytes"),
    ('{"shape": [1], "dtype": "float64", "base64": "AQ=="}', ArraySizeMismatch, "/base64", "needs 8"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "kind", "pointer", "words"), FAULTS)
def test_a_faulty_object_is_refused_at_the_member(text: str, kind: type[WireError], pointer: str, words: str) -> None:
    with pytest.raises(kind, match=words) as caught:
        read(text)
    assert type(caught.value) is kind
    assert caught.value.pointer == f"/input{pointer}"


def test_an_object_with_a_name_is_left_to_the_schema() -> None:
    body = b'{"kernel": {"name": "gaussian", "shape": 3, "data": [1]}}'
    assert read_json(body, FIELDS, LIMITS)["kernel"] == {"name": "gaussian", "shape": 3, "data": [1]}


@pytest.mark.parametrize("dtype", ["uint8", "float16", "float64"])
@pytest.mark.parametrize("data", [[[0.5]], [[70000]], [[[1]]], [[1e30], 2]])
def test_lists_of_one_number_in_flat_data_are_no_numbers(dtype: str, data: list[Any]) -> None:
    text = json.dumps({"input": {"shape": [len(data)], "dtype": dtype, "data": data}}).encode()
    with pytest.raises(NotAnArray, match=r"/input/data/0 is a list of 1; data is a flat list"):
        read_json(text, FIELDS, LIMITS)
