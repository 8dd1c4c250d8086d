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
from typing import Any

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
    read, write = _function("get_num_threads"), _function("set_num_threads")
    return None if read is None or write is None else (read, write)


def _function(name: str) -> Any:
    """Return a function of OpenBLAS, however this build spells it, or None if there is none."""
    library = _openblas()
    for spelling in ("scipy_openblas_{}64_", "openblas_{}64_", "openblas_{}"):
        found = getattr(library, spelling.format(name), None)
        if found is not None:
            return found
    return None


_UNPACKED = {"SkylakeX": 1_000_000, "Cooperlake": 1_000_000, "SapphireRapids": 1_000_000}
"""Multiply-accumulates by processor, as OpenBLAS calls those with AVX-512; on others it packs all products."""


@cache
def unpacked() -> int:
    """Return up to how many multiply-accumulates a product is made without packing its factors; 0 if none ever is."""
    tell = _function("get_corename")
    if tell is None:
        return 0
    tell.restype = ctypes.c_char_p
    return _UNPACKED.get((tell() or b"").decode("ascii", "replace"), 0)


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
