"""Content-Encoding undone, with a bound on what comes out.

A few kilobytes can decompress to gigabytes, and a member can follow a member, so the output is counted as it appears
and never asked for beyond the limit.
"""

from __future__ import annotations

import zlib

import zstandard

from .document import Buffer, ReadLimits
from .errors import BodyTooLarge, MalformedEncoding, UnsupportedEncoding

ENCODINGS = ("gzip", "zstd")
"""What may stand in Content-Encoding, beside identity."""

_MAX_WINDOW_BYTES = 8 * 1024 * 1024  # RFC 9659: what a zstd content encoding may ask a decoder to keep
_STEP_BYTES = 1024 * 1024


def decode_content(body: Buffer, content_encoding: str | None, limits: ReadLimits) -> Buffer:
    """Return `body` with its Content-Encoding undone; the body itself where there is none.

    Raises
    ------
    UnsupportedEncoding
        For anything but gzip, zstd and identity, and for more than one of them.
    MalformedEncoding
        If the bytes are corrupt, end early or are followed by something else.
    BodyTooLarge
        As soon as more than ``max_decoded_bytes`` have come out.
    """
    named = [name.strip().lower() for name in (content_encoding or "").split(",")]
    chain = [name for name in named if name not in ("", "identity")]
    if not chain:
        if len(body) > limits.max_decoded_bytes:
            raise _too_large(limits)
        return body
    if len(chain) > 1:
        raise UnsupportedEncoding(f"the body is encoded {len(chain)} times; once is taken", supported=list(ENCODINGS))
    if chain[0] in ("gzip", "x-gzip"):
        return _gunzip(body, limits)
    if chain[0] == "zstd":
        return _unzstd(body, limits)
    raise UnsupportedEncoding(
        f'the body is encoded with "{chain[0][:40]}"; gzip and zstd are taken', supported=list(ENCODINGS)
    )


def _gunzip(body: Buffer, limits: ReadLimits) -> bytearray:
    """Undo gzip (RFC 1952), which may be several members one after the other."""
    out, rest = bytearray(), bytes(body)
    while rest or not out:
        member = zlib.decompressobj(wbits=31)
        try:
            while not member.eof:
                piece = member.decompress(rest, _STEP_BYTES)
                rest = member.unused_data if member.eof else member.unconsumed_tail
                if not piece and not rest and not member.eof:
                    raise MalformedEncoding("the gzip data ends early")
                out += piece
                if len(out) > limits.max_decoded_bytes:
                    raise _too_large(limits)
        except zlib.error as error:
            raise MalformedEncoding(f"the body is not gzip: {error}") from error
        if not rest:
            break
    return out


def _unzstd(body: Buffer, limits: ReadLimits) -> bytearray:
    """Undo zstd (RFC 8878), which may be several frames one after the other."""
    out, rest = bytearray(), bytes(body)
    decompressor = zstandard.ZstdDecompressor(max_window_size=_MAX_WINDOW_BYTES)
    try:
        reader = decompressor.stream_reader(rest, read_across_frames=True)
        while piece := reader.read(_STEP_BYTES):
            out += piece
            if len(out) > limits.max_decoded_bytes:
                raise _too_large(limits)
    except zstandard.ZstdError as error:
        raise MalformedEncoding(f"the body is not zstd: {error}") from error
    return out


def _too_large(limits: ReadLimits) -> BodyTooLarge:
    limit = limits.max_decoded_bytes
    return BodyTooLarge(f"the body has more than {limit:,} bytes once decoded", limit=limit, at_least=limit + 1)
