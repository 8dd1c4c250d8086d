"""JSON read into arrays without a Python object for each number.

simdjson parses the text once into its own memory, and pysimdjson copies the numbers of an array out of it as float64:
about 2.5 times as fast as orjson for a body that is one array, exact to the last bit, at a fraction of the memory. But
its copy runs over all levels of nesting at once and keeps the last of two equal keys, so shapes, keys and brackets are
checked here. Whatever is not plainly right is :class:`Unusual`, and :mod:`service.wire.json_strict` reads the text
again and says what is wrong with it, if anything is.

How brackets are counted: every list this reader walks through has one ``[`` in the text, and so has every ``[`` in a
string. If the text has more, a list hides among the numbers of a row (``[1, [2]]``). That holds as long as no string
is written with escapes, so a text with a backslash is unusual too.
"""

from __future__ import annotations

from math import prod
from typing import Any

import numpy as np
import simdjson
from numpy.typing import NDArray

from .arrays import DTYPES, ElementBudget, checked_shape, is_array_object, unpack
from .document import Fields, ReadLimits
from .errors import WireError

_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_MAX_KEYS = 64  # pysimdjson finds a key by looking at each
_SATURATED = 0xFFFFFF  # simdjson counts the elements of a list up to here


_BLOCK_BYTES = 256 * 1024


class Unusual(Exception):
    """The text is not JSON, or needs a closer look."""


def read_fast(text: bytes | bytearray, fields: Fields, limits: ReadLimits, name: str | None) -> Any:
    """Return what ``read_strictly`` returns, or raise Unusual.

    Parameters
    ----------
    text : bytes or bytearray
    name : str or None
        The field whose value this is, or None for a whole body.
    """
    if b"\\" in text or text.startswith(_BYTE_ORDER_MARK):
        raise Unusual
    try:
        walk = _Walk(fields, limits)
        value = walk.value(simdjson.Parser().parse(text), name, 0)
    except (WireError, ValueError, RuntimeError, TypeError, LookupError) as error:
        raise Unusual from error
    if walk.openings != count_of(b"[", text):
        raise Unusual
    return value


def count_of(mark: bytes, text: bytes | bytearray) -> int:
    """Return how often the byte `mark` stands in `text`; in blocks that stay in the cache, faster than ``count``."""
    view = np.frombuffer(text, dtype=np.uint8)
    starts = range(0, len(view), _BLOCK_BYTES)
    return sum(int(np.count_nonzero(view[start : start + _BLOCK_BYTES] == mark[0])) for start in starts)


class _Walk:
    """Turns simdjson's proxies into plain values and arrays, counting the brackets it passes."""

    def __init__(self, fields: Fields, limits: ReadLimits) -> None:
        self.names = fields.arrays
        self.limits = limits
        self.budget = ElementBudget(limits)
        self.openings = 0

    def value(self, value: Any, name: str | None, depth: int) -> Any:
        if isinstance(value, simdjson.Array):
            if name in self.names:
                return self.array(value)
            self.openings += 1
            self.check_depth(depth)
            return [self.value(item, None, depth + 1) for item in value]
        if isinstance(value, simdjson.Object):
            self.check_depth(depth)
            return self.object(value, name, depth)
        if isinstance(value, str):
            self.openings += value.count("[")
        return value

    def check_depth(self, depth: int) -> None:
        if depth >= self.limits.max_json_depth:
            raise Unusual

    def object(self, value: simdjson.Object, name: str | None, depth: int) -> Any:
        keys = list(value)
        if len(keys) > _MAX_KEYS or len(set(keys)) != len(keys):
            raise Unusual
        self.openings += sum(key.count("[") for key in keys)
        if name in self.names and is_array_object(keys):
            return self.array_object(value, set(keys))
        return {key: self.value(value[key], key, depth + 1) for key in keys}

    def array(self, rows: simdjson.Array) -> NDArray[np.float64]:
        """Return nested lists as float64."""
        shape: list[int] = []
        probe: Any = rows
        while isinstance(probe, simdjson.Array):
            shape.append(len(probe))
            if not 0 < shape[-1] < _SATURATED or len(shape) > self.limits.max_axes:
                raise Unusual
            probe = probe[0]
        self.budget.take(prod(shape), "")
        self.openings += 1
        self.check_rows(rows, shape, 1)
        numbers = np.frombuffer(rows.as_buffer(of_type="d"), dtype=np.float64)
        return numbers.reshape(shape)  # a ValueError where there are more or fewer

    def check_rows(self, rows: simdjson.Array, shape: list[int], axis: int) -> None:
        """Check that everything in `rows` is a list of the length that `shape` says."""
        if axis == len(shape):
            return
        size, innermost = shape[axis], axis == len(shape) - 1
        for row in rows:
            if not isinstance(row, simdjson.Array) or len(row) != size:
                raise Unusual
            if not innermost:
                self.check_rows(row, shape, axis + 1)
        self.openings += shape[axis - 1]

    def array_object(self, value: simdjson.Object, keys: set[str]) -> NDArray[Any]:
        """Return a flat or packed object as an array of its dtype."""
        packed = "base64" in keys
        if keys != {"shape", "dtype", "base64" if packed else "data"}:
            raise Unusual
        name: Any = value["dtype"]
        shape_list: Any = value["shape"]
        data: Any = value["base64" if packed else "data"]
        if name not in DTYPES or not isinstance(shape_list, simdjson.Array):
            raise Unusual
        shape, dtype = checked_shape(shape_list.as_list(), "", self.limits), np.dtype(name)
        self.budget.take(prod(shape), "")
        self.openings += 1
        if packed:
            return unpack(data, shape, dtype, "")
        if not isinstance(data, simdjson.Array):
            raise Unusual
        self.openings += 1
        return _typed(data, dtype).reshape(shape)


def _typed(data: simdjson.Array, dtype: np.dtype[Any]) -> NDArray[Any]:
    """Return a flat list in `dtype`, exactly; a fraction among integers makes pysimdjson raise."""
    if dtype.kind == "f":
        numbers = np.frombuffer(data.as_buffer(of_type="d"), dtype=np.float64)
        with np.errstate(over="ignore"):
            rounded = numbers.astype(dtype, copy=False)
        if dtype.itemsize < 8 and not np.isfinite(rounded).all():
            raise Unusual
        return rounded
    integers = np.frombuffer(data.as_buffer(of_type="i"), dtype=np.int64)
    if dtype.itemsize < 8 and integers.size:
        info = np.iinfo(dtype)
        if integers.min() < info.min or integers.max() > info.max:
            raise Unusual
    return integers.astype(dtype, copy=False)
