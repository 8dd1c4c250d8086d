"""API keys, where the operator has set any, and a quota a key.

Keys are compared by their digests, every one of them and each in constant time, so that an answer's time tells nothing.
Logs and counters name a key by the first digits of its digest.
"""

from __future__ import annotations

import hmac
import time
from collections.abc import Iterator, Sequence
from hashlib import sha256
from math import ceil

from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from .board import Board
from .errors import HttpProblem
from .problems import of_exception
from .record import record_of

_NAME_DIGITS = 8
_OPEN = ("/livez", "/readyz", "/docs", "/redoc", "/openapi.json", "/problems", "/static", "/favicon.ico")


def quota_names(keys: int) -> Iterator[str]:
    """Yield what the board must hold for the quotas of so many keys."""
    for key in range(keys):
        yield from _names_of(key)


def _names_of(key: int) -> tuple[str, str]:
    return f"quota {key} window", f"quota {key} used"


QUOTA_HEADERS = ("RateLimit", "RateLimit-Policy", "RateLimit-Limit", "RateLimit-Remaining", "RateLimit-Reset")


class Quota:
    """So many requests a key in each window of time, counted by all workers together.

    Parameters
    ----------
    board
        With `quota_names` for every key.
    requests, seconds
        How many, in how long a window.
    """

    def __init__(self, board: Board, requests: int, seconds: int) -> None:
        self._board = board
        self.requests = requests
        self.seconds = seconds

    def use(self, key: int) -> tuple[int, int]:
        """Count a request; returns how many are left (−1: this one is too many), and for how many seconds."""
        now = time.time()
        window = now // self.seconds
        rest = ceil((window + 1) * self.seconds - now)
        window_name, used_name = _names_of(key)
        if self._board.own(window_name) != window:
            self._board.set(used_name, 0)
            self._board.set(window_name, window)
        counts = zip(self._board.each(window_name), self._board.each(used_name), strict=True)
        used = int(sum(count for counted_in, count in counts if counted_in == window))
        if used >= self.requests:
            return -1, rest
        self._board.add(used_name)
        return self.requests - used - 1, rest

    def headers(self, left: int, rest: int) -> list[tuple[bytes, bytes]]:
        """Return the RateLimit headers (draft-ietf-httpapi-ratelimit-headers, the newer and the older fields)."""
        left = max(left, 0)
        values = (
            f'"requests";r={left};t={rest}',
            f'"requests";q={self.requests};w={self.seconds}',
            str(self.requests),
            str(left),
            str(rest),
        )
        return [(name.lower().encode(), value.encode()) for name, value in zip(QUOTA_HEADERS, values, strict=True)]


class Keys:
    """Lets only those with a key to the operations and the metrics; health, pages and the API docs stay open.

    Parameters
    ----------
    app
        What is guarded.
    keys
        Those that are good.
    quota
        What each may ask for; None for no bound.
    """

    def __init__(self, app: ASGIApp, keys: Sequence[str], quota: Quota | None) -> None:
        self.app = app
        self._digests = [sha256(key.encode()).digest() for key in keys]
        self._quota = quota

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one connection."""
        path = scope.get("path", "").removeprefix(scope.get("root_path", ""))
        if scope["type"] != "http" or path == "/" or path.startswith(_OPEN):
            await self.app(scope, receive, send)
            return
        request = Request(scope)
        try:
            key = self._key_of(request)
            record_of(scope).key = self._digests[key].hex()[:_NAME_DIGITS]
            sending = send if self._quota is None else _counted(send, self._quota, key)
        except HttpProblem as error:
            await of_exception(request, error)(scope, receive, send)
            return
        await self.app(scope, receive, sending)

    def _key_of(self, request: Request) -> int:
        """Return the number of the key that a request brings."""
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        digest = sha256(token.strip().encode()).digest()
        same = [hmac.compare_digest(digest, known) for known in self._digests]
        if scheme.lower() != "bearer" or True not in same:
            if not scheme:
                came = "there is no Authorization header"
            elif not token:  # its first word may be the key itself, which is not to be repeated
                came = "the Authorization header is a single word"
            elif scheme.lower() != "bearer":
                came = "the scheme of the Authorization header is another"
            else:
                came = "the key is not one of this service's"
            raise HttpProblem(
                "unauthorized",
                f"{came}; send Authorization: Bearer and a key",
                headers={"WWW-Authenticate": "Bearer"},
            )
        return same.index(True)


def _counted(send: Send, quota: Quota, key: int) -> Send:
    """Return a `send` that tells the client what is left of its quota.

    Raises
    ------
    HttpProblem
        If nothing is left.
    """
    left, rest = quota.use(key)
    headers = quota.headers(left, rest)
    if left < 0:
        raise HttpProblem(
            "quota-exceeded",
            f"this key may make {quota.requests} requests in {quota.seconds} seconds; more may come in {rest} s",
            headers={"Retry-After": str(rest)} | {name.decode(): value.decode() for name, value in headers},
            limit=quota.requests,
            actual=quota.requests + 1,
        )

    async def sending(message: Message) -> None:
        if message["type"] == "http.response.start":
            message["headers"] = [*message.get("headers", ()), *headers]
        await send(message)

    return sending
