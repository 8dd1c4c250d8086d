"""From feature maps to the one picture that an answer holds: grey, colour, or a contact sheet."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from service.drawing.contact_sheet import (
    MAX_SHEET_PIXELS,
    PAPER,
    SHEET_PIXEL_BYTES,
    TITLE_HEIGHT,
    LabelledSheet,
    contact_sheet,
    title,
    title_width,
)
from service.drawing.errors import SheetTooLarge
from service.drawing.maps import Admit, Depth, Pixels, Range, finite_to_pixels, narrowed, require_picture, unbounded


def draw_maps(
    maps: NDArray[Any],
    *,
    spatial_axes: int = 2,
    rgb: bool = False,
    range: Range = "clip",
    depth: Depth = 8,
    max_pixels: int = MAX_SHEET_PIXELS,
    admit: Admit = unbounded,
) -> Pixels:
    """Draw an operation's output.

    Parameters
    ----------
    maps : ndarray of shape (H, W), (C, H, W) or (N, C, H, W)
        As the answer has them.
    spatial_axes : int
        How many trailing axes are spatial; only 2 have a picture.
    rgb : bool
        Whether three maps are the red, green and blue of one picture rather than three maps.
    range : {"clip", "absolute", "normalize", "offset"}
        See `to_pixels`. With `rgb`, each channel counts as a map.
    depth : {8, 16}
    max_pixels : int
        Limit on a contact sheet. A single map or a colour picture has the size it has.
    admit : callable
        Told how many bytes of memory a sheet takes, before any is taken; may refuse.

    Returns
    -------
    ndarray of shape (height, width) or (3, height, width), uint8 or uint16
        One map is a grey picture of its own size, `rgb` a colour picture, anything else a contact sheet labelled with
        the map's index, "n.c" in a batch of more than one map each.

    Raises
    ------
    NoPicture, SheetTooLarge
    """
    require_picture(maps, spatial_axes)
    stack = maps.reshape(-1, *maps.shape[-2:])
    if len(stack) == 1:
        return finite_to_pixels(stack[0], range, depth)
    if rgb:
        return finite_to_pixels(stack, range, depth, innermost=True)
    return contact_sheet(stack, _labels(maps), range=range, depth=depth, max_pixels=max_pixels, admit=admit)


def draw_sections(
    sections: Sequence[tuple[str, NDArray[Any]]],
    *,
    range: Range = "clip",
    depth: Depth = 8,
    max_pixels: int = MAX_SHEET_PIXELS,
    admit: Admit = unbounded,
) -> NDArray[np.uint8]:
    """Draw several results one below the other: each a contact sheet under its title.

    Parameters
    ----------
    sections : sequence of (str, ndarray of shape (H, W), (C, H, W) or (N, C, H, W))
        At least one.
    range, depth
        See `to_pixels`; the picture itself has 8 bits.
    max_pixels : int
        Limit on the whole, titles and what is left empty beside narrow sheets among it.
    admit : callable
        Told how many bytes of memory the whole takes, before any is taken; may refuse.

    Returns
    -------
    ndarray of shape (3, height, width), uint8

    Raises
    ------
    NoPicture, SheetTooLarge
    """
    sheets: list[tuple[str, LabelledSheet]] = []
    height = width = 0
    for name, maps in sections:
        require_picture(maps, 2)
        sheet = LabelledSheet.of(maps.reshape(-1, *maps.shape[-2:]), _labels(maps), range, max_pixels)
        sheets.append((name, sheet))
        width = max(width, title_width(name), sheet.plan.width)
        height += TITLE_HEIGHT + sheet.plan.height
        if width * height > max_pixels:
            raise SheetTooLarge(
                f"the sheets of {len(sheets)} of the {len(sections)} results, one below the other, make a picture of "
                f"{height} x {width} = {height * width} pixels and the limit is {max_pixels}; ask for fewer or smaller "
                "maps, or for application/x-npy",
                limit=max_pixels,
                actual=height * width,
            )
    admit(2 * SHEET_PIXEL_BYTES * width * height)
    picture = np.full((3, height, width), PAPER, np.uint8)
    top = 0
    for name, sheet in sheets:
        strip = title(name)
        picture[:, top : top + TITLE_HEIGHT, : strip.shape[2]] = strip
        top += TITLE_HEIGHT
        picture[:, top : top + sheet.plan.height, : sheet.plan.width] = narrowed(sheet.drawn(range, depth))
        top += sheet.plan.height
    return picture


def _labels(maps: NDArray[Any]) -> Iterator[str]:
    """Yield each map's index; one by one, as a sheet of too many is refused before they are asked for."""
    sizes = [size for size in maps.shape[:-2] if size > 1]
    return (".".join(str(part) for part in index) for index in np.ndindex(*sizes)) if sizes else iter(("0",))
