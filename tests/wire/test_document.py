"""Pointers into a document."""

from __future__ import annotations

from service.wire.document import pointer_to


def test_pointers_escape_what_rfc_6901_escapes() -> None:
    assert pointer_to("") == ""
    assert pointer_to("", "layers", 3, "kernel") == "/layers/3/kernel"
    assert pointer_to("/a", "b/c~d", "") == "/a/b~1c~0d/"
