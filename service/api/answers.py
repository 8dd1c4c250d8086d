"""An operation's answer as bytes in the media type that was negotiated."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from service.drawing.maps import narrowed
from service.drawing.pictures import draw_maps
from service.operations.answer import Answer
from service.wire import encode_array, write_json, write_npy, write_npz, write_picture

from .errors import HttpProblem
from .negotiation import BYTES, JSON, NPY, PICTURES, ZIP


@dataclass(frozen=True, slots=True)
class Written:
    """A response's body with the headers that describe it."""

    body: bytes
    media_type: str
    headers: dict[str, str] = field(default_factory=dict)


def write_answer(answer: Answer, media_type: str, rank: int) -> Written:
    """Return an answer in a media type; `rank` is the number of its spatial axes.

    Raises
    ------
    HttpProblem
        If a form for one array is asked of an answer with several.
    WireError, DrawingError
        If the form cannot hold the values.
    """
    if media_type == JSON:
        arrays = {name: encode_array(array, answer.encoding) for name, array in answer.arrays.items()}
        return Written(write_json({**arrays, **answer.fields}), JSON)
    main = next(iter(answer.arrays.values()))
    headers = {"X-Output-Shape": ",".join(str(length) for length in main.shape), "X-Dtype": main.dtype.name}
    if media_type in (NPY, BYTES):
        return Written(write_npy(_only_array(answer)), media_type, headers)
    if media_type == ZIP:
        return Written(write_npz(dict(answer.arrays)), ZIP, headers)
    return Written(_picture(answer, media_type, rank), media_type, headers)


def _only_array(answer: Answer) -> np.ndarray:
    if len(answer.arrays) > 1:
        raise HttpProblem(
            "not-acceptable",
            f"the answer has {len(answer.arrays)} arrays, {', '.join(answer.arrays)}, and .npy holds one; "
            f"ask for {ZIP} or {JSON}",
        )
    return next(iter(answer.arrays.values()))


def _picture(answer: Answer, media_type: str, rank: int) -> bytes:
    if answer.maps is None:
        raise HttpProblem("not-acceptable", f"this answer has no picture; ask for {JSON}, {NPY} or {ZIP}")
    style = answer.style
    pixels = draw_maps(answer.maps, spatial_axes=rank, rgb=style.color, range=style.range, depth=style.depth)
    # Alpha goes back onto a picture of the same size, in a format that has it.
    fits = style.alpha is not None and style.alpha.shape == pixels.shape[-2:] and media_type != "image/jpeg"
    alpha = style.alpha if fits else None
    if media_type != "image/png":
        pixels, alpha = narrowed(pixels), None if alpha is None else narrowed(alpha)
    return write_picture(pixels, alpha, PICTURES[media_type])
