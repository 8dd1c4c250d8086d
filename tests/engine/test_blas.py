"""BLAS keeps to one thread while the engine computes, and has its own again afterwards."""

from __future__ import annotations

import pytest

from service.engine import blas

FUNCTIONS = blas._functions()


@pytest.mark.skipif(FUNCTIONS is None, reason="NumPy stands on another BLAS here than OpenBLAS; then nothing is set")
def test_blas_has_its_threads_again_once_the_last_has_left() -> None:
    assert FUNCTIONS is not None
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
