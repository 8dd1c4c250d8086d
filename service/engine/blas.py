"""The one thing about NumPy's matrix product that Python code cannot otherwise reach: how many threads it uses.

The engine shares a computation out among its own threads, block by block. OpenBLAS would start threads of its own under
each of them; they fight for the same cores, and its idle workers keep spinning for milliseconds. So BLAS keeps to one
thread while the engine computes. With another BLAS (MKL, Accelerate) nothing is found, nothing is done, and results
are the same.
"""

from __future__ import annotations

import ctypes
import os
from collections.abc import Iterator
from contextlib import contextmanager
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


def _function(name: str) -> ctypes._NamedFuncPointer | None:
    library = _openblas()
    for spelling in (f"scipy_{name}64_", f"{name}64_", name):
        found = getattr(library, spelling, None)
        if found is not None:
            return found  # type: ignore[no-any-return]  # ctypes types no attribute
    return None


_users = 0
_threads_before = 1
_lock = Lock()


@contextmanager
def single_threaded() -> Iterator[None]:
    """Keep BLAS to one thread until the last of those who asked has left."""
    global _users, _threads_before
    read, write = _function("openblas_get_num_threads"), _function("openblas_set_num_threads")
    if read is None or write is None:
        yield
        return
    with _lock:
        if _users == 0:
            _threads_before = read()
            write(1)
        _users += 1
    try:
        yield
    finally:
        with _lock:
            _users -= 1
            if _users == 0:
                write(_threads_before)
