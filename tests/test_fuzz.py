"""A short round of what scripts/fuzz does at length: requests made from the OpenAPI document, valid and not."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import httpx

OPTIONS = ("--phases", "examples,fuzzing", "--max-examples", "3", "--seed", "1")


def test_no_request_that_the_document_allows_or_forbids_is_answered_otherwise(
    service: httpx.Client, tmp_path: Path
) -> None:
    """Server errors, undocumented statuses and media types, answers that their schema does not allow."""
    # A schema cannot say that a kernel fits its input, so input that it allows may rightly be refused.
    program = (sys.executable, "-m", "schemathesis.cli", "run", "--exclude-checks", "positive_data_acceptance")
    url = str(service.base_url.join("/openapi.json"))

    ran = subprocess.run((*program, *OPTIONS, url), cwd=tmp_path, capture_output=True, text=True, timeout=100)

    assert ran.returncode == 0, ran.stdout[-8000:] + ran.stderr[-2000:]
    assert " passed" in ran.stdout
