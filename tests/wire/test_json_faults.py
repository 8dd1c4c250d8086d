"""A long text is shortened before it is asked where it goes wrong: the place is that of the whole text."""

from __future__ import annotations

import random

import orjson
import pytest

from service.wire import ReadLimits
from service.wire.errors import MalformedJSON
from service.wire.json_faults import located
from service.wire.json_integers import widened

LIMITS = ReadLimits(
    max_decoded_bytes=10**9,
    max_elements=10**9,
    max_axes=8,
    max_json_depth=64,
    max_parts=64,
    max_part_header_bytes=8192,
    max_picture_pixels=10**9,
)
ONE_ROW = [number / 7 for number in range(20_000)]
SHORT_ROWS = [[number, -number * 1e-20, 5] for number in range(10_000)]
OF_ONE = [[[number * 3.5]] for number in range(20_000)]
DOCUMENTS = [
    orjson.dumps({"input": ONE_ROW, "kernel": [1, 2], "padding": "same"}),
    orjson.dumps({"a": "1,2,3,[4],[5]", "kernel": SHORT_ROWS, "stride": 1}),
    orjson.dumps({"input": OF_ONE}, option=orjson.OPT_INDENT_2),
]
FAULTS = (b"", b",", b"]", b"[", b" 7", b"x", b'"', b"-", b".", b"e", b"01", b"1e999", b"\xff", b"{", b"null", b":")


def place_of(text: bytes) -> int | None:
    """Return where orjson, given the whole text, says that it goes wrong."""
    try:
        orjson.loads(text)
    except orjson.JSONDecodeError as error:
        if error.msg.startswith("str is not valid UTF-8"):
            return text.index(b"\xff")
        return len(error.doc[: error.pos].encode())
    return None


@pytest.mark.parametrize("document", DOCUMENTS, ids=["one row", "short rows", "rows of one"])
def test_the_place_is_that_of_the_whole_text(document: bytes) -> None:
    assert len(document) > 100_000
    chosen = random.Random(3)
    for _ in range(150):
        at, kept = chosen.randrange(len(document)), chosen.randrange(3)
        text = document[:at] + chosen.choice(FAULTS) + document[at + kept :]
        place = place_of(text)
        if place is None:
            continue
        error = located(text, ValueError("?"), LIMITS, "")
        assert error.extra["offset"] == place, (text[at - 30 : at + 30], str(error))


@pytest.mark.parametrize("document", DOCUMENTS, ids=["one row", "short rows", "rows of one"])
def test_where_it_ends_early(document: bytes) -> None:
    error = located(document[:-1], ValueError("?"), LIMITS, "")
    assert error.extra["offset"] == len(document) - 1


def test_a_crowd_of_what_is_no_number_is_not_looked_into() -> None:
    text = b"[" + b"{}," * 400_000
    error = located(text, ValueError("simdjson's words"), LIMITS, "/x")
    assert isinstance(error, MalformedJSON)
    assert (str(error), error.pointer, error.extra) == (
        "the text is not JSON, and holds too many values to say where: simdjson's words",
        "/x",
        {},
    )


LONG = b"123456789012345678901"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (b"[" + LONG + b"]", b"[" + LONG + b".0]"),
        (b"[-" + LONG + b",1]", b"[-" + LONG + b".0,1]"),
        (b"[18446744073709551615,-9223372036854775808]", None),
        (b"[18446744073709551616]", b"[18446744073709551616.0]"),
        (b"[-9223372036854775809]", b"[-9223372036854775809.0]"),
        (b"[" + LONG + b"e5]", None),
        (b"[0." + LONG + b"]", None),
        (b'{"' + LONG + b'":' + LONG + b"}", b'{"' + LONG + b'":' + LONG + b".0}"),
        (rb'["\"' + LONG + rb'\\",' + LONG + b"]", rb'["\"' + LONG + rb'\\",' + LONG + b".0]"),
        (rb'["\\\"' + LONG + b'"]', None),
        (b'["' + LONG, None),
        (b"[" + b"1," * 200_000 + LONG + b"]", b"[" + b"1," * 200_000 + LONG + b".0]"),
        (b'"",' * 200_000 + LONG, None),
        (b"", None),
    ],
)
def test_integers_of_more_than_64_bits_become_floats(text: bytes, expected: bytes | None) -> None:
    wide = widened(text)
    assert bytes(wide) == (text if expected is None else expected)
    assert (wide is text) == (expected is None)
