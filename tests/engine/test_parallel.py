"""Blocks shared out among threads: taken as they come, whatever their number."""

from __future__ import annotations

from itertools import count

import pytest

from service.engine import Control
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
