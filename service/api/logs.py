"""Logs as JSON, one object a line: one line a request, and whatever the server and the libraries have to say.

A line names a request by its id and tells its path, status, sizes and times; never what was in it.
"""

from __future__ import annotations

import asyncio
import logging
import os
import sys
from contextlib import nullcontext, suppress
from pathlib import Path
from typing import Any, TextIO

import orjson

from .record import Record
from .timings import PHASES

_REQUESTS = logging.getLogger("service.requests")
_MILLISECONDS = 1000
_BATCH_SECONDS = 0.05
_MOST_LINES = 256
_MOST_PATH_CHARACTERS = 1000
_PHASE_FIELDS = {phase: f"{phase}_ms" for phase in PHASES}


class JsonFormatter(logging.Formatter):
    """A log record as one line of JSON; what its call put into `extra={"fields": …}` stands beside the message."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line."""
        line: dict[str, Any] = {
            "time": round(record.created, 3),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        line.update(getattr(record, "fields", ()))
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return orjson.dumps(line, default=str).decode()


class Batches(logging.StreamHandler[TextIO]):
    """Writes the lines of a moment together: a write a line costs as much as the rest of answering a small request.

    What is more than information is written at once, after all that came before it; so is everything off the loop.
    """

    def __init__(self, stream: TextIO) -> None:
        super().__init__(stream)
        self._lines: list[str] = []
        self._due: asyncio.TimerHandle | None = None

    def emit(self, record: logging.LogRecord) -> None:
        """Take a line."""
        self._lines.append(self.format(record))
        if record.levelno > logging.INFO or len(self._lines) >= _MOST_LINES:
            self.flush()
        elif self._due is None:
            try:
                self._due = asyncio.get_running_loop().call_later(_BATCH_SECONDS, self._flush_due)
            except RuntimeError:
                self.flush()

    def _flush_due(self) -> None:
        self._due = None
        self.flush()

    def flush(self) -> None:
        """Write what there is; what cannot be written, to a full disk or with nobody to read, is lost."""
        with self.lock or nullcontext():
            if self._lines:
                text, self._lines = "\n".join(self._lines) + "\n", []
                with suppress(OSError, ValueError):
                    self.stream.write(text)
                    self.stream.flush()


def configure(level: str) -> None:
    """Have every logger of this process write JSON lines to standard error."""
    handler = Batches(sys.stderr or Path(os.devnull).open("w", encoding="utf-8"))  # noqa: SIM115  (for good)
    handler.setFormatter(JsonFormatter())
    logging.basicConfig(level=level.upper(), handlers=[handler], force=True)
    for name in ("uvicorn", "uvicorn.error", "uvicorn.access"):
        logger = logging.getLogger(name)
        logger.handlers.clear()
        logger.propagate = True
    logging.getLogger("uvicorn.access").disabled = True  # a request has its line already
    logging.captureWarnings(True)
    # Nothing of this stands in a line, so it need not be found out for each.
    logging.logThreads = logging.logProcesses = logging.logMultiprocessing = False


def log_request(record: Record, method: str, path: str) -> None:
    """Write the line of a request that was answered."""
    level = logging.ERROR if record.problem == "internal-error" else logging.INFO
    if not _REQUESTS.isEnabledFor(level):
        return
    path = path[:_MOST_PATH_CHARACTERS]
    fields: dict[str, Any] = {
        "request_id": record.id,
        "method": method,
        "path": path,
        "operation": record.operation,
        "status": record.status,
        "ms": round(record.seconds * _MILLISECONDS, 3),
        "bytes_in": record.bytes_in,
        "bytes_out": record.bytes_out,
    }
    for phase, seconds in record.timings.seconds.items():
        if seconds:
            fields[_PHASE_FIELDS[phase]] = round(seconds * _MILLISECONDS, 3)
    for name in ("problem", "reason", "key"):
        value = getattr(record, name)
        if value:
            fields[name] = value
    line = logging.LogRecord(_REQUESTS.name, level, "", 0, f"{method} {path} {record.status}", None, None)
    line.fields = fields
    _REQUESTS.handle(line)  # what Logger.log does, but for looking up who called it
