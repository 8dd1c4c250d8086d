"""What this machine does in a second: the few measured constants that costs are estimated from.

The defaults were measured on two cores of a current server. `scripts/bench --calibrate` measures the machine that it
runs on and prints them anew. A choice between methods needs their ratios more than their values, and these change
slowly.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Machine:
    """Rates of one thread, a pair each: for float32 and for float64.

    Attributes
    ----------
    products
        Multiply-accumulates a second in a large matrix product.
    small_products
        The same where one factor has few rows or columns, as in Winograd's transforms.
    moves
        Cells a second when windows are copied out of a block.
    passes
        Cells a second of an element-wise operation on arrays in the cache.
    transforms
        Cells times the logarithm of the block, a second, of a Fourier transform and back. (In float64 always.)
    call
        Seconds of a NumPy call beside its work.
    block
        Seconds of handing out a block and finding its place.
    """

    products: tuple[float, float] = (58e9, 28e9)
    small_products: tuple[float, float] = (30e9, 14e9)
    moves: tuple[float, float] = (5.0e9, 2.4e9)
    passes: tuple[float, float] = (15e9, 7.5e9)
    transforms: float = 2.6e9
    call: float = 1.2e-6
    block: float = 60e-6


MACHINE = Machine()
"""The machine that the engine believes to run on."""


def width(itemsize: int) -> int:
    """Return which of a pair is for items of so many bytes: 0 for float32, 1 for float64."""
    return 0 if itemsize == 4 else 1
