"""The ways to compute a convolution, by name: one file each, one signature, one answer."""

from __future__ import annotations

from collections.abc import Callable

from . import banded, direct, gemm
from .work import Work

METHODS: dict[str, Callable[[Work], None]] = {"direct": direct.compute, "gemm": gemm.compute, "banded": banded.compute}
"""Each method by the name that `method` takes."""
