"""A PNG without the chunks that unfold: what libpng makes of compressed text it makes before anything can be asked.

A chunk is its length, its name, its data and a checksum (PNG 3rd edition, 5.3). Text and colour profiles may be
compressed, a thousand of them in a file, each up to 8 MB unfolded, and nothing here reads any.
"""

from __future__ import annotations

import struct

_SIGNATURE_BYTES = 8
_UNFOLDING = (b"zTXt", b"iTXt", b"iCCP")
MAX_CHUNKS = 100_000  # encoders write a few kilobytes in each, or all in one
_HEAD = struct.Struct(">I4s")
_FRAME_BYTES = 12  # length, name and checksum


def without_unfolding(data: bytes | bytearray) -> bytes | bytearray | None:
    """Return a PNG without its compressed texts and profiles; None if it has more chunks than any picture needs.

    What is not made of chunks, from there on, stays as it is for the decoder to judge.
    """
    kept: list[memoryview] = []
    view = memoryview(data)
    begin = start = _SIGNATURE_BYTES
    for _ in range(MAX_CHUNKS):
        if start + _FRAME_BYTES > len(data):
            break
        length, name = _HEAD.unpack_from(data, start)
        stop = start + _FRAME_BYTES + length
        if name in _UNFOLDING:
            kept.append(view[begin:start])
            begin = stop
        start = stop
    else:
        return None
    return data if begin == _SIGNATURE_BYTES else b"".join((view[:_SIGNATURE_BYTES], *kept, view[begin:]))
