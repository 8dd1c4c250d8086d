"""Maps written as pictures."""

from __future__ import annotations

import io
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image

PictureFormat = Literal["png", "webp", "jpeg"]


def write_picture(pixels: NDArray[Any], alpha: NDArray[Any] | None, picture_format: PictureFormat) -> bytes:
    """Encode pixels; the same pixels give the same bytes.

    Parameters
    ----------
    pixels : ndarray of shape (H, W) or (3, H, W), uint8, or uint16 for png
    alpha : ndarray of shape (H, W) of the same dtype, or None
        Left out of a JPEG, which has none.
    picture_format : "png", "webp" or "jpeg"
    """
    planes = [pixels] if pixels.ndim == 2 else list(pixels)
    if alpha is not None and picture_format != "jpeg":
        planes.append(alpha)
    samples = planes[0] if len(planes) == 1 else np.stack(planes, axis=-1)
    buffer = io.BytesIO()
    image = Image.fromarray(samples)
    if picture_format == "png":
        image.save(buffer, "PNG", compress_level=6)
    elif picture_format == "webp":
        image.save(buffer, "WEBP", lossless=True)
    else:
        image.save(buffer, "JPEG", quality=95)
    return buffer.getvalue()
