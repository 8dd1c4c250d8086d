"""Random convolutions answered by other libraries: one seed, one sequence.

The tests take the first few hundred; `python -m tests.differential --cases 5000` as many as wanted.

SciPy's `correlate` on data padded by NumPy is the oracle in float64, onnxruntime's Conv in float32; neither shares code
with the engine. What each method may be off by is its stated bound.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from math import sqrt
from typing import Any

import numpy as np
import onnx
import onnxruntime
from numpy.typing import NDArray
from scipy import signal

from service.engine import METHODS, MethodNotApplicable, conv, plan_conv

Array = NDArray[Any]

NUMPY_MODES: dict[str, Any] = {
    "zeros": "constant",
    "constant": "constant",
    "reflect": "reflect",
    "symmetric": "symmetric",
    "replicate": "edge",
    "circular": "wrap",
}


@dataclass(frozen=True)
class Case:
    """One convolution. `options` are the engine's."""

    number: int
    input: Array
    kernel: Array
    options: dict[str, Any]

    def bound(self, method: str) -> float:
        """Return the engine's: 4·√taps·ε·max|x|·max over filters of Σ|k|, or a method's own where that is wider."""
        filters = self.kernel.astype(np.float64).reshape(len(self.kernel), -1)
        peak = max(np.abs(self.input).max(), abs(self.options["padding_value"]))
        least_taps, tile_error = 1, 0.0
        if method in METHODS:
            plan = plan_conv(self.input.shape, self.kernel.shape, **self.options_of_plan)
            least_taps, tile_error = METHODS[method].least_taps, METHODS[method].tile_error(plan)
        relative = 4 * sqrt(max(filters.shape[1], least_taps)) * np.abs(filters).sum(axis=1).max()
        alone = tile_error * np.sqrt((filters * filters).sum(axis=1)).max()
        return float(np.finfo(self.input.dtype).eps * peak * max(relative, alone))

    @property
    def options_of_plan(self) -> dict[str, Any]:
        """The options that change shapes."""
        return {name: value for name, value in self.options.items() if name != "padding_value"}


def cases(seed: int, count: int) -> Iterator[Case]:
    """Yield `count` random cases."""
    rng = np.random.default_rng(seed)
    for number in range(count):
        yield _case(number, rng)


def _case(number: int, rng: np.random.Generator) -> Case:
    rank = int(rng.integers(1, 4))
    groups = int(rng.choice([1, 1, 2, 3]))
    # Mostly small; now and then the many channels, or the large plane, that a fast method is made for.
    wide = number % 12 == 0
    channels = groups * int(rng.integers(1, 4)) if not wide else groups * 32
    filters = groups * int(rng.integers(1, 4)) if not wide else groups * int(rng.integers(8, 24))
    if number % 12 not in (0, 3):
        taps = tuple(int(k) for k in rng.integers(1, (12, 6, 4)[rank - 1], rank))
    else:  # what Winograd can do
        taps = (int(rng.integers(3, 6)) if wide and rank < 3 else 3,) * rank
    size = tuple(int(n) for n in rng.integers(1, (60, 16, 8)[rank - 1], rank))
    if number % 12 in (3, 6):
        size = tuple(int(n) for n in rng.integers((40, 30, 10)[rank - 1], (3000, 90, 20)[rank - 1], rank))
    simple = number % 12 in (0, 3) or number % 5 == 0
    stride = (1,) * rank if simple else tuple(int(s) for s in rng.integers(1, 4, rank))
    dilation = (1,) * rank if simple else tuple(int(d) for d in rng.integers(1, 3, rank))
    spans = [d * (k - 1) + 1 for d, k in zip(dilation, taps, strict=True)]
    need = [max(0, span - n) for span, n in zip(spans, size, strict=True)]
    padding = [
        [int(rng.integers(0, span + 1)), int(rng.integers(0, span + 1)) + n]
        for span, n in zip(spans, need, strict=True)
    ]
    mode = str(rng.choice(list(NUMPY_MODES)))
    dtype = np.float32 if rng.integers(2) else np.float64
    return Case(
        number,
        _data((int(rng.integers(1, 3)), channels, *size), dtype, rng),
        _kernel((filters, channels // groups, *taps), dtype, rng),
        {
            "stride": stride,
            "dilation": dilation,
            "padding": padding,
            "padding_mode": mode,
            "padding_value": float(rng.integers(-3, 4)) if mode == "constant" else 0.0,
            "groups": groups,
        },
    )


def _data(shape: tuple[int, ...], dtype: Any, rng: np.random.Generator) -> Array:
    """Return noise, or the ±1 that add up worst."""
    return (rng.standard_normal(shape) if rng.integers(3) else rng.choice([-1.0, 1.0], shape)).astype(dtype)


def _kernel(shape: tuple[int, ...], dtype: Any, rng: np.random.Generator) -> Array:
    """Return noise, ±1, one tap in a corner (nothing to hide rounding behind), or a product of one-axis filters.

    The tap is in the corner of every channel, or of one alone, which leaves nothing to average errors out with.
    """
    kind = int(rng.integers(5))
    if kind == 0:
        return rng.standard_normal(shape).astype(dtype)
    if kind == 1:
        return rng.choice([-1.0, 1.0], shape).astype(dtype)
    if kind == 2:
        kernel = np.zeros(shape, dtype)
        corner: tuple[Any, ...] = (..., *(int(rng.choice([0, -1])) for _ in shape[2:]))
        kernel[corner] = rng.choice([-1.0, 1.0], shape[:2])
        return kernel
    if kind == 3:
        kernel = np.zeros(shape, dtype)
        for filter in kernel:
            filter[(int(rng.integers(shape[1])), *(int(rng.choice([0, -1])) for _ in shape[2:]))] = 1
        return kernel
    kernel = np.ones(shape, dtype)
    for axis in range(2, len(shape)):
        line = rng.standard_normal((*shape[:2], *(k if a == axis else 1 for a, k in enumerate(shape) if a > 1)))
        kernel *= line.astype(dtype)
    return kernel


def padded(case: Case) -> Array:
    """Return the input as NumPy pads it, in float64."""
    mode = NUMPY_MODES[case.options["padding_mode"]]
    fixed = {"constant_values": case.options["padding_value"]} if mode == "constant" else {}
    return np.pad(case.input.astype(np.float64), [(0, 0), (0, 0), *case.options["padding"]], mode=mode, **fixed)


def by_scipy(case: Case) -> Array:
    """Return the answer in float64, each channel of each filter correlated and summed."""
    x, groups = padded(case), case.options["groups"]
    filters, members, *taps = case.kernel.shape
    spans = [d * (k - 1) + 1 for d, k in zip(case.options["dilation"], taps, strict=True)]
    spread = np.zeros((filters, members, *spans))
    apart: tuple[Any, ...] = (..., *(slice(None, None, d) for d in case.options["dilation"]))
    spread[apart] = case.kernel
    every = tuple(slice(None, None, s) for s in case.options["stride"])
    return np.array(
        [
            [
                sum(
                    signal.correlate(
                        image[f // (filters // groups) * members + c], spread[f, c], "valid", method="direct"
                    )[every]
                    for c in range(members)
                )
                for f in range(filters)
            ]
            for image in x
        ]
    )


def by_onnxruntime(case: Case) -> Array:
    """Return the answer of ONNX's Conv in float32."""
    x, w = padded(case).astype(np.float32), case.kernel.astype(np.float32)
    node = onnx.helper.make_node(
        "Conv",
        ["x", "w"],
        ["y"],
        strides=case.options["stride"],
        dilations=case.options["dilation"],
        group=case.options["groups"],
        kernel_shape=w.shape[2:],
    )
    tensors = {
        name: onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, [None] * x.ndim) for name in "xwy"
    }
    graph = onnx.helper.make_graph([node], "conv", [tensors["x"], tensors["w"]], [tensors["y"]])
    model = onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 17)], ir_version=8)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    return np.asarray(session.run(["y"], {"x": x, "w": w})[0])


def answers(case: Case) -> Iterator[tuple[str, Array]]:
    """Yield every method's answer, `auto`'s first."""
    for method in ("auto", *METHODS):
        try:
            yield method, conv(case.input, case.kernel, method=method, **case.options)
        except MethodNotApplicable:
            continue


def differences(case: Case, *, ask_onnxruntime: bool = False) -> list[str]:
    """Return a line for every answer that is off by more than the bound."""
    expected = by_scipy(case)
    found = list(answers(case))
    if ask_onnxruntime and case.input.dtype == np.float32 and case.input.ndim < 5:
        found.append(("onnxruntime", by_onnxruntime(case)))
    wrong = []
    for method, answer in found:
        off = float(np.abs(answer - expected).max()) if answer.shape == expected.shape else np.inf
        bound = case.bound(method)
        if not off <= bound:
            wrong.append(f"case {case.number}, {method}: off by {off:.3g}, bound {bound:.3g}; {case.options}")
    return wrong


def main() -> int:
    """Compare as many cases as the command line asks for; return how many differ."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--cases", type=int, default=5000)
    parser.add_argument("--seed", type=int, default=20)
    chosen = parser.parse_args()
    lines = [line for case in cases(chosen.seed, chosen.cases) for line in differences(case, ask_onnxruntime=True)]
    sys.stdout.write("\n".join([*lines, f"{chosen.cases} cases, {len(lines)} differences"]) + "\n")
    return min(1, len(lines))


if __name__ == "__main__":
    sys.exit(main())
