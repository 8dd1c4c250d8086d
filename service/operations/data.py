"""The data of a request: an array or a picture for the input, numbers or a name for the kernel."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any, Literal

import numpy as np

from service import kernels
from service.wire import Color, Picture

from .answer import PictureStyle, Range
from .errors import NoNamedKernel

_FLOAT32, _FLOAT64 = np.dtype(np.float32), np.dtype(np.float64)
_NARROW = (np.dtype(np.float16), _FLOAT32)


@cache
def dtype_name(dtype: np.dtype[Any]) -> str:
    """Return ``dtype.name``, which NumPy puts together anew each time."""
    return dtype.name


@dataclass(frozen=True, slots=True)
class Source:
    """The input's numbers, and the picture they came from if it was one."""

    array: np.ndarray
    picture: Picture | None = None

    def dtype(self, sent: str) -> np.dtype[Any]:
        """Return the dtype of the computation: `auto` is float32 for pictures, float16 and float32, else float64."""
        if sent != "auto":
            return np.dtype(sent)
        narrow = self.picture is not None or self.array.dtype in _NARROW
        return _FLOAT32 if narrow else _FLOAT64

    def style(self, value_range: Range) -> PictureStyle:
        """Return how maps of this input, a map a channel, become a picture."""
        if self.picture is None:
            return PictureStyle(value_range)
        depth: Literal[8, 16] = 16 if self.picture.depth == 16 else 8
        return PictureStyle(value_range, depth, self.array.shape[0] == 3, self.picture.alpha)


def read_input(sent: np.ndarray | Picture, color: Color) -> Source:
    """Return a request's input; a picture is read as `color` says, channels first."""
    if isinstance(sent, Picture):
        picture = sent.as_color(color)
        return Source(picture.pixels, picture)
    return Source(sent)


def read_kernel(sent: np.ndarray | str | dict[str, Any], rank: int) -> np.ndarray:
    """Return a request's kernel, made from its name where it has one.

    Raises
    ------
    NoNamedKernel
        If a name is given to an operation that does not work on two axes.
    KernelError
        If there is no such kernel or a parameter of it is wrong.
    """
    if isinstance(sent, np.ndarray):
        return sent
    if rank != 2:
        raise NoNamedKernel(
            f"the kernel is given by name, but named kernels have two axes and this operation works on {rank}; "
            "send its numbers",
            "/kernel",
        )
    if isinstance(sent, str):
        try:
            return kernels.make(sent)
        except kernels.KernelError as error:
            error.pointer = "/kernel"  # the name is the whole field here
            raise
    parameters = dict(sent)
    return kernels.make(parameters.pop("name"), **parameters)
