"""What the application keeps while it runs."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import partial

from starlette.requests import Request

from service import container
from service.engine import Control
from service.operations.limits import Work as Cost
from service.operations.limits import WorkLimits
from service.settings import Settings
from service.wire import ReadLimits

from .admission import Admission, Bounds
from .errors import TooMuchForTheLoop
from .metrics import STOPPING, Metrics
from .pace import Pace
from .stopwatch import Stopwatch
from .work import Work

_PART_SECONDS = 5e-6  # most methods take far less
_NUMBER_SECONDS, _LIST_SECONDS = 25e-9, 150e-9  # to write one as text
_COMPRESSED = 6  # times as long, if it is compressed too


@dataclass(slots=True)
class Service:
    """The running service's parts, made by the lifespan.

    Attributes
    ----------
    read_limits, work_limits
        What a request may hold and ask for.
    inline_limits, compressed_limits, inline_control
        What may be worked on at once, on the event loop, where the answer goes out as it is or compressed, and how.
    stopwatch
        How long the event loop has worked on what it works on.
    """

    settings: Settings
    admission: Admission
    work: Work
    pace: Pace
    metrics: Metrics
    read_limits: ReadLimits = field(init=False)
    work_limits: WorkLimits = field(init=False)
    inline_limits: WorkLimits = field(init=False)
    compressed_limits: WorkLimits = field(init=False)
    inline_control: Control = field(init=False)
    stopwatch: Stopwatch = field(default_factory=Stopwatch, init=False)

    @classmethod
    def of(cls, settings: Settings, metrics: Metrics) -> Service:
        """Return the parts that the settings ask for; `metrics` has the board that all workers share."""
        board = metrics.board
        bounds = Bounds(settings.slots, settings.queue_length, settings.max_memory_bytes)
        admission = Admission(bounds, board)
        work = Work(admission, settings.deadline_seconds, settings.working_bytes, container.cores())
        pace = Pace(board, settings.small_share * container.cores() / board.workers)
        return cls(settings, admission, work, pace, metrics)

    def __post_init__(self) -> None:
        self.read_limits = self.settings.read_limits()
        self.work_limits = self.settings.work_limits()
        at_once = partial(self.keep_short, self.settings.inline_seconds)
        self.inline_limits = replace(self.work_limits, admit=partial(at_once, 1))
        self.compressed_limits = replace(self.work_limits, admit=partial(at_once, _COMPRESSED))
        self.inline_control = replace(self.work.control, cancelled=self.stopwatch.over)

    @property
    def stopping(self) -> bool:
        """Whether SIGTERM has come, to any worker: all then send clients elsewhere from the same moment."""
        return self.metrics.board.total(STOPPING) > 0

    def stop(self) -> None:
        """Say that SIGTERM has come."""
        self.metrics.board.set(STOPPING, 1)

    def keep_short(self, seconds: float, writing: float, work: Cost) -> None:
        """Let only that onto the event loop which does not hold up other requests for longer.

        `writing` is 0 if the answer is no text, else 1, or more if it is compressed too.
        """
        numbers = work.output_elements + work.also_answered
        written = writing * (numbers * _NUMBER_SECONDS + work.output_lists * _LIST_SECONDS)
        if work.seconds + work.parts * _PART_SECONDS + written > seconds:
            raise TooMuchForTheLoop


def service_of(request: Request) -> Service:
    """Return the running service that a request belongs to."""
    service: Service = request.scope["state"]["service"]
    return service
