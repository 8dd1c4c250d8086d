"""What is measured: families of computations, with seeded data.

The layers are those of the networks' papers: ResNet-50 (arXiv:1512.03385, table 1), VGG-16 (arXiv:1409.1556, column D),
MobileNet (arXiv:1704.04861, table 1); each distinct one once.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from service import engine


@dataclass(frozen=True)
class Case:
    """One computation.

    Attributes
    ----------
    name
        Unique.
    input_shape : (N, C, *S)
    kernel_shape : (F, C/groups, *K), for transposed ones (C, F, *K), for pools the window
    op
        ``"conv"``, ``"transposed"``, ``"gradients"``, ``"max pool"`` or ``"average pool"``.
    smooth
        Whether the kernel is a Gaussian, which is separable; else it is noise.
    """

    name: str
    input_shape: tuple[int, ...]
    kernel_shape: tuple[int, ...]
    stride: int = 1
    padding: int = 0
    groups: int = 1
    dtype: str = "float32"
    op: str = "conv"
    smooth: bool = False

    @property
    def is_picture_filter(self) -> bool:
        """Whether it is one filter at stride 1 on one picture or signal: all that signal libraries compute."""
        lone = self.op == "conv" and self.input_shape[:2] == (1, 1) == self.kernel_shape[:2]
        return lone and self.stride == 1 and self.padding == 0

    @property
    def kind(self) -> str:
        """What it is summed up with."""
        size = self.kernel_shape[-1]
        if self.op != "conv":
            return "pools" if self.op.endswith("pool") else self.op
        if len(self.input_shape) != 4:
            return "signals and volumes"
        if self.is_picture_filter:
            if prod(self.input_shape) < 512 * 512:
                return "small pictures"
            name = "Gaussians" if self.smooth else "filters"
            return f"{name} up to 9×9" if size <= 9 else f"{name} of 11×11" if size == 11 else f"{name} from 13×13"
        if self.groups > 1:
            return "depthwise layers"
        if size == 1:
            return "1×1 layers"
        return "3×3 layers" if (size, self.stride) == (3, 1) else "other layers"

    def arrays(self) -> tuple[NDArray[Any], NDArray[Any]]:
        """Return input and kernel, the same at each call."""
        random = np.random.default_rng(1)
        values = random.standard_normal(self.input_shape).astype(self.dtype)
        if self.smooth:
            line = np.exp(-(np.linspace(-2, 2, self.kernel_shape[-1]) ** 2))
            return values, np.multiply.outer(line / line.sum(), line / line.sum())[None, None].astype(self.dtype)
        return values, random.standard_normal(self.kernel_shape).astype(self.dtype)

    @property
    def macs(self) -> int:
        """Multiply-accumulates by the definition, of the forward pass."""
        if self.op.endswith("pool"):
            return 0
        options: dict[str, Any] = {"stride": self.stride, "padding": self.padding, "groups": self.groups}
        if self.op == "transposed":
            return engine.plan_conv_transpose(self.input_shape, self.kernel_shape, **options).macs
        return engine.plan_conv(self.input_shape, self.kernel_shape, **options).macs * (
            3 if self.op == "gradients" else 1
        )

    @property
    def moved_bytes(self) -> int:
        """Bytes that must be read and written at least, the output taken as large as the input over the stride."""
        cells = prod(self.input_shape) + prod(self.kernel_shape) * (not self.op.endswith("pool"))
        rank = len(self.input_shape) - 2
        filters = self.input_shape[1] if self.op.endswith("pool") else self.kernel_shape[self.op == "transposed"]
        positions = prod(self.input_shape[2:]) * (
            self.stride**rank if self.op == "transposed" else 1 / self.stride**rank
        )
        return int((cells + self.input_shape[0] * filters * positions) * np.dtype(self.dtype).itemsize)


QUICK = (
    Case("matrix 5×5, 3×3", (1, 1, 5, 5), (1, 1, 3, 3)),
    Case("small picture 300×400, 3×3", (1, 1, 300, 400), (1, 1, 3, 3)),
    Case("small picture 300×400, 3×3, float64", (1, 1, 300, 400), (1, 1, 3, 3), dtype="float64"),
    Case("picture 1080×1920, 5×5", (1, 1, 1080, 1920), (1, 1, 5, 5)),
    Case("small picture 300×400, 31×31", (1, 1, 300, 400), (1, 1, 31, 31)),
    Case("first layer 3→64, 224×224, 7×7 stride 2", (1, 3, 224, 224), (64, 3, 7, 7), stride=2),
    Case("layer 64→64, 56×56, 3×3", (1, 64, 56, 56), (64, 64, 3, 3)),
    Case("layer 256→64, 56×56, 1×1", (1, 256, 56, 56), (64, 256, 1, 1)),
    Case("depthwise 96, 112×112, 3×3", (1, 96, 112, 112), (96, 1, 3, 3), groups=96),
)

# (channels, filters, input size, kernel, stride)
_RESNET = [(3, 64, 224, 7, 2)]
for _size, _in, _mid in ((56, 64, 64), (28, 512, 128), (14, 1024, 256), (7, 2048, 512)):
    _RESNET += [(_mid, _mid, _size, 3, 1), (_mid, 4 * _mid, _size, 1, 1), (4 * _mid, _mid, _size, 1, 1)]
    if _size == 56:
        _RESNET += [(64, 64, 56, 1, 1)]
    else:  # a stage's first block halves the plane in its 3×3 layer and beside it
        _RESNET += [
            (_in // 2, _mid, 2 * _size, 1, 1),
            (_mid, _mid, 2 * _size, 3, 2),
            (_in // 2, 4 * _mid, 2 * _size, 1, 2),
        ]
_VGG = [
    (3, 64, 224, 3, 1),
    (64, 64, 224, 3, 1),
    (64, 128, 112, 3, 1),
    (128, 128, 112, 3, 1),
    (128, 256, 56, 3, 1),
    (256, 256, 56, 3, 1),
    (256, 512, 28, 3, 1),
    (512, 512, 28, 3, 1),
    (512, 512, 14, 3, 1),
]
_MOBILENET = [(32, 112, 1), (1024, 7, 1)]
_MOBILENET += [(c, n, s) for c, n in ((128, 56), (256, 28), (512, 14)) for s in (1, 2)] + [(64, 112, 2)]


def _layers(network: str, layers: list[tuple[int, int, int, int, int]]) -> tuple[Case, ...]:
    return tuple(
        Case(
            f"{network} {c}→{f}, {n}×{n}, {k}×{k}{' stride 2' if s == 2 else ''}, batch {batch}, {dtype}",
            (batch, c, n, n),
            (f, c, k, k),
            stride=s,
            padding=k // 2,
            dtype=dtype,
        )
        for dtype in ("float32", "float64")
        for batch in (1, 8)
        for c, f, n, k, s in layers
    )


FAMILIES: dict[str, tuple[Case, ...]] = {
    "quick": QUICK,
    "resnet50": _layers("ResNet-50", _RESNET),
    "vgg16": _layers("VGG-16", _VGG),
    "mobilenet": tuple(
        Case(
            f"depthwise {c}, {n}×{n}, stride {s}, batch {batch}",
            (batch, c, n, n),
            (c, 1, 3, 3),
            stride=s,
            padding=1,
            groups=c,
        )
        for batch in (1, 8)
        for c, n, s in _MOBILENET
    ),
    "filters": tuple(
        Case(f"picture {n}×{n}, {k}×{k}", (1, 1, n, n), (1, 1, k, k))
        for n in (512, 1024, 2048)
        for k in (3, 5, 7, 9, 11, 13, 15, 21, 31)
    ),
    "smooth": tuple(
        Case(f"Gaussian {n}×{n}, {k}×{k}", (1, 1, n, n), (1, 1, k, k), smooth=True)
        for n in (512, 1024, 2048)
        for k in (3, 5, 7, 9, 13, 21, 31)
    ),
    "other ranks": (
        *(Case(f"signal of 1,000,000, {k} taps", (1, 1, 1_000_000), (1, 1, k)) for k in (9, 65, 1001)),
        Case("signals 64→64, 4096, 3 taps, batch 8", (8, 64, 4096), (64, 64, 3), padding=1),
        Case("volume 96×96×96, 3×3×3", (1, 1, 96, 96, 96), (1, 1, 3, 3, 3)),
        Case("volume 16→16, 32×32×32, 3×3×3", (1, 16, 32, 32, 32), (16, 16, 3, 3, 3), padding=1),
    ),
    "pools": tuple(
        Case(f"{op} {k}×{k} stride {s}, 64 maps of 112×112", (1, 64, 112, 112), (k, k), stride=s, op=op)
        for op in ("max pool", "average pool")
        for k, s in ((2, 2), (3, 2), (7, 1))
    ),
    "backward": (
        Case("transposed 128→64, 28×28, 4×4 stride 2", (1, 128, 28, 28), (128, 64, 4, 4), 2, 1, op="transposed"),
        Case("transposed 64→64, 56×56, 3×3", (1, 64, 56, 56), (64, 64, 3, 3), 1, 1, op="transposed"),
        Case("gradients 64→64, 56×56, 3×3", (1, 64, 56, 56), (64, 64, 3, 3), 1, 1, op="gradients"),
        Case("gradients 128→128, 28×28, 3×3, batch 8", (8, 128, 28, 28), (128, 128, 3, 3), 1, 1, op="gradients"),
    ),
}
"""The cases by family; the first is what is measured when nothing is said."""

CASES = tuple(case for cases in FAMILIES.values() for case in cases)
