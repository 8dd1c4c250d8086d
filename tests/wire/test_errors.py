"""The tree of errors as a whole: each kind with its own identity, its title, and what a program may want to know."""

from __future__ import annotations

import inspect

import pytest

from service.wire import WireError, errors

KINDS = [kind for _, kind in inspect.getmembers(errors, inspect.isclass) if issubclass(kind, WireError)]


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_has_a_slug_and_a_title_of_its_own(kind: type[WireError]) -> None:
    assert [other for other in KINDS if other.slug == kind.slug] == [kind]
    assert [other for other in KINDS if other.title == kind.title] == [kind]
    assert kind.slug == kind.slug.lower().replace(" ", "-")
    assert kind.__doc__


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_stands_in_the_overview(kind: type[WireError]) -> None:
    assert kind.__name__ in (errors.__doc__ or "")


def test_an_error_says_what_where_and_how_much() -> None:
    error = errors.TooManyElements("too many", "/input", limit=1, actual=2)
    assert str(error) == error.detail == "too many"
    assert error.pointer == "/input"
    assert error.extra == {"limit": 1, "actual": 2}
