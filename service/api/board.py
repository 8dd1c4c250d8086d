"""Numbers that every worker sees: what is in flight, what is reserved, what was counted.

The workers are processes made by `fork` from one parent, which maps this memory before it forks. Each worker has a
column of its own and is the only one to write it, so there is no lock between processes that a killed worker could
leave held, and a reader simply adds the columns up. A worker that replaces a killed one takes over its column: counts
go on from where they were, and only what was in flight is set to zero.
"""

from __future__ import annotations

import mmap
from collections.abc import Iterable

_CELL_BYTES = 8


class Board:
    """Named numbers, one cell a worker and name.

    Parameters
    ----------
    names
        What is counted.
    workers
        How many processes will count.
    """

    def __init__(self, names: Iterable[str], workers: int = 1) -> None:
        self._firsts = {name: row * workers for row, name in enumerate(names)}
        self._workers = workers
        self._cells = memoryview(mmap.mmap(-1, max(1, len(self._firsts)) * workers * _CELL_BYTES)).cast("d")
        self.occupy(0)

    @property
    def workers(self) -> int:
        """How many processes count here."""
        return self._workers

    def occupy(self, worker: int) -> None:
        """Make this process the one that writes column `worker`."""
        self._worker = worker

    def row(self, name: str) -> int:
        """Return where the numbers of a name begin, for `add_to_rows`."""
        return self._firsts[name]

    def add(self, name: str, amount: float = 1.0) -> None:
        """Add to this worker's number; no two of its threads may at the same time."""
        self._cells[self._firsts[name] + self._worker] += amount

    def add_to_rows(self, amounts: Iterable[tuple[int, float]]) -> None:
        """Add to several of this worker's numbers, as `add` does, without looking for them."""
        cells, worker = self._cells, self._worker
        for row, amount in amounts:
            cells[row + worker] += amount

    def set(self, name: str, value: float) -> None:
        """Set this worker's number."""
        self._cells[self._firsts[name] + self._worker] = value

    def own(self, name: str) -> float:
        """Return this worker's number."""
        return self._cells[self._firsts[name] + self._worker]

    def each(self, name: str) -> list[float]:
        """Return the number of every worker, in their order."""
        first = self._firsts[name]
        return list(self._cells[first : first + self._workers])

    def total(self, name: str) -> float:
        """Return the sum over all workers."""
        first = self._firsts[name]
        return self._cells[first] if self._workers == 1 else sum(self._cells[first : first + self._workers])

    def clear(self, names: Iterable[str], worker: int) -> None:
        """Set a worker's numbers to zero: what it had in flight ended with it."""
        for name in names:
            self._cells[self._firsts[name] + worker] = 0.0
