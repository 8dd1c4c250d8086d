"""Which part of a computation a trace shows: one map of one sample, a page of positions, the cells around them."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from service.engine.borders import Region, fill
from service.schemas.trace import FilterPage, TracePage
from service.schemas.traced import MAX_SIDE, View

from .errors import LimitExceeded, NoSuchPosition

# A tap is some 100 bytes of JSON (its value, weight, product, flag and source): a page is at most some 6 MB.
MAX_TRACE_TAPS = 65_536
Position = tuple[int, ...]


def page(request: TracePage, output_size: tuple[int, ...], taps: int) -> tuple[list[Position], int | None, int | None]:
    """Return the positions to show, the first one's place row by row, and the next page's; None where picked.

    Raises
    ------
    NoSuchPosition
        Beyond the output, or not one entry a spatial axis.
    LimitExceeded
        More taps than `MAX_TRACE_TAPS`. A page whose `count` was left out is made short enough instead.
    """
    if request.positions is not None:
        _check_taps(len(request.positions), taps, "positions")
        return [_checked(index, at, output_size) for index, at in enumerate(request.positions)], None, None
    total = prod(output_size)
    if request.start >= total:
        raise NoSuchPosition(f"start is {request.start}; it must be below {total}, the number of positions", "/start")
    count = min(request.count, total - request.start)
    counted = "count" in request.model_fields_set
    if not counted:
        count = max(1, min(count, MAX_TRACE_TAPS // max(1, taps)))
    _check_taps(count, taps, "count" if counted else None)
    stop = request.start + count
    places = (np.unravel_index(place, output_size) for place in range(request.start, stop))
    return [tuple(int(at) for at in place) for place in places], request.start, stop if stop < total else None


def _checked(index: int, position: Sequence[int], output_size: tuple[int, ...]) -> Position:
    pointer, size = f"/positions/{index}", list(output_size)
    if len(position) != len(output_size):
        entries = "1 entry" if len(output_size) == 1 else f"{len(output_size)} entries"
        raise NoSuchPosition(f"the position {list(position)} must have {entries}, one a spatial axis", pointer)
    if any(at >= n for at, n in zip(position, output_size, strict=True)):
        last = [n - 1 for n in size]
        raise NoSuchPosition(
            f"the position {list(position)} lies outside the output, whose size is {size}; the last one is {last}",
            pointer,
        )
    return tuple(position)


def _check_taps(count: int, taps: int, asked: str | None) -> None:
    """Refuse more taps than a page may have; `asked` is the field that says how many steps, None if none was sent."""
    if count * taps <= MAX_TRACE_TAPS:
        return
    fitting = MAX_TRACE_TAPS // taps
    some = f"ask for at most {fitting} {'position' if fitting == 1 else 'positions'}"
    mend = some if fitting else "trace a smaller kernel, or fewer channels"
    raise LimitExceeded(
        f"{count} {'step' if count == 1 else 'steps'} of {taps} taps each are {count * taps} taps, "
        f"and max_trace_taps is {MAX_TRACE_TAPS}; {mend}",
        f"/{asked}" if asked else "",
        name="max_trace_taps",
        limit=MAX_TRACE_TAPS,
        actual=count * taps,
    )


def chosen_sample(request: TracePage, batch: int) -> int:
    """Return which sample of the batch is shown."""
    return _below(request.sample, batch, "sample", "samples")


def chosen_channel(request: Any, channels: int) -> int:
    """Return which channel is shown."""
    return _below(request.channel, channels, "channel", "channels")


def chosen_map(request: FilterPage, *, shared: bool, channels: int, filters: int) -> tuple[str, int]:
    """Return the name and index of the output map that is shown: a channel of a shared filter, else a filter's.

    Raises
    ------
    NoSuchPosition
        There is none, or the other of the two is what picks it.
    """
    if shared:
        if request.filter:
            raise NoSuchPosition(
                f"filter is {request.filter}, but the kernel is one filter, applied to every channel on its own: "
                "pick by channel",
                "/filter",
            )
        return "channel", chosen_channel(request, channels)
    if request.channel:
        raise NoSuchPosition(
            f"channel is {request.channel}, but each map of this kernel sums over its channels: pick by filter",
            "/channel",
        )
    return "filter", _below(request.filter, filters, "filter", "filters")


def _below(index: int, count: int, name: str, plural: str) -> int:
    if index >= count:
        there = f"there is 1 {name}, so it must be 0" if count == 1 else f"there are {count} {plural}, 0 to {count - 1}"
        raise NoSuchPosition(f"{name} is {index}; {there}", f"/{name}")
    return index


def input_view(
    planes: NDArray[Any],
    size: tuple[int, ...],
    pads: Sequence[tuple[int, int]],
    windows: Sequence[Sequence[tuple[int, int]]],
    *,
    mode: str,
    value: float,
    dtype: np.dtype[Any],
) -> View:
    """Return the input with its padding, whole where it is small, else what the first windows reach over."""
    whole = tuple((-before, n + after) for n, (before, after) in zip(size, pads, strict=True))
    region = _region(whole, windows)
    shape = (*planes.shape[: planes.ndim - len(size)], *(stop - start for start, stop in region))
    filled = fill(planes, region, np.empty(shape, dtype), mode, value)
    return View(filled, tuple(start for start, _ in region), size)


def output_view(output: NDArray[Any], positions: Sequence[Position]) -> View:
    """Return an output map, whole where it is small, else the part that the first positions lie in."""
    whole = tuple((0, n) for n in output.shape)
    region = _region(whole, [tuple((at, at + 1) for at in position) for position in positions])
    part = output[tuple(slice(start, stop) for start, stop in region)]
    return View(part, tuple(start for start, _ in region), output.shape)


def _region(whole: Region, parts: Sequence[Sequence[tuple[int, int]]]) -> Region:
    if all(stop - start <= MAX_SIDE for start, stop in whole):
        return whole
    filled = [part for part in parts if all(start < stop for start, stop in part)] or [((0, 1),) * len(whole)]
    region = tuple((start, min(stop, start + MAX_SIDE)) for start, stop in filled[0])
    for part in filled[1:]:
        grown = tuple((min(a, c), max(b, d)) for (a, b), (c, d) in zip(region, part, strict=True))
        if any(stop - start > MAX_SIDE for start, stop in grown):
            break
        region = grown
    return region
