"""Kernels by name: NumPy and the standard library, nothing of requests."""

from service.kernels.catalogue import Kernel, describe, make, names
from service.kernels.errors import KernelError, KernelParameterInvalid, UnknownKernel, UnknownKernelParameter
from service.kernels.parameters import Parameter

__all__ = [
    "Kernel",
    "KernelError",
    "KernelParameterInvalid",
    "Parameter",
    "UnknownKernel",
    "UnknownKernelParameter",
    "describe",
    "make",
    "names",
]
