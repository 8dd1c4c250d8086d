"""Every golden vector asked over HTTP: packed in and .npz out, and nested lists in and out; both lose no bit."""

from __future__ import annotations

import base64
import io
import json
from typing import Any

import httpx
import numpy as np
import pytest
from numpy.typing import NDArray

from tests.golden import Golden, golden

OPERATIONS = ("conv", "conv_transpose", "pool", "conv_gradients", "conv_transpose_gradients", "pool_gradients")
CASES = [case for operation in OPERATIONS for case in golden(operation)]
FINITE = [case for case in CASES if all(np.isfinite(array).all() for array in case.values[0].arrays.values())]
NAMES = {"output": "feature_maps"}


def path_of(case: Golden) -> str:
    rank = case.arrays["input"].ndim - 2
    operation, backward, _ = case.op.partition("_gradients")
    return f"/v1/{operation}{rank}d{'/gradients' if backward else ''}"


def packed(array: NDArray[Any]) -> dict[str, Any]:
    little = np.ascontiguousarray(array, array.dtype.newbyteorder("<"))
    return {
        "shape": list(array.shape),
        "dtype": array.dtype.name,
        "base64": base64.b64encode(little.tobytes()).decode(),
    }


def as_npy(array: NDArray[Any]) -> bytes:
    file = io.BytesIO()
    np.save(file, array)
    return file.getvalue()


def computed_in(case: Golden) -> str:
    return "float32" if case.arrays["input"].dtype in (np.float16, np.float32) else "float64"


def check(case: Golden, found: dict[str, NDArray[Any]]) -> None:
    expected = {name: NAMES.get(name, name) for name in case.expected_names}
    assert set(found) == set(expected.values())
    for name, called in expected.items():
        if name != "indices":
            assert found[called].dtype == computed_in(case), called
    case.check(**{name: found[called] for name, called in expected.items()})


def test_none_is_missing() -> None:
    assert len(CASES) == 837
    assert len(FINITE) == 837 - 8


@pytest.mark.parametrize("case", CASES)
def test_packed_or_as_a_file_and_back_as_npz(service: httpx.Client, case: Golden) -> None:
    headers = {"Accept": "application/zip"}
    if all(np.isfinite(array).all() for array in case.arrays.values()):
        fields = case.parameters | {name: packed(array) for name, array in case.arrays.items()}
        response = service.post(path_of(case), json=fields, headers=headers)
    else:
        text = {name: value if isinstance(value, str) else json.dumps(value) for name, value in case.parameters.items()}
        files = {name: as_npy(array) for name, array in case.arrays.items()}
        response = service.post(path_of(case), data=text, files=files, headers=headers)
    assert response.status_code == 200, response.text
    with np.load(io.BytesIO(response.content)) as arrays:
        check(case, dict(arrays))


@pytest.mark.parametrize("case", FINITE)
def test_as_nested_lists_and_back(service: httpx.Client, case: Golden) -> None:
    # Nested lists are float64: say what the arrays were, as `auto` would have known.
    dtype = computed_in(case)
    fields = case.parameters | {name: array.tolist() for name, array in case.arrays.items()} | {"dtype": dtype}
    response = service.post(path_of(case), json=fields)
    assert response.status_code == 200, response.text
    answer = response.json()
    names = [NAMES.get(name, name) for name in case.expected_names]
    found = {name: np.array(answer[name], np.int64 if name == "indices" else dtype) for name in names}
    check(case, found)
    if "feature_maps" in answer:
        assert answer["output_shape"] == list(found["feature_maps"].shape)
        assert answer["dtype"] == dtype
