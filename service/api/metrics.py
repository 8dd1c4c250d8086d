"""What is counted, and how it is told to Prometheus: the sum over all workers, whichever of them is asked.

The numbers stand on the board that the workers share, so nothing is written to a disk and a killed worker takes no
count with it. prometheus_client writes them out.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from service import __version__

from .admission import IN_FLIGHT, RESERVED, RUNNING, WAITING
from .board import Board
from .record import Record
from .timings import PHASES

_OTHER = "other"
STATUSES = (200, 304, 400, 401, 404, 405, 406, 408, 413, 415, 422, 429, 499, 500, 503)
REASONS = (
    "deadline",
    "memory",
    "pace",
    "queue",
    "quota",
    "slow",
    "stopping",
    "too_large",
    "unauthorized",
    "work_limit",
    _OTHER,
)
_BOUNDS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
_ALL = (*PHASES, "total")
_GAUGES = (
    ("in_flight", "convolution_in_flight_requests", "Requests that are here and not answered."),
    (RUNNING, "convolution_running_requests", "Requests that hold a slot."),
    (WAITING, "convolution_queued_requests", "Requests that wait for a slot."),
    (RESERVED, "convolution_reserved_bytes", "Memory that is reserved for requests."),
)
_COUNTERS = (
    ("macs", "convolution_macs", "Multiply-accumulates of computations that were answered."),
    ("bytes_in", "convolution_received_bytes", "Bytes of bodies that came."),
    ("bytes_out", "convolution_sent_bytes", "Bytes of bodies that were sent."),
)
STOPPING = "stopping"
"""Set by a worker that was told to stop."""
VANISHING = (*IN_FLIGHT, "in_flight", STOPPING)
"""What of the board ends with a worker."""


def _names(operations: Sequence[str]) -> Iterator[str]:
    yield from VANISHING
    yield from (name for name, _, _ in _COUNTERS)
    yield from (f"rejected {reason}" for reason in REASONS)
    yield from (f"requests {operation} {status}" for operation in operations for status in (*STATUSES, _OTHER))
    for phase in _ALL:
        yield f"seconds {phase}"
        yield from (f"seconds {phase} {bucket}" for bucket in range(len(_BOUNDS) + 1))


class Metrics(Collector):
    """Counts requests, and gives the counts of all workers to Prometheus.

    Parameters
    ----------
    operations
        Names of everything that can be asked for; what is none of them is counted as other.
    workers
        How many processes count.
    also
        What else stands on the board.
    """

    def __init__(self, operations: Iterable[str], workers: int = 1, also: Iterable[str] = ()) -> None:
        self._operations = (*dict.fromkeys(operations), _OTHER)
        self.board = Board((*_names(self._operations), *also), workers)
        row = self.board.row
        self._in_flight, self._macs, self._bytes_in, self._bytes_out = map(
            row, ("in_flight", "macs", "bytes_in", "bytes_out")
        )
        self._requests_rows = {
            (operation, status): row(f"requests {operation} {status}")
            for operation in self._operations
            for status in (*STATUSES, _OTHER)
        }
        self._phase_rows = {
            phase: (row(f"seconds {phase}"), [row(f"seconds {phase} {bucket}") for bucket in range(len(_BOUNDS) + 1)])
            for phase in _ALL
        }

    def forget(self, worker: int) -> None:
        """Set what a worker had in flight to zero: it ended, and that with it."""
        self.board.clear(VANISHING, worker)

    def began(self) -> None:
        """Count a request as in flight."""
        self.board.add("in_flight")

    def ended(self, record: Record) -> None:
        """Count a request's answer."""
        total, buckets = self._phase_rows["total"]
        counts: list[tuple[int, float]] = [
            (self._in_flight, -1),
            (self._requests_rows.get((record.operation, record.status)) or self._unusual(record), 1),
            (self._macs, record.macs),
            (self._bytes_in, record.bytes_in),
            (self._bytes_out, record.bytes_out),
            (total, record.seconds),
            (buckets[bisect_left(_BOUNDS, record.seconds)], 1),
        ]
        for phase, seconds in record.timings.seconds.items():
            if seconds:
                total, buckets = self._phase_rows[phase]
                counts += (total, seconds), (buckets[bisect_left(_BOUNDS, seconds)], 1)
        if record.reason:
            reason = record.reason if record.reason in REASONS else _OTHER
            counts.append((self.board.row(f"rejected {reason}"), 1))
        self.board.add_to_rows(counts)

    def _unusual(self, record: Record) -> int:
        operation = record.operation if record.operation in self._operations else _OTHER
        return self._requests_rows[operation, record.status if record.status in STATUSES else _OTHER]

    def text(self) -> bytes:
        """Return everything in Prometheus' text format."""
        registry = CollectorRegistry(auto_describe=False)
        registry.register(self)
        return generate_latest(registry)

    def collect(self) -> Iterator[Metric]:
        """Yield each metric, summed over the workers."""
        total = self.board.total
        yield GaugeMetricFamily("convolution_workers", "Worker processes.", value=self.board.workers)
        info = GaugeMetricFamily("convolution_build_info", "The version that runs.", labels=["version"])
        info.add_metric([__version__], 1)
        yield info
        for name, metric, text in _GAUGES:
            yield GaugeMetricFamily(metric, text, value=total(name))
        for name, metric, text in _COUNTERS:
            yield CounterMetricFamily(metric, text, value=total(name))
        yield self._requests()
        rejected = CounterMetricFamily("convolution_rejected", "Requests refused, by reason.", labels=["reason"])
        for reason in REASONS:
            rejected.add_metric([reason], total(f"rejected {reason}"))
        yield rejected
        yield self._seconds()

    def _requests(self) -> Metric:
        family = CounterMetricFamily("convolution_requests", "Requests answered.", labels=["operation", "status"])
        for operation in self._operations:
            for status in (*STATUSES, _OTHER):
                count = self.board.total(f"requests {operation} {status}")
                if count or status == 200:
                    family.add_metric([operation, str(status)], count)
        return family

    def _seconds(self) -> Metric:
        family = HistogramMetricFamily(
            "convolution_request_seconds", "Seconds that requests spent in each phase.", labels=["phase"]
        )
        for phase in _ALL:
            buckets, below = [], 0.0
            for number, bound in enumerate((*map(str, _BOUNDS), "+Inf")):
                below += self.board.total(f"seconds {phase} {number}")
                buckets.append((bound, below))
            family.add_metric([phase], buckets, self.board.total(f"seconds {phase}"))
        return family
