"""The ways to compute a convolution, by name: one file each, one signature, one answer."""

from __future__ import annotations

from . import banded, direct, fft, gemm, separable, winograd
from .method import Method

METHODS: dict[str, Method] = {
    method.name: method
    for method in (direct.METHOD, gemm.METHOD, banded.METHOD, separable.METHOD, winograd.METHOD, fft.METHOD)
}
"""Each method by the name that `method` takes."""
