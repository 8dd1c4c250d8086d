"""A coroutine that is begun where it stands: what need not wait then needs no clock, and no task."""

from __future__ import annotations

from collections.abc import Awaitable, Coroutine, Generator
from functools import partial
from typing import Any, TypeVar

T = TypeVar("T")


class Begun(Awaitable[T]):
    """A coroutine that ran until it waited for something, or to its end; awaited, it goes on from there."""

    result: T

    def __init__(self, coroutine: Coroutine[Any, Any, T]) -> None:
        self._coroutine = coroutine
        self.done = False
        try:
            self._awaited = coroutine.send(None)
        except StopIteration as stopped:
            self.done, self.result = True, stopped.value

    def __await__(self) -> Generator[Any, Any, T]:
        while True:
            try:
                yield self._awaited
            except BaseException as error:  # noqa: BLE001  (it is the coroutine's, which may go on)
                step = partial(self._coroutine.throw, error)
            else:
                step = partial(self._coroutine.send, None)
            try:
                self._awaited = step()
            except StopIteration as stopped:
                result: T = stopped.value
                return result
