"""Errors to answers: whatever a room raises becomes one problem+json body, with the status of its slug."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Any
from urllib.parse import quote

from fastapi import FastAPI
from pydantic import ValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from service.drawing.errors import DrawingError
from service.engine import EngineError
from service.kernels import KernelError
from service.operations.errors import OperationError
from service.schemas.fields import BEYOND_LIMIT
from service.schemas.violations import Violation, violations
from service.wire import ENCODINGS, WireError, write_json
from service.wire.errors import UnsupportedEncoding

from .errors import HttpProblem
from .problem_types import PROBLEM_TYPES

MEDIA_TYPE = "application/problem+json"
_URN_CHARACTERS = "-._~!$&'()*+,;=:@/"  # RFC 8141; an id of the client's may have others
_LOGGER = logging.getLogger("service")


class InvalidRequest(Exception):
    """A document that its model refused, with one violation a field; `extra` has the limit if one is beyond it."""

    def __init__(self, found: list[Violation], extra: dict[str, Any]) -> None:
        super().__init__(found[0].detail)
        self.violations, self.extra = found, extra

    @classmethod
    def of(cls, error: ValidationError, model: type[Any], document: Any) -> InvalidRequest:
        """Return pydantic's error in the client's terms."""
        limits = (
            entry["ctx"]
            for entry in error.errors(include_url=False, include_input=False)
            if entry["type"] == BEYOND_LIMIT
        )
        return cls(violations(error, model, document), next(limits, {}))


KNOWN = (EngineError, WireError, KernelError, OperationError, DrawingError, HttpProblem, InvalidRequest)
"""Every error of ours."""

_REASONS = {
    "body-too-large": "too_large",
    "limit-exceeded": "work_limit",
    "quota-exceeded": "quota",
    "slow-body": "slow",
    "unauthorized": "unauthorized",
}
"""Why a request counts as rejected, by its problem; a refusal that may pass brings its own `reason`."""


def problem(
    request: Request,
    slug: str,
    detail: str,
    errors: Sequence[Violation] = (),
    headers: dict[str, str] | None = None,
    **extra: Any,
) -> Response:
    """Return a problem as an answer."""
    kind = PROBLEM_TYPES[slug]
    record = request.scope.get("state", {}).get("record")
    if record is not None:
        record.problem = slug
        record.reason = str(extra.get("reason", _REASONS.get(slug, "")))
    body = {
        "type": f"{_root_path(request)}/problems/{slug}",
        "title": kind.title,
        "status": kind.status,
        "detail": detail,
        "instance": f"urn:request:{quote(request.scope.get('state', {}).get('request_id', ''), _URN_CHARACTERS)}",
        "errors": [{"pointer": violation.pointer, "detail": violation.detail} for violation in errors],
        **extra,
    }
    return Response(write_json(body), kind.status, headers, media_type=MEDIA_TYPE)


def _root_path(request: Request) -> str:
    """Return the service's own prefix; below a mount, `root_path` has the mount's path in it as well."""
    root: str = request.scope.get("app_root_path", request.scope.get("root_path", ""))
    return root


def of_exception(request: Request, error: Exception) -> Response:
    """Return the problem that an exception of ours is, whichever room raised it."""
    if isinstance(error, InvalidRequest):
        found = error.violations
        more = f" (and {len(found) - 1} more)" if len(found) > 1 else ""
        return problem(request, "invalid-field", found[0].detail + more, found, **error.extra)
    detail, slug = str(error), getattr(error, "slug", "internal-error")
    pointer = getattr(error, "pointer", "")
    headers = dict(getattr(error, "headers", {}))
    if PROBLEM_TYPES[slug].status == 503:
        headers.setdefault("Retry-After", "1")
    if isinstance(error, UnsupportedEncoding):  # RFC 9110, section 15.5.16
        headers["Accept-Encoding"] = ", ".join(ENCODINGS)
    return problem(request, slug, detail, [Violation(pointer, detail)], headers, **getattr(error, "extra", {}))


def of_http_exception(request: Request, error: HTTPException) -> Response:
    """Return the problem for what the router itself refuses: an unknown path, a wrong method."""
    path = request.scope["path"]
    headers = dict(error.headers or {})
    if error.status_code == 404:
        return problem(
            request, "not-found", f"there is nothing at {path[:200]}; GET /docs lists every path", (), headers
        )
    if error.status_code == 405:
        allowed = headers.get("Allow") or headers.get("allow") or "another method"
        if allowed == "GET":
            allowed = headers["Allow"] = "GET, HEAD"
        return problem(
            request,
            "method-not-allowed",
            f"{path[:200]} does not take {request.method}; it takes {allowed}",
            (),
            headers,
        )
    _LOGGER.error("unexpected HTTPException %s", error.status_code)
    return problem(request, "internal-error", "the service failed; the instance identifies this request", (), headers)


def crash(request: Request, error: Exception) -> Response:
    """Return the problem for a fault of ours: it says nothing of the inside, the log says it all."""
    _LOGGER.error("request %s failed", request.scope.get("state", {}).get("request_id"), exc_info=error)
    return problem(request, "internal-error", "the service failed; the instance identifies this request")


def install(app: FastAPI) -> None:
    """Make every error that reaches the application a problem."""
    for kind in KNOWN:
        app.add_exception_handler(kind, of_exception)
    app.add_exception_handler(HTTPException, of_http_exception)  # type: ignore[arg-type]  # Starlette asks for a handler of any Exception
