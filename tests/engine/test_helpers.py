"""The threads that help: they take part, hand back what goes wrong, keep off the caller's core, and leave no trace."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from service.engine import helpers
from service.engine.helpers import cores, helped

HELPERS = max(1, len(cores()) - 1)


def gathered(callers: int, limit: float = 3.0) -> list[tuple[int, frozenset[int]]]:
    """Return the thread and the cores open to it of each call, when so many threads have met in it."""
    seen: list[tuple[int, frozenset[int]]] = []
    meeting = threading.Barrier(callers)

    def call() -> None:
        meeting.wait(limit)
        affinity = os.sched_getaffinity(0) if sys.platform == "linux" else cores()
        seen.append((threading.get_ident(), frozenset(affinity)))

    with helped(call, callers - 1):
        call()
    return seen


def await_idle_helpers() -> None:
    """Return once the helpers of a test before this one have come to rest: only idle ones are given a core."""
    with helped(lambda: None, HELPERS):  # starts them, where nothing has
        pass
    until = time.monotonic() + 3
    while len(helpers._idle) < HELPERS and time.monotonic() < until:
        time.sleep(0.001)


def test_a_helper_takes_part_and_keeps_off_the_callers_core() -> None:
    await_idle_helpers()
    (first, mine), (second, its) = sorted(gathered(2), key=lambda pair: pair[0] != threading.get_ident())
    assert (first, second != first) == (threading.get_ident(), True)
    if sys.platform == "linux" and len(cores()) == 2:
        assert (len(mine), len(its), mine & its) == (1, 1, frozenset())


def test_the_callers_cores_are_open_to_it_again_afterwards() -> None:
    gathered(2)
    assert cores() == (frozenset(os.sched_getaffinity(0)) if sys.platform == "linux" else cores())


def test_what_a_helper_raises_reaches_the_caller() -> None:
    begun = threading.Event()

    def fail() -> None:
        begun.set()
        raise ValueError("from the helper")

    with pytest.raises(ValueError, match="from the helper"), helped(fail, 1):
        assert begun.wait(3)


def test_the_callers_own_error_comes_first_and_after_the_helpers_end() -> None:
    begun, ended = threading.Event(), threading.Event()

    def slow() -> None:
        begun.set()
        time.sleep(0.05)
        ended.set()

    def fail() -> None:
        with helped(slow, 1):
            assert begun.wait(3)
            raise KeyError("from the caller")

    with pytest.raises(KeyError, match="from the caller"):
        fail()
    assert ended.is_set()


@contextmanager
def all_busy() -> Iterator[threading.Event]:
    """Keep all helpers until the event is set, or the body ends."""
    held, release = threading.Semaphore(0), threading.Event()

    def hold() -> None:
        held.release()
        release.wait(3)

    with helped(hold, HELPERS):
        for _ in range(HELPERS):
            assert held.acquire(timeout=3)
        yield release
        release.set()


def test_with_all_helpers_busy_the_caller_does_not_wait_for_one() -> None:
    calls: list[int] = []
    with all_busy():
        with helped(lambda: calls.append(1), HELPERS):
            pass
        assert calls == []  # nobody was free, and the jobs were taken back


def test_a_helper_that_gets_free_joins_a_computation_under_way() -> None:
    joined = threading.Event()
    with all_busy() as release, helped(joined.set, 1):
        release.set()
        assert joined.wait(3)


def in_a_process_of_its_own(script: str) -> str:
    """Return what a script prints where no helper has been started."""
    return subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=True).stdout


def test_no_more_threads_are_started_than_are_wanted() -> None:
    """A container may show all cores of its machine and give two."""
    script = """
import threading
from service.engine import helpers
helpers.cores = lambda: frozenset(range(64))
for wanted in (0, 1, 1, 3):
    with helpers.helped(lambda: None, wanted):
        pass
    print(threading.active_count() - 1, end=" ")
"""
    assert in_a_process_of_its_own(script).split() == ["0", "1", "1", "3"]


def test_where_no_thread_can_be_started_the_caller_does_it_all() -> None:
    script = """
import threading
import numpy as np
from service import engine

def refuse(thread):
    raise RuntimeError("can't start new thread")

threading.Thread.start = refuse
data = np.random.default_rng(1).standard_normal((8, 16, 60, 60))
kernel = np.random.default_rng(2).standard_normal((16, 16, 3, 3))
many, one = (engine.conv(data, kernel, control=engine.Control(threads=threads)) for threads in (4, 1))
print(np.array_equal(many, one))
"""
    assert in_a_process_of_its_own(script).strip() == "True"
