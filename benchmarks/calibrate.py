"""Measures the constants that the engine's estimates are made from (`service/engine/machine.py`), on one thread."""

from __future__ import annotations

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from benchmarks.limits import typical
from service.engine import Control, blas
from service.engine.machine import Machine
from service.engine.parallel import Workspace, run

DTYPES = (np.float32, np.float64)


def calibrate() -> Machine:
    """Return what this machine does."""
    random = np.random.default_rng(1)
    products, small, moves, passes = [], [], [], []
    with blas.single_threaded:
        for dtype in DTYPES:
            a, b = random.standard_normal((64, 576)).astype(dtype), random.standard_normal((576, 1568)).astype(dtype)
            out = np.empty((64, 1568), dtype)
            products.append(a.size * b.shape[1] / typical(lambda a=a, b=b, out=out: np.matmul(a, b, out=out)))  # type: ignore[misc]  # bound at once

            m, d = random.standard_normal((6, 6)).astype(dtype), random.standard_normal((6, 18816)).astype(dtype)
            result = np.empty_like(d)
            small.append(m.size * d.shape[1] / typical(lambda m=m, d=d, r=result: np.matmul(m, d, out=r)))  # type: ignore[misc]  # bound at once

            window, columns = random.standard_normal((64, 12, 58)).astype(dtype), np.empty((64, 3, 3, 10, 56), dtype)
            windows = sliding_window_view(window, (10, 56), (1, 2))
            moves.append(columns.size / typical(lambda w=windows, c=columns: np.copyto(c, w)))  # type: ignore[misc]  # bound at once

            x = random.standard_normal(32 * 1024).astype(dtype)
            y = np.empty_like(x)
            passes.append(x.size / typical(lambda x=x, y=y: np.multiply(x, 1.5, out=y)))  # type: ignore[misc]  # bound at once

        picture, spectrum = random.standard_normal((512, 512)), np.empty((512, 257), np.complex128)

        def there_and_back() -> None:  # in place, as the method does it
            np.fft.fft(np.fft.rfft(picture, out=spectrum), axis=0, out=spectrum)
            np.fft.irfft(np.fft.ifft(spectrum, axis=0, out=spectrum), out=picture)

        transforms = picture.size * 18 / typical(there_and_back)
    tiny = np.ones(4)
    call = typical(lambda: [np.multiply(tiny, 1.0, out=tiny) for _ in range(1000)]) / 1000
    block = typical(lambda: run(range(1000), _nothing, Control(), 1)) / 1000
    return Machine(
        products=(products[0], products[1]),
        small_products=(small[0], small[1]),
        moves=(moves[0], moves[1]),
        passes=(passes[0], passes[1]),
        transforms=transforms,
        call=2 * call,  # with the index that finds its operands
        block=20 * block + 40 * call,  # a block looks up its region, fills it and walks its taps
    )


def _nothing(_: int, workspace: Workspace) -> None:
    workspace.arrays(np.dtype(np.float32), (8,), (8,))


def as_source(machine: Machine) -> str:
    """Return the constants as the lines of `service/engine/machine.py`."""
    pairs = ("products", "small_products", "moves", "passes")
    lines = [
        f"    {name}: tuple[float, float] = ({', '.join(f'{value:.2g}' for value in getattr(machine, name))})"
        for name in pairs
    ]
    lines += [f"    {name}: float = {getattr(machine, name):.2g}" for name in ("transforms", "call", "block")]
    return "\n".join(lines)
