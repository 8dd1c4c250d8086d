"""BLAS keeps to one thread while the engine computes, and has its own again afterwards."""

from __future__ import annotations

import sys

import pytest

from service.engine import blas

FUNCTIONS = blas._functions()


def test_blas_has_its_threads_again_once_the_last_has_left() -> None:
    if FUNCTIONS is None:  # NumPy for macOS stands on Accelerate, of which nothing is set
        assert sys.platform == "darwin"
        with blas.single_threaded:
            return
    read, write = FUNCTIONS
    before = read()
    write(2)  # as whoever uses NumPy beside the engine may have it
    try:
        for _ in range(2):
            with blas.single_threaded:
                assert read() == 1
                with pytest.raises(ValueError, match="amiss"), blas.single_threaded:
                    raise ValueError("amiss")
                assert read() == 1
            assert read() == 2
    finally:
        write(before)
