"""Traces over HTTP: the examples that the docs show, in every form, and what they promise."""

from __future__ import annotations

import io
from typing import Any
from xml.etree import ElementTree

import httpx
import pytest
from PIL import Image

from service.api.examples import EDGE, RAMP
from service.api.teaching_examples import TRACES
from service.settings import Settings
from tests.conftest import Serve

EXAMPLES = [(op, example["value"]) for op, examples in TRACES.items() for example in examples.values()]


def traced(service: httpx.Client, op: str, accept: str = "application/json", **body: Any) -> httpx.Response:
    return service.post(f"/v1/{op}/trace", json=body, headers={"Accept": accept})


def test_the_traced_operations_are_those_promised() -> None:
    assert set(TRACES) == {"conv1d", "conv2d", "conv_transpose2d", "pool1d", "pool2d"}


@pytest.mark.parametrize(("op", "body"), EXAMPLES)
def test_every_value_is_the_operations_own(service: httpx.Client, op: str, body: dict[str, Any]) -> None:
    answer = traced(service, op, **body).raise_for_status().json()
    options = {name: value for name, value in body.items() if name != "positions"}
    maps = service.post(f"/v1/{op}", json=options).raise_for_status().json()["feature_maps"]
    for step in answer["steps"]:
        value = maps
        for at in step["position"]:
            value = value[at]
        assert step["value"] == value


@pytest.mark.parametrize(("op", "body"), EXAMPLES)
def test_the_same_as_a_handout_a_drawing_and_an_animation(service: httpx.Client, op: str, body: dict[str, Any]) -> None:
    steps = traced(service, op, **body).json()["steps"]

    handout = traced(service, op, "text/markdown", **body).raise_for_status()
    assert handout.headers["Content-Type"] == "text/markdown; charset=utf-8"
    assert handout.text.count("\n## Output (") == len(steps)

    drawing = traced(service, op, "image/svg+xml", **body).raise_for_status()
    assert drawing.headers["Content-Type"] == "image/svg+xml"
    assert ElementTree.fromstring(drawing.content).tag == "{http://www.w3.org/2000/svg}svg"

    animation = traced(service, op, "image/gif", **body).raise_for_status()
    assert getattr(Image.open(io.BytesIO(animation.content)), "n_frames", 1) == len(steps)


def test_the_anchor_is_small_in_every_form(service: httpx.Client) -> None:
    anchor = {"input": RAMP, "kernel": EDGE}
    assert len(traced(service, "conv2d", "image/svg+xml", **anchor).content) < 60_000
    assert len(traced(service, "conv2d", "image/gif", **anchor).content) < 150_000


def test_a_large_input_answers_its_first_page_and_says_how_to_get_the_rest(service: httpx.Client) -> None:
    answer = traced(service, "conv2d", input=[[1] * 400] * 400, kernel=EDGE).raise_for_status().json()
    assert (len(answer["steps"]), answer["total_positions"], answer["next_start"]) == (64, 398 * 398, 64)


def test_a_form_is_traced_as_well(service: httpx.Client) -> None:
    fields = {"input": "[[1,2],[3,4]]", "kernel": "[[1,0]]", "positions": "[[1,0]]", "bias": "2"}
    answer = service.post("/v1/conv2d/trace", files={name: (None, text) for name, text in fields.items()})
    assert answer.raise_for_status().json()["steps"][0]["expression"] == "3×1 + 4×0 + 2"


@pytest.mark.parametrize(
    ("body", "accept", "slug", "pointer", "detail"),
    [
        ({"positions": [[3, 0]]}, "application/json", "no-such-position", "/positions/0", "lies outside the output"),
        ({"start": 9}, "text/markdown", "no-such-position", "/start", "it must be below 9"),
        (
            {"positions": [[0, 0]], "count": 2},
            "application/json",
            "invalid-field",
            "/positions",
            "both positions and count",
        ),
        ({"positions": []}, "application/json", "invalid-field", "/positions", "a list of output positions"),
        (
            {"input": [[1] * 200] * 200, "count": 200},
            "image/gif",
            "trace-too-large",
            "/count",
            "room for 24",
        ),
        ({"input": [[1] * 14] * 14, "count": 120}, "image/gif", "trace-too-large", "/count", "at most 100 frames"),
    ],
)
def test_what_cannot_be_traced_says_why(
    service: httpx.Client, body: dict[str, Any], accept: str, slug: str, pointer: str, detail: str
) -> None:
    answer = traced(service, "conv2d", accept, **({"input": RAMP, "kernel": EDGE} | body))
    assert answer.status_code == 422
    problem = answer.json()
    assert problem["type"].endswith(f"/problems/{slug}")
    assert problem["errors"][0]["pointer"] == pointer
    assert detail in problem["detail"]


def test_a_limit_that_refuses_a_drawing_is_named_with_its_number(service: httpx.Client) -> None:
    problem = traced(service, "conv2d", "image/gif", input=[[1] * 14] * 14, kernel=EDGE, count=120).json()
    assert (problem["limit"], problem["actual"]) == (100, 120)


@pytest.mark.parametrize("encoding", ["nested", "base64"])
def test_what_does_not_fit_in_json_is_to_be_had_as_a_handout(service: httpx.Client, encoding: str) -> None:
    huge = {"shape": [1, 1], "dtype": "float64", "base64": "AAAAAAAA8H8="}  # infinity
    answer = traced(service, "conv2d", input=huge, kernel=[[1]], encoding=encoding)
    assert answer.json()["type"].endswith("/problems/non-finite-answer")
    assert answer.json()["detail"].endswith("; ask for text/markdown or image/svg+xml")


@pytest.mark.parametrize("accept", ["text/markdown", "image/svg+xml", "image/gif"])
def test_values_that_are_not_finite_are_still_drawn(service: httpx.Client, accept: str) -> None:
    values = {"shape": [1, 2], "dtype": "float64", "base64": "AAAAAAAA8H8AAAAAAAD4fw=="}  # infinity, NaN
    assert traced(service, "conv2d", accept, input=values, kernel=[[1]]).status_code == 200


def test_every_limit_on_traces_and_drawings_is_published(service: httpx.Client) -> None:
    limits = service.get("/v1/limits").json()["limits"]
    assert limits["max_trace_taps"] == 65_536
    assert (limits["max_drawn_side"], limits["max_drawn_channels"], limits["max_animation_frames"]) == (24, 8, 100)
    assert (limits["max_layers"], limits["max_sheet_pixels"]) == (256, 16_000_000)


def test_limits_on_what_a_request_is_made_of_are_published_and_named_when_they_refuse(service: httpx.Client) -> None:
    limits = service.get("/v1/limits").json()["limits"]
    sent: dict[str, dict[str, Any]] = {
        "max_json_keys": {f"k{index}": 1 for index in range(65)},
        "max_json_key_characters": {"k" * 257: 1},
        "max_json_values": {"stride": [1] * 100_001},
    }
    for name, body in sent.items():
        problem = service.post("/v1/conv2d", json={"input": [[1]], "kernel": [[1]], **body}).json()
        assert (problem["status"], problem["limit"]) == (400, limits[name])


def test_float32_values_are_written_alike(service: httpx.Client) -> None:
    values = {"shape": [2, 2], "dtype": "float32", "data": [0.1, 0.2, 0.3, 0.7]}
    body: dict[str, Any] = {"input": values, "kernel": [[0.1, 0.3]]}
    maps = service.post("/v1/conv2d", json=body).json()["feature_maps"]
    steps = traced(service, "conv2d", **body).json()["steps"]
    assert [[step["value"]] for step in steps] == maps
    assert steps[0]["patch"] == [[0.1, 0.2]]


def test_float32_values_are_written_alike_beside_cells_that_take_no_part(service: httpx.Client) -> None:
    body: dict[str, Any] = {"input": [[-0.1, 0.2], [0.3, 0.4]], "kernel_size": 2, "padding": 1, "dtype": "float32"}
    step = traced(service, "pool2d", **body, count=1).json()["steps"][0]
    assert step["patch"] == [[None, None], [None, -0.1]]
    assert step["value"] == -0.1


def test_the_sample_spacing_stands_in_the_plan_and_in_each_step(service: httpx.Client) -> None:
    body: dict[str, Any] = {"input": [1, 3], "kernel": [1], "bias": 10, "sample_spacing": 0.5}
    answer = traced(service, "conv1d", **body).json()
    assert answer["plan"]["sample_spacing"] == 0.5
    for step in answer["steps"]:
        assert step["sum"] * step["sample_spacing"] + step["bias"] == step["value"]
    shapes = {"input_shape": [2], "kernel_shape": [1], "sample_spacing": 0.5}
    assert service.post("/v1/conv1d/plan", json=shapes).json()["plan"]["sample_spacing"] == 0.5


def test_a_page_of_very_many_windows_costs_what_the_page_does(serve: Serve) -> None:
    """Not 24 lists of eight million windows, which take three quarters of a minute."""
    asked = {"input": [1, 2, 3, 4], "output_size": 8_000_000, "kind": "average", "count": 24, "dtype": "float32"}
    answer = serve(Settings(deadline_seconds=15)).post("/v1/pool1d/trace", json=asked)
    assert answer.status_code == 200, answer.text
    assert len(answer.json()["steps"]) == 24
