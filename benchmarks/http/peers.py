"""The other ways to serve a convolution, each as somebody would write it; each imports only what it needs.

``python -m benchmarks.http.peers NAME PORT`` serves one. All take the same JSON as the service; binary bodies are the
input as .npy, pictures a PNG, with the kernel known to them.
"""

from __future__ import annotations

import io
import sys
from collections.abc import Callable
from typing import Any

import numpy as np
import orjson
import uvicorn
from fastapi import FastAPI, Request, Response
from pydantic import BaseModel

KERNEL = np.random.default_rng(2).standard_normal((5, 5))
SHARPEN = np.array([[0, -1, 0], [-1, 5, -1], [0, -1, 0]], dtype=np.float32)


class Lists(BaseModel):
    """A request as most services declare it."""

    input: list[Any]
    kernel: list[Any]
    padding: int = 0


def _torch_conv(data: Any, kernel: Any, padding: int) -> Any:
    """Convolve in PyTorch with the axes that a 2-D convolution wants."""
    import torch

    data = data[None, None] if data.ndim == 2 else data[None]
    kernel = kernel[None, None] if kernel.ndim == 2 else kernel
    with torch.inference_mode():
        return torch.nn.functional.conv2d(data, kernel, padding=padding)[0]


def lists() -> Any:
    """FastAPI, pydantic lists and PyTorch, as everyone writes it."""
    import torch

    torch.set_num_threads(1)
    app = FastAPI()

    @app.post("/json")
    def json(body: Lists) -> dict[str, Any]:
        maps = _torch_conv(torch.tensor(body.input), torch.tensor(body.kernel), body.padding)
        return {"output": maps.tolist()}

    @app.post("/binary")
    async def binary(request: Request) -> Response:
        data = torch.from_numpy(np.load(io.BytesIO(await request.body()))).float()
        buffer = io.BytesIO()
        np.save(buffer, _torch_conv(data, torch.from_numpy(KERNEL).float(), 0).numpy())
        return Response(buffer.getvalue(), media_type="application/octet-stream")

    @app.post("/picture")
    async def picture(request: Request) -> Response:
        return await _pillow_picture(request, 6)

    return app


async def _pillow_picture(request: Request, level: int) -> Response:
    import cv2
    from PIL import Image

    pixels = np.asarray(Image.open(io.BytesIO(await request.body())).convert("RGB"))
    buffer = io.BytesIO()
    Image.fromarray(cv2.filter2D(pixels, -1, SHARPEN)).save(buffer, "PNG", compress_level=level)
    return Response(buffer.getvalue(), media_type="image/png")


def pillow(level: int) -> Any:
    """FastAPI with Pillow and OpenCV."""
    app = FastAPI()

    @app.post("/picture")
    async def picture(request: Request) -> Response:
        return await _pillow_picture(request, level)

    return app


def floor() -> Any:
    """FastAPI with orjson and float64, and nothing computed: what a service of this kind can hardly go below."""
    app = FastAPI()

    @app.post("/json")
    async def json(request: Request) -> Response:
        data = np.array(orjson.loads(await request.body())["input"], dtype=np.float64)
        return Response(
            orjson.dumps({"output": data}, option=orjson.OPT_SERIALIZE_NUMPY), media_type="application/json"
        )

    @app.post("/binary")
    async def binary(request: Request) -> Response:
        buffer = io.BytesIO()
        np.save(buffer, np.load(io.BytesIO(await request.body())))
        return Response(buffer.getvalue(), media_type="application/octet-stream")

    return app


def raw() -> Any:
    """No framework: ASGI, orjson and PyTorch in float32, nothing validated."""
    import torch

    torch.set_num_threads(1)
    kernel = torch.from_numpy(KERNEL).float()

    async def app(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            return
        body, more = b"", True
        while more:
            message = await receive()
            body += message.get("body", b"")
            more = message.get("more_body", False)
        if scope["path"] == "/json":
            document = orjson.loads(body)
            data = torch.from_numpy(np.array(document["input"], dtype=np.float32))
            bank = torch.from_numpy(np.array(document["kernel"], dtype=np.float32))
            maps = _torch_conv(data, bank, document.get("padding", 0)).squeeze(0).numpy()
            answer = orjson.dumps({"output": maps}, option=orjson.OPT_SERIALIZE_NUMPY)
        else:
            buffer = io.BytesIO()
            np.save(buffer, _torch_conv(torch.from_numpy(np.load(io.BytesIO(body))).float(), kernel, 0).numpy())
            answer = buffer.getvalue()
        headers = [(b"content-length", str(len(answer)).encode())]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": answer})

    return app


PEERS: dict[str, Callable[[], Any]] = {
    "lists": lists,
    "raw": raw,
    "floor": floor,
    "pillow-6": lambda: pillow(6),
    "pillow-1": lambda: pillow(1),
}


if __name__ == "__main__":
    uvicorn.run(PEERS[sys.argv[1]](), port=int(sys.argv[2]), access_log=False, log_level="warning")
