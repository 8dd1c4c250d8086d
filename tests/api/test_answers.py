"""Every way out: which form `Accept` gets, what it holds, and the headers that describe it."""

from __future__ import annotations

import base64
import io
import re
import zipfile
from typing import Any

import httpx
import numpy as np
import pytest
from numpy.typing import NDArray

from tests.exchange import refused

JSON, NPY, ZIP = "application/json", "application/x-npy", "application/zip"
DATA = np.arange(1.0, 13.0).reshape(3, 4)
FIELDS: dict[str, Any] = {"input": DATA.tolist(), "kernel": [[1, 1]]}
SUMS = DATA[:, :-1] + DATA[:, 1:]
GRADIENTS = FIELDS | {"output_gradient": np.ones((3, 3)).tolist()}
INDEXED = {"input": DATA.tolist(), "kernel_size": 2, "return_indices": True}


def ask(service: httpx.Client, accept: str | None, path: str = "/v1/conv2d", fields: Any = None) -> httpx.Response:
    request = service.build_request("POST", path, json=fields or FIELDS)
    del request.headers["accept"]
    if accept is not None:
        request.headers["accept"] = accept
    return service.send(request)


def loaded(response: httpx.Response) -> NDArray[Any]:
    assert response.status_code == 200, response.text
    return np.asarray(np.load(io.BytesIO(response.content), allow_pickle=False))


@pytest.mark.parametrize(
    ("accept", "form"),
    [
        (None, "application/json"),
        ("", "application/json"),
        ("*/*", "application/json"),
        ("application/json", "application/json"),
        ("application/*", "application/json"),
        ("APPLICATION/JSON; charset=utf-8", "application/json"),
        ("application/x-npy", "application/x-npy"),
        ("application/octet-stream", "application/octet-stream"),
        ("application/zip", "application/zip"),
        ("image/png", "image/png"),
        ("image/webp", "image/webp"),
        ("image/jpeg", "image/jpeg"),
        ("image/*", "image/png"),
        ("text/html, */*;q=0.1", "application/json"),
        ("text/html, image/webp;q=0.3, image/png;q=0.2", "image/webp"),
        ("application/json;q=0.5, application/x-npy", "application/x-npy"),
        ("application/json;q=0.5, application/x-npy;q=0.4", "application/json"),
        ("application/json;q=0, */*", "application/x-npy"),
        ("*/*;q=0.1, image/jpeg;q=0.9", "image/jpeg"),
        ("image/*;q=0.9, image/png;q=0.1", "image/webp"),
        ("application/x-npy; q=1.000", "application/x-npy"),
        ("image/avif,image/webp,image/apng,image/*,*/*;q=0.8", "image/png"),
    ],
)
def test_accept_chooses(service: httpx.Client, accept: str | None, form: str) -> None:
    response = ask(service, accept)
    assert response.status_code == 200, response.text
    assert response.headers["content-type"] == form
    assert "accept" in response.headers["vary"].lower()


@pytest.mark.parametrize(
    ("lines", "form"),
    [
        (("text/html", "image/png"), "image/png"),
        (("application/json;q=0.5", "image/png;q=0.2", "application/x-npy"), "application/x-npy"),
        (("", ""), "application/json"),
        (("", "image/png"), "image/png"),
    ],
)
def test_several_lines_are_one_list(service: httpx.Client, lines: tuple[str, ...], form: str) -> None:
    response = service.post("/v1/conv2d", json=FIELDS, headers=[("Accept", line) for line in lines])
    assert response.status_code == 200, response.text
    assert response.headers["content-type"] == form


@pytest.mark.parametrize("path", ["/v1/kernels", "/v1/kernels/box", "/v1/limits", "/problems", "/problems/not-found"])
def test_several_lines_are_one_list_for_what_the_service_offers_too(service: httpx.Client, path: str) -> None:
    response = service.get(path, headers=[("Accept", "image/avif"), ("Accept", "application/json")])
    assert response.status_code == 200, response.text
    assert response.headers["content-type"] == "application/json"


@pytest.mark.parametrize(
    ("path", "forms"),
    [
        ("/v1/kernels", ["application/json"]),
        ("/v1/kernels/box", ["application/json", "application/x-npy"]),
        ("/v1/limits", ["application/json"]),
        ("/problems", ["application/json", "text/html"]),
        ("/problems/not-found", ["application/json", "text/html"]),
        ("/openapi.json", ["application/json"]),
    ],
)
def test_what_depends_on_accept_says_so_in_every_form(service: httpx.Client, path: str, forms: list[str]) -> None:
    """Else a cache gives one client's form to the next."""
    for form in forms:
        answer = service.get(path, headers={"Accept": form})
        assert answer.headers["content-type"].startswith(form)
        assert "accept" in answer.headers["vary"].lower().split(", ")


@pytest.mark.parametrize("encoding", ["gzip", "zstd"])
def test_what_seldom_changes_is_compressed_too_and_has_a_tag_of_its_own(service: httpx.Client, encoding: str) -> None:
    path = "/openapi.json"
    plain = service.get(path, headers={"Accept-Encoding": "identity"})
    short = service.get(path, headers={"Accept-Encoding": encoding})
    assert (short.headers["content-encoding"], short.json()) == (encoding, plain.json())
    assert int(short.headers["content-length"]) * 5 < len(plain.content)
    tags = {plain.headers["etag"], short.headers["etag"]}
    assert len(tags) == 2
    for tag in tags:
        again = service.get(path, headers={"Accept-Encoding": encoding, "If-None-Match": tag})
        assert (again.status_code, again.headers["etag"]) == (304, tag)


def test_a_long_plan_is_compressed(service: httpx.Client) -> None:
    layers = [{"type": "relu"}] * 200
    asked = {"input_shape": [9, 9], "layers": layers}
    answer = service.post("/v1/networks/plan", json=asked, headers={"Accept-Encoding": "gzip"})
    assert answer.headers["content-encoding"] == "gzip"
    assert len(answer.json()["layers"]) == 200


def test_of_a_long_accept_the_refusal_repeats_the_beginning(service: httpx.Client) -> None:
    problem = refused(ask(service, "text/" + "a" * 3000), 406, "not-acceptable", "Accept is 'text/aaa")
    assert len(problem["detail"]) < 500


@pytest.mark.parametrize(
    "accept", ["text/html", "application/xml", "image/gif", "application/json;q=0", "image/*;q=0", "*/*;q=0", "audio/*"]
)
def test_nothing_suitable_is_refused_with_what_there_is(service: httpx.Client, accept: str) -> None:
    response = ask(service, accept)
    refused(response, 406, "not-acceptable", "application/json, application/x-npy, .*image/png")
    assert "accept" in response.headers["vary"].lower()


@pytest.mark.parametrize("accept", ["application/x-npy", "application/octet-stream"])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_npy(service: httpx.Client, accept: str, dtype: str) -> None:
    response = ask(service, accept, fields=FIELDS | {"dtype": dtype})
    assert response.headers["x-output-shape"] == "3,3"
    assert response.headers["x-dtype"] == dtype
    found = loaded(response)
    assert found.dtype == np.dtype(dtype).newbyteorder("<")
    np.testing.assert_array_equal(found, SUMS)


def test_the_shape_header_has_every_axis(service: httpx.Client) -> None:
    fields = {"input": [[DATA.tolist()]], "kernel": np.ones((5, 1, 1, 1)).tolist()}
    response = ask(service, "application/x-npy", fields=fields)
    assert response.headers["x-output-shape"] == "1,5,3,4"
    response = ask(service, "application/x-npy", "/v1/conv1d", {"input": [1, 2, 3], "kernel": [1]})
    assert response.headers["x-output-shape"] == "3"


def test_json_has_no_such_headers(service: httpx.Client) -> None:
    headers = ask(service, "application/json").headers
    assert "x-output-shape" not in headers
    assert "x-dtype" not in headers


def test_zip_holds_the_one_array_by_its_name(service: httpx.Client) -> None:
    response = ask(service, "application/zip")
    with np.load(io.BytesIO(response.content)) as arrays:
        assert list(arrays) == ["feature_maps"]
        np.testing.assert_array_equal(arrays["feature_maps"], SUMS)
    assert response.headers["x-output-shape"] == "3,3"


def test_zip_holds_every_array(service: httpx.Client) -> None:
    fields = GRADIENTS | {"bias": 1, "learning_rate": 0.5}
    response = ask(service, "application/zip", "/v1/conv2d/gradients", fields)
    as_json = ask(service, None, "/v1/conv2d/gradients", fields).json()
    with np.load(io.BytesIO(response.content)) as arrays:
        assert {name: array.tolist() for name, array in arrays.items()} == as_json
    with zipfile.ZipFile(io.BytesIO(response.content)) as archive:
        assert archive.testzip() is None


def test_indices_are_in_the_zip(service: httpx.Client) -> None:
    response = ask(service, "application/zip", "/v1/pool2d", INDEXED)
    with np.load(io.BytesIO(response.content)) as arrays:
        assert arrays["feature_maps"].tolist() == [[6, 8]]
        assert arrays["indices"].tolist() == [[5, 7]]
        assert arrays["indices"].dtype == np.int64


@pytest.mark.parametrize(
    ("path", "fields", "names"),
    [
        ("/v1/pool2d", INDEXED, "feature_maps, indices"),
        ("/v1/conv2d/gradients", GRADIENTS, "input_gradient, kernel_gradient"),
    ],
)
def test_npy_of_several_arrays_is_refused(service: httpx.Client, path: str, fields: Any, names: str) -> None:
    response = ask(service, "application/x-npy", path, fields)
    refused(response, 406, "not-acceptable", f"has 2 arrays, {names}, .*application/zip")


def test_npy_of_a_pools_one_gradient(service: httpx.Client) -> None:
    fields = {"input": [[1, 2]], "kernel_size": [1, 2], "output_gradient": [[5]]}
    assert loaded(ask(service, "application/x-npy", "/v1/pool2d/gradients", fields)).tolist() == [[0, 5]]


def test_gradients_have_no_picture(service: httpx.Client) -> None:
    response = ask(service, "image/png", "/v1/conv2d/gradients", GRADIENTS)
    refused(response, 406, "not-acceptable", "application/json")


def test_plans_are_json(service: httpx.Client) -> None:
    fields = {"input_shape": [5, 5], "kernel_shape": [3, 3]}
    response = ask(service, "application/x-npy", "/v1/conv2d/plan", fields)
    refused(response, 406, "not-acceptable", "application/json")


def test_what_json_cannot_carry_says_where(service: httpx.Client) -> None:
    file = io.BytesIO()
    np.save(file, np.array([[1.0, 2.0, np.nan], [np.inf, 0.0, 0.0]]))
    parts: dict[str, Any] = {"input": ("x", file.getvalue()), "kernel": (None, "[[1]]")}
    response = service.post("/v1/conv2d", files=parts)
    said = "ask for application/x-npy, or for encoding base64$"
    problem = refused(response, 422, "non-finite-answer", said, "/feature_maps/0/2")
    assert "/feature_maps/0/2" in problem["detail"]
    found = loaded(service.post("/v1/conv2d", files=parts, headers={"Accept": "application/x-npy"}))
    np.testing.assert_array_equal(found, [[1, 2, np.nan], [np.inf, 0, 0]])
    packed = service.post("/v1/conv2d", files=parts | {"encoding": (None, "base64")})
    assert packed.status_code == 200


@pytest.mark.parametrize(
    ("path", "fields"), [("/v1/conv2d/gradients", GRADIENTS), ("/v1/pool2d", INDEXED)], ids=["gradients", "indices"]
)
def test_several_arrays_that_json_cannot_carry_are_to_be_had_as_npz(
    service: httpx.Client, path: str, fields: dict[str, Any]
) -> None:
    infinite = base64.b64encode(np.full((3, 4), np.inf).tobytes()).decode()
    asked = fields | {"input": {"shape": [3, 4], "dtype": "float64", "base64": infinite}}
    refused(ask(service, None, path, asked), 422, "non-finite-answer", "ask for application/zip, or for encoding base")
    assert ask(service, "application/zip", path, asked).status_code == 200
    assert ask(service, None, path, asked | {"encoding": "base64"}).status_code == 200


class TestEveryAnswer:
    PATHS = ("/v1/conv2d", "/v1/nothing", "/v1/kernels", "/livez", "/problems", "/openapi.json", "/docs")

    @pytest.mark.parametrize("path", PATHS)
    def test_has_an_id_of_its_own(self, service: httpx.Client, path: str) -> None:
        ids = {service.get(path).headers["x-request-id"] for _ in range(2)}
        assert len(ids) == 2
        assert all(re.fullmatch(r"[\x21-\x7e]{8,}", name) for name in ids)

    @pytest.mark.parametrize("path", PATHS)
    def test_has_the_clients_id_if_it_sent_one(self, service: httpx.Client, path: str) -> None:
        response = service.get(path, headers={"X-Request-ID": "trace-42/a"})
        assert response.headers["x-request-id"] == "trace-42/a"
        if response.status_code >= 400:
            assert response.json()["instance"] == "urn:request:trace-42/a"

    def test_takes_no_id_that_could_harm_a_log(self, service: httpx.Client) -> None:
        for name in (b"a" * 129, b"two words", "ä".encode()):
            answer = service.get("/livez", headers={b"X-Request-ID": name})
            assert answer.headers["x-request-id"].encode() != name

    @pytest.mark.parametrize(("path", "fields"), [("/v1/conv2d", FIELDS), ("/v1/conv2d", {}), ("/v1/pool2d", INDEXED)])
    def test_says_where_the_time_went(self, service: httpx.Client, path: str, fields: Any) -> None:
        timing = ask(service, None, path, fields or {"input": 1}).headers["server-timing"]
        found = dict(re.findall(r"(\w+);dur=([0-9.]+)", timing))
        assert set(found) >= {"decode", "queue", "compute", "encode"}
        assert all(float(spent) >= 0 for spent in found.values())


SQUARE = {"input": [[1, 2], [3, 4]]}
SIGNAL = {"input": [1, 2], "kernel": [1]}
WIDE = {"input": [1] * 100, "kernel": [1] * 100}  # no drawing has room for its windows


@pytest.mark.parametrize(
    ("path", "fields", "accept", "form"),
    [
        ("pool2d", SQUARE | {"kernel_size": 2, "return_indices": True}, "application/x-npy, {};q=0.5", JSON),
        ("pool2d", SQUARE | {"kernel_size": 2, "return_indices": True}, "application/x-npy, {};q=0.9, */*;q=0.1", ZIP),
        ("pool2d", SQUARE | {"kernel_size": 2}, "{}, application/json;q=0.5", NPY),
        ("conv2d/gradients", GRADIENTS, "application/octet-stream, {};q=0.1", JSON),
        ("conv1d", SIGNAL, "image/png, {};q=0.5", JSON),
        ("conv1d", SIGNAL, "image/*, */*;q=0.1", JSON),
        ("pool2d", {"input": [[1]], "output_size": [1, 20_000]}, "image/webp, {};q=0.5", JSON),
        ("conv1d/trace", WIDE, "image/svg+xml, image/gif;q=0.9, {};q=0.5, text/markdown;q=0.1", JSON),
        ("conv1d/trace", WIDE, "image/gif, image/svg+xml;q=0.9, text/markdown;q=0.5", "text/markdown; charset=utf-8"),
    ],
)
def test_what_cannot_hold_the_answer_gives_way_to_what_is_liked_next(
    service: httpx.Client, path: str, fields: Any, accept: str, form: str
) -> None:
    answer = ask(service, accept.format(form), f"/v1/{path}", fields)
    assert (answer.status_code, answer.headers["content-type"]) == (200, form)


def test_an_id_is_escaped_where_it_stands_in_an_address(service: httpx.Client) -> None:
    answer = service.get("/nowhere", headers={"X-Request-ID": 'a<b>"%{c}'})
    assert answer.headers["x-request-id"] == 'a<b>"%{c}'
    assert answer.json()["instance"] == "urn:request:a%3Cb%3E%22%25%7Bc%7D"
