"""What the readers are asked for in these tests: the fields and limits of a small service."""

from __future__ import annotations

from service.wire import Fields, ReadLimits

FIELDS = Fields(
    arrays=frozenset({"input", "kernel", "bias"}),
    strings=frozenset({"method"}),
    files=frozenset({"input", "kernel"}),
    pictures=frozenset({"input"}),
)
LIMITS = ReadLimits(
    max_decoded_bytes=1_000_000,
    max_elements=100_000,
    max_axes=5,
    max_json_depth=8,
    max_parts=6,
    max_part_header_bytes=512,
    max_picture_pixels=30_000,
)
