"""A coroutine that was begun by hand goes on as if it had been awaited from its start."""

from __future__ import annotations

import asyncio

import pytest

from service.api.begun import Begun


def test_what_waits_for_nothing_is_done_at_once() -> None:
    async def read() -> int:
        return 7

    begun = Begun(read())
    assert (begun.done, begun.result) == (True, 7)


def test_what_fails_at_once_says_so() -> None:
    async def read() -> int:
        raise KeyError("early")

    with pytest.raises(KeyError, match="early"):
        Begun(read())


def test_what_waits_goes_on_from_there() -> None:
    steps: list[str] = []

    async def read() -> int:
        steps.append("begun")
        await asyncio.sleep(0)
        await asyncio.sleep(0.001)
        steps.append("ended")
        return 7

    async def main() -> None:
        begun = Begun(read())
        assert (begun.done, steps) == (False, ["begun"])
        assert await begun == 7

    asyncio.run(main())
    assert steps == ["begun", "ended"]


@pytest.mark.parametrize("waits_on", [False, True])
def test_what_it_waits_for_may_fail_and_it_may_mend_that(waits_on: bool) -> None:
    async def read(future: asyncio.Future[int]) -> str:
        try:
            await future
        except KeyError:
            if waits_on:
                await asyncio.sleep(0.001)
            return "mended"
        return "not reached"

    async def main() -> str:
        future: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        begun = Begun(read(future))
        future.set_exception(KeyError())
        return await begun

    assert asyncio.run(main()) == "mended"


def test_a_timeout_cancels_it_and_lets_it_clean_up() -> None:
    steps: list[str] = []

    async def read() -> None:
        try:
            await asyncio.sleep(10)
        finally:
            await asyncio.sleep(0.001)
            steps.append("cleaned up")

    async def main() -> None:
        begun = Begun(read())
        async with asyncio.timeout(0.001):
            await begun

    with pytest.raises(TimeoutError):
        asyncio.run(main())
    assert steps == ["cleaned up"]
