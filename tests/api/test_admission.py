"""Who may work: slots, a queue in the order of cost, memory, and their sum over workers."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from service.api.admission import IN_FLIGHT, RESERVED, RUNNING, WAITING, Admission, Bounds, Ticket
from service.api.board import Board
from service.api.errors import ClientGone, HttpProblem


def admission(slots: int = 1, queue: int = 2, memory: int = 100, board: Board | None = None) -> Admission:
    return Admission(Bounds(slots, queue, memory), board or Board(IN_FLIGHT))


def run(scene: Callable[[], Awaitable[None]]) -> None:
    asyncio.run(asyncio.wait_for(scene(), 30))


async def hold(admitted: Admission, ticket: Ticket, order: list[float], release: asyncio.Event) -> None:
    """Take a slot, note it, and keep it until told."""
    async with admitted.slot(ticket):
        order.append(ticket.cost)
        await release.wait()


def test_the_queue_is_bounded_and_a_refusal_says_when_to_come_back() -> None:
    async def scene() -> None:
        admitted, release = admission(slots=1, queue=1), asyncio.Event()
        holders = [asyncio.create_task(hold(admitted, Ticket(), [], release)) for _ in range(2)]
        await asyncio.sleep(0)
        assert admitted.full
        with pytest.raises(HttpProblem, match="1 requests wait already") as refused:
            async with admitted.slot(Ticket()):
                pass
        assert refused.value.slug == "saturated"
        assert refused.value.headers["Retry-After"]
        release.set()
        await asyncio.gather(*holders)
        assert not admitted.full

    run(scene)


def test_what_costs_less_goes_first_but_waiting_counts() -> None:
    async def scene() -> None:
        admitted, order, first = admission(queue=9), list[float](), asyncio.Event()
        free = asyncio.Event()
        free.set()
        holder = asyncio.create_task(hold(admitted, Ticket(), [], first))
        await asyncio.sleep(0)
        waiting = [asyncio.create_task(hold(admitted, Ticket(cost=0.03), order, free))]
        await asyncio.sleep(0.1)  # longer than it costs: nothing that comes now overtakes it
        waiting += [asyncio.create_task(hold(admitted, Ticket(cost=cost), order, free)) for cost in (5.0, 0.01, 1.0)]
        await asyncio.sleep(0)
        first.set()
        await asyncio.gather(holder, *waiting)
        assert order == [0.03, 0.01, 1.0, 5.0]

    run(scene)


def test_whoever_leaves_the_queue_leaves_no_trace() -> None:
    async def scene() -> None:
        board = Board(IN_FLIGHT)
        admitted, release, ticket = admission(board=board), asyncio.Event(), Ticket()
        holder = asyncio.create_task(hold(admitted, Ticket(), [], release))
        await asyncio.sleep(0)
        waiting = asyncio.create_task(hold(admitted, ticket, [], release))
        await asyncio.sleep(0)
        assert board.total(WAITING) == 1
        ticket.leave()
        with pytest.raises(ClientGone):
            await waiting
        assert (board.total(WAITING), board.total(RUNNING)) == (0, 1)
        release.set()
        await holder
        assert board.total(RUNNING) == 0

    run(scene)


def test_a_wait_ends_at_the_deadline() -> None:
    async def scene() -> None:
        board = Board(IN_FLIGHT)
        admitted, release = admission(board=board), asyncio.Event()
        holder = asyncio.create_task(hold(admitted, Ticket(), [], release))
        await asyncio.sleep(0)
        with pytest.raises(HttpProblem, match="no slot became free in time"):
            await hold(admitted, Ticket(deadline=0.0), [], release)
        release.set()
        await holder
        assert (board.total(WAITING), board.total(RUNNING)) == (0, 0)

    run(scene)


def test_memory_is_bounded_whoever_holds_it() -> None:
    admitted, first, second = admission(memory=100), Ticket(), Ticket()
    admitted.reserve(first, 40)
    admitted.reserve(first, 60)  # 60 in all, not 60 more
    admitted.reserve(first, 10)
    assert first.reserved == 60
    with pytest.raises(HttpProblem, match="the memory for requests is taken") as refused:
        admitted.reserve(second, 41)
    assert refused.value.slug == "saturated"
    admitted.reserve(second, 40)
    admitted.release(first)
    admitted.reserve(second, 100)
    with pytest.raises(HttpProblem, match=r"max_memory_bytes is 100") as never:
        admitted.reserve(first, 101)
    assert never.value.slug == "limit-exceeded"
    assert never.value.extra["limit"] == 100
    assert never.value.extra["actual"] == 101


def test_workers_share_slots_queue_and_memory() -> None:
    async def scene() -> None:
        board = Board(IN_FLIGHT, workers=2)
        board.add(RUNNING, 2)  # this worker has both slots
        board.add(RESERVED, 90)
        board.add(WAITING, 1)
        board.occupy(1)
        admitted, release = admission(slots=2, queue=1, board=board), asyncio.Event()
        with pytest.raises(HttpProblem, match="memory"):
            admitted.reserve(Ticket(), 11)
        own = asyncio.create_task(hold(admitted, Ticket(), [], release))  # its own share is one slot in any case
        await asyncio.sleep(0)
        assert board.each(RUNNING) == [2, 1]
        with pytest.raises(HttpProblem, match="wait already"):
            await hold(admitted, Ticket(), [], release)
        board.clear(IN_FLIGHT, 0)  # the other worker dies
        borrowed = asyncio.create_task(hold(admitted, Ticket(), [], release))
        await asyncio.sleep(0)
        assert board.each(RUNNING) == [0, 2]
        release.set()
        await asyncio.gather(own, borrowed)

    run(scene)


def test_fewer_slots_than_workers_are_kept() -> None:
    async def scene() -> None:
        board = Board(IN_FLIGHT, workers=2)
        board.add(RUNNING)  # the other worker has the only slot
        board.occupy(1)
        admitted, release = admission(slots=1, board=board), asyncio.Event()
        own = asyncio.create_task(hold(admitted, Ticket(), [], release))
        await asyncio.sleep(0)
        assert (board.each(RUNNING), board.total(WAITING)) == ([1, 0], 1)
        board.clear(IN_FLIGHT, 0)
        await asyncio.sleep(0.05)
        assert board.each(RUNNING) == [0, 1]
        release.set()
        await own

    run(scene)


def test_a_slot_that_another_worker_frees_is_seen() -> None:
    async def scene() -> None:
        board = Board(IN_FLIGHT, workers=2)
        board.add(RUNNING, 2)
        board.occupy(1)
        admitted, release = admission(slots=2, board=board), asyncio.Event()
        own = [asyncio.create_task(hold(admitted, Ticket(), [], release)) for _ in range(2)]
        await asyncio.sleep(0.05)
        assert (board.each(RUNNING), board.total(WAITING)) == ([2, 1], 1)
        board.clear(IN_FLIGHT, 0)
        await asyncio.sleep(0.05)
        assert (board.each(RUNNING), board.total(WAITING)) == ([0, 2], 0)
        release.set()
        await asyncio.gather(*own)

    run(scene)
