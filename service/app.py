"""The application, put together: reads top to bottom like a table of contents."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI
from fastapi.routing import APIRoute
from starlette.types import ASGIApp, Receive, Scope, Send

from service import __version__
from service.api import catalogue, document, health, openapi, pages, problems, routes
from service.api.cors import Cors
from service.api.dispatch import Dispatch
from service.api.keys import Keys, Quota, quota_names
from service.api.metrics import Metrics
from service.api.middleware import Crashes, RequestContext
from service.api.normalise import Normalise
from service.api.state import Service
from service.settings import Settings
from service.web import STATIC_FOLDER
from service.web import pages as web_pages
from service.web.assets import Assets


class Application(FastAPI):
    """FastAPI behind what every request passes through.

    What `add_middleware` adds stands behind FastAPI's own handling of crashes, telemetry and large bodies. The
    operations pass none of that, which would cost them a tenth of a small request's time.
    """

    outer: ASGIApp
    """What a request meets first; `routed` is behind it."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one connection."""
        scope["app"] = self
        if self.root_path:
            scope["root_path"] = self.root_path
        await self.outer(scope, receive, send)

    async def routed(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one connection as FastAPI does."""
        await super().__call__(scope, receive, send)


def create_app(settings: Settings | None = None, *, workers: int = 1) -> Application:
    """Return the application.

    Parameters
    ----------
    settings
        Left out, they are read from the environment.
    workers
        How many processes, made by `fork` from this one, will serve it: they share their bounds and their counts.
    """
    settings = settings or Settings()

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        service = app.state.service = Service.of(settings, metrics)
        try:
            yield
        finally:
            service.work.close()

    app = Application(
        title="Convolution as a service",
        version=__version__,
        summary="A matrix or a picture in, feature maps out.",
        description=openapi.DESCRIPTION,
        license_info={"name": "MIT", "identifier": "MIT"},
        openapi_tags=openapi.TAGS,
        lifespan=lifespan,
        openapi_url=None,
        docs_url=None,
        redoc_url=None,
        swagger_ui_oauth2_redirect_url=None,
        redirect_slashes=False,
    )
    # Not given to the constructor, which warns of it: it would have the server told, and the server is not always ours.
    app.root_path = settings.root_path

    routers = (routes.router, catalogue.router, pages.router, health.router, document.router, web_pages.router)
    for router in routers:
        app.include_router(router)
    app.mount("/static", Assets(directory=STATIC_FOLDER), name="static")
    openapi.install(app, routes.MODELS)
    app.state.openapi_documents = {}
    problems.install(app)
    app.add_middleware(Crashes)

    keys = settings.keys()
    names = (route.name for router in routers for route in router.routes if isinstance(route, APIRoute))
    metrics = app.state.metrics = Metrics(names, workers, quota_names(len(keys)))
    app.outer = _surrounded(app.routed, settings, keys, metrics)
    return app


def _surrounded(app: ASGIApp, settings: Settings, keys: list[str], metrics: Metrics) -> ASGIApp:
    """Return an application within what every request passes through; the last put around it is the first to see it."""
    app = Dispatch(app, routes.ENDPOINTS)
    if keys:
        requests = settings.quota_requests
        quota = Quota(metrics.board, requests, settings.quota_seconds) if requests else None
        app = Keys(app, keys, quota)
    if settings.origins():
        app = Cors(app, settings.origins())
    return RequestContext(Normalise(app))
