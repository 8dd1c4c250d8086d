"""Blocks shared out among threads: taken as they come, whatever their number."""

from __future__ import annotations

import weakref
from collections.abc import Callable
from functools import partial
from itertools import count
from threading import Thread
from time import sleep
from typing import cast

import numpy as np
import pytest

from service.engine import Cancelled, Control
from service.engine.parallel import KEPT_BYTES, Workspace, run


@pytest.mark.parametrize("threads", [1, 2])
def test_tasks_are_taken_as_they_come_and_the_first_error_ends_them(threads: int) -> None:
    begun = []

    def compute(task: int, _: Workspace) -> None:
        begun.append(task)
        if task == 20:
            raise ValueError("enough")

    with pytest.raises(ValueError, match="enough"):
        run(count(), compute, Control(), threads)
    assert sorted(begun)[:21] == list(range(21))


@pytest.mark.parametrize("threads", [1, 2, 5])
@pytest.mark.parametrize("number", [0, 1, 2, 7])
def test_every_task_is_done_once(number: int, threads: int) -> None:
    begun: list[int] = []
    run(range(number), lambda task, _: begun.append(task), Control(), threads)
    assert sorted(begun) == list(range(number))


@pytest.mark.parametrize("threads", [1, 2, 5])
@pytest.mark.parametrize("number", [0, 1, 3])
def test_what_is_prepared_is_there_where_a_task_needs_it(number: int, threads: int) -> None:
    made: list[int] = []

    def make(step: int) -> None:
        sleep(0.003)
        made.append(step)

    def compute(_: int, workspace: Workspace) -> None:
        workspace.await_prepared()
        assert sorted(made) == list(range(number))

    steps: list[Callable[[], None]] = [partial(make, step) for step in range(number)]
    run(range(4), compute, Control(), threads, steps)
    assert sorted(made) == list(range(number))


@pytest.mark.parametrize("threads", [1, 2, 5])
@pytest.mark.parametrize("failing", [0, 1])
def test_who_waits_for_a_preparation_that_fails_is_let_go(failing: int, threads: int) -> None:
    def make(step: int) -> None:
        if step == failing:
            sleep(0.01)
            raise ValueError("no kernel")

    steps: list[Callable[[], None]] = [partial(make, step) for step in range(2)]
    with pytest.raises(ValueError, match="no kernel"):
        run(range(4), lambda _, workspace: workspace.await_prepared(), Control(), threads, steps)


@pytest.mark.parametrize("threads", [1, 2])
def test_who_waits_for_a_preparation_that_was_cancelled_is_let_go(threads: int) -> None:
    asked = count()
    control = Control(cancelled=lambda: next(asked) == 1)  # once: the others are not told
    with pytest.raises(Cancelled):
        run(range(4), lambda _, workspace: workspace.await_prepared(), control, threads, [lambda: sleep(0.01)] * 2)


def test_scratch_arrays_are_remembered_while_their_memory_stands() -> None:
    workspace, kind = Workspace(), np.dtype(np.float32)

    def ask() -> None:
        small = workspace.arrays(kind, (3, 4), (5,))
        assert workspace.arrays(kind, (3, 4), (5,)) is small
        assert [array.shape for array in small] == [(3, 4), (5,)]
        assert not np.shares_memory(small[0], small[1])
        assert workspace.arrays(np.dtype(np.float64), (3, 4), (5,))[0].dtype == np.float64
        base = weakref.ref(cast("np.ndarray", small[0].base))
        del small
        workspace.arrays(kind, (4096, 256))  # more than there was, so it is fresh
        assert base() is None

    thread = Thread(target=ask)  # which has no memory yet
    thread.start()
    thread.join()


def test_what_is_remembered_of_scratch_arrays_is_bounded() -> None:
    workspace, kind = Workspace(), np.dtype(np.float64)
    many = ((2, 3),) * 1000
    assert workspace.arrays(kind, *many) is not workspace.arrays(kind, *many)  # a thousand arrays have 200 kB of names
    first = workspace.arrays(kind, (7,))
    for size in range(1000):
        workspace.arrays(kind, (8, size + 1))
    assert workspace.arrays(kind, (7,)) is not first


@pytest.mark.parametrize(("size", "kept"), [(KEPT_BYTES, True), (KEPT_BYTES + 1, False)])
def test_scratch_memory_is_kept_unless_it_is_very_much(size: int, kept: bool) -> None:
    workspace, kind, found = Workspace(), np.dtype(np.uint8), []

    def ask() -> None:
        base = weakref.ref(cast("np.ndarray", workspace.arrays(kind, (size - size % 64,), (size % 64,))[0].base))
        found.append(base() is not None)

    thread = Thread(target=ask)  # which has no memory yet, and none once it ended
    thread.start()
    thread.join()
    assert found == [kept]
