"""The examples in the engine's docstrings are true."""

from __future__ import annotations

import doctest
import importlib
import inspect
import pkgutil

import pytest

import service.engine

MODULES = [module.name for module in pkgutil.walk_packages(service.engine.__path__, "service.engine.")]


@pytest.mark.parametrize("name", MODULES)
def test_examples(name: str) -> None:
    assert doctest.testmod(importlib.import_module(name)).failed == 0


def test_the_public_functions_have_examples() -> None:
    public = [getattr(service.engine, name) for name in service.engine.__all__]
    functions = [thing for thing in public if inspect.isfunction(thing)]
    assert service.engine.conv in functions
    assert [function.__name__ for function in functions if ">>>" not in (function.__doc__ or "")] == []
