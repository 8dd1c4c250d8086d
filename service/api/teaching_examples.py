"""Requests of traces and networks that OpenAPI shows: real ones, which a test sends."""

from __future__ import annotations

from typing import Any

from .examples import EDGE, RAMP

Example = dict[str, Any]


def _example(summary: str, value: Any) -> Example:
    return {"summary": summary, "value": value}


TRACES: dict[str, dict[str, Example]] = {
    "conv1d": {
        "integral": _example(
            "Fold, displace, multiply, integrate",
            {
                "input": [1, 2, 3, 4],
                "kernel": [1, 2, 3],
                "padding": "full",
                "operation": "convolution",
                "sample_spacing": 0.5,
            },
        )
    },
    "conv2d": {
        "anchor": _example("A ramp under a vertical edge filter, step by step", {"input": RAMP, "kernel": EDGE}),
        "corners": _example(
            "Two positions, where the border is reflected",
            {
                "input": RAMP,
                "kernel": EDGE,
                "padding": 1,
                "padding_mode": "reflect",
                "positions": [[0, 0], [4, 4]],
            },
        ),
    },
    "conv_transpose2d": {
        "upsample": _example(
            "Which input cells reach each position, and the taps they meet",
            {"input": [[1, 2], [3, 4]], "kernel": [[1, 2, 3], [4, 5, 6], [7, 8, 9]], "stride": 2},
        )
    },
    "pool1d": {
        "adaptive": _example("Windows that overlap", {"input": [0, 1, 2, 3, 4, 5, 6], "output_size": 3}),
    },
    "pool2d": {
        "max": _example("Which cell won each window", {"input": RAMP, "kernel_size": 2, "padding": 1}),
    },
}

_RELU, _TANH, _FLATTEN = {"type": "relu"}, {"type": "tanh"}, {"type": "flatten"}


def _conv(filters: int, size: int, **options: Any) -> Example:
    return {"type": "conv2d", "filters": filters, "kernel_size": size, **options}


def _pool(size: int, stride: int, **options: Any) -> Example:
    return {"type": "pool2d", "kernel_size": size, "stride": stride, **options}


def _linear(features: int) -> Example:
    return {"type": "linear", "features": features}


def _lenet5() -> Example:
    """LeCun et al. (1998), with every map of C3 connected to every map of S2."""
    mean = {"kind": "average"}
    convolutions = [_conv(6, 5, padding=2), _TANH, _pool(2, 2, **mean), _conv(16, 5), _TANH, _pool(2, 2, **mean)]
    layers = [*convolutions, _conv(120, 5), _TANH, _FLATTEN, _linear(84), _TANH, _linear(10)]
    return {"input_shape": [1, 28, 28], "layers": layers}


def _alexnet() -> Example:
    """Krizhevsky (2014), "One weird trick for parallelizing convolutional neural networks"."""
    layers = [
        *(_conv(64, 11, stride=4, padding=2), _RELU, _pool(3, 2)),
        *(_conv(192, 5, padding=2), _RELU, _pool(3, 2)),
        *(
            _conv(384, 3, padding=1),
            _RELU,
            _conv(256, 3, padding=1),
            _RELU,
            _conv(256, 3, padding=1),
            _RELU,
            _pool(3, 2),
        ),
        *({"type": "pool2d", "kind": "average", "output_size": 6}, _FLATTEN),
        *(_linear(4096), _RELU, _linear(4096), _RELU, _linear(1000)),
    ]
    return {"input_shape": [3, 224, 224], "layers": layers}


def _vgg16() -> Example:
    """Simonyan & Zisserman (2014), configuration D."""
    layers: list[Example] = []
    for filters, count in ((64, 2), (128, 2), (256, 3), (512, 3), (512, 3)):
        layers += [_conv(filters, 3, padding=1), _RELU] * count + [_pool(2, 2)]
    layers += [_FLATTEN, _linear(4096), _RELU, _linear(4096), _RELU, _linear(1000)]
    return {"input_shape": [3, 224, 224], "layers": layers}


def _resnet50_trunk() -> Example:
    """He et al. (2015), up to the first block's sum."""
    norm = {"type": "batch_norm"}
    stem = [_conv(64, 7, stride=2, padding=3, bias=False), norm, _RELU, _pool(3, 2, padding=1)]
    narrow = [_conv(64, 1, bias=False), norm, _RELU, _conv(64, 3, padding=1, bias=False), norm, _RELU]
    return {"input_shape": [3, 224, 224], "layers": [*stem, *narrow, _conv(256, 1, bias=False), norm]}


NETWORK_PLANS: dict[str, Example] = {
    "lenet5": _example("LeNet-5: 61,706 parameters", _lenet5()),
    "alexnet": _example("AlexNet: 61,100,840 parameters", _alexnet()),
    "vgg16": _example("VGG-16: 138,357,544 parameters, 15.47 G multiply-accumulates", _vgg16()),
    "resnet50_trunk": _example("The trunk of ResNet-50 up to its first sum", _resnet50_trunk()),
    "three_small_filters": _example(
        "Three 3×3 filters see 7×7 cells", {"input_shape": [1, 32, 32], "layers": [_conv(1, 3)] * 3}
    ),
}

NETWORKS: dict[str, Example] = {
    "edges": _example(
        "Two layers: the largest edge of every 2×2 block",
        {
            "input": RAMP,
            "layers": [
                {"type": "conv2d", "kernel": [[-1, 0, 1]] * 3, "padding": "same"},
                _RELU,
                {"type": "pool2d", "kernel_size": 2},
            ],
            "return": "all",
        },
    ),
    "classifier": _example(
        "A convolution, a linear layer and the chances of two classes",
        {
            "input": [[1, 2, 0], [0, 1, 3], [2, 1, 0]],
            "layers": [
                {"type": "conv2d", "kernel": [[1, 0], [0, -1]], "bias": 0.5},
                {"type": "leaky_relu", "negative_slope": 0.1},
                _FLATTEN,
                {"type": "linear", "weight": [[1, 0, 0, 1], [0, 1, 1, 0]], "bias": [0, 0.5]},
                {"type": "softmax"},
            ],
        },
    ),
}
