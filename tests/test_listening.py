"""How a listening socket ends: nobody new gets in, and nobody who is in is lost."""

from __future__ import annotations

import socket
import sys

from service.listening import accept_all, listen, turn_away


def test_all_that_wait_are_accepted() -> None:
    with listen("127.0.0.1", 0)[0] as listening:
        clients = [socket.create_connection(listening.getsockname()) for _ in range(3)]
        accepted = accept_all(listening)
        assert [a.getpeername() for a in accepted] == [c.getsockname() for c in clients]
        assert accept_all(listening) == []
        for connection in (*clients, *accepted):
            connection.close()


def gets_in(address: tuple[str, int]) -> bool:
    """Whether a connection comes about."""
    try:
        socket.create_connection(address, timeout=0.3).close()
    except TimeoutError:
        return False
    return True


def test_turned_away_are_the_new_and_not_those_that_wait() -> None:
    with listen("127.0.0.1", 0)[0] as listening:
        with socket.create_connection(listening.getsockname()) as early:
            turn_away(listening)
            assert gets_in(listening.getsockname()) == (sys.platform != "linux")  # which alone can turn away
            early.sendall(b"sent after")
            accepted, *_ = accept_all(listening)
        with accepted:
            accepted.setblocking(True)
            assert accepted.recv(64) == b"sent after"
