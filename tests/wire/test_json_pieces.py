"""A huge array that is read in pieces is what it is when it is read whole; so is everything that is refused."""

from __future__ import annotations

import json
import random
from typing import Any

import numpy as np
import pytest

from service.wire import WireError, json_parser, json_pieces, json_reader, read_json
from service.wire.json_pieces import lifted
from tests.wire.asked import FIELDS, LIMITS


@pytest.fixture
def in_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have every array of more than a few rows count as huge, every row of more than a few dozen numbers as too long
    for a piece, and every text with a few brackets left as suspicious.

    What is read in pieces is the same only if small texts, of which thousands are compared, go the way of huge ones.
    """
    monkeypatch.setattr(json_reader, "HUGE_BYTES", 0)
    monkeypatch.setattr(json_parser, "HUGE_BYTES", 0)
    monkeypatch.setattr(json_parser, "_MANY_BRACKETS", 2)
    monkeypatch.setattr(json_pieces, "_PIECE_BYTES", 40)
    monkeypatch.setattr(json_pieces, "_MOST_BYTES", 90)


def outcome(body: bytes) -> Any:
    """Return what reading gives, arrays as their shape and bytes, or the error in full."""
    try:
        document = read_json(body, FIELDS, LIMITS)
    except WireError as error:
        return type(error), str(error), error.pointer, error.extra
    return {
        name: (value.shape, value.dtype, value.tobytes()) if isinstance(value, np.ndarray) else value
        for name, value in document.items()
    }


SEED = np.random.default_rng(4)
REGULAR = [
    SEED.standard_normal((40, 7)).tolist(),
    SEED.integers(-9, 9, (2, 3, 20, 4)).tolist(),
    SEED.integers(0, 9, (60, 1)).tolist(),
    SEED.standard_normal((1, 1, 30, 3)).tolist(),
    SEED.standard_normal((1, 1, 1, 1, 90)).tolist(),
    SEED.standard_normal(200).tolist(),
    SEED.integers(0, 9, (3, 2, 150)).tolist(),
]


@pytest.mark.parametrize("indent", [None, 1])
@pytest.mark.parametrize("rows", REGULAR, ids=lambda rows: str(np.shape(rows)))
def test_regular_arrays_are_lifted(in_pieces: None, rows: Any, indent: int | None) -> None:
    document = {"stride": 2, "input": rows, "kernel": [[1]], "escaped": "\\n"}
    text = json.dumps(document, indent=indent).encode()

    found = lifted(text, FIELDS.arrays, LIMITS.max_axes)

    assert [array.tolist() for array in found.arrays] == [rows]
    assert json.loads(found.text) == document | {"input": "\x000"}
    assert read_json(text, FIELDS, LIMITS)["input"].tolist() == rows


PAIRS = ",".join(["[1,2]"] * 30)
MANY = ",".join(["12"] * 70)
IRREGULAR = [
    f'{{"input":[[{PAIRS}],[{PAIRS},[1,2]]]}}',
    f'{{"input":[[{PAIRS}],[[[1,2]],{PAIRS}]]}}',
    f'{{"input":[[[[1,2]]],[{PAIRS}]]}}',
    f'{{"input":[{PAIRS},[3]]}}',
    f'{{"input":[[[1,2]],{PAIRS}]}}',
    f'{{"input":[[{PAIRS}],[[1,2]]]}}',
    f'{{"input":[[{PAIRS}],{PAIRS}]}}',
    f'{{"input":[{PAIRS},3]}}',
    f'{{"input":[{PAIRS},[3,[4]]]}}',
    f'{{"input":[{PAIRS},[[3,4]]]}}',
    f'{{"input":[{PAIRS},[true,4]]}}',
    f'{{"input":[{PAIRS},[null,4]]}}',
    f'{{"input":[{PAIRS},["1",4]]}}',
    f'{{"input":[{PAIRS},[1e999,4]]}}',
    f'{{"input":[{PAIRS},[123456789012345678901234567890,4]]}}',
    f'{{"input":[{PAIRS},[1,]]}}',
    f'{{"input":[{PAIRS},[,1]]}}',
    f'{{"input":[[,1],{PAIRS}]}}',
    f'{{"input":[,{PAIRS}]}}',
    f'{{"input":[{PAIRS},]}}',
    f'{{"input":[{PAIRS},[]]}}',
    f'{{"input":[{PAIRS} [1,2]]}}',
    f'{{"input":[{PAIRS},,[1,2]]}}',
    f'{{"input":[{PAIRS},[1 2]]}}',
    f'{{"input":[{PAIRS},[1,2]7]}}',
    f'{{"input":[1[,2],{PAIRS}]}}',
    f'{{"input":[{PAIRS},[1,]2]}}',
    f'{{"input":[{PAIRS},[1] ,2]}}',
    f'{{"input":[{PAIRS},1[,2]]}}',
    f'{{"input":[{PAIRS},[,2]1]}}',
    f'{{"input":[{",".join(["[1]"] * 30)},[]2]}}',
    f'{{"input":[{",".join(["[1]"] * 30)},2[]]}}',
    f'{{"input":[7{PAIRS}]}}',
    f'{{"input":[{PAIRS}]]}}',
    f'{{"input":[[{PAIRS}]}}',
    f'{{"input":[{PAIRS}',
    f'{{"input":[{PAIRS}],"input":[{PAIRS}]}}',
    f'{{"input":[{PAIRS}],"stride":[{PAIRS}]}}',
    f'{{"stride":[{PAIRS}]}}',
    f'{{"input" [{PAIRS}]}}',
    f'{{"input":[[[[[{PAIRS}]]]]]}}',
    f'{{"input":{{"input":[{PAIRS}]}}}}',
    f'{{"input":{{"shape":[2],"dtype":"uint8","data":[1,2],"kernel":[{PAIRS}]}}}}',
    f'{{"layers":[{{"kernel":[{PAIRS}]}},{{"kernel":[{PAIRS}]}}]}}',
    f'{{"a":"input","b":[{PAIRS}]}}',
    f'{{"input":[{PAIRS}],"method":"[x"}}',
    f'{{"input":[{PAIRS}],"method":"\\u0000"}}',
    f'{{"input":[{PAIRS}],"method":"\x000"}}',
    f'{{"input":[{PAIRS}],"method":"\\u00000"}}',
    f'{{"method":"\\u00000","input":[{PAIRS}]}}',
    f'{{"a\\"input":[{PAIRS}]}}',
    f'{{"\\"\\"input":[{PAIRS}]}}',
    f'{{"a\\\\":"\\"input","b":[{PAIRS}]}}',
    f'{{"a":"\\\\","input":[{PAIRS}]}}',
    f'{{"inp\\u0075t":[{PAIRS}],"method":"\\n\\u005b"}}',
    f'{{"input":[{MANY}]}}',
    f'{{"input":[{MANY},]}}',
    f'{{"input":[{MANY},,{MANY}]}}',
    f'{{"input":[{MANY} {MANY}]}}',
    f'{{"input":[{MANY},[1],{MANY}]}}',
    f'{{"input":[{MANY}',
    f'{{"input":[{MANY}]]}}',
    f'{{"input":[{MANY}],[{MANY}]}}',
    f'{{"input":[[{MANY}],[{MANY}]]}}',
    f'{{"input":[[{MANY}],[{MANY},1]]}}',
    f'{{"input":[[{MANY}],[{MANY}],1]}}',
    f'{{"input":[[{MANY}]1,[{MANY}]]}}',
    f'{{"input":[1[{MANY}],[{MANY}]]}}',
    f'{{"input":[[{MANY}]{" " * 200},{" " * 200}[{MANY}]]}}',
    f'{{"input":[[{MANY}],{{}},[{MANY}]]}}',
    f'{{"input":[{MANY},{" " * 200}]}}',
    f'{{"input":[{" " * 200},{MANY}]}}',
    f'["input",[{PAIRS}]]',
    f'"input":[{PAIRS}]',
]


@pytest.mark.parametrize(
    "text",
    [
        b'{"input":' + b"[" * 250_000 + b"1" + b"]" * 250_000 + b"}",
        b'{"input":[' + b'""' * 4_000_000 + b"]}",
        b'{"input":' + b"[" * 3_000_000 + b"1]",
        b'{"input":[' + b"[1]" * 2_000_000 + b"]}",
        b'{"input":[' + b"[1,2],\n" * 1_000_000 + b"1]}",
    ],
    ids=["deep", "strings", "open", "no commas", "one more"],
)
def test_a_hostile_text_is_given_up_on_soon(text: bytes) -> None:
    """It would take minutes, not parts of a second, if each axis or each string were followed to its end."""
    assert lifted(text, FIELDS.arrays, LIMITS.max_axes) == (text, [])


@pytest.mark.parametrize("text", IRREGULAR)
def test_whatever_else_comes_is_judged_alike(text: str, request: pytest.FixtureRequest) -> None:
    whole = repr(outcome(text.encode()))
    request.getfixturevalue("in_pieces")
    assert repr(outcome(text.encode())) == whole


@pytest.mark.parametrize("rows", REGULAR, ids=lambda rows: str(np.shape(rows)))
def test_a_text_with_a_fault_anywhere_is_judged_alike(rows: Any, request: pytest.FixtureRequest) -> None:
    text = json.dumps({"stride": 2, "input": rows, "kernel": [[1]]}).encode()
    chosen = random.Random(5)
    texts = []
    for _ in range(400):
        at, kept = chosen.randrange(len(text)), chosen.randrange(3)
        texts.append(text[:at] + bytes(chosen.choices(b"[],1.-e {}t\xff\0", k=chosen.randrange(3))) + text[at + kept :])
    whole = [repr(outcome(broken)) for broken in texts]
    request.getfixturevalue("in_pieces")
    assert [repr(outcome(broken)) for broken in texts] == whole


MANY = SEED.integers(-99, 99, 200).tolist()
FLAT = [
    *({"shape": [10, 20], "dtype": kind, "data": MANY} for kind in ("int8", "int64", "float32", "float64", "uint8")),
    {"shape": [200], "dtype": "float32", "data": SEED.standard_normal(200).tolist()},
    {"shape": [200], "dtype": "int16", "data": [float(n) for n in MANY]},
    {"shape": [200], "dtype": "int16", "data": [*MANY[:199], 0.5]},
    {"shape": [200], "dtype": "int16", "data": [*MANY[:199], 40_000]},
    {"shape": [200], "dtype": "float32", "data": [*MANY[:199], 1e39]},
    {"shape": [200], "dtype": "int64", "data": [*MANY[:199], 2**53 + 1]},
    {"shape": [200], "dtype": "uint64", "data": [*MANY[:1], *[2**63 + 1] * 199]},
    {"shape": [200], "dtype": "int64", "data": [2.0**60] * 200},
    {"shape": [199], "dtype": "int16", "data": MANY},
    {"shape": [10, 20], "dtype": "int16", "data": [MANY[:100], MANY[100:]]},
    {"shape": [200], "dtype": "int15", "data": MANY},
    {"shape": [200], "dtype": "int16", "data": MANY, "base64": ""},
    {"shape": [200], "dtype": "int16", "data": MANY, "more": 1},
    {"shape": [200], "data": MANY},
    {"data": MANY},
    {"shape": [200], "dtype": "int16", "data": [*MANY[:199], None]},
    {"shape": [200], "dtype": "int16", "data": [*MANY[:199], [1]]},
    {"shape": MANY, "dtype": "int16", "data": MANY},
]


@pytest.mark.parametrize("flat", FLAT, ids=range(len(FLAT)))
@pytest.mark.parametrize("form", ['{"input":%s}', '{"odd":{"data":%s}}', '{"data":%s,"input":[[1]]}', '{"x":[%s,"["]}'])
def test_a_flat_list_is_judged_alike(flat: dict[str, Any], form: str, request: pytest.FixtureRequest) -> None:
    values = [json.dumps(value, indent=indent) for value in (flat, flat["data"]) for indent in (None, 1)]
    texts = [(form % value).encode() for value in values]
    whole = [repr(outcome(text)) for text in texts]
    request.getfixturevalue("in_pieces")
    assert [repr(outcome(text)) for text in texts] == whole


@pytest.mark.parametrize("flat", FLAT[:7], ids=range(7))
def test_a_flat_list_is_lifted(in_pieces: None, flat: dict[str, Any]) -> None:
    text = json.dumps({"input": flat}).encode()
    rest, (numbers,) = lifted(text, {"input", "data"}, LIMITS.max_axes)
    assert json.loads(rest) == {"input": flat | {"data": "\x000"}}
    assert numbers.tolist() == flat["data"]
