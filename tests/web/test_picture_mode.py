"""Picture mode against the real service: kernels with sliders, one's own numbers and pictures, downloads, refusals."""

from __future__ import annotations

import base64
import io
from pathlib import Path
from typing import TYPE_CHECKING

import httpx
import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import expect

from service.web import STATIC_FOLDER

if TYPE_CHECKING:
    from tests.web.conftest import Playground

# What the mode opens with, beside the kernel sobel_x.
OPENING = {"padding": "same", "padding_mode": "reflect", "color": "gray", "range": "absolute"}
SAMPLE = STATIC_FOLDER / "pictures/grace_hopper.jpg"


def answered(service: httpx.Client, accept: str = "image/png", **fields: str) -> bytes:
    """Return what the service says of the sample to anybody else who asks."""
    files = {"input": SAMPLE.read_bytes()}
    response = service.post("/v1/conv2d", data=fields, files=files, headers={"Accept": accept})
    assert response.status_code == 200, response.text
    return response.content


def result(playground: Playground) -> np.ndarray:
    """Return the pixels that the page shows as the result."""
    image = playground.page.locator(".compare .after")
    script = """async image => {
      await image.decode();
      const canvas = document.createElement("canvas");
      [canvas.width, canvas.height] = [image.naturalWidth, image.naturalHeight];
      canvas.getContext("2d").drawImage(image, 0, 0);
      return canvas.toDataURL().split(",")[1];
    }"""
    return pixels(base64.b64decode(image.evaluate(script)))


def pixels(png: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(png)).convert("RGB"))


@pytest.fixture
def picture(playground: Playground) -> Playground:
    """Return the playground in picture mode, with its first result."""
    playground.open("#picture")
    playground.says("Feature map 1 × 375 × 320")
    return playground


def test_the_sample_is_filtered_as_anybody_else_would_have_it(picture: Playground, service: httpx.Client) -> None:
    expected = answered(
        service, kernel="sobel_x", padding="same", padding_mode="reflect", color="gray", range="absolute"
    )

    np.testing.assert_array_equal(result(picture), pixels(expected))


def test_sliders_make_the_kernel(picture: Playground, service: httpx.Client) -> None:
    page = picture.page
    page.get_by_label("Kernel", exact=True).select_option("gaussian")
    expect(page.get_by_label("Range", exact=True)).to_have_value("clip")
    page.get_by_label("Size", exact=True).fill("9")
    page.get_by_label("Sigma", exact=True).fill("3")
    page.get_by_label("Color", exact=True).select_option("rgb")

    expect(picture.grid("Values").locator("input")).to_have_count(81)
    picture.says("Feature map 3 × 375 × 320")
    kernel = '{"name":"gaussian","size":9,"sigma":3}'
    expected = answered(service, kernel=kernel, padding="same", padding_mode="reflect", color="rgb")
    np.testing.assert_array_equal(result(picture), pixels(expected))


def test_the_numbers_can_be_edited(picture: Playground, service: httpx.Client) -> None:
    shown = picture.page.locator(".compare .after")
    before = shown.evaluate("image => image.src")
    picture.grid("Values").get_by_label("row 1, column 0", exact=True).fill("-9")

    expect(picture.page.get_by_label("Kernel", exact=True)).to_have_value("own")
    expected = answered(service, kernel="[[-1,0,1],[-9,0,2],[-1,0,1]]", **OPENING)
    expect(shown).not_to_have_js_property("src", before)
    np.testing.assert_array_equal(result(picture), pixels(expected))


def test_the_divider_moves_by_keyboard(picture: Playground) -> None:
    divider = picture.page.get_by_label("Divider")
    divider.focus()
    divider.press("Home")

    expect(divider).to_have_attribute("aria-valuetext", "0 % picture, 100 % result")


def test_each_channel_has_its_map(picture: Playground) -> None:
    page = picture.page
    page.get_by_label("Color", exact=True).select_option("rgb")
    page.get_by_text("Channel maps").click()

    captions = page.locator(".map figcaption")
    expect(captions).to_have_count(3)
    expect(captions.nth(2)).to_contain_text("Blue")


def test_the_result_can_be_downloaded(picture: Playground, service: httpx.Client) -> None:
    fields = {"kernel": "sobel_x", **OPENING}
    for name, accept in (("PNG", "image/png"), (".npy", "application/x-npy")):
        with picture.page.expect_download() as waiting:
            picture.button(f"Download {name}").click()
        assert Path(waiting.value.path()).read_bytes() == answered(service, accept, **fields)


def test_a_picture_of_ones_own_can_be_chosen_dropped_or_pasted(picture: Playground, tmp_path: Path) -> None:
    page = picture.page
    Image.new("RGB", (40, 30), "teal").save(tmp_path / "teal.png")
    page.locator("#picture-file").set_input_files(tmp_path / "teal.png")
    picture.says("Feature map 1 × 30 × 40")
    expect(page.get_by_text("teal.png stays on your machine and the service")).to_be_visible()

    picture.button("Use the sample").click()
    picture.says("Feature map 1 × 375 × 320")
    for kind in ("drop", "paste"):
        script = """async (target, kind) => {
          const canvas = new OffscreenCanvas(kind === "drop" ? 12 : 14, 10);
          canvas.getContext("2d");
          const file = new File([await canvas.convertToBlob()], "mine.png", { type: "image/png" });
          const data = new DataTransfer();
          data.items.add(file);
          const event = kind === "drop"
            ? new DragEvent("drop", { dataTransfer: data, bubbles: true, cancelable: true })
            : new ClipboardEvent("paste", { clipboardData: data, bubbles: true, cancelable: true });
          target.dispatchEvent(event);
        }"""
        page.locator(".compare").evaluate(script, kind)
        picture.says(f"Feature map 1 × 10 × {12 if kind == 'drop' else 14}")


def test_refusals_stand_at_their_fields(picture: Playground) -> None:
    page = picture.page
    page.get_by_label("Stride", exact=True).fill("fast")
    picture.refuses('stride is "fast"')
    page.get_by_label("Stride", exact=True).fill("1")
    picture.grid("Values").get_by_label("row 0, column 0", exact=True).fill("x")
    picture.refuses("an array holds numbers")


def test_what_is_no_picture_is_said_so(picture: Playground, tmp_path: Path) -> None:
    (tmp_path / "notes.png").write_text("this is no picture")
    picture.page.locator("#picture-file").set_input_files(tmp_path / "notes.png")

    expect(picture.page.get_by_role("alert")).to_be_visible()
