"""The API docs, opened in a browser: they are drawn in full, and by this service alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

import httpx
import pytest

if TYPE_CHECKING:
    from tests.web.conftest import Watched


@pytest.mark.parametrize("page", ["docs", "redoc"])
def test_the_docs_are_drawn_without_asking_anyone_else(service: httpx.Client, watched: Watched, page: str) -> None:
    root = str(service.base_url).rstrip("/")

    watched.page.goto(f"{root}/{page}")
    watched.page.wait_for_selector("[id*='operation'][id*='conv2d']", state="attached")

    assert [url for url in watched.requested if not url.startswith((f"{root}/", "data:", "blob:"))] == []
    assert watched.complaints == []


def test_an_operation_can_be_tried_from_the_docs(service: httpx.Client, watched: Watched) -> None:
    watched.page.goto(str(service.base_url.join("/docs")))
    operation = watched.page.locator("[id$='list_limits']")
    operation.click()
    operation.get_by_role("button", name="Try it out").click()

    operation.get_by_role("button", name="Execute").click()

    answer = operation.locator(".live-responses-table")
    answer.wait_for()
    assert '"max_body_bytes"' in answer.inner_text()
    assert watched.complaints == []
