"""Signal mode against the real service: fold, displace, multiply, integrate."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

if TYPE_CHECKING:
    from tests.web.conftest import Playground


@pytest.fixture
def signal(playground: Playground) -> Playground:
    """Return the playground in signal mode, with its first answer."""
    playground.open("#signal")
    playground.says("Feature map of 13 samples")
    return playground


def test_the_four_stages_follow_the_position(signal: Playground) -> None:
    """A box from 2 to 5 with 1, 0.75, 0.5, 0.25: y[4] = 1 + 0.75 + 0.5."""
    page = signal.page
    for _ in range(4):
        signal.button("Step").click()

    expect(page.get_by_text("h(τ) becomes h(−τ)")).to_be_visible()
    expect(page.get_by_text("h(t − τ) at t = 4, over x(τ)")).to_be_visible()
    expect(page.locator("figure").filter(has_text="3 Multiply").locator("circle")).to_have_count(4)
    expect(page.get_by_text("y[4] = 2.25")).to_be_visible()
    expect(page.locator(".expression")).to_have_text("0×0.25 + 1×0.5 + 1×0.75 + 1×1 = 2.25")


def test_the_integral_takes_the_sample_spacing(signal: Playground) -> None:
    signal.page.get_by_label("Sample spacing dt").fill("0.5")

    for _ in range(4):
        signal.button("Step").click()
    expect(signal.page.get_by_text("y[4] = 1.125")).to_be_visible()


def test_signals_are_typed_and_drawn(signal: Playground) -> None:
    """With 3 in place of the box's first 1 the largest value is 3 × 0.75 + 1."""
    page = signal.page
    signal.grid("Input").get_by_label("position 2", exact=True).fill("3")
    expect(
        page.locator("figure").filter(has_text="4 Integrate").locator("text.tick").filter(has_text="3.25")
    ).to_be_visible()

    plot = page.locator("figure.edit svg").first
    box = plot.bounding_box()
    assert box
    plot.click(position={"x": box["width"] - 20, "y": 14})

    assert signal.values("Input")[-1] == "3"


def test_correlation_does_not_fold(signal: Playground) -> None:
    signal.page.get_by_label("Operation", exact=True).select_option("cross_correlation")

    expect(signal.page.get_by_text("correlation does not fold")).to_be_visible()


def test_presets_fill_both(signal: Playground) -> None:
    page = signal.page
    page.get_by_label("Fill x(t) with a preset").select_option("Noisy wave")
    page.get_by_label("Fill h(t) with a preset").select_option("Moving average of 5")

    signal.says("Feature map of 36 samples")


def test_refusals_stand_at_their_fields(signal: Playground) -> None:
    signal.page.get_by_label("Sample spacing dt").fill("-1")
    signal.refuses("sample_spacing is -1")
    signal.page.get_by_label("Sample spacing dt").fill("")

    signal.grid("Kernel").get_by_label("position 1", exact=True).fill("?")
    signal.refuses("an array holds numbers")
    expect(signal.grid("Kernel").get_by_label("position 1", exact=True)).to_have_attribute("aria-invalid", "true")


def test_every_position_has_its_step(signal: Playground) -> None:
    signal.page.get_by_label("Padding", exact=True).fill("200")
    signal.says("Feature map of 407 samples")
    expect(signal.page.get_by_text("1 of 407")).to_be_visible()


def test_an_answer_that_is_out_of_date_is_marked_and_not_to_be_copied(signal: Playground) -> None:
    page = signal.page
    signal.button("NumPy").click()
    expect(page.locator("pre.code")).to_be_visible()
    signal.grid("Input").get_by_label("position 1", exact=True).fill("abc")
    signal.refuses("an array holds numbers")
    expect(page.locator(".explain .plots")).to_have_class("plots stale")
    expect(page.locator("pre.code")).to_be_hidden()
    signal.button("Step").click()
    expect(page.get_by_text("y[1] = ")).to_be_visible()  # the old answer's steps, drawn from its own numbers

    signal.grid("Input").get_by_label("position 1", exact=True).fill("1")
    expect(page.locator(".explain .plots")).to_have_class("plots")
    expect(page.locator("pre.code")).to_be_visible()


def test_an_option_that_was_emptied_stays_empty_in_a_link(signal: Playground) -> None:
    signal.page.get_by_label("Padding", exact=True).fill("")
    signal.says("Feature map of 7 samples")
    signal.page.wait_for_url("**#signal?padding=")
    signal.open("#signal?padding=")
    signal.says("Feature map of 7 samples")
    expect(signal.page.get_by_label("Padding", exact=True)).to_have_value("")


def test_the_time_of_a_sample_is_in_the_units_of_its_spacing(signal: Playground) -> None:
    signal.page.get_by_label("Sample spacing dt").fill("0.5")
    for _ in range(4):
        signal.button("Step").click()
    expect(signal.page.get_by_text("h(t − τ) at t = 2, over x(τ)")).to_be_visible()
