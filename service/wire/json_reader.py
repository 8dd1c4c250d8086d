"""A JSON body read into one document whose arrays are NumPy arrays."""

from __future__ import annotations

from typing import Any

from .arrays import describe
from .document import Buffer, Document, Fields, ReadLimits
from .errors import MalformedJSON
from .json_strict import read_strictly


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
        raise MalformedJSON(f'the body is {describe(value)}; it must be an object such as {{"input": …}}', offset=0)
    return value


def read_json_value(text: Buffer, fields: Fields, limits: ReadLimits, *, name: str | None, pointer: str) -> Any:
    """Read any JSON value: a whole body (`name` None) or the value of the field `name`, which stands at `pointer`."""
    return read_strictly(text, fields, limits, name, pointer)
