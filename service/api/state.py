"""What the application keeps while it runs."""

from __future__ import annotations

from dataclasses import dataclass

from starlette.requests import Request

from service.settings import Settings

from .slots import Slots


@dataclass(slots=True)
class Service:
    """The running service's parts, made by the lifespan.

    Attributes
    ----------
    stopping
        Whether SIGTERM has come: `/readyz` then sends clients elsewhere.
    """

    settings: Settings
    slots: Slots
    stopping: bool = False


def service_of(request: Request) -> Service:
    """Return the running service that a request belongs to."""
    service: Service = request.app.state.service
    return service
