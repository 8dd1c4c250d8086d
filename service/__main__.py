"""``python -m service``: the settings, then one server, or several that share the port."""

from __future__ import annotations

import gc
import logging
import os
import signal
import socket
import sys
from types import FrameType

# The engine shares its work out among threads of its own; those that OpenBLAS would start when NumPy is imported would
# only take memory, and a place each in a container's limit.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")


def main() -> int:
    """Serve until told to stop; returns the exit code."""
    for number in (signal.SIGTERM, signal.SIGINT):  # the first process of a container has no handler by itself
        signal.signal(number, _leave)
    from service.settings import Misconfigured

    try:
        return _serve()
    except Misconfigured as error:
        print(error, file=sys.stderr)  # noqa: T201
        return 2


def _leave(number: int, frame: FrameType | None) -> None:  # noqa: ARG001  (a handler's signature)
    """Told to stop before it serves."""
    os._exit(0)


def _serve() -> int:
    from service.api import logs
    from service.app import create_app
    from service.engine import blas
    from service.listening import listen
    from service.server import Server, announce
    from service.settings import Misconfigured, read_settings
    from service.workers import STOPS, Workers

    settings = read_settings()
    logs.configure(settings.log_level)
    app = create_app(settings, workers=settings.workers)
    metrics = app.state.metrics
    blas.unpacked()  # looks for BLAS; a worker with no file descriptor left could not
    gc.collect()
    gc.freeze()  # what is here stays: neither looked through again, nor copied by the workers for that

    def serve(worker: int, listening: socket.socket, parent: int | None = None) -> None:
        metrics.board.occupy(worker)
        Server(app, settings, parent).run(sockets=[listening])

    # From the first connection on, who tells it to stop is heard by those who serve.
    signal.pthread_sigmask(signal.SIG_BLOCK, STOPS)
    try:
        sockets = listen(settings.host, settings.port, settings.workers)
    except (OSError, UnicodeError) as error:
        why = (isinstance(error, OSError) and error.strerror) or "it is no host name"
        where = f"CONVOLUTION_HOST {settings.host!r}, CONVOLUTION_PORT {settings.port}"
        raise Misconfigured(f"{where}: cannot listen there: {why}") from error
    announce(sockets[0], settings.workers)
    if settings.workers == 1:
        serve(0, sockets[0])
        return 0
    return Workers(sockets, serve, metrics.forget).run()


if __name__ == "__main__":
    code = main()
    logging.shutdown()
    os._exit(code)  # all is done, and taking a large interpreter apart would take longer than all of the stopping
