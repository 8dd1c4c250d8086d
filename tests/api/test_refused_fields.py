"""Every field of every operation with at least one wrong value of each kind: what is answered, and what it says.

A table a field; the sentence is the field's own and must say what would do. After each refusal the service answers.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from tests.exchange import answered, refused

GRID = [[1, 2, 3], [4, 5, 6], [7, 8, 9]]
BASES: dict[str, dict[str, Any]] = {
    "/v1/conv2d": {"input": GRID, "kernel": [[1, 0], [0, 1]]},
    "/v1/conv1d": {"input": [1, 2, 3], "kernel": [1, 1]},
    "/v1/conv_transpose2d": {"input": GRID, "kernel": [[1, 0], [0, 1]]},
    "/v1/pool2d": {"input": GRID, "kernel_size": 2},
    "/v1/conv2d/gradients": {"input": GRID, "kernel": [[1, 0], [0, 1]], "output_gradient": [[1, 1], [1, 1]]},
    "/v1/pool2d/gradients": {"input": GRID, "kernel_size": 2, "output_gradient": [[1]]},
    "/v1/conv2d/plan": {"input_shape": [3, 3], "kernel_shape": [2, 2]},
    "/v1/pool2d/plan": {"input_shape": [3, 3], "kernel_size": 2},
}
# Of each type that JSON has, and numbers that are not what they seem.
TEXTS, LISTS, OBJECTS = ["x", "", "1"], [[["a"]], [1, "a"], [None]], [{}, {"x": 1}]
NO_NUMBERS: list[Any] = [*TEXTS, True, *OBJECTS, None]
NO_INTEGERS: list[Any] = [*NO_NUMBERS, *LISTS, 1.5, -1, 1e300, 2**31, 2**70, [1.5, 1], [True, 1], [[1, 2], [3]]]
NO_NAMES: list[Any] = ["x", "", 0, 1.5, True, None, [], {}, ["same"]]
NO_ARRAYS: list[Any] = [-1, 0, 1.5, True, None, {}, {"x": 1}]
AN_AXIS = "it must be an integer of at least {} and at most 2147483647, or a list of such integers, one a spatial axis"
WINDOW = r"an integer of at least 0 and at most 2147483647, a list of such integers.*\[before, after\] pairs"

# path, field, wrong values, what the detail says would do
TABLE: list[tuple[str, str, list[Any], str]] = [
    ("/v1/conv2d", "input", ["x", *NO_ARRAYS], "nested lists of numbers, a flat or a packed array, or a file"),
    ("/v1/conv2d", "kernel", NO_ARRAYS, 'an array, a name such as "sobel_x", or an object such as'),
    ("/v1/conv2d", "kernel", [{"name": 3}, {"size": 3}], 'an array, a name such as "sobel_x", or an object such as'),
    ("/v1/conv2d", "bias", ["x", True, {}, {"x": 1}], "an array, or a number where there is one map"),
    ("/v1/conv2d", "stride", [0, *NO_INTEGERS], AN_AXIS.format(1)),
    ("/v1/conv2d", "dilation", [0, *NO_INTEGERS], AN_AXIS.format(1)),
    ("/v1/conv2d", "padding", ["SAME", *NO_INTEGERS, [-1, 1], [[1, -1], [0, 0]], [[0, 1, 2], [0, 0]]], WINDOW),
    ("/v1/conv2d", "padding_mode", NO_NAMES[2:], '"zeros", "constant", "reflect", "symmetric", "replicate"'),
    ("/v1/conv2d", "padding_value", [*NO_NUMBERS, [0]], "a finite number"),
    (
        "/v1/conv2d",
        "groups",
        [0, *NO_INTEGERS, [1]],
        "an integer of at least 1 and at most 2147483647 that divides the channels and the filters",
    ),
    ("/v1/conv2d", "operation", ["correlation", *NO_NAMES], '"cross_correlation" .* or "convolution"'),
    ("/v1/conv2d", "dtype", ["float16", *NO_NAMES], '"auto", "float64" or "float32"'),
    ("/v1/conv2d", "method", NO_NAMES[2:], '"auto" or the name of a method; GET /v1/limits lists them'),
    ("/v1/conv2d", "encoding", ["npy", *NO_NAMES], '"nested", "flat" or "base64"'),
    ("/v1/conv2d", "color", ["grey", *NO_NAMES], '"auto", "gray" or "rgb"'),
    ("/v1/conv2d", "range", ["abs", *NO_NAMES], '"clip", "absolute", "normalize" or "offset"'),
    ("/v1/conv1d", "sample_spacing", [0, -1, "x", True, {}, [1]], "a finite number above 0"),
    ("/v1/conv_transpose2d", "kernel", ["sobel_x", *NO_ARRAYS], "nested lists of numbers, a flat or a packed array"),
    ("/v1/conv_transpose2d", "padding", ["same", *NO_INTEGERS], "takes no names"),
    ("/v1/conv_transpose2d", "output_padding", NO_INTEGERS, AN_AXIS.format(0)),
    ("/v1/conv_transpose2d", "stride", [0, -1, "2"], AN_AXIS.format(1)),
    ("/v1/pool2d", "input", ["x", *NO_ARRAYS], "nested lists of numbers, a flat or a packed array, or a file"),
    ("/v1/pool2d", "kind", ["mean", *NO_NAMES], '"max", "average", "min" or "lp"'),
    ("/v1/pool2d", "kernel_size", [0, *[value for value in NO_INTEGERS if value is not None]], AN_AXIS.format(1)),
    ("/v1/pool2d", "output_size", [0, *[value for value in NO_INTEGERS if value is not None]], AN_AXIS.format(1)),
    ("/v1/pool2d", "stride", [0, *[value for value in NO_INTEGERS if value is not None]], AN_AXIS.format(1)),
    ("/v1/pool2d", "padding", NO_INTEGERS, WINDOW),
    ("/v1/pool2d", "dilation", [0, *NO_INTEGERS], AN_AXIS.format(1)),
    ("/v1/pool2d", "ceil_mode", [0, 1, "true", None, [], {}], "true or false"),
    ("/v1/pool2d", "count_include_pad", [0, 1, "true", None, [], {}], "true or false"),
    ("/v1/pool2d", "return_indices", [0, 1, "true", None, [], {}], "true or false"),
    (
        "/v1/pool2d",
        "divisor_override",
        [0, -1, 1.5, "4", True, [4]],
        "an integer of at least 1 and at most 2147483647$",
    ),
    ("/v1/pool2d", "p", [0, -2, "2", True, None, [2]], "a finite number above 0"),
    ("/v1/conv2d/gradients", "output_gradient", ["x", *NO_ARRAYS], "nested lists of numbers, a flat or a packed array"),
    ("/v1/conv2d/gradients", "learning_rate", [-0.1, "x", True, [1], {}], "a finite number of at least 0"),
    (
        "/v1/conv2d/plan",
        "input_shape",
        ["x", 3, [], [0, 3], [-1, 3], [1.5, 3], [True, 3], [[3, 3]], [1] * 9, [2**31]],
        "1 to 8 integers of at least 1 and at most 2147483647, one an axis",
    ),
    ("/v1/conv2d/plan", "kernel_shape", ["x", 3, [], [0, 3], [-1, 3], [2**40, 3], {}, [[3, 3]]], "one an axis"),
    ("/v1/conv2d/plan", "bias", ["x", {}, "true"], "true, or an array"),
]


def cases() -> Iterator[Any]:
    for path, field, values, sentence in TABLE:
        for value in values:
            yield pytest.param(path, field, value, sentence, id=f"{path[4:]} {field}={json.dumps(value)}")


def still_answers(service: httpx.Client) -> None:
    assert answered(service, "/v1/conv2d", input=[[1, 2]], kernel=[[1, 1]])["feature_maps"] == [[3]]


@pytest.mark.parametrize(("path", "field", "value", "sentence"), list(cases()))
def test_a_wrong_value(service: httpx.Client, path: str, field: str, value: Any, sentence: str) -> None:
    response = service.post(path, json=BASES[path] | {field: value})
    problem = refused(response, 422, "invalid-field", f"^{field} is ", f"/{field}")
    assert re.search(sentence, problem["detail"]), problem["detail"]
    assert problem["title"] == "A field cannot be used"
    still_answers(service)


@pytest.mark.parametrize("path", BASES)
@pytest.mark.parametrize("field", ["strid", "unknown", "", "a/b~c", "__proto__", "Input"])
def test_an_unknown_field(service: httpx.Client, path: str, field: str) -> None:
    response = service.post(path, json=BASES[path] | {field: 1})
    pointer = "/" + field.replace("~", "~0").replace("/", "~1")
    problem = refused(response, 422, "invalid-field", f"there is no field {re.escape(json.dumps(field))} here", pointer)
    known = [name for name in ("input", "input_shape") if name in BASES[path]]
    assert all(name in problem["detail"] for name in known)
    still_answers(service)


def test_a_misspelt_field_is_guessed(service: httpx.Client) -> None:
    response = service.post("/v1/conv2d", json=BASES["/v1/conv2d"] | {"strides": 2})
    refused(response, 422, "invalid-field", "Did you mean stride\\?", "/strides")


@pytest.mark.parametrize("path", BASES)
def test_a_missing_field(service: httpx.Client, path: str) -> None:
    for field in BASES[path]:
        if field == "kernel_size":
            continue  # missing, output_size would do: the operation says so
        rest = {name: value for name, value in BASES[path].items() if name != field}
        problem = refused(service.post(path, json=rest), 422, "invalid-field", "is missing|neither came", f"/{field}")
        assert field in problem["errors"][0]["detail"]
    still_answers(service)


def test_every_wrong_field_is_named_at_once(service: httpx.Client) -> None:
    fields = {"input": GRID, "kernel": [[1]], "stride": 0, "padding": "some", "dtype": "int8", "colour": "gray"}
    problem = refused(service.post("/v1/conv2d", json=fields), 422, "invalid-field", r"\(and 3 more\)$")
    assert {error["pointer"] for error in problem["errors"]} == {"/stride", "/padding", "/dtype", "/colour"}


# Arrays: path, field, value, slug, detail, pointer.
ARRAYS: list[tuple[Any, str, str, str]] = [
    ([], "empty-array", "at least one element on every axis", ""),
    ([[]], "empty-array", "at least one element on every axis", "/0"),
    ([[], []], "empty-array", "at least one element", "/0"),
    (
        [[1, 2], [3]],
        "ragged-array",
        "has 1 element but .* has 2; rows at the same level must have the same length",
        "/1",
    ),
    ([[1], 2], "ragged-array", "must all be lists of the same length", "/1"),
    ([[1, [2]]], "ragged-array", "numbers innermost", "/0/1"),
    ([[[1], [2]], [[3], 4]], "ragged-array", "must all be lists", "/1/1"),
    ([[True, 1]], "not-an-array", "is true; an array holds numbers: write 1 or 0", "/0/0"),
    ([[1, False]], "not-an-array", "is false; an array holds numbers: write 1 or 0", "/0/1"),
    ([[1, None]], "not-an-array", "JSON has none for missing or NaN", "/0/1"),
    ([["1"]], "not-an-array", "write them without quotes", "/0/0"),
    ([[{}]], "not-an-array", "must be a number", "/0/0"),
    ([[1]] * 2 + [["NaN"]], "not-an-array", "without quotes", "/2/0"),
    ([[[[[[[[[1]]]]]]]]], "too-many-axes", "at most 8 axes", ""),
    (
        {"shape": [2], "dtype": "float32", "data": [1]},
        "array-size-mismatch",
        r"1 element but shape \[2\] needs 2",
        "/data",
    ),
    ({"shape": [1], "dtype": "float32", "data": [1, 2]}, "array-size-mismatch", "2 elements but .* needs 1", "/data"),
    ({"shape": [1], "dtype": "complex64", "data": [1]}, "unsupported-dtype", "must be one of uint8, int8", "/dtype"),
    ({"shape": [1], "dtype": "bool", "data": [1]}, "unsupported-dtype", "must be one of uint8, int8", "/dtype"),
    ({"shape": [1], "dtype": ">f4", "data": [1]}, "unsupported-dtype", "must be one of uint8", "/dtype"),
    ({"shape": [1], "dtype": 3, "data": [1]}, "unsupported-dtype", "must be one of uint8", "/dtype"),
    ({"shape": [1], "dtype": "uint8", "data": [256]}, "value-out-of-range", "uint8 holds 0 to 255", "/data/0"),
    ({"shape": [2], "dtype": "uint8", "data": [0, -1]}, "value-out-of-range", "uint8 holds 0 to 255", "/data/1"),
    ({"shape": [1], "dtype": "int16", "data": [1.5]}, "value-out-of-range", "whole numbers only", "/data/0"),
    ({"shape": [1], "dtype": "float16", "data": [1e5]}, "value-out-of-range", "float16 holds", "/data/0"),
    ({"shape": [1], "dtype": "float32", "data": [1e39]}, "value-out-of-range", "float32 holds", "/data/0"),
    ({"shape": [1], "dtype": "float32", "data": [True]}, "not-an-array", "write 1 or 0", "/data/0"),
    ({"shape": [1], "dtype": "float32", "data": ["1"]}, "not-an-array", "without quotes", "/data/0"),
    ({"shape": [1], "dtype": "float32", "data": [[1]]}, "not-an-array", "a flat list, row after row", "/data/0"),
    ({"shape": [1], "dtype": "float32", "data": 1}, "not-an-array", "must be a flat list of 1 element", "/data"),
    ({"shape": [0], "dtype": "float32", "data": []}, "empty-array", r"array.s shape is \[0\]", "/shape"),
    ({"shape": [-1], "dtype": "float32", "data": [1]}, "empty-array", r"array.s shape is \[-1\]", "/shape"),
    ({"shape": [1.0], "dtype": "float32", "data": [1]}, "invalid-array", "must be a list of integers", "/shape"),
    ({"shape": 1, "dtype": "float32", "data": [1]}, "invalid-array", "must be a list of integers", "/shape"),
    ({"shape": [True], "dtype": "float32", "data": [1]}, "invalid-array", "must be a list of integers", "/shape"),
    ({"shape": [1] * 9, "dtype": "float32", "data": [1]}, "too-many-axes", "at most 8", "/shape"),
    (
        {"dtype": "float32", "data": [1]},
        "invalid-array",
        "shape is missing; an array has shape, dtype and data",
        "/shape",
    ),
    ({"shape": [1], "data": [1]}, "invalid-array", "dtype is missing", "/dtype"),
    ({"shape": [1], "dtype": "float32"}, "invalid-array", "neither data nor base64", ""),
    ({"shape": [1], "dtype": "uint8", "data": [1], "base64": "AQ=="}, "invalid-array", "both data and base64", ""),
    (
        {"shape": [1], "dtype": "uint8", "data": [1], "order": "F"},
        "invalid-array",
        '"order" is not part of an array',
        "/order",
    ),
    ({"shape": [1], "dtype": "uint8", "base64": "AQ"}, "invalid-base64", "comes in fours", "/base64"),
    ({"shape": [1], "dtype": "uint8", "base64": "A-=="}, "invalid-base64", "has only A-Z a-z 0-9", "/base64"),
    ({"shape": [1], "dtype": "uint8", "base64": "AQ==\n"}, "invalid-base64", "has only A-Z", "/base64"),
    (
        {"shape": [1], "dtype": "uint8", "base64": "AR=="},
        "invalid-base64",
        "bits are set behind the last byte",
        "/base64",
    ),
    ({"shape": [1], "dtype": "uint8", "base64": 1}, "invalid-base64", "must be a string", "/base64"),
    (
        {"shape": [2], "dtype": "uint8", "base64": "AQ=="},
        "array-size-mismatch",
        "1 bytes? but shape .* needs 2",
        "/base64",
    ),
    ({"shape": [1], "dtype": "float64", "base64": "AQ=="}, "array-size-mismatch", "needs 8", "/base64"),
    ({"shape": [10**12], "dtype": "uint8", "base64": "AQ=="}, "too-many-elements", "a request may hold", ""),
]


@pytest.mark.parametrize(("value", "slug", "detail", "place"), ARRAYS)
@pytest.mark.parametrize("field", ["input", "kernel", "bias", "output_gradient"])
def test_what_is_no_array(service: httpx.Client, field: str, value: Any, slug: str, detail: str, place: str) -> None:
    response = service.post("/v1/conv2d/gradients", json=BASES["/v1/conv2d/gradients"] | {field: value})
    refused(response, 422, slug, detail, f"/{field}{place}")
    still_answers(service)


# What has the right type and does not fit: path, fields, slug, detail, pointer.
MISFITS: list[tuple[str, dict[str, Any], str, str, str]] = [
    ("/v1/conv2d", {"input": [1, 2, 3]}, "shape-mismatch", r"takes \(H, W\), \(C, H, W\) or \(N, C, H, W\)", "/input"),
    ("/v1/conv2d", {"input": [[[[GRID]]]]}, "shape-mismatch", r"takes \(H, W\), \(C, H, W\)", "/input"),
    (
        "/v1/conv2d",
        {"kernel": [1, 2]},
        "shape-mismatch",
        r"takes \(kh, kw\), \(F, kh, kw\) or \(F, C/groups",
        "/kernel",
    ),
    ("/v1/conv2d", {"kernel": [[[[[1]]]]]}, "shape-mismatch", r"takes \(kh, kw\)", "/kernel"),
    (
        "/v1/conv2d",
        {"kernel": [[1] * 4] * 7},
        "kernel-too-large",
        "7 rows but the padded input has 3; pad by at least 2",
        "/kernel",
    ),
    (
        "/v1/conv2d",
        {"dilation": 9},
        "kernel-too-large",
        "spans 10 rows .* has 3; pad by at least 4 rows? on each side",
        "/kernel",
    ),
    ("/v1/conv2d", {"kernel": "sobel"}, "unknown-kernel", "sobel_x, sobel_y", "/kernel"),
    (
        "/v1/conv2d",
        {"kernel": {"name": "gaussian", "size": 4}},
        "kernel-parameter-invalid",
        "must be odd: try 3 or 5",
        "/kernel/size",
    ),
    (
        "/v1/conv2d",
        {"kernel": {"name": "gaussian", "size": True}},
        "kernel-parameter-invalid",
        "odd integer",
        "/kernel/size",
    ),
    (
        "/v1/conv2d",
        {"kernel": {"name": "gaussian", "sigma": -1}},
        "kernel-parameter-invalid",
        "number from 0.1",
        "/kernel/sigma",
    ),
    (
        "/v1/conv2d",
        {"kernel": {"name": "gaussian", "sise": 5}},
        "unknown-kernel-parameter",
        "it takes size, sigma",
        "/kernel/sise",
    ),
    ("/v1/conv2d", {"stride": [1, 2, 3]}, "invalid-value", "3 entries but there are 2 spatial axes", "/stride"),
    ("/v1/conv2d", {"stride": []}, "invalid-value", "0 entries but there are 2 spatial axes", "/stride"),
    ("/v1/conv2d", {"dilation": [1]}, "invalid-value", "1 entry but there are 2 spatial axes", "/dilation"),
    (
        "/v1/conv2d",
        {"padding": [[1, 1]]},
        "invalid-value",
        "1 pair but there are 2 spatial axes; give 2 pairs",
        "/padding",
    ),
    ("/v1/conv2d", {"padding": [1, 2, 3]}, "invalid-value", "3 entries but there are 2", "/padding"),
    ("/v1/conv2d", {"padding_mode": "some"}, "unknown-padding-mode", '"zeros", "constant", "reflect"', "/padding_mode"),
    ("/v1/conv2d", {"padding_value": 3}, "invalid-value", 'set padding_mode to "constant"', "/padding_value"),
    ("/v1/conv2d", {"groups": 2}, "groups-mismatch", "leave groups out", "/groups"),
    (
        "/v1/conv2d",
        {"input": [GRID] * 3, "kernel": [[[[1]]]] * 4, "groups": 2},
        "groups-mismatch",
        "3 channels",
        "/groups",
    ),
    (
        "/v1/conv2d",
        {"input": [GRID] * 4, "kernel": [[[[1]]] * 2] * 3, "groups": 2},
        "groups-mismatch",
        "3 filters",
        "/groups",
    ),
    (
        "/v1/conv2d",
        {"input": [GRID] * 4, "kernel": [[[[1]]] * 3] * 2, "groups": 2},
        "channel-mismatch",
        "3 channels a group .* in 2 groups, 2 each",
        "/kernel",
    ),
    (
        "/v1/conv2d",
        {"input": [GRID] * 4, "kernel": [[[[1]]] * 4] * 3, "groups": 2},
        "channel-mismatch",
        "4 channels a group .* in 2 groups; .* has all 4: leave groups out",
        "/groups",
    ),
    (
        "/v1/conv2d",
        {"input": [GRID] * 3, "kernel": [[[1]]] * 5},
        "channel-mismatch",
        r"send one filter, \(kh, kw\)",
        "/kernel",
    ),
    (
        "/v1/conv2d",
        {"input": [GRID] * 3, "kernel": [[[1]]]},
        "channel-mismatch",
        "drop the kernel's first axis",
        "/kernel",
    ),
    ("/v1/conv2d", {"input": [GRID] * 3, "kernel": [[[[1]]] * 2]}, "channel-mismatch", "has 3", "/kernel"),
    (
        "/v1/conv2d",
        {"input": [GRID] * 3, "kernel": [[[[1]]]] * 2},
        "channel-mismatch",
        r"2 filters for one-channel data, .* 3 channels; send one filter, \(kh, kw\), .* set color to \"gray\"",
        "/kernel",
    ),
    (
        "/v1/conv2d",
        {"input": [GRID] * 3, "kernel": [[[[1]]]]},
        "channel-mismatch",
        "drop the kernel's first two axes",
        "/kernel",
    ),
    (
        "/v1/conv2d",
        {"input": [GRID] * 3, "kernel": [[[[1]]]] * 6},
        "channel-mismatch",
        r"\(depthwise\) set groups to 3",
        "/groups",
    ),
    (
        "/v1/conv2d",
        {"input": [[[1, 2, 3]] * 5] * 6, "kernel": [[1] * 5]},
        "kernel-too-large",
        "6 channels of 3 columns the input looks channels-last",
        "/kernel",
    ),
    # A matrix has no channels that could be last.
    ("/v1/conv2d", {"input": [[1, 2]] * 3, "kernel": [[[[1, 1]]] * 2]}, "channel-mismatch", "has 1; send a", "/kernel"),
    (
        "/v1/conv2d",
        {"input": [[[1, 2, 3]] * 5] * 6, "kernel": [[[1]]] * 2},
        "channel-mismatch",
        "looks channels-last; send channels first",
        "/input",
    ),
    (
        "/v1/conv2d",
        {"bias": [1, 2]},
        "shape-mismatch",
        r"must be \[1\], one number a filter, or one number, or \[2, 2\]",
        "/bias",
    ),
    ("/v1/conv2d", {"bias": 1, "kernel": [[[1]]] * 2}, "shape-mismatch", r"is one number; it must be \[2\]", "/bias"),
    ("/v1/conv2d", {"bias": [[1, 2]]}, "shape-mismatch", r"\[2, 2\], one a position", "/bias"),
    ("/v1/conv2d", {"method": "magic"}, "unknown-method", '"auto", "direct"', "/method"),
    ("/v1/conv1d", {"kernel": "sobel_x"}, "no-named-kernel", "send its numbers", "/kernel"),
    ("/v1/conv1d", {"kernel": {"name": "gaussian"}}, "no-named-kernel", "send its numbers", "/kernel"),
    ("/v1/conv_transpose2d", {"output_padding": 1}, "output-padding-too-large", "at most 0|below", "/output_padding"),
    ("/v1/conv_transpose2d", {"padding": 9}, "empty-output", "pad", "/padding"),
    ("/v1/conv_transpose2d", {"kernel": [[[1, 1]]]}, "shape-mismatch", r"\(C, F/groups, kh, kw\)", "/kernel"),
    ("/v1/conv_transpose2d", {"kernel": [[[[1]]]] * 5}, "channel-mismatch", "takes 5 channels but .* has 1", "/kernel"),
    ("/v1/pool2d", {"kernel_size": None}, "invalid-value", "takes kernel_size, or output_size", "/kernel_size"),
    ("/v1/pool2d", {"output_size": 1}, "invalid-value", "both are given", "/output_size"),
    ("/v1/pool2d", {"kernel_size": 9}, "kernel-too-large", "9 rows but the padded input has 3", "/kernel_size"),
    ("/v1/pool2d", {"padding": 2}, "padding-too-large", "at most 1", "/padding"),
    (
        "/v1/pool2d",
        {"kernel_size": 2, "dilation": 5, "padding": 4, "input": [[1, 2], [3, 4]]},
        "empty-window",
        "holds no cell of the input.*smaller dilation",
        "/dilation",
    ),
    ("/v1/pool2d", {"kind": "average", "return_indices": True}, "invalid-value", "max.*min|average", "/return_indices"),
    ("/v1/pool2d", {"divisor_override": 3}, "invalid-value", "average", "/divisor_override"),
    ("/v1/pool2d", {"p": 3}, "invalid-value", 'set kind to "lp"', "/p"),
    (
        "/v1/pool2d",
        {"kernel_size": None, "output_size": 2, "stride": 2},
        "invalid-value",
        "adaptive|output_size",
        "/stride",
    ),
    (
        "/v1/pool2d",
        {"kernel_size": None, "output_size": [1, 2, 3]},
        "invalid-value",
        "3 entries but there are 2",
        "/output_size",
    ),
    (
        "/v1/conv2d/gradients",
        {"output_gradient": [[1]]},
        "shape-mismatch",
        r"must have the output's, \[2, 2\]",
        "/output_gradient",
    ),
    (
        "/v1/pool2d/gradients",
        {"output_gradient": [[1, 2]]},
        "shape-mismatch",
        r"must have the output's, \[1, 1\]",
        "/output_gradient",
    ),
    (
        "/v1/conv2d/plan",
        {"kernel_shape": [9, 9]},
        "kernel-too-large",
        "pad by at least 3 rows on each side",
        "/kernel_shape",
    ),
    ("/v1/conv2d/plan", {"input_shape": [3]}, "shape-mismatch", r"takes \(H, W\)", "/input_shape"),
]


@pytest.mark.parametrize(("path", "fields", "slug", "detail", "pointer"), MISFITS)
def test_what_does_not_fit(
    service: httpx.Client, path: str, fields: dict[str, Any], slug: str, detail: str, pointer: str
) -> None:
    response = service.post(path, json=BASES[path] | fields)
    refused(response, 422, slug, detail, pointer)
    still_answers(service)


@pytest.mark.parametrize("name", ["REFLECT", "Reflect", "half", "mirrored"])
def test_a_border_name_with_two_meanings_is_refused_with_both(service: httpx.Client, name: str) -> None:
    response = service.post("/v1/conv2d", json=BASES["/v1/conv2d"] | {"padding_mode": name, "padding": 1})
    problem = refused(response, 422, "ambiguous-padding-mode", "has two meanings", "/padding_mode")
    assert 'is "reflect" here' in problem["detail"]
    assert 'is "symmetric" here' in problem["detail"]
    still_answers(service)


CROWDS = {
    "padding": [1.5] * 60_000,
    "stride": [["1", "x"]] * 30_000,
    "dilation": [{"a": [1]}] * 30_000,
    "padding_value": ["1"] * 60_000,
}


@pytest.mark.parametrize("field", CROWDS)
def test_a_crowd_in_place_of_a_field_is_one_violation(service: httpx.Client, field: str) -> None:
    """Judged item by item, and each time written anew, these would take many minutes."""
    problem = service.post("/v1/conv2d", json={"input": [[1]], "kernel": [[1]], field: CROWDS[field]}).json()
    assert problem["type"] == "/problems/invalid-field"
    assert problem["errors"][0]["pointer"].startswith(f"/{field}")
    assert len(problem["errors"]) <= 10
    assert len(problem["detail"]) < 500


def test_no_more_violations_than_a_client_can_read_are_listed(service: httpx.Client) -> None:
    layers = [{"type": "relu", **{f"field_{index}": 1 for index in range(40)}}] * 100
    problem = service.post("/v1/networks/plan", json={"input_shape": [9, 9], "layers": layers}).json()
    assert len(problem["errors"]) == 64
