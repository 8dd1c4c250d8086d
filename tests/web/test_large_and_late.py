"""What is too large to be shown, and what on the page may not stand beside an answer that is not its own."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

from playwright.sync_api import Route, expect

if TYPE_CHECKING:
    from tests.web.conftest import Playground

ONES = ";".join([",".join(["1"] * 12)] * 12)
PROBLEM = {"title": "Busy", "status": 429, "detail": "too many requests; wait a second", "errors": []}


def busy(route: Route) -> None:
    """Answer as a service does that has too much to do."""
    route.fulfill(status=429, json=PROBLEM, content_type="application/problem+json")


def forget_what_did_not_load(playground: Playground) -> None:
    """Chromium itself reports what did not load."""
    complaints = playground.watched.complaints
    playground.watched.complaints = [text for text in complaints if "Failed to load resource" not in text]


def test_a_large_map_is_told_of_and_not_drawn(playground: Playground) -> None:
    page = playground.page
    page.get_by_label("Padding", exact=True).fill("1000")
    side = 2003
    playground.says(f"Feature map {side} by {side}, values from −510 to 600")

    expect(page.get_by_text("Too large to show here. The programs below and the API have its numbers.")).to_be_visible()
    expect(page.get_by_text("The padding around it is too large to show.")).to_be_visible()
    expect(page.locator(".grid-title").last).to_have_text(f"Feature map{side} × {side}")
    expect(page.locator(".place")).to_have_text(f"1 of {side**2}")
    expect(page.locator("td")).to_have_count(25 + 9 + 3 * 9)
    playground.button("Step").click()
    expect(page.get_by_role("heading", name="Position (0, 1)")).to_be_visible()
    playground.button("NumPy").click()
    expect(page.locator(".code")).to_contain_text("(1000,1000), (1000,1000)")
    page.get_by_label("Padding", exact=True).fill("0")
    playground.shows([["-60"] * 3] * 3)


def test_a_long_signal_is_told_of_and_not_drawn(playground: Playground) -> None:
    playground.open("#signal?padding=150000")

    playground.says("Feature map of 300007 samples")
    expect(playground.page.get_by_text("300007 samples: too large to show here.")).to_be_visible()
    expect(playground.page.locator(".tick").first).to_be_visible()
    assert playground.page.locator(".tick").count() < 80
    playground.button("Back").click()
    expect(playground.page.locator(".place")).to_have_text("300007 of 300007")
    expect(playground.page.get_by_text("y[300006] = 0")).to_be_visible()


def test_an_output_that_no_grid_has_room_for_takes_a_gradient_of_ones(playground: Playground) -> None:
    """Of 12 × 12 ones under a stride of 3 each of 36 × 36 outputs uses one, with one of the kernel's 3 × 3 weights."""
    fragment = f"#matrix?op=transpose&stride=3&gradient=1&input={ONES}"
    with playground.page.expect_request("**/gradients") as asked:
        playground.open(fragment)
    assert json.loads(asked.value.post_data or "{}")["output_gradient"] == [[1] * 36] * 36

    playground.shows([["144"] * 3] * 3, "∂L/∂k")
    expect(playground.page.get_by_text("The output is 36 × 36, too large to edit its gradient here")).to_be_visible()
    playground.page.get_by_label("Stride", exact=True).fill("1")
    expect(playground.grid("Output gradient").get_by_role("textbox")).to_have_count(14 * 14)
    playground.shows([["144"] * 3] * 3, "∂L/∂k")


def test_steps_are_marked_until_they_are_those_of_the_answer(playground: Playground) -> None:
    page = playground.page
    held: list[Route] = []
    page.route("**/trace", lambda route: held.append(route))
    page.get_by_label("Stride", exact=True).fill("2")
    playground.shows([["-60"] * 2] * 2)
    expect(page.locator(".explain")).to_have_class("explain stale")
    expect(playground.grid("Input").locator("td.tap")).to_have_count(0)
    page.wait_for_timeout(50)
    held.pop().continue_()
    expect(page.locator(".explain")).to_have_class("explain")
    expect(page.locator(".place")).to_have_text("1 of 4")

    page.unroute("**/trace")
    page.route("**/trace", busy)
    page.get_by_label("Stride", exact=True).fill("1")
    playground.refuses("too many requests; wait a second")
    playground.shows([["-60"] * 3] * 3)
    expect(page.locator(".step-title")).to_have_text("The steps of this answer did not come")
    expect(page.locator(".expression")).to_have_text("")
    expect(page.locator(".formula dd")).to_have_count(0)
    forget_what_did_not_load(playground)


def test_gradients_follow_the_layer_and_the_answer(playground: Playground) -> None:
    page = playground.page
    page.get_by_text("Backward pass").click()
    playground.grid("∂L/∂k").wait_for()
    take = playground.button("Use the updated weights")
    expect(take).to_be_enabled()
    stale = page.locator(".backward .equation.stale")

    playground.grid("Kernel").get_by_role("textbox").first.fill("abc")
    expect(stale).to_have_count(2)
    expect(take).to_be_disabled()
    playground.grid("Kernel").get_by_role("textbox").first.fill("1")
    expect(stale).to_have_count(0)
    expect(take).to_be_enabled()

    page.get_by_label("Learning rate").fill("fast")
    expect(stale).to_have_count(2)
    expect(take).to_be_disabled()
    page.get_by_label("Learning rate").fill("0.5")

    page.get_by_text("Pooling").click()
    expect(page.get_by_label("Learning rate")).to_have_count(0)
    expect(playground.grid("∂L/∂x").locator("td")).to_have_count(25)
    expect(playground.grid("∂L/∂k")).to_have_count(0)
    page.get_by_text("Transposed").click()
    expect(playground.grid("∂L/∂k")).to_be_visible()
    expect(page.get_by_label("Learning rate")).to_have_value("0.5")


def test_what_does_not_come_is_told(playground: Playground) -> None:
    page = playground.page
    page.route("**/v1/kernels/sobel_x", busy)
    page.route("**/backward.js", lambda route: route.abort("connectionrefused"))
    page.get_by_label("Named and example weights").select_option("sobel_x")
    playground.refuses("too many requests; wait a second")
    page.get_by_text("Backward pass").click()
    playground.refuses("The service did not answer. Close the panel and open it to try again.")

    page.unroute("**/backward.js")
    page.get_by_text("Backward pass").click()
    page.get_by_text("Backward pass").click()
    expect(playground.grid("∂L/∂k")).to_be_visible()
    page.route(re.compile("snippets/curl.js"), lambda route: route.abort("connectionrefused"))
    playground.button("curl").first.click()
    expect(page.locator("#toast")).to_have_text("The service did not answer. Choose it again to try again.")
    forget_what_did_not_load(playground)
