"""Answers compressed for those who accept it, where it is worth it: long ones of numbers and text, never pictures."""

from __future__ import annotations

from service.wire import ENCODINGS, ContentEncoding, encode_content

from .answers import Written
from .negotiation import BYTES, JSON, NPY, qualities

_WORTH_BYTES = 16 * 1024  # below it, compressing takes longer than the bytes that it saves
_SAMPLE_BYTES = 64 * 1024
_WORTH_RATIO = 0.9
_PREFERRED: tuple[ContentEncoding, ...] = tuple(reversed(ENCODINGS))  # zstd saves as much in a fraction of the time


def accepted_encoding(accept_encoding: str | None) -> ContentEncoding | None:
    """Return the content encoding that a client prefers; None for none (RFC 9110, section 12.5.3)."""
    if not accept_encoding:
        return None
    *found, as_it_is = qualities(accept_encoding, (*_PREFERRED, "identity"))
    best = max(found)
    return _PREFERRED[found.index(best)] if best > 0 and best >= as_it_is else None


def compressed(written: Written, encoding: ContentEncoding | None) -> Written:
    """Return an answer in a content encoding, or as it is where that would not be worth it.

    Noise does not shrink, so of a long answer a piece is tried first.
    """
    body = written.body
    if encoding is None or written.media_type not in (JSON, NPY, BYTES) or len(body) < _WORTH_BYTES:
        return written
    middle = memoryview(body)[len(body) // 2 :][:_SAMPLE_BYTES]
    if len(encode_content(middle, encoding)) > _WORTH_RATIO * len(middle):
        return written
    headers = {**written.headers, "Content-Encoding": encoding}
    return written._replace(body=encode_content(body, encoding), headers=headers)
