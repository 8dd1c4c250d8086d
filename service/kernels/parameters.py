"""What a kernel's parameter may be, and the check that it is.

One description serves both the catalogue a client reads and the check a request meets, so the two cannot drift apart.
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from typing import Literal

import numpy as np

from service.kernels.errors import KernelParameterInvalid

# 255 x 255 is already a filter larger than most pictures need; beyond it a chain of smaller ones is the better tool.
MAX_SIZE = 255
MIN_SIGMA = 0.1
# The widest Gaussian whose default size, 2⌈3σ⌉ + 1, still fits MAX_SIZE.
MAX_SIGMA = 42.0


@dataclass(frozen=True)
class Parameter:
    """One parameter of a named kernel.

    Attributes
    ----------
    name : str
    type : {"integer", "number"}
    default : int or float
        Its value where no parameter is given.
    minimum, maximum : int or float
        Bounds, both allowed.
    description : str
    unit : str or None
        "pixels", "degrees" or None for a bare number.
    odd : bool
        Whether an integer must be odd, so that the kernel has a centre.
    derived : str or None
        The rule that sets it where it is left out but the parameter it hangs on is given.
    """

    name: str
    type: Literal["integer", "number"]
    default: int | float
    minimum: int | float
    maximum: int | float
    description: str
    unit: str | None = None
    odd: bool = False
    derived: str | None = None

    def check(self, value: object) -> int | float:
        """Return `value` as a plain int or float, or say why it will not do.

        Raises
        ------
        KernelParameterInvalid
            Not a number (a boolean and a numeric string are not), not finite, not whole, not odd, or out of bounds.
        """
        if isinstance(value, np.generic):
            value = value.item()
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise self._refusal(f"is {_kind(value)}; it must be {self._wanted()}")
        if isinstance(value, float) and not math.isfinite(value):
            raise self._refusal(f"is {value}; it must be {self._wanted()}")
        if self.type == "integer" and not isinstance(value, int):
            raise self._refusal(f"is {value}; it must be {self._wanted()}")
        if not self.minimum <= value <= self.maximum:
            raise self._refusal(f"is {_short(value)}; it must be {self._wanted()}")
        if self.odd and value % 2 == 0:
            raise self._refusal(f"is {value}, which has no centre; it must be odd: {self._odd_neighbours(int(value))}")
        return value if self.type == "integer" else float(value)

    def _wanted(self) -> str:
        noun = ("an odd integer" if self.odd else "an integer") if self.type == "integer" else "a number"
        return f"{noun} from {self.minimum:g} to {self.maximum:g}"

    def _odd_neighbours(self, value: int) -> str:
        fitting = [str(near) for near in (value - 1, value + 1) if self.minimum <= near <= self.maximum]
        return "try " + " or ".join(fitting)

    def _refusal(self, reason: str) -> KernelParameterInvalid:
        return KernelParameterInvalid(f"{self.name} {reason}", f"/kernel/{self.name}")


def _kind(value: object) -> str:
    """Name what came as its sender would: by JSON's words, quoted where that helps."""
    if isinstance(value, bool):
        return f"the boolean {str(value).lower()}"
    if isinstance(value, str):
        return f"the string {quoted(value)}"
    if value is None:
        return "null"
    return "an object" if isinstance(value, dict) else "an array" if isinstance(value, list | tuple) else "no number"


def quoted(text: str) -> str:
    """Return a client's text as an error shows it: as JSON writes it, and short."""
    return json.dumps(text if len(text) <= 40 else text[:37] + "...", ensure_ascii=False)


def _short(value: object) -> str:
    try:
        text = repr(value)
    except ValueError:  # an integer of more digits than Python will print
        return "a number of thousands of digits"
    return text if len(text) <= 40 else text[:37] + "..."
