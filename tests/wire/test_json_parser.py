"""What reading a text takes is told before it is taken, and is what it then takes."""

from __future__ import annotations

import base64
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest

from service.wire import errors, read_json
from service.wire.arrays import contains
from tests.wire.asked import FIELDS, LIMITS

TEXTS = {
    "digits": """b'{"input":[' + b",".join([b"[" + b",".join([b"1"] * 1000) + b"]"] * 3000) + b"]}" """,
    "rows of one": """b'{"input":[' + b",".join([b"[1]"] * 1_500_000) + b"]}" """,
    "flat": """b'{"input":{"shape":[3000000],"dtype":"float32","data":[' + b",".join([b"1"] * 3_000_000) + b"]}}" """,
    "long": """b'{"input":[' + b",".join([b"-0.12345678901234567"] * 350_000) + b"]}" """,
    "base64": """b'{"input":{"shape":[9000000],"dtype":"uint8","base64":"' + b"A" * 12_000_000 + b'"}}' """,
}
REFUSED = {
    "a plain list": """b'{"padding":[' + b",".join([b"1"] * 3_000_000) + b"]}" """,
    "objects": """b'{"layers":[' + b",".join([b"{}"] * 500_000) + b"]}" """,
    "objects of one": """b'{"layers":[' + b",".join([b'{"a":1}'] * 500_000) + b"]}" """,
    "deep lists": """b'{"x":[' + b",".join([b"[" * 60 + b"1" + b"]" * 60] * 50_000) + b"]}" """,
    "long keys": """b"".join(b'{"' + b"k" * 330_000 + b'":' for _ in range(60)) + b"1" + b"}" * 60""",
}
MEASURED = """
from dataclasses import replace
from service.schemas.document import DOCUMENT
from service.settings import Settings
from service.wire import read_json
from service.wire.errors import MalformedJSON

def status(name):
    return int(next(line for line in open("/proc/self/status") if line.startswith(name)).split()[1]) * 1024

text = {text}
told = []
limits = replace(Settings(max_json_depth=64).read_limits(), admit=told.append)
read_json(b'{{"input":[1]}}', DOCUMENT, limits)
told.clear()
open("/proc/self/clear_refs", "w").write("5")  # the peak is measured from here
before = status("VmRSS")
try:
    document = read_json(text, DOCUMENT, limits)
except MalformedJSON:
    pass
print(sum(told), status("VmHWM") - before)
"""


def measured(text: str) -> tuple[int, int]:
    """Return what a process is told that reading a text takes, and what it takes."""
    program = (sys.executable, "-c", MEASURED.format(text=text))
    ran = subprocess.run(program, check=True, capture_output=True, text=True, timeout=60)
    told, taken = map(int, ran.stdout.split())
    return told, taken


@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS.keys())
def test_no_text_takes_more_than_was_told(text: str) -> None:
    told, taken = measured(text)
    assert taken <= told + 2**20
    assert told <= 2 * taken + 2**20


@pytest.mark.parametrize("text", REFUSED.values(), ids=REFUSED.keys())
def test_nor_does_one_that_is_refused(text: str) -> None:
    told, taken = measured(text)
    assert taken <= told + 2**20


def test_more_strings_than_any_request_has_are_refused_unparsed() -> None:
    told: list[int] = []
    limits = replace(LIMITS, admit=told.append)
    few = b'{"input":[' + b'"a",' * 200_000 + b"1]}"
    with pytest.raises(errors.NotAnArray, match='is the string "a"'):
        read_json(few, FIELDS, replace(limits, max_elements=10**6))
    many = b'{"input":[' + b'"a",' * 300_000 + b"1]}"
    with pytest.raises(errors.MalformedJSON, match="more than 500,000 quotation marks") as caught:
        read_json(many, FIELDS, replace(limits, max_elements=10**6))
    assert caught.value.extra["limit"] == 500_000
    assert len(told) == 1  # what it would take is not even asked for


def test_more_escapes_than_any_request_has_are_refused_unparsed() -> None:
    limits = replace(LIMITS, max_elements=10**6)
    many = b'{"method":"' + b"\\\\" * 300_000 + b'"}'
    with pytest.raises(errors.MalformedJSON, match="more than 500,000 backslashes") as caught:
        read_json(many, FIELDS, replace(limits, admit=lambda _: None))
    assert caught.value.extra["limit"] == 500_000


def test_base64_whose_slashes_are_escaped_is_read() -> None:
    """As PHP's json_encode writes it; at most every 32nd byte of a long text may be a backslash."""
    values = np.random.default_rng(3).integers(0, 256, 26_000_000, dtype=np.uint8)
    data = base64.b64encode(values.tobytes()).replace(b"/", b"\\/")
    assert data.count(b"\\") > 500_000
    body = b'{"input":{"shape":[26000000],"dtype":"uint8","base64":"' + data + b'"}}'
    read = read_json(body, FIELDS, replace(LIMITS, max_elements=10**8, max_decoded_bytes=10**9, admit=lambda _: None))
    np.testing.assert_array_equal(read["input"], values)


@pytest.mark.parametrize("before", [0, 262_138, 262_140, 262_143, 262_144, 262_149])
def test_what_is_sought_block_by_block_is_found_across_two(before: int) -> None:
    assert contains(b"x" * before + b"\\u005b" + b"x" * 300_000, b"\\u005")
    assert not contains(b"x" * before + b"\\u006b" + b"x" * 300_000, b"\\u005")
