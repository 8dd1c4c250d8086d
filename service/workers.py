"""Several processes that serve one port, and the one that keeps their number.

The parent imports everything once and then forks, so that the workers share its memory and a new one is there within
milliseconds. It holds a listening socket for each: connections that come while a worker is being replaced wait in its
socket, and nothing is lost but what the killed one was working on. The parent itself has no thread and serves nothing.
"""

from __future__ import annotations

import contextlib
import logging
import os
import signal
import socket
import sys
import time
from collections.abc import Callable
from types import FrameType

_LOGGER = logging.getLogger("service")
STOPS = {signal.SIGTERM, signal.SIGINT}
"""What tells the service to stop."""
_SOONEST_DEATH_SECONDS = 1.0  # a worker that lives for less is replaced only after a pause

Serve = Callable[[int, socket.socket, int], None]
"""Serves as worker number … on a socket, until told to stop or until the last argument, a pipe, is closed.

Signals to stop are blocked when it is called; it lets them in once it has handlers for them.
"""


class Workers:
    """Starts workers and replaces those that die, until told to stop.

    Parameters
    ----------
    sockets
        A listening socket for each worker.
    serve
        What a worker does.
    replaced
        Told the number of a worker that died, before another takes its place.
    """

    def __init__(self, sockets: list[socket.socket], serve: Serve, replaced: Callable[[int], None]) -> None:
        self._sockets = sockets
        self._serve = serve
        self._replaced = replaced
        self._running: dict[int, tuple[int, float]] = {}  # by process id: the worker's number, and when it began
        self._stopping = False
        # Never written to: when the parent dies its end is closed, and that is how the workers know.
        self._alive_here, self._alive = os.pipe()

    def run(self) -> int:
        """Serve until told to stop; returns the exit code."""
        for number in STOPS:
            signal.signal(number, self._stop)
        # Told to stop before they are all there, it starts them all the same: clients may be waiting for each.
        signal.pthread_sigmask(signal.SIG_BLOCK, STOPS)
        for worker in range(len(self._sockets)):
            if not self._stopping:  # one that could not be started let the signal in
                self._start(worker)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, STOPS)
        while self._running:
            process, status = os.wait()
            if process not in self._running:  # as the first process of a container is given those of others
                continue
            worker, began = self._running.pop(process)
            if self._stopping:
                continue
            _LOGGER.error("worker %d (process %d) ended with %d", worker, process, os.waitstatus_to_exitcode(status))
            if time.monotonic() - began < _SOONEST_DEATH_SECONDS:
                time.sleep(_SOONEST_DEATH_SECONDS)
            self._replaced(worker)
            if not self._stopping:
                self._start(worker)
        return 0

    def _start(self, worker: int) -> None:
        sys.stdout.flush()
        sys.stderr.flush()
        # A signal between the fork and the worker's own handlers must not find the parent's: it waits until the worker
        # serves, whose connections may be waiting too.
        before = signal.pthread_sigmask(signal.SIG_BLOCK, STOPS)
        while (process := _forked()) is None:  # those that there are serve on meanwhile
            signal.pthread_sigmask(signal.SIG_UNBLOCK, STOPS)
            time.sleep(_SOONEST_DEATH_SECONDS)
            if self._stopping:
                return
            signal.pthread_sigmask(signal.SIG_BLOCK, STOPS)
        if process:
            self._running[process] = (worker, time.monotonic())
            signal.pthread_sigmask(signal.SIG_SETMASK, before)
            return
        code = 1
        try:
            os.close(self._alive)
            for number, listening in enumerate(self._sockets):
                if number != worker and listening is not self._sockets[worker]:
                    listening.close()
            self._serve(worker, self._sockets[worker], self._alive_here)
            code = 0
        except SystemExit as error:
            code = error.code if isinstance(error.code, int) else 1
        except BaseException:
            _LOGGER.exception("worker %d failed", worker)
        finally:
            logging.shutdown()
            os._exit(code)  # what the parent would do at its exit is not the worker's to do

    def _stop(self, number: int, frame: FrameType | None) -> None:  # noqa: ARG002  (a handler's signature)
        """Pass the signal on, and leave the sockets to the workers."""
        if not self._stopping:
            self._stopping = True
            for listening in self._sockets:
                listening.close()
        for process in self._running:
            with contextlib.suppress(ProcessLookupError):  # it has just died
                os.kill(process, signal.SIGTERM)


def _forked() -> int | None:
    """Return what `fork` does, or None where the system has no room for another process just now."""
    try:
        return os.fork()
    except OSError as error:
        _LOGGER.error("a worker could not be started: %s", error.strerror)
        return None
