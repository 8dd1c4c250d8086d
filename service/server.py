"""One process that serves: uvicorn, with an end that loses no request.

When it is told to stop, `/readyz` answers 503 from that moment while everything else is served on for as long as the
settings say; every answer now closes its connection. Then new connections are turned away, those that there are, half
made ones too, get a moment to send what they had begun to send, what is in flight is finished, and the process ends.
"""

from __future__ import annotations

import asyncio
import logging
import signal
import socket
import sys
import time
from types import FrameType
from typing import Any

import httptools
import uvicorn
from fastapi import FastAPI
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from service.api.middleware import GONE
from service.joining import JoinedWrites
from service.listening import BACKLOG, accept_all, turn_away
from service.settings import MAX_HEADER_BYTES, Settings

_HANDSHAKE_SECONDS = 0.2  # for connections that are half made
_FAREWELL_SECONDS = 0.25  # for requests that are on their way in connections that there are
_FIRST_REQUEST_SECONDS = 0.4  # more for connections that have not brought one: nobody opens one for nothing
_SAME_SIGNAL_SECONDS = 1.0
_SWITCH_SECONDS = (
    0.001  # for which a computing thread may keep the interpreter from the event loop; Python's 5 ms are felt
)
_CHUNK_BYTES = 64  # around a chunk: its length, an extension, two ends of line
_TOO_LARGE = "The request's headers are too large."
_MALFORMED = "Invalid HTTP request received."
_FEW_CHUNKS, _LEAST_A_CHUNK = 32 * 1024, 16  # of more chunks, each has so many bytes on average
_TINY_CHUNKS = f"The body came in too many small chunks; send {_LEAST_A_CHUNK} bytes or more in each."


class Connection(HttpToolsProtocol):
    """A connection whose headers must come soon and be of a sane size, trailers too, and whose answers must be taken.

    uvicorn has a bound on none of these. And where a request asks for another protocol its parser loses the body:
    clients that could do HTTP/2 ask so, and fall back to what comes. The header may be ignored (RFC 9110, 7.8), so such
    a head is parsed once more without it.
    """

    header_seconds = 30.0
    send_seconds = 120.0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # asyncio says BaseTransport
        """Begin to wait for the first request's headers."""
        super().connection_made(JoinedWrites(transport, self.loop, self.send_seconds))  # type: ignore[arg-type]  # it stands for one
        self._in_headers = False
        self._between = True  # requests
        self._begun = 0  # requests in the read at hand
        self._beside_bytes = self._chunks = self._body_bytes = 0
        self._asks_another = False
        self._header_timer: asyncio.TimerHandle | None = None
        self._send_timer: asyncio.TimerHandle | None = None
        self._await_headers()

    def data_received(self, data: bytes) -> None:
        """Take what came; headers that it leaves unfinished are waited for, but not for ever and not for any number."""
        between, self._begun = self._between, 0
        if not self._in_headers:
            self._beside_bytes += len(data)
        self._unset_keepalive_if_required()
        try:
            self._parse(data)
        except httptools.HttpParserError:
            why = _TINY_CHUNKS if self._are_chunks_tiny() else _MALFORMED
            self.logger.warning(why)
            self.send_400_response(why)
            return
        if self.transport.is_closing():
            return
        # Of a read that ends another request too, it is not known how much belongs to these headers.
        if self._in_headers and (not self._begun or (between and self._begun == 1)):
            self._beside_bytes += len(data)
        if self._beside_bytes > MAX_HEADER_BYTES:
            self._refuse()
        elif self._header_timer is None and (self._in_headers or not self._is_answering()):
            self._await_headers()

    def _parse(self, data: bytes) -> None:
        rest = memoryview(data)
        while True:
            try:
                self.parser.feed_data(rest)
                return
            except httptools.HttpParserUpgrade as upgrade:
                if not self._asks_another:  # CONNECT: what follows is none of ours
                    return
                rest = rest[upgrade.args[0] :]
                head = self._head_without_asking()
                self.parser.feed_data(head)

    def _head_without_asking(self) -> bytes:
        """Return the head that asks for another protocol as one that does not, for a parser that has read none."""
        asked = b" ".join((self.parser.get_method(), self.url, b"HTTP/" + self.parser.get_http_version().encode()))
        kept = (b": ".join(header) for header in self.headers if header[0] != b"upgrade")
        self._asks_another = False
        self.parser = httptools.HttpRequestParser(self)
        self.parser.set_dangerous_leniencies(lenient_data_after_close=True)  # as uvicorn's own
        return b"\r\n".join((asked, *kept, b"", b""))

    def on_message_begin(self) -> None:
        """Begin with a request."""
        super().on_message_begin()
        self.scope["extensions"] = {GONE: self.transport.is_closing}  # type: ignore[dict-item]  # uvicorn types only its own extensions
        self._beside_bytes = self._chunks = self._body_bytes = 0
        self._in_headers, self._between = True, False
        self._begun += 1

    def on_header(self, name: bytes, value: bytes) -> None:
        """Take a header; of a trailer nothing is kept."""
        if self._in_headers:
            super().on_header(name, value)

    def on_headers_complete(self) -> None:
        """Begin to answer."""
        if self.parser.should_upgrade() and self.parser.get_method() != b"CONNECT":
            self._asks_another = True
            self._begun -= 1  # it begins again
            return
        self._in_headers = False
        self._stop_waiting()
        if len(self.url) + sum([len(name) + len(value) for name, value in self.headers]) > MAX_HEADER_BYTES:
            raise ValueError(_TOO_LARGE)  # the parser passes it on as its own error
        self._beside_bytes = 0
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        """End with a request."""
        if not self._asks_another:
            self._between = True
            super().on_message_complete()

    def on_body(self, body: bytes) -> None:
        """Take a piece of a body; what comes beside bodies is counted."""
        self._beside_bytes -= len(body)
        self._body_bytes += len(body)
        super().on_body(body)

    def on_chunk_header(self) -> None:
        """Allow for what is around a chunk, but not for what other chunks had less of, and not for ever smaller ones.

        Raises
        ------
        ValueError
            If there are too many of too few bytes, which ends the parsing.
        """
        self._beside_bytes = max(0, self._beside_bytes - _CHUNK_BYTES)
        self._chunks += 1
        if self._are_chunks_tiny():
            raise ValueError(_TINY_CHUNKS)

    def _are_chunks_tiny(self) -> bool:
        return self._chunks > _FEW_CHUNKS and self._body_bytes < _LEAST_A_CHUNK * (self._chunks - 1)

    def pause_writing(self) -> None:
        """Begin to wait for the client to take what it asked for: until then it holds memory."""
        super().pause_writing()
        if self._send_timer is None:
            self._send_timer = self.loop.call_later(self.send_seconds, self.transport.abort)

    def resume_writing(self) -> None:
        """Go on: most of it is taken."""
        self._stop_waiting_for_taking()
        super().resume_writing()

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the connection."""
        self._stop_waiting()
        self._stop_waiting_for_taking()
        super().connection_lost(exc)

    def _is_answering(self) -> bool:
        cycle: RequestResponseCycle | None = self.cycle  # uvicorn's own type forgets that there is none at first
        return cycle is not None and not cycle.response_complete

    def _refuse(self) -> None:
        """Refuse a request whose headers or trailers go on and on; an answer before it is finished first."""
        if self._is_answering() and self._in_headers:
            self.flow.pause_reading()  # until that one is sent
            return
        self._in_headers = False
        if self._is_answering() and self.cycle.response_started:
            self.transport.abort()
        else:
            self.send_400_response(_TOO_LARGE)

    def _await_headers(self) -> None:
        self._header_timer = self.loop.call_later(self.header_seconds, self._too_late)

    def _too_late(self) -> None:
        if self._is_answering():  # what is unfinished stands behind a request that is not answered yet
            self._await_headers()
        elif self.transport.get_write_buffer_size():  # or whose answer is on its way
            self.transport.close()
        else:
            self.transport.abort()

    def _stop_waiting(self) -> None:
        if self._header_timer is not None:
            self._header_timer.cancel()
            self._header_timer = None

    def _stop_waiting_for_taking(self) -> None:
        if self._send_timer is not None:
            self._send_timer.cancel()
            self._send_timer = None


def _patient(settings: Settings) -> type[Connection]:
    """Return a kind of connection that waits as long as is set: uvicorn makes them itself, from a class."""
    waits = {"header_seconds": settings.header_seconds, "send_seconds": settings.send_seconds}
    return type("Connection", (Connection,), waits)


class Server(uvicorn.Server):
    """uvicorn's server, stopped in two steps.

    Parameters
    ----------
    app, settings
        What to serve, and how.
    parent
        A pipe that is closed when the process that started this one dies; then this one stops too.
    """

    def __init__(self, app: FastAPI, settings: Settings, parent: int | None = None) -> None:
        self._kind = _patient(settings)
        super().__init__(
            uvicorn.Config(
                app,
                host=settings.host,
                port=settings.port,
                backlog=BACKLOG,
                http=self._kind,
                ws="none",
                lifespan="on",
                log_config=None,
                access_log=False,
                server_header=False,
                proxy_headers=False,  # nothing here asks who or over what
                timeout_graceful_shutdown=settings.stop_seconds,
            )
        )
        self._app = app
        self._drain_seconds = settings.drain_seconds
        self._stop_at: float | None = None
        self._stop_logged = False
        self._told_at = 0.0
        self._end_at: float | None = None
        self._listening: list[socket.socket] = []
        self._parent = parent

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:  # noqa: ARG002  (a handler's signature)
        """Begin to stop; asked again, stop at once. One signal may come twice: to the group, and from the parent."""
        if self._stop_at is None:
            self.stop()
        elif time.monotonic() - self._told_at > _SAME_SIGNAL_SECONDS:
            # Not by uvicorn's own, which in the end raises again what it was told.
            self.force_exit = self.should_exit and sig == signal.SIGINT
            self.should_exit = True

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Begin to serve."""
        sys.setswitchinterval(_SWITCH_SECONDS)
        await super().startup(sockets)
        self._listening = [listening.dup() for listening in sockets or ()]  # uvloop closes those that it is given
        if self._parent is not None:
            asyncio.get_running_loop().add_reader(self._parent, self._parent_died, self._parent)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGTERM, signal.SIGINT})  # see `workers`

    def _parent_died(self, pipe: int) -> None:
        asyncio.get_running_loop().remove_reader(pipe)
        self.stop()

    def stop(self) -> None:
        """Begin to stop; called by a signal amid anything, a line of the log too, so this writes none."""
        self._told_at = time.monotonic()
        self._stop_at = self._told_at + self._drain_seconds
        service = getattr(self._app.state, "service", None)
        if service is not None:
            service.stop()

    async def on_tick(self, counter: int) -> bool:
        """Say whether to end: when the time to drain is over and clients have had the time to leave, or have left."""
        now = time.monotonic()
        if self._stop_at is not None and not self._stop_logged:
            self._stop_logged = True
            logging.getLogger("service").info("stopping after %g s of draining", self._drain_seconds)
        if self._stop_at is not None and now >= self._stop_at:
            if self._end_at is None:
                self._end_at = now + _FAREWELL_SECONDS
                for listening in self._listening:
                    turn_away(listening)
            elif self._listening and now >= self._end_at - _FAREWELL_SECONDS + _HANDSHAKE_SECONDS:
                await self._stop_accepting()
            if not self._listening:
                self.should_exit = self.should_exit or self._may_leave(now - self._end_at)
        return await super().on_tick(counter)

    def _may_leave(self, late: float) -> bool:
        """Whether no request can be on its way any more, so many seconds after the time that is given to all."""
        connections = self.server_state.connections
        if late >= _FIRST_REQUEST_SECONDS or not connections:
            return True
        return late >= 0 and all(connection.cycle is not None for connection in connections)  # type: ignore[union-attr]  # http alone has cycles; ws is off

    async def _stop_accepting(self) -> None:
        """Take the connections that wait to be accepted, whose requests may be on their way, and no more."""
        for server in self.servers:
            server.close()
        while self._listening:
            with self._listening.pop() as listening:
                waiting = accept_all(listening)
            for accepted in waiting:
                accepted.setblocking(False)
                await asyncio.get_running_loop().connect_accepted_socket(self._connection, accepted)

    def _connection(self) -> Connection:
        return self._kind(self.config, self.server_state, self.lifespan.state)


def announce(listening: socket.socket, workers: int) -> None:
    """Log where the service is."""
    host, port = listening.getsockname()[:2]
    host = f"[{host}]" if ":" in host else host
    fields: dict[str, Any] = {"url": f"http://{host}:{port}", "workers": workers}
    logging.getLogger("service").info("serving http://%s:%d", host, port, extra={"fields": fields})
