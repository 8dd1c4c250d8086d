"""What "Copy as" writes is run as it is pasted, and comes to what the page shows."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import expect

if TYPE_CHECKING:
    from tests.web.conftest import Playground

MATRICES = [
    "#matrix",
    "#matrix?stride=2,1&padding=same&border=reflect&operation=convolution&bias=1.5&dilation=2,1&kernel=1,2;3,4",
    "#matrix?padding=[[0,1],[2,0]]&border=constant&border_value=7",
    "#matrix?padding=3&border=symmetric",
    "#matrix?padding=full&border=circular&kernel=1,2,3",
    "#matrix?op=pool&kind=average&padding=1&count_include_pad=false&kernel_size=2&ceil_mode=true",
    "#matrix?op=pool&kind=max&padding=1&kernel_size=3&dilation=2&pool_stride=1",
    "#matrix?op=pool&kind=lp&p=3&kernel_size=2",
    "#matrix?op=pool&kind=min&output_size=2,3",
    "#matrix?op=transpose&stride=2&padding=1&output_padding=1&bias=2&dilation=2",
    "#signal?spacing=0.5",
    "#signal?operation=cross_correlation&padding=1&stride=2",
]

# Each opens the backward panel; where the gradient is not of the output's shape, it is all ones.
BACKWARD = [
    "#matrix?gradient=1,2,3;4,5,6;7,8,9&bias=1.5",
    "#matrix?stride=2,1&padding=same&border=reflect&operation=convolution&dilation=2,1&kernel=1,2;3,4&gradient=1",
    "#matrix?padding=[[0,1],[2,0]]&border=constant&border_value=7&learning_rate=0.5&gradient=1",
    "#matrix?padding=3&border=symmetric&gradient=1",
    "#matrix?op=pool&kind=max&padding=1&kernel_size=3&dilation=2&pool_stride=1&input=3,3,3;3,3,1;2,3,3&gradient=1,2,3",
    "#matrix?op=pool&kind=min&output_size=2,3&gradient=1,2,3;4,5,6",
    "#matrix?op=pool&kind=average&padding=1&count_include_pad=false&kernel_size=2&ceil_mode=true&gradient=1",
    "#matrix?op=pool&kind=average&padding=1&kernel_size=3&pool_stride=3&ceil_mode=true&gradient=1,2;3,4",
    "#matrix?op=pool&kind=lp&p=3&kernel_size=2&gradient=1,2;3,4",
    "#matrix?op=transpose&stride=2&padding=[[1,0],[0,1]]&output_padding=1&bias=2&dilation=2&gradient=1",
]
# Not among what the tests require, but among what a developer may have.
WITH_TORCH = ("PyTorch",) if find_spec("torch") else ()
SHOWN = {
    "input_gradient": "∂L/∂x",
    "kernel_gradient": "∂L/∂k",
    "bias_gradient": "∂L/∂b",
    "updated_kernel": "Updated kernel",
    "updated_bias": "Updated bias",
}


def snippet(playground: Playground, language: str, panel: str = "Copy as code") -> str:
    """Return the code that the page shows for a language."""
    region = playground.page.get_by_role("region", name=panel, exact=True)
    region.get_by_role("button", name=language, exact=True).click()
    code = region.locator(".code")
    begins = {"curl": "curl -sS", "Python": "import httpx", "NumPy": "import numpy", "PyTorch": "import torch"}
    expect(code).to_contain_text(begins[language])
    return code.inner_text()


def run(language: str, code: str, folder: Path) -> str:
    """Run a snippet as somebody would who pasted it."""
    command = ["bash", "-c", code] if language == "curl" else [sys.executable, "-c", code]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, f"{code}\n{done.stderr}"
    return done.stdout


def shown(playground: Playground, name: str = "Feature map") -> Any:
    """Return the numbers that the page shows, in full."""
    cells = playground.grid(name).locator("td")
    if cells.count() == 0:
        return None
    numbers = [float(title) for title in cells.evaluate_all("cells => cells.map(cell => cell.title)")]
    columns = playground.grid(name).locator("tr").first.locator("td").count()
    return np.reshape(numbers, (-1, columns))


@pytest.mark.parametrize("fragment", MATRICES)
def test_numbers(playground: Playground, tmp_path: Path, fragment: str) -> None:
    playground.open(fragment)
    playground.says("Feature map")
    expected = shown(playground)

    answer = json.loads(run("curl", snippet(playground, "curl"), tmp_path))["feature_maps"]
    if expected is not None:
        np.testing.assert_array_equal(np.array(answer), expected)
    by_numpy = json.loads(run("NumPy", snippet(playground, "NumPy"), tmp_path))
    np.testing.assert_allclose(by_numpy, answer, rtol=1e-12, atol=1e-12)
    if fragment in MATRICES[:2]:
        assert json.loads(run("Python", snippet(playground, "Python"), tmp_path)) == answer


@pytest.mark.parametrize("fragment", BACKWARD)
def test_gradients(playground: Playground, tmp_path: Path, fragment: str) -> None:
    playground.open(fragment)
    playground.grid("∂L/∂x").wait_for()
    expected = {name: shown(playground, label) for name, label in SHOWN.items() if playground.grid(label).count()}
    # One for a pool; with a kernel its gradient and its update too, and with a bias that one's.
    assert len(expected) == (1 if "op=pool" in fragment else 3 + 2 * ("&bias" in fragment))

    def told(language: str) -> dict[str, Any]:
        text = run(language, snippet(playground, language, "Copy gradients as code"), tmp_path)
        if language == "curl":
            answer: dict[str, Any] = json.loads(text)
            return answer
        return {name: json.loads(value) for name, _, value in (line.partition(" ") for line in text.splitlines())}

    for language in ("curl", "Python", "NumPy") if fragment in BACKWARD[:2] else ("curl", "NumPy"):
        answer = told(language)
        assert set(answer) == set(expected)
        for name, values in expected.items():
            exact = 0 if language != "NumPy" else 1e-12
            np.testing.assert_allclose(np.atleast_2d(answer[name]), values, rtol=exact, atol=exact)


def test_a_grey_picture_stays_grey(playground: Playground, tmp_path: Path) -> None:
    playground.open("#picture")
    playground.says("Feature map 1 × 375 × 320")
    results = {}
    for language in ("curl", "NumPy", *WITH_TORCH):
        run(language, snippet(playground, language), tmp_path)
        results[language] = np.asarray(Image.open(tmp_path / "result.png")).astype(int)
        (tmp_path / "result.png").unlink()

    for pixels in results.values():
        assert pixels.shape == (375, 320)
        # A grey level more or less in each of the six cells that Sobel's eight weights are at.
        assert np.abs(pixels - results["curl"]).max() <= 16


def test_programs_read_a_picture_as_the_service_does_or_say_that_they_do_not(
    playground: Playground, tmp_path: Path
) -> None:
    """Upright as its EXIF says and without its alpha; of deep and CMYK pictures and of TIFFs only the service knows."""
    rng = np.random.default_rng(5)
    colours = Image.fromarray(rng.integers(0, 256, (12, 20, 4), dtype=np.uint8))
    turned = Image.Exif()
    turned[0x0112] = 6
    colours.convert("RGB").save(tmp_path / "turned.png", exif=turned)
    colours.save(tmp_path / "alpha.png")
    Image.fromarray(rng.integers(0, 2**16, (12, 20), dtype=np.uint16)).save(tmp_path / "deep.png")
    colours.convert("RGB").convert("CMYK").save(tmp_path / "inks.jpg")
    colours.convert("L").save(tmp_path / "plain.tif")
    playground.open("#picture?color=auto&range=clip&kernel=box_blur")
    playground.says("Feature map 3 × 375 × 320")
    for name, shape in {"turned.png": (20, 12), "alpha.png": (12, 20)}.items():
        playground.page.locator("#picture-file").set_input_files(tmp_path / name)
        playground.says(f"Feature map 3 × {shape[0]} × {shape[1]}")
        results = {}
        for language in ("curl", "NumPy"):
            code = snippet(playground, language)
            assert name in code
            run(language, code, tmp_path)
            results[language] = np.asarray(Image.open(tmp_path / "result.png"))[..., :3].astype(int)
        assert results["curl"].shape[:2] == shape
        np.testing.assert_allclose(results["NumPy"], results["curl"], atol=1)

    written = playground.page.locator(".code")
    playground.button("PyTorch").click()
    for name, words in {"deep.png": "16 bits", "inks.jpg": "is CMYK", "plain.tif": "cannot show"}.items():
        with playground.page.expect_response("**/v1/conv2d") as answered:
            playground.page.locator("#picture-file").set_input_files(tmp_path / name)
        assert answered.value.ok
        expect(written).to_contain_text(words)
        expect(written).to_have_text(re.compile("^# .*\n# .*\n$"))
    playground.button("curl").click()
    expect(written).to_contain_text("plain.tif")


def test_a_picture(playground: Playground, tmp_path: Path) -> None:
    playground.open("#picture?kernel=sharpen&color=rgb&range=clip")
    playground.says("Feature map 3 × 375 × 320")
    results = {}
    for language in ("curl", "Python", "NumPy"):
        run(language, snippet(playground, language), tmp_path)
        results[language] = np.asarray(Image.open(tmp_path / "result.png")).astype(int)
        (tmp_path / "result.png").unlink()

    np.testing.assert_array_equal(results["Python"], results["curl"])
    assert results["curl"].shape == (375, 320, 3)
    # Two decoders of one JPEG may differ by a level, and a kernel that sharpens by 5 of it and its neighbours.
    assert np.abs(results["NumPy"] - results["curl"]).max() <= 9


def test_a_network(playground: Playground, tmp_path: Path) -> None:
    layers = "conv2d:2,3,2,same,gabor;leaky_relu:0.2;pool2d:max,2,,0;conv_transpose2d:2,2,2,0;flatten;linear:3"
    playground.open(f"#network?size=48&layers={layers}")
    playground.says("Output 3")
    last = playground.page.locator(".output h3").last
    expect(last).to_contain_text("6 linear3, ")

    run("curl", snippet(playground, "curl"), tmp_path)
    answer = json.loads((tmp_path / "result.json").read_text())
    assert answer["output_shape"] == json.loads(run("Python", snippet(playground, "Python"), tmp_path)) == [3]
    shape, low, high = run("NumPy", snippet(playground, "NumPy"), tmp_path).rsplit(" ", 2)

    assert shape == "[3]"
    np.testing.assert_allclose([float(low), float(high)], [min(answer["output"]), max(answer["output"])], rtol=1e-3)


def test_a_network_with_every_way_to_pad(playground: Playground, tmp_path: Path) -> None:
    """An axis, a side, off the output of a transposed convolution; a slope that was emptied is the API's own."""
    layers = (
        "conv2d:2,3,1,1 2,random;conv_transpose2d:2,3,2,1 0;leaky_relu:;pool2d:lp,2,,[[1,0],[0,1]];"
        "conv2d:2,[3,2],[2,1],[[1,0],[2,1]],random;conv_transpose2d:2,2,2,[[1,0],[0,1]];pool2d:min,3,2,same"
    )
    playground.open(f"#network?size=48&layers={layers}")
    expect(playground.page.locator(".output")).to_have_count(7)
    playground.page.wait_for_timeout(200)
    assert playground.page.evaluate("() => decodeURIComponent(location.hash)").endswith(layers)

    run("curl", snippet(playground, "curl"), tmp_path)
    answer = np.array(json.loads((tmp_path / "result.json").read_text())["output"])
    for language in ("NumPy", *WITH_TORCH):
        shape, low, high = run(language, snippet(playground, language), tmp_path).rsplit(" ", 2)
        assert json.loads(shape) == list(answer.shape)
        np.testing.assert_allclose([float(low), float(high)], [answer.min(), answer.max()], rtol=1e-3)


def test_a_norm_of_zeros_has_no_slope(playground: Playground, tmp_path: Path) -> None:
    playground.open("#matrix?op=pool&kind=lp&p=2&kernel_size=2&padding=1&input=0,0,3;0,0,4&gradient=1")
    playground.grid("∂L/∂x").wait_for()

    for language in ("NumPy", *WITH_TORCH):
        code = snippet(playground, language, "Copy gradients as code")
        told = run(language, code, tmp_path).removeprefix("input_gradient ")
        np.testing.assert_allclose(json.loads(told), shown(playground, "∂L/∂x"), atol=1e-12)
