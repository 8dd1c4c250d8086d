"""What an operation answers: arrays by name, plain fields, and what a picture of it would need to know."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np

from service.schemas.traced import Trace
from service.wire import ArrayEncoding

Range = Literal["clip", "absolute", "normalize", "offset"]


@dataclass(frozen=True, slots=True)
class PictureStyle:
    """How the maps of an answer become a picture.

    Attributes
    ----------
    range
        The request's `range`.
    depth
        Bits a channel: 16 for maps of a 16-bit picture, else 8.
    color
        Whether the maps are the channels of one RGB picture.
    alpha
        The input picture's alpha, put back on a picture of the same size.
    """

    range: Range
    depth: Literal[8, 16] = 8
    color: bool = False
    alpha: np.ndarray | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """An operation's result.

    Attributes
    ----------
    arrays
        By their names in the JSON answer, which they open; a name with dots leads into `fields`: the array
        ``layers.0.output`` is the `output` of the first entry of `layers`.
    fields
        The rest of the JSON answer, in its order.
    encoding
        How a JSON answer writes the arrays.
    maps
        The array that is drawn where a picture is asked for; None if the answer has no picture.
    style
        How it is drawn.
    sections
        In place of `maps`: several, each with its title, drawn one below the other.
    spatial_axes
        Of `maps`; None where they are the operation's own.
    """

    arrays: Mapping[str, np.ndarray]
    fields: Mapping[str, Any]
    encoding: ArrayEncoding = "nested"
    maps: np.ndarray | None = None
    style: PictureStyle = field(default_factory=lambda: PictureStyle("clip"))
    sections: tuple[tuple[str, np.ndarray], ...] = ()
    spatial_axes: int | None = None


@dataclass(frozen=True, slots=True)
class TraceAnswer(Answer):
    """The steps of a computation, which are also told as a handout and drawn.

    Attributes
    ----------
    trace
        What drawings are made from; in JSON it is `fields`.
    """

    trace: Trace | None = None
