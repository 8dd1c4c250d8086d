"""Matrix mode against the real service: the anchor, every option, every way of looking, every refusal."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

if TYPE_CHECKING:
    from tests.web.conftest import Playground


# Of 2 × 2 windows of the ramp; those that overhang are averaged over what they hold: (50 + 100) / 2 = 75.
AVERAGES = [["40", "60", "75"], ["140", "160", "175"], ["215", "235", "250"]]
# Each cell of [[1, 2], [3, 4]] over a block of its own.
SPREAD = [["1", "1", "2", "2"], ["1", "1", "2", "2"], ["3", "3", "4", "4"], ["3", "3", "4", "4"]]


def fill(playground: Playground, name: str, row: int, column: int, text: str) -> None:
    playground.grid(name).get_by_label(f"row {row}, column {column}", exact=True).fill(text)


def test_it_opens_on_the_anchor_with_its_answer(playground: Playground) -> None:
    """The ramp 10 to 250 and three times 1 0 -1: nine times -60."""
    assert playground.values("Input") == [str(10 * n) for n in range(1, 26)]
    assert playground.values("Kernel") == ["1", "0", "-1"] * 3
    playground.shows([["-60"] * 3] * 3)
    expect(playground.page.locator(".formula")).to_contain_text("⌊(5 + 0 + 0 − 1·(3 − 1) − 1) / 1⌋ + 1 = 3")
    expect(playground.page.locator(".expression")).to_contain_text("10×1 + 20×0 + 30×(−1)")
    playground.says("Feature map 3 by 3")
    for label in ("Stride", "Padding", "Dilation", "Border", "Operation", "Bias"):
        expect(playground.page.get_by_label(label, exact=True)).to_be_visible()
    for name in ("Step", "Back", "Play"):
        expect(playground.button(name)).to_be_visible()


def test_typing_changes_the_answer_at_once(playground: Playground) -> None:
    fill(playground, "Kernel", 0, 2, "0")

    # The first row's -1 × (30, 40, 50; 80, …) no longer counts.
    playground.shows([["-30", "-20", "-10"], ["20", "30", "40"], ["70", "80", "90"]])


def test_every_option_reaches_the_service(playground: Playground) -> None:
    page = playground.page
    page.get_by_label("Padding", exact=True).fill("same")
    page.get_by_label("Border", exact=True).select_option("reflect")
    page.get_by_label("Operation", exact=True).select_option("convolution")
    page.get_by_label("Stride", exact=True).fill("2, 1")
    page.get_by_label("Bias", exact=True).fill("1")

    # Reflected, the ramp's slope of 2 × 10 × 3 rows; flipped, its sign turns.
    playground.shows([["1", "61", "61", "61", "1"]] * 3)


def test_padding_is_shown_with_the_values_that_it_takes(playground: Playground) -> None:
    playground.page.get_by_label("Padding", exact=True).fill("1")
    playground.page.get_by_label("Border", exact=True).select_option("replicate")

    ghosts = playground.grid("Input").locator("td.ghost")
    expect(ghosts).to_have_count(7 * 7 - 25)
    expect(ghosts.first).to_have_text("10")
    expect(ghosts.nth(6)).to_have_text("50")


def test_step_back_and_play_walk_through_the_positions(playground: Playground) -> None:
    page = playground.page
    place = page.locator(".place")
    playground.button("Step").click()
    playground.button("Step").click()
    expect(place).to_have_text("3 of 9")
    playground.button("Back").click()
    expect(place).to_have_text("2 of 9")
    expect(page.locator(".expression")).to_contain_text("20×1 + 30×0")

    page.get_by_label("Speed").select_option("Fast")
    playground.button("Play").click()
    expect(place).not_to_have_text("2 of 9")
    playground.button("Pause").click()
    expect(playground.button("Play")).to_be_visible()


def test_an_output_cell_lights_its_window(playground: Playground) -> None:
    playground.grid("Feature map").locator("td").nth(4).hover()

    expect(playground.page.get_by_text("Position (1, 1)")).to_be_visible()
    taps = playground.grid("Input").locator("td.tap")
    expect(taps).to_have_count(9)
    expect(taps.first.locator("input")).to_have_value("70")
    assert taps.nth(2).get_attribute("data-note") == "×−1"


def test_an_input_cell_lights_the_outputs_that_use_it(playground: Playground) -> None:
    playground.grid("Input").get_by_label("row 0, column 1", exact=True).focus()

    users = playground.grid("Feature map").locator("td.user")
    expect(users).to_have_count(2)
    # Output (0, 0) meets it with the kernel's (0, 1), output (0, 1) with (0, 0).
    assert [users.nth(i).get_attribute("data-note") for i in range(2)] == ["×0", "×1"]
    expect(playground.page.locator(".expression")).to_contain_text("2 outputs use it: (0, 0) with 0, (0, 1) with 1")


@pytest.mark.parametrize(
    ("fragment", "rows"),
    [
        ("#matrix?op=pool&kernel_size=2", [["70", "90"], ["170", "190"]]),
        ("#matrix?op=pool&kernel_size=2&ceil_mode=true&kind=average", AVERAGES),
        ("#matrix?op=pool&output_size=1&kind=min", [["10"]]),
        ("#matrix?op=transpose&input=1,2;3,4&kernel=1,1;1,1&stride=2", SPREAD),
    ],
)
def test_pools_and_transposed_convolutions(playground: Playground, fragment: str, rows: list[list[str]]) -> None:
    playground.open(fragment)

    playground.shows(rows)
    playground.button("Step").click()
    expect(playground.page.locator(".step-title")).to_contain_text("Position")


def test_the_layer_can_be_changed(playground: Playground) -> None:
    playground.page.get_by_text("Pooling").click()

    playground.shows([["70", "90"], ["170", "190"]])
    expect(playground.grid("Input").locator("td.selected input")).to_have_value("70")
    expect(playground.page.get_by_role("radio", name="Pooling")).to_be_focused()


def test_presets_and_named_kernels_fill_the_grids(playground: Playground) -> None:
    page = playground.page
    page.get_by_label("Example matrices").select_option("impulse")
    page.get_by_label("Named and example weights").select_option("sobel_y")

    expect(playground.grid("Input").locator("input")).to_have_count(49)
    # An impulse answers with the kernel turned by half a circle.
    expect(playground.grid("Feature map").locator("td").nth(6)).to_have_text("1")
    playground.says("values from −2 to 2")


@pytest.mark.parametrize("text", ["1\t2\t3\n4\t5\t6\n7\t8\t9\n", "[[1, 2, 3], [4, 5, 6], [7, 8, 9]]"])
def test_a_block_pasted_from_elsewhere_becomes_the_grid(playground: Playground, text: str) -> None:
    playground.paste(text)

    assert playground.values("Input") == [str(n) for n in range(1, 10)]
    playground.shows([["-6"]])


@pytest.mark.parametrize("text", ["1 2 3\n4 5\n6", "[[1, 2, 3], [4, 5], [6]]"])
def test_short_rows_of_a_paste_are_filled_up(playground: Playground, text: str) -> None:
    playground.paste(text)

    assert playground.values("Input") == ["1", "2", "3", "4", "5", "0", "6", "0", "0"]


@pytest.mark.parametrize("text", ["[]", "[[]]", "\n\n"])
def test_a_paste_of_nothing_takes_nothing_away(playground: Playground, text: str) -> None:
    playground.paste(text)

    assert len(playground.values("Input")) == 25


def test_of_a_paste_that_is_too_large_the_page_says_what_it_keeps(playground: Playground) -> None:
    playground.paste("\n".join(["\t".join(["1"] * 25)] * 30))

    expect(playground.page.locator("#toast")).to_have_text("30 × 25 cells, of which the first 24 × 24 have room here")


def test_numbers_fit_their_cells(playground: Playground) -> None:
    """Scaled by thousandths and by thousands, with a fraction that no digits end."""
    for kernel in ("0.001,0,0;0,-7,0;0,0,0", "1000,0,0;0,0.5,0;0,0,-0.001", "0.333,0,0;0,0,0;0,0,0.3333333"):
        playground.open(f"#matrix?kernel={kernel}&bias=0.123456")
        wide = playground.grid("Feature map").evaluate(
            """table => [...table.querySelectorAll("td")].map((cell) => {
              const range = document.createRange();
              range.selectNodeContents(cell);
              return [cell.textContent, cell.clientWidth - range.getBoundingClientRect().width];
            }).filter(([, room]) => room < 0)"""
        )
        assert wide == []


def test_a_grid_can_be_resized(playground: Playground) -> None:
    page = playground.page
    page.get_by_label("Rows", exact=True).first.fill("4")
    page.get_by_label("Rows", exact=True).first.press("Enter")

    playground.shows([["-60"] * 3] * 2)
    assert len(playground.values("Input")) == 20


@pytest.mark.parametrize(
    ("label", "text", "detail"),
    [
        ("Stride", "two", 'stride is "two"; it must be an integer of at least 1'),
        ("Stride", "0", "stride is 0; it must be an integer of at least 1"),
        ("Padding", "sme", 'padding is "sme"'),
        ("Dilation", "1.5", "dilation is 1.5"),
        ("Bias", "a lot", 'bias is "a lot"'),
    ],
)
def test_a_refusal_stands_at_its_field_and_nothing_is_lost(
    playground: Playground, label: str, text: str, detail: str
) -> None:
    control = playground.page.get_by_label(label, exact=True)
    control.fill(text)

    expect(control).to_have_attribute("aria-invalid", "true")
    error = playground.page.locator(f"#{control.get_attribute('aria-describedby')}")
    expect(error).to_contain_text(detail)
    expect(control).to_have_value(text)
    playground.shows([["-60"] * 3] * 3)

    control.fill("1" if label != "Bias" else "")
    expect(error).to_be_hidden()
    assert control.get_attribute("aria-invalid") is None


def test_a_refused_cell_is_marked(playground: Playground) -> None:
    fill(playground, "Input", 1, 2, "eight")

    cell = playground.grid("Input").get_by_label("row 1, column 2", exact=True)
    expect(cell).to_have_attribute("aria-invalid", "true")
    playground.refuses("an array holds numbers")
    expect(cell).to_have_value("eight")


def test_a_kernel_that_does_not_fit_is_told_so_at_the_kernel(playground: Playground) -> None:
    playground.open("#matrix?input=1,2;3,4")

    playground.refuses("the kernel spans 3 rows but the padded input has 2")
    expect(playground.grid("Kernel").locator("input[aria-invalid]")).to_have_count(9)


def test_the_backward_panel_shows_gradients_and_descends(playground: Playground) -> None:
    page = playground.page
    page.get_by_text("Backward pass").click()

    # Of the sum of the feature map: the kernel's gradient is the sum of each tap's 3 × 3 cells.
    playground.shows([["630", "720", "810"], ["1080", "1170", "1260"], ["1530", "1620", "1710"]], "∂L/∂k")
    # The full convolution of nine ones with the kernel.
    row = ["1", "1", "0", "-1", "-1"]
    twice, thrice = [[str(int(text) * times) for text in row] for times in (2, 3)]
    playground.shows([row, twice, thrice, twice, row], "∂L/∂x")

    fill(playground, "Output gradient", 0, 0, "0")
    expect(playground.grid("∂L/∂k").locator("td").first).to_have_text("620")
    page.get_by_label("Learning rate").fill("0.001")
    expect(playground.grid("Updated kernel").locator("td").first).to_have_text("0.38")
    playground.button("Use the updated weights").click()
    expect(playground.grid("Kernel").locator("input").first).to_have_value("0.38")


def test_a_refused_gradient_is_marked(playground: Playground) -> None:
    playground.page.get_by_text("Backward pass").click()
    playground.page.get_by_label("Learning rate").fill("fast")

    playground.refuses('learning_rate is "fast"')


def test_a_large_grid_answers_within_a_moment(playground: Playground) -> None:
    playground.page.get_by_label("Example matrices").select_option("large")
    expect(playground.grid("Feature map").locator("td")).to_have_count(100)

    fill(playground, "Input", 0, 0, "100")

    expect(playground.grid("Feature map").locator("td").first).to_have_text(re.compile("^9|^1"))


@pytest.mark.parametrize("width", [1280, 360])
def test_errors_do_not_lie_on_anything(playground: Playground, width: int) -> None:
    playground.page.set_viewport_size({"width": width, "height": 900})
    for fragment, count in (("#matrix?stride=two&padding=sme&dilation=0", 3), ("#matrix?input=1,x;2,3", 1)):
        playground.page.goto("about:blank")
        playground.page.goto(f"{playground.root}/{fragment}")
        expect(playground.page.locator(".error:visible")).to_have_count(count)

        covered = playground.page.evaluate(
            """() => {
              const shown = [...document.querySelectorAll(".error, label, input, select, button, h2")]
                .filter((each) => each.checkVisibility() && !each.matches(".segment *"));
              const errors = shown.filter((each) => each.matches(".error"));
              const boxes = new Map(shown.map((each) => [each, each.getBoundingClientRect()]));
              const meet = (a, b) => a.left < b.right && b.left < a.right && a.top < b.bottom && b.top < a.bottom;
              return errors.flatMap((error) => shown.filter((each) => each !== error
                && meet(boxes.get(error), boxes.get(each))).map((each) => each.outerHTML.slice(0, 90)));
            }"""
        )
        assert covered == []
        assert playground.page.evaluate("() => document.documentElement.scrollWidth") == width
