"""How the service ends: told to, it loses nothing; a worker that is killed is replaced."""

from __future__ import annotations

import json
import os
import signal
import socket
import sys
import time
from pathlib import Path
from threading import Event, Thread

import pytest

from tests.serving import Running, serving, until

SMALL = {"input": [[1, 2], [3, 4]], "kernel": [[1]]}
_ANSWERED = 'convolution_requests_total{operation="conv2d",status="200"}'


def test_told_to_stop_it_ends_with_success() -> None:
    with serving() as service:
        assert service.ask("/readyz").status == 200
        service.process.send_signal(signal.SIGTERM)
        assert service.process.wait(timeout=60) == 0


@pytest.mark.parametrize("workers", [1, 2])
def test_while_it_drains_it_serves_on_but_is_not_ready(workers: int) -> None:
    with serving(workers=workers, drain_seconds=2) as service:
        until(lambda: service.ask("/readyz").status == 200, "readiness")
        began = time.monotonic()
        service.process.send_signal(signal.SIGTERM)
        until(lambda: service.ask("/readyz").status == 503, "the end of readiness")
        # Whichever worker answers: each question is a connection of its own.
        assert {service.ask("/readyz").status for _ in range(20)} == {503}
        refused, answered = service.ask("/readyz"), service.ask("/v1/conv2d", SMALL)
        assert refused.json["type"] == "/problems/stopping"
        assert refused.headers["retry-after"]
        assert answered.status == 200
        assert answered.headers["connection"] == "close"
        assert service.metric('convolution_rejected_total{reason="stopping"}') == 0  # a probe is no request refused
        assert service.process.wait(timeout=60) == 0
        assert time.monotonic() - began >= 2


@pytest.mark.parametrize("workers", [1, 2])
def test_a_request_in_flight_is_finished(workers: int) -> None:
    body = json.dumps(SMALL).encode()
    with serving(workers=workers) as service, socket.create_connection(("127.0.0.1", service.port)) as client:
        head = (
            f"POST /v1/conv2d HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n"
        )
        client.sendall(head.encode() + b"\r\n" + body[:10])
        until(lambda: service.metric("convolution_in_flight_requests") == 2, "the request")  # it and this one
        service.process.send_signal(signal.SIGTERM)
        until(lambda: any(line["message"].startswith("stopping") for line in service.lines), "the signal")
        client.sendall(body[10:])
        assert client.recv(65536).startswith(b"HTTP/1.1 200")
        assert service.process.wait(timeout=60) == 0


@pytest.mark.parametrize("workers", [1, 2])
def test_a_request_that_outlasts_the_time_to_stop_is_told_so(workers: int) -> None:
    """Both one whose body is still on its way and one that computes get a 503, not the server's bare 500."""
    computing = json.dumps({"input": [[1] * 1500] * 1500, "kernel": [[1] * 41] * 41, "method": "direct"}).encode()
    head = "POST /v1/conv2d HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n"
    with serving(workers=workers, stop_seconds=1) as service:
        with (
            socket.create_connection(("127.0.0.1", service.port)) as slow,
            socket.create_connection(("127.0.0.1", service.port)) as busy,
        ):
            slow.sendall(head.format(1000).encode() + b'{"input"')
            busy.sendall(head.format(len(computing)).encode() + computing)
            until(lambda: service.metric("convolution_running_requests") == 1, "the computation")
            service.process.send_signal(signal.SIGTERM)
            answers = [client.makefile("rb").read() for client in (slow, busy)]
        assert service.process.wait(timeout=60) == 0
        lines = [line for line in service.lines if line.get("status") == 503]
    for answer in answers:
        headers, _, body = answer.partition(b"\r\n\r\n")
        assert headers.startswith(b"HTTP/1.1 503"), headers
        for name in (b"retry-after: 1", b"x-request-id: ", b"server-timing: ", b"connection: close"):
            assert name in headers.lower()
        problem = json.loads(body)
        assert problem["type"] == "/problems/stopping"
        assert (
            problem["detail"] == "the service was told to stop, and this request was not done 1 s later; send it again"
        )
    assert len(lines) == 2


def _hammer(service: Running, ended: Event, seen: list[str]) -> None:
    """Ask again and again, over connections that are kept until the service closes them."""
    connection, body = service.connect(), json.dumps(SMALL)
    while not ended.is_set():
        try:
            connection.request("POST", "/v1/conv2d", body, {"Content-Type": "application/json"})
            response = connection.getresponse()
            response.read()
            seen.append(str(response.status))
        except ConnectionRefusedError:
            return
        except OSError as error:
            seen.append(repr(error))
            return


@pytest.mark.parametrize("workers", [1, 2])
def test_under_load_no_request_is_lost(workers: int) -> None:
    ended, seen = Event(), list[str]()
    with serving(workers=workers) as service:
        clients = [Thread(target=_hammer, args=(service, ended, seen)) for _ in range(8)]
        for client in clients:
            client.start()
        until(lambda: len(seen) > 200, "load")
        service.process.send_signal(signal.SIGTERM)
        assert service.process.wait(timeout=60) == 0
        ended.set()
        for client in clients:
            client.join()
    assert set(seen) == {"200"}


def test_a_killed_worker_is_replaced_and_its_counts_stay() -> None:
    with serving(workers=2) as service:
        for _ in range(10):
            assert service.ask("/v1/conv2d", SMALL).status == 200
        before = service.workers()
        assert len(before) == 2
        until(lambda: service.metric(_ANSWERED) == 10, "the count")  # a request is counted after its answer is sent
        os.kill(before[0], signal.SIGKILL)
        until(lambda: len(service.workers()) == 2 and before[0] not in service.workers(), "another worker")
        for _ in range(10):
            assert service.ask("/v1/conv2d", SMALL).status == 200
        until(lambda: service.metric(_ANSWERED) == 20, "the count")
        assert any("ended with -9" in line["message"] for line in service.lines)


_NO_ROOM_FOR_THE_THIRD = """
import errno, os, runpy
fork, calls = os.fork, []
def forked():
    calls.append(1)
    if len(calls) == 3:
        raise OSError(errno.EAGAIN, "no room for a process")
    return fork()
os.fork = forked
runpy.run_module("service", run_name="__main__")
"""


def test_a_worker_that_cannot_be_started_is_tried_again_and_the_others_serve_on() -> None:
    with serving(workers=2, command=(sys.executable, "-c", _NO_ROOM_FOR_THE_THIRD)) as service:
        until(lambda: len(service.workers()) == 2, "both workers")
        killed, other = service.workers()
        os.kill(killed, signal.SIGKILL)
        until(lambda: any("could not be started" in line["message"] for line in service.lines), "the refusal")
        assert service.workers() == [other]
        until(lambda: len(service.workers()) == 2, "another try")
        assert other in service.workers()
        for _ in range(10):
            assert service.ask("/v1/conv2d", SMALL).status == 200


def test_a_stop_while_a_worker_cannot_be_started_starts_no_other() -> None:
    command = (sys.executable, "-c", _NO_ROOM_FOR_THE_THIRD)
    with serving(workers=4, command=command) as service:  # the third is tried again in a second, and behind it a fourth
        until(lambda: any("could not be started" in line["message"] for line in service.lines), "the refusal")
        service.process.terminate()
        assert service.process.wait(30) == 0
        assert not any("failed" in line["message"] for line in service.lines)


def test_workers_do_not_outlive_their_parent() -> None:
    with serving(workers=2) as service:
        until(lambda: service.ask("/livez").status == 200, "an answer")
        workers = service.workers()
        service.process.kill()
        service.process.wait()
        until(lambda: not any(_runs(worker) for worker in workers), "their end")


def _runs(process: int) -> bool:
    try:
        return Path(f"/proc/{process}/stat").read_text(encoding="ascii").rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


@pytest.mark.parametrize("workers", [1, 2])
def test_told_twice_it_ends_with_success_all_the_same(workers: int) -> None:
    with serving(workers=workers, drain_seconds=60) as service:
        begun = "Application startup complete."
        until(lambda: [line["message"] for line in service.lines].count(begun) == workers, "all workers to serve")
        service.process.terminate()
        until(lambda: service.ask("/readyz").status == 503, "the first to be heard")
        time.sleep(1.1)  # sooner it would count as the same one, passed on
        service.process.terminate()
        assert service.process.wait(30) == 0


def test_a_stray_child_and_a_log_that_nobody_reads_end_nothing() -> None:
    """The first process of a container is given what others leave behind; here, what read its log's first line."""
    shell = f"exec {sys.executable} -m service 2> >(head -n 1 >&2)"
    with serving(workers=2, command=("bash", "-c", shell)) as service:
        until(lambda: len(service.workers()) == 2, "the workers alone")
        killed = service.workers()[0]
        os.kill(killed, signal.SIGKILL)
        until(lambda: len(service.workers()) == 2 and killed not in service.workers(), "a new worker")
        with socket.create_connection(("127.0.0.1", service.port), timeout=60) as client:
            client.sendall(b"no request\r\n\r\n")
            assert client.recv(100).startswith(b"HTTP/1.1 400")
        service.process.terminate()
        assert service.process.wait(30) == 0


def test_told_to_stop_before_all_workers_serve_it_answers_who_has_come() -> None:
    with serving(workers=2, drain_seconds=1) as service:
        connections = [service.connect() for _ in range(12)]
        for connection in connections:  # to either worker; some wait for it to begin
            connection.request("POST", "/v1/conv2d", json.dumps(SMALL), {"Content-Type": "application/json"})
        service.process.terminate()
        for connection in connections:
            response = connection.getresponse()
            response.read()
            assert response.status == 200
            connection.close()
        assert service.process.wait(30) == 0
