"""BLAS keeps to one thread while the engine computes, and has its own again afterwards."""

from __future__ import annotations

import pytest

from service.engine import blas


def test_blas_has_its_threads_again_once_the_last_has_left(monkeypatch: pytest.MonkeyPatch) -> None:
    set_to = [4]  # as whoever uses NumPy beside the engine may have it
    monkeypatch.setattr(blas, "_functions", lambda: (lambda: set_to[-1], set_to.append))
    single_threaded = blas._SingleThreaded()
    for _ in range(2):
        with single_threaded:
            assert set_to[-1] == 1
            with pytest.raises(ValueError, match="amiss"), single_threaded:
                raise ValueError("amiss")
            assert set_to[-1] == 1
        assert set_to[-1] == 4


def test_without_such_functions_nothing_is_done(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(blas, "_functions", lambda: None)
    with blas._SingleThreaded() as entered:
        assert entered is None
