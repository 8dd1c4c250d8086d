"""What only HTTP can get wrong: paths, methods, media types, time."""

from __future__ import annotations

from collections.abc import Mapping


class HttpProblem(Exception):
    """A problem of HTTP itself; `slug` names its type, `headers` go with the answer."""

    def __init__(
        self,
        slug: str,
        detail: str,
        pointer: str = "",
        headers: Mapping[str, str] | None = None,
        **extra: int | float | str,
    ) -> None:
        super().__init__(detail)
        self.slug = slug
        self.detail = detail
        self.pointer = pointer
        self.headers = dict(headers or {})
        self.extra = extra


class ClientGone(Exception):
    """The client closed its connection before its answer was done; nobody reads what is answered now."""


class TooMuchForTheLoop(Exception):
    """A small request whose plan shows more work than the event loop may be held up by."""
