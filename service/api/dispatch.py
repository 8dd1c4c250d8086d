"""The short way to the operations: by path in a table, past the router.

FastAPI would try every route's pattern in turn and set up the closing of files and dependencies that the operations do
not have, which costs more than a small convolution. The routes stay registered with it: it describes them in the
OpenAPI document, and answers whatever is not found here, such as a wrong method.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from .errors import ClientGone
from .problems import KNOWN, crash, of_exception

Endpoint = Callable[[Request], Awaitable[Response]]


class Dispatch:
    """Calls an operation's endpoint directly.

    Parameters
    ----------
    app
        What answers everything else.
    endpoints
        By path, for POST.
    """

    def __init__(self, app: ASGIApp, endpoints: Mapping[str, tuple[str, Endpoint]]) -> None:
        self.app = app
        self._endpoints = endpoints

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one connection."""
        found = None
        if scope["type"] == "http" and scope["method"] == "POST":
            found = self._endpoints.get(scope["path"].removeprefix(scope.get("root_path", "")))
        if found is None:
            await self.app(scope, receive, send)
            return
        scope["state"]["record"].operation, endpoint = found
        request = Request(scope, receive)
        try:
            response = await endpoint(request)
        except KNOWN as error:
            response = of_exception(request, error)
        except ClientGone:
            raise
        except Exception as error:  # noqa: BLE001  (it is logged, and answered with a 500)
            response = crash(request, error)
        await response(scope, receive, send)
