"""From feature maps to the one picture that an answer holds: grey, colour, or a contact sheet."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from service.drawing.contact_sheet import MAX_SHEET_PIXELS, contact_sheet
from service.drawing.maps import Depth, Pixels, Range, require_picture, to_pixels


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
    lead = maps.shape[:-2]
    stack = maps.reshape(-1, *maps.shape[-2:])
    if len(stack) == 1:
        return to_pixels(stack[0], range, depth)
    if rgb:
        return to_pixels(stack, range, depth)
    labels = [".".join(str(part) for part in index) for index in np.ndindex(*(size for size in lead if size > 1))]
    return contact_sheet(stack, labels, range=range, depth=depth, max_pixels=max_pixels)
