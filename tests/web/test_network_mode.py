"""Network mode against the real service: layers planned as they are typed, run on the picture, looked through."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from playwright.sync_api import expect

if TYPE_CHECKING:
    from tests.web.conftest import Playground

SMALL = "#network?layers=conv2d:2,3,1,same,random;relu;pool2d:max,2,,0;conv2d:3,3,1,0,random&size=48"


@pytest.fixture
def network(playground: Playground) -> Playground:
    """Return the playground in network mode, with the maps of four layers."""
    playground.open(SMALL)
    expect(playground.page.locator(".one-map")).to_have_count(2 + 2 + 2 + 3)
    return playground


def test_each_layer_says_what_it_makes_and_sees(network: Playground) -> None:
    """48 × 41 pixels; the last layer's field: 3, then 4 after the pool, then 4 + 2 × 2."""
    facts = network.page.locator(".facts")

    expect(facts.nth(0)).to_have_text("2 × 48 × 4120 parameterssees 3 × 3jump 1 × 1")
    expect(facts.nth(2)).to_have_text("2 × 24 × 200 parameterssees 4 × 4jump 2 × 2")
    expect(facts.nth(3)).to_have_text("3 × 22 × 1857 parameterssees 8 × 8jump 2 × 2")
    expect(network.page.get_by_text("1 × 48 × 41 becomes 3 × 22 × 18. 77 parameters")).to_be_visible()


def test_layers_are_added_changed_moved_and_removed(network: Playground) -> None:
    page = network.page
    page.get_by_label("Type of the new layer").select_option("tanh")
    network.button("Add layer").click()
    expect(page.locator(".output h3").last).to_contain_text("5 tanh3 × 22 × 18")

    page.get_by_label("Filters").first.fill("4")
    expect(page.locator(".facts").first).to_contain_text("4 × 48 × 41")
    network.button("Move up layer 2, relu").click()
    expect(page.locator(".layer h3").first).to_have_text("relu")
    network.button("Remove layer 1, relu").click()
    expect(page.locator(".layer")).to_have_count(4)
    expect(page.locator(".one-map")).to_have_count(4 + 4 + 3 + 3)


def test_a_pixel_of_a_late_map_shows_what_it_sees(network: Playground) -> None:
    page = network.page
    last = page.locator(".one-map").last
    # Its centre lies at 2.5, so it sees 2.5 - 3.5 = -1 to 6, of which the picture has 0 to 6; the next one 1 to 8.
    last.click(position={"x": 1, "y": 1})

    seen = page.get_by_role("region", name="Maps").get_by_text("It sees rows")
    expect(seen).to_contain_text("position (0, 0)")
    expect(seen).to_contain_text("It sees rows 0 to 6, columns 0 to 6 of the picture.")
    frame, picture = page.locator(".field-of-view").bounding_box(), page.locator(".seen canvas").bounding_box()
    assert frame
    assert picture
    assert frame["height"] == pytest.approx(picture["height"] * 7 / 48, abs=1.5)

    last.press("ArrowDown")
    expect(seen).to_contain_text("It sees rows 1 to 8, columns 0 to 6")


UPSAMPLED = {"type": "conv_transpose2d", "filters": 1, "kernel_size": 2, "stride": 2}
OVERLAPPING = {"type": "pool2d", "kernel_size": 4, "stride": 2}
# By hand: the layers, a position, and the rows and columns of a 12 × 12 picture that it depends on.
SIGHTS: list[tuple[list[dict[str, Any]], list[int], list[list[int]] | None]] = [
    ([UPSAMPLED], [0, 0], [[0, 0], [0, 0]]),
    ([UPSAMPLED], [9, 20], [[4, 4], [10, 10]]),
    ([{"type": "pool2d", "kind": "average", "kernel_size": 2, "stride": 1}, UPSAMPLED], [0, 3], [[0, 1], [1, 2]]),
    # Taps 0 and 2 meet an even output, tap 1 alone an odd one.
    ([{**UPSAMPLED, "kernel_size": 3}], [1, 2], [[0, 0], [0, 1]]),
    ([{**UPSAMPLED, "kernel_size": [2, 1], "stride": [2, 3]}], [0, 1], None),
    ([{"type": "conv2d", "filters": 1, "kernel_size": [3, 1], "padding": [1, 0]}], [0, 5], [[0, 1], [5, 5]]),
    ([{"type": "conv2d", "filters": 1, "kernel_size": 3, "padding": 3}], [0, 9], None),
    # The first window of three has padding, 0 and 1, which see 0 to 3 and 2 to 5; the second one 2 to 4.
    ([OVERLAPPING, {"type": "pool2d", "kernel_size": 3, "stride": 3, "padding": 1}], [1, 0], [[4, 11], [0, 5]]),
]  # fmt: skip


def test_a_position_sees_what_it_depends_on(playground: Playground) -> None:
    script = """async ([root, layers, at]) => {
      const { seen } = await import(`${root}/static/playground/sight.js`);
      const { post } = await import(`${root}/static/playground/api.js`);
      const plan = await post("v1/networks/plan", { input_shape: [1, 12, 12], layers });
      return seen(layers, plan.layers, [1, 12, 12], layers.length - 1, at);
    }"""
    told = [playground.page.evaluate(script, [playground.root, layers, at]) for layers, at, _ in SIGHTS]

    assert told == [sight for _, _, sight in SIGHTS]


def test_what_sees_only_padding_or_all_says_so(playground: Playground) -> None:
    page = playground.page
    playground.open("#network?size=48&layers=conv2d:2,3,1,3,random;flatten;linear:2")
    page.locator(".one-map").first.click(position={"x": 1, "y": 1})
    playground.says("position (0, 0): 0. It sees nothing but padding.")
    expect(page.locator(".field-of-view")).to_be_hidden()

    page.locator(".one-map").last.press("ArrowRight")
    playground.says("Layer 3, feature 1: ")
    playground.says("It is made from all features.")
    # The middle of 2 × 52 × 45 features is the first of the second map; with the arrow left the last of the first.
    page.locator(".one-map").nth(2).press("ArrowLeft")
    playground.says("Layer 2, feature 2339: ")
    playground.says("It sees nothing but padding.")


def test_a_link_of_no_size_takes_the_standard_and_jumps_are_short(playground: Playground) -> None:
    playground.open("#network?size=abc&layers=conv_transpose2d:1,3,3,0")

    expect(playground.page.locator(".facts")).to_have_text("1 × 288 × 24610 parameterssees 1 × 1jump 0.3333 × 0.3333")
    expect(playground.page.get_by_label("Picture size")).to_have_value("96")


def test_refusals_stand_at_their_layer(network: Playground) -> None:
    page = network.page
    page.locator(".layer").nth(3).get_by_label("Stride").fill("none")
    error = page.locator(".layer").nth(3).locator(".error:visible")
    expect(error).to_contain_text("stride")

    page.locator(".layer").nth(3).get_by_label("Stride").fill("1")
    expect(error).to_have_count(0)
    page.locator(".layer").nth(3).get_by_label("Size").fill("99")
    expect(page.locator(".layer").nth(3).locator(".error:visible")).to_contain_text(
        "layer 3 (conv2d): the kernel spans 99"
    )


def test_every_type_of_layer_runs(playground: Playground) -> None:
    layers = (
        "batch_norm;conv2d:2,3,2,same,gabor;leaky_relu:0.2;conv_transpose2d:2,2,2,0;sigmoid;pool2d:average,4,,0;"
        "tanh;flatten;linear:10;softmax"
    )
    playground.open(f"#network?size=48&color=rgb&layers={layers}")

    expect(playground.page.locator(".output")).to_have_count(10)
    expect(playground.page.locator(".output h3").last).to_contain_text("10 softmax10, ")


def test_what_the_page_cannot_run_is_said_in_words(network: Playground) -> None:
    page = network.page
    page.get_by_label("Seed").fill("abc")
    network.refuses('the seed is "abc"; it must be a whole number')
    page.get_by_label("Seed").fill("1")
    page.get_by_label("Weights").first.select_option("gabor")
    page.get_by_label("Size", exact=True).first.fill("3,5")
    error = page.locator(".layer").first.locator(".error:visible")
    expect(error).to_contain_text("layer 0 (conv2d): Gabor filters are square and this size is 3 × 5")
    page.get_by_label("Size", exact=True).first.fill("3")
    page.get_by_label("Filters").first.fill("90000000")
    network.refuses("This network is beyond a limit of the service: max_")
