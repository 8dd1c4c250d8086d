"""Blocks of a computation, shared out among threads, each with scratch memory of its own.

NumPy and BLAS let other threads run while they compute, so threads are enough.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from itertools import chain, islice
from math import prod
from typing import Any, TypeAlias, TypeVar

import numpy as np

from .borders import Array
from .control import Control
from .helpers import cores, helped
from .remembered import remember

KEPT_BYTES = 6 * 1024 * 1024
"""Scratch memory that a thread keeps from one computation to the next: fresh pages cost more than the work on them."""

KEPT_SHARED_BYTES = 16 * 1024 * 1024
"""Memory shared by threads that a process keeps likewise, …"""
_MOST_KEPT_SHARED = 2
"""… in so many arrays, the largest: as many computations as go on beside each other, as a rule."""

_ALIGNMENT = 64
_MOST_MADE, _MOST_ARRAYS = 256, 8
"""Computations whose scratch arrays a thread remembers, and how many each may have: they take memory of their own."""
_LOOK_SECONDS = 0.02
"""How often whoever waits for another thread looks whether that one failed."""
_shared_free: list[Array] = []  # the smallest first
_shared_lock = threading.Lock()

T = TypeVar("T")


_Key: TypeAlias = tuple[np.dtype[Any], tuple[tuple[int, ...], ...]]


class _Kept(threading.local):
    """A thread's scratch memory, and the arrays that were made of it: to make two takes as long as a small product."""

    def __init__(self) -> None:
        self._memory = np.empty(0, np.uint8)
        self.made: dict[_Key, tuple[Array, ...]] = {}

    def memory_of(self, size: int) -> Array:
        """Return memory of so many bytes or more, kept for the next who asks unless it is very much."""
        if self._memory.nbytes >= size:
            return self._memory
        raw = np.empty(size + _ALIGNMENT, np.uint8)
        memory = raw[-raw.ctypes.data % _ALIGNMENT :]
        if size <= KEPT_BYTES:
            self._memory = memory
            self.made = {}
        return memory

    def keep(self, memory: Array, key: _Key, made: tuple[Array, ...]) -> None:
        """Remember arrays that were made of the memory that is kept."""
        if memory is self._memory and len(made) <= _MOST_ARRAYS:
            remember(self.made, key, made, _MOST_MADE)


_kept = _Kept()


class Workspace:
    """What one thread computes a block with: scratch memory, and word of what was to be prepared for all."""

    def __init__(self, prepared: _Prepared | None = None) -> None:
        self._prepared = prepared

    def await_prepared(self) -> None:
        """Return when all that was to be prepared is, by whichever thread: what needs it calls this first."""
        if self._prepared is not None:
            self._prepared.wait()

    def arrays(self, dtype: np.dtype[Any], *shapes: tuple[int, ...]) -> tuple[Array, ...]:
        """Return uninitialised arrays of these shapes; they are overwritten by the next call."""
        made = _kept.made.get((dtype, shapes))
        if made is not None:
            return made
        starts, end = [], 0
        for shape in shapes:
            starts.append(end)
            end += -(-prod(shape) * dtype.itemsize // _ALIGNMENT) * _ALIGNMENT
        memory = _kept.memory_of(end)
        made = tuple(np.ndarray(shape, dtype, memory, start) for start, shape in zip(starts, shapes, strict=True))
        _kept.keep(memory, (dtype, shapes), made)
        return made


class _GivenUp(Exception):
    """Another thread failed, so what was to be prepared never will be."""


class _Prepared:
    """How far a computation's preparations are."""

    def __init__(self, steps: int, failed: threading.Event) -> None:
        self._left, self._lock, self._all, self._failed = steps, threading.Lock(), threading.Event(), failed

    def one_done(self) -> None:
        """Take note that a step is done."""
        with self._lock:
            self._left -= 1
            if not self._left:
                self._all.set()

    def wait(self) -> None:
        """Return when all are done; the steps were all begun before whoever asks."""
        while not self._all.is_set() and not self._all.wait(_LOOK_SECONDS):
            if self._failed.is_set():
                raise _GivenUp


@contextmanager
def shared(dtype: np.dtype[Any], shape: tuple[int, ...]) -> Iterator[Array]:
    """Lend an uninitialised array that the blocks of one computation share.

    Some are kept for the next computations; one is lent to one at a time, and who finds none that is free and large
    enough gets a fresh one.
    """
    size = prod(shape) * dtype.itemsize
    with _shared_lock:
        place = next((place for place, free in enumerate(_shared_free) if free.nbytes >= size), None)
        memory = np.empty(size, np.uint8) if place is None else _shared_free.pop(place)
    try:
        yield memory[:size].view(dtype).reshape(shape)
    finally:
        with _shared_lock:
            if memory.nbytes <= KEPT_SHARED_BYTES:
                _shared_free.append(memory)
            _shared_free.sort(key=len)
            while sum(free.nbytes for free in _shared_free) > KEPT_SHARED_BYTES:
                _shared_free.pop(0)
            del _shared_free[:-_MOST_KEPT_SHARED]


def available_threads(control: Control) -> int:
    """Return how many threads a computation is cut up for."""
    return max(1, control.threads or _cores())


def run(
    tasks: Iterable[T],
    compute: Callable[[T, Workspace], None],
    control: Control,
    threads: int,
    prepare: Sequence[Callable[[], None]] = (),
) -> None:
    """Call ``compute(task, workspace)`` for every task, in order of start, on up to `threads` threads.

    The control may let fewer run at once, which does not change what the tasks are.

    What `prepare` holds is called before, likewise shared out; a task may begin meanwhile, and calls
    ``workspace.await_prepared()`` where it needs all of it.

    The cancel check is asked before each; the first error ends the whole. Whoever calls this keeps BLAS to one thread
    and NumPy from warning meanwhile: what overflows or is not finite is the data's, and the answer carries it.
    """
    threads = min(threads, control.at_once or threads)
    failed = threading.Event() if threads > 1 else None
    prepared = _Prepared(len(prepare), failed) if prepare and failed is not None else None
    todo: Iterator[_Step | T] = chain((_Step(call, prepared) for call in prepare), tasks)
    first = list(islice(todo, min(threads, _cores()))) if threads > 1 else []  # no more: there may be millions
    todo = chain(first, todo)
    if failed is None or len(first) <= 1:
        workspace = Workspace()
        for task in todo:
            control.check()
            if isinstance(task, _Step):
                task.do()
            else:
                compute(task, workspace)
        return
    lock, done = threading.Lock(), object()

    def work() -> None:
        workspace = Workspace(prepared)
        try:
            with np.errstate(all="ignore"):  # each thread has a state of its own
                while not failed.is_set():
                    with lock:
                        task = next(todo, done)
                    if task is done:
                        return
                    control.check()
                    if isinstance(task, _Step):
                        task.do()
                    else:
                        compute(task, workspace)  # type: ignore[arg-type]  # not `done`
        except _GivenUp:
            return
        except BaseException:
            failed.set()
            raise

    with helped(work, len(first) - 1):
        work()


@dataclass(frozen=True, slots=True)
class _Step:
    """One thing to prepare."""

    call: Callable[[], None]
    prepared: _Prepared | None

    def do(self) -> None:
        """Do it, and let those know who wait."""
        self.call()
        if self.prepared is not None:
            self.prepared.one_done()


@cache
def _cores() -> int:
    return len(cores())
