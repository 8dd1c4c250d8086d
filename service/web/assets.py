"""The static files: kept by browsers, but asked about every time.

Their names carry no version, so a browser that trusted its own copy for a while would run old modules with new ones
after an upgrade. Asking costs an answer without a body (304) each.
"""

from __future__ import annotations

from os import PathLike, stat_result

from starlette.responses import Response
from starlette.staticfiles import StaticFiles
from starlette.types import Receive, Scope, Send


class Assets(StaticFiles):
    """Files of one folder, each with `Cache-Control: no-cache`, and each as a whole.

    A server may ignore `Range` (RFC 9110, 14.2); Starlette answers one that makes no sense with a text of its own.
    """

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request for a file."""
        headers = [(name, value) for name, value in scope["headers"] if name != b"range"]
        await super().__call__({**scope, "headers": headers}, receive, send)

    def file_response(
        self, full_path: str | PathLike[str], stat_result: stat_result, scope: Scope, status_code: int = 200
    ) -> Response:
        """Return a file, or that it is unchanged."""
        response = super().file_response(full_path, stat_result, scope, status_code)
        response.headers["Cache-Control"] = "no-cache"
        del response.headers["Accept-Ranges"]
        return response
