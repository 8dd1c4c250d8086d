"""What the README says of the API holds of the running service."""

from __future__ import annotations

import io
import re
import subprocess
from pathlib import Path

import httpx
import numpy as np
import pytest
from PIL import Image

ROOT = Path(__file__).resolve().parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
REQUESTS = re.findall(r"```sh\n(curl .*?)```\n\n```(?:json|text)\n(.*?)```", README, re.DOTALL)
OPERATIONS = [f"{name}{rank}d" for name in ("conv", "conv_transpose", "pool") for rank in (1, 2, 3)]
ROUTES = sorted(set(re.findall(r"`(GET|POST) (/[^`]*)`", README)))


@pytest.mark.parametrize(("method", "path"), ROUTES, ids=[f"{method} {path}" for method, path in ROUTES])
def test_a_route_that_the_readme_names_is_there(service: httpx.Client, method: str, path: str) -> None:
    for op in OPERATIONS if "{op}" in path else [""]:
        answer = service.request(method, path.replace("{op}", op))

        # A POST without a body is refused, but not because there is nothing.
        assert answer.status_code == 200 if method == "GET" else answer.status_code in (400, 415, 422), answer.text


def test_there_are_three_requests_to_try() -> None:
    assert len(REQUESTS) >= 3


@pytest.mark.parametrize(("command", "printed"), REQUESTS, ids=range(len(REQUESTS)))
def test_what_is_pasted_prints_what_is_shown(service: httpx.Client, command: str, printed: str, tmp_path: Path) -> None:
    (tmp_path / "tests").symlink_to(ROOT / "tests")
    here = command.replace("http://127.0.0.1:8000", str(service.base_url).rstrip("/"))
    assert here != command
    ran = subprocess.run(here, shell=True, cwd=tmp_path, capture_output=True, text=True, timeout=60, check=True)
    assert ran.stdout.strip() == printed.strip()


def test_the_picture_is_the_one_that_its_request_answers(service: httpx.Client) -> None:
    command = next(command for command, _ in REQUESTS if "edges.webp" in command)
    fields = dict(field.split("=", 1) for field in re.findall(r"-F (\S+)", command))
    file = (ROOT / fields.pop("input").removeprefix("@")).read_bytes()

    response = service.post("/v1/conv2d", files={"input": file}, data=fields, headers={"Accept": "image/webp"})

    # Another version of the encoder may round otherwise; a picture of something else is far off.
    with Image.open(ROOT / "docs/edges.webp") as shown, Image.open(io.BytesIO(response.content)) as answered:
        difference = np.abs(np.asarray(shown.convert("L"), float) - np.asarray(answered.convert("L"), float))
    assert difference.mean() < 2
