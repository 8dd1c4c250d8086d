"""``python -m benchmarks.http.soak``: a minute of 64 clients, small requests and huge ones, and what came of them.

Every answer is compared with the one that the idle service gave. A process of its own asks for ``/livez`` all the
while and measures how long that takes.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from statistics import median, quantiles

import numpy as np
import uvloop

from .contestants import contestants, resident, started
from .requests import Case, Question

_SMALL, _HUGE = "small", "huge"
_EXPECTED = {200, 429, 503}
_RETRY_SECONDS = 1.0  # what a 503's Retry-After says
_LIVEZ_SECONDS = 0.02
_PAUSE_SECONDS = 3
_LOOKS, _LOOK_SECONDS = 9, 0.5
_UNLOADED_CLIENTS, _UNLOADED_SECONDS = 4, 8.0
_MEBI = 2**20
Stream = tuple[asyncio.StreamReader, asyncio.StreamWriter]


@dataclass(frozen=True)
class Load:
    """One kind of request: its size, how many clients ask it, what one costs, and the answer."""

    name: str
    size: str
    clients: int
    macs: int
    question: Question


@dataclass
class Seen:
    """What the clients saw of one kind of request."""

    statuses: Counter[int] = field(default_factory=Counter)
    seconds: list[float] = field(default_factory=list)
    wrong: int = 0


def loads() -> list[Load]:
    """Return the mixture: half of the clients small, a quarter huge by their text, a quarter by their computation."""
    normal = np.random.default_rng(5).standard_normal
    small = {"input": normal((28, 28)), "kernel": normal((3, 3))}
    text = {"input": normal((1024, 1024)), "kernel": normal((5, 5)), "padding": "same"}
    layer = {"input": normal((64, 112, 112)), "kernel": normal((64, 64, 3, 3)), "padding": "same"}
    return [
        Load("28×28 JSON, 3×3", _SMALL, 32, 26 * 26 * 9, Case("", "json", small).for_service()),
        Load("1024×1024 JSON, 5×5", _HUGE, 16, 1024**2 * 25, Case("", "json", text).for_service()),
        Load("layer 64×112×112 → 64, form", _HUGE, 16, 112**2 * 64 * 64 * 9, Case("", "binary", layer).for_service()),
    ]


async def _ask(port: int, question: Question, streams: list[Stream]) -> tuple[int, bytes]:
    """Return status and body of one question, over a connection that is kept in `streams`."""
    if not streams:
        streams.append(await asyncio.open_connection("127.0.0.1", port, limit=_MEBI))
    reader, writer = streams[0]
    head = (
        f"POST {question.path} HTTP/1.1\r\nHost: x\r\nContent-Type: {question.content_type}\r\n"
        f"Accept: {question.accept}\r\nContent-Length: {len(question.body)}\r\n\r\n"
    )
    writer.write(head.encode())
    writer.write(question.body)
    lines = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").lower().split("\r\n")
    headers = dict(line.split(": ", 1) for line in lines[1:] if line)
    body = await reader.readexactly(int(headers["content-length"]))
    # It may have refused before it had read all.
    if headers.get("connection") == "close" or writer.transport.get_write_buffer_size():
        streams.clear()
        writer.transport.abort()
    return int(lines[0].split()[1]), body


async def _client(port: int, load: Load, right: bytes, seen: Seen, until: float) -> None:
    streams: list[Stream] = []
    while (begin := time.monotonic()) < until:
        try:
            status, body = await _ask(port, load.question, streams)
        except (OSError, EOFError, asyncio.IncompleteReadError):
            streams.clear()
            status, body = 0, b""
        ended = time.monotonic()
        if ended > until:
            return
        seen.statuses[status] += 1
        if status == 200:
            seen.seconds.append(ended - begin)
            seen.wrong += body != right
        else:
            await asyncio.sleep(_RETRY_SECONDS)
    for _, writer in streams:
        writer.close()


async def _soaked(
    port: int, mixture: list[tuple[Load, int]], right: dict[str, bytes], seconds: float
) -> dict[str, Seen]:
    seen = {load.name: Seen() for load, _ in mixture}
    until = time.monotonic() + seconds
    clients = [
        _client(port, load, right[load.name], seen[load.name], until) for load, number in mixture for _ in range(number)
    ]
    await asyncio.gather(*clients)
    return seen


async def _right(port: int, mixture: list[Load]) -> dict[str, bytes]:
    found = {}
    for load in mixture:
        status, found[load.name] = await _ask(port, load.question, [])
        if status != 200:
            raise RuntimeError(f"{load.name}: {status} {found[load.name][:500]!r}")
    return found


async def _livez(port: int, seconds: float) -> None:
    """Print how long each of many questions for ``/livez`` took, in milliseconds, each over a connection of its own."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        begin = time.perf_counter()
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"GET /livez HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        answer = await reader.read()
        print(f"{(time.perf_counter() - begin) * 1000:.3f}", int(answer.startswith(b"HTTP/1.1 200")))
        writer.close()
        await asyncio.sleep(_LIVEZ_SECONDS)


@contextmanager
def _probed(port: int, seconds: float) -> Iterator[list[float]]:
    """Ask for ``/livez`` beside the block; gives the milliseconds once it has ended."""
    command = [sys.executable, "-m", "benchmarks.http.soak", "--livez", str(port), "--seconds", str(seconds)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as prober:
        times: list[float] = []
        yield times
        for line in prober.communicate()[0].splitlines():
            milliseconds, well = line.split()
            times.append(float(milliseconds) if well == "1" else float("inf"))


async def _watched(process: int, moments: list[float]) -> list[float]:
    """Return the memory around each moment: the median of several looks, as what is in flight comes and goes."""
    begin, found = time.monotonic(), []
    for moment in moments:
        await asyncio.sleep(begin + moment - time.monotonic())
        looks = []
        for _ in range(_LOOKS):
            looks.append(resident(process))
            await asyncio.sleep(_LOOK_SECONDS)
        found.append(median(looks))
    return found


def _told(name: str, seen: Seen, seconds: float) -> str:
    statuses = ", ".join(f"{status or 'broken'}: {count}" for status, count in sorted(seen.statuses.items()))
    p50 = f", p50 {median(seen.seconds) * 1000:.1f} ms" if seen.seconds else ""
    rate = seen.statuses[200] / seconds
    return f"- {name}: {statuses}; {rate:.1f} a second{p50}" + (f"; {seen.wrong} WRONG" if seen.wrong else "")


async def _run(port: int, process: int, seconds: float) -> bool:
    mixture = loads()
    small, huge = mixture[0], [load for load in mixture if load.size == _HUGE]
    right = await _right(port, mixture)
    quiet = min(seconds, _UNLOADED_SECONDS)
    alone = await _soaked(port, [(small, 1)], right, 2)
    # How many a second of one kind, with clients enough to keep the cores busy and no more.
    rates = {}
    for load in huge:
        found = await _soaked(port, [(load, _UNLOADED_CLIENTS)], right, quiet)
        rates[load.name] = found[load.name].statuses[200] / quiet
    await asyncio.sleep(_PAUSE_SECONDS)

    moments = [seconds / 3, seconds - _LOOKS * _LOOK_SECONDS]
    with _probed(port, seconds) as livez:
        memory = asyncio.create_task(_watched(process, moments))
        seen = await _soaked(port, [(load, load.clients) for load in mixture], right, seconds)
        resident = await memory
    await asyncio.sleep(_PAUSE_SECONDS)
    after = await _soaked(port, [(small, 1)], right, 2)

    macs = sum(load.macs * seen[load.name].statuses[200] for load in mixture) / seconds
    # Kinds differ in what surrounds their arithmetic: the idle service would need this part of the time for the same.
    kept_up = sum(seen[name].statuses[200] / rate for name, rate in rates.items()) / seconds
    answered = seen[small.name].statuses
    kept = answered[200] / max(1, answered.total())
    p99 = quantiles(livez, n=100)[98]
    statuses = set().union(*(one.statuses for one in seen.values()))
    for load in mixture:
        print(_told(f"{load.name}, {load.clients} clients", seen[load.name], seconds))
    before_ms, after_ms = (median(one[small.name].seconds) * 1000 for one in (alone, after))
    checks = [
        (statuses <= _EXPECTED, f"statuses {sorted(statuses)}"),
        (all(not one.wrong for one in seen.values()), "every 200 is the idle service's answer"),
        (kept >= 0.95, f"{kept:.1%} of the small requests answered with 200"),
        (
            p99 < 100,
            f"/livez p50 {median(livez):.1f} ms, p99 {p99:.1f} ms, longest {max(livez):.1f} ms of {len(livez)}",
        ),
        (kept_up >= 0.8, f"{macs / 1e9:.2f} GMAC/s, {kept_up:.2f} of what the idle service does of the same mixture"),
        (resident[1] <= 1.05 * resident[0], f"resident {resident[0]:.0f} MiB at a third, {resident[1]:.0f} at the end"),
        (after_ms <= 1.25 * before_ms, f"a small request alone {before_ms:.2f} ms before, {after_ms:.2f} ms after"),
    ]
    for well, what in checks:
        print(f"{'ok    ' if well else 'FAILED'} {what}")
    return all(well for well, _ in checks)


def main() -> int:
    """Soak the service; returns 0 if it kept every promise."""
    parser = argparse.ArgumentParser(prog="scripts/bench soak", description="A minute of 64 clients, small and huge.")
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--livez", type=int, help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.livez:
        uvloop.run(_livez(chosen.livez, chosen.seconds))
        return 0
    service = next(one for one in contestants() if one.workers == chosen.workers)
    with started(service) as running:
        print(f"load average {os.getloadavg()[0]:.2f} at the start, {os.cpu_count()} cores shared with the clients")
        well = uvloop.run(_run(running.port, running.process, chosen.seconds))
        print(f"load average {os.getloadavg()[0]:.2f} at the end")
    return 0 if well else 1


if __name__ == "__main__":
    sys.exit(main())
