"""A request's header, looked up as the server left it: Starlette's mapping costs as much as reading a short body."""

from __future__ import annotations

from starlette.types import Scope


def header(scope: Scope, name: bytes) -> str | None:
    """Return the first header of a name in lower case, as the server writes them all; None if there is none."""
    for given, value in scope["headers"]:
        if given == name:
            text: str = value.decode("latin-1")
            return text
    return None
