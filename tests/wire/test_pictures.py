"""Pictures in: every format, depth, palette and orientation, Pillow and NumPy being the oracles, and hostile files."""

from __future__ import annotations

import io
import struct
import subprocess
import sys
import zlib
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageOps

from service.wire import Picture, WireError, errors, read_picture, write_picture
from service.wire.pictures import FORMATS
from service.wire.png_chunks import without_unfolding
from tests.wire.asked import LIMITS

Array = np.ndarray[Any, Any]
SEED = np.random.default_rng(20240229)
RGB: Array = SEED.integers(0, 256, (9, 14, 3), dtype=np.uint8)
RGB16: Array = SEED.integers(0, 65536, (9, 14, 3), dtype=np.uint16)
SMOOTH: Array = np.add.outer(np.arange(40), np.arange(60))[..., np.newaxis].repeat(3, axis=2).astype(np.uint8)


def saved(image: Image.Image, kind: str, **options: Any) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def read(data: bytes, **limits: Any) -> Picture:
    return read_picture(data, "/input", replace(LIMITS, **limits))


def channels_last(picture: Picture) -> Array:
    return np.moveaxis(picture.pixels, 0, -1)


def chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png(width: int, height: int, depth: int, color: int, rows: bytes, more: bytes = b"") -> bytes:
    """Return a PNG made by hand (ISO 15948), so that every depth and colour type is there whatever Pillow writes."""
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, depth, color, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + more + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


def tiff(
    width: int, height: int, bits: tuple[int, ...], samples: bytes, *, photometric: int, sample_format: int
) -> bytes:
    """Return an uncompressed little-endian TIFF (revision 6) of one strip."""
    count = len(bits)
    entries = [
        (256, 4, 1, width), (257, 4, 1, height), (258, 3, 1, bits[0]), (259, 3, 1, 1), (262, 3, 1, photometric),
        (273, 4, 1, 8), (277, 3, 1, count), (278, 4, 1, height), (279, 4, 1, len(samples)), (339, 3, 1, sample_format),
    ]  # fmt: skip
    if count == 2:  # a list of two fits into the entry, a longer one stands apart
        entries[2] = (258, 3, 2, bits[0] << 16 | bits[1])
        entries[9] = (339, 3, 2, sample_format << 16 | sample_format)
        entries.append((338, 3, 1, 2))  # the second is alpha
    lists = struct.pack(f"<{2 * count}H", *bits, *([sample_format] * count)) if count > 2 else b""
    if lists:
        entries[2] = (258, 3, count, 8 + len(samples))
        entries[9] = (339, 3, count, 8 + len(samples) + 2 * count)
    directory = struct.pack("<H", len(entries))
    directory += b"".join(struct.pack("<HHII", *entry) for entry in sorted(entries)) + bytes(4)
    return b"II*\0" + struct.pack("<I", 8 + len(samples) + len(lists)) + samples + lists + directory


# --- what is read ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("compression", [None, "tiff_lzw"])
def test_a_tiff_whose_colours_would_be_taken_for_others_is_refused(compression: str | None) -> None:
    picture = Image.new("RGB", (16, 16), (255, 0, 0)).convert("YCbCr")
    with pytest.raises(errors.UnsupportedPicture, match="YCbCr"):
        read(saved(picture, "TIFF", compression=compression))
    red = read(saved(picture, "TIFF", compression="jpeg")).pixels[:, 0, 0]
    assert red.tolist() == pytest.approx([255, 0, 0], abs=2)


@pytest.mark.parametrize(("kind", "options"), [("PNG", {}), ("WEBP", {"lossless": True}), ("TIFF", {}), ("BMP", {})])
@pytest.mark.parametrize("mode", ["1", "L", "P", "RGB"])
def test_lossless_formats_give_what_pillow_gives(kind: str, options: dict[str, Any], mode: str) -> None:
    image = Image.fromarray(RGB).convert(mode)
    data = saved(image, kind, **options)
    picture = read(data)
    expected = np.asarray(image.convert("RGB"))
    np.testing.assert_array_equal(channels_last(picture.as_color("rgb")), expected)
    assert picture.pixels.dtype == np.uint8
    assert picture.alpha is None
    assert len(picture.pixels) == (1 if mode in ("1", "L") and kind != "WEBP" else 3)


@pytest.mark.parametrize(("kind", "options"), [("PNG", {}), ("WEBP", {"lossless": True, "exact": True}), ("TIFF", {})])
def test_alpha_is_set_aside(kind: str, options: dict[str, Any]) -> None:
    rgba = SEED.integers(0, 256, (9, 14, 4), dtype=np.uint8)
    picture = read(saved(Image.fromarray(rgba), kind, **options))
    np.testing.assert_array_equal(channels_last(picture), rgba[..., :3])
    np.testing.assert_array_equal(picture.alpha, rgba[..., 3])


def test_grey_with_alpha_stays_grey() -> None:
    la = SEED.integers(0, 256, (9, 14, 2), dtype=np.uint8)
    picture = read(saved(Image.fromarray(la), "PNG"))
    np.testing.assert_array_equal(picture.pixels[0], la[..., 0])
    np.testing.assert_array_equal(picture.alpha, la[..., 1])


def test_a_palette_with_a_transparent_colour_gives_alpha() -> None:
    image = Image.new("P", (2, 1))
    image.putpalette([10, 20, 30, 40, 50, 60])
    image.putpixel((1, 0), 1)
    picture = read(saved(image, "PNG", transparency=1))
    assert picture.pixels[:, 0].tolist() == [[10, 40], [20, 50], [30, 60]]
    assert picture.alpha is not None
    assert picture.alpha.tolist() == [[255, 0]]


def test_a_jpeg_is_near_what_pillow_gives() -> None:
    data = (Path(__file__).parents[1] / "data" / "grace_hopper.jpg").read_bytes()
    picture = read(data, max_picture_pixels=10**6, max_elements=10**7)
    expected = np.asarray(Image.open(io.BytesIO(data)).convert("RGB")).astype(int)
    assert picture.pixels.shape == (3, 600, 512)
    assert np.abs(channels_last(picture) - expected).max() <= 4  # two libraries may round the inverse DCT apart


def test_a_grey_jpeg_has_one_channel() -> None:
    assert read(saved(Image.fromarray(SMOOTH[..., 0]), "JPEG")).pixels.shape == (1, 40, 60)


@pytest.mark.parametrize("kind", ["JPEG", "TIFF"])
def test_cmyk_becomes_rgb(kind: str) -> None:
    image = Image.new("CMYK", (8, 8), (0, 255, 255, 0))  # magenta and yellow: red
    red, green, blue = read(saved(image, kind)).pixels[:, 4, 4].tolist()
    assert red > 200
    assert max(green, blue) < 80


def test_the_first_frame_of_a_gif_is_read() -> None:
    frames = [Image.new("RGB", (5, 4), color) for color in ("red", "blue")]
    data = saved(frames[0], "GIF", save_all=True, append_images=frames[1:])
    picture = read(data)
    assert picture.pixels.shape == (3, 4, 5)
    assert picture.pixels[:, 0, 0].tolist() == [255, 0, 0]


def test_the_first_frame_of_an_animated_webp_is_read() -> None:
    frames = [Image.new("RGB", (16, 16), color) for color in ("red", "blue")]
    data = saved(frames[0], "WEBP", save_all=True, append_images=frames[1:], lossless=True)
    assert read(data).pixels[:, 0, 0].tolist() == [255, 0, 0]


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize(
    ("kind", "options"), [("PNG", {}), ("WEBP", {"lossless": True}), ("TIFF", {}), ("JPEG", {"quality": 95})]
)
def test_orientation_is_applied_as_pillow_does(kind: str, options: dict[str, Any], orientation: int) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    data = saved(Image.fromarray(SMOOTH), kind, exif=exif, **options)
    expected = np.asarray(ImageOps.exif_transpose(Image.open(io.BytesIO(data)))).astype(int)
    got = channels_last(read(data))
    assert got.shape == expected.shape
    assert np.abs(got - expected).max() <= 2


@pytest.mark.parametrize(("color", "channels"), [(0, 1), (2, 3), (4, 2), (6, 4)])
def test_16_bit_png_keeps_its_bits(color: int, channels: int) -> None:
    samples = SEED.integers(0, 65536, (5, 7, channels), dtype=np.uint16)
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in samples)
    picture = read(png(7, 5, 16, color, rows))
    assert picture.depth == 16
    kept = channels - 1 if channels in (2, 4) else channels
    np.testing.assert_array_equal(channels_last(picture), samples[..., :kept])
    if kept < channels:
        np.testing.assert_array_equal(picture.alpha, samples[..., -1])
    else:
        assert picture.alpha is None


@pytest.mark.parametrize(("depth", "row", "expected"), [(1, 0b10100000, [255, 0, 255]), (2, 0b00011000, [0, 85, 170])])
def test_few_bits_are_spread_over_the_range(depth: int, row: int, expected: list[int]) -> None:
    assert read(png(3, 1, depth, 0, bytes([0, row]))).pixels.tolist() == [[expected]]


@pytest.mark.parametrize("channels", [1, 2, 3])
def test_16_bit_tiff_keeps_its_bits(channels: int) -> None:
    samples = SEED.integers(0, 65536, (5, 7, channels), dtype=np.uint16)
    data = tiff(7, 5, (16,) * channels, samples.tobytes(), photometric=2 if channels == 3 else 1, sample_format=1)
    picture = read(data)
    assert picture.depth == 16
    np.testing.assert_array_equal(picture.pixels, np.moveaxis(samples, -1, 0)[: 3 if channels == 3 else 1])


# --- colour ------------------------------------------------------------------------------------------------------


def test_gray_is_rec_601_luma() -> None:
    picture = Picture(np.array([[[255, 0, 0, 10]], [[0, 255, 0, 20]], [[0, 0, 255, 30]]], np.uint8))
    # 0.299 × 255 = 76.245, 0.587 × 255 = 149.685, 0.114 × 255 = 29.07; 2.99 + 11.74 + 3.42 = 18.15
    assert picture.as_color("gray").pixels.tolist() == [[[76, 150, 29, 18]]]


def test_gray_keeps_16_bits_and_the_alpha() -> None:
    alpha = np.full((1, 2), 9, np.uint16)
    gray = Picture(np.array([[[65535, 100]], [[65535, 0]], [[65535, 0]]], np.uint16), alpha).as_color("gray")
    assert gray.pixels.tolist() == [[[65535, 30]]]
    assert gray.depth == 16
    assert gray.alpha is alpha


def test_rgb_of_grey_is_three_times_the_same() -> None:
    picture = Picture(np.array([[[1, 2]]], np.uint8))
    assert picture.as_color("rgb").pixels.tolist() == [[[1, 2]]] * 3


@pytest.mark.parametrize("channels", [1, 3])
def test_auto_changes_nothing(channels: int) -> None:
    picture = Picture(RGB[..., :channels].transpose(2, 0, 1))
    assert picture.as_color("auto") is picture
    assert picture.as_color("rgb" if channels == 3 else "gray") is picture


# --- what is refused ---------------------------------------------------------------------------------------------

WHOLE = {
    "PNG": saved(Image.fromarray(SMOOTH), "PNG"),
    "JPEG": saved(Image.fromarray(SMOOTH), "JPEG"),
    "WEBP": saved(Image.fromarray(SMOOTH), "WEBP"),
    "TIFF": saved(Image.fromarray(SMOOTH), "TIFF"),
    "BMP": saved(Image.fromarray(SMOOTH), "BMP"),
    "GIF": saved(Image.fromarray(SMOOTH).quantize(64), "GIF"),
}


@pytest.mark.parametrize("cut", [13, 0.02, 0.1, 0.3, 0.5, 0.7, 0.9, 0.97, -2])
@pytest.mark.parametrize("kind", FORMATS)
def test_a_truncated_picture_is_refused(kind: str, cut: float) -> None:
    whole = WHOLE[kind]
    end = int(cut) if isinstance(cut, int) else max(13, int(cut * len(whole)))
    with pytest.raises(errors.UndecodablePicture, match=f"the {kind} picture cannot be decoded") as caught:
        read(whole[:end])
    assert caught.value.pointer == "/input"


@pytest.mark.parametrize("data", [b"", b"x", b"RIFF\0\0\0\0WAVE", b"\0\0\0\x20ftypavif", b"P6 1 1 255 abc", b"\x89HDF"])
def test_other_bytes_are_no_picture(data: bytes) -> None:
    with pytest.raises(errors.UnsupportedPicture, match="PNG, JPEG, WEBP, TIFF, BMP, GIF"):
        read(data)


EXIF_JUNK = saved(Image.fromarray(SMOOTH), "JPEG", exif=b"Exif\0\0junk")


@pytest.mark.parametrize(
    "data",
    [
        WHOLE["PNG"][:33] + chunk(b"abCd", b"unknown") + WHOLE["PNG"][33:],
        WHOLE["PNG"][:33] + chunk(b"gAMA", bytes(4)) + WHOLE["PNG"][33:],
        WHOLE["PNG"] + b"behind the end",
        WHOLE["JPEG"] + b"behind the end",
        EXIF_JUNK,
        saved(Image.fromarray(SMOOTH), "PNG", icc_profile=b"no profile"),
        saved(Image.fromarray(SMOOTH), "TIFF", tiffinfo={65000: "a private tag"}),
        WHOLE["GIF"][:-1],  # without its trailer, as some programs leave it
    ],
)
def test_oddities_beside_the_pixels_do_no_harm(data: bytes) -> None:
    assert read(data).pixels.shape == (3, 40, 60)


@pytest.mark.parametrize(
    "data",
    [
        WHOLE["JPEG"][:20] + bytes(3) + WHOLE["JPEG"][20:],  # junk between segments
        WHOLE["JPEG"][: len(WHOLE["JPEG"]) * 3 // 4] + b"\xff\xd9",  # rows missing before the end
        WHOLE["PNG"][:60] + b"\0" + WHOLE["PNG"][61:],  # a checksum that is wrong
    ],
)
def test_what_a_decoder_only_warns_of_is_refused(data: bytes) -> None:
    with pytest.raises(errors.UndecodablePicture, match="cannot be decoded"):
        read(data)


PIXELS = LIMITS.max_picture_pixels
BOMBS = [
    ("PNG", png(64000, 64000, 8, 2, b"")),
    ("PNG", png(2**31 - 1, 2**31 - 1, 8, 2, b"")),
    ("PNG", png(PIXELS + 1, 1, 1, 0, bytes(PIXELS // 8 + 2))),
    ("GIF", b"GIF89a" + struct.pack("<HHBBB", 65535, 65535, 0, 0, 0) + b"," + struct.pack("<HHHHB", 0, 0, 1, 1, 0)),
    ("BMP", b"BM" + bytes(12) + struct.pack("<IiiHHI", 40, 60000, 60000, 1, 24, 0) + bytes(24)),
    ("BMP", b"BM" + bytes(12) + struct.pack("<IiiHHI", 40, 60000, -60000, 1, 24, 0) + bytes(24)),
    ("BMP", b"BM" + bytes(12) + struct.pack("<IHHHH", 12, 60000, 60000, 1, 24)),
    ("TIFF", tiff(60000, 60000, (8,), bytes(8), photometric=1, sample_format=1)),
    ("JPEG", saved(Image.new("L", (200, 200)), "JPEG")),
    ("WEBP", saved(Image.new("L", (200, 200)), "WEBP")),
]


@pytest.mark.parametrize(("kind", "data"), BOMBS)
def test_a_picture_beyond_the_limit_is_refused_by_its_header(kind: str, data: bytes) -> None:
    refusals = (errors.PictureTooLarge, errors.UndecodablePicture)  # a decoder may refuse an absurd header itself
    with pytest.raises(refusals, match=r"pixels; at most 30,000 are taken|cannot be decoded"):
        read(data)


def test_the_limit_itself_is_taken() -> None:
    width, height = 200, PIXELS // 200
    assert read(saved(Image.new("L", (width, height)), "PNG")).pixels.shape == (1, height, width)
    with pytest.raises(errors.PictureTooLarge, match=r"200 × 151 = 30,200 pixels; at most 30,000") as caught:
        read(saved(Image.new("L", (width, height + 1)), "PNG"))
    assert caught.value.extra == {"limit": PIXELS, "actual": 30_200}
    assert caught.value.pointer == "/input"


def test_samples_count_as_elements() -> None:
    with pytest.raises(errors.PictureTooLarge, match=r"60 × 40 × 3 = 7,200 samples; at most 7,199"):
        read(WHOLE["PNG"], max_elements=7_199)


@pytest.mark.parametrize(
    ("bits", "sample_format", "words"),
    [((32,), 3, "float"), ((32,), 1, "uint"), ((32,), 2, "int"), ((16,), 2, "short")],
)
def test_other_samples_are_refused_in_words(bits: tuple[int, ...], sample_format: int, words: str) -> None:
    data = tiff(2, 2, bits, bytes(4 * bits[0] // 8), photometric=1, sample_format=sample_format)
    with pytest.raises(errors.UnsupportedPicture, match=rf"samples of type {words}; .* as \.npy"):
        read(data)


def test_more_than_four_channels_are_refused() -> None:
    data = tiff(2, 2, (8,) * 5, bytes(20), photometric=1, sample_format=1)
    with pytest.raises(errors.UnsupportedPicture, match="5 channels"):
        read(data)


@pytest.mark.parametrize("kind", FORMATS)
def test_a_changed_byte_gives_a_picture_or_a_wire_error(kind: str) -> None:
    random = np.random.default_rng(7)
    for _ in range(150):
        bad = bytearray(WHOLE[kind])
        for _ in range(int(random.integers(1, 4))):
            bad[int(random.integers(0, min(len(bad), 4000)))] = int(random.integers(0, 256))
        with suppress(WireError):
            assert read(bytes(bad)).pixels.ndim == 3


@settings(derandomize=True, max_examples=150, deadline=None)
@given(st.sampled_from(FORMATS), st.integers(4, 60), st.binary(max_size=200))
def test_junk_behind_a_signature_gives_nothing_but_a_wire_error(kind: str, kept: int, junk: bytes) -> None:
    with suppress(WireError):
        read(WHOLE[kind][:kept] + junk)


def test_what_is_written_is_read() -> None:
    picture = read(write_picture(RGB16.transpose(2, 0, 1), RGB16[..., 0], "png"))
    np.testing.assert_array_equal(channels_last(picture), RGB16)
    np.testing.assert_array_equal(picture.alpha, RGB16[..., 0])


@pytest.mark.parametrize("kind", [b"zTXt", b"iTXt", b"iCCP"])
def test_what_is_compressed_in_a_png_beside_its_pixels_is_not_unfolded(kind: bytes) -> None:
    text = chunk(kind, b"name\0\0" + zlib.compress(b"a" * 7_900_000))
    plain, bomb = png(4, 1, 8, 0, b"\0\1\2\3\4"), png(4, 1, 8, 0, b"\0\1\2\3\4", text * 40)
    assert without_unfolding(bomb) == plain
    np.testing.assert_array_equal(read(bomb).pixels, read(plain).pixels)
    code = f"""
import resource, sys
from service.wire import read_picture
from tests.wire.asked import LIMITS
data = sys.stdin.buffer.read()
read_picture(data[:{len(plain)}], "", LIMITS)
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
read_picture(data[{len(plain)}:], "", LIMITS)
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""
    more = subprocess.run([sys.executable, "-c", code], input=plain + bomb, capture_output=True, check=True)
    assert int(more.stdout) < 16 * 1024  # KiB; each of the forty unfolds to 8 MB


def test_chunks_that_a_png_keeps_are_as_they_were() -> None:
    cut = png(4, 1, 8, 0, b"\0\1\2\3\4", chunk(b"tEXt", b"name\0text") + chunk(b"zTXt", b"x\0\0"))
    assert without_unfolding(cut) == png(4, 1, 8, 0, b"\0\1\2\3\4", chunk(b"tEXt", b"name\0text"))
    for odd in (cut[:20], b"\x89PNG\r\n\x1a\n", b"\x89PNG\r\n\x1a\n\xff\xff\xff\xffIHDR" + b"\0" * 20):
        assert without_unfolding(odd) == odd


def test_a_png_of_very_many_chunks_is_refused() -> None:
    with pytest.raises(errors.UndecodablePicture, match="more chunks than any picture needs"):
        read(png(4, 1, 8, 0, b"\0\1\2\3\4", chunk(b"tEXt", b"") * 100_001))


@pytest.mark.parametrize("marker", [0xE1, 0xEF, 0xFE])
def test_a_jpeg_of_very_many_segments_is_refused(marker: int) -> None:
    plain = saved(Image.fromarray(SMOOTH[..., 0]), "JPEG")
    segment = bytes((0xFF, marker, 0, 2))
    few, many = (plain[:2] + segment * count + plain[2:] for count in (5000, 300_000))
    np.testing.assert_array_equal(read(few).pixels, read(plain).pixels)
    with pytest.raises(errors.UndecodablePicture, match="more segments of metadata than any picture needs"):
        read(many)
