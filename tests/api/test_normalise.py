"""What a proxy or a probe makes of a request: a prefix stripped or kept, HEAD in place of GET."""

from __future__ import annotations

import httpx
import pytest

from service.settings import Settings
from tests.conftest import Serve


@pytest.mark.parametrize("path", ["/", "/livez", "/docs", "/v1/kernels", "/v1/limits", "/problems", "/openapi.json"])
def test_head_is_get_without_the_body(service: httpx.Client, path: str) -> None:
    asked, told = service.get(path), service.head(path)
    assert (told.status_code, told.content) == (asked.status_code, b"")
    assert told.headers["content-length"] == asked.headers["content-length"]


def test_what_takes_get_says_that_it_takes_head(service: httpx.Client) -> None:
    assert service.delete("/v1/limits").headers["allow"] == "GET, HEAD"
    assert service.head("/v1/conv2d").status_code == 405


@pytest.mark.parametrize("sent", ["", "/conv"])
@pytest.mark.parametrize("path", ["/", "/livez", "/v1/limits", "/problems/not-found", "/static/page.css"])
def test_a_prefix_may_be_stripped_by_the_proxy_or_not(serve: Serve, sent: str, path: str) -> None:
    assert serve(Settings(root_path="/conv")).get(sent + path).status_code == 200


@pytest.mark.parametrize(("root_path", "method"), [("", "HEAD"), ("/conv", "GET"), ("/conv", "HEAD")])
def test_it_is_counted_under_the_name_of_its_route(serve: Serve, root_path: str, method: str) -> None:
    client = serve(Settings(root_path=root_path))
    client.request(method, "/v1/limits")
    counted = 'convolution_requests_total{operation="list_limits",status="200"} 1.0'
    assert counted in client.get("/metrics").text


@pytest.mark.parametrize("media_type", ["text/markdown", "image/svg+xml", "image/gif"])
def test_a_trace_says_its_shape_and_dtype(service: httpx.Client, media_type: str) -> None:
    asked = {"input": [[1, 2, 3]], "kernel": [[1, 1]]}
    answer = service.post("/v1/conv2d/trace", json=asked, headers={"Accept": media_type})
    assert (answer.headers["x-output-shape"], answer.headers["x-dtype"]) == ("1,2", "float64")


@pytest.mark.parametrize("media_type", ["application/x-npy", "application/octet-stream"])
def test_a_kernel_as_a_file_says_its_shape_and_dtype(service: httpx.Client, media_type: str) -> None:
    answer = service.get("/v1/kernels/gaussian?size=3", headers={"Accept": media_type})
    assert answer.headers["content-type"] == media_type
    assert (answer.headers["x-output-shape"], answer.headers["x-dtype"]) == ("3,3", "float64")


@pytest.mark.parametrize("asked", ["bytes=0-9", "bytes=5-2", "bytes=abc", "items=0-1", "bytes=99999999-"])
def test_a_file_comes_whole_whatever_part_of_it_is_asked_for(service: httpx.Client, asked: str) -> None:
    whole = service.get("/static/page.css")
    answer = service.get("/static/page.css", headers={"Range": asked})
    assert (answer.status_code, answer.content) == (200, whole.content)
    assert "accept-ranges" not in answer.headers
