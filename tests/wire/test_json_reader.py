"""JSON in: what becomes an array, what stays, and every fault with its class, its place and its words."""

from __future__ import annotations

import json
import re
import struct
from contextlib import suppress
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from pydantic import ValidationError

from service.settings import Settings
from service.wire import WireError, errors, read_json
from service.wire.json_parser import parse
from service.wire.json_reader import _Walk, read_json_value
from tests.wire import json_oracle
from tests.wire.asked import FIELDS, LIMITS


def test_lists_become_arrays_wherever_their_key_stands() -> None:
    body = b'{"input": [[1, 2.5], [-3, 4e2]], "stride": [2, 1], "layers": [{"kernel": [7]}, {"type": "relu"}]}'
    document = read_json(body, FIELDS, LIMITS)
    assert document["input"].tolist() == [[1, 2.5], [-3, 400]]
    assert document["input"].dtype == np.float64
    assert document["input"].flags.c_contiguous
    assert document["stride"] == [2, 1]
    assert type(document["stride"][0]) is int
    assert document["layers"][0]["kernel"].tolist() == [7]
    assert document["layers"][1] == {"type": "relu"}


@pytest.mark.parametrize(
    ("text", "value"),
    [
        (b'"sobel_x"', "sobel_x"),
        (b'{"name": "gaussian", "size": 5}', {"name": "gaussian", "size": 5}),
        (b'{"size": 5}', {"size": 5}),
        (b"null", None),
        (b"true", True),
        (b"2.5", 2.5),
    ],
)
def test_an_array_field_may_hold_something_else_for_the_schema_to_judge(text: bytes, value: Any) -> None:
    assert read_json(b'{"kernel": ' + text + b"}", FIELDS, LIMITS) == {"kernel": value}


@pytest.mark.parametrize("buffer", [bytes, bytearray, memoryview])
def test_any_buffer_is_read(buffer: type) -> None:
    assert read_json(buffer(b'{"input": [1]}'), FIELDS, LIMITS)["input"].tolist() == [1]


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        (rb'{"stride\u0000": 1}', ""),
        (rb'{"stride\u0000x": 1, "stride": 2}', ""),
        (rb'{"kernel": {"\u0000": [1]}}', "/kernel"),
        (rb'{"input": {"shape": [1], "dtype": "uint8", "data\u0000": [1]}}', "/input"),
    ],
)
def test_a_key_with_a_nul_is_not_taken_for_what_stands_before_it(body: bytes, pointer: str) -> None:
    with pytest.raises(errors.MalformedJSON, match=re.escape("U+0000")) as caught:
        read_json(body, FIELDS, LIMITS)
    assert caught.value.pointer == pointer


# --- text that is not JSON ---------------------------------------------------------------------------------------

MALFORMED = [
    (b"", 0, "empty"),
    (b"   ", 0, "empty"),
    (b'{"input": [1}', 12, "expected ',' or '\\]'"),
    (b'{"input": [1,]}', 12, "trailing comma"),
    (b'{"input": [1],}', 13, "trailing comma"),
    (b'{"input": [1 2]}', 13, "expected ',' or '\\]'"),
    (b'{"input" [1]}', 9, "expected ':'"),
    (b"{input: [1]}", 1, "expected a string key"),
    (b"{'input': [1]}", 1, "expected a string key"),
    (b'{"input": [1]', 13, "unexpected end"),
    (b'{"input": [1]} x', 15, "after document"),
    (b'{"input": [1]}{}', 14, "after document"),
    (b'{"input": [1]}\x00', 14, "after document"),
    (b'{"input": [NaN]}', 11, "^JSON has no NaN and no infinity at byte 11 .*; in an array a .npy file or base64 "),
    (b'{"input": [Infinity]}', 11, "JSON has no NaN and no infinity"),
    (b'{"input": [-Infinity]}', 12, "JSON has no NaN and no infinity"),
    (b'{"input": [-inf]}', 12, "JSON has no NaN and no infinity"),
    (b'{"input": [nan]}', 11, "JSON has no NaN and no infinity"),
    (b'{"stride": NaN}', 11, "JSON has no NaN and no infinity"),
    (b'{"input": [none]}', 11, "invalid literal"),
    (b'{"input": [nanny]}', 11, "invalid literal"),
    (b'{"input": [1 NaN]}', 13, "expected ',' or '\\]'"),
    (b"{NaN: 1}", 1, "expected a string key"),
    (b'{"input": [1e400]}', 11, "infinity"),
    (b'{"input": [-1e400]}', 11, "infinity"),
    (b'{"stride": 1e999999999999}', 11, "infinity"),
    (b'{"stride": 1' + b"0" * 400 + b"}", 11, "infinity"),
    (b'{"input": [01]}', 11, "leading zero"),
    (b'{"input": [-01]}', 12, "leading zero"),
    (b'{"input": [1.]}', 13, "no digit after decimal point"),
    (b'{"input": [.5]}', 11, "^a number begins with a digit, or with - and a digit at byte 11 "),
    (b'{"input": [+1]}', 11, "a number begins with a digit"),
    (b'{"input": [-.5]}', 12, "^a number begins with a digit, or with - and a digit at byte 12 "),
    (b'{"input": [+Infinity]}', 11, "JSON has no NaN and no infinity .* base64 carries them"),
    (b'{"input": [0x10]}', 12, "expected ',' or '\\]'"),
    (b'{"input": [1_000]}', 12, "expected ',' or '\\]'"),
    (b'{"input": [1e]}', 13, "no digit after exponent"),
    (b'{"input": [--1]}', 12, "no digit after sign"),
    (b'{"input": [tru]}', 11, "invalid literal"),
    (b'{"input": [1] /* c */}', 14, "expected ',' or '}'"),
    (b'{"a": "\x01"}', 7, "control character"),
    (b'{"a": "\\x41"}', 7, "escape"),
    (b'{"a": "\\ud800"}', 7, "surrogate"),
    (b'{"a": "\xff"}', 7, "not UTF-8"),
    (b'{"\xc3\xa9": "\xed\xa0\x80"}', 8, "not UTF-8"),
    (b'{"a": "\xc0\xaf"}', 7, "not UTF-8"),
    (b'\xef\xbb\xbf{"input": [1]}', 0, "byte order mark"),
    ('{"input": [1]}'.encode("utf-16-le"), 1, "key"),
    ('{"input": [1]}'.encode("utf-16"), 0, "not UTF-8"),
    ('{"input": [1]}'.encode("utf-32-le"), 1, "key"),
    (b'{"\xc3\xa9": nul}', 7, "invalid literal"),
]


@pytest.mark.parametrize(("body", "offset", "words"), MALFORMED)
def test_what_is_not_json_is_refused_with_the_byte(body: bytes, offset: int, words: str) -> None:
    with pytest.raises(errors.MalformedJSON, match=words) as caught:
        read_json(body, FIELDS, LIMITS)
    assert caught.value.pointer == ""
    assert caught.value.extra["offset"] == offset


def test_line_and_column_count_characters_of_the_line() -> None:
    with pytest.raises(errors.MalformedJSON, match=re.escape("at byte 20 (line 2, column 9)")) as caught:
        read_json('{"input":\n  "ää", x}'.encode(), FIELDS, LIMITS)
    assert (caught.value.extra["line"], caught.value.extra["column"]) == (2, 9)


@pytest.mark.parametrize(
    ("body", "words"), [(b"[1]", "a list of 1"), (b"3", "the number 3"), (b'"x"', 'the string "x"'), (b"null", "null")]
)
def test_a_body_that_is_no_object_is_refused(body: bytes, words: str) -> None:
    with pytest.raises(errors.MalformedJSON, match=f"the body is {words}"):
        read_json(body, FIELDS, LIMITS)


@pytest.mark.parametrize(
    ("body", "pointer", "key"),
    [
        (b'{"input": [1], "input": [1]}', "", "input"),
        (b'{"a": 1, "\\u0061": 2}', "", "a"),
        (b'{"layers": [{"type": "relu"}, {"kernel": [1], "kernel": [1]}]}', "/layers/1", "kernel"),
        (b'{"input": {"shape": [1], "dtype": "uint8", "data": [1], "data": [2]}}', "/input", "data"),
        (b'{"x": {"y": {"z": 0, "z": 0}}}', "/x/y", "z"),
        (b'{"x": [99999999999999999999999999, {"z": 0, "z": 0}]}', "/x/1", "z"),
        ("{" + ",".join(f'"k{i % 99}": 0' for i in range(100)) + "}", "", "k0"),
    ],
)
def test_a_repeated_key_is_refused_at_every_level(body: bytes | str, pointer: str, key: str) -> None:
    body = body.encode() if isinstance(body, str) else body
    with pytest.raises(errors.DuplicateKey, match=f'the key "{key}" stands twice') as caught:
        read_json(body, FIELDS, LIMITS)
    assert caught.value.extra["key"] == key
    assert caught.value.pointer == pointer


def test_an_object_of_many_keys_is_refused() -> None:
    keys = ",".join(f'"k{i}": 0' for i in range(65))
    with pytest.raises(errors.MalformedJSON, match=r"65 keys; no object of a request has more than 64") as caught:
        read_json(f'{{"layers": [{{{keys}}}]}}'.encode(), FIELDS, LIMITS)
    assert caught.value.pointer == "/layers/0"


@pytest.mark.parametrize(
    "body",
    [
        b'{"a": ' + b"[" * 100_000,
        b'{"a": ' * 100_000,
        b'{"a": ' + b"[" * 500 + b"]" * 500 + b"}",
        b'{"a": ' + b'{"a": ' * 8 + b"1" + b"}" * 9,
        b'{"a": ' + b"[" * 8 + b"]" * 8 + b"}",
        b'{"a": ' + b"[" * 2000 + b"]" * 2000 + b', "a": 1}',
    ],
)
def test_deep_nesting_is_refused(body: bytes) -> None:
    with pytest.raises(errors.JSONTooDeep, match=r"deep|depth limit"):
        read_json(body, FIELDS, LIMITS)


def test_nesting_up_to_the_limit_is_read() -> None:
    body = b'{"a": ' + b"[" * 7 + b"]" * 7 + b"}"
    assert read_json(body, FIELDS, LIMITS) == json.loads(body)


def test_the_deepest_that_can_be_set_is_read() -> None:
    """A walk of so many calls must not come to the end of Python's stack."""
    limits = replace(LIMITS, max_json_depth=200)
    body = b'{"a":' * 199 + b"{}" + b"}" * 199
    assert read_json(body, FIELDS, limits) == json.loads(body)
    with pytest.raises(errors.JSONTooDeep):
        read_json(b'{"a":' + body + b"}", FIELDS, limits)
    with pytest.raises(ValidationError, match="less than or equal to 200"):
        Settings(max_json_depth=201)


# --- lists that are not arrays -----------------------------------------------------------------------------------

NOT_ARRAYS = [
    (b'[["1.5"]]', errors.NotAnArray, "/input/0/0", 'is the string "1.5".*without quotes'),
    (b'["1", "2"]', errors.NotAnArray, "/input/0", 'the string "1"'),
    (b"[true]", errors.NotAnArray, "/input/0", "is true.*write 1 or 0"),
    (b"[1, 0.5, false]", errors.NotAnArray, "/input/2", "is false"),
    (b"[[1, 2], [3, null]]", errors.NotAnArray, "/input/1/1", "is null.*NaN"),
    (b"[[1, 2], [3, {}]]", errors.NotAnArray, "/input/1/1", "is an object.*must be a number"),
    (b'[{"shape": [1]}]', errors.NotAnArray, "/input/0", "is an object"),
    (b"[[1, 2], [3]]", errors.RaggedArray, "/input/1", "/input/1 has 1 element but /input/0 has 2"),
    (b"[[1], [2, 3]]", errors.RaggedArray, "/input/1", "has 2 elements but /input/0 has 1"),
    (b"[[1, 2], [3], [4, 5, 6]]", errors.RaggedArray, "/input/1", "has 1 element"),
    (b"[[1, 2], []]", errors.RaggedArray, "/input/1", "has 0 elements"),
    (b"[[1, 2], 3]", errors.RaggedArray, "/input/1", "is the number 3 but /input/0 is a list of 2"),
    (b"[1, [2]]", errors.RaggedArray, "/input/1", "is a list of 1 but /input/0 is the number 1"),
    (b"[[1, 2], [3, [4]]]", errors.RaggedArray, "/input/1/1", "is a list of 1"),
    (b"[[1, 2], [[3], 4]]", errors.RaggedArray, "/input/1/0", "is a list of 1"),
    (b"[[[1], [2]], [[3], [4, 5]]]", errors.RaggedArray, "/input/1/1", "has 2 elements but /input/0/0 has 1"),
    (b"[[[1], [2]], [[3]]]", errors.RaggedArray, "/input/1", "has 1 element but /input/0 has 2"),
    (b'[[1, 2], "34"]', errors.RaggedArray, "/input/1", 'is the string "34"'),
    (b"[]", errors.EmptyArray, "/input", "is empty"),
    (b"[[]]", errors.EmptyArray, "/input/0", "is empty"),
    (b"[[], [1]]", errors.EmptyArray, "/input/0", "is empty"),
    (b"[[[[[[1]]]]]]", errors.TooManyAxes, "/input", "6 axes or more.*at most 5 axes"),
    (b"[" * 900 + b"]" * 900, errors.TooManyAxes, "/input", "at most 5 axes"),
    (b"[[1, [[[[[2]]]]]]]", errors.RaggedArray, "/input/0/1", "is a list of 1"),
]


@pytest.mark.parametrize(("text", "kind", "pointer", "words"), NOT_ARRAYS)
def test_a_list_that_is_no_array_is_refused_at_its_element(
    text: bytes, kind: type[WireError], pointer: str, words: str
) -> None:
    with pytest.raises(kind, match=words) as caught:
        read_json(b'{"input": ' + text + b"}", FIELDS, LIMITS)
    assert type(caught.value) is kind
    assert caught.value.pointer == pointer


def test_the_pointer_leads_through_layers_and_odd_names() -> None:
    with pytest.raises(errors.NotAnArray, match="is true") as caught:
        read_json(b'{"a/b~c": [0, {"kernel": [[1, true]]}]}', FIELDS, LIMITS)
    assert caught.value.pointer == "/a~1b~0c/1/kernel/0/1"


@pytest.mark.parametrize(
    "body",
    [
        # A list among numbers keeps the count of numbers; strings hold brackets to make up for its own.
        b'{"input": [[1, 2], [3, [4]]], "a": "[[["}',
        b'{"input": [[1, 2], [3, [4]]], "[": 0}',
        b'{"input": [[1, 2], [3, [4]]], "a": "\\u005b"}',
        b'{"input": [[1, 2], [3, [4]]], "a": "\\u005B"}',
        b'{"input": [[1, 2], [3, [4]]], "a": "\\n\\\\[\\"\\t"}',
        b'{"a": {"\\u005b": 1}, "input": [1, [2]]}',
    ],
)
def test_no_bracket_in_a_string_hides_a_list(body: bytes) -> None:
    with pytest.raises(errors.RaggedArray, match="is a list of 1"):
        read_json(body, FIELDS, LIMITS)


def test_brackets_in_strings_do_no_harm() -> None:
    document = read_json(b'{"input": [[1, 2]], "a[": "[[", "b": {"[": "]"}}', FIELDS, LIMITS)
    assert document["input"].tolist() == [[1, 2]]


# --- numbers -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("18446744073709551616", 2.0**64),  # more than 64 bits
        ("123456789012345678901234567890", 1.2345678901234568e29),
        ("-9223372036854775809", -(2.0**63)),
        ("9007199254740993", 9007199254740992.0),  # halfway between two floats: to the even one
        ("9007199254740993.0000000000000000001", 9007199254740994.0),
        ("2.2250738585072011e-308", 2.225073858507201e-308),  # once an endless loop in several parsers
        ("4.9e-324", 5e-324),
        ("2.4703282292062327e-324", 0.0),
        ("1.7976931348623157e308", 1.7976931348623157e308),
        ("1e-400", 0.0),
        ("-0.0", -0.0),
        ("0." + "0" * 400 + "1", 0.0),
        ("1" + "0" * 400 + "e-400", 1.0),
    ],
)
def test_numbers_become_the_nearest_float(text: str, value: float) -> None:
    read = read_json(f'{{"input": [{text}]}}'.encode(), FIELDS, LIMITS)["input"][0]
    assert struct.pack("<d", read) == struct.pack("<d", value)


_FINITE = st.floats(allow_nan=False, allow_infinity=False)


@settings(derandomize=True, max_examples=100, deadline=None)
@given(hnp.arrays(np.float64, hnp.array_shapes(max_dims=4, max_side=5), elements=_FINITE))
def test_every_float_comes_back_to_the_last_bit(array: np.ndarray[Any, Any]) -> None:
    body = json.dumps({"input": array.tolist()}).encode()
    assert read_json(body, FIELDS, LIMITS)["input"].tobytes() == array.tobytes()


# --- the reader agrees with the standard library -----------------------------------------------------------------

_NUMBERS = st.one_of(st.integers(-(2**70), 2**70), st.integers(-3, 300), _FINITE, st.sampled_from([1.0, 0.5, True]))
_KEYS = st.sampled_from(["input", "kernel", "shape", "dtype", "data", "name", "[", "x"])
_VALUES = st.recursive(
    st.one_of(_NUMBERS, st.none(), st.text('[]{}\\"a1', max_size=3)),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(_KEYS, inner, max_size=3)),
    max_leaves=12,
)
_ROWS = st.recursive(st.lists(_NUMBERS, min_size=2, max_size=2), lambda rows: st.lists(rows, min_size=2, max_size=2))
_FLAT = st.fixed_dictionaries(
    {
        "shape": st.sampled_from([[2], [1, 2], [2, 1], [3], []]),
        "dtype": st.sampled_from(["uint8", "int16", "int64", "float16", "float32", "float64", "uint32"]),
        "data": st.lists(_NUMBERS, min_size=1, max_size=2),
    }
)
_DOCUMENTS = st.dictionaries(_KEYS, st.one_of(_VALUES, _ROWS, _FLAT), max_size=3)


def _shown(value: Any) -> Any:
    """Return `value` so that equal documents are equal, to the last bit and type."""
    if isinstance(value, np.ndarray):
        return value.dtype.name, value.shape, value.tobytes()
    if isinstance(value, dict):
        return {key: _shown(item) for key, item in value.items()}
    return [_shown(item) for item in value] if isinstance(value, list) else (type(value), repr(value))


def _agrees(body: bytes) -> None:
    try:
        expected = json_oracle.read(body)
    except json_oracle.Refused:
        with pytest.raises(WireError, match=r"."):
            read_json(body, FIELDS, LIMITS)
        return
    assert _shown(read_json(body, FIELDS, LIMITS)) == _shown(expected)


@settings(derandomize=True, max_examples=500, deadline=None)
@given(_DOCUMENTS)
def test_a_document_is_read_as_the_standard_library_would(document: dict[str, Any]) -> None:
    _agrees(json.dumps(document).encode())
    _agrees(json.dumps(document, ensure_ascii=False, indent=1).encode())
    _agrees(json.dumps(document | {"escaped": '\n"\\'}).encode())
    _agrees(json.dumps(document).encode()[:-1] + b', "b": "\\u005b"}')  # walked through carefully


@settings(derandomize=True, max_examples=500, deadline=None)
@given(_DOCUMENTS, st.data())
def test_a_changed_byte_is_judged_as_the_standard_library_would(document: dict[str, Any], data: st.DataObject) -> None:
    good = json.dumps(document).encode()
    position = data.draw(st.integers(0, len(good) - 1))
    junk = data.draw(
        st.one_of(st.binary(max_size=2), st.sampled_from([b"[", b"]", b",", b'"', b"{", b"-", b"e9", b".5"]))
    )
    _agrees(good[:position] + junk + good[position + data.draw(st.integers(0, 2)) :])


@settings(derandomize=True, max_examples=200, deadline=None)
@given(st.binary(max_size=40))
def test_junk_gives_nothing_but_a_wire_error(body: bytes) -> None:
    for text in (body, b'{"input": ' + body + b"}", b'{"input": [' + body + b"]}"):
        with suppress(WireError):
            read_json_value(text, FIELDS, LIMITS, name=None, pointer="")


@pytest.mark.parametrize(
    "body",
    [
        b'{"input": [[1, 2], [3, 4]], "stride": [2, 1], "kernel": "sobel_x", "bias": [1]}',
        b'{"input": [[[1], [2]], [[3], [4]], [[5], [6]]], "padding": [[1, 2]]}',
        b'{"input": {"shape": [2], "dtype": "int16", "data": [1, 2]}}',
        b'{"input": {"shape": [1], "dtype": "uint8", "base64": "AQ=="}}',
        b'{"layers": [{"type": "conv2d", "kernel": [[1]]}, {"type": "relu"}], "[": "[["}',
    ],
)
def test_the_lists_of_a_usual_text_are_counted_right(body: bytes) -> None:
    walk = _Walk(FIELDS, LIMITS, [], careful=False)  # or every text would be walked through twice
    walk.read(parse(body, body, LIMITS, ""), None, "", 0)
    assert walk.lists == body.count(b"[")


# --- limits ------------------------------------------------------------------------------------------------------


def test_elements_are_counted_over_all_arrays() -> None:
    half = b"[" + b"0," * 49_999 + b"0]"
    assert read_json(b'{"input": ' + half + b', "kernel": ' + half + b"}", FIELDS, LIMITS)["kernel"].size == 50_000
    with pytest.raises(errors.TooManyElements, match=r"100,001 elements.*may hold 100,000") as caught:
        read_json(b'{"input": ' + half + b', "kernel": ' + half + b', "bias": [1]}', FIELDS, LIMITS)
    assert caught.value.pointer == "/bias"
    assert caught.value.extra == {"limit": 100_000, "actual": 100_001}


def test_a_text_that_would_take_much_memory_in_python_is_located_all_the_same() -> None:
    wide = replace(LIMITS, max_elements=2_000_000)
    with pytest.raises(errors.MalformedJSON, match="expected a JSON value at byte 3600011 "):
        read_json(b'{"input": [' + b"[]," * 1_200_000 + b"!", FIELDS, wide)


@pytest.mark.parametrize("crowd", [b"0,", b"[],", b"{},", b'"",'])
def test_a_crowd_of_values_is_refused_before_it_is_read(crowd: bytes) -> None:
    with pytest.raises(errors.TooManyElements, match="may hold 100,000"):
        read_json(b'{"stride": [' + crowd * 110_000 + b"!", FIELDS, LIMITS)  # the end is never looked at


def test_a_value_of_a_field_has_the_field_as_its_pointer() -> None:
    with pytest.raises(errors.NotAnArray, match="is true") as caught:
        read_json_value(b"[1, true]", FIELDS, LIMITS, name="kernel", pointer="/kernel")
    assert caught.value.pointer == "/kernel/1"
    with pytest.raises(errors.MalformedJSON, match="byte 3") as malformed:
        read_json_value(b"[1,", FIELDS, LIMITS, name="kernel", pointer="/kernel")
    assert malformed.value.pointer == "/kernel"
