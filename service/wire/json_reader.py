"""A JSON body read into one document whose arrays are NumPy arrays.

How lists that hide among the numbers of a row are found without looking at each number: every list this reader walks
through has one ``[`` in the text, and so has every ``[`` in a string. If the text has more, a list is hiding, and the
text is walked through again, carefully. A bracket in a string may be written as an escape, ``\\u005b``: a text with one
is walked through carefully at once.
"""

from __future__ import annotations

from collections import Counter
from contextlib import suppress
from typing import Any

import numpy as np
import simdjson
from numpy.typing import NDArray

from .arrays import ElementBudget, contains, count_of, describe
from .document import Buffer, Document, Fields, ReadLimits, pointer_to
from .errors import DuplicateKey, MalformedJSON, WireError
from .json_arrays import is_array_object, lists_in, nested_array, object_array
from .json_faults import too_deep
from .json_parser import HUGE_BYTES, parse, refuse_crowds
from .json_pieces import STAND_IN, Lifted, are_strings_plain, lifted

_ESCAPED_BRACKET = b"\\u005"  # as both \u005b and \u005B begin

_FLAT = "data"
"""The key of an array's numbers as one flat list."""

MAX_KEYS, MAX_KEY_CHARACTERS, MAX_PLAIN = 64, 256, 100_000
"""Keys of an object, characters of a key, values outside of arrays: many times what any request has.

pysimdjson finds a key by looking at each, pointers repeat a key, and a value outside of an array becomes an object.
"""


def read_json(body: Buffer, fields: Fields, limits: ReadLimits) -> Document:
    """Read a JSON body.

    Parameters
    ----------
    body : bytes-like
        UTF-8 without a byte order mark; one object.
    fields : Fields
        Which keys hold arrays. Wherever such a key stands, a list, a flat object or a packed object becomes an
        array; anything else stays as it is, for the schema to judge.
    limits : ReadLimits

    Returns
    -------
    dict
        Nested lists become float64 C-contiguous arrays, flat and packed objects arrays of their dtype. Arrays may be
        read-only.

    Raises
    ------
    MalformedJSON
        With ``offset`` (bytes), ``line`` and ``column`` where the text stops being JSON; also for a repeated key and
        for nesting that is too deep.
    InvalidArray, TooManyElements
        With the pointer to the element at fault.

    Notes
    -----
    Beside the body and the arrays, parsing takes about 1.3 times the body for numbers of 17 digits, and 24 bytes for
    each number of one digit; ``limits.admit`` is told of all of it together.
    """
    value = read_json_value(body, fields, limits, name=None, pointer="")
    if not isinstance(value, dict):
        came = f"a list of {len(value)}" if isinstance(value, list) else describe(value)
        detail = f'the body is {came}; it must be an object such as {{"input": …}}'
        raise MalformedJSON(detail, offset=0, line=1, column=1)
    return value


def read_json_value(text: Buffer, fields: Fields, limits: ReadLimits, *, name: str | None, pointer: str) -> Any:
    """Read any JSON value: a whole body (`name` None) or the value of the field `name`, which stands at `pointer`."""
    sent = text if isinstance(text, (bytes, bytearray)) else bytes(text)
    refuse_crowds(sent, limits, pointer)
    if len(sent) > HUGE_BYTES and are_strings_plain(sent):
        for liftable in ({*fields.arrays, _FLAT}, fields.arrays):
            with suppress(_NotPlainly):
                return _read(sent, lifted(sent, liftable, limits.max_axes), fields, limits, name, pointer)
    return _read(sent, Lifted(sent, []), fields, limits, name, pointer)


def _read(
    sent: bytes | bytearray, left: Lifted, fields: Fields, limits: ReadLimits, name: str | None, pointer: str
) -> Any:
    rest, huge = left
    careful = b"\\" in sent and contains(sent, _ESCAPED_BRACKET)  # the one byte is found much sooner
    parsed = parse(rest, sent, limits, pointer)
    walk = _Walk(fields, limits, huge, careful=careful)
    value = walk.read(parsed, name, pointer, 0)
    if not careful and walk.lists != count_of(b"[", rest):
        return _Walk(fields, limits, huge, careful=True).read(parsed, name, pointer, 0)
    return value


class _NotPlainly(Exception):
    """A huge flat list is not plainly an array's: it is read with all else then."""


class _Walk:
    """Turns what simdjson parsed into plain values and arrays."""

    def __init__(self, fields: Fields, limits: ReadLimits, huge: list[NDArray[np.float64]], *, careful: bool) -> None:
        self.names = fields.arrays
        self.limits = limits
        self.budget = ElementBudget(limits)
        self.careful = careful
        self.huge = huge
        self.lists = 0  # and brackets in strings
        self.plain = 0

    def read(self, value: Any, name: str | None, pointer: str, depth: int) -> Any:
        """Return `value`, of the field `name`, as it goes into the document."""
        if isinstance(value, simdjson.Array):
            return self.read_list(value, name, pointer, depth)
        if isinstance(value, simdjson.Object):
            return self.read_object(value, name, pointer, depth)
        if isinstance(value, str):
            array = self.lifted(value)
            if array is not None:
                if name == _FLAT:
                    raise _NotPlainly
                self.budget.take(array.size, pointer)
                return array
            self.lists += value.count("[")
        return value

    def lifted(self, value: Any) -> NDArray[np.float64] | None:
        """Return the huge array that a string stands for."""
        if self.huge and isinstance(value, str) and value.startswith(STAND_IN):
            return self.huge[int(value.removeprefix(STAND_IN))]
        return None

    def read_list(self, value: simdjson.Array, name: str | None, pointer: str, depth: int) -> Any:
        if name in self.names:
            array = nested_array(value, pointer, self.limits, self.budget, careful=self.careful)
            self.lists += lists_in(array)
            return array
        self.lists += 1
        self.check_depth(depth, pointer)
        self.take_plain(len(value), pointer)
        return [self.read(item, None, f"{pointer}/{index}", depth + 1) for index, item in enumerate(value)]

    def read_object(self, value: simdjson.Object, name: str | None, pointer: str, depth: int) -> Any:
        self.check_depth(depth, pointer)
        self.take_plain(len(value), pointer)
        keys = list(value)
        self.check_keys(keys, pointer)
        self.lists += "".join(keys).count("[")
        if name in self.names and is_array_object(keys):
            members: dict[str, Any] = {key: value[key] for key in keys}
            data = self.lifted(members.get(_FLAT))
            if data is not None:
                members[_FLAT] = data
            try:
                array = object_array(members, pointer, self.limits, self.budget, careful=self.careful)
            except WireError:
                if data is None:
                    raise
                raise _NotPlainly from None  # the numbers as they were sent tell what is amiss
            self.lists += sum(isinstance(member, simdjson.Array) for member in members.values())
            return array
        return {key: self.read(value[key], key, pointer_to(pointer, key), depth + 1) for key in keys}

    def take_plain(self, count: int, pointer: str) -> None:
        """Count values that become Python objects; each takes a hundred times what a number of an array does."""
        self.plain += count
        if self.plain > MAX_PLAIN:
            detail = f"there are more than {MAX_PLAIN:,} values outside of arrays; no request has so many"
            raise MalformedJSON(detail, pointer, limit=MAX_PLAIN, actual=self.plain)

    def check_depth(self, depth: int, pointer: str) -> None:
        if depth >= self.limits.max_json_depth:
            raise too_deep(self.limits, pointer)

    def check_keys(self, keys: list[str], pointer: str) -> None:
        if len(set(keys)) != len(keys):
            key = next(key for key, times in Counter(keys).items() if times > 1)
            detail = f'the key "{key[:40]}" stands twice in one object; each key may be given once'
            raise DuplicateKey(detail, pointer, key=key[:200])
        longest = max(map(len, keys), default=0)
        if longest > MAX_KEY_CHARACTERS:  # pointers would repeat it
            detail = f"a key has {longest:,} characters; no field of a request has more than {MAX_KEY_CHARACTERS}"
            raise MalformedJSON(detail, pointer, limit=MAX_KEY_CHARACTERS, actual=longest)
        if "\0" in "".join(keys):  # pysimdjson would look up what stands before it
            raise MalformedJSON("a key has the character U+0000 in it; no field of a request has", pointer)
        if len(keys) > MAX_KEYS:
            detail = f"an object has {len(keys)} keys; no object of a request has more than {MAX_KEYS}"
            raise MalformedJSON(detail, pointer, limit=MAX_KEYS, actual=len(keys))
