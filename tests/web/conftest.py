"""A browser that reports what a page does behind its back."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field

import httpx
import pytest
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Locator, Page, Request, expect, sync_playwright

MINUS = "\u2212"


@dataclass
class Watched:
    """A page, what it asked of whom, and what it complained of."""

    page: Page
    requested: list[str] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)


@pytest.fixture(scope="module")  # while Playwright is there no other test of this process can run an event loop
def browser() -> Iterator[Browser]:
    """Return headless Chromium: the one that ./scripts/browser finds or installs."""
    found = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("google-chrome")
    assert found, "the tests of the pages drive Chromium and there is none: run ./scripts/browser"
    # A sandbox within a container would need rights that root there has not; only our own pages are opened.
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=found, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def context(browser: Browser) -> Iterator[BrowserContext]:
    """Return one person's browser: what it has fetched it keeps, as people's do."""
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    yield context
    context.close()


@pytest.fixture
def watched(context: BrowserContext) -> Iterator[Watched]:
    """Return an empty page that keeps account of its requests, its console's warnings and its errors."""
    page = context.new_page()
    page.set_default_timeout(20_000)
    watched = Watched(page)

    def on_request(request: Request) -> None:
        watched.requested.append(request.url)

    def on_console(message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            watched.complaints.append(f"{message.type}: {message.text}")

    page.on("request", on_request)
    page.on("console", on_console)
    page.on("pageerror", lambda error: watched.complaints.append(f"uncaught: {error}"))
    yield watched
    page.close()


@dataclass
class Playground:
    """The playground in a browser, in the words of someone who uses it."""

    watched: Watched
    root: str

    @property
    def page(self) -> Page:
        """The page."""
        return self.watched.page

    def open(self, fragment: str = "") -> None:
        """Go to the playground, and wait until it has told what it shows."""
        self.page.goto("about:blank")  # a change of the fragment alone would not load anything
        self.page.goto(f"{self.root}/{fragment}")
        expect(self.page.locator("#announcer")).not_to_be_empty(timeout=20_000)

    def grid(self, name: str) -> Locator:
        """Return an editable or read-only matrix by its name."""
        return self.page.get_by_role("grid", name=name, exact=True)

    def paste(self, text: str) -> None:
        """Paste a text into the input's first cell."""
        script = """(cell, text) => {
          const data = new DataTransfer();
          data.setData("text/plain", text);
          cell.dispatchEvent(new ClipboardEvent("paste", { clipboardData: data, bubbles: true, cancelable: true }));
        }"""
        self.grid("Input").get_by_label("row 0, column 0", exact=True).evaluate(script, text)

    def shows(self, rows: list[list[str]], name: str = "Feature map") -> None:
        """Expect a read-only matrix to show these numbers."""
        texts = [text.replace("-", MINUS) for row in rows for text in row]
        expect(self.grid(name).locator("td:not(.ghost)")).to_have_text(texts)

    def values(self, name: str) -> list[str]:
        """Return the texts of an editable matrix, row by row, with the minus sign of a keyboard."""
        cells = self.grid(name).locator("td:not(.ghost) input")
        texts: list[str] = cells.evaluate_all("cells => cells.map(cell => cell.value)")
        return [text.replace(MINUS, "-") for text in texts]

    def button(self, name: str) -> Locator:
        """Return a button by its name."""
        return self.page.get_by_role("button", name=name, exact=True)

    def says(self, text: str) -> None:
        """Expect the live region to announce a text."""
        expect(self.page.locator("#announcer")).to_contain_text(text)

    def refuses(self, detail: str | re.Pattern[str]) -> None:
        """Expect a problem's detail to be in sight."""
        expect(self.page.locator(".error").filter(has_text=detail)).to_be_visible()

    def clean(self) -> None:
        """Expect that the page complained of nothing, and asked nobody but this service.

        Chromium itself reports answers of 4xx; the page shows what they say, which is not a fault of it.
        """
        told = [text for text in self.watched.complaints if "the server responded with a status of 4" not in text]
        foreign = [url for url in self.watched.requested if not url.startswith((f"{self.root}/", "blob:", "about:"))]
        assert (told, foreign) == ([], [])


@pytest.fixture
def playground(service: httpx.Client, watched: Watched) -> Iterator[Playground]:
    """Return the playground, opened on what it opens with; at the end it has complained of nothing."""
    playground = Playground(watched, str(service.base_url).rstrip("/"))
    playground.open()
    yield playground
    playground.clean()
