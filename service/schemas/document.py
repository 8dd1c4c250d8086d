"""What the wire must know of all requests together: which of their fields hold arrays, names, or may be files."""

from __future__ import annotations

from service.wire import Fields

DOCUMENT = Fields(
    arrays=frozenset({"input", "kernel", "bias", "output_gradient", "weight", "mean", "variance"}),
    strings=frozenset({"operation", "padding_mode", "dtype", "method", "encoding", "color", "range", "kind", "return"}),
    files=frozenset({"input", "kernel", "bias", "output_gradient"}),
    pictures=frozenset({"input"}),
)
