"""How long the event loop is held up by one thing, in time that it had a core."""

from __future__ import annotations

import time
from collections.abc import Iterator
from functools import partial

import pytest

from service.api.answers import Written
from service.api.errors import TooMuchForTheLoop
from service.api.metrics import Metrics
from service.api.operations import _on_the_loop
from service.api.state import Service
from service.api.stopwatch import Stopwatch
from service.engine import Cancelled
from service.settings import Settings


def compute(seconds: float) -> None:
    begin = time.thread_time()
    while time.thread_time() - begin < seconds:
        pass


def test_it_is_over_once_more_time_was_spent_computing_than_was_given() -> None:
    watch = Stopwatch()
    watch.begin(0.02)
    assert not watch.over()
    time.sleep(0.05)  # which takes no core
    assert not watch.over()
    compute(0.025)
    assert watch.over()
    watch.begin(0.02)
    assert not watch.over()


@pytest.fixture
def service() -> Iterator[Service]:
    service = Service.of(Settings(inline_seconds=0.002), Metrics(["x"]))
    yield service
    service.work.close()


def job(service: Service, seconds: float) -> Written:
    """Take so long, and look then whether to go on."""
    compute(seconds)
    service.inline_control.check()
    return Written(b"", "text/plain")


def test_what_takes_several_times_its_estimate_is_given_up_on_the_loop(service: Service) -> None:
    with pytest.raises(TooMuchForTheLoop):
        _on_the_loop(partial(job, service, 0.015), service, 1)
    assert _on_the_loop(partial(job, service, 0.015), service, 8) == Written(b"", "text/plain")
    assert _on_the_loop(partial(job, service, 0), service, 1) == Written(b"", "text/plain")


def test_what_ends_because_its_client_left_is_not_taken_for_too_much(service: Service) -> None:
    def left() -> Written:
        raise Cancelled

    with pytest.raises(Cancelled):
        _on_the_loop(left, service, 1)
