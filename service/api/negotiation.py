"""Which of the forms that an answer has a client would rather read (RFC 9110, section 12.5.1)."""

from __future__ import annotations

from collections.abc import Sequence

from service.wire import PictureFormat

from .errors import HttpProblem

JSON = "application/json"
NPY = "application/x-npy"
BYTES = "application/octet-stream"
ZIP = "application/zip"
_MOST_CHARACTERS = 4096
PICTURES: dict[str, PictureFormat] = {"image/png": "png", "image/webp": "webp", "image/jpeg": "jpeg"}


def negotiate(accept: str | None, offered: Sequence[str]) -> str:
    """Return the media type of `offered` that the header prefers; the first where it does not say.

    Raises
    ------
    HttpProblem
        If nothing offered is acceptable; the detail lists what there is.
    """
    return acceptable(accept, offered)[0]


def acceptable(accept: str | None, offered: Sequence[str]) -> list[str]:
    """Return the media types of `offered` that the header takes, what it prefers first; all where it does not say.

    Each offer gets the quality of the most specific range that matches it; the best come first, and the earlier offer
    among equals.

    Raises
    ------
    HttpProblem
        If nothing offered is acceptable; the detail lists what there is.
    """
    if accept is None or accept.strip(", \t") in ("", "*/*", offered[0]):
        return list(offered)
    found = dict(zip(offered, qualities(accept, offered), strict=True))
    taken = sorted((offer for offer, quality in found.items() if quality > 0), key=found.__getitem__, reverse=True)
    if not taken:
        raise HttpProblem(
            "not-acceptable",
            f"Accept is {accept[:200]!r}; this answer comes as {', '.join(offered)}",
            headers={"Vary": "Accept"},
        )
    return taken


def qualities(accepted: str, offered: Sequence[str]) -> list[float]:
    """Return the quality that a header of the kind of Accept gives to each of what is offered; 0 is unacceptable.

    Of a header longer than any client's only the beginning is read.
    """
    ranges = [_parsed(part) for part in accepted[:_MOST_CHARACTERS].split(",") if part.strip()]
    return [_quality(offer, ranges) for offer in offered]


def _parsed(part: str) -> tuple[str, float]:
    media_range, *parameters = (piece.strip() for piece in part.split(";"))
    quality = 1.0
    for parameter in parameters:
        name, _, value = parameter.partition("=")
        if name.strip().lower() == "q":
            try:
                quality = min(1.0, max(0.0, float(value)))
            except ValueError:
                quality = 0.0
    return media_range.lower(), quality


def _quality(offer: str, ranges: Sequence[tuple[str, float]]) -> float:
    family = offer.split("/")[0]
    for wanted in (offer, f"{family}/*", "*/*", "*"):
        matching = [quality for media_range, quality in ranges if media_range == wanted]
        if matching:
            return max(matching)
    return 0.0
