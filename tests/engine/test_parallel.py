"""Blocks shared out among threads: taken as they come, whatever their number."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from itertools import count
from time import sleep

import pytest

from service.engine import Cancelled, Control
from service.engine.parallel import Workspace, run


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
