"""The service as a process of its own, over a real socket: what only then can be seen."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.client import HTTPConnection
from pathlib import Path
from threading import Thread
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
_PATIENCE_SECONDS = 60


@dataclass
class Answer:
    """One HTTP answer, read whole."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        """The document in it."""
        return json.loads(self.body)


@dataclass
class Running:
    """A service that was started, and every line that it has logged."""

    process: subprocess.Popen[str]
    lines: list[dict[str, Any]] = field(default_factory=list)
    port: int = 0

    def read_log(self) -> None:
        """Collect what it logs; a line that is not JSON fails here and is missed there."""
        assert self.process.stderr is not None
        for line in self.process.stderr:
            self.lines.append(json.loads(line))
            url = self.lines[-1].get("url")
            if url:
                self.port = int(url.rpartition(":")[2])

    def connect(self) -> HTTPConnection:
        """Return a connection to it."""
        return HTTPConnection("127.0.0.1", self.port, timeout=_PATIENCE_SECONDS)

    def ask(self, path: str, document: Any = None, headers: dict[str, str] | None = None) -> Answer:
        """GET a path, or POST a JSON document to it, on a connection of its own."""
        connection = self.connect()
        try:
            if document is None:
                connection.request("GET", path, headers=headers or {})
            else:
                body = json.dumps(document).encode()
                connection.request("POST", path, body, {"Content-Type": "application/json", **(headers or {})})
            response = connection.getresponse()
            return Answer(response.status, {k.lower(): v for k, v in response.getheaders()}, response.read())
        finally:
            connection.close()

    def metric(self, name: str) -> float:
        """Return one number of /metrics, by its name with its labels; 0 where it was not counted yet."""
        lines = self.ask("/metrics").body.decode().splitlines()
        return next((float(line.rpartition(" ")[2]) for line in lines if line.rpartition(" ")[0] == name), 0.0)

    def workers(self) -> list[int]:
        """Return the process ids of its workers."""
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children")
        return [int(number) for number in children.read_text(encoding="ascii").split()]

    def resident(self) -> int:
        """Return the bytes of memory that the process that serves holds, where there is one."""
        pages = int(Path(f"/proc/{self.process.pid}/statm").read_text(encoding="ascii").split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE")


def until(condition: Any, what: str) -> None:
    """Wait until `condition()` holds."""
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while not condition():
        assert time.monotonic() < deadline, f"waited {_PATIENCE_SECONDS} s for {what}"
        time.sleep(0.02)


@contextmanager
def serving(*, command: tuple[str, ...] = (sys.executable, "-m", "service"), **settings: Any) -> Iterator[Running]:
    """Start the service with these settings, `workers=1` unless said, and end it however the test ends."""
    given = {"host": "127.0.0.1", "port": 0, "workers": 1} | settings
    environment = {name: value for name, value in os.environ.items() if not name.startswith("CONVOLUTION_")}
    environment |= {f"CONVOLUTION_{name.upper()}": str(value) for name, value in given.items()}
    process = subprocess.Popen(command, cwd=ROOT, env=environment, stderr=subprocess.PIPE, text=True)
    running = Running(process)
    reader = Thread(target=running.read_log)
    reader.start()
    try:
        until(lambda: running.port or process.poll() is not None, "the port")
        assert running.port, running.lines
        yield running
    finally:
        process.kill()
        process.wait()
        reader.join()
        assert process.stderr is not None
        process.stderr.close()
