"""Random pools and transposed convolutions answered by onnxruntime: one seed, one sequence.

The tests take the first few hundred; `python -m tests.differential_pools --cases 5000` as many as wanted. What
onnxruntime is known to get wrong (NaN, SAME with dilation) is not asked.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import onnx
import onnxruntime
from numpy.typing import NDArray

from service.engine import conv_transpose, pool

Array = NDArray[Any]

OPERATORS = {"max": "MaxPool", "average": "AveragePool", "lp": "LpPool", "transposed": "ConvTranspose"}


@dataclass(frozen=True)
class Case:
    """One operation, with the engine's options and onnxruntime's attributes."""

    number: int
    kind: str
    input: Array
    kernel: Array | None
    options: dict[str, Any]
    attributes: dict[str, Any]


def cases(seed: int, count: int) -> Iterator[Case]:
    """Yield `count` random cases, each kind in turn."""
    rng = np.random.default_rng(seed)
    for number in range(count):
        kind = list(OPERATORS)[number % 4]
        yield _transposed(number, rng) if kind == "transposed" else _pool(number, kind, rng)


def _pool(number: int, kind: str, rng: np.random.Generator) -> Case:
    rank = int(rng.integers(1, 4))
    kernel, stride, dilation = ([int(v) for v in rng.integers(1, high, rank)] for high in (5, 5, 3))
    before, after = ([int(rng.integers(0, k)) for k in kernel] for _ in range(2))
    spans = [d * (k - 1) + 1 for k, d in zip(kernel, dilation, strict=True)]
    size = [
        max(d, span - b - a) + int(rng.integers(0, (40, 14, 7)[rank - 1]))
        for d, span, b, a in zip(dilation, spans, before, after, strict=True)
    ]
    shape = (int(rng.integers(1, 3)), int(rng.integers(1, 4)), *size)
    # All different, so that no tie hides which cell was selected, and integers, so that sums are exact.
    values = rng.permutation(int(np.prod(shape))).reshape(shape).astype(np.float32) - np.float32(np.prod(shape) // 2)
    options: dict[str, Any] = {
        "kernel_size": kernel,
        "stride": stride,
        "dilation": dilation,
        "padding": list(zip(before, after, strict=True)),
        "ceil_mode": bool(rng.integers(2)),
    }
    attributes: dict[str, Any] = {
        "kernel_shape": kernel,
        "strides": stride,
        "dilations": dilation,
        "pads": before + after,
        "ceil_mode": int(options["ceil_mode"]),
    }
    if kind == "average":
        options["count_include_pad"] = bool(rng.integers(2))
        attributes["count_include_pad"] = int(options["count_include_pad"])
    if kind == "lp":
        options["p"] = attributes["p"] = int(rng.integers(1, 4))
    return Case(number, kind, values, None, options, attributes)


def _transposed(number: int, rng: np.random.Generator) -> Case:
    rank = int(rng.integers(1, 4))
    groups = int(rng.integers(1, 3))
    size = [int(n) for n in rng.integers(2, (40, 12, 6)[rank - 1], rank)]
    kernel, stride, dilation = ([int(v) for v in rng.integers(1, high, rank)] for high in (5, 5, 3))
    extra = [int(rng.integers(0, s)) for s in stride]  # below the stride: onnxruntime's limit, not ours
    # Cropped by no more than half of the smallest output there can be.
    whole = [(n - 1) * s + d * (k - 1) + 1 for n, s, d, k in zip(size, stride, dilation, kernel, strict=True)]
    before, after = (
        [int(rng.integers(0, 1 + min(4, full // 2 - 1))) if full > 1 else 0 for full in whole] for _ in "ba"
    )
    channels, filters = groups * int(rng.integers(1, 4)), int(rng.integers(1, 4))
    values = rng.integers(-9, 10, (int(rng.integers(1, 3)), channels, *size)).astype(np.float32)
    weights = rng.integers(-9, 10, (channels, filters, *kernel)).astype(np.float32)
    return Case(
        number,
        "transposed",
        values,
        weights,
        {
            "stride": stride,
            "dilation": dilation,
            "padding": list(zip(before, after, strict=True)),
            "output_padding": extra,
            "groups": groups,
        },
        {
            "kernel_shape": kernel,
            "strides": stride,
            "dilations": dilation,
            "pads": before + after,
            "output_padding": extra,
            "group": groups,
        },
    )


def by_onnxruntime(case: Case) -> list[Array]:
    """Return onnxruntime's answer, and for a max pool the flat positions in each plane."""
    names = ["x", "w"] if case.kernel is not None else ["x"]
    outputs = ["y", "i"] if case.kind == "max" else ["y"]
    node = onnx.helper.make_node(OPERATORS[case.kind], names, outputs, **case.attributes)
    kinds = {"x": onnx.TensorProto.FLOAT, "w": onnx.TensorProto.FLOAT, "y": onnx.TensorProto.FLOAT}
    infos = {
        name: onnx.helper.make_tensor_value_info(
            name, kinds.get(name, onnx.TensorProto.INT64), [None] * case.input.ndim
        )
        for name in (*names, *outputs)
    }
    graph = onnx.helper.make_graph([node], "case", [infos[n] for n in names], [infos[n] for n in outputs])
    model = onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 22)], ir_version=10)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    feeds = {"x": case.input} | ({} if case.kernel is None else {"w": case.kernel})
    found = [np.asarray(array) for array in session.run(outputs, feeds)]
    if case.kind == "max":
        found[1] = found[1] % int(np.prod(case.input.shape[2:]))  # there they run through the whole tensor
    return found


def by_engine(case: Case) -> list[Array]:
    """Return the engine's answer, as `by_onnxruntime`."""
    if case.kernel is not None:
        return [conv_transpose(case.input, case.kernel, **case.options)]
    if case.kind == "max":
        return list(pool(case.input, "max", **case.options, return_indices=True))
    return [pool(case.input, case.kind, **case.options)]


def differences(case: Case) -> list[str]:
    """Return a line for every array that is not the same: exactly, but for one division or root."""
    tolerance = 1e-6 if case.kind in ("average", "lp") else 0.0
    wrong = []
    for name, found, expected in zip(("output", "indices"), by_engine(case), by_onnxruntime(case), strict=False):
        if found.shape != expected.shape or not np.allclose(found, expected, rtol=tolerance, atol=0):
            wrong.append(f"case {case.number}, {case.kind}, {name}: {case.input.shape} {case.options}")
    return wrong


def main() -> int:
    """Compare as many cases as the command line asks for; return 1 if any differ."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--cases", type=int, default=5000)
    parser.add_argument("--seed", type=int, default=20)
    chosen = parser.parse_args()
    lines = [line for case in cases(chosen.seed, chosen.cases) for line in differences(case)]
    sys.stdout.write("\n".join([*lines, f"{chosen.cases} cases, {len(lines)} differences"]) + "\n")
    return min(1, len(lines))


if __name__ == "__main__":
    sys.exit(main())
