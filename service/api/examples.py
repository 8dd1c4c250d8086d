"""Requests and answers that OpenAPI shows: real ones, which a test sends."""

from __future__ import annotations

from typing import Any

RAMP = [[10.0 * (5 * row + column + 1) for column in range(5)] for row in range(5)]
EDGE = [[1, 0, -1]] * 3


def _example(summary: str, value: Any) -> dict[str, Any]:
    return {"summary": summary, "value": value}


CONV: dict[str, dict[str, Any]] = {
    "conv1d": {
        "moving_average": _example(
            "A moving average of three", {"input": [3, 6, 9, 12, 3], "kernel": [1, 1, 1], "padding": "same"}
        ),
        "integral": _example(
            "The convolution integral of two signals sampled every 0.5 s",
            {
                "input": [0, 1, 2, 3],
                "kernel": [1, 1],
                "padding": "full",
                "operation": "convolution",
                "sample_spacing": 0.5,
            },
        ),
    },
    "conv2d": {
        "anchor": _example("A vertical edge filter on a ramp: nine times -60", {"input": RAMP, "kernel": EDGE}),
        "named_kernel": _example(
            "A named kernel with parameters, reflected borders",
            {
                "input": RAMP,
                "kernel": {"name": "gaussian", "size": 3, "sigma": 0.8},
                "padding": "same",
                "padding_mode": "reflect",
            },
        ),
        "layer": _example(
            "A layer: two filters over two channels, with a bias",
            {
                "input": [[[1, 2, 3], [4, 5, 6], [7, 8, 9]], [[0, 1, 0], [1, 0, 1], [0, 1, 0]]],
                "kernel": [[[[1, 0], [0, 1]], [[1, 1], [1, 1]]], [[[0, 1], [1, 0]], [[-1, 0], [0, -1]]]],
                "bias": [0.5, -0.5],
            },
        ),
    },
    "conv3d": {
        "box": _example(
            "The sum of every 2×2×2 block of a volume",
            {"input": [[[1, 2], [3, 4]], [[5, 6], [7, 8]]], "kernel": [[[1, 1], [1, 1]], [[1, 1], [1, 1]]]},
        )
    },
}
TRANSPOSE: dict[str, dict[str, Any]] = {
    "conv_transpose1d": {
        "double": _example("A signal of twice the length", {"input": [1, 2, 3], "kernel": [1, 1], "stride": 2})
    },
    "conv_transpose2d": {
        "upsample": _example(
            "Each cell spread over a block of 2×2", {"input": [[1, 2], [3, 4]], "kernel": [[1, 1], [1, 1]], "stride": 2}
        )
    },
    "conv_transpose3d": {
        "spread": _example(
            "One cell spread over a volume", {"input": [[[2]]], "kernel": [[[1, 2], [3, 4]], [[5, 6], [7, 8]]]}
        )
    },
}
POOL: dict[str, dict[str, Any]] = {
    "pool1d": {
        "ceil": _example(
            "Averages of two; the last window overhangs and is averaged over what it holds",
            {"input": [1, 2, 3, 4, 5], "kind": "average", "kernel_size": 2, "ceil_mode": True},
        )
    },
    "pool2d": {
        "max": _example(
            "The largest of every 2×2 block, and where it stood",
            {
                "input": [[1, 3, 2, 0], [4, 2, 1, 5], [0, 1, 9, 7], [2, 6, 3, 8]],
                "kind": "max",
                "kernel_size": 2,
                "return_indices": True,
            },
        ),
        "global": _example("The mean of a whole map", {"input": [[1, 2], [3, 4]], "kind": "average", "output_size": 1}),
    },
    "pool3d": {
        "max": _example(
            "The largest of a volume", {"input": [[[1, 2], [3, 4]], [[5, 6], [7, 8]]], "kind": "max", "kernel_size": 2}
        )
    },
}
PLANS: dict[str, dict[str, Any]] = {
    "conv1d": {
        "signal": _example("A second of sound", {"input_shape": [44100], "kernel_shape": [441], "padding": "same"})
    },
    "conv2d": {
        "first_layer": _example(
            "ResNet's first layer: 224 becomes 112",
            {"input_shape": [3, 224, 224], "kernel_shape": [64, 3, 7, 7], "stride": 2, "padding": 3},
        )
    },
    "conv3d": {
        "clip": _example(
            "A layer over video", {"input_shape": [3, 16, 112, 112], "kernel_shape": [64, 3, 3, 3, 3], "padding": 1}
        )
    },
    "conv_transpose1d": {
        "upsample": _example(
            "Twice the samples", {"input_shape": [8, 100], "kernel_shape": [8, 4, 4], "stride": 2, "padding": 1}
        )
    },
    "conv_transpose2d": {
        "decoder": _example(
            "A decoder's step: 7 becomes 14",
            {
                "input_shape": [256, 7, 7],
                "kernel_shape": [256, 128, 3, 3],
                "stride": 2,
                "padding": 1,
                "output_padding": 1,
            },
        )
    },
    "conv_transpose3d": {
        "volume": _example(
            "A volume of twice the size", {"input_shape": [8, 4, 4, 4], "kernel_shape": [8, 4, 2, 2, 2], "stride": 2}
        )
    },
    "pool1d": {"halve": _example("Half the samples", {"input_shape": [8, 100], "kernel_size": 2})},
    "pool2d": {
        "ceil": _example(
            "A window that would start in the padding is dropped",
            {"input_shape": [4, 4], "kernel_size": 2, "stride": 3, "padding": 1, "ceil_mode": True},
        )
    },
    "pool3d": {
        "adaptive": _example("Windows to fit", {"input_shape": [8, 7, 7, 7], "kind": "average", "output_size": 3})
    },
}
GRADIENTS: dict[str, dict[str, Any]] = {
    "conv1d": {
        "step": _example(
            "The gradients, and one step of descent",
            {"input": [1, 2, 3, 4], "kernel": [1, -1], "output_gradient": [1, 0, -1], "learning_rate": 0.1},
        )
    },
    "conv2d": {
        "anchor": _example(
            "The backward pass of the ramp and its edge filter",
            {
                "input": RAMP,
                "kernel": EDGE,
                "output_gradient": [[1, 0, 0], [0, 1, 0], [0, 0, 1]],
                "learning_rate": 0.001,
            },
        )
    },
    "conv3d": {
        "volume": _example(
            "One window over a whole volume",
            {
                "input": [[[1, 2], [3, 4]], [[5, 6], [7, 8]]],
                "kernel": [[[1, 0], [0, 1]], [[0, 1], [1, 0]]],
                "output_gradient": [[[1]]],
            },
        )
    },
    "conv_transpose1d": {
        "double": _example(
            "Backward through an upsampling",
            {"input": [1, 2], "kernel": [1, 3], "stride": 2, "output_gradient": [1, 0, 0, 1]},
        )
    },
    "conv_transpose2d": {
        "spread": _example(
            "Backward through a block of 2×2",
            {
                "input": [[1, 2]],
                "kernel": [[1, 1], [1, 1]],
                "stride": 2,
                "output_gradient": [[1, 1, 2, 2], [1, 1, 2, 2]],
            },
        )
    },
    "conv_transpose3d": {
        "cell": _example(
            "Backward to one cell", {"input": [[[2]]], "kernel": [[[1, 2]]], "output_gradient": [[[1, 1]]]}
        )
    },
    "pool1d": {
        "ties": _example(
            "Ties send the gradient to the first",
            {"input": [2, 2, 1, 3], "kind": "max", "kernel_size": 2, "output_gradient": [1, 1]},
        )
    },
    "pool2d": {
        "max": _example(
            "Each gradient goes to the cell that won",
            {"input": [[1, 3], [4, 2]], "kind": "max", "kernel_size": 2, "output_gradient": [[5]]},
        )
    },
    "pool3d": {
        "average": _example(
            "A gradient shared by all cells",
            {
                "input": [[[1, 2], [3, 4]], [[5, 6], [7, 8]]],
                "kind": "average",
                "kernel_size": 2,
                "output_gradient": [[[8]]],
            },
        )
    },
}
ANCHOR_ANSWER = {
    "feature_maps": [[-60.0] * 3] * 3,
    "output_shape": [3, 3],
    "dtype": "float64",
    "plan": {
        "operation": "cross_correlation",
        "input_shape": [5, 5],
        "kernel_shape": [3, 3],
        "output_shape": [3, 3],
        "stride": [1, 1],
        "padding": [[0, 0], [0, 0]],
        "padding_mode": "zeros",
        "dilation": [1, 1],
        "groups": 1,
        "dtype": "float64",
        "method": "direct",
        "macs": 81,
    },
}
ANSWERS: dict[str, dict[str, Any]] = {"conv2d": {"anchor": _example("Nine times -60", ANCHOR_ANSWER)}}

_STEP = "[[0, 0, 255, 255], [0, 0, 255, 255], [0, 0, 255, 255], [0, 0, 255, 255]]"
FORMS: dict[str, dict[str, Any]] = {
    "conv2d": {
        "picture": _example(
            "A named kernel; in place of this text the part `input` may be a picture or a .npy, as a file",
            {"input": _STEP, "kernel": "sobel_x", "padding": "same", "range": "absolute"},
        )
    },
    "pool2d": {
        "picture": _example(
            "Half the size; in place of this text the part `input` may be a picture or a .npy, as a file",
            {"input": _STEP, "kind": "average", "kernel_size": 2},
        )
    },
}
