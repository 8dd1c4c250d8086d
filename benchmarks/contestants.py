"""The engine and its peers behind one signature: a case in, a call out, or None where a peer has no such operation."""

from __future__ import annotations

import importlib.util
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

Call = Callable[[], NDArray[Any]]
Contestant = Callable[[Case, int], Call | None]


def this_engine(case: Case, threads: int) -> Call:
    """Return the engine's own call, its method left to itself."""
    values, weights = case.arrays()
    control = engine.Control(threads=threads)
    return lambda: engine.conv(values, weights, stride=case.stride, groups=case.groups, control=control)


def scipy_signal(case: Case, _threads: int) -> Call | None:
    """Return ``scipy.signal.correlate``, which picks direct or FFT by itself; it has one thread."""
    if not case.is_picture_filter:
        return None
    values, weights = case.arrays()
    return lambda: signal.correlate(values[0, 0], weights[0, 0], mode="valid")[None, None]


def opencv(case: Case, threads: int) -> Call | None:
    """Return ``cv2.filter2D``, which always pads; the padded part is cut off, which costs nothing."""
    if not case.is_picture_filter:
        return None
    values, weights = case.arrays()
    cv2.setNumThreads(threads)
    rows, columns = weights.shape[2] // 2, weights.shape[3] // 2
    inner = (slice(rows, values.shape[2] - rows), slice(columns, values.shape[3] - columns))
    return lambda: np.asarray(cv2.filter2D(values[0, 0], -1, weights[0, 0]))[inner][None, None]


def onnx_runtime(case: Case, threads: int) -> Call | None:
    """Return a session with a single Conv node."""
    if case.dtype != "float32":
        return None
    values, weights = case.arrays()
    node = helper.make_node("Conv", ["x", "w"], ["y"], strides=[case.stride] * 2, group=case.groups)
    tensors = [helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in "xy"]
    graph = helper.make_graph([node], "conv", tensors[:1], tensors[1:], [onnx.numpy_helper.from_array(weights, "w")])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=10)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    return lambda: np.asarray(session.run(None, {"x": values})[0])


def pytorch(case: Case, threads: int) -> Call | None:
    """Return ``torch.nn.functional.conv2d`` without gradients."""
    import torch  # large, and not locked: measured only where somebody installed it

    torch.set_num_threads(threads)
    values, weights = (torch.from_numpy(array) for array in case.arrays())

    def call() -> NDArray[Any]:
        with torch.inference_mode():
            found = torch.nn.functional.conv2d(values, weights, stride=case.stride, groups=case.groups)
        return np.asarray(found.numpy())

    return call


PEERS: dict[str, Contestant] = {
    "SciPy": scipy_signal,
    "OpenCV": opencv,
    "ONNX Runtime": onnx_runtime,
    **({"PyTorch": pytorch} if importlib.util.find_spec("torch") else {}),
}
