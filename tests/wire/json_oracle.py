"""What a JSON body means, written as plainly as possible on the standard library; shares no code with the reader."""

from __future__ import annotations

import base64
import json
import math
from typing import Any

import numpy as np

from tests.wire.asked import FIELDS, LIMITS

DTYPES = ["uint8", "int8", "uint16", "int16", "int32", "int64", "float16", "float32", "float64"]


class Refused(Exception):
    """The body is not one that may be read."""


def must(condition: bool) -> None:
    if not condition:
        raise Refused


def read(body: bytes) -> dict[str, Any]:
    """Return the document with its arrays in place, or raise Refused."""
    try:
        text = body.decode("utf-8")
        must(not text.startswith("\ufeff"))
        document = json.loads(text, object_pairs_hook=no_key_twice, parse_constant=no_constant, parse_float=finite)
    except (UnicodeDecodeError, json.JSONDecodeError, RecursionError) as error:
        raise Refused from error
    must(isinstance(document, dict))
    must(max((c for c in str(document) if "\ud800" <= c < "\ue000"), default="") < "\ud800")  # no lone surrogates
    return {key: value(item, key, 1) for key, item in document.items()}


def no_key_twice(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    must(len({key for key, _ in pairs}) == len(pairs) <= 64)
    return dict(pairs)


def no_constant(_: str) -> None:
    raise Refused


def finite(text: str) -> float:
    must(math.isfinite(float(text)))
    return float(text)


def value(item: Any, name: str | None, depth: int) -> Any:
    if isinstance(item, list) and name in FIELDS.arrays:
        return nested(item)
    if isinstance(item, (list, dict)):
        must(depth < LIMITS.max_json_depth)
    if isinstance(item, list):
        return [value(inner, None, depth + 1) for inner in item]
    if isinstance(item, dict):
        if name in FIELDS.arrays and "name" not in item and {"shape", "dtype", "data", "base64"} & item.keys():
            return array_object(item)
        return {key: value(inner, key, depth + 1) for key, inner in item.items()}
    if type(item) is int and not -(2**63) <= item < 2**64:
        return float(item)
    return item


def nested(item: Any) -> Any:
    """Return lists in lists as an array, by the shape of their first elements."""
    shape, first = [], item
    while isinstance(first, list):
        shape.append(len(first))
        must(len(first) > 0)
        first = first[0]
    must(len(shape) <= LIMITS.max_axes)
    array = np.empty(shape)
    for index in np.ndindex(*shape):
        number = item
        for axis, position in enumerate(index):
            must(isinstance(number, list) and len(number) == shape[axis])
            number = number[position]
        must(type(number) in (int, float))
        array[index] = float(number)
    return array


def array_object(item: dict[str, Any]) -> Any:
    packed = "base64" in item
    must(item.keys() == {"shape", "dtype", "base64" if packed else "data"})
    shape, dtype = item["shape"], item["dtype"]
    must(isinstance(shape, list) and all(type(size) is int and size > 0 for size in shape))
    must(len(shape) <= LIMITS.max_axes and dtype in DTYPES)
    if packed:
        must(isinstance(item["base64"], str))
        try:
            raw = base64.b64decode(item["base64"], validate=True)
        except ValueError as error:
            raise Refused from error
        must(base64.b64encode(raw).decode() == item["base64"])
        must(len(raw) == math.prod(shape) * np.dtype(dtype).itemsize)
        return np.frombuffer(raw, dtype).reshape(shape)
    data = item["data"]
    must(isinstance(data, list) and len(data) == math.prod(shape))
    array = np.empty(len(data), dtype)
    for position, number in enumerate(data):
        must(type(number) in (int, float))
        if array.dtype.kind == "f":
            with np.errstate(over="ignore"):
                array[position] = float(number)
            must(bool(np.isfinite(array[position])))
        else:
            must(number == int(number) and (type(number) is int or abs(number) <= 2**53))
            must(np.iinfo(dtype).min <= number <= np.iinfo(dtype).max)
            array[position] = int(number)
    return array.reshape(shape)
