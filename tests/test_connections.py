"""What a connection may do besides asking properly: slow, endless, misplaced headers and trailers, on bare sockets."""

from __future__ import annotations

import contextlib
import gzip
import json
import socket
import time
from pathlib import Path

import numpy as np
import pytest

from tests.serving import Running, serving, until

BODY = b'{"input":[1,2,3],"kernel":[1]}'
CHUNKED = b"POST %s HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"


def connected(service: Running) -> socket.socket:
    return socket.create_connection(("127.0.0.1", service.port), timeout=60)


def post(body: bytes, *lines: bytes, path: bytes = b"/v1/conv1d") -> bytes:
    head = [b"POST " + path + b" HTTP/1.1", b"Host: x", b"Content-Type: application/json", *lines]
    return b"\r\n".join([*head, b"Content-Length: %d" % len(body), b"", b""]) + body


def rest(client: socket.socket) -> bytes:
    """Return all that still comes, until the connection is closed or cut."""
    found = b""
    try:
        while piece := client.recv(1 << 20):
            found += piece
    except ConnectionResetError:
        pass
    return found


def answer(client: socket.socket) -> bytes:
    """Return one answer, whole, and leave the next one where it is."""
    head = b""
    while not head.endswith(b"\r\n\r\n"):
        piece = client.recv(1)
        assert piece, head
        head += piece
    length = int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
    body = bytearray()
    while len(body) < length:
        piece = client.recv(min(1 << 20, length - len(body)))
        assert piece, len(body)
        body += piece
    return head + bytes(body)


def test_headers_that_do_not_come_to_an_end_in_time_are_not_waited_for() -> None:
    with serving(header_seconds=0.3) as service, connected(service) as silent, connected(service) as slow:
        slow.sendall(b"GET /livez HTTP/1.1\r\nHost")
        assert (rest(silent), rest(slow)) == (b"", b"")
        assert service.ask("/livez").status == 200


def test_a_connection_is_not_kept_open_by_an_empty_line() -> None:
    with serving(header_seconds=0.3) as service, connected(service) as client:
        client.sendall(b"GET /livez HTTP/1.1\r\nHost: x\r\n\r\n")
        assert answer(client).startswith(b"HTTP/1.1 200")
        client.sendall(b"\r\n")
        assert rest(client) == b""  # or the socket's timeout ends the test


def test_an_unfinished_request_behind_an_answer_does_not_cut_the_answer() -> None:
    body = json.dumps({"input": np.ones((1, 1)).tolist(), "kernel": [[1]], "padding": 1000}).encode()
    with serving(header_seconds=0.3, send_seconds=30) as service, socket.socket() as client:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        client.settimeout(60)
        client.connect(("127.0.0.1", service.port))
        client.sendall(post(body, path=b"/v1/conv2d") + b"GET /livez HTTP/1.1\r\nHo")
        time.sleep(1.5)
        found = answer(client)
    assert json.loads(found.partition(b"\r\n\r\n")[2])["output_shape"] == [2001, 2001]


def test_a_long_body_does_not_count_as_the_next_requests_headers() -> None:
    body = BODY[:-1] + b" " * 200_000 + b"}"
    asked = post(body)
    with serving() as service, connected(service) as client:
        client.sendall(asked[:100])
        time.sleep(0.2)
        client.sendall(asked[100:] + b"GET /livez HTTP/1.1\r\nHost: x\r\n")
        assert answer(client).startswith(b"HTTP/1.1 200 OK")
        client.sendall(b"Connection: close\r\n\r\n")
        assert rest(client).startswith(b"HTTP/1.1 200 OK")


def test_endless_headers_behind_a_request_are_refused_once_that_is_answered() -> None:
    with serving() as service, connected(service) as client:
        client.sendall(post(BODY))
        for _ in range(4):
            time.sleep(0.05)
            client.sendall(b"GET /livez HTTP/1.1\r\nHost: x\r\n" if _ == 0 else b"X: " + b"y" * 40_000 + b"\r\n")
        found = rest(client)
    assert found.startswith(b"HTTP/1.1 200 OK")
    assert b"HTTP/1.1 400" in found


@pytest.mark.parametrize("trailer", [b"x-%06d: " + b"y" * 1000 + b"\r\n", b"%06d" + b"z" * 1000])
@pytest.mark.parametrize("path", [b"/nope", b"/v1/conv1d"])
def test_trailers_without_end_are_cut_off_and_not_kept(path: bytes, trailer: bytes) -> None:
    sent = 0
    with serving() as service, connected(service) as client:
        client.sendall(CHUNKED % path + b"1e\r\n" + BODY + b"\r\n0\r\nfirst: 1")
        try:
            for number in range(4000):
                client.sendall(trailer % number)
                sent += len(trailer)
                time.sleep(0.0005)
        except OSError:
            pass
        assert service.ask("/livez").status == 200
        assert service.metric("convolution_reserved_bytes") == 0
    assert sent < 3_000_000


def test_what_chunks_leave_of_their_allowance_is_no_trailers() -> None:
    """A trailer is read in the event loop: of a few megabytes in tiny chunks it may not get a hundred times as many."""
    sent = 0
    with serving() as service, connected(service) as client:
        client.sendall(CHUNKED % b"/nope" + b"10\r\naaaaaaaaaaaaaaaa\r\n" * 400_000 + b"0\r\nX: ")
        try:
            while sent < 20_000_000:
                client.sendall(b"b" * 100_000)
                sent += 100_000
        except OSError:
            pass
        assert service.ask("/livez").status == 200
    assert sent < 10_000_000  # what the kernel's buffers hold


def test_a_body_in_many_small_chunks_with_trailers_is_taken() -> None:
    body = BODY[:-1] + b" " * 20_000 + b"}"
    pieces = b"".join(b"1\r\n%c\r\n" % byte for byte in body)
    with serving() as service, connected(service) as client:
        for _ in range(2):
            client.sendall(CHUNKED % b"/v1/conv1d" + pieces + b"0\r\nX-Checksum: 1\r\n\r\n")
            assert answer(client).startswith(b"HTTP/1.1 200 OK")


def test_a_body_in_ever_more_tiny_chunks_is_refused() -> None:
    """Each takes the event loop microseconds: of half a megabyte a fifth of a second."""
    with serving() as service, connected(service) as client:
        client.sendall(CHUNKED % b"/v1/conv1d" + b"1\r\n \r\n" * 33_000)
        said = answer(client)
        assert said.startswith(b"HTTP/1.1 400")
        assert said.endswith(b"too many small chunks; send 16 bytes or more in each.")
        assert service.metric("convolution_reserved_bytes") == 0
    body = BODY[:-1] + b" " * 16 * 33_000 + b"}"
    pieces = b"".join(b"10\r\n%b\r\n" % body[start : start + 16].ljust(16) for start in range(0, len(body), 16))
    with serving() as service, connected(service) as client:
        client.sendall(CHUNKED % b"/v1/conv1d" + pieces + b"0\r\n\r\n")
        assert answer(client).startswith(b"HTTP/1.1 200 OK")


@pytest.mark.parametrize("length", ["0" * 5000 + "2", "9" * 30, "1" + "0" * 18])
def test_a_length_of_many_digits(length: str) -> None:
    head = f"POST /v1/conv1d HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n\r\n"
    with serving() as service, connected(service) as client:
        client.sendall(head.encode() + b"{}")
        assert client.recv(65536)[:12] in (b"HTTP/1.1 413", b"HTTP/1.1 400", b"HTTP/1.1 422")
        until(lambda: service.metric("convolution_reserved_bytes") == 0, "the memory")


@pytest.mark.parametrize("upgrade", [b"h2c", b"websocket", b"foo"])
def test_a_client_that_would_rather_speak_another_protocol_is_answered_in_this_one(upgrade: bytes) -> None:
    """As curl --http2 and Java's client ask; the parser would take the body for the other protocol's."""
    lines = b"Connection: Upgrade, HTTP2-Settings", b"upgrade: " + upgrade, b"HTTP2-Settings: AAMAAABk"
    with serving() as service, connected(service) as client:
        client.sendall(post(BODY, *lines) + post(BODY))
        for _ in range(2):
            assert answer(client).startswith(b"HTTP/1.1 200")
        body = BODY[:-1] + b',"method":"\\r\\nUpgrade: x"}'
        client.sendall(post(body, b"Upgrade-Insecure-Requests: 1"))
        assert b"Upgrade: x" in answer(client)  # a body is not touched


@pytest.mark.parametrize("behind", [b"", post(BODY)])
@pytest.mark.parametrize("chunked", [False, True])
def test_it_does_not_matter_where_the_wish_for_another_protocol_is_cut(behind: bytes, chunked: bool) -> None:
    """Nor how it is spelled; the body it comes with is a body, and no request of its own."""
    inner = b"GET /v1/kernels/box HTTP/1.1\r\nHost: a\r\nX-Request-ID: smuggled\r\n\r\n"
    lines = b"Connection: keep-alive, UPGRADE", b"UpGrAdE: h2c"
    with serving() as service:
        for body, status in ((BODY, b"200"), (inner, b"400")):
            whole = post(body, *lines)
            if chunked:
                length = b"Content-Length: %d" % len(body)
                whole = whole.replace(length, b"Transfer-Encoding: chunked").removesuffix(body)
                whole += b"%x\r\n" % len(body) + body + b"\r\n0\r\n\r\n"
            at = whole.index(b"UpGr")
            for cut in (at - 2, at - 1, at, at + 3, at + 7, at + 12, whole.index(b"\r\n\r\n") + 4):
                with connected(service) as client:
                    client.sendall(whole[:cut])
                    time.sleep(0.02)
                    client.sendall(whole[cut:] + behind)
                    first = answer(client)
                    assert first.startswith(b"HTTP/1.1 " + status)
                    assert b"x-request-id: smuggled" not in first
                    if behind:
                        assert answer(client).startswith(b"HTTP/1.1 200")


def test_very_many_wishes_in_one_read_are_each_answered() -> None:
    with serving() as service, connected(service) as client:
        client.sendall(b"GET /livez HTTP/1.1\r\nUpgrade: a\r\nConnection: upgrade\r\n\r\n" * 1100)  # 62 KB
        for _ in range(1100):
            assert answer(client).startswith(b"HTTP/1.1 200")


UNTAKEN = {
    "behind small ones": post(b'{"input":%s,"kernel":[1]}' % json.dumps([0.123456789] * 2000).encode()) * 150
    + post(b'{"input":[[1]],"kernel":[[1]],"padding":1000}', b"Accept: application/x-npy", path=b"/v1/conv2d"),
    "files": b"GET /static/vendor/redoc/redoc.standalone.js HTTP/1.1\r\nHost: x\r\n\r\n" * 4,
    "small": b"GET /v1/limits HTTP/1.1\r\nHost: x\r\n\r\n" * 100,
}


@pytest.mark.parametrize("kind", UNTAKEN)
def test_no_answer_waits_for_ever_to_be_taken(kind: str) -> None:
    with serving(send_seconds=0.5) as service, socket.socket() as idle:
        assert service.ask("/static/vendor/redoc/redoc.standalone.js").status == 200
        before = len(list(Path(f"/proc/{service.process.pid}/fd").iterdir()))
        idle.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        idle.connect(("127.0.0.1", service.port))
        idle.settimeout(1)
        with contextlib.suppress(TimeoutError, ConnectionError):
            idle.sendall(UNTAKEN[kind])
        until(lambda: service.metric("convolution_in_flight_requests") == 1, "all but this one to end")
        until(lambda: len(list(Path(f"/proc/{service.process.pid}/fd").iterdir())) <= before, "the connection's end")
        assert service.metric("convolution_reserved_bytes") == 0


def settled(service: Running) -> int:
    """Return the memory that a service holds once a request's arrays are gone: a moment after its answer."""
    seen = []
    for _ in range(20):
        seen.append(service.resident())
        time.sleep(0.01)
    return min(seen)


def test_refusals_leave_no_arrays_behind() -> None:
    """What was raised must not hold the frame that holds it: only a rare collection would free what was read."""
    body = gzip.compress(b'{"input":[' + b"0," * 4_000_000 + b'0],"kernel":[1]}')
    many = post(body, b"Content-Encoding: gzip", path=b"/v1/conv2d")
    with serving() as service:
        sizes = []
        for _ in range(8):
            with connected(service) as client:
                client.sendall(many)
                assert answer(client).startswith(b"HTTP/1.1 422")
            sizes.append(settled(service))
    assert sizes[-1] < sizes[1] + 50_000 * 1024  # each has 32 MB of numbers


def test_a_body_that_is_announced_and_does_not_come_keeps_no_memory_from_others() -> None:
    head = b"POST /v1/conv2d HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 30000000\r\n\r\n"
    with serving(max_memory_bytes=200_000_000) as service, connected(service) as idle:
        idle.sendall(head)
        until(lambda: service.metric("convolution_in_flight_requests") == 2, "the request")  # it and this one
        assert service.metric("convolution_reserved_bytes") == 0
        assert service.ask("/v1/conv2d", {"input": [[1] * 300] * 300, "kernel": [[1]]}).status == 200
        too_much = head.replace(b"30000000", b"60000000")
        with connected(service) as other:
            other.sendall(too_much)
            assert b"max_memory_bytes is 200,000,000" in answer(other)


def test_an_answer_that_nobody_takes_keeps_its_memory_until_it_is_gone() -> None:
    body = b'{"input":[[1]],"kernel":[[1]],"padding":1000}'  # 2001 × 2001 numbers
    with serving() as service, socket.socket() as client:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        client.connect(("127.0.0.1", service.port))
        client.sendall(post(body, path=b"/v1/conv2d"))
        until(lambda: service.metric("convolution_running_requests") == 0, "the computation")
        until(lambda: 12_000_000 < service.metric("convolution_reserved_bytes") < 40_000_000, "what is kept of it")
        client.settimeout(60)
        assert answer(client).startswith(b"HTTP/1.1 200")
        until(lambda: service.metric("convolution_reserved_bytes") == 0, "its end")
