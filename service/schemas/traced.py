"""The steps of a computation as data: what `/trace` answers, and what drawings of it are made from.

A step holds arrays; `Step.as_dict` is its form in JSON. Cells that take no part in a result (padding of a max pool, the
overhang of ceil mode) are absent: null in JSON.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from service.wire import ArrayEncoding, encode_array

Window = tuple[tuple[int, int], ...]

MAX_SIDE = 24
"""Cells a side up to which a grid fits a screen, and its numbers the eye. A plane that is no larger, padding included,
is handed to drawings whole; of a larger one as much, with what the first steps read."""


@dataclass(frozen=True, slots=True)
class View:
    """A part of a plane, for drawings.

    Attributes
    ----------
    values : ndarray of shape (C, *S) or (*S)
        Padding filled in.
    origin
        The first cell's coordinates in the plane: negative in the padding before it.
    size
        The plane's own size, without padding.
    """

    values: NDArray[Any]
    origin: tuple[int, ...]
    size: tuple[int, ...]

    def covers(self, window: Window) -> bool:
        """Return whether all of a window is in the view."""
        extent = self.values.shape[self.values.ndim - len(window) :]
        return all(
            first <= start and stop <= first + count
            for (start, stop), first, count in zip(window, self.origin, extent, strict=True)
            if start < stop
        )

    def inside(self, cell: tuple[int, ...]) -> bool:
        """Return whether coordinates lie in the plane itself, not in its padding."""
        return all(0 <= at < n for at, n in zip(cell, self.size, strict=True))


@dataclass(frozen=True, slots=True)
class Step:
    """How one output value came to be.

    Attributes
    ----------
    position
        In the output.
    window
        (start, stop) an axis in the input's own coordinates.
    patch : ndarray of shape (*K) or (C, *K)
        What the taps read, padding filled in.
    padded : ndarray of bool, as `patch`
        Whether a tap lies in the padding.
    sources : ndarray of shape (*K, axes)
        The input cell that each tap reads; −1 where the padding is filled in.
    value
        The operation's own answer there.
    absent : ndarray of bool as `patch`, or None
        Cells that take no part.
    kernel, products : ndarray as `patch`, or None
    sum, bias
        Of the products; added to it.
    channel_sums : ndarray of shape (C,), or None
        The sum's parts.
    expression
        As a person writes it; its value is `value`.
    extra
        What one operation alone has to say: `selected`, `divisor`, `taps`, `index`, `stages`.
    """

    position: tuple[int, ...]
    window: Window
    patch: NDArray[Any]
    padded: NDArray[np.bool_]
    sources: NDArray[np.int64]
    value: Any
    expression: str
    absent: NDArray[np.bool_] | None = None
    kernel: NDArray[Any] | None = None
    products: NDArray[Any] | None = None
    sum: Any = None
    bias: Any = None
    channel_sums: NDArray[Any] | None = None
    extra: Mapping[str, Any] = field(default_factory=dict)

    def as_dict(self, encoding: ArrayEncoding = "nested") -> dict[str, Any]:
        """Return the step as JSON has it: numbers in `encoding`, but nested lists where a cell of them is absent."""
        step: dict[str, Any] = {
            "position": list(self.position),
            "window": [list(pair) for pair in self.window],
            "padded": self.padded,
            "sources": _sources(self.sources, self.patch.shape),
            "patch": _with_nulls(self.patch, self.absent)
            if self.absent is not None
            else encode_array(self.patch, encoding),
        }
        if self.kernel is not None and self.products is not None:
            step["kernel"] = encode_array(self.kernel, encoding)
            step["products"] = encode_array(self.products, encoding)
        if self.channel_sums is not None:
            step["channel_sums"] = encode_array(self.channel_sums, encoding)
        if self.sum is not None:
            step["sum"] = self.sum
        if self.bias is not None:
            step["bias"] = self.bias
        step |= {"value": self.value, "expression": self.expression, **self.extra}
        if "stages" in step:
            step["stages"] = {name: _encoded(stage, encoding) for name, stage in step["stages"].items()}
        return step


@dataclass(frozen=True, slots=True)
class Trace:
    """The steps of one page, with what they belong to.

    Attributes
    ----------
    operation
        "conv2d", "pool1d", …
    output_shape
        Of the whole answer, in the input's form.
    plan, formula
        As `/plan` has them.
    chosen
        Which sample, filter or channel these steps are of.
    total_positions
        Of one output map.
    steps
    following
        `start` of the next page, or None where this is the last or positions were picked.
    start
        The first step's place in the output, row by row; None where positions were picked.
    input : View
        The part of the input that a drawing shows: all of it where it is small, else what the first steps read.
    output : View
        Likewise; all values, also those that no step has reached.
    kernel : ndarray of shape (*K) or (C, *K), or None
        As it was sent.
    encoding
        How JSON writes patches, kernels and products.
    """

    operation: str
    output_shape: tuple[int, ...]
    plan: Mapping[str, Any]
    formula: list[dict[str, Any]]
    chosen: Mapping[str, int]
    total_positions: int
    steps: tuple[Step, ...]
    following: int | None
    start: int | None
    input: View
    output: View
    kernel: NDArray[Any] | None = None
    encoding: ArrayEncoding = "nested"

    @property
    def in_view(self) -> int:
        """How many steps, from the first, lie in the views, and so can be drawn."""
        for index, step in enumerate(self.steps):
            place = tuple((at, at + 1) for at in step.position)
            if not (self.input.covers(step.window) and self.output.covers(place)):
                return index
        return len(self.steps)

    @property
    def rank(self) -> int:
        """The number of spatial axes."""
        return len(self.output.size)

    def as_dict(self) -> dict[str, Any]:
        """Return the trace as JSON has it."""
        answer: dict[str, Any] = {
            "output_shape": list(self.output_shape),
            "plan": dict(self.plan),
            "formula": self.formula,
            "total_positions": self.total_positions,
            **self.chosen,
            "steps": [step.as_dict(self.encoding) for step in self.steps],
        }
        if self.start is not None:
            answer["start"] = self.start
            answer["next_start"] = self.following
        return answer


def _encoded(value: Any, encoding: ArrayEncoding) -> Any:
    return encode_array(value, encoding) if isinstance(value, np.ndarray) else value


def _with_nulls(values: NDArray[Any], absent: NDArray[np.bool_]) -> Any:
    if values.ndim == 0:
        return None if absent else values[()]
    return [_with_nulls(row, missing) for row, missing in zip(values, absent, strict=True)]


def _sources(sources: NDArray[np.int64], shape: tuple[int, ...]) -> Any:
    """Return the cell of each tap, nested as `patch` is, null where there is none."""
    named = _cells(sources)
    return named if len(shape) == sources.ndim - 1 else [named] * shape[0]


def _cells(sources: NDArray[np.int64]) -> Any:
    if sources.ndim == 1:
        return None if (sources < 0).any() else sources.tolist()
    return [_cells(row) for row in sources]
