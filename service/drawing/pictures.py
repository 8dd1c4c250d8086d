"""From feature maps to the one picture that an answer holds: grey, colour, or a contact sheet."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from service.drawing.contact_sheet import MAX_SHEET_PIXELS, contact_sheet, titled
from service.drawing.maps import Depth, Pixels, Range, finite_to_pixels, narrowed, require_picture


def draw_maps(
    maps: NDArray[Any],
    *,
    spatial_axes: int = 2,
    rgb: bool = False,
    range: Range = "clip",
    depth: Depth = 8,
    max_pixels: int = MAX_SHEET_PIXELS,
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
    return contact_sheet(stack, _labels(maps), range=range, depth=depth, max_pixels=max_pixels)


def draw_sections(
    sections: Sequence[tuple[str, NDArray[Any]]],
    *,
    range: Range = "clip",
    depth: Depth = 8,
    max_pixels: int = MAX_SHEET_PIXELS,
) -> NDArray[np.uint8]:
    """Draw several results one below the other: each a contact sheet under its title.

    Parameters
    ----------
    sections : sequence of (str, ndarray of shape (H, W), (C, H, W) or (N, C, H, W))
        At least one.
    range, depth
        See `to_pixels`; the picture itself has 8 bits.
    max_pixels : int
        Limit on the whole.

    Returns
    -------
    ndarray of shape (3, height, width), uint8

    Raises
    ------
    NoPicture, SheetTooLarge
    """
    drawn: list[NDArray[np.uint8]] = []
    left = max_pixels
    for title, maps in sections:
        require_picture(maps, 2)
        stack = maps.reshape(-1, *maps.shape[-2:])
        sheet = contact_sheet(stack, _labels(maps), range=range, depth=depth, max_pixels=max(0, left))
        drawn += [titled(title, sheet.shape[-1]), _in_colour(narrowed(sheet))]
        left -= drawn[-1].size // 3
    width = max(part.shape[2] for part in drawn)
    filled = [_widened(part, width) for part in drawn]
    return np.concatenate(filled, axis=1)


def _labels(maps: NDArray[Any]) -> Iterator[str]:
    """Yield each map's index; one by one, as a sheet of too many is refused before they are asked for."""
    sizes = [size for size in maps.shape[:-2] if size > 1]
    return (".".join(str(part) for part in index) for index in np.ndindex(*sizes)) if sizes else iter(("0",))


def _in_colour(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    return np.stack([pixels] * 3) if pixels.ndim == 2 else pixels


def _widened(pixels: NDArray[np.uint8], width: int) -> NDArray[np.uint8]:
    """Return a picture with paper on its right: its own corner's colour."""
    wide = np.empty((3, pixels.shape[1], width), dtype=np.uint8)
    wide[:] = pixels[:, :1, :1]
    wide[:, :, : pixels.shape[2]] = pixels
    return wide
