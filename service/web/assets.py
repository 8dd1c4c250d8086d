"""The static files: kept by browsers, but asked about every time.

Their names carry no version, so a browser that trusted its own copy for a while would run old modules with new ones
after an upgrade. Asking costs an answer without a body (304) each.
"""

from __future__ import annotations

from os import PathLike, stat_result

from starlette.responses import Response
from starlette.staticfiles import StaticFiles
from starlette.types import Scope


class Assets(StaticFiles):
    """Files of one folder, each with `Cache-Control: no-cache`."""

    def file_response(
        self, full_path: str | PathLike[str], stat_result: stat_result, scope: Scope, status_code: int = 200
    ) -> Response:
        """Return a file, or that it is unchanged."""
        response = super().file_response(full_path, stat_result, scope, status_code)
        response.headers["Cache-Control"] = "no-cache"
        return response
