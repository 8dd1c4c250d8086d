"""`POST /v1/{op}/plan`: the same question without data, and never another answer than the operation's own."""

from __future__ import annotations

from typing import Any

import httpx
import numpy as np
import pytest

from service import container
from service.settings import Settings
from tests.conftest import Serve
from tests.exchange import answered, refused

QUESTIONS: list[tuple[str, dict[str, Any], dict[str, list[int]]]] = [
    ("/v1/conv1d", {"stride": 2, "padding": "same"}, {"input": [9], "kernel": [4]}),
    ("/v1/conv2d", {}, {"input": [5, 5], "kernel": [3, 3]}),
    ("/v1/conv2d", {"stride": [2, 1], "padding": [[1, 0], [2, 2]]}, {"input": [3, 7, 8], "kernel": [4, 3, 2, 3]}),
    ("/v1/conv2d", {"groups": 2, "dilation": 2}, {"input": [2, 4, 7, 8], "kernel": [6, 2, 2, 3]}),
    ("/v1/conv2d", {"padding_mode": "mirror", "padding": 1}, {"input": [3, 6, 6], "kernel": [3, 3]}),
    (
        "/v1/conv2d",
        {"padding_mode": "constant", "padding_value": 2, "padding": "full"},
        {"input": [4, 4], "kernel": [2, 2, 2]},
    ),
    ("/v1/conv3d", {"operation": "convolution"}, {"input": [4, 5, 6], "kernel": [2, 2, 2]}),
    ("/v1/conv_transpose1d", {"stride": 3, "output_padding": 2}, {"input": [2, 5], "kernel": [2, 3, 4]}),
    ("/v1/conv_transpose2d", {"stride": 2, "padding": 1, "groups": 2}, {"input": [4, 3, 3], "kernel": [4, 2, 3, 3]}),
    ("/v1/pool1d", {"kernel_size": 3, "ceil_mode": True}, {"input": [2, 8]}),
    ("/v1/pool2d", {"kernel_size": [2, 3], "stride": 1, "padding": 1, "kind": "average"}, {"input": [5, 5]}),
    ("/v1/pool2d", {"kernel_size": 2, "kind": "lp", "p": 3, "dilation": 2}, {"input": [1, 2, 5, 5]}),
    ("/v1/pool3d", {"output_size": [1, 2, 3], "kind": "min"}, {"input": [4, 5, 6]}),
]


@pytest.mark.parametrize(("path", "options", "shapes"), QUESTIONS)
def test_it_is_the_plan_of_the_operation_itself(
    service: httpx.Client, path: str, options: dict[str, Any], shapes: dict[str, list[int]]
) -> None:
    # Fractions of tame range: integers may make another method the safe one than a plan from shapes names.
    arrays = {name: np.random.default_rng(1).uniform(0.5, 1.5, shape) for name, shape in shapes.items()}
    asked = {f"{name}_shape": shape for name, shape in shapes.items()}
    done = answered(service, path, **arrays, **options)
    planned = answered(service, f"{path}/plan", **asked, **options)
    assert planned["plan"] == done["plan"]
    assert planned == answered(service, f"{path}/plan", **arrays, **options)
    assert planned["accepted"] is True
    assert planned["refused_by"] is None
    assert [entry["axis"] for entry in planned["formula"]] == list(range(len(planned["formula"])))
    results = [entry["result"] for entry in planned["formula"]]
    assert results == done["output_shape"][-len(results) :]


@pytest.mark.parametrize(
    ("path", "fields", "expressions"),
    [
        (
            "/v1/conv2d/plan",
            {
                "input_shape": [224, 300],
                "kernel_shape": [7, 5],
                "stride": [2, 3],
                "padding": [3, 0],
                "dilation": [1, 2],
            },
            ["⌊(224 + 3 + 3 − 1·(7 − 1) − 1) / 2⌋ + 1", "⌊(300 + 0 + 0 − 2·(5 − 1) − 1) / 3⌋ + 1"],
        ),
        (
            "/v1/conv_transpose1d/plan",
            {"input_shape": [7], "kernel_shape": [3], "stride": 2, "padding": 1, "output_padding": 1},
            ["(7 − 1)·2 − 1 − 1 + 1·(3 − 1) + 1 + 1"],
        ),
        (
            "/v1/pool1d/plan",
            {"input_shape": [4], "kernel_size": 2, "stride": 3, "padding": 1, "ceil_mode": True},
            ["⌈(4 + 1 + 1 − 1·(2 − 1) − 1) / 3⌉ + 1 − 1"],
        ),
        (
            "/v1/pool1d/plan",
            {"input_shape": [7], "output_size": 3},
            ["3 windows, window i from ⌊i·7/3⌋ to ⌈(i + 1)·7/3⌉"],
        ),
    ],
)
def test_the_formula_has_the_numbers_put_in(
    service: httpx.Client, path: str, fields: dict[str, Any], expressions: list[str]
) -> None:
    planned = answered(service, path, **fields)
    assert [entry["expression"] for entry in planned["formula"]] == expressions


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"kernel_shape": [3, 3]}, [3, 3]),
        ({"kernel_shape": [3, 2], "dilation": [2, 4]}, [5, 5]),
        ({"kernel_shape": [1, 1], "stride": 4}, [1, 1]),
    ],
)
def test_the_receptive_field(service: httpx.Client, fields: dict[str, Any], expected: list[int]) -> None:
    assert answered(service, "/v1/conv2d/plan", input_shape=[9, 9], **fields)["receptive_field"] == expected


@pytest.mark.parametrize(
    ("kernel_shape", "bias", "parameters"),
    [
        ([64, 3, 7, 7], None, 9408),
        ([64, 3, 7, 7], True, 9472),
        ([64, 3, 7, 7], False, 9408),
        ([2, 3, 1, 1], [1, 2], 8),
        ([7, 7], None, 49),
        ([7, 7], True, 52),
    ],
)
def test_a_bias_counts_where_one_is_given(
    service: httpx.Client, kernel_shape: list[int], bias: Any, parameters: int
) -> None:
    fields = {"input_shape": [3, 32, 32], "kernel_shape": kernel_shape} | ({} if bias is None else {"bias": bias})
    assert answered(service, "/v1/conv2d/plan", **fields)["parameters"] == parameters


def test_cost_and_memory(service: httpx.Client) -> None:
    planned = answered(service, "/v1/conv2d/plan", input_shape=[2, 3, 10, 10], kernel_shape=[4, 3, 3, 3])
    assert planned["macs"] == planned["plan"]["macs"] == 2 * 4 * 8 * 8 * 27
    assert planned["bytes"]["input"] == 600 * 8
    assert planned["bytes"]["output"] == 512 * 8
    assert isinstance(planned["bytes"]["working"], int)
    narrow = answered(
        service, "/v1/conv2d/plan", input_shape=[2, 3, 10, 10], kernel_shape=[4, 3, 3, 3], dtype="float32"
    )
    assert narrow["bytes"]["input"] == 600 * 4
    assert narrow["plan"]["dtype"] == "float32"


@pytest.mark.parametrize(
    ("path", "fields", "limit"),
    [
        ("/v1/conv2d", {"input": [40, 40], "kernel": [1, 1]}, "max_output_elements"),
        ("/v1/conv2d", {"input": [40, 40], "kernel": [33, 33]}, "max_kernel_elements"),
        ("/v1/conv2d", {"input": [30, 30], "kernel": [10, 10]}, "max_macs"),
        ("/v1/conv2d", {"input": [70, 70], "kernel": [3, 3], "stride": 9}, "max_input_elements"),
        ("/v1/conv1d", {"input": [3998], "kernel": [3], "stride": 9}, "max_input_elements"),
        ("/v1/pool2d", {"input": [30, 30], "kernel_size": 8, "stride": 1}, "max_macs"),
        ("/v1/conv_transpose2d", {"input": [30, 30], "kernel": [2, 2], "stride": 2}, "max_output_elements"),
    ],
)
def test_beyond_a_limit_it_says_which_and_the_operation_refuses_by_it(
    serve: Serve, path: str, fields: dict[str, Any], limit: str
) -> None:
    client = serve(
        Settings(max_output_elements=1000, max_kernel_elements=1000, max_macs=20_000, max_input_elements=4000)
    )
    shapes = {f"{name}_shape": value for name, value in fields.items() if name in ("input", "kernel")}
    options = {name: value for name, value in fields.items() if name not in ("input", "kernel")}
    planned = answered(client, f"{path}/plan", **shapes, **options)
    assert (planned["accepted"], planned["refused_by"]) == (False, limit)
    assert planned["plan"].get("method") is None
    if "kernel" in fields:
        assert answered(client, f"{path}/plan", **shapes, **options, method="gemm")["plan"]["method"] == "gemm"
    arrays = {name: np.ones(fields[name]).tolist() for name in ("input", "kernel") if name in fields}
    response = client.post(path, json=arrays | options)
    slug = "too-many-elements" if limit == "max_input_elements" else "limit-exceeded"
    problem = refused(response, 422, slug, r"\d")
    assert problem["limit"] == client.get("/v1/limits").json()["limits"][limit]
    assert problem["actual"] > problem["limit"]


@pytest.mark.parametrize(
    ("settings", "side", "limit", "named"),
    [
        (Settings(max_memory_bytes=10**6), 9, "max_memory_bytes", r"bytes of memory, and .* is 1,000,000; send less"),
        (
            Settings(deadline_seconds=0.4 / container.cores()),
            200,
            "deadline_seconds",
            r" seconds of computing on all cores",
        ),
    ],
)
@pytest.mark.parametrize("path", ["/v1/conv2d", "/v1/conv_transpose2d", "/v1/pool2d", "/v1/networks"])
def test_what_there_is_never_memory_or_time_for_is_refused_by_plan_and_operation_alike(
    serve: Serve, settings: Settings, side: int, limit: str, named: str, path: str
) -> None:
    client = serve(settings)
    kernel = {"pool2d": {"kernel_size": side, "stride": 1}}.get(
        path.rpartition("/")[2], {"kernel": [[1] * side] * side}
    )
    fields = {"layers": [{"type": "conv2d"} | kernel]} if path == "/v1/networks" else kernel
    planned = answered(client, f"{path}/plan", input_shape=[400, 420], **fields)
    assert (planned["accepted"], planned["refused_by"]) == (False, limit)
    problem = refused(client.post(path, json={"input": [[1] * 420] * 400} | fields), 422, "limit-exceeded", named)
    assert problem["limit"] == client.get("/v1/limits").json()["limits"][limit]
    assert problem["actual"] > problem["limit"]


def test_a_pool_s_plan_knows_its_working_memory(serve: Serve) -> None:
    asked = {"input_shape": [4000, 4000], "kernel_size": 3}
    narrow = answered(serve(Settings(working_bytes=2**20)), "/v1/pool2d/plan", **asked)["bytes"]["working"]
    assert narrow < answered(serve(Settings()), "/v1/pool2d/plan", **asked)["bytes"]["working"]


@pytest.mark.parametrize(
    ("path", "fields", "pointer"),
    [
        ("/v1/conv2d/plan", {"kernel_shape": [3, 3]}, "/input_shape"),
        ("/v1/conv2d/plan", {"input_shape": [5, 5]}, "/kernel_shape"),
        ("/v1/conv2d/plan", {"input_shape": [5, 5], "kernel_shape": [3, 3], "kernel": [[1]]}, "/kernel_shape"),
        ("/v1/pool2d/plan", {"input_shape": [2, 2], "input": [[1]], "kernel_size": 1}, "/input_shape"),
    ],
)
def test_a_shape_or_the_array_but_not_both(
    service: httpx.Client, path: str, fields: dict[str, Any], pointer: str
) -> None:
    refused(service.post(path, json=fields), 422, "invalid-field", "one of the two", pointer)


def test_what_does_not_fit_is_refused_as_the_operation_would(service: httpx.Client) -> None:
    response = service.post("/v1/conv2d/plan", json={"input_shape": [5, 5], "kernel_shape": [7, 7]})
    refused(response, 422, "kernel-too-large", "7 .* 5; pad", "/kernel_shape")


@pytest.mark.parametrize(
    ("path", "fields", "pointer"),
    [
        ("/v1/conv2d/plan", {"input_shape": [2, 2], "kernel": [[1] * 3] * 3}, "/kernel"),
        ("/v1/conv2d/plan", {"input": [[1, 2], [3, 4]], "kernel_shape": [3, 3]}, "/kernel_shape"),
        ("/v1/conv2d/plan", {"input_shape": [2], "kernel_shape": [3, 3]}, "/input_shape"),
        ("/v1/conv2d/plan", {"input": [2], "kernel_shape": [3, 3]}, "/input"),
        ("/v1/conv_transpose2d/plan", {"input_shape": [3, 4, 4], "kernel_shape": [2, 1, 3, 3]}, "/kernel_shape"),
        ("/v1/pool2d/plan", {"input_shape": [2], "kernel_size": 1}, "/input_shape"),
        ("/v1/pool2d/plan", {"input_shape": [2, 2], "kernel_size": 3}, "/kernel_size"),
    ],
)
def test_a_refusal_points_to_the_field_that_was_sent(
    service: httpx.Client, path: str, fields: dict[str, Any], pointer: str
) -> None:
    problem = service.post(path, json=fields).json()
    assert (problem["status"], problem["errors"][0]["pointer"]) == (422, pointer)


def test_a_kernel_by_name(service: httpx.Client) -> None:
    planned = answered(service, "/v1/conv2d/plan", input_shape=[9, 9], kernel={"name": "gaussian", "size": 5})
    assert planned["plan"]["kernel_shape"] == [5, 5]


@pytest.mark.parametrize(
    ("path", "asked", "pointer"),
    [
        ("/v1/conv2d/plan", {"input_shape": [5, 5], "kernel_shape": [3, 3], "padding_value": 3}, "/padding_value"),
        (
            "/v1/pool1d/plan",
            {"input_shape": [4], "kernel_size": 2, "kind": "average", "return_indices": True},
            "/return_indices",
        ),
    ],
)
def test_what_the_operation_would_refuse_has_no_plan(
    service: httpx.Client, path: str, asked: dict[str, Any], pointer: str
) -> None:
    refused(service.post(path, json=asked), 422, "invalid-value", "leave it out|would ignore", pointer)


def test_the_method_is_the_one_that_the_working_memory_allows(serve: Serve, service: httpx.Client) -> None:
    shapes = {"input": [64, 32, 32], "kernel": [64, 64, 3, 3]}
    arrays = {name: np.random.default_rng(1).uniform(0.5, 1.5, shape) for name, shape in shapes.items()}
    asked: dict[str, Any] = {f"{name}_shape": shape for name, shape in shapes.items()} | {"dtype": "float32"}
    usual = answered(service, "/v1/conv2d/plan", **asked)["plan"]["method"]
    little = serve(Settings(working_bytes=2**20))
    method = answered(little, "/v1/conv2d/plan", **asked)["plan"]["method"]
    assert method != usual  # or nothing is tested
    assert method == answered(little, "/v1/conv2d", **arrays, dtype="float32")["plan"]["method"]


def test_a_method_that_would_take_too_much_memory_is_refused_as_by_the_operation(service: httpx.Client) -> None:
    options: dict[str, Any] = {"dilation": 200_000, "padding": 200_000, "method": "gemm"}
    asked = {"input_shape": [64, 2], "kernel_shape": [1, 64, 3]}
    arrays = {"input": np.ones((64, 2)).tolist(), "kernel": np.ones((1, 64, 3)).tolist()}
    for path, fields in (("/v1/conv1d/plan", asked), ("/v1/conv1d", arrays)):
        response = service.post(path, json=fields | options)
        refused(response, 422, "method-not-applicable", "of working memory .* the budget is 67,108,864", "/method")


def test_a_kernel_by_its_name_is_not_read(serve: Serve) -> None:
    client = serve(Settings(max_input_elements=2500))
    named = answered(client, "/v1/conv2d/plan", input_shape=[50, 50], kernel="identity")
    sent = answered(client, "/v1/conv2d/plan", input_shape=[50, 50], kernel_shape=[3, 3])
    assert [planned["refused_by"] for planned in (named, sent)] == [None, "max_input_elements"]
    assert client.post("/v1/conv2d", json={"input": [[1] * 50] * 50, "kernel": "identity"}).status_code == 200


def test_the_padding_that_a_pool_is_advised_would_do(service: httpx.Client) -> None:
    asked: dict[str, Any] = {"input_shape": [3], "kernel_size": 6, "stride": 3, "ceil_mode": True}
    refused(service.post("/v1/pool1d/plan", json=asked), 422, "kernel-too-large", "at least 1 sample on each side")
    assert answered(service, "/v1/pool1d/plan", **asked, padding=1)["plan"]["output_shape"] == [1]


@pytest.mark.parametrize(
    ("path", "fields"),
    [
        ("/v1/conv_transpose1d/plan", {"input_shape": [64, 1], "kernel_shape": [64, 3000, 7], "padding": 1}),
        ("/v1/conv_transpose2d/plan", {"input_shape": [512, 1, 1], "kernel_shape": [512, 64, 7, 7], "padding": 1}),
    ],
)
def test_a_method_is_judged_by_the_taps_that_meet_something(
    service: httpx.Client, path: str, fields: dict[str, Any]
) -> None:
    """Of seven taps that cross a border of one, five meet the only cell."""
    assert answered(service, path, **fields, method="winograd")["plan"]["method"] == "winograd"
