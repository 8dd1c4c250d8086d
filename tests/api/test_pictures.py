"""Pictures in and out: every format, the portrait through a named kernel pixel by pixel, depth, alpha, colour, range.

Expected pixels are computed from Pillow's own decoding of the same bytes and SciPy's correlation.
"""

from __future__ import annotations

import base64
import io
import json
import subprocess
from pathlib import Path
from typing import Any

import cv2
import httpx
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageOps
from scipy import ndimage

from tests.exchange import pixels, refused

PORTRAIT = Path(__file__).parents[1] / "data" / "grace_hopper.jpg"
SOBEL_X = np.array([[-1, 0, 1], [-2, 0, 2], [-1, 0, 1]], float)
RNG = np.random.default_rng(21)
# Smooth, so that lossy formats come close, and of a different size each way.
Y, X = np.mgrid[0:24, 0:36]
SMOOTH = np.stack([40 + 5 * X, 30 + 8 * Y, 200 - 3 * X - 2 * Y], axis=-1).astype(np.uint8)


def encoded(samples: NDArray[Any], picture_format: str, mode: str | None = None, **options: Any) -> bytes:
    picture = Image.fromarray(samples)
    file = io.BytesIO()
    (picture.convert(mode) if mode else picture).save(file, picture_format, **options)
    return file.getvalue()


def decoded(file: bytes, mode: str) -> NDArray[np.float64]:
    """Return what Pillow reads, channels first."""
    with Image.open(io.BytesIO(file)) as picture:
        samples = np.asarray(picture.convert(mode), np.float64)
    return samples.reshape(*samples.shape[:2], -1).transpose(2, 0, 1)


def ask(service: httpx.Client, file: bytes, accept: str, path: str = "/v1/conv2d", **fields: Any) -> httpx.Response:
    text = {name: value if isinstance(value, str) else json.dumps(value) for name, value in fields.items()}
    parts: dict[str, Any] = {"input": ("picture", file)} | {name: (None, value) for name, value in text.items()}
    return service.post(path, files=parts, headers={"Accept": accept})


def values(response: httpx.Response) -> NDArray[Any]:
    assert response.status_code == 200, response.text
    return np.asarray(np.load(io.BytesIO(response.content)))


class TestTheAdvertisedRequest:
    """`curl -F input=@photo.jpg -F kernel=sobel_x -F padding=same -F range=absolute -H 'Accept: image/png'`."""

    def expected(self) -> NDArray[np.uint8]:
        with Image.open(PORTRAIT) as portrait:
            samples = np.asarray(portrait.convert("RGB"), np.float64)
        edges = np.stack(
            [ndimage.correlate(samples[:, :, c], SOBEL_X, mode="constant", cval=0) for c in range(3)], axis=-1
        )
        return np.asarray(np.clip(np.rint(np.abs(edges)), 0, 255), np.uint8)

    def test_by_httpx(self, service: httpx.Client) -> None:
        response = ask(service, PORTRAIT.read_bytes(), "image/png", kernel="sobel_x", padding="same", range="absolute")
        assert response.headers["content-type"] == "image/png"
        assert response.headers["x-output-shape"] == "3,600,512"
        assert response.headers["x-dtype"] == "float32"
        np.testing.assert_array_equal(pixels(response), self.expected())

    def test_by_curl_itself(self, service: httpx.Client, tmp_path: Path) -> None:
        out = tmp_path / "edges.png"
        form = [f"input=@{PORTRAIT}", "kernel=sobel_x", "padding=same", "range=absolute"]
        command = ["curl", "-sS", "--fail-with-body", *[part for field in form for part in ("-F", field)]]
        url = str(service.base_url.join("/v1/conv2d"))
        subprocess.run([*command, "-H", "Accept: image/png", url, "-o", out], check=True, timeout=30)
        with Image.open(out) as picture:
            np.testing.assert_array_equal(np.asarray(picture), self.expected())


class TestFormatsIn:
    @pytest.mark.parametrize(
        ("picture_format", "options"),
        [("PNG", {}), ("BMP", {}), ("TIFF", {}), ("TIFF", {"compression": "tiff_lzw"}), ("WEBP", {"lossless": True})],
    )
    @pytest.mark.parametrize("mode", ["RGB", "L"])
    def test_lossless(self, service: httpx.Client, picture_format: str, options: dict[str, Any], mode: str) -> None:
        file = encoded(SMOOTH, picture_format, mode, **options)
        found = values(ask(service, file, "application/x-npy", kernel=[[1]]))
        # WebP has no grey: it comes as three equal channels.
        expected = decoded(file, "RGB" if picture_format == "WEBP" else mode)
        np.testing.assert_array_equal(found, expected)
        assert found.dtype == np.float32

    @pytest.mark.parametrize("mode", ["RGB", "L"])
    def test_jpeg(self, service: httpx.Client, mode: str) -> None:
        # 4:4:4, so that decoders have nothing of their own to say about how colour is made larger.
        file = encoded(SMOOTH, "JPEG", mode, quality=95, subsampling=0)
        found = values(ask(service, file, "application/x-npy", kernel=[[1]]))
        np.testing.assert_allclose(found, decoded(file, mode), atol=1)

    def test_gifs_first_frame(self, service: httpx.Client) -> None:
        frames = [Image.fromarray(SMOOTH).quantize(64), Image.fromarray(255 - SMOOTH).quantize(64)]
        file = io.BytesIO()
        frames[0].save(file, "GIF", save_all=True, append_images=frames[1:])
        found = values(ask(service, file.getvalue(), "application/x-npy", kernel=[[1]]))
        np.testing.assert_array_equal(found, decoded(file.getvalue(), "RGB"))

    def test_palettes_and_bilevel_pictures(self, service: httpx.Client) -> None:
        palette = io.BytesIO()
        Image.fromarray(SMOOTH).quantize(32).save(palette, "PNG")
        found = values(ask(service, palette.getvalue(), "application/x-npy", kernel=[[1]]))
        np.testing.assert_array_equal(found, decoded(palette.getvalue(), "RGB"))
        bilevel = encoded(SMOOTH, "PNG", "1")
        found = values(ask(service, bilevel, "application/x-npy", kernel=[[1]]))
        np.testing.assert_array_equal(found, decoded(bilevel, "L"))

    @pytest.mark.parametrize("orientation", range(1, 9))
    def test_the_exif_orientation_is_applied(self, service: httpx.Client, orientation: int) -> None:
        exif = Image.Exif()
        exif[0x0112] = orientation
        file = encoded(SMOOTH, "PNG", exif=exif)
        with Image.open(io.BytesIO(file)) as picture:
            upright = np.asarray(ImageOps.exif_transpose(picture), float).transpose(2, 0, 1)
        np.testing.assert_array_equal(values(ask(service, file, "application/x-npy", kernel=[[1]])), upright)


class TestColor:
    def test_gray_is_rec_601_luma(self, service: httpx.Client) -> None:
        found = values(ask(service, encoded(SMOOTH, "PNG"), "application/x-npy", kernel=[[1]], color="gray"))
        # In whole thousandths, where a half is a half.
        expected = np.rint(SMOOTH.astype(int) @ np.array([299, 587, 114]) / 1000)
        np.testing.assert_array_equal(found, [expected])

    def test_rgb_of_a_grey_picture(self, service: httpx.Client) -> None:
        found = values(ask(service, encoded(SMOOTH[:, :, 0], "PNG"), "application/x-npy", kernel=[[1]], color="rgb"))
        np.testing.assert_array_equal(found, np.stack([SMOOTH[:, :, 0]] * 3))

    def test_gray_reads_a_bank_for_one_channel(self, service: httpx.Client) -> None:
        response = ask(service, encoded(SMOOTH, "PNG"), "application/x-npy", kernel=[[[1]], [[2]]], color="gray")
        assert values(response).shape == (2, 24, 36)

    def test_a_bank_on_a_colour_picture_says_so(self, service: httpx.Client) -> None:
        response = ask(service, encoded(SMOOTH, "PNG"), "application/json", kernel=[[[1]], [[2]]])
        refused(response, 422, "channel-mismatch", 'has 3 channels; .*color to "gray"', "/kernel")


class TestRange:
    MAPS = np.array([[-300.0, -128.5, -1.0, -0.5], [0.5, 1.5, 2.5, 254.5], [255.0, 255.5, 300.0, 40000.0]])

    @pytest.mark.parametrize(
        ("value_range", "expected"),
        [
            # Half to even, then clipped.
            ("clip", np.clip(np.rint(MAPS), 0, 255)),
            ("absolute", np.clip(np.rint(np.abs(MAPS)), 0, 255)),
            ("offset", np.clip(np.rint(MAPS + 128), 0, 255)),
            ("normalize", np.rint((MAPS + 300) / 40300 * 255)),
        ],
    )
    def test_how_values_become_pixels(self, service: httpx.Client, value_range: str, expected: Any) -> None:
        response = service.post(
            "/v1/conv2d",
            json={"input": self.MAPS.tolist(), "kernel": [[1]], "range": value_range},
            headers={"Accept": "image/png"},
        )
        np.testing.assert_array_equal(pixels(response), expected)

    def test_clip_is_the_default(self, service: httpx.Client) -> None:
        response = service.post(
            "/v1/conv2d", json={"input": self.MAPS.tolist(), "kernel": [[1]]}, headers={"Accept": "image/png"}
        )
        np.testing.assert_array_equal(pixels(response), np.clip(np.rint(self.MAPS), 0, 255))

    def test_normalize_stretches_each_map_on_its_own(self, service: httpx.Client) -> None:
        response = ask(service, encoded(SMOOTH, "PNG"), "image/png", kernel=[[1]], range="normalize")
        low, high = SMOOTH.min(axis=(0, 1)), SMOOTH.max(axis=(0, 1))
        expected = np.rint((SMOOTH.astype(float) - low) / (high - low).astype(float) * 255)
        assert np.abs(pixels(response) - expected).max() == 0

    def test_what_is_not_finite_has_no_pixel(self, service: httpx.Client) -> None:
        file = io.BytesIO()
        np.save(file, np.array([[1, np.nan]]))
        response = ask(service, file.getvalue(), "image/png", kernel=[[1]])
        refused(response, 422, "no-picture", r"\[0, 1\] is nan")


class TestSixteenBit:
    GREY = (RNG.integers(0, 65536, (6, 5))).astype(np.uint16)

    def test_grey_keeps_its_bits_in_and_out(self, service: httpx.Client) -> None:
        file = encoded(self.GREY, "PNG")
        np.testing.assert_array_equal(values(ask(service, file, "application/x-npy", kernel=[[1]]))[0], self.GREY)
        response = ask(service, file, "image/png", kernel=[[1]])
        found = pixels(response)
        assert response.content[24] == 16  # the bit depth of the PNG's header
        np.testing.assert_array_equal(found, self.GREY)

    @pytest.mark.parametrize(
        ("value_range", "kernel", "function"),
        [
            ("clip", 2.0, lambda maps: np.clip(maps, 0, 65535)),
            ("absolute", -2.0, lambda maps: np.clip(np.abs(maps), 0, 65535)),
            ("offset", -1.0, lambda maps: np.clip(maps + 32768, 0, 65535)),
            ("normalize", -1.0, lambda maps: np.rint((maps - maps.min()) / (maps.max() - maps.min()) * 65535)),
        ],
    )
    def test_range(self, service: httpx.Client, value_range: str, kernel: float, function: Any) -> None:
        response = ask(
            service, encoded(self.GREY, "PNG"), "image/png", kernel=[[kernel]], range=value_range, dtype="float64"
        )
        np.testing.assert_array_equal(pixels(response), function(self.GREY * kernel))

    @pytest.mark.parametrize("accept", ["image/jpeg", "image/webp"])
    def test_other_formats_get_it_divided_by_257(self, service: httpx.Client, accept: str) -> None:
        smooth = (SMOOTH[:, :, 0].astype(np.uint16) * 257).astype(np.uint16)
        found = pixels(ask(service, encoded(smooth, "PNG"), accept, kernel=[[1]]))
        grey = found if found.ndim == 2 else found[:, :, 0]
        assert np.abs(grey.astype(int) - SMOOTH[:, :, 0]).max() <= 8

    def test_colour_is_never_cut_to_8_bits_in_silence(self, service: httpx.Client) -> None:
        colour = RNG.integers(0, 65536, (4, 5, 3)).astype(np.uint16)
        ok, file = cv2.imencode(".png", colour[:, :, ::-1])
        assert ok
        found = values(ask(service, file.tobytes(), "application/x-npy", kernel=[[1]]))
        np.testing.assert_array_equal(found, colour.transpose(2, 0, 1))


class TestAlpha:
    RGBA = np.dstack([SMOOTH, (X * 7).astype(np.uint8)])

    def test_filters_never_touch_it_and_it_is_put_back(self, service: httpx.Client) -> None:
        file = encoded(self.RGBA, "PNG")
        maps = values(ask(service, file, "application/x-npy", kernel="box", padding="same"))
        assert maps.shape == (3, 24, 36)
        found = pixels(ask(service, file, "image/png", kernel="box", padding="same"))
        assert found.shape == (24, 36, 4)
        np.testing.assert_array_equal(found[:, :, 3], self.RGBA[:, :, 3])
        np.testing.assert_array_equal(found[:, :, :3], np.rint(maps).transpose(1, 2, 0))

    def test_it_is_dropped_from_another_size(self, service: httpx.Client) -> None:
        assert pixels(ask(service, encoded(self.RGBA, "PNG"), "image/png", kernel="box")).shape == (22, 34, 3)
        small = ask(service, encoded(self.RGBA, "PNG"), "image/png", "/v1/pool2d", kernel_size=2)
        assert pixels(small).shape == (12, 18, 3)

    def test_jpeg_has_none(self, service: httpx.Client) -> None:
        assert pixels(ask(service, encoded(self.RGBA, "PNG"), "image/jpeg", kernel=[[1]])).shape == (24, 36, 3)

    def test_webp_has(self, service: httpx.Client) -> None:
        found = pixels(ask(service, encoded(self.RGBA, "PNG"), "image/webp", kernel=[[1]]))
        np.testing.assert_array_equal(found[:, :, 3], self.RGBA[:, :, 3])

    def test_of_a_grey_picture(self, service: httpx.Client) -> None:
        file = encoded(self.RGBA, "PNG", "LA")
        found = pixels(ask(service, file, "image/png", kernel=[[1]]))
        assert found.shape == (24, 36, 2)
        np.testing.assert_array_equal(found[:, :, 1], self.RGBA[:, :, 3])


class TestFormatsOut:
    def test_one_map_is_grey(self, service: httpx.Client) -> None:
        response = service.post(
            "/v1/conv2d", json={"input": [[0, 100, 300]], "kernel": [[1]]}, headers={"Accept": "image/png"}
        )
        assert pixels(response).tolist() == [[0, 100, 255]]

    @pytest.mark.parametrize("accept", ["image/webp", "image/jpeg"])
    def test_lossy_forms_come_close(self, service: httpx.Client, accept: str) -> None:
        response = ask(service, encoded(SMOOTH, "PNG"), accept, kernel=[[1]])
        assert response.headers["content-type"] == accept
        found = pixels(response)
        assert found.shape == SMOOTH.shape
        assert np.abs(found.astype(int) - SMOOTH).mean() < 4

    def test_pools_of_an_rgb_picture_stay_rgb(self, service: httpx.Client) -> None:
        found = pixels(ask(service, encoded(SMOOTH, "PNG"), "image/png", "/v1/pool2d", kernel_size=[2, 3]))
        expected = SMOOTH.reshape(12, 2, 12, 3, 3).max(axis=(1, 3))
        np.testing.assert_array_equal(found, expected)

    @pytest.mark.parametrize(
        ("fields", "maps"),
        [
            ({"input": np.zeros((3, 20, 30)).tolist(), "kernel": [[1]]}, 3),  # three maps, but no picture came in
            ({"input": np.zeros((20, 30)).tolist(), "kernel": [[[1]]] * 5}, 5),
            ({"input": np.zeros((2, 3, 20, 30)).tolist(), "kernel": [[1]]}, 6),
        ],
    )
    def test_anything_else_is_a_contact_sheet(self, service: httpx.Client, fields: Any, maps: int) -> None:
        response = service.post("/v1/conv2d", json=fields, headers={"Accept": "image/png"})
        found = pixels(response)
        assert found.ndim == 2
        assert found.size > maps * 20 * 30

    def test_three_filters_over_an_rgb_picture_are_three_maps(self, service: httpx.Client) -> None:
        kernel = np.eye(3).reshape(3, 3, 1, 1).tolist()
        found = pixels(ask(service, encoded(SMOOTH, "PNG"), "image/png", kernel=kernel))
        assert found.ndim == 2


def test_alpha_is_put_onto_no_contact_sheet_not_even_one_of_the_pictures_size(service: httpx.Client) -> None:
    samples = RNG.integers(0, 256, (284, 134, 2), dtype=np.uint8)
    answer = ask(service, encoded(samples, "PNG"), "image/png", kernel=[[[1.0]], [[1.0]]], stride=[11, 5])
    with Image.open(io.BytesIO(answer.content)) as sheet:
        assert (sheet.size, sheet.mode) == ((134, 284), "L")


def test_what_has_no_picture_is_offered_a_form_that_holds_all_of_it(service: httpx.Client) -> None:
    packed = base64.b64encode(np.full(4, np.nan).tobytes()).decode()
    asked = {"input": {"shape": [2, 2], "dtype": "float64", "base64": packed}, "kernel_size": 1}
    for more, form in (({}, "application/x-npy"), ({"return_indices": True}, "application/zip")):
        answer = service.post("/v1/pool2d", json=asked | more, headers={"Accept": "image/png"})
        refused(answer, 422, "no-picture", f"ask for {form}, which carries it", "")
        assert service.post("/v1/pool2d", json=asked | more, headers={"Accept": form}).status_code == 200
