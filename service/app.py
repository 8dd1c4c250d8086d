"""The application, put together: reads top to bottom like a table of contents."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI
from fastapi.routing import APIRoute
from starlette.middleware.cors import CORSMiddleware

from service import __version__
from service.api import catalogue, document, health, openapi, pages, problems, routes
from service.api.dispatch import Dispatch
from service.api.keys import Keys, Quota, quota_names
from service.api.metrics import Metrics
from service.api.middleware import EXPOSED_HEADERS, Crashes, RequestContext
from service.api.normalise import Normalise
from service.api.state import Service
from service.settings import Settings
from service.web import STATIC_FOLDER
from service.web import pages as web_pages
from service.web.assets import Assets


def create_app(settings: Settings | None = None, *, workers: int = 1) -> FastAPI:
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

    app = FastAPI(
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

    keys = settings.keys()
    names = (route.name for router in routers for route in router.routes if isinstance(route, APIRoute))
    metrics = app.state.metrics = Metrics(names, workers, quota_names(len(keys)))
    _add_middleware(app, settings, keys, metrics)
    return app


def _add_middleware(app: FastAPI, settings: Settings, keys: list[str], metrics: Metrics) -> None:
    """Put around the application what every request passes through; the last added is the first to see it."""
    app.add_middleware(Dispatch, endpoints=routes.ENDPOINTS)
    app.add_middleware(Crashes)
    if keys:
        requests = settings.quota_requests
        quota = Quota(metrics.board, requests, settings.quota_seconds) if requests else None
        app.add_middleware(Keys, keys=keys, quota=quota)
    if settings.origins():
        app.add_middleware(
            CORSMiddleware,
            allow_origins=settings.origins(),
            allow_methods=["GET", "POST"],
            allow_headers=["Authorization", "Content-Encoding", "Content-Type", "X-Request-ID"],
            expose_headers=EXPOSED_HEADERS,
        )
    app.add_middleware(Normalise)
    app.add_middleware(RequestContext)
