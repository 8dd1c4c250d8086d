"""What an operation refuses beside what its engine does."""

from __future__ import annotations

from typing import ClassVar


class OperationError(ValueError):
    """Base: ``detail`` says what came and what would do, ``pointer`` where (a JSON pointer)."""

    slug: ClassVar[str]
    title: ClassVar[str]

    def __init__(self, detail: str, pointer: str, **extra: int | float | str) -> None:
        super().__init__(detail)
        self.detail = detail
        self.pointer = pointer
        self.extra = extra


class LimitExceeded(OperationError):
    """Work beyond a limit of this service; ``limit`` and ``actual`` are the numbers, ``name`` the limit's."""

    slug = "limit-exceeded"
    title = "The work is beyond a limit of this service"


class NoNamedKernel(OperationError):
    """A kernel by name where the operation does not work on two axes."""

    slug = "no-named-kernel"
    title = "Named kernels have two axes"


class NoSuchPosition(OperationError):
    """A trace of a position, sample, filter or channel that the computation does not have."""

    slug = "no-such-position"
    title = "The computation has no such position"
