"""Pages for people: the playground, and the generated API docs with their assets."""

from pathlib import Path

STATIC_FOLDER = Path(__file__).parent / "static"
