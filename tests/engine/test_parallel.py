"""Blocks shared out among threads: taken as they come, whatever their number."""

from __future__ import annotations

import weakref
from collections.abc import Callable
from functools import partial
from itertools import count
from threading import Lock, Thread
from time import sleep
from typing import Any, cast

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from service.engine import METHODS, Cancelled, Control, ConvGradients, conv, conv_gradients, conv_transpose, pool
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


@pytest.mark.parametrize("at_once", [1, 2])
def test_no_more_tasks_run_beside_each_other_than_the_control_lets(at_once: int) -> None:
    lock, running = Lock(), [0]
    most = []

    def compute(_: int, workspace: Workspace) -> None:
        workspace.await_prepared()
        with lock:
            running[0] += 1
            most.append(running[0])
        sleep(0.005)
        with lock:
            running[0] -= 1

    run(range(8), compute, Control(at_once=at_once), 4, [lambda: sleep(0.001)] * 3)
    assert len(most) == 8
    assert max(most) <= at_once


RANDOM = np.random.default_rng(41)
PICTURE, FILTER = RANDOM.standard_normal((1, 1, 700, 500)), RANDOM.standard_normal((1, 1, 7, 7))
LAYER, KERNEL = RANDOM.standard_normal((2, 32, 40, 60)), RANDOM.standard_normal((48, 32, 3, 3))


@pytest.mark.parametrize("threads", [2, 3])
@pytest.mark.parametrize(
    "compute",
    [
        *(partial(conv, PICTURE, FILTER, method=name) for name in METHODS if name not in ("separable", "winograd")),
        partial(conv, PICTURE, np.ones((1, 1, 9, 9)), method="separable"),
        partial(conv, PICTURE.astype(np.float32), FILTER),
        *(
            partial(conv, LAYER, KERNEL, method=name, padding=1)
            for name in ("auto", "direct", "gemm", "winograd", "fft")
        ),
        partial(conv, LAYER, KERNEL, stride=2),
        partial(conv, LAYER, RANDOM.standard_normal((32, 1, 5, 5)), groups=32),
        partial(conv_transpose, LAYER, RANDOM.standard_normal((32, 40, 4, 4)), stride=2),
        partial(conv_transpose, LAYER, RANDOM.standard_normal((32, 40, 3, 3))),
        partial(conv_gradients, LAYER, KERNEL, conv(LAYER, KERNEL)),
        partial(conv_gradients, LAYER, KERNEL, conv(LAYER, KERNEL, stride=2), stride=2),
        partial(conv_gradients, PICTURE, FILTER, conv(PICTURE, FILTER)),
        partial(pool, np.tile(PICTURE, (1, 4, 1, 1)), "average", 3, stride=1),
        partial(pool, np.tile(PICTURE, (1, 4, 1, 1)), "lp", 3, stride=1, p=3),
    ],
)
def test_how_many_threads_are_free_changes_no_bit(compute: Callable[..., Any], threads: int) -> None:
    """Unlike how many a computation is cut up for, which decides what is summed first."""
    free, alone = (compute(control=Control(threads=threads, at_once=at_once)) for at_once in (None, 1))
    if isinstance(free, ConvGradients):
        assert_array_equal(free.input, alone.input)
        assert_array_equal(free.kernel, alone.kernel)
    else:
        assert_array_equal(free, alone)


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
