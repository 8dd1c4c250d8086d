"""JSON out: exact numbers, every dtype and layout of an array, and no NaN turned into null."""

from __future__ import annotations

import base64
import json
import sys
from types import FrameType
from typing import Any

import numpy as np
import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from service.wire import encode_array, errors, json_writer, write_json


def test_an_answer_as_it_goes_out() -> None:
    answer = {"feature_maps": np.array([[-60.0, 0.5]]), "output_shape": [1, 2], "name": "é", "ok": True, "none": None}
    assert write_json(answer) == (
        '{"feature_maps":[[-60.0,0.5]],"output_shape":[1,2],"name":"é","ok":true,"none":null}'.encode()
    )


@settings(derandomize=True, max_examples=60, deadline=None)
@given(hnp.arrays(np.float64, hnp.array_shapes(max_side=4), elements=st.floats(allow_nan=False, allow_infinity=False)))
def test_floats_are_written_so_that_they_come_back(array: np.ndarray[Any, Any]) -> None:
    assert np.array(json.loads(bytes(write_json(array))), dtype=np.float64).tobytes() == array.tobytes()


def test_float32_is_written_with_its_own_digits() -> None:
    assert write_json(np.array([0.1, 16777216], np.float32)) == b"[0.1,16777216.0]"


@pytest.mark.parametrize(
    ("array", "text"),
    [
        (np.arange(6.0).reshape(2, 3).T, b"[[0.0,3.0],[1.0,4.0],[2.0,5.0]]"),
        (np.arange(6)[::-2], b"[5,3,1]"),
        (np.array([1.5], "f2"), b"[1.5]"),
        (np.array([2**63 - 1, -(2**63)]), b"[9223372036854775807,-9223372036854775808]"),
        (np.array([True, False]), b"[true,false]"),
        (np.array(3.5), b"3.5"),
        (np.float64(3.5), b"3.5"),
        (np.float32(0.1), b"0.1"),
        (np.int64(7), b"7"),
        (np.broadcast_to(np.float64(1), (2, 2)), b"[[1.0,1.0],[1.0,1.0]]"),
        ((1, 2), b"[1,2]"),
    ],
)
def test_every_layout_is_written(array: Any, text: bytes) -> None:
    assert write_json({"a": array}) == b'{"a":' + text + b"}"


@pytest.mark.parametrize("shape", [(600_000,), (3, 200_000), (1, 1, 600_000), (300_000, 2), (1, 700, 800)])
def test_a_long_array_is_written_in_pieces_that_join(shape: tuple[int, ...]) -> None:
    array = np.arange(np.prod(shape), dtype=np.int32).reshape(shape)
    answer = {"before": [1], "feature_maps": array, "strided": array[..., ::-1], "after": {"a": None}}
    whole = orjson.dumps(
        answer | {"strided": np.ascontiguousarray(array[..., ::-1])}, option=orjson.OPT_SERIALIZE_NUMPY
    )
    assert bytes(write_json(answer)) == whole


LONG = np.random.default_rng(3).standard_normal(600_001)


@pytest.mark.parametrize(
    "value",
    [
        {"feature_maps": encode_array(LONG, "flat"), "output_shape": [600_001], "none": None},
        {"layers": [{"type": "relu", "output": LONG.reshape(1, -1)}, {"output": LONG[:2], "type": None}]},
        {"layers": [{"output": LONG[: 70_000 + n].copy()} for n in range(9)]},
        [LONG, LONG[:0]],
        {"feature_maps": LONG[:300_000].reshape(-1, 1, 1)},
        {"feature_maps": np.empty((900_000, 0))},
    ],
    ids=["flat", "networks", "many layers", "a list", "short rows", "empty rows"],
)
def test_whatever_takes_long_to_write_is_written_in_pieces_that_join(value: Any) -> None:
    """Nothing else runs while orjson writes, not even the event loop: a megabyte of digits takes some milliseconds."""
    pieces: list[int] = []

    def look(frame: FrameType, event: str, returned: Any) -> None:
        if event == "return" and frame.f_code is json_writer._written.__code__:
            pieces.append(len(returned))

    sys.setprofile(look)
    try:
        text = bytes(write_json(value))
    finally:
        sys.setprofile(None)
    assert text == orjson.dumps(value, option=orjson.OPT_SERIALIZE_NUMPY)
    assert 0 < max(pieces) < 2_000_000


@pytest.mark.parametrize("count", [1, 262_143, 262_144, 262_145, 2_200_000, 2_200_001])
def test_a_long_array_is_packed_in_pieces_that_join(count: int) -> None:
    array = np.arange(count, dtype=np.float64)
    value = {"a": encode_array(array, "base64"), "large": 2**70 if count % 2 else 1, "b": None}
    assert json.loads(bytes(write_json(value))) == value | {
        "a": {"shape": [count], "dtype": "float64", "base64": base64.b64encode(array.tobytes()).decode()}
    }


@pytest.mark.parametrize(
    ("value", "pointer", "words"),
    [
        ({"feature_maps": np.array([[1.0, np.nan]])}, "/feature_maps/0/1", "is NaN"),
        ({"feature_maps": np.array([[np.inf], [np.nan]])}, "/feature_maps/0/0", "is infinity"),
        ({"feature_maps": np.array([-np.inf], np.float32)}, "/feature_maps/0", "is -infinity"),
        ({"layers": [{"output": np.array([1.0])}, {"output": np.array([np.nan])}]}, "/layers/1/output/0", "is NaN"),
        ({"steps": [{"value": float("nan")}]}, "/steps/0/value", "is NaN"),
        ({"steps": ({"sum": np.float32("inf")},)}, "/steps/0/sum", "is infinity"),
        ({"a/b": [1.0, float("-inf")]}, "/a~1b/1", "is -infinity"),
    ],
)
def test_nan_is_refused_at_its_place(value: Any, pointer: str, words: str) -> None:
    with pytest.raises(errors.NonFiniteAnswer, match=f"{words}, which JSON cannot carry") as caught:
        write_json(value)
    assert caught.value.pointer == pointer


def test_base64_carries_nan() -> None:
    packed = encode_array(np.array([np.nan, 1.0]), "base64")
    assert packed == {"shape": [2], "dtype": "float64", "base64": "AAAAAAAA+H8AAAAAAADwPw=="}
    assert json.loads(bytes(write_json({"a": packed}))) == {"a": packed}


def test_a_flat_array_is_row_by_row() -> None:
    flat = encode_array(np.arange(6, dtype=np.int16).reshape(2, 3).T, "flat")
    assert json.loads(bytes(write_json(flat))) == {"shape": [3, 2], "dtype": "int16", "data": [0, 3, 1, 4, 2, 5]}


def test_packed_bytes_are_little_endian_whatever_the_array() -> None:
    assert encode_array(np.array([1, 2], ">u2"), "base64") == {"shape": [2], "dtype": "uint16", "base64": "AQACAA=="}


def test_a_nested_array_goes_as_it_is() -> None:
    array = np.arange(4.0)
    assert encode_array(array, "nested") is array


def test_what_has_no_form_in_json_is_a_fault_of_ours() -> None:
    with pytest.raises(TypeError, match=r"no form in JSON|not JSON serializable"):
        write_json({"a": object()})
