"""A browser that reports what a page does behind its back."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Page, Request, sync_playwright


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


@pytest.fixture
def watched(browser: Browser) -> Iterator[Watched]:
    """Return an empty page that keeps account of its requests, its console's warnings and its errors."""
    page = browser.new_page()
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
