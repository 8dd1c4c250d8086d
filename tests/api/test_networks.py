"""Networks over HTTP: the examples that the docs show, every form of the answer, and what a mistake is told."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
from PIL import Image

from service.api.teaching_examples import NETWORK_PLANS, NETWORKS
from tests.exchange import refused

PHOTOGRAPH = Path(__file__).resolve().parents[1] / "data/grace_hopper.jpg"
EDGES = NETWORKS["edges"]["value"]


def run(service: httpx.Client, accept: str = "application/json", **body: Any) -> httpx.Response:
    return service.post("/v1/networks", json=body, headers={"Accept": accept})


@pytest.mark.parametrize("name", NETWORKS)
def test_every_example_runs(service: httpx.Client, name: str) -> None:
    answer = run(service, **NETWORKS[name]["value"]).raise_for_status().json()
    assert list(np.shape(answer["output"])) == answer["output_shape"]


# By hand: the differences two columns apart, summed over three rows; then the largest of each block of four.
def test_all_layers_are_answered_when_asked_for(service: httpx.Client) -> None:
    answer = run(service, **EDGES).json()
    assert [layer["type"] for layer in answer["layers"]] == ["conv2d", "relu", "pool2d"]
    assert answer["layers"][0]["output"][1] == [210, 60, 60, 60, -270]
    assert answer["layers"][1]["output"][1] == [210, 60, 60, 60, 0]
    assert answer["layers"][2]["output"] == answer["output"] == [[210, 60], [510, 60]]
    assert answer["output_shape"] == [2, 2]


def test_encoding_reaches_every_layer(service: httpx.Client) -> None:
    answer = run(service, **EDGES, encoding="flat").json()
    assert (
        answer["layers"][2]["output"]
        == answer["output"]
        == {"shape": [2, 2], "dtype": "float64", "data": [210, 60, 510, 60]}
    )


def test_npz_holds_every_layer_by_its_name(service: httpx.Client) -> None:
    answer = run(service, "application/zip", **EDGES).raise_for_status()
    with np.load(io.BytesIO(answer.content)) as arrays:
        assert set(arrays) == {"output", "layers.0.output", "layers.1.output", "layers.2.output"}
        assert arrays["layers.2.output"].tolist() == [[210, 60], [510, 60]]


def test_npy_holds_the_last_output(service: httpx.Client) -> None:
    answer = run(service, "application/x-npy", **(EDGES | {"return": "last"})).raise_for_status()
    assert np.load(io.BytesIO(answer.content)).tolist() == [[210, 60], [510, 60]]
    assert answer.headers["X-Output-Shape"] == "2,2"
    assert run(service, "application/x-npy", **EDGES).status_code == 406


def test_a_photograph_in_a_picture_of_every_layer_out(service: httpx.Client) -> None:
    layers = [
        {"type": "pool2d", "kernel_size": 8, "kind": "average"},
        {"type": "conv2d", "kernel": [[[-1, 0, 1]] * 3, [[-1] * 3, [0] * 3, [1] * 3]], "padding": "same"},
        {"type": "relu"},
    ]
    fields = {"layers": json.dumps(layers), "color": "gray", "return": "all", "range": "normalize"}
    files = {"input": ("photograph.jpg", PHOTOGRAPH.read_bytes())}
    answer = service.post("/v1/networks", files=files, data=fields, headers={"Accept": "image/png"}).raise_for_status()
    picture = Image.open(io.BytesIO(answer.content))
    assert picture.mode == "RGB"
    assert picture.height > 3 * (600 // 8)  # three layers, one below the other


def test_a_colour_picture_stays_one_through_filters_and_pools(service: httpx.Client) -> None:
    layers = [{"type": "conv2d", "kernel": "gaussian", "padding": "same"}, {"type": "pool2d", "kernel_size": 4}]
    files = {"input": ("photograph.jpg", PHOTOGRAPH.read_bytes())}
    answer = service.post(
        "/v1/networks", files=files, data={"layers": json.dumps(layers)}, headers={"Accept": "image/png"}
    )
    picture = Image.open(io.BytesIO(answer.raise_for_status().content))
    with Image.open(PHOTOGRAPH) as photograph:
        width, height = photograph.size
    assert (picture.mode, picture.size) == ("RGB", (width // 4, height // 4))


def test_features_have_no_picture(service: httpx.Client) -> None:
    answer = run(service, "image/png", **NETWORKS["classifier"]["value"])
    assert (answer.status_code, answer.json()["type"].rpartition("/")[2]) == (422, "no-picture")


# The published numbers of parameters; VGG-16's multiply-accumulates and the field of its last pool.
@pytest.mark.parametrize(
    ("name", "parameters"),
    [("lenet5", 61_706), ("alexnet", 61_100_840), ("vgg16", 138_357_544), ("resnet50_trunk", 67_648)],
)
def test_the_example_networks_have_their_published_parameters(
    service: httpx.Client, name: str, parameters: int
) -> None:
    answer = service.post("/v1/networks/plan", json=NETWORK_PLANS[name]["value"]).raise_for_status().json()
    assert answer["total_parameters"] == sum(layer["parameters"] for layer in answer["layers"]) == parameters
    assert answer["total_macs"] == sum(layer["macs"] for layer in answer["layers"])
    if name == "vgg16":
        assert answer["total_macs"] == 15_470_264_320
        assert [layer["receptive_field"] for layer in answer["layers"] if layer["type"] == "pool2d"][-1] == [212, 212]


# (9 - 1)·10^6 + 4 values from each of 64 filters, of which a pool leaves one; and a plane of (1 + 2·5000)² cells.
@pytest.mark.parametrize(
    ("shape", "layers", "limit", "actual"),
    [
        (
            [1, 9],
            [
                {"type": "conv_transpose1d", "filters": 64, "kernel_size": 4, "stride": 10**6},
                {"type": "pool1d", "output_size": 1},
            ],
            "max_output_elements",
            512_000_256,
        ),
        (
            [1, 1, 1],
            [
                {"type": "relu"},
                {"type": "conv2d", "filters": 1, "kernel_size": 1, "padding": 5000, "stride": 1000},
            ],
            "max_padded_elements",
            10_001**2,
        ),
    ],
)
def test_the_plan_says_what_the_run_refuses_for_an_inner_layer(
    service: httpx.Client, shape: list[int], layers: list[dict[str, Any]], limit: str, actual: int
) -> None:
    planned = service.post("/v1/networks/plan", json={"input_shape": shape, "layers": layers}).raise_for_status()
    assert (planned.json()["accepted"], planned.json()["refused_by"]) == (False, limit)
    for layer in layers:
        if "filters" in layer:
            axes = [layer.pop("kernel_size")] * int(layer["type"][-2])
            layer["kernel"] = np.ones((1, layer.pop("filters"), *axes)).tolist()
    problem = run(service, input=np.ones(shape).tolist(), layers=layers).json()
    assert (problem["status"], problem["name"], problem["actual"]) == (422, limit, actual)
    assert "layer" in problem["detail"].rpartition("; ")[2] or "pad" in problem["detail"].rpartition("; ")[2]


@pytest.mark.parametrize(
    ("layers", "pointer", "detail"),
    [
        ([{"type": "relu"}, {"type": "dropout"}], "/layers/1/type", 'type is "dropout"; it must be one of conv1d, '),
        ([{"type": "conv2"}], "/layers/0/type", "Did you mean conv2d?"),
        ([{"kernel": [[1]]}], "/layers/0/type", "type is missing"),
        ([{"type": "conv2d"}], "/layers/0/kernel", "kernel is missing; it must be an array, a name"),
        ([{"type": "conv2d", "kernel": [[1]], "strid": 2}], "/layers/0/strid", "Did you mean stride?"),
        ([{"type": "conv2d", "kernel": "sobelx"}], "/layers/0/kernel", 'layer 0 (conv2d): there is no kernel "sobelx"'),
        ([{"type": "relu"}, {"type": "conv2d", "kernel": [[1] * 9]}], "/layers/1/kernel", "layer 1 (conv2d): "),
        ([], "/layers", "a list of 1 to 256 layers"),
        ([7], "/layers", "each an object"),
    ],
)
def test_a_mistake_names_its_layer(service: httpx.Client, layers: list[Any], pointer: str, detail: str) -> None:
    answer = run(service, input=[[1, 2], [3, 4]], layers=layers)
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["pointer"] == pointer
    assert detail in answer.json()["errors"][0]["detail"]


@pytest.mark.parametrize(("path", "fields"), [("/networks", {"input": [1]}), ("/networks/plan", {"input_shape": [1]})])
def test_layers_beyond_the_limit_are_told_with_it(service: httpx.Client, path: str, fields: dict[str, Any]) -> None:
    answer = service.post(f"/v1{path}", json=fields | {"layers": [{"type": "relu"}] * 257})
    said = refused(answer, 422, "invalid-field", "it must be a list of 1 to 256 layers", "/layers")
    assert (said["name"], said["limit"], said["actual"]) == ("max_layers", 256, 257)


@pytest.mark.parametrize("kind", ["relu", "softmax", "flatten"])
def test_a_single_number_is_no_input(service: httpx.Client, kind: str) -> None:
    answer = run(service, input={"shape": [], "dtype": "uint16", "data": [3]}, layers=[{"type": kind}])
    assert answer.status_code == 422
    assert "the input is a single number, of shape []" in answer.json()["detail"]
    assert answer.json()["errors"][0]["pointer"] == "/input"


def test_a_field_by_its_alias_is_told_what_it_takes(service: httpx.Client) -> None:
    answer = run(service, input=[1], layers=[{"type": "relu"}], **{"return": "x"})
    assert answer.json()["detail"] == 'return is "x"; it must be "last" or "all"'
    assert answer.json()["errors"][0]["pointer"] == "/return"


def test_a_layer_of_one_field_names_it_alone(service: httpx.Client) -> None:
    answer = run(service, input=[1], layers=[{"type": "relu", "slope": 1}])
    assert answer.json()["detail"] == 'there is no field "slope" here; there is only type'


def test_a_misspelt_field_is_told_the_names_of_the_contract(service: httpx.Client) -> None:
    answer = run(service, input=[1], layers=[{"type": "relu"}], retrun="all")
    assert "Did you mean return?" in answer.json()["detail"]
