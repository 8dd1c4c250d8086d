"""Pictures read into channels-first pixels, nothing lost and nothing believed.

Pillow decodes, from a short list of formats. The size is judged from the header, before a pixel is decoded; a warning
is a refusal; and whatever a decoder raises on junk becomes one of this package's errors.
"""

from __future__ import annotations

import io
import struct
import warnings
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

from .document import Buffer, ReadLimits
from .errors import PictureTooLarge, UndecodablePicture, UnsupportedPicture

FORMATS = ("PNG", "JPEG", "WEBP", "TIFF", "BMP", "GIF")
Color = Literal["auto", "gray", "rgb"]

_REC601 = np.array([0.299, 0.587, 0.114])
_SIGNATURES = (
    (b"\x89PNG\r\n\x1a\n", "PNG"),
    (b"\xff\xd8\xff", "JPEG"),
    (b"II*\0", "TIFF"),
    (b"MM\0*", "TIFF"),
    (b"BM", "BMP"),
    (b"GIF87a", "GIF"),
    (b"GIF89a", "GIF"),
)


@dataclass(frozen=True)
class Picture:
    """Pixels of a picture, channels first.

    Attributes
    ----------
    pixels : ndarray of shape (C, H, W), uint8 or uint16
        C is 1 (grey) or 3 (red, green, blue).
    alpha : ndarray of shape (H, W) or None
        Set aside, of the same dtype.
    """

    pixels: NDArray[Any]
    alpha: NDArray[Any] | None = None

    @property
    def depth(self) -> int:
        """Bits a sample: 8 or 16."""
        return self.pixels.dtype.itemsize * 8

    def as_color(self, color: Color) -> Picture:
        """Return the picture as it is (``auto``), as one grey channel or as three.

        Grey of three channels is Rec. 601 luma, 0.299 R + 0.587 G + 0.114 B, rounded half to even to the same depth.
        Three channels of grey are three times the same.
        """
        if color == "gray" and len(self.pixels) == 3:
            luma = np.tensordot(_REC601, self.pixels, axes=1)
            return replace(self, pixels=np.rint(luma).astype(self.pixels.dtype)[np.newaxis])
        if color == "rgb" and len(self.pixels) == 1:
            return replace(self, pixels=np.repeat(self.pixels, 3, axis=0))
        return self


def picture_format(data: Buffer) -> str | None:
    """Return the name of the picture format that `data` begins as, or None."""
    head = bytes(memoryview(data)[:12])
    if head[:4] == b"RIFF" and head[8:] == b"WEBP":
        return "WEBP"
    return next((name for signature, name in _SIGNATURES if head.startswith(signature)), None)


def read_picture(data: Buffer, pointer: str, limits: ReadLimits) -> Picture:
    """Decode a PNG, JPEG, WebP, TIFF, BMP or the first frame of a GIF.

    Raises
    ------
    UnsupportedPicture
        If the bytes are none of these, or of a kind that would lose something.
    PictureTooLarge
        If the header says more pixels than ``max_picture_pixels``.
    UndecodablePicture
        If it is truncated or corrupt.
    """
    kind = picture_format(data)
    if kind is None:
        raise UnsupportedPicture(f"the bytes are no picture of a kind read here: {', '.join(FORMATS)}", pointer)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            with Image.open(io.BytesIO(data), formats=(kind,)) as image:
                _check_size(image.size, pointer, limits)
                _check_mode(image, pointer)
                return _pixels(ImageOps.exif_transpose(image))
    except (UnsupportedPicture, PictureTooLarge):
        raise
    except (OSError, ValueError, SyntaxError, ArithmeticError, LookupError, TypeError, AttributeError, struct.error,
            Warning, MemoryError, RuntimeError, EOFError, Image.DecompressionBombError) as error:  # fmt: skip
        raise UndecodablePicture(
            f"the {kind} picture cannot be decoded; it is truncated or corrupt", pointer
        ) from error


def _check_size(size: tuple[int, int], pointer: str, limits: ReadLimits) -> None:
    width, height = size
    limit = limits.max_picture_pixels
    if width * height > limit:
        raise PictureTooLarge(
            f"the picture has {width} × {height} = {width * height:,} pixels; at most {limit:,} are taken",
            pointer,
            limit=limit,
            actual=width * height,
        )


def _check_mode(image: Image.Image, pointer: str) -> None:
    if image.mode in ("F", "I"):
        raise UnsupportedPicture("the picture holds 32-bit samples; send it as .npy", pointer)


def _pixels(image: Image.Image) -> Picture:
    if image.mode in ("I;16", "I;16B", "I;16L", "I;16N"):
        return Picture(np.asarray(image).astype(np.uint16)[np.newaxis])
    if image.mode == "1":
        image = image.convert("L")
    if image.mode in ("P", "PA", "CMYK", "YCbCr", "LAB", "HSV", "RGBX", "RGBa", "La"):
        image = image.convert("RGBA" if image.mode in ("PA", "RGBa") or "transparency" in image.info else "RGB")
    samples = np.asarray(image)
    if samples.ndim == 2:
        return Picture(samples[np.newaxis])
    channels = np.ascontiguousarray(np.moveaxis(samples, -1, 0))
    if len(channels) in (2, 4):
        return Picture(channels[:-1], channels[-1])
    return Picture(channels)
