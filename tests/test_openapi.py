"""The OpenAPI document: committed as it is served, and whole, as clients are generated from it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

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

    assert components - set(references(document)) == set()
