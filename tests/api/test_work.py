"""Work off the loop: its share of the cores, its time, and its end."""

from __future__ import annotations

import asyncio
import threading

import pytest

from service.api.admission import IN_FLIGHT, Admission, Bounds, Ticket
from service.api.board import Board
from service.api.timings import Timings
from service.api.work import Work
from service.engine import Control


def work(slots: int = 2, cores: int = 8, deadline: float = 60) -> Work:
    return Work(Admission(Bounds(slots, 4, 1000), Board(IN_FLIGHT)), deadline, 2**20, cores)


async def never() -> dict[str, str]:
    """Receive nothing: the client stays."""
    await asyncio.Event().wait()
    return {}


def test_those_that_run_at_once_share_the_cores() -> None:
    working, both = work(), threading.Barrier(2, timeout=30)
    threads: list[int | None] = []

    def job(control: Control) -> None:
        threads.append(control.threads)
        both.wait()

    async def scene() -> None:
        await asyncio.gather(*(working.run(job, Ticket(), Timings(), never) for _ in range(2)))

    asyncio.run(scene())
    working.close()
    assert sorted(threads, key=str) == [4, 8]  # the first began alone


def test_a_stop_does_not_wait_for_a_job_that_does_not_end(caplog: pytest.LogCaptureFixture) -> None:
    working, end = work(), threading.Event()

    async def scene() -> None:
        running = asyncio.ensure_future(working.run(lambda _: end.wait(60), Ticket(), Timings(), never))
        await asyncio.sleep(0.1)
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)

    asyncio.run(scene())
    working.close()
    assert not end.is_set()
    assert "1 jobs did not end" in caplog.text
    end.set()
