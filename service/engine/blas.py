"""What Python code cannot otherwise reach of NumPy's matrix product: how many threads it uses, and for which processor.

The engine shares a computation out among its own threads, block by block. OpenBLAS would start threads of its own under
each of them; they fight for the same cores, and its idle workers keep spinning for milliseconds. So BLAS keeps to one
thread while the engine computes. With another BLAS (MKL, Accelerate) nothing is found, nothing is done, and results
are the same.
"""

from __future__ import annotations

import ctypes
import os
from collections.abc import Callable
from functools import cache
from pathlib import Path
from threading import Lock

import numpy as np


@cache
def _openblas() -> ctypes.CDLL | None:
    """Return the OpenBLAS that NumPy's wheel brought and has loaded."""
    folder = Path(np.__file__).parent
    for library in (*folder.parent.glob("numpy.libs/*openblas*"), *folder.glob(".dylibs/*openblas*")):
        try:
            return ctypes.CDLL(str(library), mode=os.RTLD_NOLOAD | os.RTLD_NOW)
        except (OSError, AttributeError):  # not loaded, or a system that cannot ask
            continue
    return None


@cache
def _functions() -> tuple[Callable[[], int], Callable[[int], None]] | None:
    """Return what tells and what sets the number of threads, or None if this BLAS has no such functions."""
    library = _openblas()
    for spelling in ("scipy_{}64_", "{}64_", "{}"):
        found = [getattr(library, spelling.format(f"openblas_{verb}_num_threads"), None) for verb in ("get", "set")]
        if all(found):
            return found[0], found[1]  # type: ignore[return-value]  # ctypes types no attribute
    return None


_UNPACKED = {"SkylakeX": 1_000_000, "Cooperlake": 1_000_000, "SapphireRapids": 1_000_000}


@cache
def unpacked() -> int:
    """Return up to how many multiply-accumulates a product is made without packing its factors; 0 if none ever is."""
    library = _openblas()
    for spelling in ("scipy_{}64_", "{}64_", "{}"):
        tell = getattr(library, spelling.format("openblas_get_corename"), None)
        if tell is not None:
            tell.restype = ctypes.c_char_p
            return _UNPACKED.get((tell() or b"").decode("ascii", "replace"), 0)
    return 0


class _SingleThreaded:
    """Keeps BLAS to one thread until the last of those who asked has left."""

    def __init__(self) -> None:
        self._users = 0
        self._threads_before = 1
        self._lock = Lock()

    def __enter__(self) -> None:
        functions = _functions()
        with self._lock:
            if functions is not None and self._users == 0:
                read, write = functions
                self._threads_before = read()
                write(1)
            self._users += 1

    def __exit__(self, *raised: object) -> None:
        functions = _functions()
        with self._lock:
            self._users -= 1
            if functions is not None and self._users == 0:
                functions[1](self._threads_before)


single_threaded = _SingleThreaded()
"""A context in which BLAS keeps to one thread; it may be entered by many threads, and again within itself."""
