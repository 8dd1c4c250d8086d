"""Maps written as pictures: WebP and JPEG by libvips, PNG by imagecodecs.

libvips leaves a PNG's compression strategy to zlib, which looks for repeated text. Filtered rows of a photograph have
none but runs; told to look for those alone, the encoder takes half the time and finds a smaller file (a photograph of
1024² in RGB: 25 ms and 1.80 MB, libvips at level 2 47 ms and 1.84 MB). Smooth drawings without grain come out larger.
"""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
from imagecodecs import PNG, png_encode
from numpy.typing import NDArray

from .errors import UnwritablePicture
from .libvips import pyvips

PictureFormat = Literal["png", "webp", "jpeg"]

_MAX_SIDE = {"png": 1_000_000, "webp": 16383, "jpeg": 65500}  # libpng's own; the formats' for the others
_OPTIONS: dict[str, dict[str, Any]] = {
    # One filter for all rows: a third smaller than none, in half the time of trying each.
    "png": {"level": 2, "strategy": PNG.STRATEGY.RLE, "filter": PNG.FILTER.UP},
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
    planes = [pixels] if pixels.ndim == 2 else list(pixels)
    if alpha is not None and picture_format != "jpeg":
        planes.append(alpha)
    options = _OPTIONS[picture_format]
    if picture_format == "png":
        samples = np.ascontiguousarray(planes[0]) if len(planes) == 1 else np.stack(planes, axis=-1)
        return bytes(png_encode(samples, **options))
    bands = [_band(plane) for plane in planes]
    image = bands[0].bandjoin(bands[1:]) if len(bands) > 1 else bands[0]
    image = image.copy(interpretation="b-w" if pixels.ndim == 2 else "srgb")
    if picture_format == "webp":
        return bytes(image.webpsave_buffer(**options))
    return bytes(image.jpegsave_buffer(**options))


def _check(pixels: NDArray[Any], picture_format: PictureFormat) -> None:
    if pixels.dtype != np.uint8 and not (pixels.dtype == np.uint16 and picture_format == "png"):
        detail = f"{picture_format} cannot hold samples of {pixels.dtype}; 8-bit goes into all, 16-bit into png"
        raise UnwritablePicture(detail)
    height, width = pixels.shape[-2:]
    limit = _MAX_SIDE[picture_format]
    if max(height, width) > limit:
        detail = f"{picture_format} holds at most {limit:,} pixels a side; the maps have {width:,} × {height:,}"
        raise UnwritablePicture(detail, limit=limit, actual=max(height, width))


def _band(plane: NDArray[Any]) -> Any:
    height, width = plane.shape
    return pyvips.Image.new_from_memory(np.ascontiguousarray(plane).data, width, height, 1, "uchar")
