"""Every error that a room can raise has its type of problem, its status and its page; a crash tells nothing."""

from __future__ import annotations

import ast
import logging
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from service.api.dispatch import Dispatch
from service.api.middleware import RequestContext
from service.api.problem_types import PROBLEM_TYPES
from service.app import create_app
from service.drawing.errors import DrawingError
from service.engine import EngineError
from service.kernels import KernelError
from service.operations.errors import OperationError
from service.schemas.problems import Problem
from service.settings import Settings
from service.wire import WireError
from tests.conftest import Serve
from tests.exchange import refused

API = Path(__file__).parents[2] / "service" / "api"
SECRET = "the password is swordfish"


def classes_of(base: type[Any]) -> Iterator[type[Any]]:
    """Yield a class and all that derive from it."""
    yield base
    for kind in base.__subclasses__():
        yield from classes_of(kind)


ERRORS = [
    kind
    for base in (EngineError, WireError, KernelError, DrawingError, OperationError)
    for kind in classes_of(base)
    if kind.__module__.startswith("service.") and hasattr(kind, "slug")
]


def slugs_of_http() -> set[str]:
    """Return every slug that the api's own code answers with: what it passes to HttpProblem, problem and their like."""
    found: set[str] = set()
    for path in API.glob("*.py"):
        if path.name in ("problem_types.py", "openapi_responses.py"):
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call):
                texts = [argument.value for argument in node.args if isinstance(argument, ast.Constant)]
                found |= {text for text in texts if isinstance(text, str)}
    return found & set(PROBLEM_TYPES)


@pytest.mark.parametrize("kind", ERRORS, ids=lambda kind: kind.__name__)
def test_every_error_of_a_room_has_a_type(kind: type[Any]) -> None:
    assert PROBLEM_TYPES[kind.slug].title == kind.title
    assert 400 <= PROBLEM_TYPES[kind.slug].status <= 599


def test_there_are_errors_to_look_at() -> None:
    assert len(ERRORS) > 40


def test_no_type_is_without_something_that_raises_it() -> None:
    assert set(PROBLEM_TYPES) - {kind.slug for kind in ERRORS} - slugs_of_http() == set()


def test_titles_and_slugs_are_one_to_one() -> None:
    titles = [kind.title for kind in PROBLEM_TYPES.values()]
    assert len(set(titles)) == len(titles)


@pytest.mark.parametrize("slug", PROBLEM_TYPES)
def test_every_type_has_its_page(service: httpx.Client, slug: str) -> None:
    kind = PROBLEM_TYPES[slug]
    as_json = service.get(f"/problems/{slug}", headers={"Accept": "application/json"})
    assert as_json.json() == {
        "slug": slug,
        "status": kind.status,
        "title": kind.title,
        "meaning": kind.meaning,
        "mend": kind.mend,
    }
    page = service.get(f"/problems/{slug}", headers={"Accept": "text/html"})
    assert page.headers["content-type"].startswith("text/html")
    assert f"<code>{slug}</code>" in page.text
    assert str(kind.status) in page.text
    assert len(kind.meaning) > 20
    assert len(kind.mend) > 10


def test_the_list_has_every_type(service: httpx.Client) -> None:
    listed = service.get("/problems", headers={"Accept": "application/json"}).json()["problems"]
    assert [kind["slug"] for kind in listed] == list(PROBLEM_TYPES)
    page = service.get("/problems", headers={"Accept": "text/html"}).text
    assert all(f'href="problems/{slug}"' in page for slug in PROBLEM_TYPES)


@pytest.mark.parametrize("path", ["/problems", "/problems/not-found"])
def test_a_page_names_an_icon_and_a_style_that_are_there(service: httpx.Client, path: str) -> None:
    """A browser asks for /favicon.ico, which is not there, where a page names no icon."""
    page = service.get(path, headers={"Accept": "text/html"})
    linked = dict(re.findall(r'<link rel="(\w+)" href="([^"]*)"', page.text))
    assert set(linked) == {"icon", "stylesheet"}
    kinds = {rel: service.get(str(page.url.join(to))).headers["content-type"] for rel, to in linked.items()}
    assert kinds == {"icon": "image/svg+xml", "stylesheet": "text/css; charset=utf-8"}


def test_the_type_of_a_problem_leads_to_its_page(service: httpx.Client) -> None:
    problem = service.post("/v1/conv2d", json={"input": [[1]], "kernel": [[1, 1]]}).json()
    page = service.get(problem["type"], headers={"Accept": "application/json"})
    assert page.json()["title"] == problem["title"]


def test_below_a_prefix_the_type_has_it_too(serve: Serve) -> None:
    client = serve(Settings(root_path="/conv"))
    for path in ("/v1/nothing", "/static/nothing", "/v1/kernels/nothing"):
        assert client.get(path).json()["type"] == "/conv/problems/not-found"


def test_every_problem_has_the_documented_form(service: httpx.Client) -> None:
    for response in (
        service.get("/nothing"),
        service.get("/v1/conv2d"),
        service.post("/v1/conv2d", content=b"{"),
        service.post("/v1/conv2d", json={}),
        service.post("/v1/conv2d", json={"input": [[1]], "kernel": [[1, 1]]}),
        service.post("/v1/conv2d", json={"input": [[1]], "kernel": [[1]]}, headers={"Accept": "text/html"}),
    ):
        problem = Problem.model_validate_json(response.content, strict=True)
        assert problem.status == response.status_code
        assert problem.title == PROBLEM_TYPES[problem.type.removeprefix("/problems/")].title


class TestCrashes:
    @pytest.fixture
    def crashing(self, serve: Serve) -> httpx.Client:
        app = create_app(Settings())

        async def crash(request: Request) -> Response:
            raise RuntimeError(SECRET)

        async def crash_later(request: Request) -> Response:
            def body() -> Iterator[bytes]:
                yield b"so far, so good"
                raise RuntimeError(SECRET)

            return StreamingResponse(body())

        async def crash_with_a_slug(request: Request) -> Response:
            error = ValueError(SECRET)
            error.slug = "not-found"  # type: ignore[attr-defined]  # as a foreign error may
            raise error

        for path, endpoint in (("/crash", crash), ("/crash-later", crash_later), ("/crash-slug", crash_with_a_slug)):
            app.add_route(path, endpoint, methods=["GET", "POST"])
        app.outer = RequestContext(Dispatch(app.routed, {"/crash-operation": ("operation", crash)}))
        return serve(app)

    @pytest.mark.parametrize("path", ["/crash", "/crash-slug", "/crash-operation"])
    def test_a_crash_says_nothing_but_its_id(
        self, crashing: httpx.Client, path: str, caplog: pytest.LogCaptureFixture
    ) -> None:
        with caplog.at_level(logging.ERROR):
            response = crashing.post(path, headers={"X-Request-ID": "crash-1"})
        problem = refused(response, 500, "internal-error", "the instance identifies this request")
        assert problem["instance"] == "urn:request:crash-1"
        assert response.headers["x-request-id"] == "crash-1"
        told = response.text + str(response.headers)
        assert not any(word in told for word in ("swordfish", "RuntimeError", "ValueError", "Traceback", ".py"))
        assert "swordfish" in caplog.text
        assert crashing.get("/livez").status_code == 200

    def test_a_crash_in_the_midst_of_an_answer_ends_it(self, crashing: httpx.Client) -> None:
        with pytest.raises(httpx.RemoteProtocolError, match=r"peer closed|incomplete"):
            crashing.get("/crash-later")
        assert crashing.get("/livez").status_code == 200
