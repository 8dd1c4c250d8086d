"""JSON text parsed by simdjson, into its own memory and without a Python object a value.

It is strict but for a byte order mark, and it refuses integers of more than 64 bits, which JSON allows.
"""

from __future__ import annotations

from typing import Any

import simdjson

from .arrays import count_of, too_many_elements
from .document import ReadLimits
from .errors import MalformedJSON
from .json_faults import located
from .json_integers import widened

_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_SLACK = 4096  # values that a text may hold beside its arrays' elements
_SIMDJSON_ERRORS = (ValueError, RuntimeError)  # what pysimdjson raises where a text is not JSON


def parse(text: bytes | bytearray, limits: ReadLimits, pointer: str) -> Any:
    """Return simdjson's view of one JSON value: an Array, an Object or a plain value.

    Parameters
    ----------
    text : bytes or bytearray
        UTF-8 without a byte order mark.
    pointer : str
        Where the value stands in the document, for errors.

    Raises
    ------
    MalformedJSON
        With ``offset`` (bytes), ``line`` and ``column`` where the text stops being JSON.
    TooManyElements
        If there are far more values than ``max_elements``; said before they are read.
    """
    _refuse_crowds(text, limits, pointer)
    if text.startswith(_BYTE_ORDER_MARK):
        detail = "the text begins with a byte order mark at byte 0; it must be UTF-8 without one"
        raise MalformedJSON(detail, pointer, offset=0, line=1, column=1)
    try:
        return simdjson.Parser().parse(text)
    except _SIMDJSON_ERRORS as error:
        fault = error
    wide = widened(text)
    if wide is not text:
        try:
            return simdjson.Parser().parse(wide)
        except _SIMDJSON_ERRORS as error:
            fault = error
    raise located(text, fault, limits, pointer)


def _refuse_crowds(text: bytes | bytearray, limits: ReadLimits, pointer: str) -> None:
    """Refuse a text with far more values than elements may come, before they take any memory.

    Values are a comma apart and lists open with a bracket, so counting those is enough, and is needed only where the
    text is long enough to hold too many.
    """
    most = limits.max_elements + _SLACK
    if len(text) <= most:
        return
    for mark in (b",", b"[", b"{"):
        count = count_of(mark, text)
        if count > most:
            raise too_many_elements(count, limits.max_elements, pointer)
