"""Threads that help whoever computes, woken on another core than the caller's.

Whoever calls takes part in the work: if all helpers are busy with other computations, it does everything itself, and a
helper that gets free joins it.

A scheduler may wake a thread on the core of the thread that woke it, although another stands idle: Linux in a virtual
machine takes an idle core that the host has paused for a busy one. The two then share a core for milliseconds, longer
than most computations last. So a helper is barred from the caller's core before it is woken, and by each job that it
begins from the core of that job's caller; so it stays while it computes, and idle, until another job bars it anew.
"""

from __future__ import annotations

import ctypes
import os
import threading
from collections import deque
from collections.abc import Callable, Iterator, Set
from contextlib import contextmanager, suppress
from functools import cache


class _Job:
    """A share in a computation: what to call, the core that the caller is on, and in the end what went wrong."""

    def __init__(self, call: Callable[[], None], core: int | None) -> None:
        self._call, self._core = call, core
        self._error: BaseException | None = None
        self._over = threading.Lock()
        self._over.acquire()

    def bar(self, thread: int) -> None:
        """Let a thread run on all cores but the caller's."""
        if self._core is not None:
            _let_run(thread, cores() - {self._core})

    def run(self) -> None:
        """Do it; whoever waits for it is told of an error."""
        try:
            self._call()
        except BaseException as error:  # noqa: BLE001  (the caller raises it)
            self._error = error
        finally:
            self._over.release()

    def wait(self) -> BaseException | None:
        """Return what it raised, when it is over."""
        self._over.acquire()
        return self._error


_jobs: deque[_Job] = deque()
"""Those that no helper has begun."""
_idle: list[_Helper] = []
_started: list[_Helper] = []
_starting = threading.Lock()


class _Helper(threading.Thread):
    """A thread that does jobs while there are any, and then waits to be woken."""

    def __init__(self, number: int) -> None:
        super().__init__(name=f"engine-{number}", daemon=True)
        self._awake = threading.Lock()
        self._awake.acquire()

    def wake(self, job: _Job) -> None:
        """Let it run, where it does not disturb the caller of this job."""
        job.bar(self.native_id or 0)
        self._awake.release()

    def run(self) -> None:
        while True:
            self._awake.acquire()
            while (job := _next_job()) is not None:
                job.bar(0)
                job.run()
                del job  # and the arrays that it holds
            _idle.append(self)


def _next_job() -> _Job | None:
    try:
        return _jobs.popleft()
    except IndexError:
        return None


@contextmanager
def helped(call: Callable[[], None], helpers: int) -> Iterator[None]:
    """Have up to so many helpers call this too, as soon as they are free; wait at the end for those that began.

    Raises
    ------
    BaseException
        What a helper's call raised, unless the body of the ``with`` raised itself.
    """
    _start(helpers)
    core = _this_core()
    jobs = [_Job(call, core) for _ in range(helpers)]
    _jobs.extend(jobs)
    woken = _wake(jobs)
    before: Set[int] = set()
    if core is not None and woken == len(cores()) - 1:  # every core has its thread: keep it so
        before = os.sched_getaffinity(0)
        _let_run(0, {core})
    errors = []
    try:
        yield
    finally:
        if before:
            _let_run(0, before)
        for job in jobs:
            try:
                _jobs.remove(job)
            except ValueError:  # it is begun
                errors.append(job.wait())
    for error in errors:
        if error is not None:
            raise error


def _wake(jobs: list[_Job]) -> int:
    """Wake an idle helper a job, and return how many there were."""
    for woken, job in enumerate(jobs):
        try:
            _idle.pop().wake(job)
        except IndexError:
            return woken
    return len(jobs)


@cache
def cores() -> frozenset[int]:
    """Return the cores that this process may use."""
    try:
        return frozenset(os.sched_getaffinity(0))
    except AttributeError:  # not on macOS
        return frozenset(range(os.cpu_count() or 1))


def _start(wanted: int) -> None:
    """Have as many helpers as are wanted, but no more than there are cores beside the caller's; on a lone core one.

    They are started when they are first wanted: a process may have many cores in sight, and a share of them to use.
    Where the system lets no more threads be, those that there are do the work, and the caller.
    """
    most = min(wanted, max(1, len(cores()) - 1))
    if len(_started) >= most:
        return
    with _starting, suppress(RuntimeError):
        while len(_started) < most:
            helper = _Helper(len(_started) + 1)
            helper.start()
            _started.append(helper)
            _idle.append(helper)


def _let_run(thread: int, where: Set[int]) -> None:
    """Let a thread (0: the one that calls) run on these cores."""
    with suppress(OSError):  # forbidden here, or the cores have changed: then it runs where it may
        os.sched_setaffinity(thread, where)


def _this_core() -> int | None:
    """Return the core that this is called on, if the system tells."""
    ask = _sched_getcpu()
    core = -1 if ask is None else ask()
    return core if core >= 0 else None


@cache
def _sched_getcpu() -> Callable[[], int] | None:
    try:
        # PyDLL: the call is too short to let other threads run meanwhile.
        return ctypes.PyDLL(None).sched_getcpu
    except (AttributeError, OSError, TypeError):  # not Linux
        return None
