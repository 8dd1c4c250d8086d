"""The segments of a JPEG that are no part of its picture: libjpeg keeps each, however small, in some 200 bytes."""

from __future__ import annotations

import numpy as np

_MARKER, _APP0, _APP15, _COM = 0xFF, 0xE0, 0xEF, 0xFE  # ITU-T T.81, table B.1
MAX_SEGMENTS = 10_000  # profiles and previews are cut into segments of 64 kB
_BLOCK_BYTES = 256 * 1024


def has_many_segments(data: bytes | bytearray) -> bool:
    """Return whether a JPEG may have more application segments and comments than any picture needs.

    Their markers are counted wherever they stand: within the coded picture there are none, within a segment a few may
    look like one.
    """
    found = 0
    view = np.frombuffer(data, np.uint8)
    for start in range(0, len(view), _BLOCK_BYTES):
        block = view[start : start + _BLOCK_BYTES + 1]  # a marker may lie across two blocks
        names = block[1:][block[:-1] == _MARKER]
        found += int(np.count_nonzero(((names >= _APP0) & (names <= _APP15)) | (names == _COM)))
        if found > MAX_SEGMENTS:
            return True
    return False
