"""Heads go out with what follows them, and nothing waits for what does not come; over real sockets."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Awaitable, Callable

import pytest
import uvloop

from service.joining import JoinedWrites
from tests.serving import serving

HEAD = b"HTTP/1.1 200 OK\r\n\r\n"


def received(act: Callable[[JoinedWrites], Awaitable[None]]) -> list[bytes]:
    """Return the packets that arrive of what `act` does with a connection, until it is closed."""

    async def run() -> list[bytes]:
        here, there = socket.socketpair(type=socket.SOCK_STREAM)
        loop = asyncio.get_running_loop()
        transport, _ = await loop.connect_accepted_socket(asyncio.Protocol, here)
        await act(JoinedWrites(transport, loop, 60))
        there.settimeout(5)
        packets = []
        try:
            while packet := await asyncio.to_thread(there.recv, 65536):
                packets.append(packet)
        except ConnectionResetError:
            pass
        there.close()
        return packets

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:  # the service's own
        return runner.run(run())


def test_a_head_and_its_body_arrive_together() -> None:
    async def act(writes: JoinedWrites) -> None:
        writes.write(HEAD)
        writes.write(memoryview(b"body"))
        writes.write(b"more")
        await asyncio.sleep(0.05)
        writes.close()

    assert b"".join(received(act)) == HEAD + b"bodymore"


def test_a_head_alone_goes_out_in_the_next_turn() -> None:
    async def act(writes: JoinedWrites) -> None:
        writes.write(HEAD)
        await asyncio.sleep(0.05)
        writes.write(b"late")
        await asyncio.sleep(0.05)
        writes.close()

    async def silent(writes: JoinedWrites) -> None:
        writes.write(HEAD)
        writes.write(b"")
        writes.close()

    assert b"".join(received(act)) == HEAD + b"late"
    assert received(silent) == [HEAD]


def test_closing_writes_what_waits_and_cutting_does_not() -> None:
    async def close(writes: JoinedWrites) -> None:
        writes.write(HEAD)
        writes.close()

    async def abort(writes: JoinedWrites) -> None:
        writes.write(HEAD)
        writes.abort()
        await asyncio.sleep(0.05)

    assert received(close) == [HEAD]
    assert received(abort) == []


def test_two_heads_in_a_row_stay_in_order() -> None:
    async def act(writes: JoinedWrites) -> None:
        writes.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        writes.write(HEAD)
        writes.write(b"body")
        writes.close()

    assert b"".join(received(act)) == b"HTTP/1.1 100 Continue\r\n\r\n" + HEAD + b"body"


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_the_service_answers_in_one_packet(method: str) -> None:
    with serving() as service, socket.create_connection(("127.0.0.1", service.port), timeout=60) as client:
        for _ in range(3):
            client.sendall(f"{method} /livez HTTP/1.1\r\nHost: x\r\n\r\n".encode())
            head, _, body = client.recv(65536).partition(b"\r\n\r\n")
            assert head.startswith(b"HTTP/1.1 200 OK")
            assert (body != b"") == (method == "GET")


def test_a_client_that_waits_to_be_asked_for_its_body_is_asked() -> None:
    body = b'{"input": [[1, 2], [3, 4]], "kernel": [[1]]}'
    lines = [
        b"POST /v1/conv2d HTTP/1.1",
        b"Host: x",
        b"Content-Type: application/json",
        b"Expect: 100-continue",
        b"Content-Length: %d" % len(body),
    ]
    with serving() as service, socket.create_connection(("127.0.0.1", service.port), timeout=60) as client:
        client.sendall(b"\r\n".join([*lines, b"", b""]))
        assert client.recv(65536) == b"HTTP/1.1 100 Continue\r\n\r\n"
        client.sendall(body)
        assert client.recv(65536).startswith(b"HTTP/1.1 200 OK")


def test_nothing_is_written_to_a_connection_that_was_cut() -> None:
    """As a client does that resets it while its answer is computed."""

    async def act(writes: JoinedWrites) -> None:
        writes.abort()
        await asyncio.sleep(0.05)
        writes.write(HEAD)
        writes.write(b"body")

    assert received(act) == []
