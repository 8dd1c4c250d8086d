"""What can go wrong when a kernel is asked for by name.

    KernelError
    ├── UnknownKernel            no kernel of that name
    ├── UnknownKernelParameter   the kernel has no parameter of that name
    └── KernelParameterInvalid   a parameter's type, bounds or parity

They are events of this room; which status they become is decided at the border.
"""

from __future__ import annotations

from typing import ClassVar


class KernelError(ValueError):
    """A named kernel cannot be made.

    Attributes
    ----------
    detail : str
        What came, and what would do.
    pointer : str
        JSON pointer to the part of the request that is at fault.
    """

    slug: ClassVar[str] = "kernel-invalid"
    title: ClassVar[str] = "The kernel cannot be made"

    def __init__(self, detail: str, pointer: str = "/kernel") -> None:
        super().__init__(detail)
        self.detail = detail
        self.pointer = pointer


class UnknownKernel(KernelError):
    slug = "unknown-kernel"
    title = "There is no kernel of that name"


class UnknownKernelParameter(KernelError):
    slug = "unknown-kernel-parameter"
    title = "The kernel has no such parameter"


class KernelParameterInvalid(KernelError):
    slug = "kernel-parameter-invalid"
    title = "A kernel parameter is not acceptable"
