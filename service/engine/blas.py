"""What NumPy's matrix product runs on, and the two things about it that Python code cannot otherwise reach.

**Threads.** The engine shares a computation out among its own threads, block by block. OpenBLAS would start threads of
its own under each of them; they fight for the same cores, and its idle workers keep spinning for milliseconds. So BLAS
keeps to one thread while the engine computes (:func:`single_threaded`).

**Kernels.** OpenBLAS picks its assembly by the processor's model number. A processor that is newer than the library is
taken for a Haswell of 2013 and does half of what it could. Where it has AVX-512 and the library says "Haswell",
:func:`use_wide_kernels` has the library choose again, by its own documented variable ``OPENBLAS_CORETYPE``. Whoever
has set that variable is left alone.

Everything here is optional: with another BLAS (MKL, Accelerate) nothing is found and nothing is done.
"""

from __future__ import annotations

import ctypes
import os
import platform
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from threading import Lock

import numpy as np

CORETYPE = "OPENBLAS_CORETYPE"


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
            return found  # type: ignore[no-any-return]
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


def use_wide_kernels() -> bool:
    """Have OpenBLAS use its AVX-512 kernels where the processor has them and the library did not know; say if it did.

    To be called once, before anything computes: the library must not be in use while it chooses again.
    """
    library, core = _openblas(), _function("openblas_get_corename")
    leave, enter = (getattr(library, f"gotoblas_dynamic_{verb}", None) for verb in ("quit", "init"))
    if core is None or leave is None or enter is None or CORETYPE in os.environ:
        return False
    core.restype = ctypes.c_char_p
    if core() not in (b"Haswell", b"Zen") or not _has_avx512():
        return False
    os.environ[CORETYPE] = "SkylakeX"  # read again by `init`
    try:
        leave()
        enter()
    finally:
        del os.environ[CORETYPE]
    return True


def _has_avx512() -> bool:
    """Whether the processor has what the SkylakeX kernels are written in."""
    if platform.machine() not in ("x86_64", "AMD64"):
        return False
    try:
        flags = Path("/proc/cpuinfo").read_text().partition("\nflags")[2].partition("\n")[0].split()
    except OSError:
        return False
    return {"avx512f", "avx512bw", "avx512cd", "avx512dq", "avx512vl", "fma"} <= set(flags)
