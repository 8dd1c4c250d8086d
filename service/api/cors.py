"""Pages of other origins: starlette tells their browsers who may call; a refusal is a problem, as all are."""

from __future__ import annotations

from starlette.datastructures import Headers
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from .middleware import EXPOSED_HEADERS
from .problems import problem

METHODS = ("GET", "POST")
HEADERS = ("Authorization", "Content-Encoding", "Content-Type", "X-Request-ID")
_MOST_CHARACTERS = 200


class Cors(CORSMiddleware):
    """Lets the pages of some origins call.

    Parameters
    ----------
    app
        What answers.
    origins
        As browsers write them in ``Origin``, or ``"*"`` for all.
    """

    def __init__(self, app: ASGIApp, origins: list[str]) -> None:
        super().__init__(
            app,
            allow_origins=origins,
            allow_methods=METHODS,
            allow_headers=HEADERS,
            expose_headers=EXPOSED_HEADERS,
        )

    def preflight_response(self, request_headers: Headers) -> Response:
        """Answer whether a request may be made."""
        response = super().preflight_response(request_headers)
        if response.status_code == 200:
            return response
        told = {name: value for name, value in response.headers.items() if not name.startswith("content-")}
        return _Refused(self._why(request_headers), told)

    def _why(self, asked: Headers) -> str:
        origin, method = asked["origin"], asked["access-control-request-method"]
        if not self.is_allowed_origin(origin):
            return f"pages of {_shown(origin)} may not call this service; its operator names the origins that may"
        if method not in METHODS:
            return f"the method asked for is {_shown(method)}; it must be {' or '.join(METHODS)}"
        headers = asked.get("access-control-request-headers", "")
        if headers and any(name.strip().lower() not in self.allow_headers for name in headers.split(",")):
            return f"the headers asked for are {_shown(headers)}; a page may send {', '.join(HEADERS)}"
        return "pages of public addresses may not call this service where it has a private one"


class _Refused(Response):
    """A refusal that is written once it is known whose."""

    def __init__(self, detail: str, told: dict[str, str]) -> None:
        super().__init__()
        self._detail, self._told = detail, told

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer."""
        await problem(Request(scope), "cors-refused", self._detail, headers=self._told)(scope, receive, send)


def _shown(text: str) -> str:
    return f'"{text[:_MOST_CHARACTERS]}"'
