"""Bodies that are not what they say: broken JSON and forms, files that are none, lengths that lie, bodies without end.

Each is refused by the right problem, and the next request is answered.
"""

from __future__ import annotations

import gzip
import json
import socket
import struct
import zlib
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from service.settings import Settings
from tests.conftest import Serve
from tests.exchange import answered, refused

JSON_TYPE = {"Content-Type": "application/json"}
GOOD = b'{"input":[[1,2]],"kernel":[[1,1]]}'


def still_answers(client: httpx.Client) -> None:
    assert answered(client, "/v1/conv2d", input=[[1, 2]], kernel=[[1, 1]])["feature_maps"] == [[3]]


# body, slug, detail, pointer, offset
BROKEN: list[tuple[bytes, str, str, str, int | None]] = [
    (b"", "malformed-json", "empty", "", 0),
    (b"   ", "malformed-json", "byte", "", None),
    (b"{", "malformed-json", "unexpected end of data at byte 1", "", 1),
    (b"\x00", "malformed-json", "at byte 0", "", 0),
    (b"[1]", "malformed-json", "a list of 1; it must be an object such as", "", 0),
    (b"3", "malformed-json", "the number 3; it must be an object", "", 0),
    (b"null", "malformed-json", "null; it must be an object", "", 0),
    (b'"x"', "malformed-json", "it must be an object", "", 0),
    (GOOD[:-1], "malformed-json", "unexpected end of data", "", len(GOOD) - 1),
    (GOOD + b" x", "malformed-json", "after document at byte 35", "", 35),
    (GOOD + GOOD, "malformed-json", "after document at byte 34", "", 34),
    (b'{"input":[[NaN]],"kernel":[[1]]}', "malformed-json", "line 1, column 12", "", 11),
    (b'{"input":[[Infinity]],"kernel":[[1]]}', "malformed-json", "line 1, column 12", "", 11),
    (b'{"input":[[-Infinity]],"kernel":[[1]]}', "malformed-json", "byte 1", "", None),
    (b'{"input":[[1e400]],"kernel":[[1]]}', "malformed-json", "infinity .* at byte 11", "", 11),
    (b'{"input":[[-1e999]],"kernel":[[1]]}', "malformed-json", "infinity .* at byte 11", "", 11),
    (b'{"input":[[1]],"kernel":[[1]],"stride":1e400}', "malformed-json", "infinity .* at byte 39", "", 39),
    (b'{"input":[[1,]],"kernel":[[1]]}', "malformed-json", "trailing comma", "", 12),
    (rb'{"input":[[1]],"kernel":{"name\u0000":1}}', "malformed-json", r"U\+0000", "/kernel", None),
    (b'{"input":[[1]],"kernel":[[1]],}', "malformed-json", "trailing comma", "", None),
    (b'{"input":[[1]],"x":[' + b"0," * 100_000 + b"0]}", "malformed-json", "100,000 values outside", "/x", None),
    (b'{"input":[[1]],"x":[' + b"[]," * 100_000 + b"[]]}", "malformed-json", "100,000 values outside", "/x", None),
    (b'{"x":[' + b'{"a":1},' * 60_000 + b"{}]}", "malformed-json", "100,000 values outside", "/x/", None),
    (b'{"' + b"k" * 1_000_000 + b'":[' + b"0," * 50_000 + b"0]}", "malformed-json", "1,000,000 characters", "", None),
    (b"{" + b"".join(b'"%x":0,' % n for n in range(60_000)) + b'"7":0}', "duplicate-key", '"7" stands', "", None),
    (b"{'input':[[1]]}", "malformed-json", "expected a string key", "", 1),
    (b'{"input":[[01]],"kernel":[[1]]}', "malformed-json", "leading zero", "", 11),
    (b'{"input":[[.5]],"kernel":[[1]]}', "malformed-json", "byte 11", "", 11),
    (b'{"input":[[+1]],"kernel":[[1]]}', "malformed-json", "byte 11", "", 11),
    (b'{"input":[[0x10]],"kernel":[[1]]}', "malformed-json", "byte 12", "", 12),
    (b'{"input":[[1_0]],"kernel":[[1]]}', "malformed-json", "byte 12", "", 12),
    (b'{"input":[[1 2]],"kernel":[[1]]}', "malformed-json", "byte 13", "", 13),
    (b'{"input":[[True]],"kernel":[[1]]}', "malformed-json", "byte 11", "", 11),
    (b"/* a comment */" + GOOD, "malformed-json", "byte 0", "", 0),
    (b"\xef\xbb\xbf" + GOOD, "malformed-json", "byte order mark", "", 0),
    (GOOD.decode().encode("utf-16"), "malformed-json", "at byte", "", None),
    (b'{"input":[[1]],"kernel":"\xff"}', "malformed-json", "not UTF-8 at byte 25", "", 25),
    (b'{"input":[[1]],"kernel":"\\ud800"}', "malformed-json", "surrogate", "", None),
    (b'{"input":[[1]],"kernel":"a\nb"}', "malformed-json", "byte", "", None),
    (b'{"input":[[1]],"input":[[2]],"kernel":[[1]]}', "duplicate-key", 'the key "input" stands twice', "", None),
    (b'{"input":[[1]],"kernel":[[1]],"inp\\u0075t":[[2]]}', "duplicate-key", '"input" stands twice', "", None),
    (
        b'{"input":[[1]],"kernel":{"name":"box","size":3,"size":5}}',
        "duplicate-key",
        '"size" stands twice',
        "/kernel",
        None,
    ),
    (b"[" * 100_000, "json-too-deep", "more than 64 deep", "", None),
    (b'{"a":' * 100_000, "json-too-deep", "more than 64 deep", "", None),
    (b'{"stride":' + b"[" * 5000 + b"]" * 5000 + b"}", "json-too-deep", "more than 64 deep", "", None),
]


@pytest.mark.parametrize(
    ("body", "slug", "detail", "pointer", "offset"), BROKEN, ids=[ascii(case[0][:50]) for case in BROKEN]
)
def test_broken_json(
    service: httpx.Client, body: bytes, slug: str, detail: str, pointer: str, offset: int | None
) -> None:
    problem = refused(service.post("/v1/conv2d", content=body, headers=JSON_TYPE), 400, slug, detail)
    assert problem["errors"][0]["pointer"].startswith(pointer)
    if offset is not None:
        assert problem["offset"] == offset
    if slug == "json-too-deep":
        assert (problem["limit"], problem["actual"]) == (64, 65)
    still_answers(service)


def test_nesting_inside_an_array_is_about_axes(service: httpx.Client) -> None:
    body = b'{"input":' + b"[" * 5000 + b"1" + b"]" * 5000 + b"}"
    response = service.post("/v1/conv2d", content=body, headers=JSON_TYPE)
    assert response.status_code in (400, 422)
    assert response.json()["type"] in ("/problems/too-many-axes", "/problems/json-too-deep")
    still_answers(service)


@pytest.mark.parametrize(
    ("headers", "detail"),
    [
        ({}, "there is no Content-Type"),
        ({"Content-Type": "text/plain"}, "'text/plain'; bodies are application/json or multipart/form-data"),
        ({"Content-Type": "application/xml"}, "bodies are application/json or multipart/form-data"),
        ({"Content-Type": "application/x-www-form-urlencoded"}, "bodies are application/json"),
        ({"Content-Type": "image/png"}, "bodies are application/json or multipart/form-data"),
        ({"Content-Type": "application/x-npy"}, "bodies are application/json or multipart/form-data"),
        ({"Content-Type": "multipart/mixed; boundary=x"}, "bodies are application/json"),
        ({"Content-Type": "json"}, "bodies are application/json"),
        ({"Content-Type": "application/json2"}, "bodies are application/json"),
    ],
)
@pytest.mark.parametrize("path", ["/v1/conv2d", "/v1/pool2d/plan"])
def test_other_media_types(service: httpx.Client, path: str, headers: dict[str, str], detail: str) -> None:
    response = service.post(path, content=GOOD, headers=headers)
    refused(response, 415, "unsupported-media-type", detail, "")
    assert "application/json" in response.headers["accept-post"]
    still_answers(service)


@pytest.mark.parametrize(
    ("encoding", "body", "status", "slug", "detail"),
    [
        ("br", GOOD, 415, "unsupported-content-encoding", "gzip and zstd are taken"),
        ("deflate", zlib.compress(GOOD), 415, "unsupported-content-encoding", "gzip and zstd are taken"),
        ("gzip, gzip", GOOD, 415, "unsupported-content-encoding", "once is taken"),
        ("gzip", GOOD, 400, "malformed-content-encoding", "not gzip"),
        ("gzip", b"", 400, "malformed-content-encoding", "ends early"),
        ("gzip", gzip.compress(GOOD)[:-5], 400, "malformed-content-encoding", "ends early"),
        ("gzip", gzip.compress(GOOD) + b"junk", 400, "malformed-content-encoding", "not gzip"),
        ("zstd", GOOD, 400, "malformed-content-encoding", "not zstd"),
        ("zstd", b"\x28\xb5\x2f\xfd", 400, "malformed-content-encoding", "zstd"),
    ],
)
def test_content_encodings(
    service: httpx.Client, encoding: str, body: bytes, status: int, slug: str, detail: str
) -> None:
    response = service.post("/v1/conv2d", content=body, headers=JSON_TYPE | {"Content-Encoding": encoding})
    refused(response, status, slug, detail, "")
    assert response.headers.get("accept-encoding") == ("gzip, zstd" if status == 415 else None)
    still_answers(service)


def png(width: int, height: int, data: bytes = b"\0" * 64) -> bytes:
    def chunk(kind: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(data)) + chunk(b"IEND", b"")


def npy(header: str, data: bytes = b"", version: int = 1) -> bytes:
    return b"\x93NUMPY" + bytes([version, 0]) + struct.pack("<H", len(header)) + header.encode() + data


WHOLE = "{'descr': '<f8', 'fortran_order': False, 'shape': (2,), }"
# file, status, slug, detail
FILES: dict[str, tuple[bytes, int, str, str]] = {
    "text": (b"hello", 422, "unrecognised-file", "begins with hello; it must be .npy, a JSON array or a picture"),
    "nothing": (b"", 422, "unrecognised-file", "is empty; it must be .npy, a JSON array or a picture"),
    "svg": (b"<svg/>", 422, "unrecognised-file", "must be .npy, a JSON array or a picture"),
    "pdf": (b"%PDF-1.4", 422, "unrecognised-file", "must be"),
    "zip": (b"PK\x03\x04aaaa", 422, "unrecognised-file", "must be"),
    "pickle": (b"\x80\x04\x95", 422, "unrecognised-file", "must be"),
    "64000 x 64000": (png(64000, 64000), 422, "picture-too-large", "64000 × 64000 = 4,096,000,000 pixels; at most"),
    "2 billion wide": (png(2**31 - 1, 1), 422, "picture-too-large|undecodable-picture", ""),
    "no pixels": (png(0, 5), 422, "undecodable-picture", "cannot be decoded"),
    "too little data": (png(100, 100), 422, "undecodable-picture", "truncated|corrupt"),
    "cut PNG": (png(4, 4)[:60], 422, "undecodable-picture", "truncated|corrupt"),
    "cut JPEG": (b"\xff\xd8\xff\xe0\x00\x10JFIF", 422, "undecodable-picture", "truncated|corrupt"),
    "cut GIF": (b"GIF89a\xff\xff\xff\xff", 422, "undecodable-picture|picture-too-large", ""),
    "cut WebP": (b"RIFF\x10\0\0\0WEBPVP8 ", 422, "undecodable-picture", "truncated|corrupt"),
    "cut TIFF": (b"II*\0\x08\0\0\0", 422, "undecodable-picture", "truncated|corrupt"),
    "empty BMP": (b"BM" + b"\0" * 60, 422, "undecodable-picture", "truncated|corrupt"),
    "broken JSON": (b"[[1,2],[3", 400, "malformed-json", "unexpected end of data at byte 9"),
    "JSON with NaN": (b"[[NaN]]", 400, "malformed-json", "byte 2"),
    "ragged JSON": (b"[[1,2],[3]]", 422, "ragged-array", "same length"),
    "JSON with booleans": (b"[[true]]", 422, "not-an-array", "write 1 or 0"),
    "cut npy": (b"\x93NUMPY\x01\x00v\x00{", 422, "invalid-npy", "header"),
    "npy of version 9": (npy(WHOLE, b"\0" * 16, 9), 422, "invalid-npy", "1.0, 2.0 and 3.0 are read"),
    "npy of code": (npy("__import__('os').system('id')"), 422, "invalid-npy", "header is not"),
    "npy of objects": (npy(WHOLE.replace("<f8", "|O"), b"\0" * 16), 422, "unsupported-dtype", "must be one of"),
    "npy of strings": (npy(WHOLE.replace("<f8", "<U8"), b"\0" * 64), 422, "unsupported-dtype", "must be one of"),
    "npy of complex": (npy(WHOLE.replace("<f8", "<c16"), b"\0" * 32), 422, "unsupported-dtype", "must be one of"),
    "npy of dates": (npy(WHOLE.replace("<f8", "<M8[s]"), b"\0" * 16), 422, "unsupported-dtype", "must be one of"),
    "npy that ends early": (
        npy(WHOLE, b"\0" * 8),
        422,
        "array-size-mismatch",
        r"8 bytes of data but shape \[2\] .* 16",
    ),
    "npy that goes on": (npy(WHOLE, b"\0" * 24), 422, "array-size-mismatch", "24 bytes of data"),
    "npy of terabytes": (npy(WHOLE.replace("(2,)", "(999999999999,)")), 422, "too-many-elements", "a request may hold"),
    "npy of nothing": (npy(WHOLE.replace("(2,)", "(0,)")), 422, "empty-array", "shape is .0.; every axis"),
    "npy with a negative axis": (npy(WHOLE.replace("(2,)", "(-2,)")), 422, "invalid-npy", "shape|header"),
    "npy of 9 axes": (npy(WHOLE.replace("(2,)", "(1,1,1,1,1,1,1,1,1)"), b"\0" * 8), 422, "too-many-axes", "at most 8"),
}


@pytest.mark.parametrize("name", FILES)
def test_files_that_are_none(service: httpx.Client, name: str) -> None:
    file, status, slugs, detail = FILES[name]
    response = service.post("/v1/conv2d", files={"input": ("photo.png", file), "kernel": (None, "[[1]]")})
    slug = response.json()["type"].removeprefix("/problems/")
    assert slug in slugs.split("|")
    problem = refused(response, status, slug, detail)
    assert problem["errors"][0]["pointer"].startswith("/input")
    still_answers(service)


@pytest.mark.parametrize(
    ("field", "file", "status", "slug", "detail"),
    [
        ("kernel", png(4, 4), 422, "unexpected-file", "pictures are taken for input"),
        ("bias", b"hello", 422, "unrecognised-file", "must be .npy or a JSON array"),
        ("stride", b"2", 422, "unexpected-file", "files are taken for bias, input, kernel, output_gradient"),
        ("unknown", b"2", 422, "unexpected-file", "files are taken for"),
    ],
)
def test_files_where_there_is_none(
    service: httpx.Client, field: str, file: bytes, status: int, slug: str, detail: str
) -> None:
    parts: dict[str, Any] = {"input": (None, "[[1]]"), "kernel": (None, "[[1]]"), field: ("x", file)}
    refused(service.post("/v1/conv2d", files=parts), status, slug, detail, f"/{field}")
    still_answers(service)


@pytest.mark.parametrize(
    ("field", "text", "status", "slug", "detail"),
    [
        ("input", "[[NaN]]", 400, "malformed-json", "byte 2"),
        ("input", "[[1]", 400, "malformed-json", "unexpected end"),
        ("input", "1,2,3", 422, "invalid-field", "nested lists of numbers"),
        ("input", "[[1,2],[3]]", 422, "ragged-array", "same length"),
        ("kernel", "{'name': 'box'}", 400, "malformed-json", "string key"),
        ("kernel", '{"name":"box","name":"box"}', 400, "duplicate-key", "stands twice"),
        ("stride", "two", 422, "invalid-field", 'stride is "two"; it must be an integer'),
        ("stride", "02", 422, "invalid-field", 'stride is "02"; it must be an integer'),
        ("stride", "2.0", 422, "invalid-field", "it must be an integer"),
        ("stride", "1e400", 400, "malformed-json", "infinity"),
        ("stride", "", 422, "invalid-field", 'stride is ""; it must be an integer'),
        ("stride", "true", 422, "invalid-field", "stride is true; it must be an integer"),
        ("padding", "SAME", 422, "invalid-field", '"valid", "same", "same_lower" and "full"'),
        ("dtype", "[1]", 422, "invalid-field", '"auto", "float64" or "float32"'),
        ("dtype", "3", 422, "invalid-field", '"auto", "float64" or "float32"'),
    ],
)
def test_text_parts(service: httpx.Client, field: str, text: str, status: int, slug: str, detail: str) -> None:
    parts: dict[str, Any] = {"input": (None, "[[1]]"), "kernel": (None, "[[1]]")} | {field: (None, text)}
    problem = refused(service.post("/v1/conv2d", files=parts), status, slug, detail)
    assert problem["errors"][0]["pointer"].startswith(f"/{field}")
    still_answers(service)


def part(name: str, content: bytes = b"[[1]]") -> bytes:
    return b'--x\r\nContent-Disposition: form-data; name="' + name.encode() + b'"\r\n\r\n' + content + b"\r\n"


@pytest.mark.parametrize(
    ("body", "slug", "detail"),
    [
        (b"", "malformed-form", "without its closing boundary"),
        (b"junk", "malformed-form", "near byte 0"),
        (b"--x\r\n", "malformed-form", "without its closing boundary"),
        (part("input")[:-2], "malformed-form", "without its closing boundary"),
        (part("input"), "malformed-form", "without its closing boundary"),
        (part("input").replace(b"form-data", b"attachment") + b"--x--\r\n", "malformed-form", "part 1"),
        (b"--x\r\nContent-Disposition: form-data\r\n\r\n1\r\n--x--\r\n", "malformed-form", "part 1 has no name"),
        (b"--x\r\n\r\n1\r\n--x--\r\n", "malformed-form", "part 1 has no Content-Disposition"),
        (part("") + b"--x--\r\n", "malformed-form", "part 1"),
        (part("a" * 101) + b"--x--\r\n", "malformed-form", "part 1"),
        (part("kernel", b"\xff\xfe") + b"--x--\r\n", "malformed-form", "not UTF-8 at byte 0"),
        (part("input") * 2 + b"--x--\r\n", "duplicate-part", "the field input came in two parts"),
        (b"".join(part(f"f{i}") for i in range(100)) + b"--x--\r\n", "too-many-parts", "more than 64 parts"),
        (b"--x\r\n" + b"X: y\r\n" * 50 + b"\r\n--x--\r\n", "malformed-form", "header"),
        (part("input").replace(b"\r\n\r\n", b"a" * 20_000 + b"\r\n\r\n") + b"--x--\r\n", "malformed-form", "header"),
        (
            part("input").replace(b"\r\n\r\n", b"\r\nContent-Transfer-Encoding: base64\r\n\r\n") + b"--x--\r\n",
            "malformed-form",
            "Content-Transfer-Encoding",
        ),
    ],
    ids=range(16),
)
def test_broken_forms(service: httpx.Client, body: bytes, slug: str, detail: str) -> None:
    headers = {"Content-Type": "multipart/form-data; boundary=x"}
    refused(service.post("/v1/conv2d", content=body, headers=headers), 400, slug, detail)
    still_answers(service)


@pytest.mark.parametrize(
    "value", ["multipart/form-data", "multipart/form-data; boundary=", f"multipart/form-data; boundary={'x' * 71}"]
)
def test_forms_without_a_boundary(service: httpx.Client, value: str) -> None:
    response = service.post("/v1/conv2d", content=part("input") + b"--x--\r\n", headers={"Content-Type": value})
    assert response.json()["status"] == 400
    refused(response, 400, "malformed-form", "Content-Type")


class TestTooManyBytes:
    LIMIT = 100_000

    @pytest.fixture
    def small(self, serve: Serve) -> httpx.Client:
        return serve(Settings(max_body_bytes=self.LIMIT, max_decoded_bytes=2 * self.LIMIT))

    def endless(self) -> Iterator[bytes]:
        yield b'{"input":[['
        for _ in range(1000):
            yield b"1," * 500

    def test_by_its_length(self, small: httpx.Client) -> None:
        response = small.post("/v1/conv2d", content=b" " * (self.LIMIT + 1), headers=JSON_TYPE)
        problem = refused(response, 413, "body-too-large", "this service takes 100,000", "")
        assert (problem["limit"], problem["actual"]) == (self.LIMIT, self.LIMIT + 1)
        still_answers(small)

    def test_without_a_length(self, small: httpx.Client) -> None:
        response = small.post("/v1/conv2d", content=self.endless(), headers=JSON_TYPE)
        assert "content-length" not in response.request.headers
        problem = refused(response, 413, "body-too-large", "this service takes 100,000", "")
        assert problem["actual"] > problem["limit"] == self.LIMIT
        still_answers(small)

    def test_in_a_form_without_a_length(self, small: httpx.Client) -> None:
        headers = {"Content-Type": "multipart/form-data; boundary=x"}

        def form() -> Iterator[bytes]:
            yield b'--x\r\nContent-Disposition: form-data; name="input"\r\n\r\n'
            yield from self.endless()

        refused(small.post("/v1/conv2d", content=form(), headers=headers), 413, "body-too-large", "100,000", "")
        still_answers(small)

    @pytest.mark.parametrize("kind", ["json", "form"])
    def test_after_decompression(self, small: httpx.Client, kind: str) -> None:
        content = b" " * 5_000_000 if kind == "json" else part("input", b" " * 5_000_000) + b"--x--\r\n"
        media_type = "application/json" if kind == "json" else "multipart/form-data; boundary=x"
        headers = {"Content-Type": media_type, "Content-Encoding": "gzip"}
        response = small.post("/v1/conv2d", content=gzip.compress(content), headers=headers)
        problem = refused(response, 413, "body-too-large", "more than 200,000 bytes", "")
        assert problem["actual"] > problem["limit"] == 2 * self.LIMIT
        still_answers(small)

    def test_a_body_of_the_limit_is_taken(self, small: httpx.Client) -> None:
        body = GOOD.ljust(self.LIMIT)
        assert small.post("/v1/conv2d", content=body, headers=JSON_TYPE).status_code == 200

    def test_the_limit_holds_for_bytes_before_it_is_known_what_they_are(self, small: httpx.Client) -> None:
        response = small.post("/v1/nothing", content=b" " * (self.LIMIT + 1))
        assert response.status_code in (404, 413)
        still_answers(small)


class TestLengthsThatLie:
    """Spoken over a bare socket, as no client library would."""

    def say(self, client: httpx.Client, request: bytes, *, then_close: bool = False) -> bytes:
        with socket.create_connection((client.base_url.host, client.base_url.port or 80), timeout=10) as line:
            line.sendall(request)
            if then_close:
                line.shutdown(socket.SHUT_WR)
            answer = b""
            while chunk := line.recv(65536):
                answer += chunk
            return answer

    def head(self, *headers: str) -> bytes:
        lines = ["POST /v1/conv2d HTTP/1.1", "Host: x", "Content-Type: application/json", "Connection: close", *headers]
        return "\r\n".join(lines).encode() + b"\r\n\r\n"

    def test_a_length_beyond_what_comes(self, service: httpx.Client) -> None:
        answer = self.say(service, self.head("Content-Length: 5000") + GOOD, then_close=True)
        assert not answer.startswith(b"HTTP/1.1 2")
        still_answers(service)

    def test_a_body_that_stops_is_not_waited_for(self, serve: Serve) -> None:
        client = serve(Settings(body_seconds=0.2))
        answer = self.say(client, self.head("Content-Length: 5000") + GOOD)
        head, _, body = answer.partition(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 408")
        problem = json.loads(body)
        assert problem["type"] == "/problems/slow-body"
        assert "0.2 seconds" in problem["detail"]
        assert problem["limit"] == 0.2
        assert 0.19 <= problem["actual"] < 10
        still_answers(client)

    def test_a_form_that_stops_is_not_waited_for(self, serve: Serve) -> None:
        client = serve(Settings(body_seconds=0.2))
        head = self.head("Content-Length: 5000").replace(b"application/json", b"multipart/form-data; boundary=x")
        answer = self.say(client, head + part("input"))
        assert answer.startswith(b"HTTP/1.1 408")
        still_answers(client)

    @pytest.mark.parametrize(
        "headers",
        [
            ("Content-Length: 5",),
            ("Content-Length: -5",),
            ("Content-Length: many",),
            ("Content-Length: 34", "Content-Length: 35"),
            ("Content-Length: 99999999999999999999",),
        ],
    )
    def test_a_length_that_is_wrong_is_a_4xx(self, service: httpx.Client, headers: tuple[str, ...]) -> None:
        answer = self.say(service, self.head(*headers) + GOOD, then_close=True)
        assert answer.startswith(b"HTTP/1.1 4"), answer[:200]
        still_answers(service)

    @pytest.mark.parametrize("body", [b"zz\r\n{}\r\n0\r\n\r\n", b"-5\r\nhello\r\n0\r\n\r\n", b"ffffffffffffffffff\r\n"])
    def test_broken_chunks(self, service: httpx.Client, body: bytes) -> None:
        answer = self.say(service, self.head("Transfer-Encoding: chunked") + body, then_close=True)
        assert not answer.startswith(b"HTTP/1.1 2")
        still_answers(service)


class TestNegotiationRefused:
    def test_it_is_refused_before_the_body_is_read(self, service: httpx.Client) -> None:
        response = service.post("/v1/conv2d", content=b"{", headers=JSON_TYPE | {"Accept": "text/html"})
        refused(response, 406, "not-acceptable", "application/json")

    @pytest.mark.parametrize("accept", ["text/html", ";;;", "q=1", "application/json;q=nonsense", "/", "a/b;q=-1"])
    def test_nonsense_accepts_nothing(self, service: httpx.Client, accept: str) -> None:
        response = service.post("/v1/conv2d", content=GOOD, headers=JSON_TYPE | {"Accept": accept})
        refused(response, 406, "not-acceptable", "this answer comes as application/json", "")
        still_answers(service)


@pytest.mark.parametrize(
    ("method", "path", "status", "slug", "detail"),
    [
        ("GET", "/v1/conv2d", 405, "method-not-allowed", "does not take GET; it takes POST"),
        ("PUT", "/v1/conv2d", 405, "method-not-allowed", "it takes POST"),
        ("DELETE", "/v1/pool2d/plan", 405, "method-not-allowed", "it takes POST"),
        ("PATCH", "/v1/kernels", 405, "method-not-allowed", "it takes GET"),
        ("POST", "/livez", 405, "method-not-allowed", "it takes GET"),
        ("GET", "/v1/nothing", 404, "not-found", "there is nothing at /v1/nothing; GET /docs lists every path"),
        ("POST", "/v1/conv4d", 404, "not-found", "there is nothing at /v1/conv4d"),
        ("POST", "/v1/conv2d/", 404, "not-found", "there is nothing at"),
        ("POST", "/v1/conv2d/plan/plan", 404, "not-found", "there is nothing at"),
        ("POST", "/v2/conv2d", 404, "not-found", "there is nothing at"),
        ("GET", "/problems/none", 404, "not-found", "GET /problems lists them"),
        ("GET", "/v1/kernels/none", 404, "not-found", "There are: identity, box"),
        ("GET", "/static/none.css", 404, "not-found", "there is nothing at"),
        ("GET", "/static/%2e%2e/app.py", 404, "not-found", "there is nothing at"),
        ("GET", "/%00", 404, "not-found", "there is nothing at"),
        ("GET", "/" + "a" * 5000, 404, "not-found", "there is nothing at /aaa"),
    ],
)
def test_paths_and_methods(service: httpx.Client, method: str, path: str, status: int, slug: str, detail: str) -> None:
    response = service.request(method, path)
    problem = refused(response, status, slug, detail)
    assert len(problem["detail"]) < 600
    if status == 405:
        assert response.headers["allow"] in problem["detail"]


@pytest.mark.parametrize(
    ("query", "slug", "detail"),
    [
        ("size=4", "kernel-parameter-invalid", "must be odd: try 3 or 5"),
        ("size=a", "kernel-parameter-invalid", "odd integer from 1 to"),
        ("size=3.5", "kernel-parameter-invalid", "odd integer"),
        ("size=-3", "kernel-parameter-invalid", "odd integer|from 1"),
        ("size=99999999", "kernel-parameter-invalid", "from 1 to|at most"),
        ("size=", "kernel-parameter-invalid", "odd integer"),
        ("sigma=nan", "kernel-parameter-invalid", "number from"),
        ("sigma=inf", "kernel-parameter-invalid", "number from"),
        ("sigma=1e400", "kernel-parameter-invalid", "number from"),
        ("sigma=0", "kernel-parameter-invalid", "from 0.1"),
        ("sise=3", "unknown-kernel-parameter", "it takes size, sigma. Did you mean size"),
        ("size=3&size=5", "invalid-field", "give it once"),
    ],
)
def test_a_kernels_parameters(service: httpx.Client, query: str, slug: str, detail: str) -> None:
    refused(service.get(f"/v1/kernels/gaussian?{query}"), 422, slug, detail, "/" + query.split("=")[0])


HUGE = 2**31 - 1


@pytest.mark.parametrize(
    ("path", "fields"),
    [
        ("/v1/conv2d", {"input": [[1]], "kernel": [[1]], "padding": HUGE}),
        (
            "/v1/conv3d",
            {"input": [[[1]]], "kernel": [[[1]]], "padding": "full", "dilation": HUGE, "padding_mode": "wrap"},
        ),
        ("/v1/conv3d", {"input": [[[1]]], "kernel": [[[1, 1]]], "padding": HUGE}),
        # Two windows of two taps each, that lie 2^31 cells apart.
        ("/v1/conv1d", {"input": [1], "kernel": [1, 1], "padding": "full", "dilation": HUGE, "stride": HUGE}),
        ("/v1/conv_transpose1d", {"input": [1], "kernel": [1, 1], "dilation": HUGE, "padding": HUGE // 2}),
        ("/v1/conv_transpose3d", {"input": [[[1, 1]] * 2] * 2, "kernel": [[[1, 1]] * 2] * 2, "stride": HUGE}),
        ("/v1/conv_transpose2d", {"input": [[1, 1]] * 2, "kernel": [[1, 1]] * 2, "dilation": HUGE}),
        ("/v1/pool3d", {"input": [[[1]]], "output_size": HUGE}),
        ("/v1/pool2d", {"input": [[1]], "output_size": [HUGE, HUGE]}),
    ],
)
def test_sizes_beyond_all_measure(service: httpx.Client, path: str, fields: dict[str, Any]) -> None:
    """What is asked for has more elements than 64 bits count, and still is only beyond a limit."""
    response = service.post(path, json=fields)
    if response.status_code != 200:  # a kernel of one tap spans one cell however far apart its taps would be
        problem = refused(response, 422, "limit-exceeded", "max_", "")
        assert problem["actual"] > problem["limit"]
    planned = service.post(f"{path}/plan", json=fields)
    assert planned.status_code == 200, planned.text
    assert planned.json()["accepted"] is (response.status_code == 200)
    still_answers(service)


def test_a_plan_counts_beyond_64_bits(service: httpx.Client) -> None:
    fields = {"input_shape": [HUGE, 1000, HUGE, HUGE], "kernel_shape": [1000, 1000, 3, 3]}
    planned = answered(service, "/v1/conv2d/plan", **fields)
    assert planned["macs"] == HUGE * 1000 * (HUGE - 2) ** 2 * 1000 * 9
    assert planned["refused_by"] == "max_input_elements"


def test_a_batch_norm_is_planned_with_a_bias_that_it_would_run_with(service: httpx.Client) -> None:
    layer = {"type": "batch_norm", "mean": None, "variance": None, "weight": None, "bias": 0}
    response = service.post("/v1/networks/plan", json={"input_shape": [1], "layers": [layer]})
    refused(response, 422, "shape-mismatch", r"it must be \[1\], one number a channel", "/layers/0/bias")
