"""The import rule: rooms see only the rooms below them, and the engine sees nothing but NumPy."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]

# Each room, or module that stands alone, and all that it may see of the others.
_FOUNDATION = {"engine", "kernels", "wire"}
_BELOW_OPERATIONS = _FOUNDATION | {"schemas"}
_BELOW_API = _BELOW_OPERATIONS | {"operations", "drawing"}
_BELOW_APP = _BELOW_API | {"api", "web", "settings"}
MAY_SEE: dict[str, set[str]] = {
    "engine": set(),
    "kernels": set(),
    "wire": set(),
    "schemas": _FOUNDATION,
    "operations": _BELOW_OPERATIONS,
    "drawing": _BELOW_OPERATIONS,
    "container": set(),
    "settings": _BELOW_API | {"container"},  # it fills in the limits that the rooms define
    "api": _BELOW_API | {"settings", "container"},
    "web": _BELOW_API | {"settings"},
    "app": _BELOW_APP,
    "main": _BELOW_APP | {"app"},
    "joining": set(),
    "listening": set(),
    "server": {"settings", "api", "joining", "listening"},
    "workers": set(),
    "__main__": _BELOW_APP | {"app", "joining", "main", "listening", "server", "workers"},
}
WEB_LIBRARIES = {"fastapi", "http", "starlette", "uvicorn"}
ROOMS_WITH_WEB = {"api", "web", "app", "main", "server", "__main__"}
# What a room may use beside the standard library; the others are free to use what requirements/service.in holds.
LIBRARIES = {"engine": {"numpy"}, "kernels": {"numpy"}, "drawing": {"numpy", "PIL"}}


def imported_modules(source: str, module: str, *, is_package: bool) -> Iterator[str]:
    """Yield the full name of every module and every name that `source`, the text of `module`, imports anywhere."""
    package = module if is_package else module.rpartition(".")[0]
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            parts = package.split(".")
            base = ".".join(parts[: len(parts) - node.level + 1]) if node.level else ""
            origin = ".".join(part for part in (base, node.module) if part)
            yield from (f"{origin}.{alias.name}" for alias in node.names)


def faults(root: Path) -> list[str]:
    """Return every import under `root`/service that its room may not have, as sentences."""
    found = []
    for path in sorted((root / "service").rglob("*.py")):
        module = ".".join(path.relative_to(root).with_suffix("").parts).removesuffix(".__init__")
        room = module.split(".")[1] if "." in module else ""
        if room and room not in MAY_SEE:
            found.append(f"{module}: no rule says what {room} may import")
            continue
        for name in imported_modules(path.read_text(encoding="utf-8"), module, is_package=path.stem == "__init__"):
            fault = fault_of(room, name)
            if fault:
                found.append(f"{module} imports {name}: {fault}")
    return found


def fault_of(room: str, name: str) -> str:
    """Return why `room` may not import `name`, or an empty string if it may."""
    library, _, rest = name.partition(".")
    if room == "":
        return "the package itself imports nothing"
    if library == "service":
        other = rest.split(".")[0]
        seen = other not in MAY_SEE or other == room or other in MAY_SEE[room]
        return "" if seen else f"{room} may see {sorted(MAY_SEE[room]) or 'no other room'}"
    if library in WEB_LIBRARIES and room not in ROOMS_WITH_WEB:
        return f"{library} belongs to {sorted(ROOMS_WITH_WEB)}"
    if room in LIBRARIES and library not in LIBRARIES[room] | sys.stdlib_module_names:
        return f"{room} is built of {sorted(LIBRARIES[room])} and the standard library"
    return ""


def test_rooms_import_only_what_stands_below_them() -> None:
    assert faults(ROOT) == []


@pytest.mark.parametrize(
    ("module", "source", "fault"),
    [
        ("engine/a.py", "from service.kernels import make", "service.engine.a imports service.kernels.make"),
        ("engine/a.py", "from ..wire import read", "service.engine.a imports service.wire.read"),
        ("engine/methods/a.py", "from ...api import errors", "service.engine.methods.a imports service.api.errors"),
        ("engine/__init__.py", "from .. import schemas", "service.engine imports service.schemas"),
        ("engine/a.py", "import pydantic", "service.engine.a imports pydantic"),
        ("engine/a.py", "def f():\n    import scipy.signal", "service.engine.a imports scipy.signal"),
        ("kernels/a.py", "import service.engine.geometry", "service.kernels.a imports service.engine.geometry"),
        ("wire/a.py", "from starlette.requests import Request", "service.wire.a imports starlette.requests.Request"),
        ("operations/a.py", "from http import HTTPStatus", "service.operations.a imports http.HTTPStatus"),
        ("operations/a.py", "from service import drawing", "service.operations.a imports service.drawing"),
        ("api/a.py", "from service.app import create_app", "service.api.a imports service.app.create_app"),
        ("app.py", "from service.main import app", "service.app imports service.main.app"),
        ("__init__.py", "import numpy", "service imports numpy"),
        ("helpers/a.py", "", "service.helpers.a: no rule says what helpers may import"),
    ],
)
def test_a_wrong_import_is_found(tmp_path: Path, module: str, source: str, fault: str) -> None:
    path = tmp_path / "service" / module
    path.parent.mkdir(parents=True)
    path.write_text(source, encoding="utf-8")

    (found,) = faults(tmp_path)

    assert found.startswith(fault)


@pytest.mark.parametrize(
    ("module", "source"),
    [
        ("engine/a.py", "from .geometry import plan_conv\nfrom . import errors\nimport numpy as np, math"),
        ("engine/methods/a.py", "from service.engine.geometry import plan_conv"),
        ("schemas/a.py", "from pydantic import BaseModel\nfrom service.wire import Document"),
        ("operations/a.py", "from service import __version__, engine, schemas"),
        ("api/a.py", "from fastapi import APIRouter\nfrom service.operations import convolve"),
        ("main.py", "from service.app import create_app"),
    ],
)
def test_a_right_import_is_not_a_fault(tmp_path: Path, module: str, source: str) -> None:
    path = tmp_path / "service" / module
    path.parent.mkdir(parents=True)
    path.write_text(source, encoding="utf-8")

    assert faults(tmp_path) == []


@pytest.mark.parametrize(("room", "libraries"), [("engine", {"numpy"}), ("kernels", {"numpy"})])
def test_importing_a_low_room_loads_nothing_of_the_web(room: str, libraries: set[str]) -> None:
    """In a process of its own, for what an import loads indirectly is not in the text of any file here."""
    program = f"import sys; before = set(sys.modules); import service.{room}; print(*set(sys.modules) - before)"

    loaded = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout

    roots = {name.split(".")[0] for name in loaded.split()}
    assert "service" in roots
    assert roots - sys.stdlib_module_names - {"service"} <= libraries
    assert {name.split(".")[1] for name in loaded.split() if name.startswith("service.")} == {room}


def test_the_service_asks_for_every_library_that_it_imports() -> None:
    """What is imported but only comes along with something else is gone the day that something else drops it."""
    imported = set()
    for path in (ROOT / "service").rglob("*.py"):
        # Relative imports, resolved, begin with "service" whatever the module's own name is.
        names = imported_modules(path.read_text(encoding="utf-8"), "service.any.module", is_package=False)
        imported |= {name.split(".")[0] for name in names}
    declared = (ROOT / "requirements/service.in").read_text(encoding="utf-8")
    asked = {normalised(name) for name in re.findall(r"^[a-z0-9.-]+", declared, re.MULTILINE)}

    foreign = imported - sys.stdlib_module_names - {"service", "compression"}  # the last is Python's own from 3.14 on
    providers = packages_distributions()
    found = {name: {normalised(provider) for provider in providers.get(name, ())} for name in foreign}

    assert {name for name in foreign if not found[name] & asked} == set()


def normalised(distribution: str) -> str:
    """Return a distribution's name as registries compare it (PEP 503)."""
    return re.sub(r"[-_.]+", "-", distribution).lower()


def test_no_room_below_the_api_names_a_status() -> None:
    """A status code is HTTP's word for what happened. Only schemas, which describe a problem's body, may use it too."""
    found = []
    for room in ("engine", "kernels", "wire", "operations", "drawing"):
        for path in sorted((ROOT / "service" / room).rglob("*.py")):
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                names = [value for field, value in ast.iter_fields(node) if field in ("id", "attr", "arg", "name")]
                found += [
                    f"{path.name}: {name}" for name in names if isinstance(name, str) and "status" in name.lower()
                ]
    assert found == []
