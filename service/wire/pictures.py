"""Pictures read into channels-first pixels: no sample cut to fewer bits, no header believed.

Each format is told by its first bytes and given to its own decoder, never to a search through all that a library knows.
The size is judged from the header before a pixel is decoded. libvips decodes; it has no BMP, which Pillow reads.
"""

from __future__ import annotations

import io
import struct
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from .document import Buffer, ReadLimits
from .errors import PictureTooLarge, UndecodablePicture, UnsupportedPicture
from .jpeg_segments import has_many_segments
from .libvips import pyvips
from .png_chunks import without_unfolding

FORMATS = ("PNG", "JPEG", "WEBP", "TIFF", "BMP", "GIF")
Color = Literal["auto", "gray", "rgb"]

_REC601 = (0.299, 0.587, 0.114)
_LUMA_BLOCK = 2**16  # pixels; their floats stay in the cache
_SIGNATURES = (
    (b"\x89PNG\r\n\x1a\n", "PNG"),
    (b"\xff\xd8\xff", "JPEG"),
    (b"II*\0", "TIFF"),
    (b"MM\0*", "TIFF"),
    (b"BM", "BMP"),
    (b"GIF87a", "GIF"),
    (b"GIF89a", "GIF"),
)
_LOADERS = {
    "PNG": pyvips.Image.pngload_buffer,
    "JPEG": pyvips.Image.jpegload_buffer,
    "WEBP": pyvips.Image.webpload_buffer,
    "TIFF": pyvips.Image.tiffload_buffer,
    "GIF": pyvips.Image.gifload_buffer,
}
_PNG_END = b"\0\0\0\0IEND\xae\x42\x60\x82"
_COMPRESSION, _PHOTOMETRIC, _YCBCR, _JPEG = 259, 262, 6, (6, 7)  # TIFF's tags, and values of theirs
_DTYPES = {"uchar": np.uint8, "ushort": np.uint16}


@dataclass(frozen=True)
class Picture:
    """Pixels of a picture, channels first.

    Attributes
    ----------
    pixels : ndarray of shape (C, H, W), uint8 or uint16
        C is 1 (grey) or 3 (red, green, blue). It may be a strided view, since decoders give the channels innermost.
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
            return replace(self, pixels=_luma(self.pixels))
        if color == "rgb" and len(self.pixels) == 1:
            return replace(self, pixels=np.repeat(self.pixels, 3, axis=0))
        return self


def _luma(pixels: NDArray[Any]) -> NDArray[Any]:
    """Return (3, H, W) as (1, H, W); a few rows at a time, since floats take eight times the memory of the pixels."""
    _, height, width = pixels.shape
    luma = np.empty((1, height, width), pixels.dtype)
    step = max(1, _LUMA_BLOCK // width)
    for start in range(0, height, step):
        red, green, blue = pixels[:, start : start + step]
        block = red * _REC601[0]
        block += green * _REC601[1]
        block += blue * _REC601[2]
        luma[0, start : start + step] = np.rint(block, out=block)
    return luma


def picture_format(data: Buffer) -> str | None:
    """Return the name of the picture format that `data` begins as, or None."""
    head = bytes(memoryview(data)[:12])
    if head[:4] == b"RIFF" and head[8:] == b"WEBP":
        return "WEBP"
    return next((name for signature, name in _SIGNATURES if head.startswith(signature)), None)


def read_picture(data: Buffer, pointer: str, limits: ReadLimits) -> Picture:
    """Decode a PNG, JPEG, WebP, TIFF or BMP, or the first frame or page where there are several, as in a GIF.

    8 and 16 bits a sample are kept, in grey and in colour. Palettes and bilevel pictures become RGB or grey, CMYK
    becomes RGB, the EXIF orientation is applied, and alpha is set aside.

    Parameters
    ----------
    data : bytes-like
        The whole file.
    pointer : str
        Where the picture stands in the document, for errors.

    Raises
    ------
    UnsupportedPicture
        If the bytes are none of these formats, or hold samples that are not 8 or 16 bit (a float TIFF: send .npy).
    PictureTooLarge
        If the header says more than ``max_picture_pixels``, or more samples than ``max_elements``.
    UndecodablePicture
        If it is truncated or corrupt.
    """
    kind = picture_format(data)
    if kind is None:
        raise UnsupportedPicture(f"the bytes are no picture of a kind read here: {', '.join(FORMATS)}", pointer)
    if kind == "BMP":
        return _split(_read_bmp(data, pointer, limits))
    try:
        return _split(_read_with_libvips(kind, data, pointer, limits))
    except pyvips.Error as error:
        reason = str(error).partition("\n")[2].strip().partition("\n")[0]  # behind the name of the operation
        raise _undecodable(kind, reason, pointer) from error


def _undecodable(kind: str, reason: str, pointer: str) -> UndecodablePicture:
    detail = f"the {kind} picture cannot be decoded; it is truncated, corrupt or of an unusual kind"
    return UndecodablePicture(f"{detail} ({reason[:100]})" if reason else detail, pointer)


def _read_with_libvips(kind: str, data: Buffer, pointer: str, limits: ReadLimits) -> NDArray[Any]:
    """Return the samples as (H, W, channels), orientation applied."""
    whole = data if isinstance(data, (bytes, bytearray)) else bytes(data)
    if kind == "PNG":
        kept = without_unfolding(whole)
        if kept is None:
            raise _undecodable(kind, "it has more chunks than any picture needs", pointer)
        whole = kept
    if kind == "JPEG" and has_many_segments(whole):
        raise _undecodable(kind, "it has more segments of metadata than any picture needs", pointer)
    if kind == "TIFF" and _is_unconverted(whole):
        detail = "the TIFF holds YCbCr samples as they are; RGB, grey, CMYK and JPEG in TIFF are read, send it as one"
        raise UnsupportedPicture(detail, pointer)
    image = _LOADERS[kind](whole, access="sequential", fail_on="warning")
    _check_size(image.width, image.height, image.bands, pointer, limits)
    # libpng is content once the last row is there.
    if kind == "PNG" and whole.rfind(_PNG_END) < 0:  # it stands at the end, as a rule
        raise _undecodable(kind, "its end is missing", pointer)
    if image.format not in _DTYPES:
        detail = f"the picture holds samples of type {image.format}; 8 and 16 bit are read, send others as .npy"
        raise UnsupportedPicture(detail, pointer)
    orientation = image.get("orientation") if image.get_typeof("orientation") else 1
    if image.interpretation == "cmyk":
        image = image.colourspace("srgb")
    if image.bands > 4:
        raise UnsupportedPicture(f"the picture has {image.bands} channels; 1 to 4 are read, send it as .npy", pointer)
    samples = np.frombuffer(image.write_to_memory(), dtype=_DTYPES[image.format])
    return _upright(samples.reshape(image.height, image.width, image.bands), orientation)


def _is_unconverted(data: bytes | bytearray) -> bool:
    """Whether a TIFF's first picture is in YCbCr, which libvips takes for RGB unless it is compressed as JPEG.

    TIFF 6.0, section 2: the header leads to a directory of entries of 12 bytes, ordered by their tags.
    """
    order = "<" if data[:2] == b"II" else ">"
    found = {}
    try:
        (start,) = struct.unpack_from(order + "I", data, 4)
        (count,) = struct.unpack_from(order + "H", data, start)
        for at in range(start + 2, start + 2 + 12 * count, 12):
            tag, _, _, value = struct.unpack_from(order + "HHIH", data, at)
            found[tag] = value
            if tag > _PHOTOMETRIC:
                break
    except struct.error:  # libtiff says what is wrong
        return False
    return found.get(_PHOTOMETRIC) == _YCBCR and found.get(_COMPRESSION) not in _JPEG


def _read_bmp(data: Buffer, pointer: str, limits: ReadLimits) -> NDArray[Any]:
    """Return the samples of a BMP as (H, W, channels)."""
    try:
        size, width, height = struct.unpack_from("<Iii", data, 14)
        if size == 12:  # the header of OS/2, with 16-bit sizes
            width, height = struct.unpack_from("<HH", data, 18)
        _check_size(abs(width), abs(height), 3, pointer, limits)  # the height is negative where the top row is first
        with Image.open(io.BytesIO(data), formats=("BMP",)) as image:
            mode = {"1": "L", "L": "L", "RGBA": "RGBA"}.get(image.mode, "RGB")
            samples = np.asarray(image.convert(mode))
    except (OSError, ValueError, SyntaxError, EOFError, ArithmeticError, LookupError, TypeError, struct.error) as error:
        if isinstance(error, PictureTooLarge):
            raise
        raise _undecodable("BMP", "", pointer) from error
    return samples.reshape(*samples.shape[:2], -1)


def _check_size(width: int, height: int, channels: int, pointer: str, limits: ReadLimits) -> None:
    pixels, samples = width * height, width * height * channels
    if pixels > limits.max_picture_pixels:
        limit = limits.max_picture_pixels
        detail = f"the picture has {width} × {height} = {pixels:,} pixels; at most {limit:,} are taken"
        raise PictureTooLarge(detail, pointer, limit=limit, actual=pixels)
    if samples > limits.max_elements:
        limit = limits.max_elements
        detail = f"the picture has {width} × {height} × {channels} = {samples:,} samples; at most {limit:,} are taken"
        raise PictureTooLarge(detail, pointer, limit=limit, actual=samples)


def _upright(samples: NDArray[Any], orientation: int) -> NDArray[Any]:
    """Return `samples` (H, W, channels) as a view turned as EXIF (2.3, tag 0x0112) says it is to be seen."""
    if orientation in (5, 6, 7, 8):  # the rows are the columns
        samples = samples.swapaxes(0, 1)
    if orientation in (2, 3, 6, 7):
        samples = samples[:, ::-1]
    if orientation in (3, 4, 7, 8):
        samples = samples[::-1]
    return samples


def _split(samples: NDArray[Any]) -> Picture:
    channels = np.moveaxis(samples, -1, 0)
    if len(channels) in (2, 4):
        return Picture(channels[:-1], channels[-1])
    return Picture(channels)
