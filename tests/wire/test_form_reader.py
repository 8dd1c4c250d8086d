"""The values of a form: text, numbers, JSON, arrays and files, told apart by their bytes."""

from __future__ import annotations

import json
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from service.wire import Form, Picture, WireError, errors, read_form, write_npy, write_picture
from service.wire.form_parts import Part
from tests.wire.asked import FIELDS, LIMITS

ARRAY = np.arange(6, dtype=np.int16).reshape(2, 3)
PNG = write_picture(np.arange(12, dtype=np.uint8).reshape(3, 4), None, "png")


def text(name: str, data: bytes) -> Any:
    return read_form(Form((Part(name, None, bytearray(data)),)), FIELDS, LIMITS)[name]


def file(name: str, data: bytes) -> Any:
    return read_form(Form((Part(name, "any.bin", bytearray(data)),)), FIELDS, LIMITS)[name]


@pytest.mark.parametrize(
    ("name", "data", "value"),
    [
        ("kernel", b"sobel_x", "sobel_x"),
        ("stride", b"2", 2),
        ("stride", b" 2\r\n", 2),
        ("stride", b"-1.5e1", -15.0),
        ("stride", b"-0.0", -0.0),
        ("stride", b"123456789012345678901234567890", 1.2345678901234568e29),
        ("stride", b"9007199254740993", 9007199254740993),
        ("stride", b"[2, 1]", [2, 1]),
        ("stride", b'{"a": [1, 2.5]}', {"a": [1, 2.5]}),
        ("ceil_mode", b"true", True),
        ("ceil_mode", b"false\n", False),
        # Not JSON, and no attempt at it: a string, for the schema to judge.
        ("stride", b"", ""),
        ("stride", b"null", "null"),
        ("stride", b"True", "True"),
        ("stride", b"NaN", "NaN"),
        ("stride", b"Infinity", "Infinity"),
        ("stride", b"-Infinity", "-Infinity"),
        ("stride", b"01", "01"),
        ("stride", b"+1", "+1"),
        ("stride", b"1.", "1."),
        ("stride", b"0x10", "0x10"),
        ("stride", b"1_000", "1_000"),
        ("stride", "1\u0661".encode(), "1\u0661"),  # a digit, but none of JSON's
        ("stride", b'"2"', '"2"'),
        ("stride", b"2 3", "2 3"),
        ("stride", "größe".encode(), "größe"),
        # A field of strings keeps its text, whatever it looks like.
        ("method", b"2", "2"),
        ("method", b"true", "true"),
        ("method", b"[1", "[1"),
        ("method", b" fft ", " fft "),
        ("stride", b" " * 200_000, " " * 200_000),
    ],
)
def test_text_parts(name: str, data: bytes, value: Any) -> None:
    got = text(name, data)
    assert (got, type(got)) == (value, type(value))


@pytest.mark.parametrize("take", [text, file])
@pytest.mark.parametrize(
    "data",
    [
        b"[[0, 1, 2], [3, 4, 5]]",
        b"\r\n [[0, 1, 2], [3, 4, 5]]\n",
        b"\r" * 200_000 + b"[[0, 1, 2], [3, 4, 5]]",
        b'{"shape": [2, 3], "dtype": "int16", "data": [0, 1, 2, 3, 4, 5]}',
        b'{"shape": [2, 3], "dtype": "int16", "base64": "AAABAAIAAwAEAAUA"}',
    ],
)
def test_arrays_as_text_and_as_files(take: Any, data: bytes) -> None:
    np.testing.assert_array_equal(take("kernel", data), ARRAY)


def test_a_npy_file_is_told_by_its_bytes() -> None:
    array = file("kernel", write_npy(ARRAY))
    assert array.dtype == np.int16
    np.testing.assert_array_equal(array, ARRAY)


def test_a_named_kernel_may_be_a_file() -> None:
    assert file("kernel", b'{"name": "box"}') == {"name": "box"}


def test_a_picture_is_told_by_its_bytes() -> None:
    picture = file("input", PNG)
    assert isinstance(picture, Picture)
    assert picture.pixels.tolist() == [[[0, 1, 2, 3], [4, 5, 6, 7], [8, 9, 10, 11]]]


def test_parts_become_one_document() -> None:
    parts = (Part("kernel", None, bytearray(b"[[1]]")), Part("input", "a", bytearray(write_npy(ARRAY))))
    document = read_form(Form(parts), FIELDS, LIMITS)
    assert list(document) == ["kernel", "input"]
    np.testing.assert_array_equal(document["input"], ARRAY)


def test_elements_are_counted_over_all_parts() -> None:
    half = write_npy(np.zeros((250, 200), np.uint8))
    layers = b'[{"kernel": [[1]]}]'
    parts = [("input", "a", half), ("kernel", "b", half), ("layers", None, layers)]
    for count, refused in ((2, False), (3, True)):
        form = Form(tuple(Part(name, filename, bytearray(data)) for name, filename, data in parts[:count]))
        if not refused:
            assert len(read_form(form, FIELDS, LIMITS)) == 2
            continue
        with pytest.raises(errors.TooManyElements, match="100,001 elements") as caught:
            read_form(form, FIELDS, LIMITS)
        assert caught.value.pointer == "/layers"


FAULTS: list[tuple[Any, str, bytes, type[WireError], str, str]] = [
    (text, "kernel", b"[[1, 0, -1]", errors.MalformedJSON, "/kernel", "at byte 11"),
    (text, "kernel", b"{name: 1}", errors.MalformedJSON, "/kernel", "at byte 1"),
    (text, "stride", b"[1, 2", errors.MalformedJSON, "/stride", "at byte 5"),
    (text, "stride", b" [NaN]", errors.MalformedJSON, "/stride", "at byte 2"),
    (text, "stride", b'{"a": 1, "a": 2}', errors.DuplicateKey, "/stride", '"a" stands twice'),
    (text, "stride", b"1e400", errors.MalformedJSON, "/stride", "infinity"),
    (text, "stride", b"\xff\xfe", errors.MalformedForm, "/stride", "not UTF-8 at byte 0"),
    (text, "method", b"a\xff", errors.MalformedForm, "/method", "not UTF-8 at byte 1"),
    (text, "input", PNG, errors.MalformedForm, "/input", "send an array or picture as a file"),
    (text, "kernel", b"[[1], [2, 3]]", errors.RaggedArray, "/kernel/1", "has 2 elements"),
    (text, "kernel", b'["1"]', errors.NotAnArray, "/kernel/0", "without quotes"),
    (file, "kernel", b"[1, true]", errors.NotAnArray, "/kernel/1", "is true"),
    (file, "kernel", b"[1, 2", errors.MalformedJSON, "/kernel", "at byte 5"),
    (file, "kernel", write_npy(ARRAY)[:-1], errors.ArraySizeMismatch, "/kernel", "11 bytes"),
    (file, "kernel", b"\x93NUMPY", errors.InvalidNpy, "/kernel", "ends after 6 bytes"),
    (file, "kernel", PNG, errors.UnexpectedFile, "/kernel", "pictures are taken for input"),
    (file, "input", PNG[:40], errors.UndecodablePicture, "/input", "PNG picture cannot be decoded"),
    (file, "kernel", b"", errors.UnrecognisedFile, "/kernel", r"is empty; it must be \.npy or a JSON array"),
    (file, "input", b"", errors.UnrecognisedFile, "/input", "is empty.*a picture"),
    (file, "input", b"%PDF-1.7", errors.UnrecognisedFile, "/input", "begins with %PDF-1.7"),
    (file, "input", b"PK\x03\x04", errors.UnrecognisedFile, "/input", r"begins with PK\\x03\\x04"),
    (file, "input", b"1,2\n3,4\n", errors.UnrecognisedFile, "/input", "begins with 1,2"),
    (file, "input", b"\xef\xbb\xbf[1]", errors.UnrecognisedFile, "/input", r"begins with \\xef\\xbb\\xbf"),
    (file, "input", b'"text"', errors.UnrecognisedFile, "/input", "begins with"),
    (file, "input", b"%!PS-Adobe-3.0 EPSF", errors.UnrecognisedFile, "/input", "begins with %!PS"),
    (file, "input", b"\x89HDF\r\n\x1a\n", errors.UnrecognisedFile, "/input", "begins with"),
    (file, "input", b"<svg xmlns=", errors.UnrecognisedFile, "/input", "begins with <svg"),
]


@pytest.mark.parametrize(("take", "name", "data", "kind", "pointer", "words"), FAULTS)
def test_a_faulty_part_is_refused(
    take: Any, name: str, data: bytes, kind: type[WireError], pointer: str, words: str
) -> None:
    with pytest.raises(kind, match=words) as caught:
        take(name, data)
    assert type(caught.value) is kind
    assert caught.value.pointer == pointer


@settings(derandomize=True, max_examples=200, deadline=None)
@given(st.binary(max_size=30), st.sampled_from(["input", "kernel", "stride", "method"]))
def test_junk_gives_a_value_or_a_wire_error(data: bytes, name: str) -> None:
    for take in (text, file):
        with suppress(WireError):
            take(name, data)


@settings(derandomize=True, max_examples=100, deadline=None)
@given(st.one_of(st.integers(-(2**63), 2**63), st.floats(allow_nan=False, allow_infinity=False), st.booleans()))
def test_numbers_are_what_json_says(value: Any) -> None:
    written = json.dumps(value).encode()
    got = text("stride", written)
    assert (got, type(got)) == (json.loads(written), type(value))


def test_the_photograph_is_read() -> None:
    data = (Path(__file__).parents[1] / "data" / "grace_hopper.jpg").read_bytes()
    limits = {"max_picture_pixels": 10**6, "max_elements": 10**7}
    wide = type(LIMITS)(**{**LIMITS.__dict__, **limits})
    picture = read_form(Form((Part("input", "g.jpg", bytearray(data)),)), FIELDS, wide)["input"]
    assert picture.pixels.shape == (3, 600, 512)
    assert picture.alpha is None
