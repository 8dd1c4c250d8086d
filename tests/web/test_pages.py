"""The playground's files as they are served: policy, palette, addresses, size, provenance."""

from __future__ import annotations

import hashlib
import re
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING

import httpx
import pytest
from playwright.sync_api import Browser, expect
from starlette.types import ASGIApp, Receive, Scope, Send

from service.app import create_app
from service.drawing import palette
from service.settings import Settings
from service.web import STATIC_FOLDER

if TYPE_CHECKING:
    from tests.conftest import Serve
    from tests.web.conftest import Playground, Watched

PAGE = STATIC_FOLDER.parent / "playground.html"
SOURCES = sorted(path for path in (STATIC_FOLDER / "playground").rglob("*.*") if path.suffix in (".js", ".css", ".svg"))
BUDGET = 200_000


def test_the_page_allows_nothing_inline_and_nothing_foreign(service: httpx.Client) -> None:
    policy = service.get("/").headers["content-security-policy"]

    assert "unsafe" not in policy
    assert "default-src 'none'" in policy
    assert re.findall(r"https?:|\*", policy) == []


def test_the_page_and_the_docs_lead_to_each_other(service: httpx.Client) -> None:
    assert '<a href="docs">' in service.get("/").text
    for name in ("docs", "redoc"):
        assert re.search(r'<a href="[^"]*/">.*[Pp]layground', service.get(f"/{name}").text)


def test_every_address_in_the_page_is_relative() -> None:
    """So that it works under any path prefix."""
    addresses = re.findall(r'(?:href|src)="([^"]*)"', PAGE.read_text(encoding="utf-8"))

    assert addresses
    assert [address for address in addresses if address.startswith("/") or ":" in address] == []


def test_no_file_of_the_page_names_a_host() -> None:
    found = {
        path.name: hosts
        for path in [PAGE, *SOURCES]
        if (hosts := re.findall(r"(?:https?:)?//[a-z0-9-]+\.[a-z.]+[^\s\"']*", path.read_text(encoding="utf-8")))
    }

    assert set(found) <= {"dom.js", "icon.svg"}
    assert {host for hosts in found.values() for host in hosts} <= {"http://www.w3.org/2000/svg"}


def test_the_page_wears_the_palette_of_the_drawings() -> None:
    text = (STATIC_FOLDER / "playground/palette.css").read_text(encoding="utf-8")
    told = dict(re.findall(r"--([a-z0-9-]+): ([^;]+);", text))
    expected = {f"diverging-{index}": colour for index, colour in enumerate(palette.DIVERGING)}
    for field in fields(palette.Theme):
        light, dark = getattr(palette.LIGHT, field.name), getattr(palette.DARK, field.name)
        if field.name == "values":
            pairs = enumerate(zip(light, dark, strict=True))
            expected |= {f"value-{index}": f"light-dark({one}, {other})" for index, (one, other) in pairs}
        else:
            expected[field.name] = f"light-dark({light}, {dark})"

    assert {name: told.get(name) for name in expected} == expected
    assert set(told) - set(expected) == {"error"}


def test_cells_are_coloured_as_in_the_drawings(playground: Playground) -> None:
    values = [0, 1, -1, 0.001, -0.5, 30, -60, 100, 49.9, -1e-9]

    script = (
        "async ([root, values]) => { const { shade } = await import(root); return values.map((v) => shade(v, 100)); }"
    )
    shades = playground.page.evaluate(script, [f"{playground.root}/static/playground/numbers.js", values])

    assert shades == [f"v{palette.level(value, 100)}" for value in values]


@pytest.mark.parametrize("folder", ["static/pictures", "static/vendor/inter"])
def test_what_is_not_ours_has_its_provenance_beside_it(folder: str) -> None:
    told = (STATIC_FOLDER.parent / folder / ("README.md" if "pictures" in folder else "LICENSE")).read_text("utf-8")

    for path in (STATIC_FOLDER.parent / folder).glob("*.jpg"):
        assert hashlib.sha256(path.read_bytes()).hexdigest() in told
    assert "public domain" in told or "SIL Open Font License" in told


def test_axe_is_the_one_whose_provenance_is_told() -> None:
    folder = Path(__file__).parents[1] / "data/axe-core"

    assert hashlib.sha256((folder / "axe.min.js").read_bytes()).hexdigest() in (folder / "README.md").read_text("utf-8")


def test_the_first_load_is_small(service: httpx.Client, browser: Browser) -> None:
    page = browser.new_page()  # of somebody who was never here
    page.goto(str(service.base_url))
    expect(page.get_by_role("gridcell", name=re.compile("^row [0-2], column [0-2]: −60$"))).to_have_count(9)
    script = "() => performance.getEntries().reduce((sum, entry) => sum + (entry.transferSize || 0), 0)"

    transferred = page.evaluate(script)
    page.close()

    assert 20_000 < transferred < BUDGET


class Prefixed:
    """Tells the application, as a server behind a proxy does, below which prefix it is reached."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self.app({**scope, "root_path": "/conv"}, receive, send)


def test_it_works_below_a_path_prefix(serve: Serve, watched: Watched) -> None:
    app = create_app(Settings())
    app.outer = Prefixed(app.outer)
    root = str(serve(app).base_url).rstrip("/")

    watched.page.goto(f"{root}/conv/")

    expect(watched.page.get_by_role("gridcell", name=re.compile("^row [0-2], column [0-2]: −60$"))).to_have_count(9)
    watched.page.get_by_role("link", name="Picture").click()
    expect(watched.page.locator(".compare .after")).to_have_js_property("naturalWidth", 320)
    outside = [url for url in watched.requested if not url.startswith((f"{root}/conv/", "blob:"))]
    assert (outside, watched.complaints) == ([], [])


def test_browsers_ask_whether_a_file_has_changed(service: httpx.Client) -> None:
    """Without a version in their names, old modules would otherwise run with new ones after an upgrade."""
    first = service.get("/static/playground/main.js")
    again = service.get("/static/playground/main.js", headers={"If-None-Match": first.headers["etag"]})

    assert [first.headers["cache-control"], again.headers["cache-control"]] == ["no-cache", "no-cache"]
    assert (again.status_code, again.content) == (304, b"")
