"""What surrounds a request over a real socket: slow bodies, clients that leave, deadlines, keys, metrics, logs."""

from __future__ import annotations

import gzip
import json
import re
import socket
import time
from concurrent.futures import ThreadPoolExecutor
from threading import Thread
from typing import Any

import httpx
import numpy as np
import pytest

from service.app import create_app
from service.settings import FIXED_LIMITS, Settings
from service.wire import write_npy
from tests.conftest import Serve
from tests.serving import serving, until

SMALL = {"input": [[1, 2], [3, 4]], "kernel": [[1]]}
# A tenth of a second to send, seconds to compute: a large padding around one cell.
ENDLESS = {"input": [[1]], "kernel": np.ones((41, 41)).tolist(), "padding": 1500, "method": "direct"}
STRIDED = {"input": [1, 2], "kernel": [1], "stride": 30_000}  # as many numbers in a hundred bytes


def random(*shape: int) -> list[Any]:
    """Return numbers of many digits, as nested lists."""
    numbers: list[Any] = np.random.default_rng(5).standard_normal(shape).tolist()
    return numbers


def opened(client: httpx.Client) -> socket.socket:
    """Return a bare connection to a client's server."""
    return socket.create_connection((client.base_url.host, client.base_url.port or 0), timeout=60)


def head(length: int, *lines: str) -> bytes:
    """Return the head of a POST of JSON."""
    named = ["Host: x", "Content-Type: application/json", f"Content-Length: {length}", *lines]
    return "\r\n".join(["POST /v1/conv2d HTTP/1.1", *named, "", ""]).encode()


def metric(client: httpx.Client, name: str) -> float:
    """Return one number of /metrics, by its name with its labels; 0 where it was not counted yet."""
    lines = client.get("/metrics").text.splitlines()
    return next((float(line.rpartition(" ")[2]) for line in lines if line.rpartition(" ")[0] == name), 0.0)


def test_a_slow_body_is_given_up(serve: Serve) -> None:
    client = serve(Settings(body_seconds=0.2))
    with opened(client) as slow:
        slow.sendall(head(100) + b'{"input"')
        answer = b"".join(iter(lambda: slow.recv(65536), b""))  # to the end: the connection is closed
    assert answer.startswith(b"HTTP/1.1 408")
    assert b"/problems/slow-body" in answer
    assert metric(client, 'convolution_rejected_total{reason="slow"}') == 1
    assert client.post("/v1/conv2d", json=SMALL).status_code == 200


def test_a_client_that_leaves_ends_its_computation(serve: Serve) -> None:
    client = serve(Settings(max_macs=10**13, slots=1))
    body = json.dumps(ENDLESS).encode()
    with opened(client) as leaving:
        leaving.sendall(head(len(body)) + body)
        until(lambda: metric(client, "convolution_running_requests") == 1, "the computation")
        began = time.monotonic()
    until(lambda: metric(client, "convolution_running_requests") == 0, "its end")
    assert time.monotonic() - began < 5  # the whole takes longer
    until(lambda: metric(client, 'convolution_requests_total{operation="conv2d",status="499"}') == 1, "its count")
    assert metric(client, "convolution_reserved_bytes") == 0


def test_a_client_that_leaves_with_half_a_body_leaves_nothing_behind(serve: Serve) -> None:
    client = serve(Settings())
    with opened(client) as leaving:
        leaving.sendall(head(10_000_000) + b" " * 1_000_000)
        until(lambda: metric(client, "convolution_reserved_bytes") > 0, "the body")
    until(lambda: metric(client, "convolution_reserved_bytes") == 0, "its end")
    assert metric(client, "convolution_in_flight_requests") == 1  # the scrape itself


def test_what_would_take_longer_than_the_deadline_is_not_begun(serve: Serve) -> None:
    client = serve(Settings(deadline_seconds=0.1, max_macs=10**13))
    refused = client.post("/v1/conv2d", json=ENDLESS)
    assert refused.status_code == 422  # it would be so the next time too
    assert refused.json()["type"] == "/problems/limit-exceeded"
    assert refused.json()["name"] == "deadline_seconds"
    assert refused.json()["limit"] == 0.1
    assert refused.json()["actual"] > 0.1
    assert metric(client, 'convolution_rejected_total{reason="work_limit"}') == 1


def test_a_full_queue_is_a_503_and_small_requests_are_answered_all_the_same(serve: Serve) -> None:
    client = serve(Settings(slots=1, queue_length=0, max_macs=10**13))
    body = json.dumps(ENDLESS).encode()
    with opened(client) as busy:
        busy.sendall(head(len(body)) + body)
        until(lambda: metric(client, "convolution_running_requests") == 1, "the computation")
        refused = client.post("/v1/conv2d", json=ENDLESS)
        assert refused.status_code == 503
        assert refused.json()["type"] == "/problems/saturated"
        assert refused.headers["retry-after"]
        assert client.post("/v1/conv2d", json=SMALL).status_code == 200
        assert client.get("/livez").status_code == 200
        assert client.get("/readyz").status_code == 503
        assert metric(client, 'convolution_rejected_total{reason="queue"}') == 1  # the request, and not the probe


def test_work_without_room_in_memory_is_refused_before_any_is_allocated(serve: Serve) -> None:
    client = serve(Settings(max_memory_bytes=10_000_000))
    refused = client.post("/v1/conv2d", json=ENDLESS)
    assert refused.status_code == 422
    assert refused.json()["type"] == "/problems/limit-exceeded"
    assert refused.json()["name"] == "max_memory_bytes"
    assert refused.json()["actual"] > refused.json()["limit"] == 10_000_000
    large = client.post("/v1/conv2d", content=b" " * 3_000_000, headers={"Content-Type": "application/json"})
    assert large.status_code == 422  # its bytes alone, before they are read


@pytest.mark.parametrize("encoding", [None, "gzip"])
def test_a_body_is_admitted_by_what_it_holds(serve: Serve, encoding: str | None) -> None:
    """A number of one digit takes two bytes of a text, and twenty times that while it is read; digits cost less."""
    client = serve(Settings(max_memory_bytes=12_000_000, max_output_elements=10))
    of_digits = b'{"input":[[' + b"1," * 500_000 + b'1]],"kernel":[[1]]}'
    of_one = b'{"input":[[' + b"1" * 300 + b"e-299," + b"0" + b"." + b"1" * 1_000_000 + b']],"kernel":[[1]]}'
    statuses = []
    for text in (of_digits, of_one):
        body = gzip.compress(text) if encoding else text
        headers = {"Content-Type": "application/json"} | ({"Content-Encoding": encoding} if encoding else {})
        answer = client.post("/v1/conv2d", content=body, headers=headers)
        statuses.append(answer.status_code)
        if text is of_digits:
            assert answer.json()["name"] == "max_memory_bytes"
            assert answer.json()["actual"] > 20_000_000
    assert statuses == [422, 200]
    assert metric(client, "convolution_reserved_bytes") == 0


def test_every_limit_in_force_is_told(service: httpx.Client) -> None:
    limits = service.get("/v1/limits").json()["limits"]
    settable = {name for name in Settings.model_fields if name.startswith("max_")}
    timed = {"header_seconds", "body_seconds", "send_seconds", "deadline_seconds"}
    assert set(limits) == settable | timed | {"slots", "queue_length", "working_bytes"} | set(FIXED_LIMITS)
    assert all(isinstance(limit, (int, float)) for limit in limits.values())


def test_keys_guard_the_operations_and_leave_health_and_pages_open(serve: Serve) -> None:
    client = serve(Settings(api_keys="first-key, second-key"))
    for path in ("/", "/docs", "/openapi.json", "/livez", "/readyz", "/problems"):
        assert client.get(path).status_code == 200
    for given in ({}, {"Authorization": "Bearer third-key"}, {"Authorization": "Basic first-key"}):
        refused = client.post("/v1/conv2d", json=SMALL, headers=given)
        assert refused.status_code == 401
        assert refused.headers["www-authenticate"] == "Bearer"
        assert refused.json()["type"] == "/problems/unauthorized"
        assert "key" not in refused.headers.get("ratelimit", "")
    for key in ("first-key", "second-key"):
        assert client.post("/v1/conv2d", json=SMALL, headers={"Authorization": f"Bearer {key}"}).status_code == 200
    assert client.get("/metrics").status_code == 401
    assert client.get("/v1/limits").status_code == 401


@pytest.mark.parametrize(
    ("given", "detail"),
    [
        (None, "there is no Authorization header"),
        ("Bearer third-key", "the key is not one of this service's"),
        ("bearer third-key", "the key is not one of this service's"),
        ("Basic first-key", "the scheme of the Authorization header is another"),
        ("first-key", "the Authorization header is a single word"),  # which may be a key, so it is not repeated
        ("Bearer", "the Authorization header is a single word"),
    ],
)
def test_what_is_wrong_with_a_key_is_said(serve: Serve, given: str | None, detail: str) -> None:
    client = serve(Settings(api_keys="first-key"))
    answer = client.get("/v1/limits", headers={"Authorization": given} if given else {})
    assert answer.json()["detail"] == f"{detail}; send Authorization: Bearer and a key"


def test_keys_come_from_a_file_too(serve: Serve, tmp_path: Any) -> None:
    (tmp_path / "keys").write_text("in-the-file\n\n")
    client = serve(Settings(api_keys_file=tmp_path / "keys"))
    assert client.get("/v1/limits").status_code == 401
    assert client.get("/v1/limits", headers={"Authorization": "Bearer in-the-file"}).status_code == 200


def test_a_quota_is_a_key_s_own(serve: Serve) -> None:
    client = serve(Settings(api_keys="a,b", quota_requests=2, quota_seconds=86_400))
    first, second, third = (
        client.post("/v1/conv2d", json=SMALL, headers={"Authorization": "Bearer a"}) for _ in range(3)
    )
    assert [answer.status_code for answer in (first, second, third)] == [200, 200, 429]
    assert [answer.headers["ratelimit-remaining"] for answer in (first, second, third)] == ["1", "0", "0"]
    assert first.headers["ratelimit-policy"] == '"requests";q=2;w=86400'
    assert re.fullmatch(r'"requests";r=1;t=\d+', first.headers["ratelimit"])
    assert third.json()["type"] == "/problems/quota-exceeded"
    assert (third.json()["limit"], third.json()["actual"]) == (2, 3)
    assert third.headers["retry-after"] == third.headers["ratelimit-reset"]
    assert client.get("/v1/limits", headers={"Authorization": "Bearer b"}).status_code == 200


def test_other_origins_may_call_only_where_they_are_named(serve: Serve) -> None:
    asked = {"Origin": "https://page.example", "Access-Control-Request-Method": "POST", "Authorization": "Bearer a"}
    closed = serve(Settings())
    opened_up = serve(Settings(cors_origins="https://page.example", api_keys="a", quota_requests=9))
    assert "access-control-allow-origin" not in closed.get("/livez", headers=asked).headers
    assert opened_up.options("/v1/conv2d", headers=asked).status_code == 200
    answer = opened_up.post("/v1/conv2d", json=SMALL, headers=asked)
    assert answer.headers["access-control-allow-origin"] == "https://page.example"
    exposed = {name.strip().lower() for name in answer.headers["access-control-expose-headers"].split(",")}
    assert {"x-request-id", "server-timing", "x-output-shape", "x-dtype"} <= exposed
    assert {name for name in answer.headers if name.startswith("ratelimit")} <= exposed


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        ({"Origin": "https://other.example"}, 'pages of "https://other.example" may not call this service'),
        ({"Access-Control-Request-Method": "DELETE"}, 'the method asked for is "DELETE"; it must be GET or POST'),
        ({"Access-Control-Request-Headers": "content-type, x-own"}, 'the headers asked for are "content-type, x-own"'),
        ({"Access-Control-Request-Private-Network": "true"}, "pages of public addresses may not call"),
    ],
)
def test_what_a_page_of_another_origin_may_not_do_is_refused_as_a_problem(
    serve: Serve, asked: dict[str, str], told: str
) -> None:
    opened_up = serve(Settings(cors_origins="https://page.example"))
    usual = {"Origin": "https://page.example", "Access-Control-Request-Method": "POST"}
    assert opened_up.options(
        "/v1/conv2d", headers=usual | {"Access-Control-Request-Headers": "Content-Type"}
    ).is_success
    refused = opened_up.options("/v1/conv2d", headers=usual | asked)
    assert (refused.status_code, refused.headers["content-type"]) == (403, "application/problem+json")
    assert refused.json()["type"] == "/problems/cors-refused"
    assert told in refused.json()["detail"]
    allowed = None if "Origin" in asked else "https://page.example"
    assert refused.headers.get("access-control-allow-origin") == allowed


def test_every_answer_carries_its_id_and_what_browsers_should_not_do(service: httpx.Client) -> None:
    for answer in (service.get("/livez"), service.get("/nowhere"), service.post("/v1/conv2d", json=SMALL)):
        assert re.fullmatch("[0-9a-f]{32}", answer.headers["x-request-id"])
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["x-frame-options"] == "DENY"
        assert answer.headers["referrer-policy"] == "no-referrer"
    given = service.get("/livez", headers={"X-Request-ID": "order-66"})
    assert given.headers["x-request-id"] == "order-66"
    assert service.get("/livez", headers={"X-Request-ID": "a b"}).headers["x-request-id"] != "a b"


def test_server_timing_tells_the_phases(service: httpx.Client) -> None:
    timing = service.post("/v1/conv2d", json=SMALL).headers["server-timing"]
    assert re.fullmatch(r"decode;dur=[\d.]+, queue;dur=[\d.]+, compute;dur=[\d.]+, encode;dur=[\d.]+", timing)


@pytest.mark.parametrize(
    ("accepted", "used"),
    [
        ("gzip", "gzip"),
        ("gzip, zstd", "zstd"),
        ("gzip;q=1, zstd;q=0.5", "gzip"),
        ("zstd;q=0", None),
        ("br", None),
        ("identity", None),
        ("identity;q=1, gzip;q=0.5", None),
        ("*;q=0.1, identity", None),
        ("identity, gzip", "gzip"),
        ("*", "zstd"),
    ],
)
def test_long_answers_are_compressed_for_those_who_accept_it(
    service: httpx.Client, accepted: str, used: str | None
) -> None:
    asked = {"input": np.arange(10_000).reshape(100, 100).tolist(), "kernel": [[1]]}
    answer = service.post("/v1/conv2d", json=asked, headers={"Accept-Encoding": accepted})
    assert answer.headers.get("content-encoding") == used
    assert "Accept-Encoding" in answer.headers["vary"]
    assert answer.json()["feature_maps"] == asked["input"]
    short = service.post("/v1/conv2d", json=SMALL, headers={"Accept-Encoding": accepted})
    assert "content-encoding" not in short.headers


def test_pictures_and_noise_are_not_compressed(service: httpx.Client) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (200, 200)).astype(float)
    accepting = {"Accept-Encoding": "gzip", "Accept": "image/png"}
    drawn = service.post("/v1/conv2d", json={"input": noise.tolist(), "kernel": [[1]]}, headers=accepting)
    assert drawn.headers["content-type"] == "image/png"
    assert "content-encoding" not in drawn.headers
    fractions = {"input": np.random.default_rng(0).random((100, 100)).tolist(), "kernel": [[1]]}
    packed = service.post("/v1/conv2d", json=fractions, headers=accepting | {"Accept": "application/x-npy"})
    assert "content-encoding" not in packed.headers


@pytest.mark.parametrize("path", ["/v1/kernels", "/v1/kernels/gaussian?size=5", "/openapi.json", "/static/page.css"])
def test_what_seldom_changes_is_not_sent_twice(service: httpx.Client, path: str) -> None:
    first = service.get(path)
    again = service.get(path, headers={"If-None-Match": first.headers["etag"]})
    assert (first.status_code, again.status_code) == (200, 304)
    assert again.content == b""
    assert again.headers["etag"] == first.headers["etag"]
    assert service.get(path, headers={"If-None-Match": '"other"'}).status_code == 200


def test_a_client_may_list_the_tags_that_it_has_in_several_lines(service: httpx.Client) -> None:
    tag = service.get("/v1/kernels").headers["etag"]
    again = service.get("/v1/kernels", headers=[("If-None-Match", '"other"'), ("If-None-Match", tag)])
    assert again.status_code == 304


def test_metrics_count_requests_work_and_refusals(serve: Serve) -> None:
    client = serve(Settings(max_macs=100))
    assert client.post("/v1/conv2d", json=SMALL).status_code == 200
    assert client.post("/v1/conv2d", json=SMALL | {"input": np.ones((11, 11)).tolist()}).status_code == 422
    assert client.get("/nowhere").status_code == 404
    assert metric(client, 'convolution_requests_total{operation="conv2d",status="200"}') == 1
    assert metric(client, 'convolution_requests_total{operation="conv2d",status="422"}') == 1
    assert metric(client, 'convolution_requests_total{operation="other",status="404"}') == 1
    assert metric(client, 'convolution_rejected_total{reason="work_limit"}') == 1
    assert metric(client, "convolution_macs_total") == 4  # four windows of one tap
    assert metric(client, 'convolution_request_seconds_count{phase="decode"}') == 2
    assert metric(client, 'convolution_request_seconds_bucket{le="+Inf",phase="compute"}') == 2
    assert metric(client, "convolution_queued_requests") == 0
    assert metric(client, "convolution_sent_bytes_total") > metric(client, "convolution_received_bytes_total") > 0
    assert client.get("/metrics").headers["content-type"].startswith("text/plain; version=0.0.4")


def test_the_log_is_json_with_a_line_a_request_and_no_data() -> None:
    marked = {"input": [[31337, 2], [3, 4]], "kernel": [[1]]}
    with serving(workers=2) as service:
        answer = service.ask("/v1/conv2d?secret=yes", marked, {"X-Request-ID": "seen-in-the-log"})
        assert answer.status == 200
        service.ask("/v1/conv2d", marked | {"kernel": "no such kernel"})
        service.ask("/" + "a" * 5000)
        until(lambda: sum(line["logger"] == "service.requests" for line in service.lines) == 3, "the lines")
        found = [line for line in service.lines if line["logger"] == "service.requests"]
    # Each worker writes its own, in its own time.
    first, lost, second = sorted(found, key=lambda line: int(line["status"]))
    assert lost["path"] == "/" + "a" * 999  # nobody fills the log with one request
    assert first["request_id"] == "seen-in-the-log"
    assert (first["method"], first["path"], first["operation"], first["status"]) == (
        "POST",
        "/v1/conv2d",
        "conv2d",
        200,
    )
    assert first["bytes_out"] == len(answer.body)
    assert first["ms"] >= first["compute_ms"] > 0
    assert (second["status"], second["problem"]) == (422, "unknown-kernel")
    logged = json.dumps(service.lines)
    assert "31337" not in logged
    assert "secret" not in logged
    assert all({"time", "level", "logger", "message"} <= set(line) for line in service.lines)


def test_a_compressed_body_is_counted_as_it_came(serve: Serve) -> None:
    client = serve(Settings())
    body = gzip.compress(json.dumps(SMALL).encode())
    headers = {"Content-Type": "application/json", "Content-Encoding": "gzip"}
    assert client.post("/v1/conv2d", content=body, headers=headers).status_code == 200
    assert metric(client, "convolution_received_bytes_total") == len(body)


MANY_HEADERS = b"".join(b"X-%d: %s\r\n" % (number, b"a" * 1000) for number in range(90))


@pytest.mark.parametrize(
    "headers",
    [MANY_HEADERS, MANY_HEADERS + b"\r\n", b"X: " + b"a" * 90_000],
    ids=["without an end", "all there", "one header without an end"],
)
def test_a_request_with_endless_headers_is_cut_off(headers: bytes) -> None:
    with serving() as service, socket.create_connection(("127.0.0.1", service.port), timeout=60) as client:
        client.sendall(b"GET /livez HTTP/1.1\r\nHost: x\r\n" + headers)
        assert client.recv(65536).startswith(b"HTTP/1.1 400")
        assert service.ask("/livez").status == 200


def test_an_answer_that_is_not_taken_is_given_up_with_its_memory() -> None:
    asked = {"input": np.zeros((1000, 1000)).tolist(), "kernel": [[1]], "padding": 1000}
    body = json.dumps(asked).encode()
    with serving(send_seconds=0.5) as service, socket.socket() as idle:
        idle.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        idle.connect(("127.0.0.1", service.port))
        idle.sendall(head(len(body)) + body)
        until(lambda: service.metric('convolution_requests_total{operation="conv2d",status="499"}') == 1, "the end")
        assert service.metric("convolution_reserved_bytes") == 0
        assert service.ask("/v1/conv2d", SMALL).status == 200


def test_an_idle_worker_gives_its_memory_back() -> None:
    rows = np.random.default_rng(3).standard_normal((700, 700)).tolist()
    with serving(workers=1) as service:
        assert service.ask("/v1/conv2d", SMALL).status == 200
        before = service.resident()
        asking = [Thread(target=service.ask, args=("/v1/conv2d", {"input": rows, "kernel": [[1]]})) for _ in range(6)]
        for thread in asking:
            thread.start()
        for thread in asking:
            thread.join()
        busy = service.resident()
        until(lambda: service.resident() - before < 0.7 * (busy - before), "free memory to be given back")


@pytest.mark.parametrize(
    ("asked", "by_the_loop"),
    [
        ({"json": SMALL}, True),
        ({"url": "/v1/pool2d", "json": {"input": random(9, 9), "kind": "lp", "kernel_size": 3}}, True),
        ({"url": "/v1/pool2d", "json": {"input": random(39, 39), "kind": "lp", "kernel_size": 3}}, False),
        ({"json": {"input": random(70, 70), "kernel": random(3, 3)}}, True),
        ({"json": {"input": random(70, 70), "kernel": random(3, 3)}, "headers": {"Accept-Encoding": "gzip"}}, False),
        ({"json": {"input": random(160, 195), "kernel": random(3, 3)}}, False),  # 0.6 MB
        ({"json": {"input": random(90, 90), "kernel": random(64, 1, 7, 7)}}, False),  # 22 million products
        ({"json": {"input": [[1] * 200] * 200, "kernel": random(3, 3)}}, False),  # 40,000 values
        ({"json": {"input": [[1]] * 4200, "kernel": [[1]]}}, False),  # 4,200 lists, in 25 kB
        ({"files": {"input": (None, json.dumps([[1]] * 4200)), "kernel": (None, "[[1]]")}}, False),
        ({"files": {"input": (None, json.dumps(random(50, 50))), "kernel": (None, "[[1]]")}}, True),
        (
            {
                "url": "/v1/conv_transpose3d",
                "json": {"input": [[[1]], [[2]]], "kernel": [[[1]]], "stride": [9999, 1, 1]},
            },
            False,
        ),
        ({"url": "/v1/conv_transpose1d", "json": STRIDED}, True),
        ({"url": "/v1/conv_transpose1d", "json": STRIDED, "headers": {"Accept-Encoding": "gzip"}}, False),
        ({"json": {"input": [[[[1.5]]]] * 100, "kernel": [[1]], "method": "fft"}}, False),  # a transform each
        ({"files": {"input": ("x.npy", write_npy(np.ones((200, 100)))), "kernel": (None, "[[1]]")}}, False),
    ],
    ids=[
        "small",
        "small norms",
        "many norms",
        "brief",
        "compressed",
        "long",
        "costly",
        "crowded",
        "many lists",
        "many lists in a form",
        "a small form",
        "many to write",
        "some to write",
        "some to write and compress",
        "by name",
        "a form",
    ],
)
def test_only_what_is_small_or_brief_is_worked_on_by_the_event_loop(
    serve: Serve, asked: dict[str, Any], by_the_loop: bool
) -> None:
    headers = {"Accept-Encoding": "identity", **asked.get("headers", {})}
    # Twice: what a process does for the first time takes it several times as long.
    for app in (create_app(Settings()), create_app(Settings())):
        answer = serve(app).post(**({"url": "/v1/conv2d"} | asked | {"headers": headers}))
        assert answer.status_code == 200
    assert (not app.state.service.work._threads._threads) == by_the_loop


def test_a_request_gets_the_same_bytes_however_many_others_are_there(serve: Serve) -> None:
    """An FFT rounds by the size of its blocks, which must not depend on how many cores are free."""
    client, rng = serve(Settings(slots=4)), np.random.default_rng(41)
    picture, kernel = write_npy(rng.standard_normal((700, 500))), write_npy(rng.standard_normal((7, 7)))
    files = {"input": ("x.npy", picture), "kernel": ("k.npy", kernel)}

    def ask(_: int) -> bytes:
        answer = client.post("/v1/conv2d", files=files, data={"method": "fft"}, headers={"Accept": "application/x-npy"})
        assert answer.status_code == 200
        return answer.content

    alone = ask(0)
    with ThreadPoolExecutor(4) as clients:
        assert set(clients.map(ask, range(12))) == {alone}


def test_what_was_begun_in_vain_on_the_event_loop_counts_as_waiting(serve: Serve) -> None:
    """Of a body that is read there before its plan says that the work is too much, and read again in a slot."""
    answer = serve(Settings()).post("/v1/conv2d", json={"input": [[[[1.5]]]] * 1300, "kernel": [[1]], "method": "fft"})
    spent = {name: float(value) for name, value in re.findall(r"(\w+);dur=([0-9.]+)", answer.headers["server-timing"])}
    assert answer.status_code == 200
    assert spent["decode"] > 0.5  # milliseconds
    assert spent["queue"] > spent["decode"] / 2
