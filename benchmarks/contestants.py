"""The engine and its peers behind one signature: a case in, a call out, or None where a peer has no such operation."""

from __future__ import annotations

import importlib.util
import time
from collections.abc import Callable
from typing import Any

import cv2
import numpy as np
import onnx
import onnxruntime
from numpy.typing import NDArray
from onnx import TensorProto, helper
from scipy import signal

from benchmarks.cases import Case
from service import engine

Answer = NDArray[Any] | tuple[NDArray[Any], ...]
"""One array, or of a backward pass the gradients of the input and of the kernel."""
Call = Callable[[], Answer]
Contestant = Callable[[Case, int], Call | None]


def this_engine(case: Case, threads: int) -> Call:
    """Return the engine's own call, its method left to itself."""
    values, weights = case.arrays()
    control = engine.Control(threads=threads)
    options: dict[str, Any] = {"stride": case.stride, "padding": case.padding, "control": control}
    if case.op.endswith("pool"):
        kind = case.op.removesuffix(" pool")
        return lambda: np.asarray(engine.pool(values, kind, case.kernel_shape, **options))
    options["groups"] = case.groups
    if case.op == "transposed":
        return lambda: engine.conv_transpose(values, weights, **options)
    if case.op == "gradients":
        upstream = engine.conv(values, weights, **options)

        def backward() -> Answer:
            gradients = engine.conv_gradients(values, weights, upstream, **options)
            return gradients.input, gradients.kernel

        return backward
    return lambda: engine.conv(values, weights, **options)


def scipy_signal(case: Case, _threads: int) -> Call | None:
    """Return ``scipy.signal.correlate``, which picks direct or FFT by itself; it has one thread."""
    if not case.is_picture_filter:
        return None
    values, weights = case.arrays()
    return lambda: signal.correlate(values[0, 0], weights[0, 0], mode="valid")[None, None]


def opencv(case: Case, threads: int) -> Call | None:
    """Return ``cv2.filter2D`` or ``sepFilter2D``, which always pad; the padded part is cut off, which costs nothing."""
    if not case.is_picture_filter or len(case.input_shape) != 4:
        return None
    values, weights = case.arrays()
    cv2.setNumThreads(threads)
    rows, columns = weights.shape[2] // 2, weights.shape[3] // 2
    inner = (slice(rows, values.shape[2] - rows), slice(columns, values.shape[3] - columns))
    if case.smooth:
        line = weights[0, 0].sum(axis=0)
        return lambda: np.asarray(cv2.sepFilter2D(values[0, 0], -1, line, line))[inner][None, None]
    return lambda: np.asarray(cv2.filter2D(values[0, 0], -1, weights[0, 0]))[inner][None, None]


def onnx_runtime(case: Case, threads: int) -> Call | None:
    """Return a session with a single Conv node."""
    if case.dtype != "float32" or case.op != "conv":
        return None
    values, weights = case.arrays()
    rank = values.ndim - 2
    node = helper.make_node(
        "Conv", ["x", "w"], ["y"], strides=[case.stride] * rank, pads=[case.padding] * 2 * rank, group=case.groups
    )
    tensors = [helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in "xy"]
    graph = helper.make_graph([node], "conv", tensors[:1], tensors[1:], [onnx.numpy_helper.from_array(weights, "w")])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=10)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.log_severity_level = 3
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")  # or it slows all others down
    session = onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    return lambda: np.asarray(session.run(None, {"x": values})[0])


def bare_product(case: Case, _threads: int) -> Call | None:
    """Return the matrix product that a layer of one tap is, on as many threads as NumPy was started with."""
    if case.op != "conv" or set(case.kernel_shape[2:]) != {1} or case.groups != 1:
        return None
    values, weights = case.arrays()
    steps = (slice(None, None, case.stride),) * len(case.input_shape[2:])
    taken = np.ascontiguousarray(values[(slice(None), slice(None), *steps)])
    columns, matrix = taken.reshape(*taken.shape[:2], -1), weights.reshape(len(weights), -1)
    return lambda: np.matmul(matrix, columns).reshape(len(values), -1, *taken.shape[2:])


def pytorch(case: Case, threads: int) -> Call | None:
    """Return what PyTorch does in `threads` threads or in one, whichever is quicker."""
    import torch  # large, and not locked: measured only where somebody installed it

    call = _in_pytorch(case)
    taken: dict[int, float] = {}
    for number in (1, threads):
        torch.set_num_threads(number)
        call()
        begin = time.perf_counter()
        call()
        call()
        taken[number] = time.perf_counter() - begin
    better = min(taken, key=taken.__getitem__)

    def quicker() -> Answer:
        torch.set_num_threads(better)
        return call()

    return quicker


def _in_pytorch(case: Case) -> Call:
    """Return the function of ``torch.nn.functional``, without gradients unless they are what is measured."""
    import torch
    from torch.nn import functional

    values, weights = (torch.from_numpy(array) for array in case.arrays())
    rank = values.ndim - 2
    spaced = {"stride": case.stride, "padding": case.padding}
    options = spaced | {"groups": case.groups}

    def forward() -> Any:
        if case.op.endswith("pool"):
            pool = getattr(functional, {"max": "max_pool", "average": "avg_pool"}[case.op.split()[0]] + f"{rank}d")
            return pool(values, case.kernel_shape, **spaced)
        name = f"conv_transpose{rank}d" if case.op == "transposed" else f"conv{rank}d"
        return getattr(functional, name)(values, weights, **options)

    def call() -> NDArray[Any]:
        with torch.inference_mode():
            return np.asarray(forward().numpy())

    if case.op != "gradients":
        return call
    upstream = call()

    def backward() -> Answer:
        gradients = torch.ops.aten.convolution_backward(
            torch.from_numpy(upstream),
            values,
            weights,
            [len(weights)],
            [case.stride] * rank,
            [case.padding] * rank,
            [1] * rank,
            False,
            [0] * rank,
            case.groups,
            [True, True, True],
        )
        return np.asarray(gradients[0].numpy()), np.asarray(gradients[1].numpy())

    return backward


PEERS: dict[str, Contestant] = {
    "SciPy": scipy_signal,
    "OpenCV": opencv,
    "ONNX Runtime": onnx_runtime,
    "np.matmul": bare_product,
    **({"PyTorch": pytorch} if importlib.util.find_spec("torch") else {}),
}
