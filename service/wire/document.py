"""What the readers must be told: which fields hold arrays, and how much they may read.

A request becomes one *document*: the plain values of its JSON or form, with NumPy arrays where arrays were. The
readers know no operation; whoever calls them hands in the names that matter (:class:`Fields`) and the limits in force
(:class:`ReadLimits`). No limit has a default here, so there is one place only where limits are set.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

Document = dict[str, Any]
Buffer = bytes | bytearray | memoryview


@dataclass(frozen=True, kw_only=True)
class Fields:
    """The field names that the readers treat differently from others."""

    arrays: frozenset[str]
    """Keys, at any depth, whose lists, flat and packed objects become arrays."""

    strings: frozenset[str] = frozenset()
    """Form fields whose text stays text, whatever it looks like."""

    files: frozenset[str] = frozenset()
    """Form fields that may be a file."""

    pictures: frozenset[str] = frozenset()
    """Those of the files that may be a picture."""


MAX_AXES = 8
"""Axes of an array: more than any operation has, and few enough to refuse a longer list unread."""


@dataclass(frozen=True, kw_only=True)
class ReadLimits:
    """How much is read from one request; beyond a limit is an error that names it."""

    max_decoded_bytes: int
    """Bytes of a body once its Content-Encoding is undone; also bytes of a form."""

    max_elements: int
    """Elements of all arrays of a document together."""

    max_axes: int
    """Axes of one array; at most 64, which is NumPy's own limit."""

    max_json_depth: int
    """Lists and objects inside one another; at most 500."""

    max_parts: int
    """Parts of a form."""

    max_part_header_bytes: int
    """Bytes of one header line of a part."""

    max_picture_pixels: int
    """Width × height of a picture."""

    admit: Callable[[int], None] | None = None
    """Told how many bytes more reading is about to take, beyond the body as it came; raises where there is no room."""


def pointer_to(parent: str, *steps: str | int) -> str:
    """Return the JSON pointer (RFC 6901) to what lies `steps` below `parent`."""
    for step in steps:
        text = str(step)
        if "~" in text or "/" in text:
            text = text.replace("~", "~0").replace("/", "~1")
        parent = f"{parent}/{text}"
    return parent
