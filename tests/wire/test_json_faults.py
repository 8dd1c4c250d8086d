"""A long text is asked in pieces where it goes wrong: the place is that of the whole text."""

from __future__ import annotations

import random

import orjson
import pytest

from service.wire import ReadLimits, json_faults
from service.wire.errors import JSONTooDeep
from service.wire.json_faults import located
from service.wire.json_integers import widened

Patch = pytest.MonkeyPatch
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
STRINGS = [{'a,["]\\': ["ä,{", "\\\\", {"b": [[], {}]}], '"': number} for number in range(2_000)]
DOCUMENTS = [
    orjson.dumps({"input": ONE_ROW, "kernel": [1, 2], "padding": "same"}),
    orjson.dumps({"a": "1,2,3,[4],[5]", "kernel": SHORT_ROWS, "stride": 1}),
    orjson.dumps({"input": OF_ONE}, option=orjson.OPT_INDENT_2),
    orjson.dumps({"a": [{"b": {"c": STRINGS}}]}, option=orjson.OPT_INDENT_2),
]
NAMES = ["one row", "short rows", "rows of one", "strings"]
FAULTS = (
    b"",
    b",",
    b"]",
    b"[",
    b" 7",
    b"x",
    b'"',
    b"-",
    b".",
    b"e",
    b"01",
    b"1e999",
    b"\xff",
    b"{",
    b"null",
    b":",
    b"}",
    b"\\",
    b'\\"',
    b'","',
)


def place_of(text: bytes) -> int | None:
    """Return where orjson, given the whole text, says that it goes wrong."""
    try:
        orjson.loads(text)
    except orjson.JSONDecodeError as error:
        if error.msg.startswith("str is not valid UTF-8"):
            try:
                text.decode()
            except UnicodeDecodeError as unreadable:
                return unreadable.start
        return len(error.doc[: error.pos].encode())
    return None


@pytest.mark.parametrize("piece_bytes", [10, 256 * 1024])
@pytest.mark.parametrize("document", DOCUMENTS, ids=NAMES)
def test_the_place_is_that_of_the_whole_text(document: bytes, piece_bytes: int, monkeypatch: Patch) -> None:
    monkeypatch.setattr(json_faults, "_PIECE_BYTES", piece_bytes)  # 10: every comma of a short text may end a piece
    if piece_bytes == 10:
        document = document[:1000]
    chosen = random.Random(3)
    for _ in range(300):
        at, kept = chosen.randrange(len(document)), chosen.randrange(3)
        text = document[:at] + chosen.choice(FAULTS) + document[at + kept :]
        place = place_of(text)
        if place is None:
            continue
        error = located(text, ValueError("?"), LIMITS, "")
        assert error.extra["offset"] == place, (text[at - 30 : at + 30], str(error))
        before = text[:place]
        assert error.extra["line"] == before.count(b"\n") + 1
        assert error.extra["column"] == len(before[before.rfind(b"\n") + 1 :].decode()) + 1


@pytest.mark.parametrize("document", DOCUMENTS, ids=NAMES)
def test_where_it_ends_early(document: bytes) -> None:
    error = located(document[:-1], ValueError("?"), LIMITS, "")
    assert error.extra["offset"] == len(document) - 1


@pytest.mark.parametrize("opening", [b"[", b'{"a":', b'[{"a":', b"[1,", b'{"b":[],"a":'])
def test_nesting_beyond_the_limit_is_told_across_pieces(opening: bytes, monkeypatch: Patch) -> None:
    monkeypatch.setattr(json_faults, "_PIECE_BYTES", 50)  # of a few levels each, where there are commas
    assert isinstance(located(b"[1," * 5 + opening * 1025, ValueError("?"), LIMITS, ""), JSONTooDeep)


@pytest.mark.parametrize(
    "text",
    [
        b'["a" ' + b'""' * 1_000_000,
        b'["' + b'\\"' * 1_000_000,
        b"[1" + b" " * 5_000_000 + b"2]",
        b'["' + b"\xc3\xa4" * 1_000_000 + b'",',
        b'["' + b"," * 3_000_000 + b'",]',
        b"[" + (b"[" * 900 + b"]" * 900 + b",") * 1000 + b"}",
        b"[" + b"[]," * 1_000_000 + b"}",
        b'{"a":' + b'{"b":[1]},' * 100_000,
        b"[[1" + b"]" * 1_000_000 + b",2]",
        b"[[1," + b"}" * 1_000_000,
        b"[" + b"[1]" * 400_000 + b",2]",
        b'["' + b"]" * 1_000_000 + b'",}' + b"]" * 5000,
    ],
    ids=[
        *("strings", "quotes in a string", "spaces", "two bytes", "commas in one", "deep", "lists", "objects"),
        *("closed", "closed at the end", "no commas", "closed in a string"),
    ],
)
def test_the_place_in_a_hostile_text(text: bytes) -> None:
    assert located(text, ValueError("?"), LIMITS, "").extra["offset"] == place_of(text)


@pytest.mark.parametrize(("text", "offset"), [(b"", 0), (b"[" * 1000, 1000), (b'[{"":' * 300, 1500), (b" ", 0)])
def test_the_place_in_a_short_text(text: bytes, offset: int) -> None:
    assert located(text, ValueError("?"), LIMITS, "").extra["offset"] == offset


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
