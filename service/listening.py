"""Listening sockets, and how one ends without resetting a connection that is just being made.

A socket that is closed resets every connection in it that was not accepted yet, and between the last `accept` and the
close there is always room for one more. So it turns away the first packet of new connections first, waits until those
that were half made are there, accepts them, and only then closes. Who was turned away asks again a second later, as TCP
does by itself, and finds another server, or is refused.
"""

from __future__ import annotations

import contextlib
import ctypes
import socket
import struct
import sys
from typing import Any

BACKLOG = 2048
_SO_ATTACH_FILTER = 26  # asm-generic/socket.h; Python's socket module does not name it
# A classic BPF program over the TCP header: (code, jump if true, jump if false, operand) an instruction.
_NO_NEW_CONNECTION = (
    (0x30, 0, 0, 13),  # load the byte of the flags
    (0x45, 0, 1, 0x02),  # is SYN among them?
    (0x06, 0, 0, 0),  # then drop the packet
    (0x06, 0, 0, 0xFFFFFFFF),  # otherwise keep it whole
)


def listen(host: str, port: int, number: int = 1) -> list[socket.socket]:
    """Return so many listening sockets on one port; several get the connections by turns, more or less.

    Raises
    ------
    OSError
        If there is no such address, or if it is taken: by one that shares it too, whose clients those would be else.
    UnicodeError
        If the host is no name.
    """
    family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    with _bound(family, kind, protocol, address, shared=False) as alone:
        address = alone.getsockname()
    sockets = [_bound(family, kind, protocol, address, shared=number > 1) for _ in range(number)]
    for listening in sockets:
        listening.listen(BACKLOG)
        listening.setblocking(False)
    return sockets


def _bound(family: int, kind: int, protocol: int, address: Any, *, shared: bool) -> socket.socket:
    bound = socket.socket(family, kind, protocol)
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if shared:
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    try:
        bound.bind(address)
    except OSError:
        bound.close()
        raise
    return bound


def turn_away(listening: socket.socket) -> None:
    """Let no connection begin any more, while those half made go on; only Linux can, elsewhere nothing changes."""
    if sys.platform != "linux":
        return
    code = b"".join(struct.pack("HBBI", *instruction) for instruction in _NO_NEW_CONNECTION)
    memory = ctypes.create_string_buffer(code, len(code))
    program = struct.pack("HP", len(_NO_NEW_CONNECTION), ctypes.addressof(memory))
    with contextlib.suppress(OSError):  # a sandbox may forbid it; then it ends as elsewhere
        listening.setsockopt(socket.SOL_SOCKET, _SO_ATTACH_FILTER, program)


def accept_all(listening: socket.socket) -> list[socket.socket]:
    """Return the connections that wait to be accepted."""
    waiting: list[socket.socket] = []
    with contextlib.suppress(BlockingIOError):  # none is left
        while True:
            waiting.append(listening.accept()[0])
    return waiting
