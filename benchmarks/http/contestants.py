"""Who is measured: how each is started, and where it takes which request."""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from .requests import Case, Question

_ROOT = Path(__file__).resolve().parents[2]
_START_SECONDS = 60


@dataclass(frozen=True)
class Contestant:
    """One way to serve a convolution.

    Attributes
    ----------
    name
        As the table calls it.
    command
        What starts it; ``PORT`` stands for the port.
    forms
        The forms of request that it takes.
    needs
        A module or a program (``node:sharp``) without which it cannot run.
    python
        Which one must have the module.
    workers
        Of the service; 0 for all others.
    """

    name: str
    command: tuple[str, ...]
    forms: tuple[str, ...]
    needs: str = ""
    python: str = sys.executable
    workers: int = 0

    def missing(self) -> str:
        """Return why it cannot run here; empty if it can."""
        if self.needs == "node:sharp":
            there = shutil.which("node") and Path("node_modules/sharp").is_dir()
            return "" if there else "node with sharp (npm install sharp, in the folder this is run from)"
        if not self.needs:
            return ""
        look = (self.python, "-c", f"import importlib.util as u, sys; sys.exit(u.find_spec({self.needs!r}) is None)")
        there = subprocess.run(look, check=False).returncode == 0
        return "" if there else f"the module {self.needs}"

    def question(self, case: Case) -> Question:
        """Return what this one is asked for a case."""
        if self.needs == "mlserver":
            return case.for_inference_protocol()
        return case.for_service() if self.workers else case.for_peer()


def contestants(servers: str = sys.executable) -> list[Contestant]:
    """Return everybody, the service first; `servers` is the Python that has BentoML and MLServer."""
    service = (sys.executable, "-m", "service")
    everything = ("json", "binary", "picture")

    def peer(name: str) -> tuple[str, ...]:
        return (sys.executable, "-m", "benchmarks.http.peers", name, "PORT")

    def server(name: str) -> tuple[str, ...]:
        return (servers, "-m", "benchmarks.http.servers", name, "PORT")

    def sharp(level: int) -> tuple[str, ...]:
        return ("node", str(Path(__file__).with_name("sharp.mjs")), "PORT", str(level))

    return [
        Contestant("the service, one worker", service, everything, workers=1),
        Contestant("the service, two workers", service, everything, workers=2),
        Contestant("floor: FastAPI and orjson, nothing computed", peer("floor"), ("json", "binary")),
        Contestant("raw ASGI, orjson, PyTorch float32", peer("raw"), ("json", "binary"), "torch"),
        Contestant("FastAPI, pydantic lists, PyTorch", peer("lists"), everything, "torch"),
        Contestant("BentoML, PyTorch float32", server("bentoml"), ("json",), "bentoml", servers),
        Contestant("MLServer in process, PyTorch float32", server("mlserver"), ("json",), "mlserver", servers),
        Contestant("FastAPI, Pillow, OpenCV, PNG level 6", peer("pillow-6"), ("picture",), "cv2"),
        Contestant("FastAPI, Pillow, OpenCV, PNG level 1", peer("pillow-1"), ("picture",), "cv2"),
        Contestant("Node, sharp, PNG level 6", sharp(6), ("picture",), "node:sharp"),
        Contestant("Node, sharp, PNG level 2", sharp(2), ("picture",), "node:sharp"),
    ]


class Running(NamedTuple):
    """A contestant that was started."""

    port: int
    process: int


@contextmanager
def started(contestant: Contestant) -> Iterator[Running]:
    """Start a contestant on a free port and end it with the block."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
    command = [str(port) if word == "PORT" else word for word in contestant.command]
    settings = {
        "CONVOLUTION_PORT": str(port),
        "CONVOLUTION_WORKERS": str(contestant.workers or 1),
        "CONVOLUTION_LOG_LEVEL": "warning",
        "PYTHONPATH": os.pathsep.join([str(_ROOT), *os.environ.get("PYTHONPATH", "").split(os.pathsep)]),
    }
    process = subprocess.Popen(command, env=os.environ | settings, stdout=subprocess.DEVNULL)
    try:
        _wait(port, process)
        yield Running(port, process.pid)
    finally:
        process.terminate()
        process.wait()


def resident(process: int) -> float:
    """Return the MiB that a process and those that it started hold, each page counted once (proportional set size)."""
    kibi, waiting = 0, [process]
    while waiting:
        number = waiting.pop()
        with contextlib.suppress(OSError):  # it may just have ended
            rollup = Path(f"/proc/{number}/smaps_rollup").read_text(encoding="ascii")
            kibi += int(rollup.split("Pss:")[1].split()[0])
            for children in Path(f"/proc/{number}/task").glob("*/children"):
                waiting += map(int, children.read_text(encoding="ascii").split())
    return kibi / 1024


def _wait(port: int, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + _START_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        with socket.socket() as attempt:
            if attempt.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    raise RuntimeError(f"{process.args!r} did not start")
