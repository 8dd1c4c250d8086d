"""The real application on a real socket: what tests over HTTP speak to."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager

import httpx
import pytest
import uvicorn
from fastapi import FastAPI

from service.app import create_app
from service.settings import Settings

START_SECONDS = 20
Serve = Callable[[Settings | FastAPI], httpx.Client]


@contextmanager
def running(app: FastAPI) -> Iterator[httpx.Client]:
    """Serve an application with its lifespan on a free port of this machine; end with the server stopped."""
    listening = socket.create_server(("127.0.0.1", 0))
    port = listening.getsockname()[1]
    server = uvicorn.Server(
        uvicorn.Config(app, lifespan="on", log_config=None, access_log=False, timeout_graceful_shutdown=5, ws="none")
    )
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]}, name=f"uvicorn-{port}")
    thread.start()
    try:
        deadline = time.monotonic() + START_SECONDS
        while not server.started:
            assert thread.is_alive(), "the server ended before it had started"
            assert time.monotonic() < deadline, "the server did not start in time"
            time.sleep(0.005)
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=60, trust_env=False) as client:
            yield client
    finally:
        server.should_exit = True
        thread.join(START_SECONDS)
        listening.close()
        assert not thread.is_alive(), "the server did not stop in time"


@pytest.fixture(scope="session")
def service() -> Iterator[httpx.Client]:
    """A client of the application with the settings it comes with; one server for the whole run."""
    with running(create_app(Settings())) as client:
        yield client


@pytest.fixture
def serve() -> Iterator[Serve]:
    """Start a server with settings of its own, or with an application; it ends with the test."""
    with ExitStack() as stack:

        def start(wanted: Settings | FastAPI) -> httpx.Client:
            app = create_app(wanted) if isinstance(wanted, Settings) else wanted
            return stack.enter_context(running(app))

        yield start


def pytest_make_parametrize_id(val: object, argname: str) -> str | None:
    """Name bytes by their length: compressed ones hold the time of day, and all processes must find the same names."""
    return f"{argname}-{len(val)}-bytes" if isinstance(val, bytes) else None
