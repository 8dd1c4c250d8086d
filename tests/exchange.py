"""What tests over HTTP say again and again: an answer is wanted, or a refusal of a certain kind."""

from __future__ import annotations

import io
import json
import re
from typing import Any

import httpx
import numpy as np
from numpy.typing import NDArray
from PIL import Image

PROBLEM = "application/problem+json"


def plain(value: Any) -> Any:
    """Return a value as JSON takes it: arrays become nested lists."""
    if isinstance(value, (np.ndarray, np.generic)):
        return value.tolist()
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    return [plain(item) for item in value] if isinstance(value, (list, tuple)) else value


def answered(service: httpx.Client, path: str, **fields: Any) -> dict[str, Any]:
    """Return the JSON answer to a JSON request."""
    response = service.post(path, json=plain(fields))
    assert response.status_code == 200, response.text
    assert response.headers["content-type"] == "application/json"
    answer: dict[str, Any] = response.json()
    return answer


def maps(service: httpx.Client, path: str, **fields: Any) -> NDArray[Any]:
    """Return the feature maps of the JSON answer to a JSON request."""
    answer = answered(service, path, **fields)
    found = np.array(answer["feature_maps"], answer["dtype"])
    assert list(found.shape) == answer["output_shape"]
    return found


def pixels(response: httpx.Response) -> NDArray[Any]:
    """Return the samples of an answer that is a picture, channels last."""
    assert response.status_code == 200, response.text
    with Image.open(io.BytesIO(response.content)) as picture:
        return np.asarray(picture)


def refused(
    response: httpx.Response, status: int, slug: str, detail: str, pointer: str | None = None
) -> dict[str, Any]:
    """Assert that an answer is a whole problem of a certain kind; return it.

    Parameters
    ----------
    detail
        A regular expression that the detail matches somewhere.
    pointer
        Of the first error; None where there is no place to point at.
    """
    assert response.status_code == status, f"{response.status_code}: {response.text[:500]}"
    assert response.headers["content-type"] == PROBLEM
    problem: dict[str, Any] = json.loads(response.content)
    assert problem["type"] == f"/problems/{slug}", problem
    assert problem["status"] == status
    assert problem["title"]
    assert problem["instance"] == f"urn:request:{response.headers['x-request-id']}"
    assert re.search(detail, problem["detail"]), problem["detail"]
    if pointer is not None:
        assert problem["errors"][0]["pointer"] == pointer, problem["errors"]
        assert problem["errors"][0]["detail"]
    return problem
