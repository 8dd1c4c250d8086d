"""Numbers as they are typed, pasted and linked: what is no number is refused at its cell, and none is made of it."""

from __future__ import annotations

import json
import random
from typing import TYPE_CHECKING, Any

import pytest
from playwright.sync_api import expect

from service.drawing.numbers import short

if TYPE_CHECKING:
    from tests.web.conftest import Playground


def evaluated(playground: Playground, expression: str, argument: Any) -> Any:
    """Return what an expression of the page's `numbers` makes of an argument."""
    script = f"async ([root, given]) => {{ const numbers = await import(root); return {expression}; }}"
    return playground.page.evaluate(script, [f"{playground.root}/static/playground/numbers.js", argument])


def refused(playground: Playground, grid: str, place: int, text: str) -> None:
    """Expect a cell, and no other of its grid, to be marked as no number, with its text still there."""
    cells = playground.grid(grid).get_by_role("textbox")
    expect(cells.nth(place)).to_have_attribute("aria-invalid", "true")
    expect(playground.grid(grid).locator("input[aria-invalid]")).to_have_count(1)
    expect(cells.nth(place)).to_have_value(text)
    playground.refuses("an array holds numbers")


@pytest.mark.parametrize("text", ["1,5", "1 000", "1;5"])
def test_a_cell_that_holds_no_number_is_refused_also_after_a_reload(playground: Playground, text: str) -> None:
    """Each could be taken for two cells, or for none."""
    cell = playground.grid("Input").get_by_role("textbox").first
    with playground.page.expect_request("**/v1/conv2d") as asked:
        cell.fill(text)
    sent = json.loads(asked.value.post_data or "{}")["input"]
    assert (sent[0], [len(row) for row in sent]) == ([text, 20, 30, 40, 50], [5] * 5)
    refused(playground, "Input", 0, text)
    playground.page.wait_for_timeout(200)

    playground.page.reload()
    refused(playground, "Input", 0, text)


def test_an_emptied_cell_of_a_column_is_refused(playground: Playground) -> None:
    playground.open("#matrix?kernel=1;2;1&input=1,2;3,4;5,6;7,8")
    playground.grid("Kernel").get_by_role("textbox").nth(1).fill("")

    refused(playground, "Kernel", 1, "")
    playground.shows([["12", "16"], ["20", "24"]])  # the answer before: 1 + 2 × 3 + 5


@pytest.mark.parametrize(
    ("fragment", "grid", "place"),
    [
        ("#signal", "Input", 0),
        ("#picture", "Values", 3),
        ("#matrix?gradient=1", "Output gradient", 0),
    ],
)
def test_the_same_holds_in_every_grid(playground: Playground, fragment: str, grid: str, place: int) -> None:
    playground.open(fragment)
    cells = playground.grid(grid).get_by_role("textbox")
    cells.nth(place).wait_for()
    count = cells.count()
    text = "" if place == 3 else "1,5"
    cells.nth(place).fill(text)
    refused(playground, grid, place, text)
    playground.page.wait_for_timeout(200)

    playground.page.reload()
    refused(playground, grid, place, text)
    assert cells.count() == count


def test_a_proper_minus_sign_counts_after_a_reload(playground: Playground) -> None:
    playground.open("#picture")
    playground.says("Feature map 1 × 375 × 320")
    playground.grid("Values").get_by_role("textbox").first.fill("−3")
    playground.page.wait_for_url("**kernel=own**")
    playground.page.reload()

    playground.says("Feature map 1 × 375 × 320")
    assert playground.values("Values")[0] == "-3"


# By hand: which cells each is.
BLOCKS = {
    "1,5\t2,5\n3,5\t4": [["1,5", "2,5"], ["3,5", "4"]],
    "\t2\n3\t4": [["", "2"], ["3", "4"]],
    "1\t2\n3\t": [["1", "2"], ["3", ""]],
    "1\n\n3\n": [["1"], [""], ["3"]],
    "1 2\n\n3 4\n": [["1", "2"], ["3", "4"]],
    "1,5;2\n3,5;4": [["1,5", "2"], ["3,5", "4"]],
    "1,5 2,5\n3 4": [["1,5", "2,5"], ["3", "4"]],
    "1, 2\n3,4": [["1", "2"], ["3", "4"]],
    "1 2;3 4": [["1", "2"], ["3", "4"]],
    "[[1. 2.]\n [3. 4.]]": [["1.", "2."], ["3.", "4."]],
    "array([[1, 2],\n       [3, 4]])": [["1", "2"], ["3", "4"]],
    "np.array([[1, 2], [3, 4]], dtype=np.float64)": [["1", "2"], ["3", "4"]],
    "tensor([[1., 2.],\n        [3., 4.]])": [["1.", "2."], ["3.", "4."]],
    "[1 2; 3 4]": [["1", "2"], ["3", "4"]],
    "[1, 2;\n 3, 4];": [["1", "2"], ["3", "4"]],
}


def test_a_block_is_read_as_it_was_meant(playground: Playground) -> None:
    read = evaluated(playground, "given.map(numbers.block)", list(BLOCKS))

    assert dict(zip(BLOCKS, read, strict=True)) == BLOCKS


def test_a_pasted_decimal_comma_or_blank_is_refused_at_its_cell(playground: Playground) -> None:
    playground.paste("1,5\t2\n3\t4\n")
    refused(playground, "Input", 0, "1,5")
    assert len(playground.values("Input")) == 4

    playground.paste("\t2\n3\t4\n")
    playground.page.keyboard.press("Tab")
    refused(playground, "Input", 0, "")
    assert playground.values("Input") == ["", "2", "3", "4"]

    playground.paste("1,5")  # one number and no block: the cell takes it as it takes what is typed
    assert len(playground.values("Input")) == 4


def test_any_texts_come_back_from_a_link(playground: Playground) -> None:
    awkward = ["1,5", "1 5", "1,000.5", "1;5", "1.234,5", "1 000", "", "[1", 'a"b', "1\u00a0000"]
    grids = [[[text] for text in awkward], *([[text, "2"]] for text in awkward), [["1", "2"]]]

    texts = evaluated(playground, "given.map(numbers.unblock)", grids)
    assert texts[-1] == "1,2"  # where they are plain the link stays so
    assert evaluated(playground, "given.map(numbers.block)", texts) == grids


def test_numbers_are_written_as_in_the_drawings(playground: Playground) -> None:
    """Of halves that lie between two digits the even one, and thousands to the whole number."""
    draw = random.Random(7)
    values = [1234.56, 12345.678, 12344.5, 0.03125, -0.0, 9999.5, 99999.96, 1e7, -1234567.5, 0.00009999999, 2e-300]
    values += [draw.choice((-1, 1)) * draw.uniform(0, 1) * 10 ** draw.randint(-9, 12) for _ in range(2000)]
    values += [draw.randint(-(10**6), 10**6) / 2 ** draw.randint(0, 12) for _ in range(2000)]
    for digits in (2, 3, 4, 6):
        told = evaluated(playground, f"given.map((value) => numbers.short(value, {digits}))", values)
        assert told == [short(value, digits) for value in values]
