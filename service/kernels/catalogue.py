"""The three questions asked of the named kernels: which are there, what is this one, and its matrix, please."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from service.kernels.errors import UnknownKernel, UnknownKernelParameter
from service.kernels.parameters import Parameter, quoted
from service.kernels.table import TABLE, Row


@dataclass(frozen=True)
class Kernel:
    """A named kernel, described for a reader.

    Attributes
    ----------
    name : str
    description : str
        What it detects or does under cross-correlation, and its orientation.
    parameters : tuple of Parameter
    size : (int, int)
        Rows and columns when no parameter is given.
    source : str
        Where its numbers come from.
    """

    name: str
    description: str
    parameters: tuple[Parameter, ...]
    size: tuple[int, int]
    source: str


def names() -> tuple[str, ...]:
    """Return the names of all kernels, in the catalogue's order."""
    return tuple(_ROWS)


def describe(name: str) -> Kernel:
    """Return what is known of a kernel.

    Raises
    ------
    UnknownKernel
        Names the nearest spelling and every name there is.
    """
    _find(name)
    return _DESCRIPTIONS[name]


def make(name: str, /, **parameters: object) -> NDArray[np.float64]:
    """Return a named kernel as a matrix.

    Parameters
    ----------
    name : str
    **parameters : int or float
        As `describe(name).parameters` lists them; what is left out takes its default, or follows from what is given.

    Returns
    -------
    ndarray of shape (kh, kw), float64
        A fresh array each time.

    Raises
    ------
    UnknownKernel, UnknownKernelParameter, KernelParameterInvalid

    Examples
    --------
    >>> make("sobel_x")
    array([[-1.,  0.,  1.],
           [-2.,  0.,  2.],
           [-1.,  0.,  1.]])
    """
    row = _find(name)
    known = {parameter.name: parameter for parameter in row.parameters}
    for given in parameters:
        if given not in known:
            raise _unknown_parameter(row, given)
    # A derived parameter that is left out stays out: its rule lives with the kernel's formula.
    values = {label: parameter.default for label, parameter in known.items() if parameter.derived is None}
    values |= {label: known[label].check(value) for label, value in parameters.items()}
    return row.build(**values)


def _find(name: str) -> Row:
    if name in _ROWS:
        return _ROWS[name]
    near = _nearest(name.lower().replace("-", "_").replace(" ", "_"), list(_ROWS))
    guess = f"; did you mean {' or '.join(map(quoted, near))}?" if near else "."
    raise UnknownKernel(f"there is no kernel {quoted(name)}{guess} There are: {', '.join(_ROWS)}", "/kernel/name")


def _nearest(name: str, known: Sequence[str]) -> list[str]:
    """Return the names that are most like one that there is not; several if they are equally like it."""
    near = difflib.get_close_matches(name, known)
    likeness = [difflib.SequenceMatcher(None, one, name).ratio() for one in near]
    return [one for one, ratio in zip(near, likeness, strict=True) if ratio == max(likeness)]


def _unknown_parameter(row: Row, given: str) -> UnknownKernelParameter:
    labels = [parameter.name for parameter in row.parameters]
    near = difflib.get_close_matches(given, labels, n=1)
    guess = f". Did you mean {near[0]}?" if near else ""
    takes = f"it takes {', '.join(labels)}" if labels else "it takes none"
    pointer = given.replace("~", "~0").replace("/", "~1")
    return UnknownKernelParameter(
        f"the kernel {quoted(row.name)} has no parameter {quoted(given)}; {takes}{guess}", f"/kernel/{pointer}"
    )


def _described(row: Row) -> Kernel:
    rows, columns = row.build(**{parameter.name: parameter.default for parameter in row.parameters}).shape
    return Kernel(row.name, row.description, row.parameters, (rows, columns), row.source)


_ROWS = {row.name: row for row in TABLE}
_DESCRIPTIONS = {row.name: _described(row) for row in TABLE}
