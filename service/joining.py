"""A connection's writes, the head of a response joined to what follows it.

uvicorn writes a response in two pieces, each a system call and a packet of its own; of a small answer the second takes
as long as reading the request. So a head waits for what is written next in the same turn of the event loop.
"""

from __future__ import annotations

import asyncio
from typing import Any

_HEAD = b"HTTP/1.1 "


class JoinedWrites:
    """A transport that writes a head together with what follows it; everything else is the transport's.

    Parameters
    ----------
    transport, loop
        What writes, and the event loop in whose next turn a head goes out if nothing follows it.
    send_seconds
        For how long what is left to write when the connection is closed may wait for the other side.
    """

    def __init__(self, transport: asyncio.Transport, loop: asyncio.AbstractEventLoop, send_seconds: float) -> None:
        self._transport = transport
        self._loop = loop
        self._send_seconds = send_seconds
        self._head: bytes | None = None
        self._turn: asyncio.Handle | None = None

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Write `data`, or keep it for a moment if it is a head."""
        if self._head is not None:
            head = self._taken()
            if self._transport.is_closing():  # uvloop's writelines says so with an error, its write does not
                return
            self._transport.writelines((head, data) if len(data) else (head,))
        elif isinstance(data, bytes) and data.startswith(_HEAD):
            self._head = data
            self._turn = self._loop.call_soon(self.flush)
        else:
            self._transport.write(data)

    def flush(self) -> None:
        """Write a head that waits."""
        if self._head is not None:
            head = self._taken()
            if not self._transport.is_closing():
                self._transport.write(head)

    def close(self) -> None:
        """Close the connection once all is written, or cut it after a while."""
        self.flush()
        again = self._transport.is_closing()
        self._transport.close()
        if not again and self._transport.get_write_buffer_size():
            self._loop.call_later(self._send_seconds, self._transport.abort)

    def abort(self) -> None:
        """Cut the connection."""
        if self._head is not None:
            self._taken()
        self._transport.abort()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)

    def _taken(self) -> bytes:
        head, self._head = self._head or b"", None
        if self._turn is not None:
            self._turn.cancel()
            self._turn = None
        return head
