"""What the README says of the API holds of the running service."""

from __future__ import annotations

import re
from pathlib import Path

import httpx
import pytest

README = (Path(__file__).resolve().parents[1] / "README.md").read_text(encoding="utf-8")
ROUTES = sorted(set(re.findall(r"`(GET|POST) (/[^`]*)`", README)))


@pytest.mark.parametrize(("method", "path"), ROUTES, ids=[f"{method} {path}" for method, path in ROUTES])
def test_a_route_that_the_readme_names_is_there(service: httpx.Client, method: str, path: str) -> None:
    answer = service.request(method, path.replace("{op}", "conv2d"))

    # A POST without a body is refused, but not because there is nothing.
    assert answer.status_code == 200 if method == "GET" else answer.status_code in (400, 415, 422), answer.text
