"""A request's header, looked up as the server left it: Starlette's mapping costs as much as reading a short body."""

from __future__ import annotations

from starlette.types import Scope


def header(scope: Scope, name: bytes) -> str | None:
    """Return a header that is a list, by its name in lower case, as the server writes them all; None if there is none.

    A list may come in several lines, which are one with commas between them (RFC 9110, section 5.3).
    """
    found: bytes | None = None
    for given, value in scope["headers"]:
        if given == name:
            found = value if found is None else b"%b, %b" % (found, value)
    return None if found is None else found.decode("latin-1")


def first_header(scope: Scope, name: bytes) -> str | None:
    """Return the first header of a name, for one that is no list: its lines are not to be joined."""
    for given, value in scope["headers"]:
        if given == name:
            text: str = value.decode("latin-1")
            return text
    return None
