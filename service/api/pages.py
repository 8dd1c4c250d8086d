"""One short page an error type, where the `type` of a problem leads."""

from __future__ import annotations

from html import escape

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response

from .errors import HttpProblem
from .headers import header
from .negotiation import JSON, negotiate
from .openapi_responses import page_responses, problem_responses
from .problem_types import PROBLEM_TYPES, ProblemType

router = APIRouter(tags=["about the service"])
_HTML = "text/html"
_VARY = {"Vary": "Accept"}


@router.get(
    "/problems",
    summary="List the types of problems",
    responses=page_responses() | problem_responses("not-acceptable", "internal-error"),
    operation_id="list_problems",
)
async def list_problems(request: Request) -> Response:
    """Every type of problem that this service answers with: as a page, or as JSON where that is accepted."""
    if negotiate(header(request.scope, b"accept"), (_HTML, JSON)) == JSON:
        return JSONResponse({"problems": [_as_dict(kind) for kind in PROBLEM_TYPES.values()]}, headers=_VARY)
    rows = "".join(
        f'<tr><td>{kind.status}</td><td><a href="problems/{slug}">{slug}</a></td><td>{escape(kind.title)}</td></tr>'
        for slug, kind in PROBLEM_TYPES.items()
    )
    return _page(
        "Problems", f"<table><thead><tr><th>Status<th>Type<th>Title</thead><tbody>{rows}</tbody></table>", "static"
    )


@router.get(
    "/problems/{slug}",
    summary="Explain a type of problem",
    responses=page_responses() | problem_responses("not-found", "not-acceptable", "internal-error"),
    operation_id="get_problem",
)
async def get_problem(request: Request, slug: str) -> Response:
    """What a type of problem means and how to get past it: as a page, or as JSON where that is accepted."""
    kind = PROBLEM_TYPES.get(slug)
    if kind is None:
        raise HttpProblem("not-found", f"there is no type of problem {slug[:80]!r}; GET /problems lists them")
    if negotiate(header(request.scope, b"accept"), (_HTML, JSON)) == JSON:
        return JSONResponse(_as_dict(kind), headers=_VARY)
    body = (
        f"<p><code>{kind.slug}</code>, status {kind.status}</p><h2>What it means</h2><p>{escape(kind.meaning)}</p>"
        f'<h2>How to mend it</h2><p>{escape(kind.mend)}</p><p><a href="../problems">All types of problems</a></p>'
    )
    return _page(kind.title, body, "../static")


def _as_dict(kind: ProblemType) -> dict[str, str | int]:
    return {"slug": kind.slug, "status": kind.status, "title": kind.title, "meaning": kind.meaning, "mend": kind.mend}


def _page(title: str, body: str, static: str) -> Response:
    return HTMLResponse(
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{escape(title)}</title>'
        f'<meta name="viewport" content="width=device-width, initial-scale=1">'
        f'<link rel="icon" href="{static}/playground/icon.svg">'
        f'<link rel="stylesheet" href="{static}/page.css"></head>'
        f"<body><main><h1>{escape(title)}</h1>{body}</main></body></html>",
        headers=_VARY,
    )
