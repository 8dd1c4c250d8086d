"""Forms taken apart: as browsers and curl send them, in chunks of any size, and refused in words when they are not."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import replace

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from service.wire import Form, WireError, errors, gather_form
from tests.wire.asked import FIELDS, LIMITS

TYPE = "multipart/form-data; boundary=cut"
END = b"--cut--\r\n"


def part(disposition: bytes, data: bytes = b"1", more: bytes = b"") -> bytes:
    return b"--cut\r\nContent-Disposition: " + disposition + more + b"\r\n\r\n" + data + b"\r\n"


def field(name: str, data: bytes = b"1") -> bytes:
    return part(f'form-data; name="{name}"'.encode(), data)


def gather(body: bytes, content_type: str = TYPE, chunk: int = 65536, limits: int | None = None) -> Form:
    async def stream() -> AsyncIterator[bytes]:
        for start in range(0, len(body), chunk):
            yield body[start : start + chunk]

    bounded = LIMITS if limits is None else replace(LIMITS, max_decoded_bytes=limits)
    return asyncio.run(gather_form(stream(), content_type, FIELDS, bounded))


@pytest.mark.parametrize("chunk", [1, 2, 3, 7, 64, 65536])
def test_parts_come_out_whatever_the_chunks(chunk: int) -> None:
    file = part(b'form-data; name="input"; filename="x"', b"\r\n--cu\r\n--cutter\r\n-", b"\r\nContent-Type: a/b")
    form = gather(field("stride", b"2") + file + field("kernel", b"") + END, chunk=chunk)
    assert [(p.name, p.filename, bytes(p.data)) for p in form.parts] == [
        ("stride", None, b"2"),
        ("input", "x", b"\r\n--cu\r\n--cutter\r\n-"),
        ("kernel", None, b""),
    ]


def test_what_a_client_library_sends_is_read() -> None:
    request = httpx.Request(
        "POST", "http://x", data={"kernel": "sobel_x"}, files={"input": ('a "b".npy', b"\x93NUMPY\r\n")}
    )
    form = gather(request.read(), request.headers["Content-Type"])
    assert [(p.name, p.filename, bytes(p.data)) for p in form.parts] == [
        ("kernel", None, b"sobel_x"),
        ("input", "a %22b%22.npy", b"\x93NUMPY\r\n"),
    ]


@pytest.mark.parametrize(
    ("disposition", "name", "filename"),
    [
        (b'form-data; name="stride"', "stride", None),
        (b"form-data; name=stride", "stride", None),
        (b'FORM-DATA ;NAME="stride" ; ', "stride", None),
        (b'form-data; name="a\\"b\\\\c"', 'a"b\\c', None),
        ('form-data; name="größe"'.encode(), "größe", None),
        (b'form-data; filename="C:\\dir\\a.npy"; name="input"', "input", "C:dira.npy"),  # an old browser's path
        (b'form-data; name="input"; filename=""', "input", ""),
        (b"form-data; name=\"input\"; filename*=utf-8''%e4.npy", "input", "utf-8''%e4.npy"),
    ],
)
def test_dispositions_that_clients_write_are_read(disposition: bytes, name: str, filename: str | None) -> None:
    only = gather(part(disposition) + END).parts[0]
    assert (only.name, only.filename) == (name, filename)


@pytest.mark.parametrize("value", ['multipart/form-data; boundary="cut"', "Multipart/Form-Data ; x=y; Boundary=cut"])
def test_content_types_that_clients_write_are_read(value: str) -> None:
    assert len(gather(field("a") + END, value).parts) == 1


def test_an_empty_form_has_no_parts() -> None:
    assert gather(END).parts == ()


def test_what_follows_the_closing_boundary_is_not_read() -> None:
    assert len(gather(field("a") + END + field("a") + b"junk").parts) == 1


CONTENT_TYPES = [
    ("multipart/form-data", "no boundary"),
    ("multipart/form-data; boundary=", "not name=value"),
    ('multipart/form-data; boundary=""', "no boundary"),
    ("multipart/form-data; boundary=" + "x" * 71, "no boundary of 1 to 70"),
    ("multipart/form-data; boundary=ä", "not name=value"),
    ('multipart/form-data; boundary="ä"', "ASCII"),
    ("multipart/form-data; boundary=a; boundary=cut", "boundary twice"),
    ("multipart/form-data; boundary*=utf-8''cut", "no boundary"),
    ("multipart/form-data, boundary=cut", "not a value"),
    ("multipart/mixed; boundary=cut", "is not multipart/form-data"),
    ("application/json", "is not multipart/form-data"),
    ("", "not a value"),
    (";", "not a value"),
    ("multipart/form-data; boundary=\udcff", "not name=value"),
]


@pytest.mark.parametrize(("content_type", "words"), CONTENT_TYPES)
def test_a_faulty_content_type_is_refused(content_type: str, words: str) -> None:
    with pytest.raises(errors.MalformedForm, match=words):
        gather(field("a") + END, content_type)


BODIES = [
    (b"", "ends after 0 bytes without its closing boundary"),
    (b"--cut", "without its closing boundary"),
    (field("a"), "without its closing boundary"),
    ((field("a") + END)[:-4], "without its closing boundary"),
    (field("a")[:-2] + b"--cut", "without its closing boundary"),
    (b"no form at all", "near byte 0"),
    (b"preamble\r\n" + field("a") + END, "near byte 0"),
    (field("a").replace(b"cut", b"cat") + END, "near byte 3: Expected boundary character"),
    (field("a").replace(b"\r\n", b"\n") + b"--cut--\n", "near byte 5: Did not find CR"),
    (b"--cut\r\n\r\nx\r\n" + END, "part 1 has no Content-Disposition"),
    (b"--cut\r\nX: y\r\n\r\nx\r\n" + END, "part 1 has no Content-Disposition"),
    (b"--cut\r\njunk\r\n\r\nx\r\n" + END, "invalid character"),
    (b"--cut\r\n: x\r\n\r\nx\r\n" + END, "0-length header"),
    (b"--cut\r\nA\x00: x\r\n\r\nx\r\n" + END, "invalid character"),
    (part(b"form-data;\r\n name=a") + END, "invalid character"),  # a folded header
    (field("a") + part(b"form-data") + END, "part 2 has no name"),
    (part(b"attachment; name=a") + END, "is not form-data"),
    (part(b'form-data; name=""') + END, "name of part 1 is empty"),
    (part(b'form-data; name="a\x00b"') + END, "unprintable"),
    (part('form-data; name="a\u202eb"'.encode()) + END, "unprintable"),
    (part(b'form-data; name="' + b"a" * 101 + b'"') + END, "too long"),
    (part(b'form-data; name="\xff"') + END, "not UTF-8"),
    (part(b'form-data; name="a') + END, "not name=value"),
    (part(b"form-data; name=a b") + END, "not name=value"),
    (part(b"form-data; a") + END, "not name=value"),
    (part(b"form-data; name=a; name=b") + END, "the parameter name twice"),
    (part(b"form-data; name*=utf-8''a") + END, "part 1 has no name"),
    (part(b"") + END, "has no Content-Disposition"),
    (part(b";name=a") + END, "not a value"),
    (part(b"form-data; name=a", more=b"\r\nContent-Disposition: form-data; name=b") + END, "two content-disposition"),
    (part(b"form-data; name=a", more=b"\r\nContent-Transfer-Encoding: base64") + END, "parts are sent as they are"),
    (part(b"form-data; name=a", more=b"\r\nX: " + b"y" * 600) + END, "a header of more than 512 bytes near byte"),
    (part(b"form-data; name=a", more=b"\r\n" + b"x" * 600 + b": y") + END, "a header of more than 512 bytes near byte"),
    (part(b"form-data; name=a", more=b"".join(b"\r\nX%d: y" % i for i in range(9))) + END, "header count exceeded"),
]


@pytest.mark.parametrize("chunk", [1, 65536])
@pytest.mark.parametrize(("body", "words"), BODIES)
def test_a_faulty_body_is_refused(body: bytes, words: str, chunk: int) -> None:
    with pytest.raises(errors.MalformedForm, match=words):
        gather(body, chunk=chunk)


def test_a_field_in_two_parts_is_refused() -> None:
    with pytest.raises(errors.DuplicatePart, match="the field stride came in two parts") as caught:
        gather(field("stride") + field("kernel") + field("stride") + END)
    assert caught.value.pointer == "/stride"


def test_a_header_beyond_the_limit_is_told_with_it() -> None:
    with pytest.raises(errors.MalformedForm, match="more than 512 bytes near byte 50") as caught:
        gather(part(b"form-data; name=a", more=b"\r\nX: " + b"y" * 600) + END)
    assert caught.value.extra == {"offset": 50, "limit": 512, "actual": 513}


def test_too_many_parts_are_refused() -> None:
    parts = [field(f"a{i}") for i in range(7)]
    assert len(gather(b"".join(parts[:6]) + END).parts) == 6
    with pytest.raises(errors.TooManyParts, match="more than 6 parts") as caught:
        gather(b"".join(parts) + END)
    assert caught.value.extra == {"limit": 6, "actual": 7}


def test_a_file_for_another_field_is_refused_by_its_headers_alone() -> None:
    with pytest.raises(errors.UnexpectedFile, match="files are taken for input, kernel") as caught:
        gather(part(b'form-data; name="stride"; filename="x"')[:-3])  # the body has not even ended
    assert caught.value.pointer == "/stride"


def test_bytes_are_counted_as_they_come() -> None:
    body = field("a", bytes(1000)) + END
    assert len(gather(body, chunk=100, limits=len(body)).parts) == 1
    with pytest.raises(errors.BodyTooLarge, match="more than 500 bytes") as caught:
        gather(body, chunk=100, limits=500)
    assert caught.value.extra == {"limit": 500, "actual": 600}


def test_no_byte_of_a_part_reaches_a_log_line() -> None:
    assert "secret" not in repr(gather(field("a", b"secret") + END))


@settings(derandomize=True, max_examples=300, deadline=None)
@given(st.data())
def test_a_changed_byte_gives_a_form_or_a_wire_error(data: st.DataObject) -> None:
    good = field("stride") + part(b'form-data; name="input"; filename="x"', b"[1]", b"\r\nContent-Type: a/b") + END
    position = data.draw(st.integers(0, len(good) - 1))
    bad = good[:position] + data.draw(st.binary(max_size=2)) + good[position + 1 :]
    with suppress(WireError):
        assert len(gather(bad, chunk=data.draw(st.integers(1, 20))).parts) <= 2
