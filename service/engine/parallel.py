"""Blocks of a computation, shared out among threads, each with scratch memory of its own.

NumPy and BLAS let other threads run while they compute, so threads are enough.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import cache
from itertools import accumulate, chain, islice
from math import prod
from typing import Any, TypeVar

import numpy as np

from . import blas
from .borders import Array
from .control import Control
from .helpers import cores, helped

KEPT_BYTES = 6 * 1024 * 1024
"""Scratch memory that a thread keeps from one computation to the next: fresh pages cost more than the work on them."""

KEPT_SHARED_BYTES = 16 * 1024 * 1024
"""Memory shared by threads that a process keeps likewise."""

_ALIGNMENT = 64
_kept = threading.local()
_shared_free: list[Array] = []
_shared_lock = threading.Lock()

T = TypeVar("T")


class Workspace:
    """Scratch memory of one thread, for one block at a time."""

    def arrays(self, dtype: np.dtype[Any], *shapes: tuple[int, ...]) -> list[Array]:
        """Return uninitialised arrays of these shapes; they are overwritten by the next call."""
        sizes = [-(-prod(shape) * dtype.itemsize // _ALIGNMENT) * _ALIGNMENT for shape in shapes]
        memory = self._memory(sum(sizes))
        starts = accumulate(sizes, initial=0)
        return [np.ndarray(shape, dtype, memory, start) for start, shape in zip(starts, shapes, strict=False)]

    def _memory(self, size: int) -> Array:
        memory: Array | None = getattr(_kept, "memory", None)
        if memory is None or memory.nbytes < size:
            raw = np.empty(size + _ALIGNMENT, np.uint8)
            memory = raw[-raw.ctypes.data % _ALIGNMENT :]
            if size <= KEPT_BYTES:
                _kept.memory = memory
        return memory


@contextmanager
def shared(dtype: np.dtype[Any], shape: tuple[int, ...]) -> Iterator[Array]:
    """Lend an uninitialised array that the blocks of one computation share.

    One array is kept for the next computation, and lent to one at a time; whoever else asks gets a fresh one.
    """
    size = prod(shape) * dtype.itemsize
    with _shared_lock:
        memory = _shared_free.pop() if _shared_free else None
    if memory is None or memory.nbytes < size:
        memory = np.empty(size, np.uint8)
    try:
        yield memory[:size].view(dtype).reshape(shape)
    finally:
        with _shared_lock:
            if memory.nbytes <= KEPT_SHARED_BYTES and not _shared_free:
                _shared_free.append(memory)


def available_threads(control: Control) -> int:
    """Return how many threads a computation may use."""
    return max(1, control.threads or _cores())


def run(tasks: Iterable[T], compute: Callable[[T, Workspace], None], control: Control, threads: int) -> None:
    """Call ``compute(task, workspace)`` for every task, in order of start, on up to `threads` threads.

    The cancel check is asked before each; the first error ends the whole.
    """
    todo = iter(tasks)
    first = list(islice(todo, min(threads, _cores()))) if threads > 1 else []  # no more: there may be millions
    todo = chain(first, todo)
    if len(first) <= 1:
        workspace = Workspace()
        with blas.single_threaded, np.errstate(all="ignore"):
            for task in todo:
                control.check()
                compute(task, workspace)
        return
    lock, failed = threading.Lock(), threading.Event()
    done = object()

    def work() -> None:
        workspace = Workspace()
        try:
            # What overflows or is not finite is the data's; the answer carries it. Each thread has a state of its own.
            with np.errstate(all="ignore"):
                while not failed.is_set():
                    with lock:
                        task = next(todo, done)
                    if task is done:
                        return
                    control.check()
                    compute(task, workspace)  # type: ignore[arg-type]  # not `done`
        except BaseException:
            failed.set()
            raise

    with blas.single_threaded, helped(work, len(first) - 1):
        work()


@cache
def _cores() -> int:
    return len(cores())
