"""An operation's answer as bytes in the media type that was negotiated."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from types import MappingProxyType
from typing import Any, NamedTuple

import numpy as np
from starlette.responses import Response

from service.drawing.errors import DrawingError
from service.drawing.maps import Admit, Pixels, narrowed
from service.drawing.pictures import draw_maps, draw_sections
from service.drawing.trace_gif import trace_gif
from service.drawing.trace_markdown import trace_markdown
from service.drawing.trace_svg import trace_svg
from service.operations.answer import Answer, TraceAnswer
from service.schemas.traced import Trace
from service.wire import encode_array, write_json, write_npy, write_npz, write_picture
from service.wire.errors import NonFiniteAnswer, UnwritablePicture

from .errors import HttpProblem
from .negotiation import BYTES, JSON, NPY, PICTURES, ZIP

_TOLD: dict[str, Callable[[Trace, Admit], str | bytes]] = {
    "text/markdown": lambda trace, _: trace_markdown(trace),
    "image/svg+xml": lambda trace, _: trace_svg(trace),
    "image/gif": lambda trace, admit: trace_gif(trace, admit=admit),
}
TRACE_FORMS = (JSON, *_TOLD)
"""The media types of a trace."""
DRAWN_TRACES = ("image/svg+xml", "image/gif")
"""Those that may have no room for one."""

VARY = "Accept, Accept-Encoding"
"""The headers that what is answered depends on."""


class Written(NamedTuple):
    """A response's body with the headers that describe it."""

    body: bytes | memoryview
    media_type: str
    headers: Mapping[str, str] = MappingProxyType({})


class Computed(Response):
    """A response that is complete: nothing is looked up, changed or encoded on its way."""

    def __init__(self, written: Written) -> None:
        charset = "; charset=utf-8" if written.media_type.startswith("text/") else ""
        self.status_code = 200
        self.body = written.body
        self.background = None
        self.raw_headers = [
            (b"content-length", b"%d" % len(written.body)),
            (b"content-type", f"{written.media_type}{charset}".encode("latin-1")),
            (b"vary", VARY.encode()),
            *((name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in written.headers.items()),
        ]


def write_answer(answer: Answer, media_types: Sequence[str], rank: int, admit: Admit) -> Written:
    """Return an answer in the first of some media types that can hold it.

    Parameters
    ----------
    answer
    media_types
        The ones behind the first are taken where those before cannot hold it.
    rank
        The number of its spatial axes.
    admit
        Told how many bytes a drawing takes beside the answer, before any is taken.

    Raises
    ------
    HttpProblem
        If the last of them is a form for one array, and the answer has several, or no room is admitted.
    WireError, DrawingError
        If the last of them, or JSON, cannot hold the values.
    """
    for media_type in media_types[:-1]:
        with suppress(DrawingError, UnwritablePicture):
            try:
                return _written(answer, media_type, rank, admit)
            except HttpProblem as problem:
                if problem.slug == "saturated":  # that passes, and the form that the client prefers comes then
                    raise
    return _written(answer, media_types[-1], rank, admit)


def _written(answer: Answer, media_type: str, rank: int, admit: Admit) -> Written:
    if media_type == JSON:
        return Written(_as_json(answer), JSON)
    if isinstance(answer, TraceAnswer) and answer.trace is not None:
        told = _TOLD[media_type](answer.trace, admit)
        told_of = shape_headers(answer.trace.output_shape, answer.trace.plan["dtype"])
        return Written(told.encode() if isinstance(told, str) else told, media_type, told_of)
    main = next(iter(answer.arrays.values()))
    headers = shape_headers(main.shape, main.dtype.name)
    if media_type in (NPY, BYTES):
        return Written(write_npy(_only_array(answer)), media_type, headers)
    if media_type == ZIP:
        return Written(write_npz(dict(answer.arrays)), ZIP, headers)
    axes = rank if answer.spatial_axes is None else answer.spatial_axes
    try:
        return Written(_picture(answer, media_type, axes, admit), media_type, headers)
    except DrawingError as error:
        if len(answer.arrays) == 1:
            raise
        raise type(error)(error.detail.replace(NPY, ZIP), error.pointer, **error.extra) from None


def shape_headers(shape: Iterable[int], dtype: str) -> dict[str, str]:
    """Return what an answer other than JSON says in its headers: its shape and dtype."""
    return {"X-Output-Shape": ",".join(str(length) for length in shape), "X-Dtype": dtype}


def _as_json(answer: Answer) -> bytes | memoryview:
    """Return an answer as JSON; of one that JSON cannot carry, the error says in which form it can be had."""
    try:
        return write_json(_document(answer))
    except NonFiniteAnswer as error:
        if isinstance(answer, TraceAnswer):  # its steps have numbers beside their arrays, whatever the encoding
            mend = "text/markdown or image/svg+xml"
        else:
            mend = f"{NPY if len(answer.arrays) == 1 else ZIP}, or for encoding base64"
        raise NonFiniteAnswer(f"{error.detail}; ask for {mend}", error.pointer) from None


def _document(answer: Answer) -> dict[str, Any]:
    """Return an answer as JSON has it; an array with dots in its name goes into the entry that they lead to."""
    arrays = {name: encode_array(array, answer.encoding) for name, array in answer.arrays.items()}
    document = {name: array for name, array in arrays.items() if "." not in name} | dict(answer.fields)
    for name, array in arrays.items():
        if "." in name:
            group, index, field_name = name.split(".")
            entry = document[group][int(index)]
            document[group][int(index)] = {"type": entry["type"], field_name: array, **entry}
    return document


def _only_array(answer: Answer) -> np.ndarray:
    if len(answer.arrays) > 1:
        raise HttpProblem(
            "not-acceptable",
            f"the answer has {len(answer.arrays)} arrays, {', '.join(answer.arrays)}, and .npy holds one; "
            f"ask for {ZIP} or {JSON}",
        )
    return next(iter(answer.arrays.values()))


def _picture(answer: Answer, media_type: str, rank: int, admit: Admit) -> bytes:
    if answer.maps is None:
        raise HttpProblem("not-acceptable", f"this answer has no picture; ask for {JSON}, {NPY} or {ZIP}")
    style = answer.style
    if answer.sections:
        pixels: Pixels = draw_sections(answer.sections, range=style.range, depth=style.depth, admit=admit)
        return write_picture(pixels, None, PICTURES[media_type])
    pixels = draw_maps(
        answer.maps, spatial_axes=rank, rgb=style.color, range=style.range, depth=style.depth, admit=admit
    )
    # Alpha goes back onto a picture of the same size, no sheet of several, in a format that has it.
    size = pixels.shape[-2:] if media_type != "image/jpeg" else None
    alpha = style.alpha if style.alpha is not None and style.alpha.shape == answer.maps.shape[-2:] == size else None
    if media_type != "image/png":
        pixels, alpha = narrowed(pixels), None if alpha is None else narrowed(alpha)
    return write_picture(pixels, alpha, PICTURES[media_type])
