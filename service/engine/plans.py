"""The plans: what an operation will do, decided from integers alone, each frozen and with all that follows from it.

Made in `geometry.py`, before any data is touched; everything reads them: the computation, its cost, its limits, the
answer's echo. Sizes, and all else in tuples, are an entry a spatial axis.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from functools import cached_property
from math import prod

from .arguments import Pads
from .sizes import Ints, span


@dataclass(frozen=True)
class _Plan:
    """What all plans have: N inputs of C channels, and a window or kernel and the way in which it moves over an axis.

    Attributes
    ----------
    padding
        Cells added (before, after) each axis.
    output_size
        Windows an axis; of a transposed convolution the cells that are left.
    """

    batch: int
    channels: int
    input_size: Ints
    kernel_size: Ints
    stride: Ints
    padding: Pads
    dilation: Ints
    output_size: Ints

    @cached_property
    def _hash(self) -> int:
        return hash(tuple(getattr(self, field.name) for field in fields(self)))

    def __hash__(self) -> int:
        """Return the hash of all fields, worked out once: a plan is looked up in several memories a computation."""
        return self._hash

    @cached_property
    def rank(self) -> int:
        """The number of spatial axes."""
        return len(self.input_size)

    @cached_property
    def input_shape(self) -> Ints:
        """(N, C, *S)."""
        return (self.batch, self.channels, *self.input_size)

    @cached_property
    def span(self) -> Ints:
        """The cells that a window or kernel reaches over, an axis: of a window its receptive field."""
        return tuple(span(k, d) for k, d in zip(self.kernel_size, self.dilation, strict=True))


@dataclass(frozen=True)
class _FilterPlan(_Plan):
    """What plans with a kernel have: F filters in G groups."""

    filters: int
    groups: int

    @cached_property
    def output_shape(self) -> Ints:
        """(N, F, *S')."""
        return (self.batch, self.filters, *self.output_size)


@dataclass(frozen=True)
class ConvPlan(_FilterPlan):
    """A convolution, decided. Its kernel is (F, C/G, *K).

    Attributes
    ----------
    operation
        ``"cross_correlation"``, or ``"convolution"``, which flips the kernel on every spatial axis.
    padding_mode
        What fills the padding.
    dropped
        Cells of the padded input behind the last window of each axis, which no window reads.
    """

    operation: str
    padding_mode: str
    dropped: Ints

    __hash__ = _Plan.__hash__

    @cached_property
    def kernel_shape(self) -> Ints:
        """(F, C/G, *K)."""
        return (self.filters, self.channels // self.groups, *self.kernel_size)

    @cached_property
    def taps(self) -> int:
        """Products summed into one output value: (C/G)·ΠK."""
        return self.channels // self.groups * prod(self.kernel_size)

    @cached_property
    def macs(self) -> int:
        """Multiply-accumulates: one a tap and output value, padding included."""
        return prod(self.output_shape) * self.taps


@dataclass(frozen=True)
class ConvTransposePlan(_FilterPlan):
    """A transposed convolution, decided. Its kernel is (C, F/G, *K)."""

    output_padding: Ints

    __hash__ = _Plan.__hash__

    @cached_property
    def kernel_shape(self) -> Ints:
        """(C, F/G, *K)."""
        return (self.channels, self.filters // self.groups, *self.kernel_size)

    @cached_property
    def taps(self) -> int:
        """Products that one input value takes part in: (F/G)·ΠK."""
        return prod(self.kernel_shape[1:])

    @cached_property
    def macs(self) -> int:
        """Multiply-accumulates: one a tap and input value, cropped ones included."""
        return prod(self.input_shape) * self.taps

    @cached_property
    def adjoint(self) -> ConvPlan:
        """The convolution that this is the adjoint of: from the output's shape to the input's, with the same kernel."""
        return ConvPlan(
            operation="cross_correlation",
            batch=self.batch,
            channels=self.filters,
            filters=self.channels,
            groups=self.groups,
            input_size=self.output_size,
            kernel_size=self.kernel_size,
            stride=self.stride,
            padding=self.padding,
            padding_mode="zeros",
            dilation=self.dilation,
            output_size=self.input_size,
            dropped=self.output_padding,
        )


@dataclass(frozen=True)
class PoolPlan(_Plan):
    """A pool, decided. With `adaptive` the windows differ in size and `kernel_size` is the largest of an axis.

    Attributes
    ----------
    dropped
        Cells of the padded input behind the last window of each axis, which no window reads.
    overhang
        Cells that the last window of each axis reaches past the padded input (``ceil_mode``).
    """

    kind: str
    ceil_mode: bool
    count_include_pad: bool
    divisor_override: int | None
    p: float
    adaptive: bool
    dropped: Ints
    overhang: Ints

    __hash__ = _Plan.__hash__

    @cached_property
    def output_shape(self) -> Ints:
        """(N, C, *S')."""
        return (self.batch, self.channels, *self.output_size)

    @cached_property
    def operations(self) -> int:
        """Cells read by all windows: the work of a pool done window by window."""
        return prod(self.output_shape) * prod(self.kernel_size)

    def windows(self, axis: int) -> list[tuple[int, int]]:
        """Return each window of an axis as (start, stop) in the input's own coordinates, `stop` past its last cell.

        Negative, or past the end, where a window lies in the padding. Adaptive windows run from floor(i·n/o) to
        ceil((i+1)·n/o).
        """
        return [self.window(axis, index) for index in range(self.output_size[axis])]

    def window(self, axis: int, index: int) -> tuple[int, int]:
        """Return one window of an axis, as `windows` has it."""
        if self.adaptive:
            n, count = self.input_size[axis], self.output_size[axis]
            return index * n // count, -(-(index + 1) * n // count)
        start = index * self.stride[axis] - self.padding[axis][0]
        return start, start + self.span[axis]
