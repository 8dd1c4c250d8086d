"""Pictures out: lossless where the format is, the same bytes every time, and readable by another library."""

from __future__ import annotations

import io
from dataclasses import replace
from typing import Any

import cv2
import numpy as np
import pytest
from PIL import Image

from service.wire import PictureFormat, errors, read_picture, write_picture
from tests.wire.asked import LIMITS

RANDOM = np.random.default_rng(5)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize(
    "shape", [(7, 9), (3, 7, 9), (1, 1), (3, 1, 1), (3, 129, 777), (300, 1000), (3, 2, 70_000), (1, 200_000)]
)
@pytest.mark.parametrize("with_alpha", [False, True])
def test_png_comes_back_exactly(dtype: Any, shape: tuple[int, ...], with_alpha: bool) -> None:
    pixels = RANDOM.integers(0, np.iinfo(dtype).max + 1, shape).astype(dtype)
    alpha = pixels.reshape(-1, *shape[-2:])[0][::-1] if with_alpha else None
    limits = replace(LIMITS, max_picture_pixels=10**6, max_elements=10**6)
    picture = read_picture(write_picture(pixels, alpha, "png"), "", limits)
    assert picture.pixels.dtype == dtype
    np.testing.assert_array_equal(picture.pixels, pixels.reshape(-1, *shape[-2:]))
    if alpha is None:
        assert picture.alpha is None
    else:
        np.testing.assert_array_equal(picture.alpha, alpha)


@pytest.mark.parametrize(
    ("channels", "with_alpha", "mode"), [(1, False, "L"), (1, True, "LA"), (3, False, "RGB"), (3, True, "RGBA")]
)
def test_pillow_reads_what_is_written(channels: int, with_alpha: bool, mode: str) -> None:
    planes = RANDOM.integers(0, 256, (channels + with_alpha, 20, 30), dtype=np.uint8)
    pixels = planes[0] if channels == 1 else planes[:channels]
    with Image.open(io.BytesIO(write_picture(pixels, planes[-1] if with_alpha else None, "png"))) as image:
        np.testing.assert_array_equal(np.asarray(image), planes[0] if mode == "L" else planes.transpose(1, 2, 0))
        assert image.mode == mode


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_opencv_reads_what_is_written(channels: int, dtype: Any) -> None:
    planes = RANDOM.integers(0, np.iinfo(dtype).max + 1, (channels, 20, 30)).astype(dtype)
    file = np.frombuffer(write_picture(planes[0] if channels == 1 else planes, None, "png"), np.uint8)
    read = cv2.imdecode(file, cv2.IMREAD_UNCHANGED)
    assert read is not None
    np.testing.assert_array_equal(read.reshape(20, 30, channels)[..., ::-1], planes.transpose(1, 2, 0))


@pytest.mark.parametrize("kind", ["png", "webp", "jpeg"])
def test_pixels_may_lie_anyhow_in_memory(kind: PictureFormat) -> None:
    pixels = RANDOM.integers(0, 256, (40, 60), dtype=np.uint8)
    for view in (pixels[::2, ::3], pixels.T, pixels[::-1, ::-1]):
        assert write_picture(view, None, kind) == write_picture(view.copy(), None, kind)


@pytest.mark.parametrize("kind", ["png", "webp", "jpeg"])
def test_the_channels_may_lie_innermost(kind: PictureFormat) -> None:
    pixels = RANDOM.integers(0, 256, (3, 40, 60), dtype=np.uint8)
    innermost = np.moveaxis(np.ascontiguousarray(np.moveaxis(pixels, 0, -1)), -1, 0)
    assert write_picture(innermost, None, kind) == write_picture(pixels, None, kind)


def test_a_photograph_is_about_as_small_as_pillow_makes_it() -> None:
    rows, columns = np.mgrid[:200, :300]
    pixels = np.stack([rows + columns, 2 * rows, 255 - columns]) // 3 + RANDOM.normal(0, 6, (3, 200, 300))
    pixels = pixels.clip(0, 255).astype(np.uint8)
    with io.BytesIO() as theirs:
        Image.fromarray(pixels.transpose(1, 2, 0)).save(theirs, "PNG", compress_level=6)
        assert len(write_picture(pixels, None, "png")) <= 1.05 * len(theirs.getvalue())


@pytest.mark.parametrize("kind", ["webp", "jpeg"])
@pytest.mark.parametrize("channels", [1, 3])
def test_lossy_formats_stay_near(kind: PictureFormat, channels: int) -> None:
    ramp = np.add.outer(np.arange(64.0), np.arange(64.0)).astype(np.uint8)
    pixels = ramp if channels == 1 else np.stack([ramp, ramp.T[::-1], ramp // 2])
    picture = read_picture(write_picture(pixels, None, kind), "", LIMITS)
    assert np.abs(picture.pixels.astype(int) - pixels).max() <= 12


def test_webp_keeps_alpha_and_jpeg_has_none() -> None:
    pixels = np.full((3, 16, 16), 100, np.uint8)
    alpha = RANDOM.integers(0, 256, (16, 16), dtype=np.uint8)
    np.testing.assert_array_equal(read_picture(write_picture(pixels, alpha, "webp"), "", LIMITS).alpha, alpha)
    assert write_picture(pixels, alpha, "jpeg") == write_picture(pixels, None, "jpeg")  # set aside, not blended in


@pytest.mark.parametrize("kind", ["png", "webp", "jpeg"])
def test_the_same_pixels_give_the_same_bytes(kind: PictureFormat) -> None:
    pixels = RANDOM.integers(0, 256, (3, 33, 31), dtype=np.uint8)
    view = np.moveaxis(np.ascontiguousarray(np.moveaxis(pixels, 0, -1)), -1, 0)  # as a decoder would give them
    assert write_picture(pixels, None, kind) == write_picture(view, None, kind)


@pytest.mark.parametrize(("kind", "limit"), [("webp", 16383), ("jpeg", 65500), ("png", 1_000_000)])
def test_a_side_too_long_for_the_format_is_refused(kind: PictureFormat, limit: int) -> None:
    assert write_picture(np.zeros((1, limit), np.uint8), None, kind)
    with pytest.raises(errors.UnwritablePicture, match=f"{kind} holds at most {limit:,}") as caught:
        write_picture(np.zeros((limit + 1, 1), np.uint8), None, kind)
    assert caught.value.extra == {"limit": limit, "actual": limit + 1}


@pytest.mark.parametrize(("kind", "dtype"), [("webp", np.uint16), ("jpeg", np.uint16), ("png", np.float64)])
def test_a_depth_the_format_has_not_is_refused(kind: PictureFormat, dtype: Any) -> None:
    with pytest.raises(errors.UnwritablePicture, match=f"{kind} cannot hold samples of {np.dtype(dtype).name}"):
        write_picture(np.zeros((2, 2), dtype), None, kind)
