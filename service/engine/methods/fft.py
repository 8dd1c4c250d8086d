"""FFT: a long convolution as a product of spectra, a block at a time.

    y = F⁻¹( F(x) · conj F(w) )

on blocks of the padded input that overlap by the kernel's span less one ("overlap-save": Oppenheim & Schafer,
"Discrete-Time Signal Processing", section 8.7), so that memory is bounded and the cost a position grows with the
logarithm of the block, whatever the kernel's size. Always in float64. The rounding of the largest value in a block is
spread over the whole block, and what is not finite fills it: see `choice`. A transform rounds as often as a sum of some
sixteen products, so that with fewer taps than these its error in float64 is theirs.
"""

from __future__ import annotations

from functools import lru_cache
from itertools import product
from math import log2, prod

import numpy as np

from service.engine.borders import Array, Index, Region, fill
from service.engine.control import DEFAULT_BUDGET_BYTES
from service.engine.machine import Machine
from service.engine.parallel import Workspace, run, shared
from service.engine.plans import ConvPlan

from .method import Method
from .work import Work, extent, place, region_of

BLOCK_CELLS = 512 * 512
"""The largest block transformed at once."""
MOST_SPAN = 4 * 1024 * 1024
"""Cells that a kernel may span: it is laid out whole, to be transformed."""

BLOCK_COST = 200_000
"""What a block costs beside its transforms, in their unit: a cell times the logarithm of the block."""


def fast_length(length: int) -> int:
    """Return the smallest 2ᵃ·3ᵇ·5ᶜ that is not below `length`.

    Examples
    --------
    >>> [fast_length(n) for n in (1, 7, 11, 13, 121)]
    [1, 8, 12, 15, 125]
    """
    best = 1 << (length - 1).bit_length()
    five = 1
    while five < best:
        odd = five
        while odd < best:
            best = min(best, odd << max(0, (-(-length // odd) - 1).bit_length()))
            odd *= 3
        five *= 5
    return best


@lru_cache(maxsize=64)
def block_shape(plan: ConvPlan, threads: int = 1) -> tuple[int, ...]:
    """Return the size of the transforms, on each axis: what takes so many threads least, within `BLOCK_CELLS`."""
    dense = [(n - 1) * s + 1 for n, s in zip(plan.output_size, plan.stride, strict=True)]
    candidates = []
    for size, reach in zip(dense, plan.span, strict=True):
        parts = {times << p for times in (1, 3) for p in range(size.bit_length()) if times << p <= size}
        candidates.append(sorted({fast_length(-(-size // number) + reach - 1) for number in parts}))
    smallest = prod(options[0] for options in candidates)
    limit = max(BLOCK_CELLS, smallest)

    def cost(lengths: tuple[int, ...]) -> float:
        blocks = prod(-(-n // (length - reach + 1)) for n, length, reach in zip(dense, lengths, plan.span, strict=True))
        rounds = -(-blocks * plan.batch * plan.groups // threads)
        return rounds * (BLOCK_COST + prod(lengths) * log2(prod(lengths) + 1))

    return min((c for c in product(*candidates) if prod(c) <= limit), key=cost)


def unsuitable(plan: ConvPlan) -> str:
    """Return why this method cannot compute a plan, or nothing."""
    cells = prod(plan.span)
    if cells > MOST_SPAN:
        return f"it transforms what a window spans, here {cells:,} cells; up to {MOST_SPAN:,} it can"
    return ""


def compute(work: Work) -> None:
    """Fill `work.out`."""
    plan, lengths = work.plan, block_shape(work.plan, work.threads)
    members, filters = plan.channels // plan.groups, plan.filters // plan.groups
    steps = _steps(plan, lengths)
    corners = product(*(range(0, n, step) for n, step in zip(plan.output_size, steps, strict=True)))
    tiles: list[Region] = [
        tuple((c, min(c + step, n)) for c, step, n in zip(corner, steps, plan.output_size, strict=True))
        for corner in corners
    ]
    half = (*lengths[:-1], lengths[-1] // 2 + 1)
    pairs = work.kernel.shape[:2]
    kept = _spectrum_bytes(lengths) * prod(pairs) <= work.control.budget_bytes // 4
    lone = members == filters == 1  # then a spectrum turns into its own product

    def block(task: tuple[int, int, Region], workspace: Workspace) -> None:
        image, group, tile = task
        region = region_of(plan, tile)
        cells, *numbers = workspace.arrays(np.dtype(np.float64), lengths, *[(*half, 2)] * (1 if lone else 2 + filters))
        spectrum, *others = (pair.view(np.complex128)[..., 0] for pair in numbers)
        sums, term = ([spectrum], spectrum) if lone else (others[1:], others[0])
        window = cells.reshape(-1)[: prod(extent(region))].reshape(extent(region))
        first = group * filters
        for member in range(members):
            work.control.check()
            fill(work.input[image, group * members + member], region, window, plan.padding_mode, work.padding_value)
            _transform(window, lengths, spectrum)
            for f, total in enumerate(sums, first):
                kernel = spectra[f, member] if kept else _kernel_spectrum(work.kernel[f, member], plan, lengths)
                np.multiply(spectrum, kernel, out=term if member else total)
                if member:
                    total += term
        dense = tuple((n - 1) * s + 1 for n, s in zip(extent(tile), plan.stride, strict=True))
        taken: Index = tuple(slice(None, n, s) for n, s in zip(dense, plan.stride, strict=True))
        for f, total in enumerate(sums, first):
            work.out[(image, f, *place(tile))] = _transform_back(total, lengths, dense, cells)[taken]
        work.add_bias(image, slice(first, first + filters), tile)

    with shared(np.dtype(np.complex128), (*pairs, *half) if kept else (0,)) as spectra:
        if kept:
            for pair in product(*map(range, pairs)):
                _kernel_spectrum(work.kernel[pair], plan, lengths, spectra[pair])
        run(product(range(plan.batch), range(plan.groups), tiles), block, work.control, work.threads)


def _transform(x: Array, lengths: tuple[int, ...], out: Array) -> None:
    """Put F(x) into `out`, x continued with zeros to these lengths; rows of zeros are not transformed."""
    np.fft.rfft(x, lengths[-1], out=out[_first(x.shape[:-1])])
    for axis in reversed(range(x.ndim - 1)):
        part = out[_first(x.shape[:axis])]
        part[(*(slice(None),) * axis, slice(x.shape[axis], None))] = 0
        np.fft.fft(part, axis=axis, out=part)


def _transform_back(spectrum: Array, lengths: tuple[int, ...], size: tuple[int, ...], cells: Array) -> Array:
    """Return the first cells of F⁻¹, `size` of them on each axis but the last, in `cells`; the spectrum is used up."""
    for axis in range(len(size) - 1):
        part = spectrum[_first(size[:axis])]
        np.fft.ifft(part, axis=axis, out=part)
    wanted = _first(size[:-1])
    return np.fft.irfft(spectrum[wanted], lengths[-1], out=cells[wanted])


def _first(size: tuple[int, ...]) -> Index:
    return tuple(map(slice, size))


def _steps(plan: ConvPlan, lengths: tuple[int, ...]) -> list[int]:
    """Return how many outputs a block gives on each axis."""
    return [max(1, (length - reach) // s + 1) for length, reach, s in zip(lengths, plan.span, plan.stride, strict=True)]


def _kernel_spectrum(kernel: Array, plan: ConvPlan, lengths: tuple[int, ...], out: Array | None = None) -> Array:
    """Return conj F(w) of one kernel, dilated, in `out` if it is given."""
    if out is None:
        out = np.empty((*lengths[:-1], lengths[-1] // 2 + 1), np.complex128)
    spread = np.zeros(plan.span)
    spread[tuple(slice(None, None, d) for d in plan.dilation)] = kernel
    _transform(spread, lengths, out)
    return np.conj(out, out=out)


def _spectrum_bytes(lengths: tuple[int, ...]) -> int:
    return 16 * prod(lengths[:-1]) * (lengths[-1] // 2 + 1)


def seconds(plan: ConvPlan, itemsize: int, machine: Machine) -> float:  # noqa: ARG001  (float64 whatever the items)
    """Return what one thread takes: transforms of every channel, kernel and map, and the products of spectra."""
    lengths, steps = block_shape(plan), _steps(plan, block_shape(plan))
    cells = prod(lengths)
    blocks = plan.batch * prod(-(-n // step) for n, step in zip(plan.output_size, steps, strict=True))
    pairs = plan.filters * (plan.channels // plan.groups)
    transforms = (blocks * (plan.channels + plan.filters) + pairs) * cells * log2(cells + 1) / 2 / machine.transforms
    return transforms + blocks * (pairs * cells * 3 / machine.passes[1] + 6 * plan.groups * machine.block)


def working_bytes(plan: ConvPlan, itemsize: int, threads: int) -> int:
    """Return the memory that it takes: kernels' spectra, and a block's window, spectra and sums a thread."""
    lengths = block_shape(plan, threads)
    spectrum, filters = _spectrum_bytes(lengths), plan.filters // plan.groups
    kept = spectrum * plan.filters * (plan.channels // plan.groups)
    kernels = kept if kept <= DEFAULT_BUDGET_BYTES // 4 else threads * spectrum
    return kernels + threads * (prod(lengths) * (itemsize + 8) + spectrum * (2 + filters))


METHOD = Method("fft", compute, unsuitable, seconds, working_bytes, local=False, least_taps=16, any_reach=True)
