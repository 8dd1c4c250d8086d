"""What every request passes through, as pure ASGI: an id, its timings, a bound on its bytes, and a net for crashes."""

from __future__ import annotations

import re
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from service.wire.errors import BodyTooLarge

from .problems import crash, of_exception

_GIVEN_ID = re.compile(r"[\x21-\x7e]{1,128}")
PHASES = ("decode", "queue", "compute", "encode")


class Timings:
    """Milliseconds spent in each phase of one request."""

    __slots__ = ("milliseconds",)

    def __init__(self) -> None:
        self.milliseconds = dict.fromkeys(PHASES, 0.0)

    @contextmanager
    def phase(self, name: str) -> Iterator[None]:
        """Add the time spent inside to a phase."""
        begin = time.perf_counter()
        try:
            yield
        finally:
            self.add(name, time.perf_counter() - begin)

    def add(self, name: str, seconds: float) -> None:
        """Add seconds to a phase."""
        self.milliseconds[name] += seconds * 1000

    def header(self) -> str:
        """Return the value of Server-Timing."""
        return ", ".join(f"{name};dur={spent:.3f}" for name, spent in self.milliseconds.items())


class RequestContext:
    """Gives each request an id (the client's, if it sent a usable one) and timings, and answers with both."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one connection."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        given = Headers(scope=scope).get("x-request-id", "")
        request_id = given if _GIVEN_ID.fullmatch(given) else uuid.uuid4().hex
        timings = Timings()
        scope.setdefault("state", {}).update(request_id=request_id, timings=timings)

        async def send_with_context(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers["X-Request-ID"] = request_id
                headers["Server-Timing"] = timings.header()
                headers["X-Content-Type-Options"] = "nosniff"
            await send(message)

        await self.app(scope, receive, send_with_context)


class Crashes:
    """Answers a crash with a problem instead of leaving it to the server, unless the answer has begun."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one connection."""
        begun = False

        async def watching(message: Message) -> None:
            nonlocal begun
            begun = begun or message["type"] == "http.response.start"
            await send(message)

        try:
            await self.app(scope, receive, watching)
        except Exception as error:
            if scope["type"] != "http" or begun:
                raise
            await crash(Request(scope), error)(scope, receive, send)


class BodyLimit:
    """Counts a body's bytes as they arrive and refuses the one that passes the limit, whatever its headers claim."""

    def __init__(self, app: ASGIApp, max_body_bytes: int) -> None:
        self.app = app
        self.max_body_bytes = max_body_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one connection."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        declared = Headers(scope=scope).get("content-length", "")
        if declared.isdigit() and int(declared) > self.max_body_bytes:
            error = self._too_large(int(declared))
            await of_exception(Request(scope), error)(scope, receive, send)
            return
        received = 0

        async def counting() -> Message:
            nonlocal received
            message = await receive()
            if message["type"] == "http.request":
                received += len(message.get("body", b""))
                if received > self.max_body_bytes:
                    raise self._too_large(received)
            return message

        await self.app(scope, counting, send)

    def _too_large(self, actual: int) -> BodyTooLarge:
        return BodyTooLarge(
            f"the body has {actual:,} bytes or more and this service takes {self.max_body_bytes:,}; "
            "send less at once, or numbers as .npy instead of JSON",
            limit=self.max_body_bytes,
            actual=actual,
        )
