"""Content-Encoding undone with a bound on what comes out, and done for answers.

A few kilobytes can decompress to gigabytes, and a member can follow a member, so the output is counted as it appears
and never asked for beyond the limit. zlib, long tried on foreign bytes, undoes gzip; ISA-L, which is quicker, makes it.
"""

from __future__ import annotations

import sys
import zlib
from collections.abc import Iterator
from typing import Literal, Protocol

from isal import isal_zlib

from .document import Buffer, ReadLimits
from .errors import BodyTooLarge, MalformedEncoding, UnsupportedEncoding

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

ContentEncoding = Literal["gzip", "zstd"]
ENCODINGS: tuple[ContentEncoding, ...] = ("gzip", "zstd")
"""What may stand in Content-Encoding, beside identity."""

_OUT_BYTES = 1024 * 1024  # asked for at a time
_FIRST_IN_BYTES, _MOST_IN_BYTES = (
    512,
    256 * 1024,
)  # given at a time: little at first, as what follows a member is copied
MAX_MEMBERS = 10_000  # each costs microseconds however small; blocked gzip has one in 64 KiB
_MAX_WINDOW_LOG = 23  # RFC 9659: a zstd content encoding may ask a decoder to keep 8 MiB, no more
_LEVELS = {"gzip": 2, "zstd": 3}  # ISA-L's go to 3; at 2 it saves what zlib does at 1, in a third of the time


def decode_content(body: Buffer, content_encoding: str | None, limits: ReadLimits) -> Buffer:
    """Return `body` with its Content-Encoding undone; the body itself where there is none.

    Parameters
    ----------
    body : bytes-like
        One or more gzip members (RFC 1952) or zstd frames (RFC 8878), one after the other.
    content_encoding : str or None
        The header's value.

    Raises
    ------
    UnsupportedEncoding
        For anything but gzip, zstd and identity, and for more than one of them.
    MalformedEncoding
        If the bytes are corrupt, end early or are followed by something else.
    BodyTooLarge
        As soon as more than ``max_decoded_bytes`` have come out.

    Whatever ``limits.admit`` raises, which is told of the bytes as they come out.
    """
    if content_encoding is None:
        _check_size(len(body), limits)
        return body
    named = [name.strip().lower() for name in content_encoding.split(",")]
    chain = [name for name in named if name not in ("", "identity")]
    if not chain:
        _check_size(len(body), limits)
        return body
    if len(chain) > 1:
        raise UnsupportedEncoding(f"the body is encoded {len(chain)} times; once is taken", supported=list(ENCODINGS))
    if chain[0] in ("gzip", "x-gzip"):  # RFC 9110: the two are the same
        return _undo("gzip", _GzipMember, body, limits)
    if chain[0] == "zstd":
        return _undo("zstd", _ZstdFrame, body, limits)
    detail = f'the body is encoded with "{chain[0][:40]}"; gzip and zstd are taken'
    raise UnsupportedEncoding(detail, supported=list(ENCODINGS))


def encode_content(body: Buffer, encoding: ContentEncoding) -> bytes:
    """Return `body` compressed; the same body gives the same bytes."""
    if encoding == "zstd":
        return zstd.compress(body, _LEVELS["zstd"])
    return isal_zlib.compress(body, _LEVELS["gzip"], wbits=31)


class _Member(Protocol):
    """One compressed stream of several that may follow one another."""

    def feed(self, piece: memoryview) -> Iterator[bytes]:
        """Yield all output that `piece` makes possible, at most _OUT_BYTES at a time."""

    @property
    def eof(self) -> bool:
        """Whether the member is complete."""

    @property
    def unused_data(self) -> bytes:
        """What was fed beyond the member's end."""


class _GzipMember:
    def __init__(self) -> None:
        self._stream = zlib.decompressobj(wbits=31)

    def feed(self, piece: memoryview) -> Iterator[bytes]:
        rest: memoryview | bytes = piece
        while True:
            yield self._stream.decompress(rest, _OUT_BYTES)
            rest = self._stream.unconsumed_tail
            if not rest:
                return

    @property
    def eof(self) -> bool:
        return self._stream.eof

    @property
    def unused_data(self) -> bytes:
        return self._stream.unused_data


class _ZstdFrame:
    def __init__(self) -> None:
        self._stream = zstd.ZstdDecompressor(options={zstd.DecompressionParameter.window_log_max: _MAX_WINDOW_LOG})

    def feed(self, piece: memoryview) -> Iterator[bytes]:
        yield self._stream.decompress(piece, _OUT_BYTES)
        while not self.eof and not self._stream.needs_input:
            yield self._stream.decompress(b"", _OUT_BYTES)

    @property
    def eof(self) -> bool:
        return self._stream.eof

    @property
    def unused_data(self) -> bytes:
        return self._stream.unused_data


def _undo(name: str, new_member: type[_Member], body: Buffer, limits: ReadLimits) -> bytearray:
    """Return what all members of `body` hold."""
    view, position, out = memoryview(body), 0, bytearray()
    members = 0
    while position < len(view) or not members:
        members += 1
        if members > MAX_MEMBERS:
            raise MalformedEncoding(f"the {name} data has more than {MAX_MEMBERS:,} members")
        member, step = new_member(), _FIRST_IN_BYTES
        while not member.eof:
            piece = view[position : position + step]
            if not piece:
                raise MalformedEncoding(f"the {name} data ends early, after {len(view)} bytes")
            try:
                for chunk in member.feed(piece):
                    if limits.admit is not None:
                        limits.admit(len(chunk))
                    out += chunk
                    _check_size(len(out), limits)
            except (zlib.error, zstd.ZstdError) as error:
                raise MalformedEncoding(f"the body is not {name} near byte {position}: {error}") from error
            position += len(piece) - len(member.unused_data)
            step = min(step * 2, _MOST_IN_BYTES)
    return out


def _check_size(size: int, limits: ReadLimits) -> None:
    limit = limits.max_decoded_bytes
    if size > limit:
        detail = f"the body has more than {limit:,} bytes once its content encoding is undone"
        raise BodyTooLarge(detail, limit=limit, actual=size)
