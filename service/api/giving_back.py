"""Memory given back to the system now and then, and once a worker has had no large work for a moment.

The C library keeps what is freed for whoever asks next, and what a thread freed in the middle of its part of the heap
stays there: an idle worker held hundreds of megabytes after a burst, and what a busy one held grew.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from functools import cache


def give_back() -> None:
    """Return free pages to the system, where its C library has a call for that (glibc); some ten milliseconds."""
    trim = _malloc_trim()
    if trim is not None:
        trim(0)


@cache
def _malloc_trim() -> Callable[[int], int] | None:
    try:
        trim = ctypes.CDLL(None).malloc_trim
    except (AttributeError, OSError, TypeError):  # another C library
        return None
    trim.argtypes, trim.restype = [ctypes.c_size_t], ctypes.c_int
    called: Callable[[int], int] = trim
    return called
