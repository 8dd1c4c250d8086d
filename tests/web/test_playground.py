"""The page around the modes: links that carry the state, keyboard alone, sizes and themes, slow and missing answers."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from playwright.sync_api import Browser, Route, expect
from pydantic import SecretStr

from service.settings import Settings
from tests.web.conftest import Playground, Watched

if TYPE_CHECKING:
    from playwright.sync_api import ViewportSize

    from tests.conftest import Serve

# The clipboard of a machine is shared by all that runs there.
KEEP_WHAT_IS_COPIED = """() => Object.defineProperty(navigator, "clipboard", {
  value: { writeText: async (text) => { window.copied = text; } },
})"""
AXE = (Path(__file__).parents[1] / "data/axe-core/axe.min.js").read_text(encoding="utf-8")
DESKTOP: ViewportSize = {"width": 1280, "height": 900}
PHONE: ViewportSize = {"width": 360, "height": 740}
SETTLED = {
    "matrix": ".expression",
    "picture": ".compare .after[src]",
    "signal": ".plot .now",
    "network": ".one-map",
}
# With everything open: what is folded away has to be in order too.
FRAGMENTS = {
    "matrix": "#matrix?padding=1&gradient=1,1,1;1,1,1;1,1,1&stride=2",
    "picture": "#picture?kernel=gaussian",
    "signal": "#signal",
    "network": "#network?size=48",
}


def opened(browser: Browser, service: httpx.Client, mode: str, **options: Any) -> Playground:
    """Return a mode in a browser of its own."""
    playground = Playground(Watched(browser.new_page(**options)), str(service.base_url).rstrip("/"))
    playground.page.set_default_timeout(20_000)
    playground.open(FRAGMENTS[mode])
    playground.page.locator(SETTLED[mode]).first.wait_for()
    return playground


@pytest.mark.parametrize("mode", list(FRAGMENTS))
def test_axe_finds_nothing(browser: Browser, service: httpx.Client, mode: str) -> None:
    playground = opened(browser, service, mode, viewport=DESKTOP)
    for panel in playground.page.locator("summary").all():
        panel.click()
    for button in playground.page.get_by_role("button", name="NumPy", exact=True).all():
        button.click()
    playground.page.locator(".code:visible").first.wait_for()

    playground.page.evaluate(AXE)
    told = []
    for scheme in ("light", "dark"):
        playground.page.emulate_media(color_scheme=scheme)
        found = playground.page.evaluate("() => axe.run(document, { resultTypes: ['violations'] })")
        told += [
            f"{scheme} {each['impact']} {each['id']}: {node['html'][:120]} {node['failureSummary'][:200]}"
            for each in found["violations"]
            for node in each["nodes"]
        ]

    playground.page.close()
    assert told == []


@pytest.mark.parametrize("mode", list(FRAGMENTS))
def test_it_fits_a_phone(browser: Browser, service: httpx.Client, mode: str) -> None:
    playground = opened(browser, service, mode, viewport=PHONE, is_mobile=True, has_touch=True)
    page = playground.page

    widest = page.evaluate("() => document.documentElement.scrollWidth")
    small = page.evaluate(
        """() => [...document.querySelectorAll("button, select, a, .segment")]
          .filter((each) => each.checkVisibility() && !each.closest("p") && !each.classList.contains("skip"))
          .map((each) => [each.outerHTML.slice(0, 90), each.getBoundingClientRect()])
          .filter(([, box]) => box.height < 23.5 || box.width < 23.5)
          .map(([html]) => html)"""
    )

    page.close()
    assert (widest, small) == (360, [])


def test_at_320_pixels_code_and_tables_scroll_or_wrap(browser: Browser, service: httpx.Client) -> None:
    playground = opened(browser, service, "matrix", viewport={"width": 320, "height": 700})
    page = playground.page
    buttons = page.get_by_role("button", name="curl", exact=True)
    expect(buttons).to_have_count(2)  # they come with the answers
    for button in buttons.all():
        button.click()
    expect(page.locator(".code:visible")).to_have_count(2)
    widths = [page.evaluate("() => document.documentElement.scrollWidth")]
    side = ";".join([",".join(["0.123456"] * 9)] * 9)
    playground.open(f"#matrix?kernel={side}&input={side}")
    expect(page.locator(".small").nth(2).locator("td").first).to_have_text("0.0152414")  # as its sum has it
    widths.append(page.evaluate("() => document.documentElement.scrollWidth"))
    page.goto(f"{playground.root}/problems")
    widths.append(page.evaluate("() => document.documentElement.scrollWidth"))

    page.close()
    assert widths == [320, 320, 320]


def test_forced_colours_keep_what_is_chosen_and_marked(browser: Browser, service: httpx.Client) -> None:
    """There fills and shadows go; what is drawn as a line stays."""
    playground = opened(browser, service, "matrix", viewport=DESKTOP, forced_colors="active")
    page = playground.page
    script = """([selector, pseudo, side]) => {
      const style = getComputedStyle(document.querySelector(selector), pseudo);
      return [style[`${side}Style`], parseFloat(style[`${side}Width`])];
    }"""
    lines = {
        selector: page.evaluate(script, [selector, pseudo, side])
        for selector, pseudo, side in (
            (".modes a[aria-current]", None, "outline"),
            ('.plane[aria-label="Kernel"] td', None, "borderTop"),
            ('.plane[aria-label="Input"] td.tap', "::after", "borderTop"),
            ('.plane[aria-label="Feature map"] td.current', "::after", "borderTop"),
        )
    }
    chosen, other = (
        page.locator(f".segment input:{state} + span").first.evaluate("each => getComputedStyle(each).backgroundColor")
        for state in ("checked", "not(:checked)")
    )
    page.goto(f"{playground.root}/#network?size=48")
    page.locator(".one-map").first.click()
    lines["frame"] = page.evaluate(script, [".field-of-view", None, "borderTop"])

    page.close()
    assert list(lines.values()) == [["solid", 2], ["solid", 1], ["solid", 2], ["solid", 3], ["solid", 3]]
    assert chosen != other


def test_a_screen_reader_is_told_what_the_keyboard_comes_to(playground: Playground) -> None:
    page = playground.page
    cells = playground.grid("Feature map").locator("td")
    expect(cells.nth(4)).to_have_accessible_name("row 1, column 1: −60")
    expect(page.locator(".explain")).to_have_class("explain")
    cells.first.focus()
    page.keyboard.press("ArrowDown")
    playground.says("Position (1, 0): 60×1 + 70×0 + 80×(−1)")
    playground.grid("Input").get_by_label("row 0, column 1", exact=True).focus()
    playground.says("Input cell (0, 1): 2 outputs use it: (0, 0) with 0, (0, 1) with 1.")
    playground.grid("Input").locator("td").nth(7).hover()  # where one only points to, nothing is said
    expect(page.locator(".step-title")).to_have_text("Input cell (1, 2)")
    playground.says("Input cell (0, 1)")


@pytest.mark.parametrize(
    "fragment",
    [
        "#matrix?stride=2&padding=1,0&border=symmetric&operation=convolution&bias=3&kernel=1,2;3,4",
        "#matrix?op=pool&kind=average&kernel_size=3&pool_stride=1",
        "#picture?kernel=gaussian&parameters=size=7,sigma=2&color=rgb&range=clip",
        "#signal?x=1,2,3&h=1,-1&spacing=0.1",
        "#network?layers=conv2d:2,3,1,same,random;relu&size=48&seed=7",
    ],
)
def test_a_link_brings_back_what_was_shared(playground: Playground, fragment: str) -> None:
    playground.open(fragment)
    playground.page.wait_for_timeout(300)

    assert playground.page.evaluate("() => decodeURIComponent(location.hash)") == fragment


def test_what_is_typed_is_in_the_link_and_comes_back(playground: Playground) -> None:
    page = playground.page
    page.get_by_label("Padding", exact=True).fill("same")
    page.get_by_label("Border", exact=True).select_option("circular")
    playground.grid("Kernel").get_by_label("row 0, column 0", exact=True).fill("5")
    shown = playground.grid("Feature map").locator("td")
    expect(shown).to_have_count(25)
    expect(shown.first).to_have_text("1090")
    texts = shown.all_inner_texts()

    page.evaluate(KEEP_WHAT_IS_COPIED)
    playground.button("Share").click()
    expect(page.get_by_text("Link copied")).to_be_visible()
    link = page.evaluate("() => window.copied")
    page.goto("about:blank")
    page.goto(link)

    expect(page.get_by_label("Border", exact=True)).to_have_value("circular")
    expect(shown.first).to_have_text("1090")
    assert shown.all_inner_texts() == texts


def test_an_address_of_no_mode_opens_the_matrix(playground: Playground) -> None:
    playground.open("#cinema?stride=2&colour=blue")

    playground.shows([["-60"] * 3] * 3)


def test_coming_back_to_a_mode_finds_what_was_typed(playground: Playground) -> None:
    page = playground.page
    page.get_by_label("Stride", exact=True).fill("2")
    page.get_by_role("link", name="Signal").click()
    expect(page.get_by_label("Sample spacing dt")).to_be_visible()
    page.get_by_role("link", name="Matrix").click()

    expect(page.get_by_label("Stride", exact=True)).to_have_value("2")
    playground.shows([["-60"] * 2] * 2)


def test_back_returns_to_the_mode_before(playground: Playground) -> None:
    page = playground.page
    page.get_by_label("Stride", exact=True).fill("2")
    page.get_by_role("link", name="Signal").click()
    playground.says("Feature map of 13 samples")
    page.get_by_label("Padding", exact=True).fill("same")
    playground.says("Feature map of 10 samples")
    page.get_by_role("link", name="Signal").click()  # where one is already is no step

    page.go_back()
    playground.shows([["-60"] * 2] * 2)
    expect(page.get_by_role("link", name="Matrix")).to_have_attribute("aria-current", "page")
    page.go_forward()
    expect(page.get_by_label("Padding", exact=True)).to_have_value("same")
    playground.says("Feature map of 10 samples")


def test_the_keyboard_alone_is_enough(playground: Playground) -> None:
    page = playground.page
    page.keyboard.press("Tab")
    expect(page.get_by_text("Skip to the playground")).to_be_focused()
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    expect(page.get_by_role("radio", name="Convolution")).to_be_focused()
    page.keyboard.press("Tab")
    page.keyboard.type("2")
    expect(page.get_by_label("Stride", exact=True)).to_have_value("2")
    playground.shows([["-60"] * 2] * 2)
    tabs = 0
    while not page.evaluate("() => document.activeElement.closest('table')?.ariaLabel === 'Input'"):
        page.keyboard.press("Tab")
        tabs += 1
        assert tabs < 15
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowDown")
    page.keyboard.type("0")
    assert playground.values("Input")[6] == "0"
    # Every window of the four reads (1, 1) but with the weight 0, so only an edge of the window can change one.
    page.keyboard.press("ArrowLeft")  # within what was typed, then on to the next cell
    page.keyboard.press("ArrowLeft")
    page.keyboard.type("0")
    playground.shows([["-120", "-60"], ["-60", "-60"]])
    while not page.evaluate("() => document.activeElement.closest('table')?.ariaLabel === 'Feature map'"):
        page.keyboard.press("Tab")
        tabs += 1
        assert tabs < 30
    page.keyboard.press("ArrowDown")
    expect(page.get_by_role("heading", name="Position (1, 0)")).to_be_visible()
    page.keyboard.press("Tab")
    page.keyboard.press("Tab")
    page.keyboard.press("Tab")
    expect(playground.button("Step")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Position (1, 1)")).to_be_visible()


def test_the_theme_is_the_systems_until_one_is_chosen(browser: Browser, service: httpx.Client) -> None:
    playground = opened(browser, service, "matrix", color_scheme="dark")
    background = "() => getComputedStyle(document.body).backgroundColor"
    assert playground.page.evaluate(background) == "rgb(20, 24, 31)"

    playground.page.get_by_label("Theme").select_option("light")
    playground.page.reload()

    assert playground.page.evaluate(background) == "rgb(255, 255, 255)"
    playground.page.close()


def test_reduced_motion_is_respected(browser: Browser, service: httpx.Client) -> None:
    playground = opened(browser, service, "matrix", reduced_motion="reduce")

    moving = playground.page.evaluate(
        """() => [...document.querySelectorAll("*")]
          .map((each) => getComputedStyle(each))
          .filter((style) => style.animationName !== "none" || !/^0s(, 0s)*$/.test(style.transitionDuration)).length"""
    )

    playground.page.close()
    assert moving == 0


def test_long_work_shows_progress_and_can_be_cancelled(playground: Playground) -> None:
    page = playground.page
    held: list[Route] = []
    page.route("**/v1/conv2d", lambda route: held.append(route))
    stride = page.get_by_label("Stride", exact=True)

    stride.fill("2")
    expect(page.get_by_text("Computing, ")).to_be_visible()
    stride.press_sequentially(", 1")  # nothing waits
    expect(stride).to_have_value("2, 1")
    playground.button("Cancel").click()

    playground.refuses("Cancelled. The last answer stands")
    expect(page.get_by_text("Computing, ")).to_be_hidden()
    playground.shows([["-60"] * 3] * 3)
    page.unroute("**/v1/conv2d")
    stride.fill("2")
    playground.shows([["-60"] * 2] * 2)
    expect(page.locator(".error.general")).to_be_hidden()


def test_of_two_answers_the_later_question_counts(playground: Playground) -> None:
    page = playground.page
    held: list[Route] = []

    def hold_the_first(route: Route) -> None:
        if held:
            route.continue_()
        else:
            held.append(route)

    page.route("**/v1/conv2d", hold_the_first)
    with page.expect_request("**/v1/conv2d"):
        page.get_by_label("Stride", exact=True).fill("2")
    page.get_by_label("Stride", exact=True).fill("3")

    playground.shows([["-60"]])
    page.unroute("**/v1/conv2d")


@pytest.mark.parametrize("status", [0, 503, 413])
def test_a_service_that_is_away_or_busy_loses_nothing(playground: Playground, status: int) -> None:
    page = playground.page
    problem = {"title": "Busy", "status": status, "detail": "the queue is full; try again", "errors": []}

    def refuse(route: Route) -> None:
        if status:
            route.fulfill(status=status, json=problem, content_type="application/problem+json")
        else:
            route.abort("connectionrefused")

    page.route("**/v1/conv2d", refuse)
    playground.grid("Input").get_by_label("row 0, column 0", exact=True).fill("77")

    playground.refuses("the queue is full; try again" if status else "The service did not answer")
    assert playground.values("Input")[0] == "77"
    page.unroute("**/v1/conv2d")
    playground.grid("Input").get_by_label("row 0, column 0", exact=True).fill("70")
    expect(playground.grid("Feature map").locator("td").first).to_have_text("0")
    # Chromium itself reports what did not load.
    playground.watched.complaints = [
        text for text in playground.watched.complaints if not re.search("Failed to load resource", text)
    ]


def test_where_keys_are_set_the_page_asks_for_one(serve: Serve, watched: Watched) -> None:
    playground = Playground(watched, str(serve(Settings(api_keys=SecretStr("open-sesame"))).base_url).rstrip("/"))
    page = playground.page
    page.goto(playground.root)

    key = page.get_by_label("This service asks for a key")
    expect(key).to_be_focused()
    key.fill("открой")
    playground.button("Use it").click()
    assert key.evaluate("key => key.validationMessage").startswith('The key holds "о", which no request can carry')
    key.fill("open-sesame")
    playground.button("Use it").click()

    playground.shows([["-60"] * 3] * 3)
    playground.button("curl").click()
    expect(page.locator(".code")).to_contain_text('-H "Authorization: Bearer $CONVOLUTION_KEY"')
    playground.clean()


def test_modes_can_be_changed_before_they_have_come(playground: Playground) -> None:
    page = playground.page
    for name in ("Network", "Picture", "Signal", "Matrix", "Signal"):
        page.get_by_role("link", name=name).click()

    playground.says("Feature map of 13 samples")
    expect(page.get_by_role("link", name="Signal")).to_have_attribute("aria-current", "page")


SLOW_PICTURES = """
const loading = new Set();
const told = () => document.documentElement.setAttribute("data-loading", loading.size);
let loaded;
window.allLoaded = new Promise((done) => { loaded = done; });
window.letLoad = () => loaded();
HTMLImageElement.prototype.decode = async function () {
  loading.add(this.src);
  told();
  await window.allLoaded;
  loading.delete(this.src);
  told();
};
const revoke = URL.revokeObjectURL.bind(URL);
URL.revokeObjectURL = (url) => { if (loading.has(url)) console.error("revoked while it loads"); revoke(url); };
"""


def test_a_mode_can_be_left_while_its_picture_loads(playground: Playground) -> None:
    page, document = playground.page, playground.page.locator("html")
    page.add_init_script(SLOW_PICTURES)
    page.goto("about:blank")
    page.goto(f"{playground.root}/#picture")  # it may tell nothing before the picture has loaded
    expect(document).to_have_attribute("data-loading", "1")
    page.get_by_role("link", name="Matrix").click()
    playground.shows([["-60"] * 3] * 3)

    page.evaluate("letLoad()")
    expect(document).to_have_attribute("data-loading", "0")
    playground.shows([["-60"] * 3] * 3)


@pytest.mark.parametrize(
    "fragment",
    [
        "#matrix?op=fold&input=&kernel=",
        "#matrix?op=__proto__&constructor=1",
        "#constructor",
        "#network?layers=none&size=48",
    ],
)
def test_a_mangled_link_breaks_nothing(playground: Playground, fragment: str) -> None:
    page = playground.page
    page.goto("about:blank")
    page.goto(f"{playground.root}/{fragment}")

    if fragment.startswith("#network"):
        playground.refuses("layers")
    else:
        playground.shows([["-60"] * 3] * 3)


@pytest.mark.parametrize("text", ["[]", "[[],[]]", ";;"])
def test_of_no_numbers_a_link_makes_one(playground: Playground, text: str) -> None:
    playground.open(f"#matrix?input={text}&kernel={text}")

    assert (playground.values("Input"), playground.values("Kernel")) == (["0"], ["0"])


def test_a_mode_that_does_not_come_leaves_the_one_before(playground: Playground) -> None:
    page = playground.page
    page.route("**/modes/signal.js", lambda route: route.abort("connectionrefused"))
    page.get_by_role("link", name="Signal").click()

    expect(page.get_by_text("The service did not answer. Choose the mode again")).to_be_visible()
    expect(page.get_by_role("link", name="Matrix")).to_have_attribute("aria-current", "page")
    playground.shows([["-60"] * 3] * 3)
    page.unroute("**/modes/signal.js")
    page.get_by_role("link", name="Signal").click()
    playground.says("Feature map of 13 samples")
    # Chromium itself reports what did not load.
    playground.watched.complaints = [
        text for text in playground.watched.complaints if "Failed to load resource" not in text
    ]


def test_steps_of_many_taps_are_asked_for_as_they_are_looked_at(playground: Playground) -> None:
    row = ",".join(["1"] * 20)
    playground.open(f"#matrix?padding=same&input={';'.join([row] * 20)}&kernel={';'.join([row] * 20)}")

    expect(playground.page.locator(".place")).to_have_text("1 of 400")
    playground.button("Back").click()
    # Of 19 cells of padding `same` puts 9 before and 10 after: the last window holds 10 × 10 cells of the input.
    expect(playground.page.get_by_role("heading", name="Position (19, 19)")).to_be_visible()
    expect(playground.page.locator(".total strong")).to_have_text("100")
