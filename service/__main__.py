"""``python -m service``: the settings, then one server, or several that share the port."""

from __future__ import annotations

import gc
import logging
import os
import socket

# The engine shares its work out among threads of its own; those that OpenBLAS would start when NumPy is imported would
# only take memory, and a place each in a container's limit.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")


def main() -> int:
    """Serve until told to stop; returns the exit code."""
    from service.api import logs
    from service.app import create_app
    from service.listening import listen
    from service.server import Server, announce
    from service.settings import Settings
    from service.workers import Workers

    settings = Settings()
    logs.configure(settings.log_level)
    app = create_app(settings, workers=settings.workers)
    metrics = app.state.metrics
    gc.collect()
    gc.freeze()  # what is here stays: neither looked through again, nor copied by the workers for that

    def serve(worker: int, listening: socket.socket, parent: int | None = None) -> None:
        metrics.board.occupy(worker)
        Server(app, settings, parent).run(sockets=[listening])

    sockets = [listen(settings.host, settings.port, shared=settings.workers > 1)]
    port = sockets[0].getsockname()[1]
    sockets += [listen(settings.host, port, shared=True) for _ in range(settings.workers - 1)]
    announce(sockets[0], settings.workers)
    if settings.workers == 1:
        serve(0, sockets[0])
        return 0
    return Workers(sockets, serve, metrics.forget).run()


if __name__ == "__main__":
    code = main()
    logging.shutdown()
    os._exit(code)  # all is done, and taking a large interpreter apart would take longer than all of the stopping
