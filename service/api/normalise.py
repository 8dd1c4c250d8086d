"""The one form in which everything behind sees a request, whatever a proxy or a probe made of it."""

from __future__ import annotations

from starlette.types import ASGIApp, Message, Receive, Scope, Send


class Normalise:
    """Puts back a path prefix that a proxy stripped, and has HEAD answered as GET without the body (RFC 9110, 9.3.2).

    ASGI wants the prefix, `root_path`, at the beginning of the path; proxies differ on whether they leave it there.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one connection."""
        prefix = scope.get("root_path", "")
        if scope["type"] != "http" or (not prefix and scope["method"] != "HEAD"):
            await self.app(scope, receive, send)
            return
        path = scope["path"]
        if prefix and path != prefix and not path.startswith(f"{prefix}/"):
            path = prefix + path
        head = scope["method"] == "HEAD"
        seen = {**scope, "path": path, "method": "GET" if head else scope["method"]}

        async def send_head(message: Message) -> None:
            if message["type"] == "http.response.body":
                message = {**message, "body": b""}
            await send(message)

        try:
            await self.app(seen, receive, send_head if head else send)
        finally:
            if "route" in seen:  # which the request is counted and logged under
                scope["route"] = seen["route"]
