"""The requests that every contestant is asked: seeded, and written once in each form."""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import orjson
from numpy.typing import NDArray
from PIL import Image

_BOUNDARY = "a-line-that-no-part-holds"
_DATATYPES = {"f": "FP64", "i": "INT64"}


class Question(NamedTuple):
    """One request."""

    path: str
    body: bytes
    content_type: str
    accept: str


@dataclass(frozen=True)
class Case:
    """One question.

    Attributes
    ----------
    name
        As the table heads its column.
    form
        What its bodies are: ``json``, ``binary`` or ``picture``.
    document
        The request as the service takes it, with arrays.
    """

    name: str
    form: str
    document: dict[str, Any]

    def for_service(self) -> Question:
        """Return what the service is asked."""
        if self.form == "json":
            return self._json("/v1/conv2d")
        accept = "image/png" if self.form == "picture" else "application/x-npy"
        return Question("/v1/conv2d", _form(self.document), f"multipart/form-data; boundary={_BOUNDARY}", accept)

    def for_peer(self) -> Question:
        """Return what a peer is asked: the input alone where it knows the kernel."""
        if self.form == "json":
            return self._json("/json")
        return Question(f"/{self.form}", _file(self.document["input"]), "application/octet-stream", "*/*")

    def for_inference_protocol(self) -> Question:
        """Return what a server of the Open Inference Protocol (V2) is asked: arrays flat, with their shapes."""
        arrays = {name: np.atleast_1d(value) for name, value in self.document.items()}
        inputs = [
            {"name": name, "shape": array.shape, "datatype": _DATATYPES[array.dtype.kind], "data": array.reshape(-1)}
            for name, array in arrays.items()
        ]
        body = orjson.dumps({"inputs": inputs}, option=orjson.OPT_SERIALIZE_NUMPY)
        return Question("/v2/models/convolution/infer", body, "application/json", "*/*")

    def _json(self, path: str) -> Question:
        body = orjson.dumps(self.document, option=orjson.OPT_SERIALIZE_NUMPY)
        return Question(path, body, "application/json", "*/*")


def _file(value: Any) -> bytes:
    if isinstance(value, bytes):
        return value
    buffer = io.BytesIO()
    np.save(buffer, value)
    return buffer.getvalue()


def _form(document: dict[str, Any]) -> bytes:
    parts = []
    for name, value in document.items():
        text = isinstance(value, str)
        file_name = "" if text else '; filename="f"'
        head = f'--{_BOUNDARY}\r\nContent-Disposition: form-data; name="{name}"{file_name}\r\n\r\n'
        parts += [head.encode(), value.encode() if text else _file(value), b"\r\n"]
    return b"".join([*parts, f"--{_BOUNDARY}--\r\n".encode()])


def _photograph(side: int) -> bytes:
    """Return a picture with edges, gradients and grain, as a PNG: noise or a flat field would flatter somebody."""
    random = np.random.default_rng(7)
    rows, columns = np.mgrid[0:side, 0:side] / side
    waves = np.stack([np.sin(9 * rows + k) + np.cos(7 * columns * (k + 1)) for k in range(3)], axis=-1)
    grain: NDArray[Any] = random.normal(0, 4, (side, side, 3))
    pixels = np.clip(127 + 60 * waves + grain, 0, 255).astype(np.uint8)
    pixels[side // 4 : side // 2, side // 3 : side // 2] //= 3
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG")
    return buffer.getvalue()


def cases() -> list[Case]:
    """Return every question."""
    random = np.random.default_rng(1)
    normal = random.standard_normal
    small = {"input": normal((28, 28)), "kernel": normal((3, 3))}
    large = {"input": normal((512, 512)), "kernel": normal((5, 5))}
    layer = {"input": normal((16, 32, 32)), "kernel": normal((32, 16, 3, 3)), "padding": 1}
    return [
        Case("28×28 JSON, 3×3", "json", small),
        Case("512×512 JSON, 5×5", "json", large),
        Case("layer 16×32×32 → 32, JSON", "json", layer),
        Case("512×512 binary, 5×5", "binary", large),
        Case("1024² RGB PNG in and out, 3×3", "picture", {"input": _photograph(1024), "kernel": "sharpen"}),
    ]
