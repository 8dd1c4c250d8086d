"""How fast small requests follow one another while larger work is in progress.

They are worked on by the event loop as they come and are never refused, so without a bound a crowd of them would take
the cores from the computations. While any of those run or wait, small requests get a share of a core, and come later
instead of being turned away.
"""

from __future__ import annotations

import asyncio
import time

from .admission import RUNNING, WAITING, saturated
from .board import Board

_OVERHEAD_SECONDS = 0.00015  # of a request around its work: parsing HTTP, sending, logging
_BURST_SECONDS = 0.05  # ahead of their share they may be by this much
_LONGEST_WAIT_SECONDS = 10.0
_MEMORY = 0.9  # of the running mean of what a small request takes


class Pace:
    """Gives small requests their turns.

    Parameters
    ----------
    board
        Where it stands whether larger work is in progress.
    share
        Of a core, for this worker's small requests while it is.
    """

    def __init__(self, board: Board, share: float) -> None:
        self._board = board
        self._share = share
        self._next = 0.0
        self._usual = 0.001

    async def turn(self) -> None:
        """Wait until a small request may be worked on.

        Raises
        ------
        HttpProblem
            If so many wait that this one would for too long.
        """
        if not self._board.total(RUNNING) and not self._board.total(WAITING):
            return
        now = time.monotonic()
        at = max(self._next, now - _BURST_SECONDS)
        if at - now > _LONGEST_WAIT_SECONDS:
            raise saturated("too many small requests wait", "pace")
        self._next = at + self._usual / self._share
        if at > now:
            await asyncio.sleep(at - now)

    def took(self, seconds: float) -> None:
        """Learn how long a small request took."""
        self._usual = _MEMORY * self._usual + (1 - _MEMORY) * (seconds + _OVERHEAD_SECONDS)
