"""The parts of a form read into the same document that a JSON body gives."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import orjson

from .arrays import ElementBudget
from .document import Document, Fields, ReadLimits
from .errors import MalformedForm, MalformedJSON, UnexpectedFile, UnrecognisedFile
from .form_parts import Form, Part
from .json_reader import read_json_value
from .npy import MAGIC as NPY_MAGIC
from .npy import read_npy
from .pictures import Picture, picture_format, read_picture

_JSON_SPACE = " \t\r\n"
_LONG_TEXT = 64 * 1024  # characters; no number, and none that is true or false
_NUMBER = re.compile(r"-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?", re.ASCII)


def read_form(form: Form, fields: Fields, limits: ReadLimits) -> Document:
    """Read the parts of a form into one document; this is work for a thread, not for the event loop.

    A text part is a string where the field is one of ``fields.strings``; otherwise text that opens with ``[`` or ``{``
    is JSON, a JSON number or ``true`` or ``false`` is that, and anything else a string. A file part is told by its
    bytes: ``.npy``, JSON, or for ``fields.pictures`` a picture.

    Returns
    -------
    dict
        As :func:`service.wire.json_reader.read_json` gives, and a :class:`service.wire.pictures.Picture` for a picture.

    Raises
    ------
    MalformedForm, MalformedJSON
        If a text part is not UTF-8, or opens as JSON and is none.
    UnrecognisedFile, UnexpectedFile, InvalidArray, TooManyElements
    UndecodablePicture, UnsupportedPicture, PictureTooLarge
    """
    document: Document = {}
    budget = ElementBudget(limits)
    for part in form.parts:
        read = _text if part.filename is None else _file
        document[part.name] = read(part, fields, limits)
        budget.take(_elements(document[part.name]), part.pointer)
    return document


def _elements(value: Any) -> int:
    """Return how many elements the arrays in `value` have."""
    if isinstance(value, np.ndarray):
        return value.size
    if isinstance(value, Picture):
        return value.pixels.size
    if isinstance(value, dict):
        return sum(map(_elements, value.values()))
    return sum(map(_elements, value)) if isinstance(value, list) else 0


def _text(part: Part, fields: Fields, limits: ReadLimits) -> Any:
    if part.name not in fields.strings and _opens_json(part.data):
        return _json(part, fields, limits)
    try:
        text = part.data.decode("utf-8")
    except UnicodeDecodeError as error:
        detail = f"the text of {part.name} is not UTF-8 at byte {error.start}; send an array or picture as a file"
        raise MalformedForm(detail, part.pointer, offset=error.start) from None
    if part.name in fields.strings:
        return text
    if len(text) > _LONG_TEXT:
        return text
    bare = text.strip(_JSON_SPACE)
    if bare in ("true", "false"):
        return bare == "true"
    if _NUMBER.fullmatch(bare):
        try:
            return orjson.loads(bare)
        except orjson.JSONDecodeError as error:
            raise MalformedJSON(f"{part.name} is {bare[:40]}: {error.msg}", part.pointer, offset=0) from error
    return text


def _json(part: Part, fields: Fields, limits: ReadLimits) -> Any:
    return read_json_value(part.data, fields, limits, name=part.name, pointer=part.pointer)


def _file(part: Part, fields: Fields, limits: ReadLimits) -> Any:
    if part.data.startswith(NPY_MAGIC):
        return read_npy(part.data, part.pointer, limits)
    if picture_format(part.data) is not None:
        if part.name in fields.pictures:
            return read_picture(part.data, part.pointer, limits)
        taken = ", ".join(sorted(fields.pictures)) or "no field"
        raise UnexpectedFile(f"{part.name} came as a picture; pictures are taken for {taken}", part.pointer)
    if _opens_json(part.data):
        return _json(part, fields, limits)
    raise UnrecognisedFile(_unrecognised(part, fields), part.pointer)


def _opens_json(data: bytearray) -> bool:
    """Whether the first that is no white space opens an array or an object; block by block, as others may run then."""
    starts = range(0, len(data), _LONG_TEXT)
    blocks = (data[start : start + _LONG_TEXT].lstrip(_JSON_SPACE.encode()) for start in starts)
    return next(filter(None, blocks), b"")[:1] in (b"[", b"{")


def _unrecognised(part: Part, fields: Fields) -> str:
    kinds = ".npy, a JSON array or a picture" if part.name in fields.pictures else ".npy or a JSON array"
    if not part.data:
        return f"the file for {part.name} is empty; it must be {kinds}"
    start = "".join(chr(byte) if 32 < byte < 127 else f"\\x{byte:02x}" for byte in part.data[:8])
    return f"the file for {part.name} begins with {start}; it must be {kinds}"
