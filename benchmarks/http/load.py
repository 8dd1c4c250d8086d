"""wrk, run once: a Python client would be slower than what it measures."""

from __future__ import annotations

import os
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

from .requests import Question


@dataclass(frozen=True)
class Figures:
    """What one run of the load generator saw.

    Attributes
    ----------
    milliseconds
        The median latency.
    rate
        Requests answered a second.
    failed
        Answers that were not 200, and connections that broke.
    """

    milliseconds: float
    rate: float
    failed: int


def load(port: int, question: Question, clients: int, seconds: int) -> Figures:
    """Ask one question over `clients` connections, each as soon as it has its answer, for some seconds.

    Raises
    ------
    RuntimeError
        If wrk says nothing that can be read.
    """
    with tempfile.NamedTemporaryFile() as file:
        file.write(question.body)
        file.flush()
        settings = {"LOAD_BODY": file.name, "LOAD_TYPE": question.content_type, "LOAD_ACCEPT": question.accept}
        url, script = f"http://127.0.0.1:{port}{question.path}", Path(__file__).with_name("load.lua")
        command = ["wrk", "-t1", f"-c{clients}", f"-d{seconds}s", "--timeout", "60s", "-s", str(script), url]
        run = subprocess.run(command, env=os.environ | settings, capture_output=True, text=True, check=False)
    for line in run.stdout.splitlines():
        if line.startswith("figures "):
            milliseconds, rate, failed = line.split()[1:]
            return Figures(float(milliseconds), float(rate), int(failed))
    raise RuntimeError(f"wrk ended with {run.returncode}: {run.stdout}{run.stderr}")
