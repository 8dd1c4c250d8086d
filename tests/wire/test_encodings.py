"""Content-Encoding: what other programs compress is read, and no bomb, stub or rest gets through."""

from __future__ import annotations

import gzip
import sys
import zlib
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from service.wire import ENCODINGS, decode_content, encode_content, errors
from service.wire.encodings import ContentEncoding
from tests.wire.asked import LIMITS

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd


def _gzip(data: bytes, level: int = 9) -> bytes:
    """Without the time of day: two test processes must collect tests of the same names."""
    return gzip.compress(data, level, mtime=0)


TEXT = b'{"input": [[1, 2], [3, 4]]}' * 40
LIMIT = LIMITS.max_decoded_bytes


@pytest.mark.parametrize("header", [None, "", "identity", " Identity "])
def test_a_plain_body_is_itself(header: str | None) -> None:
    assert decode_content(TEXT, header, LIMITS) is TEXT


@pytest.mark.parametrize(
    ("header", "body"),
    [
        ("gzip", _gzip(TEXT)),
        ("GZIP", _gzip(TEXT, 0)),
        ("x-gzip", _gzip(TEXT)),
        ("identity, gzip", _gzip(TEXT)),
        ("zstd", zstd.compress(TEXT)),
        ("gzip", _gzip(TEXT[:10]) + _gzip(b"") + _gzip(TEXT[10:])),
        ("zstd", zstd.compress(TEXT[:10]) + zstd.compress(b"") + zstd.compress(TEXT[10:])),
        ("zstd", b"\x50\x2a\x4d\x18\x03\x00\x00\x00abc" + zstd.compress(TEXT)),  # a skippable frame first
    ],
)
def test_bodies_that_others_compress_are_read(header: str, body: bytes) -> None:
    assert decode_content(bytearray(body), header, LIMITS) == TEXT


@settings(derandomize=True, max_examples=60, deadline=None)
@given(st.binary(max_size=3000), st.integers(1, 400), st.sampled_from(ENCODINGS), st.integers(1, 3))
def test_what_is_encoded_comes_back(seed: bytes, times: int, encoding: ContentEncoding, members: int) -> None:
    body = (seed * times)[: LIMIT // 3]
    encoded = encode_content(body, encoding)
    assert encoded == encode_content(body, encoding)
    assert decode_content(encoded * members, encoding, LIMITS) == body * members


@pytest.mark.parametrize("encoding", ENCODINGS)
@pytest.mark.parametrize("size", [0, 1, LIMIT - 1, LIMIT])
def test_bodies_up_to_the_limit_are_read(encoding: ContentEncoding, size: int) -> None:
    assert len(decode_content(encode_content(bytes(size), encoding), encoding, LIMITS)) == size


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_much_comes_out_of_little(encoding: ContentEncoding) -> None:
    body = bytes(5 * 1024 * 1024)  # more than is asked for at a time, from less than is given at a time
    limits = replace(LIMITS, max_decoded_bytes=len(body))
    assert decode_content(encode_content(body, encoding), encoding, limits) == body


@pytest.mark.parametrize(
    ("header", "body"),
    [
        (None, bytes(LIMIT + 1)),
        ("gzip", _gzip(bytes(LIMIT + 1))),
        ("zstd", zstd.compress(bytes(LIMIT + 1))),
        ("gzip", _gzip(bytes(200 * LIMIT))),
        ("zstd", zstd.compress(bytes(200 * LIMIT))),
        ("gzip", _gzip(bytes(LIMIT)) + _gzip(b"x")),
        ("zstd", zstd.compress(bytes(LIMIT)) + zstd.compress(b"x")),
    ],
)
def test_a_body_beyond_the_limit_is_refused(header: str | None, body: bytes) -> None:
    with pytest.raises(errors.BodyTooLarge, match="more than 1,000,000 bytes") as caught:
        decode_content(body, header, LIMITS)
    assert caught.value.extra["limit"] == LIMIT
    # It stopped soon after: a step of output at a time.
    assert LIMIT < int(str(caught.value.extra["actual"])) <= LIMIT + 1024 * 1024


GZIP, ZSTD = _gzip(TEXT), zstd.compress(TEXT)
FAULTS = [
    *(("gzip", GZIP[:cut], "ends early") for cut in (0, 1, 9, 10, 11, len(GZIP) // 2, len(GZIP) - 8, len(GZIP) - 1)),
    *(("zstd", ZSTD[:cut], "ends early") for cut in (0, 1, 4, 5, 6, len(ZSTD) // 2, len(ZSTD) - 1)),
    ("gzip", TEXT, "is not gzip near byte 0"),
    ("zstd", TEXT, "is not zstd near byte 0"),
    ("gzip", ZSTD, "is not gzip"),
    ("zstd", GZIP, "is not zstd"),
    ("gzip", zlib.compress(TEXT), "is not gzip"),
    ("gzip", GZIP + b"\0" * 20, f"is not gzip near byte {len(GZIP)}"),
    ("gzip", GZIP + b"junk and more junk", "is not gzip"),
    ("zstd", ZSTD + b"junk and more junk", "is not zstd"),
    ("gzip", GZIP[:-8] + b"\0\0\0\0" + GZIP[-4:], "is not gzip.*check"),
    ("gzip", GZIP[:-4] + b"\0\0\0\0", "is not gzip.*length check"),
    ("gzip", _gzip(b"") * 20_000, "more than 10,000 members"),
    ("zstd", zstd.compress(b"") * 20_000, "more than 10,000 members"),
    ("zstd", zstd.compress(bytes(2**25), options={zstd.CompressionParameter.window_log: 25}), "too much memory"),
]


@pytest.mark.parametrize(("header", "body", "words"), FAULTS)
def test_a_faulty_body_is_refused(header: str, body: bytes, words: str) -> None:
    with pytest.raises(errors.MalformedEncoding, match=words):
        decode_content(body, header, LIMITS)


@pytest.mark.parametrize("header", ["br", "deflate", "compress", "aws-chunked", "gzip;q=1", "\x00"])
def test_another_encoding_is_refused_naming_those_taken(header: str) -> None:
    with pytest.raises(errors.UnsupportedEncoding, match="gzip and zstd are taken") as caught:
        decode_content(GZIP, header, LIMITS)
    assert caught.value.extra["supported"] == ["gzip", "zstd"]


def test_encodings_over_encodings_are_refused() -> None:
    with pytest.raises(errors.UnsupportedEncoding, match="encoded 2 times"):
        decode_content(_gzip(GZIP), "gzip, gzip", LIMITS)


@settings(derandomize=True, max_examples=200, deadline=None)
@given(st.sampled_from(ENCODINGS), st.integers(0, 60), st.binary(max_size=3))
def test_a_changed_byte_never_crashes(encoding: ContentEncoding, position: int, junk: bytes) -> None:
    good = encode_content(TEXT, encoding)
    bad = good[:position] + junk + good[position + 1 :]
    try:
        decode_content(bad, encoding, LIMITS)
    except errors.MalformedEncoding as error:
        assert encoding in str(error)  # noqa: PT017 - either outcome is right
