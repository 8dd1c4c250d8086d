"""The OpenAPI document: FastAPI's routes, with bodies and answers generated from the models that validate them."""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from service.schemas.answers import ANSWERS
from service.schemas.arrays import ARRAY_COMPONENTS, resolve_components
from service.schemas.document import DOCUMENT
from service.schemas.kernels import NamedKernel
from service.schemas.problems import Problem

from .bodies import FORM
from .negotiation import JSON

DESCRIPTION = """\
Convolution, transposed convolution and pooling of matrices, signals, volumes and pictures; forward, backward, planned
from shapes alone.

**In:** `application/json`, or `multipart/form-data` with the same field names, where `input`, `kernel`, `bias` and
`output_gradient` may be files: `.npy`, JSON, and for `input` a picture.
**Out**, by `Accept`: JSON, `.npy`, `.npz`, PNG, WebP or JPEG.

Every rule that frameworks disagree on is settled and echoed in the answer's `plan`. Every error is
`application/problem+json` and says what would do.
"""

TAGS = [
    {"name": "convolution", "description": "Cross-correlation and convolution of data with filters."},
    {"name": "transposed convolution", "description": "The adjoint of convolution: upsampling with learned filters."},
    {"name": "pooling", "description": "Windows reduced to their largest, mean or smallest value, or their p-norm."},
    {"name": "networks", "description": "Stacks of layers, run on data or planned from shapes."},
    {"name": "about the service", "description": "What there is, within which limits."},
    {"name": "operations of the service", "description": "For whoever runs it."},
]

_KEY = {"type": "http", "scheme": "bearer", "description": "An API key, where the operator has set any."}
_FILE = {"type": "string", "format": "binary", "contentMediaType": "application/octet-stream"}


def request_body(model: type[BaseModel], examples: dict[str, Any], form_examples: dict[str, Any]) -> dict[str, Any]:
    """Return a request body in both media types, by the names of its components."""
    name = model.__name__
    return {
        "required": True,
        "content": {
            JSON: {"schema": {"$ref": f"#/components/schemas/{name}"}, "examples": examples},
            FORM: {"schema": {"$ref": f"#/components/schemas/{name}Form"}, "examples": form_examples},
        },
    }


def install(app: FastAPI, models: tuple[type[BaseModel], ...]) -> None:
    """Make `app` serve the whole document; `models` are those of its request bodies."""

    def openapi() -> dict[str, Any]:
        if app.openapi_schema is None:
            app.openapi_schema = _document(app, models)
        return app.openapi_schema

    app.openapi = openapi  # type: ignore[method-assign]  # FastAPI's own way to extend it


def _document(app: FastAPI, models: tuple[type[BaseModel], ...]) -> dict[str, Any]:
    document = get_openapi(
        title=app.title,
        version=app.version,
        summary=app.summary,
        description=app.description,
        routes=app.routes,
        license_info=app.license_info,
        tags=app.openapi_tags,
    )
    schemas = document.setdefault("components", {}).setdefault("schemas", {})
    for name in ("HTTPValidationError", "ValidationError"):
        schemas.pop(name, None)
    _drop_automatic_answers(document)
    schemas |= ARRAY_COMPONENTS
    schemas |= {
        name: _required_first(schema) for name, schema in _components([*models, NamedKernel], "validation").items()
    }
    schemas |= _components([*ANSWERS, Problem], "serialization")
    for model in models:
        schemas[f"{model.__name__}Form"] = _form_schema(schemas[model.__name__])
    _share_problems(document)
    document["components"]["securitySchemes"] = {"key": _KEY}
    document["security"] = [{}, {"key": []}]
    return document


def _drop_automatic_answers(document: dict[str, Any]) -> None:
    """Remove the 422 that FastAPI adds to whatever has a parameter: this service describes its own problems."""
    automatic = {"$ref": "#/components/schemas/HTTPValidationError"}
    for path in document["paths"].values():
        for operation in path.values():
            content = operation["responses"].get("422", {}).get("content", {})
            if content.get(JSON, {}).get("schema") == automatic:
                del operation["responses"]["422"]


def _share_problems(document: dict[str, Any]) -> None:
    """Move the problems that operations have in common into components: they are most of the document otherwise."""
    shared = document["components"].setdefault("responses", {})
    for path in document["paths"].values():
        for operation in path.values():
            responses = operation["responses"]
            for status, response in responses.items():
                if int(status) < 400:
                    continue
                name = next((known for known, there in shared.items() if there == response), None)
                if name is None:
                    taken = sum(known.startswith(f"Problem{status}") for known in shared)
                    name = f"Problem{status}" + (f"Variant{taken + 1}" if taken else "")
                    shared[name] = response
                responses[status] = {"$ref": f"#/components/responses/{name}"}


def _components(models: list[type[BaseModel]], mode: Any) -> dict[str, Any]:
    _, definitions = models_json_schema(
        [(model, mode) for model in models], ref_template="#/components/schemas/{model}"
    )
    components: dict[str, Any] = resolve_components(definitions.get("$defs", {}))
    return components


def _required_first(schema: dict[str, Any]) -> dict[str, Any]:
    """Return a schema with the fields that a reader needs first in front; models inherit theirs behind the options."""
    if "required" not in schema:
        return schema
    properties = schema["properties"]
    first = {name: properties[name] for name in schema["required"]}
    return {**schema, "properties": first | properties}


def _form_schema(schema: dict[str, Any]) -> dict[str, Any]:
    """Return a model's schema as a form: arrays may be files, and lists and objects are JSON in a text part."""
    properties = {}
    for name, described in schema["properties"].items():
        if name in DOCUMENT.files:
            kinds = "an array (.npy or JSON) or a picture" if name in DOCUMENT.pictures else "an array (.npy or JSON)"
            text = f"{described.get('description', '')} As a file {kinds}; as text JSON."
            properties[name] = {"anyOf": [dict(_FILE), {"type": "string"}], "description": text}
        else:
            properties[name] = described
    return {**schema, "title": f"{schema.get('title', '')}Form", "properties": properties}
