"""JSON read with every rule checked and every fault located; :mod:`service.wire.json_fast` is for the usual case.

orjson refuses what JSON refuses (also NaN, a byte order mark, lone surrogates, trailing commas and numbers that would
be infinite) and says where. It lets three things through that are refused here: repeated keys, deep nesting, and
anything in an array that is not a number.
"""

from __future__ import annotations

import json
from typing import Any

import orjson

from .arrays import ElementBudget, array_from_lists, array_from_object, is_array_object
from .document import Buffer, Fields, ReadLimits, pointer_to
from .errors import DuplicateKey, JSONTooDeep, MalformedJSON


def read_strictly(text: Buffer, fields: Fields, limits: ReadLimits, name: str | None, pointer: str) -> Any:
    """Return the value of a JSON text with its arrays in place.

    Parameters
    ----------
    text : bytes-like
        UTF-8, one JSON value.
    name : str or None
        The field whose value this is, or None for a whole body.
    pointer : str
        Where the value stands in the document.

    Raises
    ------
    MalformedJSON, InvalidArray, TooManyElements
    """
    try:
        value = orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise _located(error, text, pointer) from error
    document = _Walk(fields, limits).value(value, name, pointer, depth=0)
    _refuse_duplicates(text, limits, pointer)
    return document


class _Walk:
    """Replaces lists and objects that are arrays by the arrays."""

    def __init__(self, fields: Fields, limits: ReadLimits) -> None:
        self.names = fields.arrays
        self.limits = limits
        self.budget = ElementBudget(limits)

    def value(self, value: Any, name: str | None, pointer: str, depth: int) -> Any:
        if not isinstance(value, (list, dict)):
            return value
        if depth >= self.limits.max_json_depth and not (isinstance(value, list) and name in self.names):
            raise too_deep(self.limits, pointer)
        if isinstance(value, list):
            if name in self.names:
                return array_from_lists(value, pointer, self.limits, self.budget)
            return [self.value(item, None, f"{pointer}/{i}", depth + 1) for i, item in enumerate(value)]
        if name in self.names and is_array_object(value):
            return array_from_object(value, pointer, self.limits, self.budget)
        return {key: self.value(item, key, pointer_to(pointer, key), depth + 1) for key, item in value.items()}


def too_deep(limits: ReadLimits, pointer: str) -> JSONTooDeep:
    """Return the error for nesting past the limit."""
    depth = limits.max_json_depth
    return JSONTooDeep(f"lists and objects are nested more than {depth} deep", pointer, limit=depth)


class _Repeated(Exception):
    pass


def _refuse_duplicates(text: Buffer, limits: ReadLimits, pointer: str) -> None:
    def check(pairs: list[tuple[str, Any]]) -> None:
        seen: set[str] = set()
        for key, _ in pairs:
            if key in seen:
                raise _Repeated(key)
            seen.add(key)

    try:
        json.loads(bytes(text), object_pairs_hook=check)
    except _Repeated as repeated:
        key = str(repeated)
        detail = f'the key "{key[:40]}" stands twice in one object; each key may be given once'
        raise DuplicateKey(detail, pointer, key=key[:200]) from None
    except RecursionError:
        raise too_deep(limits, pointer) from None


def _located(error: orjson.JSONDecodeError, text: Buffer, pointer: str) -> MalformedJSON:
    """Return the error for orjson's, with the place counted in bytes."""
    message = error.msg
    if message.startswith("str is not valid UTF-8"):
        offset, message = _first_not_utf8(bytes(text)), "the text is not UTF-8"
    else:
        offset = len(error.doc[: error.pos].encode("utf-8", "surrogatepass"))
    before = bytes(text[:offset])
    line = before.count(b"\n") + 1
    column = len(before[before.rfind(b"\n") + 1 :].decode("utf-8", "replace")) + 1
    kind = JSONTooDeep if message.startswith("depth limit") else MalformedJSON
    return kind(
        f"{message} at byte {offset} (line {line}, column {column})", pointer, offset=offset, line=line, column=column
    )


def _first_not_utf8(text: bytes) -> int:
    try:
        text.decode("utf-8")
    except UnicodeDecodeError as error:
        return error.start
    return 0
