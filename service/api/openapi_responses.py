"""The answers of routes as OpenAPI wants them declared."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from .negotiation import BYTES, JSON, NPY, ZIP
from .problem_types import PROBLEM_TYPES
from .problems import MEDIA_TYPE

Responses = dict[int | str, dict[str, Any]]

_BINARY = {"type": "string", "format": "binary", "contentMediaType": "application/octet-stream"}
_FORMS = {
    NPY: "The only array of the answer, as .npy.",
    BYTES: "The same as application/x-npy.",
    ZIP: "Every array of the answer as .npz, by its name in the JSON answer.",
    "image/png": "The maps as a picture, exact in 8 and 16 bit.",
    "image/webp": "The maps as a picture; it loses detail (quality 90).",
    "image/jpeg": "The maps as a picture; it loses detail (quality 95).",
    "text/markdown": "A handout with tables and LaTeX formulas.",
    "image/svg+xml": "A drawing of every step, light and dark.",
    "image/gif": "An animation: the window slides, the output fills.",
}
_EVERY_HEADER = {
    "X-Request-ID": "The request's id: the client's if it sent one of up to 128 visible ASCII characters.",
    "Server-Timing": "Milliseconds of decode, queue, compute and encode.",
}
_SHAPE_HEADERS = {
    "X-Output-Shape": "The answer's shape, such as `1,3,3`, where it is not JSON.",
    "X-Dtype": "The answer's dtype where it is not JSON.",
}


def json_response(schema: str, example: Any = None, others: Mapping[str, Any] | None = None) -> Responses:
    """Return a 200 of JSON by the name of its schema's component, with an example if there is one that stays true."""
    content: dict[str, Any] = {JSON: {"schema": {"$ref": f"#/components/schemas/{schema}"}}}
    if example is not None:
        content[JSON]["example"] = example
    for media_type in others or ():
        content[media_type] = {"schema": dict(_BINARY)}
    return {200: {"description": "The answer.", "content": content, "headers": _headers(content)}}


def answer_response(schema: str, examples: Mapping[str, Any], offered: Iterable[str]) -> Responses:
    """Return a 200 of an operation: JSON with its examples, and every other form that it offers."""
    content: dict[str, Any] = {}
    for media_type in offered:
        if media_type == JSON:
            content[JSON] = {"schema": {"$ref": f"#/components/schemas/{schema}"}, "examples": dict(examples)}
        else:
            content[media_type] = {"schema": _BINARY | {"contentMediaType": media_type}}
    forms = "; ".join(f"`{media_type}`: {_FORMS[media_type]}" for media_type in offered if media_type in _FORMS)
    description = f"The answer, in the form that `Accept` prefers. {forms}" if forms else "The answer."
    return {200: {"description": description, "content": content, "headers": _headers(content)}}


def _headers(media_types: Iterable[str]) -> dict[str, Any]:
    """Return the headers of an answer in some media types: JSON says in itself what the others say in them."""
    told = _EVERY_HEADER if set(media_types) == {JSON} else _EVERY_HEADER | _SHAPE_HEADERS
    return {name: {"description": text, "schema": {"type": "string"}} for name, text in told.items()}


def problem_responses(*slugs: str) -> Responses:
    """Return the problems that a route answers with, grouped by status."""
    by_status: dict[int, list[str]] = {}
    for slug in slugs:
        by_status.setdefault(PROBLEM_TYPES[slug].status, []).append(slug)
    return {status: _problem(status, found) for status, found in sorted(by_status.items())}


def _problem(status: int, slugs: list[str]) -> dict[str, Any]:
    first = PROBLEM_TYPES[slugs[0]]
    example = {
        "type": f"/problems/{first.slug}",
        "title": first.title,
        "status": status,
        "detail": first.meaning,
        "instance": "urn:request:7d1f0c9ab2f64f0a9a3a5f0d0c1b2e3f",
        "errors": [{"pointer": "", "detail": first.meaning}],
    }
    return {
        "description": "; ".join(f"`{slug}`: {PROBLEM_TYPES[slug].title}" for slug in slugs),
        "content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}, "example": example}},
    }


def page_responses() -> Responses:
    """Return a 200 that is a page for people and JSON for programs."""
    return {
        200: {"description": "A page, or JSON.", "content": {"text/html": {"schema": {"type": "string"}}, JSON: {}}}
    }


OPERATION_PROBLEMS = tuple(
    slug for slug, kind in PROBLEM_TYPES.items() if kind.status in (400, 401, 406, 408, 413, 415, 422, 429, 500, 503)
)
"""What any operation may answer beside its result."""

CATALOGUE_PROBLEMS = ("unauthorized", "not-acceptable", "quota-exceeded", "internal-error")
"""What any route without a body may answer beside its result."""
