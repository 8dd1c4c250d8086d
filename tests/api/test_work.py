"""Work off the loop: its share of the cores, its time, and its end."""

from __future__ import annotations

import asyncio
import threading
import time

import pytest

from service.api.admission import IN_FLIGHT, Admission, Bounds, Ticket
from service.api.board import Board
from service.api.errors import ClientGone, TooMuchForTheLoop
from service.api.timings import Timings
from service.api.work import _ASIDE_EVERY, _ASIDE_SECONDS, Work, _Polite
from service.engine import Control


def work(slots: int = 2, cores: int = 8, deadline: float = 60) -> Work:
    return Work(Admission(Bounds(slots, 4, 1000), Board(IN_FLIGHT)), deadline, 2**20, cores)


async def never() -> dict[str, str]:
    """Receive nothing: the client stays."""
    await asyncio.Event().wait()
    return {}


def thread(_: Control) -> int:
    """Return the thread that this is called in."""
    return threading.get_ident()


def test_those_that_run_at_once_share_the_cores() -> None:
    working, both = work(), threading.Barrier(2, timeout=30)
    threads: list[int | None] = []

    def job(control: Control) -> None:
        assert control.threads == 8  # it is cut up alike
        threads.append(control.at_once)
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


def test_what_is_brief_is_worked_on_by_the_event_loop_unless_longer_work_is_in_progress() -> None:
    working, end = work(), threading.Event()
    loops = threading.get_ident()

    async def scene() -> list[bool]:
        def brief() -> asyncio.Task[int]:
            return asyncio.create_task(working.run(thread, Ticket(), Timings(), never, thread))

        alone = await asyncio.gather(brief(), brief(), brief())
        long = asyncio.create_task(working.run(lambda _: end.wait(60), Ticket(), Timings(), never))
        await asyncio.sleep(0.05)
        beside = await brief()
        end.set()
        await long
        return [found == loops for found in (*alone, beside, await brief())]

    assert asyncio.run(scene()) == [True, True, True, False, True]
    working.close()


def test_what_turns_out_not_to_be_brief_goes_to_a_thread_and_is_long_then() -> None:
    working, end = work(), threading.Event()
    threads: list[int] = []

    def refuse(_: Control) -> int:
        raise TooMuchForTheLoop

    def wait(_: Control) -> int:
        end.wait(60)
        return thread(_)

    async def scene() -> None:
        timings = Timings()
        long = asyncio.create_task(working.run(wait, Ticket(), timings, never, refuse))
        await asyncio.sleep(0.05)
        threads.append(await working.run(thread, Ticket(), Timings(), never, thread))
        end.set()
        threads.append(await long)
        threads.append(await working.run(thread, Ticket(), Timings(), never, thread))

    asyncio.run(scene())
    working.close()
    assert [found == threading.get_ident() for found in threads] == [False, False, True]


def test_the_event_loop_looks_after_others_between_two_brief_jobs() -> None:
    working = work(slots=2)
    order: list[str] = []

    def job(_: Control) -> None:
        order.append("job")

    async def scene() -> None:
        async def other() -> None:
            for _ in range(6):
                order.append("other")
                await asyncio.sleep(0)

        jobs = [working.run(job, Ticket(), Timings(), never, job) for _ in range(6)]
        await asyncio.gather(*jobs, other())

    asyncio.run(scene())
    working.close()
    spread = "".join(step[0] for step in order)
    assert "jjj" not in spread  # as many as there are slots, and then others


def test_a_brief_job_whose_client_left_is_not_begun() -> None:
    working = work()
    done: list[Control] = []

    async def gone() -> dict[str, str]:
        return {"type": "http.disconnect"}

    async def scene() -> None:
        with pytest.raises(ClientGone):
            await working.run(done.append, Ticket(), Timings(), gone, done.append)

    asyncio.run(scene())
    working.close()
    assert not done


def test_a_thread_stands_aside_for_the_event_loop_now_and_then() -> None:
    polite, stood, begun = _Polite(lambda: False), 0, time.thread_time()
    while time.thread_time() - begun < 0.2:  # of a core: that it may wait for one counts for nothing
        begin, used = time.perf_counter(), time.thread_time()
        assert not polite.ended()
        used = time.thread_time() - used
        stood += used < _ASIDE_SECONDS / 2 < _ASIDE_SECONDS <= time.perf_counter() - begin
    assert stood >= 0.2 / _ASIDE_EVERY / 2
    assert _Polite(lambda: True).ended()
