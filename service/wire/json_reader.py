"""A JSON body read into one document whose arrays are NumPy arrays."""

from __future__ import annotations

from typing import Any

from .arrays import describe, too_many_elements
from .document import Buffer, Document, Fields, ReadLimits
from .errors import MalformedJSON
from .json_fast import Unusual, count_of, read_fast
from .json_strict import read_strictly

_SLACK = 4096  # values that a body may hold beside its arrays' elements


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
        With ``offset`` (bytes), ``line`` and ``column`` where the text stops being JSON.
    InvalidArray, TooManyElements
        With the pointer to the element at fault.
    """
    value = read_json_value(body, fields, limits, name=None, pointer="")
    if not isinstance(value, dict):
        detail = f'the body is {describe(value)}; it must be an object such as {{"input": …}}'
        raise MalformedJSON(detail, offset=0, line=1, column=1)
    return value


def read_json_value(text: Buffer, fields: Fields, limits: ReadLimits, *, name: str | None, pointer: str) -> Any:
    """Read any JSON value: a whole body (`name` None) or the value of the field `name`, which stands at `pointer`."""
    text = text if isinstance(text, (bytes, bytearray)) else bytes(text)
    _refuse_crowds(text, limits, pointer)
    try:
        return read_fast(text, fields, limits, name)
    except Unusual:
        return read_strictly(text, fields, limits, name, pointer)


def _refuse_crowds(text: bytes | bytearray, limits: ReadLimits, pointer: str) -> None:
    """Refuse a text with far more values than the elements that may come, before they take any memory.

    Elements are a comma apart and lists open with a bracket, so counting those is enough, and is needed only where
    the text is long enough to hold too many.
    """
    most = limits.max_elements + _SLACK
    if len(text) <= most:
        return
    for mark in (b",", b"[", b"{"):
        count = count_of(mark, text)
        if count > most:
            raise too_many_elements(count, limits.max_elements, pointer)
