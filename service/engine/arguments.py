"""Arguments as people write them, brought once into the one form that the plans use.

``stride=2`` and ``stride=[2, 2]`` are the same stride; ``padding=1``, ``[1, 1]`` and ``[[1, 1], [1, 1]]`` the same
padding. Everything past this file sees tuples of ints, one entry a spatial axis.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from math import inf, nan
from numbers import Integral, Real
from typing import Any, cast

import numpy as np

from .borders import PADDING_MODES
from .errors import AmbiguousPaddingMode, InvalidArgument, UnknownPaddingMode

Pads = tuple[tuple[int, int], ...]
"""Cells added before and after, an entry a spatial axis."""

LARGEST = 2**31 - 1
"""The largest integer that an argument takes: products of two still fit NumPy's indices."""

PADDING_NAMES = ("valid", "same", "same_lower", "full")
OPERATIONS = ("cross_correlation", "convolution")

# What other libraries call the borders, where the name has one meaning only: NumPy (pad), SciPy (ndimage, signal),
# OpenCV (BORDER_...), PyTorch, TensorFlow, Dask. docs/semantics.md, 5.
_CANONICAL_MODE = {alias: name for name, mode in PADDING_MODES.items() for alias in (name, *mode.aliases)}
# Names that two libraries use for two borders. `reflect` itself is ours and PyTorch's; written as OpenCV's constant
# without its prefix, or as a bare English word, nobody can tell.
_AMBIGUOUS_MODES = (
    "REFLECT",
    "reflection",
    "reflected",
    "reflective",
    "mirrored",
    "mirroring",
    "grid-reflect",
    "half",
    "sym",
)


def per_axis(value: Any, rank: int, argument: str, *, minimum: int) -> tuple[int, ...]:
    """Return `value`, an int or one int a spatial axis, as a tuple of `rank` ints.

    Raises
    ------
    InvalidArgument
        If it is neither, has another length, or holds an int below `minimum`.
    """
    values = [value] * rank if _is_integer(value) else _as_list(value)
    if values is None or not all(_is_integer(v) for v in values):
        raise InvalidArgument(
            f"{argument} is {shown(value)}; it must be an integer, or a list of {_count(rank, 'integer')}", argument
        )
    if len(values) != rank:
        raise InvalidArgument(
            f"{argument} has {_count(len(values), 'entry', 'entries')} but there {_axes(rank)}; "
            f"give one integer for all, or {_count(rank, 'integer')}",
            argument,
        )
    return tuple(at_least(int(v), minimum, argument) for v in values)


def at_least(value: Any, minimum: int, argument: str) -> int:
    """Return `value` as an int, refusing anything that is not an integer from `minimum` to :data:`LARGEST`."""
    if not _is_integer(value):
        raise InvalidArgument(f"{argument} is {shown(value)}; it must be an integer of at least {minimum}", argument)
    if value < minimum:
        raise InvalidArgument(f"{argument} is {shown(int(value))}; it must be at least {minimum}", argument)
    if value > LARGEST:
        raise InvalidArgument(f"{argument} is {shown(int(value))}; it must be at most {LARGEST}", argument)
    return int(value)


def as_float(value: Any) -> float:
    """Return a real number of any type as a float: infinity if none is as large, NaN if it is no number."""
    if type(value) is float:  # most are, and to ask whether a type counts as real takes a microsecond
        return value
    if isinstance(value, bool) or not isinstance(value, Real):
        return nan
    try:
        return float(value)
    except OverflowError:
        return inf


def padding_amounts(value: Any, rank: int) -> Pads | str:
    """Return `padding` as one (before, after) pair a spatial axis, or as the name it is.

    A name (``"same"`` …) is turned into amounts by the plan, which knows the sizes.
    """
    if isinstance(value, str):
        if value not in PADDING_NAMES:
            raise InvalidArgument(
                f'padding is "{value[:40]}"; as a name it must be one of {quoted(PADDING_NAMES)}, '
                "or give an integer, one integer a spatial axis, or one [before, after] pair a spatial axis",
                "padding",
            )
        return value
    entries = None if _is_integer(value) else _as_list(value)
    if entries is None or not entries or all(_is_integer(e) for e in entries):
        return tuple((p, p) for p in _padding_integers(value, entries, rank))
    pairs = [None if isinstance(e, str) else _as_list(e) for e in entries]
    if any(p is None or len(p) != 2 or not all(_is_integer(v) for v in p) for p in pairs):
        raise InvalidArgument(
            f"padding is {shown(value)}; it must be an integer, one integer a spatial axis, "
            "or one [before, after] pair of integers a spatial axis",
            "padding",
        )
    if len(pairs) != rank:
        raise InvalidArgument(
            f"padding has {_count(len(pairs), 'pair')} but there {_axes(rank)}; give {_count(rank, 'pair')}", "padding"
        )
    checked = [cast("list[int]", p) for p in pairs]
    return tuple((at_least(b, 0, "padding"), at_least(a, 0, "padding")) for b, a in checked)


def _padding_integers(value: Any, entries: list[Any] | None, rank: int) -> tuple[int, ...]:
    if rank == 1 and entries is not None and len(entries) == 2:
        first, last = map(shown, entries)
        raise InvalidArgument(
            f"padding is {shown(value)}, two entries, but there is one spatial axis; "
            f"for {first} before and {last} after it write [[{first}, {last}]]",
            "padding",
        )
    return per_axis(value, rank, "padding", minimum=0)


def padding_mode_name(value: Any) -> str:
    """Return the canonical name of a padding mode from that name or another library's unambiguous one.

    Raises
    ------
    AmbiguousPaddingMode
        If libraries give the name to different borders; the detail says both meanings.
    UnknownPaddingMode
        If nothing has that name.
    """
    if not isinstance(value, str):
        raise InvalidArgument(
            f"padding_mode is {shown(value)}; it must be one of {quoted(tuple(PADDING_MODES))}", "padding_mode"
        )
    name = value.removeprefix("cv2.").removeprefix("cv.")
    if name in _AMBIGUOUS_MODES or (name not in _CANONICAL_MODE and name.lower() in ("reflect", *_AMBIGUOUS_MODES)):
        raise AmbiguousPaddingMode(
            f'padding_mode "{value}" has two meanings: 3 2 | 1 2 3 4 | 3 2, without the edge cell (NumPy\'s reflect, '
            "OpenCV's REFLECT_101, ndimage's mirror), is \"reflect\" here; 2 1 | 1 2 3 4 | 4 3, with it (ndimage's and "
            "Dask's reflect, OpenCV's REFLECT), is \"symmetric\" here",
            "padding_mode",
        )
    canonical = _CANONICAL_MODE.get(name) or _CANONICAL_MODE.get(name.lower())
    if canonical is None:
        raise UnknownPaddingMode(
            f'padding_mode is "{value[:40]}"; it must be one of {quoted(tuple(PADDING_MODES))}', "padding_mode"
        )
    return canonical


def one_of(value: Any, choices: Sequence[str], argument: str) -> str:
    """Return `value` if it is one of `choices`."""
    if not isinstance(value, str) or value not in choices:
        raise InvalidArgument(f"{argument} is {shown(value)}; it must be one of {quoted(choices)}", argument)
    return value


def quoted(names: Sequence[str]) -> str:
    """Return names as a person lists them: ``"a", "b" or "c"``."""
    shown = [f'"{name}"' for name in names]
    return shown[0] if len(shown) == 1 else f"{', '.join(shown[:-1])} or {shown[-1]}"


def axis_name(axis: int, rank: int, *, plural: bool = True) -> str:
    """Return what people call a spatial axis: rows and columns of a picture, samples of a signal."""
    names = {1: ("sample",), 2: ("row", "column"), 3: ("plane", "row", "column")}.get(rank)
    if names is None:
        return f"cells on axis {axis}" if plural else f"cell on axis {axis}"
    return names[axis] + ("s" if plural else "")


def counted(number: int, axis: int, rank: int) -> str:
    """Return a number of cells along an axis in words: ``1 row``, ``7 columns``."""
    return f"{number} {axis_name(axis, rank, plural=number != 1)}"


def _is_integer(value: Any) -> bool:
    return isinstance(value, Integral) and not isinstance(value, bool)


def _as_list(value: Any) -> list[Any] | None:
    """Return a sequence or an array as a list, or None: a set has no order, and text is no list of numbers."""
    if isinstance(value, np.ndarray):
        return list(value) if value.ndim else None
    return list(value) if isinstance(value, Sequence) and not isinstance(value, (str, bytes)) else None


def shown(value: Any) -> str:
    """Return a value as JSON would write it, shortened; where Python refuses to write an integer of it, in words."""
    try:
        text = json.dumps(value)
    except (TypeError, ValueError):
        try:
            text = str(value)
        except ValueError:
            text = (
                "a number of thousands of digits"
                if isinstance(value, int)
                else "a list with a number of thousands of digits"
            )
    return text if len(text) <= 60 else text[:57] + "..."


def _count(number: int, one: str, many: str = "") -> str:
    return f"{number} {one if number == 1 else many or one + 's'}"


def _axes(rank: int) -> str:
    return "is 1 spatial axis" if rank == 1 else f"are {rank} spatial axes"
