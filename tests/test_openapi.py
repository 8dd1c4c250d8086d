"""The OpenAPI document: committed as it is served, and whole, as clients are generated from it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import jsonschema_rs
import pytest
import schemathesis

from service.app import create_app
from service.settings import Settings

COMMITTED = Path(__file__).resolve().parents[1] / "openapi/openapi.json"


@pytest.fixture(scope="module")
def document() -> Any:
    """Return the document as a client receives it."""
    return json.loads(json.dumps(create_app(Settings()).openapi()))


def references(node: Any) -> Iterator[str]:
    """Yield every reference in a part of the document."""
    if isinstance(node, dict):
        for name, value in node.items():
            yield from [value] if name == "$ref" and isinstance(value, str) else references(value)
    elif isinstance(node, list):
        for value in node:
            yield from references(value)


def test_the_committed_document_is_not_stale(document: Any) -> None:
    committed = json.loads(COMMITTED.read_text(encoding="utf-8"))

    assert committed == document, "openapi/openapi.json is stale: run ./scripts/openapi and commit what it wrote"


def test_every_reference_leads_somewhere_within_the_document(document: Any) -> None:
    """Redoc draws nothing at all of a document with one dangling reference; generators stop."""
    components = {f"#/components/{kind}/{name}" for kind, named in document["components"].items() for name in named}

    found = set(references(document))

    assert found
    assert found - components == set()


def test_every_component_is_used(document: Any) -> None:
    components = {f"#/components/{kind}/{name}" for kind, named in document["components"].items() for name in named}

    # Security schemes are used by their name, without a reference.
    required = {name for requirement in document["security"] for name in requirement}
    used = set(references(document)) | {f"#/components/securitySchemes/{name}" for name in required}

    assert components - used == set()


OPERATIONS = [
    (path, method) for path, methods in create_app(Settings()).openapi()["paths"].items() for method in methods
]
POSTS = [path for path, method in OPERATIONS if method == "post"]
JSON, FORM = "application/json", "multipart/form-data"


def resolved(document: Any, node: Any) -> Any:
    """Return what a reference leads to, or the node itself."""
    if "$ref" not in node:
        return node
    found = document
    for step in node["$ref"].removeprefix("#/").split("/"):
        found = found[step]
    return resolved(document, found)


def examples_of(document: Any, path: str, media_type: str) -> dict[str, Any]:
    content = document["paths"][path]["post"]["requestBody"]["content"][media_type]
    return {name: example["value"] for name, example in content.get("examples", {}).items()}


def test_it_is_a_valid_document(document: Any) -> None:
    assert document["openapi"].startswith("3.1.")
    schemathesis.openapi.from_dict(document).validate()


def test_it_is_answered(service: httpx.Client, document: Any) -> None:
    assert service.get("/openapi.json").json() == document


def test_operations_have_names_of_their_own(document: Any) -> None:
    names = [document["paths"][path][method]["operationId"] for path, method in OPERATIONS]
    assert len(set(names)) == len(names)


@pytest.mark.parametrize(("path", "method"), OPERATIONS)
def test_every_operation_says_what_it_is_and_what_it_refuses(document: Any, path: str, method: str) -> None:
    operation = document["paths"][path][method]
    assert operation["summary"]
    assert operation["description"]
    assert operation["tags"]
    refusals = {
        status: resolved(document, answer) for status, answer in operation["responses"].items() if status != "200"
    }
    if method == "post":
        assert {"400", "401", "406", "408", "413", "415", "422", "429", "500", "503"} <= set(refusals)
    for status, answer in refusals.items():
        content = answer["content"]["application/problem+json"]
        assert content["schema"] == {"$ref": "#/components/schemas/Problem"}
        assert content["example"]["status"] == int(status)


@pytest.mark.parametrize("path", POSTS)
def test_every_request_body_comes_in_both_media_types(document: Any, path: str) -> None:
    content = document["paths"][path]["post"]["requestBody"]["content"]
    assert set(content) == {JSON, FORM}
    as_json, as_form = (resolved(document, content[media_type]["schema"]) for media_type in (JSON, FORM))
    assert set(as_json["properties"]) == set(as_form["properties"])
    assert as_json["additionalProperties"] is False
    for name in {"input", "kernel", "bias", "output_gradient"} & set(as_form["properties"]):
        kinds = as_form["properties"][name]["anyOf"]
        assert {"type": "string", "format": "binary"}.items() <= kinds[0].items(), name
    for name, field in as_json["properties"].items():
        assert field.get("description"), f"{name} has no description"


@pytest.mark.parametrize("path", POSTS)
def test_every_example_is_answered_as_the_document_says(service: httpx.Client, document: Any, path: str) -> None:
    examples = examples_of(document, path, JSON)
    assert examples
    answer_content = document["paths"][path]["post"]["responses"]["200"]["content"][JSON]
    # A schema of 3.1 is JSON Schema 2020-12; its references lead into the document's components.
    schema = answer_content["schema"] | {"components": document["components"]}
    validator = jsonschema_rs.Draft202012Validator(schema)
    shown = {name: example["value"] for name, example in answer_content.get("examples", {}).items()}
    assert set(shown) <= set(examples)
    for name, example in examples.items():
        response = service.post(path, json=example)
        assert response.status_code == 200, f"{name}: {response.text}"
        validator.validate(response.json())
        if name in shown:
            assert response.json() == shown[name]


@pytest.mark.parametrize("path", POSTS)
def test_every_form_example_is_answered(service: httpx.Client, document: Any, path: str) -> None:
    for name, example in examples_of(document, path, FORM).items():
        parts: dict[str, Any] = {
            field: (None, value if isinstance(value, str) else json.dumps(value)) for field, value in example.items()
        }
        response = service.post(path, files=parts, headers={"Accept": "image/png"})
        assert response.status_code == 200, f"{name}: {response.text}"


@pytest.mark.parametrize("path", POSTS)
def test_every_media_type_that_is_offered_is_answered(service: httpx.Client, document: Any, path: str) -> None:
    content = document["paths"][path]["post"]["responses"]["200"]["content"]
    example = next(iter(examples_of(document, path, JSON).values()))
    for media_type, described in content.items():
        response = service.post(path, json=example, headers={"Accept": media_type})
        if media_type not in (JSON, "text/markdown", "image/svg+xml"):
            assert described["schema"]["format"] == "binary", media_type
        if response.status_code == 406:
            # .npy holds one array; an answer of several is offered as .npz.
            assert media_type in ("application/x-npy", "application/octet-stream"), media_type
            assert "application/zip" in response.json()["detail"]
            continue
        assert response.status_code == 200, f"{media_type}: {response.text}"
        assert response.headers["content-type"].split(";")[0] == media_type


@pytest.mark.parametrize("path", [path for path, method in OPERATIONS if method == "get" and "{" not in path])
def test_every_answer_without_a_body_is_as_described(service: httpx.Client, document: Any, path: str) -> None:
    described = document["paths"][path]["get"]["responses"]["200"]["content"]
    for media_type, content in described.items():
        response = service.get(path, headers={"Accept": media_type})
        assert response.status_code == 200
        assert response.headers["content-type"].split(";")[0] == media_type.split(";")[0]
        if media_type == JSON and "schema" in content:
            schema = content["schema"] | {"components": document["components"]}
            jsonschema_rs.Draft202012Validator(schema).validate(response.json())
        if "example" in content:
            assert response.json() == content["example"]


def test_every_form_of_a_kernel_is_described(service: httpx.Client, document: Any) -> None:
    described = document["paths"]["/v1/kernels/{name}"]["get"]["responses"]["200"]["content"]
    refused = service.get("/v1/kernels/box", headers={"Accept": "text/html"}).json()
    assert refused["detail"].endswith(f"this answer comes as {', '.join(described)}")
    for media_type in described:
        response = service.get("/v1/kernels/box", headers={"Accept": media_type})
        assert response.headers["content-type"] == media_type


def test_the_kernel_that_is_shown_is_as_it_is(service: httpx.Client, document: Any) -> None:
    content = document["paths"]["/v1/kernels/{name}"]["get"]["responses"]["200"]["content"][JSON]
    assert service.get(f"/v1/kernels/{content['example']['name']}").json() == content["example"]


def test_an_array_without_entries_is_an_answers_alone(service: httpx.Client, document: Any) -> None:
    """A position that no input cell reaches, as between the windows of a stride past the kernel, has empty patches."""
    asked = {"input": [[1, 2]], "kernel": [[3]], "stride": 3, "positions": [[0, 1]], "encoding": "flat"}
    answer = service.post("/v1/conv_transpose2d/trace", json=asked).json()
    assert answer["steps"][0]["patch"]["shape"] == [1, 0]

    schema = {"$ref": "#/components/schemas/TraceAnswer", "components": document["components"]}
    jsonschema_rs.Draft202012Validator(schema).validate(answer)

    sent = {"$ref": "#/components/schemas/Array", "components": document["components"]}
    assert not jsonschema_rs.Draft202012Validator(sent).is_valid(answer["steps"][0]["patch"])


IDLE = {"plan": {"encoding": "flat", "range": "offset"}, "gradients": {"range": "offset"}, "trace": {"range": "offset"}}
BELOW = [path for path in POSTS if path.rpartition("/")[2] in IDLE and "networks" not in path]


@pytest.mark.parametrize("path", BELOW)
def test_fields_of_the_operation_that_change_nothing_below_it_are_named(
    service: httpx.Client, document: Any, path: str
) -> None:
    idle: dict[str, Any] = dict(IDLE[path.rpartition("/")[2]])
    if "pool" in path and "trace" not in path:
        idle["return_indices"] = True
    described = document["paths"][path]["post"]["description"]
    assert all(f"`{name}`" in described.partition("Takes every field")[2] for name in idle), described

    asked = next(iter(examples_of(document, path, JSON).values())) | ({"kind": "max"} if "pool" in path else {})
    answer = service.post(path, json=asked)
    assert answer.status_code == 200, answer.text
    assert service.post(path, json=asked | idle).json() == answer.json()
