"""Maps written as pictures: PNG with its compression by ISA-L, WebP and JPEG by libvips."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from .errors import UnwritablePicture
from .libvips import pyvips
from .png_writer import write_png

PictureFormat = Literal["png", "webp", "jpeg"]

MAX_SIDE = {"png": 1_000_000, "webp": 16383, "jpeg": 65500}  # libpng's own; the formats' for the others
_OPTIONS: dict[str, dict[str, Any]] = {
    "webp": {"Q": 90, "effort": 2, "keep": "none"},
    "jpeg": {"Q": 95, "subsample_mode": "off", "keep": "none"},
}


def write_picture(
    pixels: NDArray[Any],
    alpha: NDArray[Any] | None,
    picture_format: PictureFormat,
) -> bytes:
    """Encode pixels; the same pixels give the same bytes.

    Parameters
    ----------
    pixels : ndarray of shape (H, W) or (3, H, W), uint8, or uint16 for png
        Three channels are not copied where they lie innermost in memory.
    alpha : ndarray of shape (H, W) of the same dtype, or None
        Left out of a JPEG, which has none.
    picture_format : "png", "webp" or "jpeg"
        PNG is lossless in 8 and 16 bit; WebP (quality 90) and JPEG (quality 95) are not.

    Raises
    ------
    UnwritablePicture
        If the format cannot hold a picture of this size or depth.
    """
    _check(pixels, picture_format)
    if picture_format == "png":
        channels = [pixels] if pixels.ndim == 2 else [*pixels]
        return write_png(channels if alpha is None else [*channels, alpha])
    samples = _samples(pixels, None if picture_format == "jpeg" else alpha)
    options = _OPTIONS[picture_format]
    height, width, bands = samples.shape
    image = pyvips.Image.new_from_memory(samples.data, width, height, bands, "uchar")
    image = image.copy(interpretation="b-w" if pixels.ndim == 2 else "srgb")
    if picture_format == "webp":
        return bytes(image.webpsave_buffer(**options))
    return bytes(image.jpegsave_buffer(**options))


def _samples(pixels: NDArray[Any], alpha: NDArray[Any] | None) -> NDArray[Any]:
    """Return all channels as a C-contiguous (H, W, channels)."""
    channels = pixels if pixels.ndim == 3 else pixels[np.newaxis]
    if alpha is not None:
        return np.stack([*channels, alpha], axis=-1)
    moved = np.moveaxis(channels, 0, -1)
    return moved.ravel().reshape(moved.shape)  # no copy of what is C-contiguous


def _check(pixels: NDArray[Any], picture_format: PictureFormat) -> None:
    if pixels.dtype != np.uint8 and not (pixels.dtype == np.uint16 and picture_format == "png"):
        detail = f"{picture_format} cannot hold samples of {pixels.dtype}; 8-bit goes into all, 16-bit into png"
        raise UnwritablePicture(detail)
    height, width = pixels.shape[-2:]
    limit = MAX_SIDE[picture_format]
    if max(height, width) > limit:
        detail = f"{picture_format} holds at most {limit:,} pixels a side; the maps have {width:,} × {height:,}"
        raise UnwritablePicture(detail, limit=limit, actual=max(height, width))
