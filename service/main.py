"""The application for a server that wants to import it: ``uvicorn service.main:app``."""

from service.app import create_app

app = create_app()
