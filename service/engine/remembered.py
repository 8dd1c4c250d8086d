"""What was made before, given again: plans, which are frozen and follow from plain numbers and words, and short lists.

Small convolutions come in series of one shape, and making their plan takes as long as computing them.
"""

from __future__ import annotations

import marshal
from collections.abc import Callable, Collection
from functools import wraps
from itertools import chain
from typing import Any, ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")
K = TypeVar("K")

_MOST_PLANS = 1024
_MOST_KEY_BYTES = 1024
_MOST_LISTS = 64
_MOST_ITEMS = 512
_PLAIN = frozenset((int, float, str, bool, type(None)))
_NESTED = frozenset((tuple, list))
_PLAIN_OR_NESTED = _PLAIN | _NESTED
_MOST_LEVELS = 8


def remembered(make: Callable[P, T]) -> Callable[P, T]:
    """Return `make` with a bounded memory of what it made; errors are not remembered.

    Arguments are told apart by their exact types, ``True`` from 1 and 1 from 1.0. What is no plain number, word, tuple
    or list is not remembered.
    """
    made: dict[bytes, T] = {}

    @wraps(make)
    def made_once(*args: P.args, **keywords: P.kwargs) -> T:
        given = [*args, *keywords.values()]
        if not _are_plain(given):
            return make(*args, **keywords)
        key = marshal.dumps([given, [*keywords]], 2)  # later versions of its format write equal values in several ways
        found = made.get(key)
        if found is None:
            found = make(*args, **keywords)
            if len(key) <= _MOST_KEY_BYTES:
                remember(made, key, found, _MOST_PLANS)
        return found

    return made_once


def remember(made: dict[K, T], key: K, found: T, most: int) -> None:
    """Remember something; of so many all are forgotten first, which costs less than to tell the oldest."""
    if len(made) >= most:
        made.clear()
    made[key] = found


def _are_plain(values: Collection[Any]) -> bool:
    """Whether what marshal writes tells these values from all others: of an array it writes the bytes alone."""
    for _ in range(_MOST_LEVELS):
        if len(values) > _MOST_KEY_BYTES:
            return False
        kinds = set(map(type, values))
        if kinds <= _PLAIN:
            return True
        if not kinds <= _PLAIN_OR_NESTED:
            return False
        values = list(chain.from_iterable([value for value in values if type(value) in _NESTED]))
    return False


def short_list_remembered(make: Callable[P, list[T]]) -> Callable[P, list[T]]:
    """Return `make`, of arguments that can be hashed, with a bounded memory of the lists that it made.

    A list of many items is made anew each time: it would hold memory that no budget knows of, and what it is for takes
    far longer than to make it.
    """
    made: dict[tuple[object, ...], list[T]] = {}

    @wraps(make)
    def made_once(*args: P.args, **keywords: P.kwargs) -> list[T]:
        key = (args, *keywords.items())
        found = made.get(key)
        if found is None:
            found = make(*args, **keywords)
            if len(found) <= _MOST_ITEMS:
                remember(made, key, found, _MOST_LISTS)
        return found

    return made_once
