"""Plans that were made before, given again: a plan is frozen and follows from plain numbers and words alone.

Small convolutions come in series of one shape, and making their plan takes as long as computing them.
"""

from __future__ import annotations

import marshal
from collections.abc import Callable
from functools import wraps
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")

_MOST_PLANS = 1024
_MOST_KEY_BYTES = 1024


def remembered(make: Callable[P, T]) -> Callable[P, T]:
    """Return `make` with a bounded memory of what it made; errors are not remembered.

    Arguments are told apart by their exact types, ``True`` from 1 and 1 from 1.0. What is no plain number, word, tuple
    or list is not remembered.
    """
    made: dict[bytes, T] = {}

    @wraps(make)
    def made_once(*args: P.args, **keywords: P.kwargs) -> T:
        try:
            key = marshal.dumps([args, [*keywords.items()]], 2)
            # Version 2 of its format: later ones write equal values in several ways.
        except ValueError:
            return make(*args, **keywords)
        found = made.get(key)
        if found is None:
            found = make(*args, **keywords)
            if len(key) <= _MOST_KEY_BYTES:
                if len(made) >= _MOST_PLANS:
                    made.clear()
                made[key] = found
        return found

    return made_once
