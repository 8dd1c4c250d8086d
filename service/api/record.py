"""What is remembered of one request while it is answered, for its log line and the metrics. Never its data."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from .admission import Ticket
from .timings import Timings


@dataclass(slots=True)
class Record:
    """One request.

    Attributes
    ----------
    id
        The client's, if it sent a usable one.
    operation
        The name of its route; "other" where it has none.
    status
        Of its answer; 499 where the client left before it.
    seconds
        From its headers to the last byte handed over.
    bytes_in, bytes_out
        Of the bodies, on the wire.
    macs
        Multiply-accumulates of its computation.
    reason
        Why it was refused, in a word, where it was refused for what it asks of the service; else empty.
    problem
        The slug of its problem, else empty.
    key
        The name of its API key, else empty.
    ticket
        What it holds until its answer is sent.
    """

    id: str
    timings: Timings = field(default_factory=Timings)
    operation: str = ""
    status: int = 0
    seconds: float = 0.0
    bytes_in: int = 0
    bytes_out: int = 0
    macs: int = 0
    reason: str = ""
    problem: str = ""
    key: str = ""
    ticket: Ticket | None = None


def record_of(scope: Any) -> Record:
    """Return the record of the request of an ASGI scope."""
    record: Record = scope["state"]["record"]
    return record
