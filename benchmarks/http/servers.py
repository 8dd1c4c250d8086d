"""The model servers among the peers, each as its documentation has it: BentoML and MLServer, with PyTorch in float32.

``python -m benchmarks.http.servers NAME PORT``, by a Python that has them; both take JSON, and MLServer the arrays as
the Open Inference Protocol writes them.
"""

from __future__ import annotations

import asyncio
import os
import sys
from typing import Any

import numpy as np


def convolved(data: Any, kernel: Any, padding: int) -> np.ndarray:
    """Convolve in PyTorch, in one thread, with the axes that a 2-D convolution wants."""
    import torch

    torch.set_num_threads(1)
    data, kernel = (torch.from_numpy(np.asarray(array, dtype=np.float32)) for array in (data, kernel))
    data = data[None, None] if data.ndim == 2 else data[None]
    kernel = kernel[None, None] if kernel.ndim == 2 else kernel
    with torch.inference_mode():
        maps: np.ndarray = torch.nn.functional.conv2d(data, kernel, padding=padding)[0].numpy()
    return maps


def bentoml(port: int) -> None:
    """Become BentoML's own command, with one worker."""
    command = ["-m", "bentoml", "serve", "benchmarks.http.bento:Convolution", "--port", str(port)]
    os.environ |= {"BENTOML_DO_NOT_TRACK": "true"}
    os.execv(sys.executable, [sys.executable, *command])


def mlserver(port: int) -> None:
    """Serve a runtime in MLServer's own process, without its pool of workers."""
    from mlserver import MLServer, ModelSettings, Settings

    settings = Settings(
        host="127.0.0.1",
        http_port=port,
        grpc_port=port + 1,
        metrics_endpoint=None,
        parallel_workers=0,
        debug=False,
        gzip_enabled=False,
        load_models_at_startup=False,
    )
    models = [ModelSettings(name="convolution", implementation="benchmarks.http.runtime.Convolution")]
    asyncio.run(MLServer(settings).start(models_settings=models))


if __name__ == "__main__":
    {"bentoml": bentoml, "mlserver": mlserver}[sys.argv[1]](int(sys.argv[2]))
