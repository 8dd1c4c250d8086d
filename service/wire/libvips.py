"""libvips, set up for a server; the one place where pyvips is imported.

libvips decodes pictures and encodes WebP and JPEG: it keeps 16 bits in colour where Pillow cuts them to 8, and it works
in C with the interpreter's lock released. Of what it can do, two of its habits suit a desktop and not a service: it
remembers recent operations with their pixels, and it starts a thread a core for every picture.
"""

from __future__ import annotations

import logging

import pyvips  # type: ignore[import-untyped]  # it has no types

pyvips.cache_set_max(0)  # nothing of a request stays behind
pyvips.concurrency_set(1)  # pictures are decoded side by side, one thread each
logging.getLogger("pyvips").setLevel(logging.ERROR)  # what it thinks of a foreign picture is told to the sender

__all__ = ["pyvips"]
