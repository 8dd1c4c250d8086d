"""What every request passes through, as pure ASGI: an id, a record, headers for its answer, a net for crashes."""

from __future__ import annotations

import asyncio
import os
import re
import time

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from .errors import ClientGone
from .keys import QUOTA_HEADERS
from .logs import log_request
from .problems import crash, problem
from .record import Record, record_of

_GIVEN_ID = re.compile(rb"[\x21-\x7e]{1,128}")
_SECURITY_HEADERS = [
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-opener-policy", b"same-origin"),
]
_CLIENT_GONE = 499
_LONG_BYTES = 64 * 1024
GONE = "convolution.gone"
"""The ASGI extension that tells whether the connection is closed or cut."""
EXPOSED_HEADERS = ["ETag", "Retry-After", "Server-Timing", "X-Dtype", "X-Output-Shape", "X-Request-ID", *QUOTA_HEADERS]
"""What a page of another origin may read of an answer, where CORS is on."""


class RequestContext:
    """Gives each request an id (the client's, if it sent a usable one) and a record; counts it and writes its log line.

    While the service is stopping every answer closes its connection, so that clients go elsewhere of themselves
    instead of losing a request to a connection that is closed under them.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one connection."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        begin = time.perf_counter()
        service = scope["app"].state.service
        record = Record(_request_id(scope))
        scope.setdefault("state", {}).update(service=service, record=record, request_id=record.id)

        async def send_with_context(message: Message) -> None:
            if message["type"] == "http.response.start":
                record.status = message["status"]
                headers = message["headers"] = list(message.get("headers", ()))
                headers.append((b"x-request-id", record.id.encode("latin-1")))
                headers.append((b"server-timing", record.timings.header().encode("latin-1")))
                headers.extend(_SECURITY_HEADERS)
                if service.stopping:
                    headers.append((b"connection", b"close"))
            else:
                size = len(message.get("body", b""))
                record.bytes_out += size
                if size > _LONG_BYTES and not message.get("more_body"):
                    await _send_long(message, scope, send)
                    return
            await send(message)

        service.metrics.began()
        try:
            await self.app(scope, receive, send_with_context)
        except ClientGone:
            record.status = _CLIENT_GONE
        except asyncio.CancelledError:
            if not service.stopping or record.status:
                raise
            await _cut_off(scope)(scope, receive, send_with_context)
        finally:
            record.seconds = time.perf_counter() - begin
            if record.ticket is not None:
                service.admission.release(record.ticket)
            if not record.operation:
                record.operation = getattr(scope.get("route"), "name", None) or "other"
            service.metrics.ended(record)
            log_request(record, scope["method"], scope["path"])


async def _send_long(message: Message, scope: Scope, send: Send) -> None:
    """Send a long body and wait until the client has taken most of it: until then it holds memory.

    Raises
    ------
    ClientGone
        If the client does not take it in time, whose connection is cut then, or leaves.
    """
    await send({**message, "more_body": True})
    await send({"type": "http.response.body", "body": b"", "more_body": True})  # waits while a buffer is full
    gone = scope.get("extensions", {}).get(GONE)
    left = gone is not None and gone()
    await send({"type": "http.response.body", "body": b"", "more_body": False})  # else the server would log a fault
    if left:
        raise ClientGone


def _cut_off(scope: Scope) -> Response:
    """Return the answer of a request that was still in progress when the time to stop was over."""
    task = asyncio.current_task()
    if task is not None:
        task.uncancel()  # what cancelled it only wants it to end, which it does with its answer
    settings = scope["app"].state.service.settings
    seconds = settings.drain_seconds + settings.stop_seconds
    detail = f"the service was told to stop, and this request was not done {seconds:g} s later; send it again"
    return problem(Request(scope), "stopping", detail, headers={"Retry-After": "1"}, reason="stopping")


def _request_id(scope: Scope) -> str:
    for name, value in scope["headers"]:
        if name == b"x-request-id":
            return value.decode("latin-1") if _GIVEN_ID.fullmatch(value) else os.urandom(16).hex()
    return os.urandom(16).hex()


class Crashes:
    """Answers a crash with a problem instead of leaving it to the server, unless the answer has begun."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one connection."""
        try:
            await self.app(scope, receive, send)
        except ClientGone:
            raise
        except Exception as error:
            if scope["type"] != "http" or record_of(scope).status:
                raise
            await crash(Request(scope), error)(scope, receive, send)
